"""The Slurm scripts, by a real bash; Slurm itself and, but for one test, the training are played by small scripts."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from segan_tl.workflow.wrapped import read_training

ROOT = Path(__file__).parents[1]
EXAMPLES = ROOT / "examples"
ARRAY, GATHER = EXAMPLES / "crossval.sbatch", EXAMPLES / "crossval_gather.sbatch"
MACHINES = EXAMPLES / "several_machines.sbatch"
TRAINING = "TRAINING=(train --config nnunet --data /data/BraTS2021)"
pytestmark = pytest.mark.skipif(shutil.which("bash") is None, reason="no bash")


def play(folder: Path, name: str, body: str) -> None:
    """Put a program of that name into the folder, which stands first in PATH."""
    (folder / name).write_text(f"#!/bin/bash\n{body}\n")
    (folder / name).chmod(0o755)


def start(folder: Path, script: Path = ARRAY, *, scontrol='echo "$@" > scontrol.txt') -> subprocess.Popen:
    """Start a script as Slurm starts task 3 of array 7."""
    play(folder, "scontrol", scontrol)
    slurm = {"SLURM_ARRAY_JOB_ID": "7", "SLURM_ARRAY_TASK_ID": "3", "SLURM_JOB_ID": "10"}
    environment = os.environ | slurm | {"PATH": f"{folder}:{os.environ['PATH']}"}
    return subprocess.Popen(["bash", str(script)], cwd=folder, env=environment, stdout=subprocess.DEVNULL)


def wait_for(path: Path) -> None:
    deadline = time.monotonic() + 120
    while not path.exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert path.exists()


@pytest.mark.parametrize("script", [ARRAY, GATHER, MACHINES], ids=lambda path: path.name)
def test_options_stand_before_the_first_command(script):
    lines = script.read_text().splitlines()
    first = next(i for i, line in enumerate(lines) if line and not line.startswith("#"))
    options = [i for i, line in enumerate(lines) if line.startswith("#SBATCH")]
    assert lines[0] == "#!/bin/bash" and options and max(options) < first  # sbatch reads no further
    assert all(re.fullmatch(r"#SBATCH --[a-z-]+(=\S+)?", lines[i]) for i in options)


def test_the_array_is_as_long_as_there_are_folds():
    text = ARRAY.read_text()
    last, folds = re.search(r"--array=0-(\d+)", text)[1], re.search(r"FOLDS=(\d+)", text)[1]
    assert int(last) + 1 == int(folds)


def test_the_gathered_folder_is_that_of_the_training():
    words = re.search(r"TRAINING=\((.*)\)", ARRAY.read_text())[1].split()
    assert f"FOLDER={read_training(words, folds=5).folder}\n" in GATHER.read_text()


@pytest.mark.parametrize("code", [0, 2])
def test_a_training_that_ends_by_itself(tmp_path, code):
    play(tmp_path, "python", f'echo "$@" > python.txt; exit {code}')
    assert start(tmp_path).wait(timeout=30) == code
    expected = "-m segan_tl train --config nnunet --data /data/BraTS2021 --fold 3 --folds 5\n"
    assert (tmp_path / "python.txt").read_text() == expected
    assert not (tmp_path / "scontrol.txt").exists()


@pytest.mark.parametrize("trap", ["trap 'sleep 0.5; touch saved; exit 75' USR1", "touch saved"], ids=["saves", "dies"])
def test_the_warning_is_passed_on_and_the_fold_queued_again(tmp_path, trap):
    play(tmp_path, "python", f"{trap}\ntouch ready; while true; do sleep 0.1; done")
    script = start(tmp_path)
    wait_for(tmp_path / "ready")
    script.send_signal(signal.SIGUSR1)
    assert script.wait(timeout=30) == 0
    assert (tmp_path / "scontrol.txt").read_text() == "requeue 7_3\n" and (tmp_path / "saved").exists()


def test_a_fold_that_cannot_be_queued_again_has_failed(tmp_path):
    play(tmp_path, "python", "exit 75")
    assert start(tmp_path, scontrol="exit 1").wait(timeout=30) == 1


def test_the_gathering_job(tmp_path):
    play(tmp_path, "python", 'echo "$@" > python.txt')
    assert start(tmp_path, GATHER).wait(timeout=30) == 0
    assert (tmp_path / "python.txt").read_text() == "-m segan_tl crossval --gather runs/nnunet/BraTS2021\n"


@pytest.mark.parametrize(("code", "queued"), [(0, False), (2, False), (75, True), (138, True)])
def test_a_training_on_several_machines(tmp_path, code, queued):
    play(tmp_path, "srun", f'echo "$@" > srun.txt; exit {code}')
    assert start(tmp_path, MACHINES).wait(timeout=30) == (0 if queued else code)
    words = (tmp_path / "srun.txt").read_text().split()
    assert words[:3] == ["python", "-m", "segan_tl"] and words[-2:] == ["--distributed", "slurm"]
    assert (tmp_path / "scontrol.txt").exists() == queued
    assert not queued or (tmp_path / "scontrol.txt").read_text() == "requeue 10\n"


# Task 1 starts before task 0, as it may be with Slurm, too.
SRUN = """export SLURM_NTASKS=2 SLURM_STEP_ID=0 SLURM_STEP_NODELIST=localhost SLURM_STEP_TASKS_PER_NODE=2 SLURM_NODEID=0
export SLURM_JOB_ID=$(($$ % 1250))
SLURM_PROCID=1 "$@" > task1.txt 2>&1 & other=$!
SLURM_PROCID=0 "$@" > task0.txt 2>&1; code=$?
wait $other || exit
exit $code"""


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_a_real_training_of_two_tasks(tiny_cohort, tiny_config, tmp_path):
    text = MACHINES.read_text()
    words = "--config nnunet --data /data/BraTS2021 --set train.batch_size=16"
    assert words in text
    ours = f"--config {tiny_config} --set train.epochs=1 --data {tiny_cohort} --devices cpu --no-report"
    script = tmp_path / "machines.sbatch"
    script.write_text(text.replace(words, ours))
    play(tmp_path, "srun", SRUN)
    play(tmp_path, "python", f'export PYTHONPATH={ROOT}; exec {sys.executable} "$@"')
    process = start(tmp_path, script)
    said = lambda: "".join((tmp_path / f"task{i}.txt").read_text() for i in (0, 1))  # noqa: E731
    assert process.wait(timeout=300) == 0, said()
    assert (tmp_path / "runs" / "segan" / "tiny-flair" / "summary.json").is_file() and "worker 1 of 2" in said()


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_real_training_is_warned_and_goes_on(tiny_cohort, tmp_path):
    from tests.commands.test_crossval import TINY

    (tmp_path / "tiny.toml").write_text(TINY)
    text = ARRAY.read_text()
    assert TRAINING in text
    words = f"train --config tiny.toml --set train.epochs=6 --data {tiny_cohort} --devices cpu --no-report"
    script = tmp_path / "crossval.sbatch"
    script.write_text(text.replace(TRAINING, f"TRAINING=({words})").replace("FOLDS=5", "FOLDS=4"))
    play(tmp_path, "python", f'export PYTHONPATH={ROOT}; exec {sys.executable} "$@"')
    run = tmp_path / "runs" / "tiny" / "tiny" / "fold3"
    process = start(tmp_path, script)
    wait_for(run / "history.csv")
    process.send_signal(signal.SIGUSR1)
    assert process.wait(timeout=120) == 0
    assert (tmp_path / "scontrol.txt").read_text() == "requeue 7_3\n" and not (run / "summary.json").exists()
    (tmp_path / "scontrol.txt").unlink()
    assert start(tmp_path, script).wait(timeout=280) == 0
    assert (run / "summary.json").exists() and not (tmp_path / "scontrol.txt").exists()
