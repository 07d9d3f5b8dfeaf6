"""The recipe: what a run holds, and that it goes on exactly where it stopped."""

import csv
import os
import shutil
import signal
from dataclasses import replace

import numpy as np
import pytest

from segan_tl.config.load import load_config, validate
from segan_tl.data.cache import prepare_cases
from segan_tl.data.find.cases import find_cases
from segan_tl.disk.atomic import write_json
from segan_tl.disk.manifest import sha256, verify
from segan_tl.errors import UserError
from segan_tl.models.precision import precision_of
from segan_tl.models.provenance import read_provenance
from segan_tl.models.weights import load_network
from segan_tl.predict.postprocess import binarise_each
from segan_tl.predict.segment import segment_prepared, segment_slices
from segan_tl.runs import Run, read_json
from segan_tl.train.fit import fit
from segan_tl.train.strategy import make_strategy
from tests.small_volumes import TINY

SLOW = pytest.mark.slow  # another moment of the same, or many of them
PLAIN = ["augment.rotation=0", "augment.gamma=0", "model.deep_supervision=false", "train.clip_norm=0",
         "train.epochs=2", "train.steps_per_epoch=2"]  # fmt: skip


class Killed(BaseException):
    """Stands for a process that ends here."""


@pytest.fixture(scope="module")
def cases(tiny_cohort, tiny_config, tmp_path_factory):
    cached, problems = prepare_cases(
        find_cases(tiny_cohort).cases, tmp_path_factory.mktemp("cache"), config=load_config(tiny_config).data
    )
    assert not problems
    return {"train": cached[:4], "validation": cached[4:6]}


def train(folder, cases, config, segment=None):
    run = Run(folder)
    write_json(run.config, config.model_dump(mode="json"))
    write_json(run.splits, {part: [case.id for case in chosen] for part, chosen in cases.items()} | {"test": []})
    return fit(
        run, config, cases, strategy=make_strategy("cpu"), segment=segment or plain, data={"synthetic": True}
    )


def plain(model, slices):
    return {0.0: segment_slices(model, slices, batch_size=8) >= 0.5}


@pytest.fixture(scope="module")
def uninterrupted(cases, tiny_config, tmp_path_factory):
    run = Run(tmp_path_factory.mktemp("uninterrupted"))
    assert train(run.root, cases, load_config(tiny_config))
    return run


def history(run):
    with run.history.open() as file:
        return [{key: value for key, value in row.items() if key != "seconds"} for row in csv.DictReader(file)]


def assert_same(run, other):
    """Compare everything that training left, to the last bit."""
    assert history(run) == history(other)
    for folder in ("best", "last"):
        for file in ("segmentor.keras", "critic.keras"):
            ours, theirs = (weights_of(getattr(one, folder) / file) for one in (run, other))
            assert all(np.array_equal(a, b) for a, b in zip(ours, theirs, strict=True))
    with np.load(run.last / "training.npz") as ours, np.load(other.last / "training.npz") as theirs:
        assert all(np.array_equal(ours[name], theirs[name]) for name in theirs.files)


def weights_of(path):
    return load_network(path).get_weights()


def test_a_run_holds_what_the_next_command_needs(uninterrupted):
    assert set(verify(uninterrupted.best)) == {"segmentor.keras", "critic.keras"}
    assert set(verify(uninterrupted.last)) == {"segmentor.keras", "critic.keras", "training.npz", "progress.json"}
    state = read_json(uninterrupted.state)
    assert (state["state"], state["epochs"], state["modalities"]) == ("finished", 3, ["flair"])
    assert read_provenance(uninterrupted.best / "segmentor.keras")["modalities"] == ["flair"]
    rows = history(uninterrupted)
    assert [row["epoch"] for row in rows] == ["1", "2", "3"]
    best = max(rows, key=lambda row: float(row["dice"]))
    assert state["best_epoch"] == int(best["epoch"]) and state["best_dice"] == float(best["dice"])
    assert list(uninterrupted.tensorboard.iterdir())


def test_the_same_seed_gives_the_same_run(uninterrupted, cases, tiny_config, tmp_path):
    train(tmp_path, cases, load_config(tiny_config))
    assert_same(Run(tmp_path), uninterrupted)


def test_a_kill_during_validation_costs_one_epoch_and_changes_nothing(uninterrupted, cases, tiny_config, tmp_path):
    calls = []

    def segment(model, slices):
        calls.append(1)
        if len(calls) == 4:
            raise Killed
        return plain(model, slices)

    with pytest.raises(Killed):
        train(tmp_path, cases, load_config(tiny_config), segment)
    assert len(history(Run(tmp_path))) == 1
    assert train(tmp_path, cases, load_config(tiny_config))
    assert_same(Run(tmp_path), uninterrupted)


@SLOW
def test_a_transfer_with_all_settings_is_killed_around_its_releases_and_changes_nothing(
    uninterrupted, cases, tiny_config, tmp_path
):
    """The decoder is let go in the second epoch, the encoder in the third; the source is gone after the first kill."""
    source = tmp_path / "source" / "segmentor.keras"
    shutil.copytree(uninterrupted.best, source.parent)
    transfer = {"source": str(source), "source_sha256": sha256(source), "rate": 0.5, "warmup": 0.3, "unfreeze": 0.7,
                "l2_source": 0.1, "normalisation": "target"}  # fmt: skip
    values = load_config(tiny_config).model_dump(mode="json") | {"transfer": transfer}
    config, calls = validate(values, source="the test"), []

    def segment(model, slices):
        calls.append(1)
        if len(calls) in (4, 7):  # in the second epoch, which the second start plays again, and in the third
            raise Killed
        return plain(model, slices)

    assert train(tmp_path / "whole", cases, config)
    for _ in range(2):
        with pytest.raises(Killed):
            train(tmp_path / "killed", cases, config, segment)
        shutil.rmtree(source.parent, ignore_errors=True)
    assert len(history(Run(tmp_path / "killed"))) == 2
    assert train(tmp_path / "killed", cases, config)
    assert_same(Run(tmp_path / "killed"), Run(tmp_path / "whole"))
    rows = history(Run(tmp_path / "whole"))
    assert {"learning_rate_segmentor", "learning_rate_segmentor_from_2", "learning_rate_segmentor_from_3",
            "l2_source"} <= set(rows[0])  # fmt: skip
    assert all(float(rows[i]["l2_source"]) > 0 for i in range(3))


def test_a_start_that_no_epoch_betters_is_published(uninterrupted, cases, tiny_config, tmp_path):
    source = uninterrupted.best / "segmentor.keras"
    transfer = {"source": str(source), "source_sha256": sha256(source), "judge_start": True}
    values = load_config(tiny_config).model_dump(mode="json") | {"transfer": transfer}
    calls = []

    def forgetful(model, slices):
        """Answer as the network does for the two cases of the start, and find nothing afterwards."""
        calls.append(1)
        return {share: found & (len(calls) <= 2) for share, found in plain(model, slices).items()}

    run = Run(tmp_path / "judged")
    assert train(run.root, cases, validate(values, source="test"), forgetful)
    state = read_json(run.state)
    assert (state["best_epoch"], state["epochs"]) == (0, 3) and state["best_dice"] > 0
    ours, theirs = weights_of(run.best / "segmentor.keras"), weights_of(source)
    assert all(np.array_equal(a, b) for a, b in zip(ours, theirs, strict=True))
    # Unless it is told to, a transfer publishes one of its epochs, and learns the same.
    values["transfer"]["judge_start"], other = False, Run(tmp_path / "not judged")
    assert train(other.root, cases, validate(values, source="test"))
    assert read_json(other.state)["best_epoch"] > 0
    losses = [[row["loss_segmentor"] for row in history(one)] for one in (run, other)]
    assert losses[0] == losses[1]


@pytest.mark.parametrize(("epochs", "number"), [(1, signal.SIGUSR1), pytest.param(3, signal.SIGTERM, marks=SLOW)])
def test_a_signal_between_validation_cases(uninterrupted, cases, tiny_config, tmp_path, epochs, number):
    """The second case is not looked at any more; the resumed run does the epoch's validation from its beginning."""
    calls = []

    def segment(model, slices):
        calls.append(1)
        if len(calls) == 2 * epochs - 1:  # the first of the two cases
            os.kill(os.getpid(), number)
        return plain(model, slices)

    assert not train(tmp_path, cases, load_config(tiny_config), segment)
    run = Run(tmp_path)
    assert len(calls) == 2 * epochs - 1
    progress = read_json(run.last / "progress.json")
    assert progress["epoch"] == len(progress["history"]) == epochs - 1 and progress["step"] > 0
    assert run.best.is_dir() == (epochs > 1)
    assert read_json(run.state)["state"] == "interrupted"
    calls.clear()

    def count(model, slices):
        calls.append(1)
        return plain(model, slices)

    assert train(tmp_path, cases, load_config(tiny_config), count)
    assert len(calls) == 2 * (4 - epochs)  # of three epochs, two cases each
    assert_same(run, uninterrupted)


@pytest.mark.parametrize("epochs", [pytest.param(1, marks=SLOW), 3])
def test_a_signal_at_the_last_validation_case_stops_before_the_next_step(
    uninterrupted, cases, tiny_config, tmp_path, epochs
):
    calls = []

    def segment(model, slices):
        calls.append(1)
        if len(calls) == 2 * epochs:
            os.kill(os.getpid(), signal.SIGTERM)
        return plain(model, slices)

    assert not train(tmp_path, cases, load_config(tiny_config), segment)
    progress = read_json(Run(tmp_path).last / "progress.json")
    assert (progress["epoch"], progress["step"]) == (epochs, 0)
    assert read_json(Run(tmp_path).state)["state"] == "interrupted"
    assert train(tmp_path, cases, load_config(tiny_config))
    assert_same(Run(tmp_path), uninterrupted)


def test_a_damaged_checkpoint_is_refused(uninterrupted, cases, tiny_config, tmp_path):
    train(tmp_path, cases, load_config(tiny_config, ["train.epochs=1"]))
    file = Run(tmp_path).last / "training.npz"
    file.write_bytes(file.read_bytes()[:-50])
    with pytest.raises(UserError, match=r"training\.npz is not what the run saved"):
        train(tmp_path, cases, load_config(tiny_config))


def test_a_loss_that_is_no_number_ends_the_run_before_it_is_saved(cases, tiny_config, tmp_path):
    config = load_config(tiny_config)
    # A rate that no configuration may have, so that it surely happens.
    hopeless = config.model_copy(update={"train": config.train.model_copy(update={"learning_rate": 1e30})})
    with pytest.raises(UserError, match="became NaN or infinite"):
        train(tmp_path, cases, hopeless)
    assert not Run(tmp_path).best.exists() and not Run(tmp_path).last.exists()  # nothing of that epoch is kept


def test_early_stopping(cases, tiny_config, tmp_path):
    # A rate that changes no weight noticeably: Dice stays what it is after the first epoch.
    config = load_config(
        tiny_config, ["train.learning_rate=1e-30", "train.patience=1", "train.epochs=50", "train.averaging=0"]
    )
    assert train(tmp_path, cases, config)
    assert len(history(Run(tmp_path))) < 50


def test_of_many_validation_cases_few_are_segmented_and_it_is_said(cases, tiny_config, tmp_path, capsys):
    asked = []

    def count(model, slices):
        asked.append(len(slices))
        return plain(model, slices)

    options = ["train.epochs=2", "train.steps_per_epoch=1", "train.validate_cases=1"]
    assert train(tmp_path, cases, load_config(tiny_config, options), count)
    assert len(asked) == 2  # one case after each of two epochs
    assert "validation: 1 of 2 cases, the same every time (train.validate_cases)" in capsys.readouterr().out


def test_half_precision_in_parts_with_checkpointing_is_killed_and_changes_nothing(cases, tiny_config, tmp_path, capsys):
    """The scales and their counts go on, too; what is published computes in float32."""
    settings = ["train.precision=mixed_float16", "train.batch_size=4", "train.accumulate=2", "train.checkpointing=true"]
    config, calls = load_config(tiny_config, settings), []

    def segment(model, slices):
        calls.append(1)
        if len(calls) == 4:
            raise Killed
        return plain(model, slices)

    with precision_of("float32"):  # fit sets its own
        assert train(tmp_path / "whole", cases, config)
        with pytest.raises(Killed):
            train(tmp_path / "killed", cases, config, segment)
        assert train(tmp_path / "killed", cases, config)
    whole, killed = Run(tmp_path / "whole"), Run(tmp_path / "killed")
    assert_same(killed, whole)
    with np.load(whole.last / "training.npz") as saved:
        assert saved["segmentor_loss_scale/0"] == 2.0**15 and saved["critic_loss_scale/1"] == 12  # three epochs of four
    assert {row["skipped_segmentor"] for row in history(whole)} == {"0.0"}
    assert {layer.compute_dtype for layer in load_network(whole.best / "segmentor.keras").layers} == {"float32"}
    said = "train.accumulate 2: batch normalisation takes 4 examples at a time, so a step is not quite one of 8 at once"
    assert capsys.readouterr().out.count(said) == 3


@SLOW
def test_subsets_of_modalities_go_on_where_they_stopped(tiny_cohort, tmp_path):
    """Volumes of patients of whom two lack a modality; the second epoch is cut short in its middle."""
    (tmp_path / "tiny.toml").write_text(TINY)
    config = load_config(tmp_path / "tiny.toml", ["data.subsets=any", *PLAIN])
    found = list(find_cases(tiny_cohort).cases)[:4]
    found[0], found[3] = (_without(case, name) for case, name in ((found[0], "t1c"), (found[3], "flair")))
    cached, problems = prepare_cases(found, tmp_path / "cache", config=config.data)
    assert not problems and cached[0].present == (True, False, True, True)
    cases = {"train": cached[:3], "validation": cached[3:]}

    def segment(model, prepared):
        return binarise_each(segment_prepared(model, prepared, config), config.predict)

    def stop(model, prepared):
        os.kill(os.getpid(), signal.SIGTERM)
        return segment(model, prepared)

    assert train(tmp_path / "whole", cases, config, segment)
    assert not train(tmp_path / "parts", cases, config, stop)
    assert read_json(Run(tmp_path / "parts").state)["state"] == "interrupted"
    assert train(tmp_path / "parts", cases, config, segment)
    whole, parts = Run(tmp_path / "whole"), Run(tmp_path / "parts")
    assert history(whole) == history(parts) and len(history(whole)) == 2
    ours, theirs = (weights_of(run.last / "segmentor.keras") for run in (whole, parts))
    assert ours[0].shape[-2] == 8 and all(np.array_equal(a, b) for a, b in zip(ours, theirs, strict=True))


def _without(case, modality):
    return replace(case, images={name: source for name, source in case.images.items() if name != modality})
