"""The finetune command: strategies from one cohort to another, refusals, exact resume."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from segan_tl.__main__ import main
from segan_tl.config.adaptation import SourceCohortConfig
from segan_tl.data.phantom import write_cohort
from segan_tl.disk.manifest import sha256
from segan_tl.errors import UserError
from segan_tl.models.provenance import read_provenance
from segan_tl.models.unet import LAST_THREE
from segan_tl.models.weights import load_network
from segan_tl.runs import Run
from segan_tl.workflow.source_data import with_source_data
from tests.commands.test_imports import words

TINY = """
name = "tiny"
[data]
regions = ["wt", "et"]
patch = [16, 16, 16]
foreground = 0.5
split = [0.5, 0.25, 0.25]
[model]
family = "cicek"
filters = [2, 4]
norm = "batch"
[train]
epochs = 1
steps_per_epoch = 2
learning_rate = 1e-2
momentum = 0.9
averaging = 0.9
[predict]
overlap = 0.0
mirror = false
"""


@pytest.fixture(scope="module")
def place(tiny_cohort, tmp_path_factory):
    """Return a folder with a finished run, runs/tiny/tiny, and the cohorts gliomas/ and ms/ to move it to."""
    folder = tmp_path_factory.mktemp("finetune")
    (folder / "tiny.toml").write_text(TINY)
    for name, cohort in (("gliomas", "glioma-1.5t"), ("ms", "ms")):
        write_cohort(folder / name, cohort, cases=4, shape=(48, 48, 31), seed=3, jobs=2)
    arguments = ["train", "--config", str(folder / "tiny.toml"), "--data", str(tiny_cohort), *places(folder)]
    assert main(arguments) == 0
    return folder


def places(folder):
    return ["--runs", str(folder / "runs"), "--cache", str(folder / "cache"), "--devices", "cpu", "--no-report"]


def finetune(place, strategy, *more, origin="tiny/tiny", data="gliomas"):
    start = [] if "--from" in more or "--source" in more else ["--from", str(origin)]
    return main(["finetune", *start, "--strategy", strategy, "--data", str(place / data), *places(place), *more])


def test_the_last_three_in_a_fold(place, capsys):
    source = Run(place / "runs" / "tiny" / "tiny")
    assert finetune(place, "FT_LastThree", "--fold", "1", "--folds", "2") == 0
    printed = words(capsys)
    assert f"new: {', '.join(LAST_THREE)} (replaced)" in printed and "strategy last-three" in printed
    run = Run(place / "runs" / "tiny" / "tiny-to-gliomas-last-three" / "fold1")
    ours, theirs = (load_network(one.best / "segmentor.keras") for one in (run, source))
    for layer in ours.layers:
        if layer.weights:
            same = [np.array_equal(a, b) for a, b in zip(layer.weights, theirs.get_layer(layer.name).weights)]
            assert not all(same) if layer.name in LAST_THREE else all(same), layer.name
            assert layer.trainable is (layer.name in LAST_THREE)
            if layer.name in LAST_THREE and "norm" not in layer.name:
                # New numbers, not those that the source of the same seed began with: two steps would move them by 0.01.
                old = theirs.get_layer(layer.name).kernel.numpy()
                assert np.linalg.norm(layer.kernel.numpy() - old) > 0.5 * np.linalg.norm(old), layer.name
    about = read_provenance(run.best / "segmentor.keras")
    assert about["transfer"]["strategy"] == "last-three"
    assert about["transfer"]["source_sha256"] == about["pretrained"]["sha256"] == sha256(
        source.best / "segmentor.keras"
    )
    split, before = (json.loads(one.splits.read_text()) for one in (run, source))
    assert set(about["learnt_from"]) == {
        case for part in ("train", "validation") for case in split[part] + before[part]
    }
    assert main(["inspect", str(run.root), "--against", str(source.root)]) == 0
    assert "segmentor: 5 of 14 layers moved" in words(capsys)


@pytest.mark.slow
def test_another_disease_gets_another_head(place, capsys):
    # 1 epoch of 2 steps: what the weights are is shown in tests/train/start/test_finetune.py.
    assert finetune(place, "frozen-decoder", data="ms") == 2
    assert "tell lesion; choose with, for example, --set 'data.regions=[lesion]'" in words(capsys)
    assert finetune(place, "frozen-decoder", "--set", "data.regions=[lesion]", data="ms") == 0
    printed = words(capsys)
    assert "new: logits (wt, et there, lesion here)" in printed
    assert "new, so trained although its part stands still: logits" in printed
    # and a fine-tuned run is the source of another one
    run = place / "runs" / "tiny" / "tiny-to-ms-freeze-decoder"
    options = ["--set", "data.regions=[wt]", "--modality", "flair"]
    assert finetune(place, "all", *options, origin=run) == 0
    printed = words(capsys)
    assert "input flair ← flair" in printed and "input t1" not in printed
    assert (run.parent / "tiny-to-ms-freeze-decoder-to-gliomas-flair" / "summary.json").is_file()


def test_a_run_goes_on_however_its_source_is_spelt(place, monkeypatch, capsys):
    monkeypatch.chdir(place)
    assert finetune(place, "frozen-encoder", origin="runs/tiny/tiny") == 0
    run = Run(place / "runs" / "tiny" / "tiny-to-gliomas-freeze-encoder")
    run.summary.unlink()  # as if a signal had come while it was scored
    capsys.readouterr()
    for _ in range(2):
        assert finetune(place, "frozen-encoder", origin=place / "runs" / "tiny" / "tiny") == 0
    assert "is trained and scored already" in words(capsys)
    # Another network behind the same name is another source.
    saved = json.loads(run.config.read_text())
    saved["transfer"]["source_sha256"] = "0" * 64
    run.config.write_text(json.dumps(saved))
    assert finetune(place, "frozen-encoder", origin="runs/tiny/tiny") == 2
    assert "with other settings (transfer.source_sha256" in words(capsys)


def test_the_sources_own_patients_join_those_in_data_and_nobody_else(tmp_path):
    """Combined training finds the folder of the source; one synthetic cohort beside one of patients is refused."""
    config = SimpleNamespace(source=SourceCohortConfig())

    def second(data, source_data=None, *, synthetic, folder=tmp_path):
        arguments = SimpleNamespace(data=data, source_data=source_data)
        source = SimpleNamespace(path="run", data={"folder": str(folder), "synthetic": synthetic})
        return with_source_data(arguments, source, config).source_data

    assert second("africa", synthetic=False) == second(None, synthetic=True) == tmp_path
    assert second(None, synthetic=True, folder=tmp_path / "gone") is None  # simulated again
    assert second("africa", "phantoms", synthetic=True) == "phantoms"
    for data, synthetic, missing in (("africa", True, "--source-data"), (None, False, "--data")):
        with pytest.raises(UserError, match=f"add {missing} DIR"):
            second(data, synthetic=synthetic)
    with pytest.raises(UserError, match="which is not there now"):
        second("africa", synthetic=False, folder=tmp_path / "gone")


@pytest.mark.slow
def test_without_weights_of_the_source(place, capsys):
    where = ["--source-data", json.loads((place / "runs/tiny/tiny/run.json").read_text())["data"]["folder"]]
    assert finetune(place, "combined", "--set", "source.share=0.25", *where) == 0
    run = Run(place / "runs" / "tiny" / "tiny-to-gliomas-combined")
    split = json.loads(run.splits.read_text())
    assert len(split["source"]) == 8 and all("glioma-3t" in case for case in split["source"])
    assert "start from" not in words(capsys)
    config = json.loads(run.config.read_text())
    assert config["transfer"] is None and config["source"]["share"] == 0.25


@pytest.mark.parametrize(
    ("strategy", "more", "reason"),
    [
        ("freeze-encodr", [], "for example --strategy freeze-encoder"),
        ("ft_lastthre", [], "for example --strategy last-three"),
        ("all", ["--from", "tiny/nothing"], "no run at tiny/nothing"),
        ("all", ["--from", "missing.keras"], "no file missing.keras; the source is the folder of a run"),
        ("all", ["--from", "BEST"], "a single file without its configuration; add --config FILE"),
        ("all", ["--set", "train.epoch=2"], "did you mean train.epochs"),
        ("all", ["--set", "data.regions=[lesion]"], "tell wt, tc, et, ed, ncr"),
        ("all", ["--config", "quickstart"], "is of model.family cicek, quickstart configures segan"),
        ("all", ["--config", "nnunet_small"], "is of model.family cicek, nnunet_small configures nnunet"),
        ("all", ["--map", "t1:flair"], "--map expects TARGET=SOURCE"),
        ("scratch", ["--map", "t1=flair"], "--strategy scratch takes none over; leave it out"),
        ("combined", ["--map", "t1=flair", "--source-data", "SOURCE"], "--strategy combined takes none over"),
        ("all", ["--source-data", "SOURCE"], "learns from one alone; leave it out, or choose --strategy combined"),
        # The source has learnt from synthetic patients: they may not join those in --data unasked.
        ("combined", [], "add --source-data DIR, or leave --data out"),
        ("combined", ["--data", "SOURCE"], "learns from the source's patients beside others"),
        ("all", ["--fold", "7"], "--fold expects 0 to 4"),
        ("all", ["--data", "SOURCE", "--fold", "0", "--folds", "2"], "trained or tuned on"),
        ("freeze-critic", [], "is about a critic, and there is no section [critic]"),
        ("scratch", ["--from", "UNFINISHED"], "is not finished (run.json: training"),
        ("scratch", ["--from", "DAMAGED"], "is damaged or was changed"),
    ],
)
def test_mistakes_are_one_sentence_and_code_2(strategy, more, reason, place, tiny_cohort, tmp_path, capsys):
    source = place / "runs" / "tiny" / "tiny"
    named = {"BEST": source / "best" / "segmentor.keras", "SOURCE": tiny_cohort}
    named |= {name: tmp_path / name for name in ("UNFINISHED", "DAMAGED")}
    more = [str(named.get(word, word)) for word in more]
    for name in ("UNFINISHED", "DAMAGED"):
        shutil.copytree(source, tmp_path / name)
    state = json.loads((source / "run.json").read_text()) | {"state": "training"}
    (tmp_path / "UNFINISHED" / "run.json").write_text(json.dumps(state))
    with (tmp_path / "DAMAGED" / "best" / "segmentor.keras").open("ab") as file:
        file.write(b"more")
    before = sorted((place / "runs" / "tiny").rglob("config.json"))
    assert finetune(place, strategy, *more) == 2
    error = capsys.readouterr().err.strip()
    assert reason in error and len(error.splitlines()) == 1, error
    assert sorted((place / "runs" / "tiny").rglob("config.json")) == before


@pytest.mark.slow
def test_after_a_kill_the_same_layers_stand_still(place, capsys):
    """The head is new, which only the source tells; a run that goes on does not look at the source's weights again."""
    arguments = ["finetune", "--from", "tiny/tiny", "--strategy", "frozen-decoder", "--data", str(place / "ms"),
                 *places(place), "--set", "data.regions=[lesion]", "--set", "train.epochs=3"]  # fmt: skip
    whole, killed = ([*arguments, "--set", f"name={name}"] for name in ("whole", "killed"))
    assert main(whole) == 0
    program = (
        "import os, signal, sys; from segan_tl.__main__ import main\n"
        "from segan_tl.train.callbacks import ProgressLine\n"
        "end = ProgressLine.on_train_batch_end\n"
        "def stop(self, batch, logs=None):\n"
        "    end(self, batch, logs)\n"
        "    if self.progress.epoch == 1: os.kill(os.getpid(), signal.SIGKILL)\n"
        "ProgressLine.on_train_batch_end = stop\n"
        "sys.exit(main(sys.argv[1:]))"
    )
    root = Path(__file__).parents[2]
    ended = subprocess.run([sys.executable, "-c", program, *killed], capture_output=True, check=False, cwd=root)
    assert ended.returncode == -9, ended.stderr
    capsys.readouterr()
    assert main(killed) == 0
    printed = words(capsys)
    assert "Going on in epoch 2" in printed and "start from" not in printed
    runs = [Run(place / "runs" / name / "tiny-to-ms-freeze-decoder") for name in ("whole", "killed")]
    networks = [load_network(run.last / "segmentor.keras") for run in runs]
    for ours, theirs in zip(networks[0].layers, networks[1].layers, strict=True):
        assert ours.trainable is theirs.trainable
        assert all(np.array_equal(a, b) for a, b in zip(ours.weights, theirs.weights, strict=True)), ours.name
    assert networks[1].get_layer("logits").trainable and not networks[1].get_layer("dec1_conv1").trainable
    states = [json.loads(run.state.read_text())["pretrained"] for run in runs]
    assert states[0] == states[1] and states[1]["new"] == ["logits"]
