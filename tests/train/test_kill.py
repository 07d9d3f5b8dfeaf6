"""kill -9 at random moments, some of them during a save: the run ends as if nothing had happened."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
KILLS = 10


def command(folder, cohort, config):
    return [
        sys.executable, str(ROOT / "train_segan.py"), "--modality", "flair", "--data", str(cohort),
        "--config", str(config),
        "--set", "train.epochs=60", "--set", "name=killed", "--runs", str(folder / "runs"),
        "--cache", str(folder / "cache"),
        "--devices", "cpu",
    ]  # fmt: skip


def saved(folder):
    from segan_tl.models.weights import load_network

    last = folder / "runs" / "killed" / "flair" / "last"
    arrays = [load_network(last / file).get_weights() for file in ("segmentor.keras", "critic.keras")]
    with np.load(last / "training.npz") as training:
        return [*arrays[0], *arrays[1], *(training[name] for name in sorted(training.files))]


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_ten_kills_change_nothing(tiny_cohort, tiny_config, tmp_path):
    subprocess.run(command(tmp_path / "whole", tiny_cohort, tiny_config), check=True, capture_output=True)
    chance = random.Random(0)
    killed_while_saving = 0
    run = tmp_path / "killed" / "runs" / "killed" / "flair"
    for i in range(KILLS):
        process = subprocess.Popen(
            command(tmp_path / "killed", tiny_cohort, tiny_config), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        before = (run / "history.csv").stat().st_mtime_ns if (run / "history.csv").is_file() else 0
        while process.poll() is None and not _has_moved_on(run, before):
            time.sleep(0.005)
        wait_for_save = i % 2
        deadline = time.monotonic() + chance.uniform(0.05, 1.0)
        while process.poll() is None and time.monotonic() < deadline + 5 * wait_for_save:
            saving = (run / ".last.fresh").is_dir() or (run / ".best.fresh").is_dir()
            if wait_for_save and saving and chance.random() < 0.3:
                killed_while_saving += 1
                break
            time.sleep(0.001)
        process.send_signal(signal.SIGKILL)
        process.wait()
    finished = subprocess.run(
        command(tmp_path / "killed", tiny_cohort, tiny_config), capture_output=True, text=True, check=False
    )
    assert finished.returncode == 0, finished.stderr
    print(f"{killed_while_saving} of {KILLS} kills fell into a save")
    assert killed_while_saving
    for ours, expected in zip(saved(tmp_path / "killed"), saved(tmp_path / "whole"), strict=True):
        assert np.array_equal(ours, expected)
    assert not [name for name in os.listdir(run) if name.startswith(".") and name not in (".lock", ".segan_tl")]


def _has_moved_on(run: Path, before: int) -> bool:
    """Return whether this process has completed an epoch: then a kill falls into training or a save."""
    return (run / "history.csv").is_file() and (run / "history.csv").stat().st_mtime_ns > before
