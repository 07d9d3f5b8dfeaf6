"""Sixty damaged .keras and sixty damaged .pth files: every one is read as it was meant, or refused in one sentence."""

import json
import os
import subprocess
import sys
from pathlib import Path

import keras
import pytest

from segan_tl.models.weights import save_network
from tests.fuzz.checkpoints import damage_keras, damage_torch
from tests.small_checkpoints import REGIONS, write_nnunet
from tests.small_runs import small_networks

WORKER = Path(__file__).with_name("checkpoint_worker.py")
COUNT, SECONDS = 60, 1500
# After these a file that is read has to hold what it held: nothing but damage was done to it.
DAMAGE = ("flip_", "cut_", "blank_")


def read_all(files: list[Path], folder: Path) -> dict[str, dict]:
    """Read files one after another in a process of their own; return what became of each."""
    answer = subprocess.run(
        [sys.executable, str(WORKER), *map(str, files)], capture_output=True, encoding="utf-8", timeout=SECONDS,
        cwd=folder, env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}, check=False,
    )  # fmt: skip
    said = [json.loads(line) for line in answer.stdout.splitlines()]
    ended = {one["file"]: one for one in said if "outcome" in one}
    assert answer.returncode == 0, f"the process ended at {said[-1:]}: {answer.stderr[-2000:]}"
    assert set(ended) == {file.name for file in files}
    return ended


def check(outcomes: dict[str, dict], sound: str) -> None:
    """See that nothing was silent: read and the same, or refused."""
    wrong = {name: one["outcome"] for name, one in outcomes.items() if one["outcome"] not in ("read", "refused")}
    assert not wrong
    changed = [
        name
        for name, one in outcomes.items()
        if name.startswith(DAMAGE) and one["outcome"] == "read" and one["digest"] != outcomes[sound]["digest"]
    ]
    assert not changed
    assert outcomes[sound]["outcome"] == "read"
    refused = sum(one["outcome"] == "refused" for one in outcomes.values())
    assert refused > len(outcomes) / 2  # the damage is damage


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0])
def test_keras_files(tmp_path, seed):
    keras.utils.set_random_seed(seed)
    sound = tmp_path / "sound.keras"
    save_network(small_networks()[0], sound, {"modalities": ["flair"], "regions": ["wt"], "learnt_from": ["a"]})
    (tmp_path / "files").mkdir()
    files = damage_keras(sound, tmp_path / "files", count=COUNT, seed=seed)
    check(read_all([sound, *files], tmp_path), sound.name)
    assert sorted(one.name for one in tmp_path.iterdir()) == ["files", "sound.keras"]  # nothing lies outside


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0])
def test_torch_files(tmp_path, seed):
    write_nnunet(tmp_path / "nnunet", dataset=REGIONS)
    sound = tmp_path / "nnunet" / "fold_1" / "checkpoint_final.pth"
    (tmp_path / "files").mkdir()
    files = damage_torch(sound, tmp_path / "files", count=COUNT, seed=seed)
    check(read_all([sound, *files], tmp_path), sound.name)
    assert sorted(one.name for one in tmp_path.iterdir()) == ["files", "nnunet"]
