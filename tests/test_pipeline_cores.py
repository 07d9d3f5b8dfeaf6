"""The benchmark of the pipeline's parts: shares and cores by hand, patches of a tiny cohort, too many cores."""

import io
import os
import sys
from pathlib import Path

import pytest
from rich.console import Console

from tests.data.published_augmentation import NNUNET
from tests.data.test_patches import settings, volume

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))
from pipeline_cores import keep_to_cores, lock_seconds, measure_parts, print_parts  # noqa: E402


def test_shares_and_cores_by_hand():
    seconds = {
        "reading": 0.01, "no augmentation": 0.04, "all turned and scaled": 0.5, "space alone, as for a GPU": 0.1,
        "everything": 0.2,
    }  # fmt: skip
    console = Console(file=io.StringIO(), width=140)
    print_parts(console, {kind: (value, value / 2) for kind, value in seconds.items()}, cores=2, lock=5e-5)
    said = console.file.getvalue()
    # 0.01, 0.03, 0.06 and 0.1 of 0.2; 6 and 14 patches/s · 0.2 s: 1.2 and 2.8 cores; 16 / 0.2.
    assert "reading 5%, float32, masks, batches 15%, space 30%, intensities 50%" in said
    assert "everything: a GPU that takes 6 to 14 patches/s needs 2 to 3 cores; 16 cores would make 80" in said
    assert "at most 50 µs a patch, so no limit below 20000 patches/s" in said
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in said.splitlines()]
    assert ["everything", "0.200", "5.0", "10.0"] in rows


def test_every_kind_of_patch_is_made_and_timed():
    cases, config = [volume((9, 14, 12), 0), volume((8, 10, 13), 1)], settings(augment=NNUNET, steps=2)
    found = measure_parts(config, cases, rounds=1)
    assert len(found) == 5 and all(processor > 0 and clock > 0 for processor, clock in found.values())
    assert found["reading"][0] < found["everything"][0]
    assert 0 < lock_seconds(config, cases, patches=5) < 0.1


def test_more_cores_than_there_are_are_refused():
    there = len(os.sched_getaffinity(0))
    with pytest.raises(SystemExit, match=f"at most {there}.*found {there + 1}"):
        keep_to_cores(there + 1)
    assert len(os.sched_getaffinity(0)) == there
