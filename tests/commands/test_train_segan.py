"""The training command, as a newcomer types it."""

import json
import shutil

import pytest

from segan_tl.__main__ import main
from segan_tl.runs import read_json

REACHED = "dice_wt"


@pytest.fixture(scope="module")
def trained(tiny_cohort, tiny_config, tmp_path_factory):
    """Return the arguments and the folder of a finished run on t1 and the rest, three epochs."""
    folder = tmp_path_factory.mktemp("trained")
    arguments = [
        "train-segan", "--modality", "all", "--data", str(tiny_cohort), "--config", str(tiny_config),
        "--devices", "cpu", "--runs", str(folder / "runs"), "--cache", str(folder / "cache"), "--seed", "3",
    ]  # fmt: skip
    assert main(arguments) == 0
    return arguments, folder / "runs" / "segan" / "all"


def test_everything_is_there(trained):
    run = trained[1]
    files = {
        path.relative_to(run).as_posix()
        for path in run.rglob("*")
        if path.is_file() and "tensorboard" not in path.parts and path.name not in (".lock", ".segan_tl")
    }
    split = json.loads((run / "splits.json").read_text())
    assert files == {
        "config.json", "splits.json", "patients.json", "digests.json", "run.json", "history.csv", "curves.png",
        "overlays.png", "metrics.csv", "summary.json", "report.html", "cohort_fingerprint.json",
        "best/segmentor.keras", "best/critic.keras", "best/MANIFEST.json", "last/segmentor.keras", "last/critic.keras",
        "last/training.npz", "last/progress.json", "last/MANIFEST.json",
        *(f"predictions/{case}.nii.gz" for case in split["test"]),
    }  # fmt: skip
    assert json.loads((run / "run.json").read_text())["modalities"] == ["t1", "t1c", "t2", "flair"]
    assert json.loads((run / "config.json").read_text())["seed"] == 3
    fingerprint = read_json(run / "cohort_fingerprint.json")
    assert fingerprint["cases"] == len(split["train"])
    # 48 × 48 × 31 voxels of 5 mm; the modalities and regions of the run, and no others.
    assert [fingerprint["quantities"][f"extent_mm.{axis}"]["highest"] for axis in "hwd"] == [240, 240, 155]
    assert {"t1.quartile", "t2-t1.quartile", "wt.ml"} < fingerprint["quantities"].keys()
    assert "tc.ml" not in fingerprint["quantities"]
    assert all(not said["unlike_training"] for said in read_json(run / "summary.json")["remarks"].values())


def test_a_second_call_finds_it_finished(trained, capsys):
    before = (trained[1] / "run.json").stat().st_mtime_ns
    assert main(trained[0]) == 0
    assert "trained and scored already" in capsys.readouterr().out.replace("\n", " ")
    assert (trained[1] / "run.json").stat().st_mtime_ns == before


@pytest.mark.parametrize("lost", [["curves.png", "report.html"], ["overlays.png"], ["predictions", "metrics.csv"]])
def test_what_a_kill_left_undone_is_done_by_the_same_command(trained, lost, tmp_path, monkeypatch, capsys):
    arguments, run = trained
    before = {name: (run / name).stat().st_mtime_ns for name in ("summary.json", "best", "last", "history.csv")}
    metrics = [line.rpartition(",")[0] for line in (run / "metrics.csv").read_text().splitlines()]
    for name in lost:
        (run / name).rename(tmp_path / name)
    assert main(arguments) == 0
    assert all((run / name).exists() for name in lost)
    assert [line.rpartition(",")[0] for line in (run / "metrics.csv").read_text().splitlines()] == metrics
    changed = {name for name, time in before.items() if (run / name).stat().st_mtime_ns != time}
    assert changed == (set() if "curves.png" in lost else {"summary.json"})  # scored again, never trained
    capsys.readouterr()
    assert main(arguments) == 0
    assert "trained and scored already" in capsys.readouterr().out.replace("\n", " ")


@pytest.mark.parametrize(
    ("part", "modality", "what"), [("train", "t2", "an image"), ("test", "seg", "the mask")]
)
def test_a_changed_image_stops_a_run_that_goes_on(trained, tiny_cohort, tmp_path, part, modality, what, capsys):
    run = tmp_path / "runs" / "segan" / "all"
    shutil.copytree(trained[1], run)
    shutil.copytree(tiny_cohort, tmp_path / "data")  # copied: the same bytes at other times
    (run / "summary.json").unlink()
    case, other = json.loads((run / "splits.json").read_text())[part][:2]
    changed, donor = (tmp_path / "data" / name / f"{name}_{modality}.nii.gz" for name in (case, other))
    kept = changed.read_bytes()
    shutil.copyfile(donor, changed)
    arguments = [str(tmp_path / "data") if word == str(tiny_cohort) else word for word in trained[0]]
    arguments[arguments.index("--runs") + 1] = str(tmp_path / "runs")
    assert main(arguments) == 2
    said = capsys.readouterr().err
    assert f"error: {what} of case {case} changed since {run} began; restore it, or" in said
    assert "--overwrite" in said and "--set name=another" in said
    changed.write_bytes(kept)
    assert main(arguments) == 0


def test_other_settings_are_not_mixed_into_a_run(trained, capsys):
    assert main([*trained[0], "--set", "train.learning_rate=1e-4"]) == 2
    assert "train.learning_rate 0.001 → 0.0001" in capsys.readouterr().err


def test_cases_that_went_away_are_named(trained, tiny_cohort, tmp_path, capsys):
    for folder in sorted(path for path in tiny_cohort.iterdir() if path.is_dir())[:4]:
        shutil.copytree(tiny_cohort / folder, tmp_path / "fewer" / folder.name)
    arguments = [str(tmp_path / "fewer") if value == str(tiny_cohort) else value for value in trained[0]]
    (trained[1] / "summary.json").rename(trained[1] / "kept")
    try:
        assert main(arguments) == 2
    finally:
        (trained[1] / "kept").rename(trained[1] / "summary.json")
    assert "lacks now" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--data", "nowhere"], "nowhere"),
        (["--config", "nowhere.toml"], "no configuration file nowhere.toml"),
        (["--set", "train.epoch=3"], "did you mean train.epochs?"),
        (["--devices", "gpu:99"], "--devices asks for GPU 99"),
        (["--set", "data.regions=['lesion']"], "lesion"),
    ],
)
def test_mistakes_are_one_sentence_and_code_2(arguments, words, tiny_cohort, tiny_config, tmp_path, capsys):
    base = ["train-segan", "--modality", "t2", "--runs", str(tmp_path / "runs"), "--cache", str(tmp_path / "cache")]
    if "--data" not in arguments:
        base += ["--data", str(tiny_cohort)]
    if "--config" not in arguments:
        base += ["--config", str(tiny_config)]
    assert main([*base, *arguments]) == 2
    message = capsys.readouterr().err.strip()
    assert words in message and message.startswith("error: ")
    assert not (tmp_path / "runs" / "segan" / "t2" / "last").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [(["--modality", "flare"], "flair"), (["--modality", "flair", "--devices", "tpu"], "expected cpu, cpu:2, gpu")],
)
def test_a_wrong_word_is_refused_by_the_parser(arguments, words, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["train-segan", *arguments])
    assert stopped.value.code == 2
    assert words in capsys.readouterr().err


def test_bad_cases_stop_training_unless_they_may_be_skipped(tiny_cohort, tiny_config, tmp_path, capsys):
    shutil.copytree(tiny_cohort, tmp_path / "data")
    broken = next((tmp_path / "data").glob("*-0002/*_t1.nii.gz"))
    broken.write_bytes(broken.read_bytes()[:100])
    arguments = [
        "train-segan", "--modality", "t1", "--data", str(tmp_path / "data"), "--config", str(tiny_config),
        "--devices", "cpu",
        "--runs", str(tmp_path / "runs"), "--cache", str(tmp_path / "cache"), "--set", "train.epochs=1",
    ]  # fmt: skip
    assert main(arguments) == 2
    assert "--skip-bad-cases" in capsys.readouterr().err
    assert main([*arguments, "--skip-bad-cases"]) == 0
    split = json.loads((tmp_path / "runs" / "segan" / "t1" / "splits.json").read_text())
    everyone = {case for part in split.values() for case in part}
    assert len(everyone) == 7 and not any(case.endswith("-0002") for case in everyone)


def test_slices_of_another_plane_with_neighbours(trained, tiny_cohort, tmp_path, capsys):
    """Begun with the network of axial slices alone, and averaged with it."""
    arguments, run = trained
    places = ["--runs", str(tmp_path / "runs"), "--cache", str(tmp_path / "cache"), "--devices", "cpu"]
    changes = ["name=coronal", "data.plane=coronal", "data.patch=[1,32,16]", "data.neighbours=1", "train.epochs=1",
               "train.steps_per_epoch=2", "augment.gamma=1"]  # fmt: skip
    changes = [word for change in changes for word in ("--set", change)]
    command = ["transfer", "--source", str(run), "--target", "all", "--data", str(tiny_cohort), *places, *changes]
    assert main(command) == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert "slices of a modality: 1 there, 3 here; those in the middle come over, the 2 beyond start at zero" in printed
    coronal = tmp_path / "runs" / "coronal" / "all-to-all"
    assert read_json(coronal / "config.json")["data"]["plane"] == "coronal"
    patient = next(path for path in sorted(tiny_cohort.iterdir()) if path.is_dir())
    both = ["predict", str(run), str(coronal), str(patient), str(tmp_path / "out"), "--ensemble", "mean"]
    assert main(both) == 0
    assert "mean of 2 members" in capsys.readouterr().out
