"""Damaged images: an error in one sentence or the right voxels; never a wrong value, a traceback, a hang, a flood."""

import json
import subprocess
import sys
from collections import Counter
from dataclasses import replace

import pytest

from segan_tl.data.files.images import read_volume
from tests.fuzz.images import ITK, NIBABEL, damaged_images, outcome

COUNT = 300


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0])
def test_damaged_images(tmp_path, seed):
    command = [sys.executable, "-m", "tests.fuzz.images", str(tmp_path), str(seed), str(COUNT)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=250)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 0, f"ended by {done.returncode} at {lines[-1]}\n{done.stderr}"
    results = [(told["what"], found["outcome"]) for told, found in zip(lines[::2], lines[1::2], strict=True)]
    assert len(results) == COUNT
    assert [result for result in results if result[1] not in ("error", "right")] == []
    counted = Counter(found for _, found in results)
    assert counted["error"] > COUNT / 2 and counted["right"] > COUNT / 20


def test_a_wrong_value_and_a_traceback_are_noticed(tmp_path):
    def read_wrongly(source):
        volume = read_volume(source)
        volume.data[0, 0, 0] += 1
        return volume

    def fail(source):
        raise KeyError("x")

    damaged = list(damaged_images(tmp_path, seed=1, count=2 * len(NIBABEL + ITK)))
    right = [image for image in damaged if outcome(image) == "right"]
    assert right and all(outcome(image, read_wrongly) == "silent" for image in right)
    assert "KeyError" in outcome(right[0], fail)
    assert outcome(replace(right[0], is_right=lambda voxels, affine: False)) == "silent"
