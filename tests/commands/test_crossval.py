"""The crossval command: what is refused before anything starts, what is gathered, and folds that are killed."""

import argparse
import csv
import json
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from segan_tl.__main__ import main
from segan_tl.commands.crossval import _is_done
from segan_tl.config.load import load_config, validate
from segan_tl.data.find.cases import find_cases, load_case
from segan_tl.disk.lock import training_lock
from segan_tl.runs import Run
from segan_tl.workflow.cohort import prepare
from segan_tl.workflow.folds import choose_stated
from segan_tl.workflow.jobs import Job
from segan_tl.workflow.wrapped import read_training
from tests.small_folds import SCORES, write, write_fold, write_folds
from tests.small_volumes import TINY

ROOT = Path(__file__).parents[2]


@pytest.fixture
def config(tmp_path) -> Path:
    """Return a configuration that trains in seconds, in the folder where everything happens."""
    (tmp_path / "tiny.toml").write_text(TINY)
    return tmp_path / "tiny.toml"


@pytest.fixture
def place(tmp_path, config, monkeypatch) -> Path:
    """Return the folder of three finished folds of this configuration."""
    monkeypatch.chdir(tmp_path)
    folder = write_folds(tmp_path / "runs" / "tiny" / "brats")
    for number in SCORES:
        write_fold(folder, number, config=json.loads(load_config(config).model_dump_json()))
    saved = json.loads((folder / "folds.json").read_text())
    write(folder / "folds.json", saved | {"seed": 0})
    return folder


TRAINING = ["--", "train", "--config", "tiny.toml", "--data", "brats"]


# === Refused ===


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("", "expected a training after --"),
        ("--", "expected a training after --"),
        ("-- predict x y", "expected train, transfer or finetune after --; found predict"),
        ("-- train --config tiny.toml --fold 1", "leave --fold out after --"),
        ("-- train --config tiny.toml --folds=4", "leave --folds out after --"),
        ("-- train --config tiny.toml --stratify site", "leave --stratify out after --, and say by what with"),
        ("--stratify sites -- train --config tiny.toml", "found sites; type, for example, --stratify site"),
        ("--stratify radiomics -- train --config tiny.toml", "type --stratify groups.json"),
        ("--stratify no.json -- train --config tiny.toml", "no.json is missing"),
        ("--stratify site --gather x", "--gather FOLDER takes the folds as they are; leave --stratify out"),
        ("-- train --config tiny.toml --split other", "--fold and --split both"),
        ("-- train --config tiny.toml --overwrite", "would train finished folds anew"),
        ("-- train", "--config is missing"),
        ("-- train --config nowhere", "no configuration file nowhere"),
        ("-- train --config tiny.toml --set train.epoch=2", "did you mean train.epochs"),
        ("--runs a -- train --config tiny.toml --runs b", "--runs is given for crossval and for the training"),
        ("--devices cpu -- train --config tiny.toml --devices cpu", "--devices is given for crossval and"),
        ("--devices cpu --at-once 2 -- train --config tiny.toml", "--at-once 2 needs as many --devices; found 1"),
        ("--partial -- train --config tiny.toml", "--partial belongs to --gather"),
        ("--gather --at-once 2 -- train --config tiny.toml", "--gather trains nothing"),
        ("--gather", "expected a folder of folds, or a training after --"),
        ("--gather nowhere", "no cross-validation at nowhere, nor below runs"),
        ("--gather x -- train --config tiny.toml", "found both"),
        ("--gather -- train --config tiny.toml", "found none; begin with: python -m segan_tl train --config tiny.toml"),
    ],
)
def test_mistakes_are_answered_in_a_sentence(words, expected, config, monkeypatch, capsys):
    monkeypatch.chdir(config.parent)
    assert main(["crossval", *words.split()]) == 2
    error = capsys.readouterr().err
    assert expected in error and len(error.strip().splitlines()) == 1
    assert [path.name for path in config.parent.iterdir()] == ["tiny.toml"]


@pytest.mark.parametrize("words", ["-- train --confg x", "-- train --modality t9", "--folds 1 -- train", "-c x"])
def test_the_parsers_speak_for_themselves(words, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["crossval", *words.split()])
    assert stopped.value.code == 2 and "error:" in capsys.readouterr().err


def test_more_folds_than_patients_are_noticed_before_one_starts(tiny_cohort, config, monkeypatch, capsys):
    monkeypatch.chdir(config.parent)
    training = ["--", "train", "--config", "tiny.toml", "--data", str(tiny_cohort)]
    assert main(["crossval", "--folds", "9", *training]) == 2
    assert "9 folds need at least 9 patients; found 8" in capsys.readouterr().err
    assert not (config.parent / "runs").exists()


def test_a_case_without_a_group_is_named_before_a_fold_starts(tiny_cohort, config, monkeypatch, capsys):
    monkeypatch.chdir(config.parent)
    names = sorted(case.id for case in find_cases(tiny_cohort).cases)
    Path("own.csv").write_text("case,group\n" + "".join(f"{name},1\n" for name in names[1:]))
    training = ["--", "train", "--config", "tiny.toml", "--data", str(tiny_cohort)]
    assert main(["crossval", "--folds", "2", "--stratify", "own.csv", *training]) == 2
    assert f"found none of {names[0]}; add them" in capsys.readouterr().err
    assert not (config.parent / "runs").exists()


@pytest.mark.parametrize("words", [["volume"], ["site"], ["none"], ["own.csv"]])
def test_folds_are_saved_with_what_they_are_stratified_by(words, tiny_cohort, config, monkeypatch, capsys):
    """Of the real cohort, prepared, without a training: what `train --fold` keeps, and what it refuses afterwards."""
    monkeypatch.chdir(config.parent)
    cohort = find_cases(tiny_cohort)
    Path("own.csv").write_text("case,group\n" + "".join(f"{case.id},{i % 3}\n" for i, case in enumerate(cohort.cases)))
    training = read_training(
        ["train", "--config", "tiny.toml", "--data", str(tiny_cohort)], folds=2, stratify=words[0]
    )
    assert training.words_of(1)[-2:] == ("--stratify", words[0])
    (run, values), arguments = training.plan(1), training.arguments
    cached = prepare(arguments, values, cohort)
    given = argparse.Namespace(**vars(arguments) | {"fold": 1, "folds": 2, "stratify": words[0]})
    split = choose_stated(given, values, run)(cohort, cached)
    saved = json.loads((training.folder / "folds.json").read_text())
    assert saved["stratify"] == {"own.csv": "groups"}.get(words[0], words[0]) and saved["test"]["1"] == split["test"]
    if words == ["volume"]:
        volumes = {case.id: (load_case(case, ("flair",)).labels > 0).sum() for case in cohort.cases}
        large = sorted(volumes, key=lambda case: (volumes[case], case))[4:]
        assert saved["groups"] == {case: "2 of 2" if case in large else "1 of 2" for case in volumes}
    for group, number in Counter(saved["groups"].values()).items():
        assert sum(saved["groups"][case] == group for case in split["test"]) in (number // 2, -(-number // 2))
    run.root.mkdir(parents=True)
    write(run.config, {})
    again = ["--folds", "2", "--", "train", "--config", "tiny.toml", "--data", str(tiny_cohort)]
    assert main(["crossval", *again]) == 2
    assert f"stratified by {saved['stratify']}; this command asks for grade; add" in capsys.readouterr().err


def test_folds_of_other_settings_or_in_training_are_refused_before_one_starts(config, monkeypatch, capsys):
    monkeypatch.chdir(config.parent)
    words = ["train", "--config", "tiny.toml", "--data", "patients"]
    training = read_training(words, folds=3)
    run, planned = training.plan(1)
    run.root.mkdir(parents=True)
    write(run.config, json.loads(planned.model_dump_json()))
    run.last.mkdir()
    assert main(["crossval", "--folds", "3", "--", *words, "--set", "train.epochs=2"]) == 2
    printed = capsys.readouterr().err
    assert "fold1 was trained with other settings (train.epochs 3 → 2); remove" in printed and "name=another" in printed
    # A plain run, without --fold, lies in the same folder: what is to be removed leaves all of its files.
    patterns = [Path(word) for word in printed.partition("; remove ")[2].partition(" to train")[0].split(" and ")]
    plain = Run(training.folder)
    plain.best.mkdir()
    for name in ("config.json", "metrics.csv", "folds.json"):
        (plain.root / name).touch()
    removed = {found.name for pattern in patterns for found in pattern.parent.glob(pattern.name)}
    assert removed == {"fold1", "folds.json"}
    assert all(pattern.parent == plain.root for pattern in patterns)
    (plain.root / "folds.json").unlink()
    with training_lock(run.root):
        assert main(["crossval", "--folds", "3", "--", *words]) == 2
    assert "fold1 is being trained by process" in capsys.readouterr().err
    with training_lock(training.plan(0)[0].root):  # before its first checkpoint
        assert main(["crossval", "--folds", "3", "--", *words]) == 2
    assert "fold0 is being trained by process" in capsys.readouterr().err
    assert not (training.folder / "logs").exists()


def test_options_in_the_wrong_place_are_told_where_to_go(capsys):
    assert main(["crossval", "--folds", "3", "train", "--config", "tiny.toml"]) == 2
    assert "put -- before train" in capsys.readouterr().err
    assert main(["crossval", "--", "--folds", "3", "train"]) == 2
    assert "crossval's own options stand before --" in capsys.readouterr().err


def test_a_fold_has_the_command_of_the_training(config, monkeypatch):
    monkeypatch.chdir(config.parent)
    words = ["train", "--config", "tiny.toml", "--data", "my data"]
    training = read_training(words, folds=3, runs=Path("there"))
    assert training.folder == Path("there/tiny/my data")
    assert training.plan(2)[0].root == Path("there/tiny/my data/fold2")
    command = "python -m segan_tl train --config tiny.toml --data 'my data' --runs there --fold 2 --folds 3"
    assert training.command(2) == command


# === Gathered ===


def test_finished_folds_are_not_run_again(place, capsys):
    assert main(["crossval", "--folds", "3", *TRAINING]) == 0
    printed = capsys.readouterr().out
    assert "3 of 3 jobs are done already" in printed and "0.667 ± 0.153" in printed
    assert {path.name for path in place.glob("crossval.*")} == {"crossval.csv", "crossval.json", "crossval.png"}
    assert not (place / "logs").exists()


def test_a_fine_tuned_fold_is_done_however_its_source_is_spelt(place):
    def training(source, digest="ab12"):
        transfer = {"source": source, "source_sha256": digest}
        values = json.loads(load_config("tiny.toml").model_dump_json()) | {"transfer": transfer}
        config = validate(values, source="tiny.toml")
        return SimpleNamespace(
            plan=lambda fold: (Run(place / f"fold{fold}"), config), arguments=SimpleNamespace(no_report=False)
        )

    write_fold(place, 0, config=json.loads(training("runs/source").plan(0)[1].model_dump_json()))
    assert _is_done(Job("fold0", ()), training("/data/runs/source"))
    assert not _is_done(Job("fold0", ()), training("runs/source", "cd34"))


def test_by_folder_and_by_name(place, capsys):
    for name in (str(place), "tiny/brats"):
        assert main(["crossval", "--gather", name]) == 0
        assert "tiny/brats: 3 of 3 folds" in capsys.readouterr().out


def test_a_missing_fold(place, capsys):
    (place / "fold1" / "summary.json").unlink()
    (place / "fold1" / "run.json").unlink()
    assert main(["crossval", "--folds", "3", "--gather", *TRAINING]) == 2
    printed = capsys.readouterr().out
    assert "tiny/brats: 2 of 3 folds" in printed and "0.600 ± 0.141" in printed and "INCOMPLETE" in printed
    command = "python -m segan_tl train --config tiny.toml --data brats --fold 1 --folds 3"
    assert f"MISSING: fold 1, not begun; run {command}" in printed
    assert not list(place.glob("crossval.*"))
    assert main(["crossval", "--folds", "3", "--gather", "--partial", *TRAINING]) == 0
    assert json.loads((place / "crossval.json").read_text())["missing"] == [1]
    assert main(["crossval", "--folds", "3", "--gather", *TRAINING]) == 2
    assert "removed crossval." in capsys.readouterr().out and not list(place.glob("crossval.*"))


def test_other_settings_or_folds_than_those_that_are_there(place, capsys):
    assert main(["crossval", "--folds", "3", "--gather", *TRAINING, "--set", "train.epochs=9"]) == 2
    assert "this command and fold 0 of runs/tiny/brats differ (train.epochs 9 → 3)" in capsys.readouterr().err
    for words in (["--folds", "4", *TRAINING], ["--folds", "3", *TRAINING, "--seed", "1"], TRAINING):
        assert main(["crossval", *words]) == 2
        assert "holds 3 folds of seed 0; this command asks for" in capsys.readouterr().err


def test_two_cross_validations_are_compared_patient_by_patient(place, capsys):
    other = write_folds(Path("runs/other/brats"))
    assert main(["compare", "tiny/brats", "other/brats", "--metric", "dice", "--out", "c.csv"]) == 0
    (wt, et) = csv.DictReader(Path("c.csv").open())
    assert (wt["first"], wt["patients"], float(wt["difference"])) == ("tiny/brats", "7", 0.0) and et["patients"] == "7"
    (other / "fold2" / "summary.json").unlink()
    assert main(["compare", "tiny/brats", "other/brats"]) == 2
    assert "missing: 2; run fold 2 with: python -m segan_tl train" in capsys.readouterr().err


# === Trained, killed and gone on ===


def crossval(folder, cohort, config, *more):
    places = ["--runs", str(folder / "runs"), "--cache", str(config.parent / "cache")]
    return [
        sys.executable, "-m", "segan_tl", "crossval", "--folds", "3", *more, "--", "train", "--config", str(config),
        "--data", str(cohort), "--no-report", *places,
    ]  # fmt: skip


def scores(folder) -> list[dict]:
    with (folder / "runs" / "tiny" / "tiny" / "crossval.csv").open() as file:
        return list(csv.DictReader(file))


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_killed_fold_goes_on_to_the_same_result(tiny_cohort, config, tmp_path):
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    done = subprocess.run(
        crossval(whole, tiny_cohort, config, "--devices", "cpu", "cpu"), cwd=ROOT, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "3/3" in done.stdout and "left" in done.stdout and "all patients" in done.stdout
    run = killed / "runs" / "tiny" / "tiny" / "fold1"
    training = crossval(killed, tiny_cohort, config)
    fold = [*training[:3], *training[training.index("--") + 1 :], "--fold", "1", "--folds", "3", "--devices", "cpu"]
    process = subprocess.Popen(fold, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while process.poll() is None and not (run / "history.csv").is_file():
        time.sleep(0.005)
    time.sleep(random.Random(5).uniform(0, 0.5))
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL and not (run / "summary.json").is_file()
    gathered = subprocess.run(crossval(killed, tiny_cohort, config, "--gather"), cwd=ROOT, capture_output=True)
    assert gathered.returncode == 2
    done = subprocess.run(training, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert scores(killed) == scores(whole)
    for name in ("segmentor.keras", "training.npz"):
        ours, expected = (arrays(folder / "runs/tiny/tiny/fold1/last" / name) for folder in (killed, whole))
        assert all(np.array_equal(a, b) for a, b in zip(ours, expected, strict=True))
    # A training without folds has its run in the folder that holds them, and leaves them alone.
    single = [*fold[: fold.index("--fold")], "--devices", "cpu", "--set", "train.epochs=1"]
    subprocess.run(single, cwd=ROOT, check=True, capture_output=True)
    assert (run.parent / "summary.json").is_file() and (run / "summary.json").is_file() and scores(killed)


def arrays(file: Path) -> list:
    import keras

    if file.suffix == ".keras":
        return keras.models.load_model(file, compile=False).get_weights()
    with np.load(file) as saved:
        return [saved[name] for name in sorted(saved.files)]


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_signal_saves_the_folds_and_the_same_command_goes_on(tiny_cohort, config, tmp_path):
    command = crossval(tmp_path, tiny_cohort, config)
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    while process.poll() is None and not (tmp_path / "runs/tiny/tiny/fold0/history.csv").is_file():
        time.sleep(0.05)
    process.send_signal(signal.SIGUSR1)
    printed, _ = process.communicate(timeout=120)
    assert process.returncode == 75 and "Run the same command again" in printed
    saved = json.loads((tmp_path / "runs/tiny/tiny/folds.json").read_text())
    cases = sorted(tiny_cohort.glob("phantom-*"))
    assert saved["folds"] == 3 and sorted(sum(saved["test"].values(), [])) == [case.name for case in cases]
    stranger = cases[0]
    fewer = tmp_path / "fewer" / "tiny"
    fewer.mkdir(parents=True)
    for case in tiny_cohort.iterdir():
        if case != stranger:
            (fewer / case.name).symlink_to(case)
    done = subprocess.run(
        crossval(tmp_path, fewer, config), cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2 and f"({stranger.name} went)" in (done.stdout + done.stderr)
