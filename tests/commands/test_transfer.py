"""The transfer command, as a newcomer types it."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from segan_tl.__main__ import main
from segan_tl.disk.manifest import sha256
from segan_tl.runs import Run
from tests.foreign_lines import foreign_lines, without_log_level

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def place(tiny_cohort, tiny_config, tmp_path_factory):
    """Return a folder with a finished flair run in runs/."""
    folder = tmp_path_factory.mktemp("transfer")
    assert main(
        ["train-segan", "--modality", "flair", "--data", str(tiny_cohort), "--config", str(tiny_config),
         "--devices", "cpu", *places(folder)]
    ) == 0  # fmt: skip
    return folder


def places(folder):
    return ["--runs", str(folder / "runs"), "--cache", str(folder / "cache")]


def transfer(place, *arguments):
    return main(["transfer", "--devices", "cpu", *places(place), *arguments])


def critic_of(run):
    return sha256(run.best / "critic.keras")


def test_frozen_and_full(place, capsys):
    source = Run(place / "runs" / "segan" / "flair")
    assert transfer(place, "--source", "flair", "--target", "t2", "--freeze-critic", "--scratch") == 0
    printed = capsys.readouterr().out
    assert "input t2 ← flair" in printed and "0 of" in printed and "SYNTHETIC" in printed
    frozen = Run(place / "runs" / "segan" / "flair-to-t2-frozen")
    assert critic_of(frozen) == critic_of(source)
    assert sha256(frozen.best / "segmentor.keras") != sha256(source.best / "segmentor.keras")
    comparison = json.loads(frozen.comparison.read_text())
    named = ("source", "renormalised", "scratch", "transferred")
    assert all(0 <= comparison["regions"]["wt"][name] <= 1 for name in named)
    assert "normalisation of the target" in " ".join(printed.split())
    assert json.loads(frozen.splits.read_text()) == json.loads(source.splits.read_text())
    assert json.loads(frozen.state.read_text())["transfer"]["source_sha256"] == sha256(source.best / "segmentor.keras")

    assert transfer(place, "--source", "flair", "--target", "t2", "--no-scratch") == 0
    full = Run(place / "runs" / "segan" / "flair-to-t2")
    assert critic_of(full) != critic_of(source)

    # inspect says the same of what moved.
    capsys.readouterr()
    assert main(["inspect", str(frozen.root), "--against", str(source.root)]) == 0
    assert "critic: byte-identical" in capsys.readouterr().out

    # Training from scratch is what train_segan.py would have made, to the last digit.
    scratch = Run(place / "runs" / "segan" / "t2")
    again = place / "again"
    data = json.loads(source.state.read_text())["data"]["folder"]
    values = json.loads(scratch.config.read_text())
    assert values["transfer"] is None
    assert main(
        ["train-segan", "--modality", "t2", "--data", data, "--config", str(_as_toml(values, place)), "--devices",
         "cpu", "--split", str(source.root), "--runs", str(again), "--cache", str(place / "cache")]
    ) == 0  # fmt: skip
    assert _scores(again / "segan" / "t2") == _scores(scratch.root)

    # A transfer can be the source of the next one.
    options = ["--target", "t1", "--no-scratch", "--set", "train.epochs=1"]
    assert transfer(place, "--source", str(full.root), *options) == 0
    assert Run(place / "runs" / "segan" / "flair-to-t2-to-t1").summary.is_file()
    capsys.readouterr()

    # A second call only prints what is known, at once.
    before = frozen.state.stat().st_mtime_ns
    again = ["transfer", *places(place), "--source", "flair", "--target", "t2", "--freeze-critic", "--scratch"]
    code = f"import sys\nfrom segan_tl.__main__ import main\nassert main({again!r}) == 0 and 'keras' not in sys.modules"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "trained and scored already" in done.stdout and "from scratch" in done.stdout
    assert frozen.state.stat().st_mtime_ns == before


def _scores(run):
    return {case: scores[:4] for case, *scores in (line.split(",") for line in (run / "metrics.csv").open())}


def _as_toml(values, folder):
    """Write a run's own configuration as TOML."""
    lines = [f"seed = {values['seed']}"]
    for section in ("data", "augment", "model", "train", "critic", "predict"):
        lines.append(f"[{section}]")
        lines += [f"{key} = {json.dumps(value)}" for key, value in values[section].items() if value is not None]
    path = folder / "own.toml"
    path.write_text("\n".join(lines))
    return path


@pytest.mark.slow
def test_two_replicas_freeze_too(place):
    source = Run(place / "runs" / "segan" / "flair")
    for name, options, same in (("frozen", ["--freeze-critic"], True), ("full", [], False)):
        answer = subprocess.run(
            [sys.executable, ROOT / "transfer.py", "--source", "flair", "--target", "t1", "--devices", "cpu:2",
             "--set", f"name=two-{name}", "--no-scratch", *places(place), *options],
            check=True, capture_output=True, encoding="utf-8", env=without_log_level(),
        )  # fmt: skip
        assert foreign_lines(answer.stdout, answer.stderr) == [] and "epoch 1/" in answer.stdout
        run = Run(next((place / "runs" / f"two-{name}").iterdir()))
        assert (critic_of(run) == critic_of(source)) is same
        assert json.loads(run.state.read_text())["replicas"] == 2


@pytest.mark.slow
def test_a_few_target_cases(place, capsys):
    """Fewer training cases are among more; validation and test stay."""
    splits = []
    # The first of them with settings of what comes over.
    for count, values in ((1, ["transfer.rate=0.1", "transfer.normalisation=target"]), (2, [])):
        settings = [word for value in values for word in ("--set", value)]
        assert transfer(
            place, "--source", "flair", "--target", "t2", "--no-scratch", "--set", f"data.train_cases={count}",
            "--set", f"name=few{count}", "--set", "train.epochs=1", *settings,
        ) == 0  # fmt: skip
        splits.append(json.loads(Run(place / "runs" / f"few{count}" / "flair-to-t2").splits.read_text()))
    printed = capsys.readouterr().out
    assert printed.count("BatchNormalization layers measured on the training images") == 1
    written = json.loads(Run(place / "runs" / "few1" / "flair-to-t2").config.read_text())["transfer"]
    assert (written["rate"], written["normalisation"], written["warmup"]) == (0.1, "target", 0.0)
    assert [len(split["train"]) for split in splits] == [1, 2]
    assert set(splits[0]["train"]) < set(splits[1]["train"])
    assert splits[0]["test"] == splits[1]["test"]


@pytest.mark.slow
def test_one_input_to_four(place, capsys):
    options = ["--no-scratch", "--set", "train.epochs=1", "--set", "name=four"]
    assert transfer(place, "--source", "flair", "--target", "all", *options) == 0
    printed = capsys.readouterr().out
    assert "input t1 ← new" in printed and "new in part: enc1_conv" in printed
    assert json.loads((place / "runs/four/flair-to-all/comparison.json").read_text())["regions"]["wt"]["source"] is None


def test_a_file_knows_whom_it_learnt_from(place, tiny_config, tmp_path, capsys):
    best = place / "runs" / "segan" / "flair" / "best"
    data = json.loads((place / "runs/segan/flair/run.json").read_text())["data"]["folder"]
    options = ["--target", "t2", "--data", data, "--config", str(tiny_config), "--no-scratch"]
    options += ["--set", "train.epochs=1"]
    assert transfer(place, "--source", str(best / "segmentor.keras"), *options, "--set", "name=file") == 0
    # Another seed splits anew, and then somebody it learnt from is among the test cases.
    code = transfer(
        place, "--source", str(best / "segmentor.keras"), *options, "--set", "name=file2", "--seed", "11"
    )
    assert code == 2 and "their Dice would be no test" in capsys.readouterr().err
    # Alone, without its critic, it cannot give one to be frozen.
    shutil.copy(best / "segmentor.keras", tmp_path / "alone.keras")
    code = transfer(place, "--source", str(tmp_path / "alone.keras"), *options, "--freeze-critic")
    assert code == 2 and "critic.keras" in capsys.readouterr().err


def test_finer_voxels_of_the_same_patients_are_a_move(place, capsys):
    finer = ["--set", "data.spacing_mm=2.5", "--set", "name=finer", "--set", "train.epochs=1", "--no-scratch"]
    assert transfer(place, "--source", "flair", "--target", "flair", *finer) == 0
    assert json.loads((place / "runs/finer/flair-to-flair/config.json").read_text())["data"]["spacing_mm"] == 2.5


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--source", "t1c", "--target", "t2"], "train-segan --modality t1c"),
        (["--source", "flair", "--target", "flair"], "nothing to move"),
        (["--source", "flair", "--target", "t3"], "type --target t"),
        (["--source", "flare", "--target", "t2"], "--source flair"),
        (["--source", "nowhere/flair", "--target", "t2"], "no run at nowhere/flair"),
        (["--source", "flair", "--target", "t2", "--map", "t2:flair"], "--map t1=flair"),
        (["--source", "flair", "--target", "t2", "--strategy", "freeze-encodr"], "--strategy freeze-encoder"),
        (["--source", "flair", "--target", "t2", "--freeze-critic", "--strategy", "full"], "exclude each other"),
        (["--source", "flair", "--target", "t2", "--map", "t1=flair"], "--map t1=flair"),
        (["--source", "flair", "--target", "t2", "--set", "model.filters=[4, 4, 8, 16]"], "enc4_conv"),
        (["--source", "flair", "--target", "t2", "--set", "train.epoch=2"], "did you mean train.epochs"),
        (["--source", "flair", "--target", "t2", "--set", "data.train_cases=400"], "has 4"),
        (["--source", "flair", "--target", "t2", "--set", "transfer.rate=2"], "transfer.rate = 2: expected"),
        (["--source", "flair", "--target", "t2", "--set", "transfer.unfreze=0.5"], "did you mean transfer.unfreeze"),
        (["--source", "flair", "--target", "t2", "--strategy", "scratch", "--set", "transfer.rate=0.1"],
         "takes none over"),
    ],
)
def test_mistakes_are_one_sentence_and_code_2(place, arguments, words, capsys):
    code = transfer(place, *arguments, "--no-scratch", *(["--set", "name=wrong"] if "--set" in arguments else []))
    error = capsys.readouterr().err.strip()
    assert code == 2 and words in error and len(error.splitlines()) == 1, error


def test_a_part_of_the_cohort_is_refused_by_name(place, tmp_path, capsys):
    from segan_tl.data.phantom import write_cohort

    write_cohort(tmp_path / "other", "glioma-1.5t", cases=4, shape=(48, 48, 31), seed=1, jobs=2)
    data = Path(json.loads((place / "runs/segan/flair/run.json").read_text())["data"]["folder"])
    known = next(path for path in sorted(data.iterdir()) if path.is_dir())
    shutil.copytree(known, tmp_path / "other" / known.name)
    arguments = ["--source", "flair", "--target", "t2", "--data", str(tmp_path / "other"), "--no-scratch",
                 "--set", "name=elsewhere", "--set", "train.epochs=1"]  # fmt: skip
    assert transfer(place, *arguments) == 2
    error = capsys.readouterr().err
    assert "was trained on other cases" in error and "--other-patients" in error and error.count("\n") == 1
    assert transfer(place, *arguments, "--other-patients", "--seed", "1", "--set", "name=mixed") == 0
    # Other patients, all of them, need no word.
    shutil.rmtree(tmp_path / "other" / known.name)
    assert transfer(place, *arguments) == 0
    assert (place / "runs/elsewhere/flair-to-other-t2/summary.json").is_file()


def test_a_patient_without_the_target_modality_is_left_out_of_the_sources_split(place, tiny_cohort, tmp_path, capsys):
    split = json.loads((place / "runs/segan/flair/splits.json").read_text())
    lacking = split["test"][0]
    shutil.copytree(tiny_cohort, tmp_path / "clinic")
    next((tmp_path / "clinic" / lacking).glob("*_t1ce.nii.gz")).unlink()
    arguments = ["--source", "flair", "--target", "t1c", "--data", str(tmp_path / "clinic"), "--no-scratch",
                 "--set", "name=lacking", "--set", "train.epochs=1"]  # fmt: skip
    assert transfer(place, *arguments) == 2
    assert "or leave them out with --skip-bad-cases" in capsys.readouterr().err
    assert transfer(place, *arguments, "--skip-bad-cases") == 0
    assert f"without the cases left out as bad: {lacking} of test" in " ".join(capsys.readouterr().out.split())
    taken = json.loads((place / "runs/lacking/flair-to-clinic-t1c/splits.json").read_text())
    assert taken == split | {"test": split["test"][1:]}


def test_the_data_went_away(place, tmp_path, capsys):
    shutil.copytree(place / "runs" / "segan" / "flair", tmp_path / "runs" / "segan" / "flair")
    state = tmp_path / "runs" / "segan" / "flair" / "run.json"
    values = json.loads(state.read_text())
    values["data"]["folder"] = str(tmp_path / "gone")
    state.write_text(json.dumps(values))
    assert transfer(tmp_path, "--source", "flair", "--target", "t2") == 2
    assert "--data DIR" in capsys.readouterr().err
