"""Two cohorts and one training: from folders to scores, interrupted, inspected, refused."""

import csv
import json
import os
import shutil
import signal

import numpy as np
import pytest

from segan_tl.__main__ import main
from segan_tl.models.provenance import read_provenance
from segan_tl.models.weights import load_network
from segan_tl.train.callbacks import ProgressLine

TINY = """
name = "two"

[source]
share = 0.5

[data]
regions = ["wt", "et"]
patch = [16, 16, 16]
foreground = 0.5
split = [0.5, 0.25, 0.25]

[augment]
mirror = 0.5

[model]
family = "nnunet"
filters = [4, 8]
blocks = [1, 1]
decoder_blocks = [1]

[train]
batch_size = 2
epochs = 2
steps_per_epoch = 3
momentum = 0.9
averaging = 0.9

[predict]
overlap = 0.0
mirror = false
"""
DANN = """
[adversary]
weight = 0.5
schedule = "ganin"
target_labels = false
"""


@pytest.fixture(scope="module")
def source_cohort(tmp_path_factory):
    """Return four patients of other scanners whose files count the labels as BraTS does since 2023: ET is 3."""
    import nibabel

    from segan_tl.data.phantom import write_cohort

    folder = tmp_path_factory.mktemp("source") / "elsewhere"
    write_cohort(folder, "glioma-1.5t", cases=4, shape=(48, 48, 31), seed=9, jobs=2)
    for file in folder.glob("*/*_seg.nii.gz"):
        image = nibabel.load(file)
        labels = np.asarray(image.dataobj)
        nibabel.save(nibabel.Nifti1Image(np.where(labels == 4, 3, labels).astype(np.uint8), image.affine), file)
    settings = json.loads((folder / "cohort.json").read_text())
    (folder / "cohort.json").write_text(json.dumps(settings | {"label_convention": "brats2023"}))
    return folder


@pytest.fixture(scope="module")
def configs(tmp_path_factory):
    """Return the configurations of combined training and of DANN."""
    folder = tmp_path_factory.mktemp("config")
    (folder / "combined.toml").write_text(TINY)
    (folder / "dann.toml").write_text(TINY + DANN)
    return {"combined": folder / "combined.toml", "dann": folder / "dann.toml"}


def arguments_for(folder, config, *more):
    return [
        "train", "--config", str(config), "--devices", "cpu", "--runs", str(folder / "runs"),
        "--cache", str(folder / "cache"), *map(str, more),
    ]  # fmt: skip


@pytest.fixture(scope="module")
def trained(tiny_cohort, source_cohort, configs, tmp_path_factory):
    """Return the folder, the run and the arguments of a finished DANN."""
    folder = tmp_path_factory.mktemp("trained")
    arguments = arguments_for(folder, configs["dann"], "--data", tiny_cohort, "--source-data", source_cohort)
    assert main(arguments) == 0
    return folder, folder / "runs" / "two" / "tiny-with-elsewhere", arguments


def test_all_of_the_source_trains_and_none_of_it_is_tested(trained, source_cohort, tiny_cohort):
    _, run, _ = trained
    split = json.loads((run / "splits.json").read_text())
    there = sorted(entry.name for entry in source_cohort.iterdir() if entry.is_dir())
    assert split["source"] == there and len(there) == 4
    assert len(split["train"] + split["validation"] + split["test"]) == 8
    with (run / "metrics.csv").open() as file:
        assert {row["case"] for row in csv.DictReader(file)} == set(split["test"])
    data = json.loads((run / "run.json").read_text())["data"]
    assert data["folder"] == str(tiny_cohort.resolve()) and data["source"]["folder"] == str(source_cohort.resolve())
    assert data["cases"]["source"] == 4
    learnt = read_provenance(run / "best" / "segmentor.keras")["learnt_from"]
    assert learnt == sorted(split["train"] + split["validation"] + split["source"])


def test_the_classifier_is_saved_beside_a_plain_segmentor(trained):
    _, run, _ = trained
    for checkpoint in ("best", "last"):
        names = {file.name for file in (run / checkpoint).glob("*.keras")}
        assert names == {"segmentor.keras", "domain_classifier.keras"}
    segmentor = load_network(run / "best" / "segmentor.keras")
    names = [layer.name for layer in segmentor.layers]
    assert names[-1] == "probability" and not [name for name in names if name.startswith(("domain", "reversal"))]
    with (run / "history.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert {"loss_domain", "domain_accuracy", "lambda"} <= set(rows[0])
    # Ganin, steps 0 to 2 of 6: the mean of 0, 0.68235 and 0.93106.
    assert float(rows[0]["lambda"]) == pytest.approx((0 + 0.68235 + 0.93106) / 3, abs=1e-4)


def test_the_run_can_be_inspected_and_shown(trained, tmp_path, capsys):
    _, run, _ = trained
    assert (run / "report.html").stat().st_size > 10_000
    assert main(["inspect", str(run)]) == 0
    text = capsys.readouterr().out
    assert "domain_classifier" in text and "GradientReversal" in text and "DANGER" not in text and "elsewhere" in text
    assert main(["report", str(run), "--out", str(tmp_path / "page.html")]) == 0


@pytest.mark.slow
def test_an_interrupted_run_ends_where_the_whole_one_does(trained, tmp_path, monkeypatch):
    folder, whole, arguments = trained
    moved = [str(tmp_path / "runs") if word == str(folder / "runs") else word for word in arguments]
    end = ProgressLine.on_train_batch_end

    def stop(self, batch, logs=None):
        end(self, batch, logs)
        if self.progress.epoch == 1 and batch == 0:
            os.kill(os.getpid(), signal.SIGTERM)

    with monkeypatch.context() as patched:
        patched.setattr(ProgressLine, "on_train_batch_end", stop)
        assert main(moved) == 75
    again = tmp_path / "runs" / "two" / "tiny-with-elsewhere"
    assert json.loads((again / "run.json").read_text())["state"] == "interrupted"
    assert main(moved) == 0
    for name in ("segmentor.keras", "domain_classifier.keras"):
        ours, theirs = (load_network(run / "last" / name).get_weights() for run in (again, whole))
        assert all(np.array_equal(a, b) for a, b in zip(ours, theirs, strict=True))
    with np.load(again / "last" / "training.npz") as ours, np.load(whole / "last" / "training.npz") as theirs:
        assert all(np.array_equal(ours[name], theirs[name]) for name in theirs.files)


def test_combined_training_on_the_folds_of_another_run(trained, tiny_cohort, source_cohort, configs):
    folder, run, _ = trained
    more = ("--data", tiny_cohort, "--source-data", source_cohort, "--split", run, "--set", "name=combined",
            "--set", "train.epochs=1", "--no-report")  # fmt: skip
    assert main(arguments_for(folder, configs["combined"], *more)) == 0
    combined = folder / "runs" / "combined" / "tiny-with-elsewhere"
    assert json.loads((combined / "splits.json").read_text()) == json.loads((run / "splits.json").read_text())
    with (combined / "history.csv").open() as file:
        assert "loss_domain" not in next(csv.DictReader(file))


def test_a_source_case_that_is_gone_is_named(trained, source_cohort, tmp_path, capsys):
    folder, run, arguments = trained
    fewer = tmp_path / "elsewhere"
    shutil.copytree(source_cohort, fewer)
    gone = sorted(entry.name for entry in fewer.iterdir() if entry.is_dir())[0]
    shutil.rmtree(fewer / gone)
    (run / "summary.json").rename(run / "summary.away")  # or there is nothing to do
    moved = [str(fewer) if word == str(source_cohort) else word for word in arguments]
    try:
        assert main(moved) == 2
    finally:
        (run / "summary.away").rename(run / "summary.json")
    error = capsys.readouterr().err
    assert gone in error and "--source-data" in error and error.count("\n") < 6


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        (["--set", "source.share=1"], "source.share"),
        (["--set", "adversary.schedule=linear"], "adversary.schedule"),
        (["--set", "adversary.layr=x"], "did you mean adversary.layer?"),
        (["--set", "adversary.weight=0"], "adversary.weight"),
    ],
)
def test_a_wrong_setting_is_named(tmp_path, tiny_cohort, source_cohort, configs, more, expected, capsys):
    where = ("--data", tiny_cohort, "--source-data", source_cohort)
    assert main(arguments_for(tmp_path, configs["dann"], *where, *more)) == 2
    error = capsys.readouterr().err
    assert expected in error and "Traceback" not in error


def test_a_second_cohort_needs_its_section_and_the_adversary_a_second_cohort(tmp_path, tiny_cohort, configs, capsys):
    plain = tmp_path / "plain.toml"
    plain.write_text(TINY.replace("[source]\nshare = 0.5\n", ""))
    assert main(arguments_for(tmp_path, plain, "--data", tiny_cohort, "--source-data", tiny_cohort)) == 2
    assert "--set source.share=0.5" in capsys.readouterr().err
    assert main(arguments_for(tmp_path, plain, "--data", tiny_cohort, "--set", "adversary.weight=1")) == 2
    assert "[source]" in capsys.readouterr().err


@pytest.mark.parametrize("command", [["train"], ["crossval", "--", "train"], ["finetune"]])
@pytest.mark.parametrize(("given", "missing"), [("--data", "--source-data"), ("--source-data", "--data")])
def test_a_synthetic_cohort_never_stands_in_beside_patients(
    trained, tmp_path, tiny_cohort, configs, command, given, missing, capsys
):
    _, run, _ = trained
    more = ["--from", run, "--strategy", "all"] if command == ["finetune"] else []
    arguments = arguments_for(tmp_path, configs["dann"], *more, given, tiny_cohort)
    assert main([*command, *arguments[1:]]) == 2
    error = capsys.readouterr().err
    assert f"add {missing} DIR, or leave {given} out" in error and len(error.strip().splitlines()) == 1
    assert not (tmp_path / "cache").exists() and not (tmp_path / "runs").exists()


@pytest.mark.slow
def test_two_synthetic_cohorts_are_said_to_be_synthetic(tmp_path, configs):
    small = ["cases=4", "shape=[48,48,31]"]
    sets = [f"{section}phantom.{one}" for section in ("", "source.") for one in small]
    sets += ["source.phantom.cohort=glioma-1.5t", "train.epochs=1", "train.steps_per_epoch=1"]
    more = ["--no-report", *(word for one in sets for word in ("--set", one))]
    assert main(arguments_for(tmp_path, configs["combined"], *more)) == 0
    data = json.loads((tmp_path / "runs/two/glioma-3t-with-glioma-1.5t/run.json").read_text())["data"]
    assert data["synthetic"] is data["source"]["synthetic"] is True


def test_the_same_patients_twice_are_refused(tmp_path, tiny_cohort, configs, capsys):
    both = ("--data", tiny_cohort, "--source-data", tiny_cohort)
    assert main(arguments_for(tmp_path, configs["combined"], *both)) == 2
    error = capsys.readouterr().err
    assert "would be no test" in error and "Traceback" not in error
    assert not (tmp_path / "runs" / "two" / "tiny-with-tiny" / "config.json").exists()
