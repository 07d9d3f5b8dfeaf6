"""The command that trains volumetric networks: from a cohort to scores, resumed, on folds, refused."""

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

from segan_tl.__main__ import main
from segan_tl.train.validation import Validation
from tests.small_volumes import TINY

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def tiny_volumes(tmp_path_factory):
    """Return a volumetric configuration that trains in seconds."""
    path = tmp_path_factory.mktemp("config") / "tiny_volumes.toml"
    path.write_text(TINY)
    return path


def arguments_for(folder, cohort, config, *more):
    return [
        "train", "--config", str(config), "--data", str(cohort), "--devices", "cpu", "--runs", str(folder / "runs"),
        "--cache", str(folder / "cache"), *more,
    ]  # fmt: skip


@pytest.fixture(scope="module")
def trained(tiny_cohort, tiny_volumes, tmp_path_factory):
    """Return the folder and the arguments of a finished run."""
    folder = tmp_path_factory.mktemp("trained")
    arguments = arguments_for(folder, tiny_cohort, tiny_volumes)
    assert main(arguments) == 0
    return folder, arguments


def test_a_run_has_what_segan_runs_have(trained):
    run = trained[0] / "runs" / "tiny" / "tiny"
    state = json.loads((run / "run.json").read_text())
    assert state["state"] == "finished" and state["modalities"] == ["t1", "t1c", "t2", "flair"]
    with (run / "history.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 3
    assert {"loss_segmentor", "loss_dice", "loss_bce", "gradient_norm", "dice_wt", "dice_et", "dice"} <= set(rows[0])
    with (run / "metrics.csv").open() as file:
        scored = {(row["case"], row["region"]) for row in csv.DictReader(file)}
    assert len(scored) == 2 * len(json.loads((run / "splits.json").read_text())["test"])
    assert {file.name for file in (run / "best").iterdir()} == {"segmentor.keras", "MANIFEST.json"}


def test_the_published_network_opens_without_this_package(trained):
    run = trained[0] / "runs" / "tiny" / "tiny"
    code = (
        "import sys, keras; model = keras.models.load_model(sys.argv[1], compile=False); "
        "print([tensor.shape for tensor in model.outputs], model.output.name, 'segan_tl' in sys.modules)"
    )
    found = subprocess.run(
        [sys.executable, "-c", code, run / "best" / "segmentor.keras"], capture_output=True, text=True, check=True
    )
    assert "(None, None, None, None, 2)" in found.stdout and "False" in found.stdout


def test_a_resumed_run_ends_where_the_whole_one_does(trained, tiny_cohort, tiny_volumes, tmp_path):
    short = arguments_for(tmp_path, tiny_cohort, tiny_volumes)
    shutil.copytree(trained[0] / "cache", tmp_path / "cache")
    assert main(short) == 0
    run = tmp_path / "runs" / "tiny" / "tiny"
    whole, again = (weights(folder / "runs" / "tiny" / "tiny") for folder in (trained[0], tmp_path))
    assert all(np.array_equal(a, b) for a, b in zip(whole, again, strict=True))
    # Interrupted in the second epoch, in a process of its own, and taken up again.
    shutil.rmtree(run)
    program = (
        "import os, signal, sys; from segan_tl.__main__ import main\n"
        "from segan_tl.train.callbacks import ProgressLine\n"
        "end = ProgressLine.on_train_batch_end\n"
        "def stop(self, batch, logs=None):\n"
        "    end(self, batch, logs)\n"
        "    if self.progress.epoch == 1 and batch == 1: os.kill(os.getpid(), signal.SIGTERM)\n"
        "ProgressLine.on_train_batch_end = stop\n"
        "sys.exit(main(sys.argv[1:]))"
    )
    assert subprocess.run([sys.executable, "-c", program, *short], capture_output=True, check=False).returncode == 75
    assert main(short) == 0
    assert all(np.array_equal(a, b) for a, b in zip(whole, weights(run), strict=True))


def test_a_signal_before_a_validation_case_leaves_it_to_the_resumed_run(
    trained, tiny_cohort, tiny_volumes, tmp_path, monkeypatch, capsys
):
    shutil.copytree(trained[0] / "cache", tmp_path / "cache")
    whole, run = (folder / "runs" / "tiny" / "tiny" for folder in (trained[0], tmp_path))
    arguments = arguments_for(tmp_path, tiny_cohort, tiny_volumes, "--no-report")
    validate = Validation.__call__

    def stop(self, epoch, *more):
        if epoch == 1:
            os.kill(os.getpid(), signal.SIGUSR1)
        return validate(self, epoch, *more)

    with monkeypatch.context() as patched:
        patched.setattr(Validation, "__call__", stop)
        assert main(arguments) == 75
    assert "Interrupted and saved" in capsys.readouterr().out
    progress = json.loads((run / "last" / "progress.json").read_text())
    assert (progress["epoch"], progress["step"]) == (1, 4) and len(history_in(run)) == 1
    assert main(arguments) == 0
    assert all(np.array_equal(a, b) for a, b in zip(weights(whole), weights(run), strict=True))
    assert history_in(run) == history_in(whole) and scores_in(run) == scores_in(whole)


def test_a_signal_while_scoring_is_no_loss(trained, tiny_cohort, tiny_volumes, tmp_path):
    shutil.copytree(trained[0] / "runs", tmp_path / "runs")
    shutil.copytree(trained[0] / "cache", tmp_path / "cache")
    run, arguments = tmp_path / "runs" / "tiny" / "tiny", arguments_for(tmp_path, tiny_cohort, tiny_volumes)
    scores = scores_in(run)
    (run / "summary.json").unlink()  # written last: the run is trained, and not scored
    program = (
        "import os, signal, sys; from segan_tl.__main__ import main; from segan_tl.report.score import evaluate\n"
        "segment = evaluate.segment_case\n"
        "def stop(*given, **named):\n"
        "    os.kill(os.getpid(), signal.SIGTERM)\n"
        "    return segment(*given, **named)\n"
        "evaluate.segment_case = stop\n"
        "sys.exit(main(sys.argv[1:]))"
    )
    stopped = subprocess.run([sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=False)
    assert stopped.returncode == 75 and "Interrupted while scoring" in stopped.stdout
    assert not (run / "summary.json").is_file()
    assert main(arguments) == 0
    assert (run / "summary.json").is_file() and scores_in(run) == scores


def history_in(run):
    """Return the rows of the epochs without the time that each took."""
    with (run / "history.csv").open() as file:
        return [{name: value for name, value in row.items() if name != "seconds"} for row in csv.DictReader(file)]


def scores_in(run):
    """Return the rows of the scores without the time that each case took."""
    lines = (run / "metrics.csv").read_text().splitlines()
    assert lines[0].endswith(",seconds")
    return [line.rpartition(",")[0] for line in lines]


def weights(run):
    """Return all weights of the last checkpoint, heads of deep supervision and optimizer included."""
    network = keras.models.load_model(run / "last" / "segmentor.keras", compile=False).get_weights()
    with np.load(run / "last" / "training.npz") as saved:
        return [*network, *(saved[name] for name in sorted(saved.files))]


def test_a_fold_is_a_run_of_its_own(trained, tiny_cohort, tiny_volumes):
    folder = trained[0]
    arguments = arguments_for(folder, tiny_cohort, tiny_volumes, "--fold", "1", "--folds", "4")
    assert main([*arguments, "--set", "train.epochs=1", "--modality", "flair"]) == 0
    split = json.loads((folder / "runs" / "tiny" / "tiny-flair" / "fold1" / "splits.json").read_text())
    assert len(split["test"]) == 2 and len(split["train"]) + len(split["validation"]) == 6


def test_predict_goes_through_patches(trained, tiny_cohort, tmp_path, capsys):
    run = trained[0] / "runs" / "tiny" / "tiny"
    case = json.loads((run / "splits.json").read_text())["test"][0]
    assert main(["predict", str(run), str(tiny_cohort / case), str(tmp_path)]) == 0
    ours, expected = (next(folder.glob(f"{case}*.nii.gz")) for folder in (tmp_path, run / "predictions"))
    import nibabel

    assert np.array_equal(nibabel.load(ours).get_fdata(), nibabel.load(expected).get_fdata())


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        (["--fold", "5"], "--fold expects 0 to 4"),
        (["--set", "model.norm=batch"], "norm is no option of nnunet"),
        (["--set", "model.variant=resenc_xl"], "expected one of plain, resenc_m"),
        (["--set", "train.loss=dice_ce"], "does not go with model.activation 'sigmoid'"),
        (["--set", "train.epoch=3"], "did you mean train.epochs"),
        (["--set", "model.family=vnet"], "model.family = 'vnet'"),
    ],
)
def test_what_cannot_be_is_said_in_a_sentence(more, expected, tiny_cohort, tiny_volumes, tmp_path, capsys):
    assert main([*arguments_for(tmp_path, tiny_cohort, tiny_volumes), *more]) == 2
    error = capsys.readouterr().err
    assert expected in error and "Traceback" not in error
    assert not (tmp_path / "runs" / "tiny" / "tiny" / "config.json").exists()


def test_train_segan_points_here(tiny_volumes, capsys):
    assert main(["train-segan", "--modality", "flair", "--config", str(tiny_volumes)]) == 2
    assert "python -m segan_tl train --config" in capsys.readouterr().err


def test_segan_with_its_critic_learns_from_a_second_cohort_and_hides_which(tiny_cohort, tiny_config, tmp_path):
    words = ["train", "--config", str(tiny_config), "--data", str(tiny_cohort), "--source-data", str(tiny_cohort)]
    words += ["--runs", str(tmp_path / "runs"), "--cache", str(tmp_path / "cache"), "--no-report", "--devices", "cpu"]
    words += ["--set", "train.epochs=1", "--set", "source.share=0.5", "--set", "adversary.weight=0.1"]
    other = tmp_path / "other"
    shutil.copytree(tiny_cohort, other, ignore=shutil.ignore_patterns("cohort.json"))
    for folder in sorted(path for path in other.iterdir() if path.is_dir()):
        for file in folder.iterdir():
            file.rename(file.with_name(file.name.replace("phantom", "another")))
        folder.rename(folder.with_name(folder.name.replace("phantom", "another")))
    words[words.index("--source-data") + 1] = str(other)
    assert main(words) == 0
    run = next((tmp_path / "runs" / "segan").iterdir())
    history = (run / "history.csv").read_text().splitlines()[0].split(",")
    assert {"l1", "loss_critic", "loss_dice", "loss_domain", "domain_accuracy"} <= set(history)
    assert {path.name for path in (run / "best").glob("*.keras")} == {
        "segmentor.keras", "critic.keras", "domain_classifier.keras"
    }  # fmt: skip
