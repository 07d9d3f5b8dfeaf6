"""What a command prints is ours, from its first line to its last."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.foreign_lines import foreign_lines, without_log_level
from tests.small_checkpoints import REGIONS, write_nnunet
from tests.small_runs import make_run, small_config, small_labels, write_case

ROOT = Path(__file__).parents[2]
COMMANDS = {
    "matrix": ("matrix", "small/t2", "small/flair", "--data", "cohort"),
    "predict": ("predict", "small/flair", "cohort/BraTS2021_00001", "out"),
    "inspect": ("inspect", "small/flair"),
    "retest": ("retest", "small/flair", "--data", "cohort", "--out", "again"),
    "import": ("import", "nnunet", "nnunet.keras"),
    "finetune": (
        "finetune", "--from", "nothing", "--strategy", "all", "--config", "nnunet_small", "--data", "cohort",
    ),
}  # fmt: skip


@pytest.mark.parametrize(
    ("line", "foreign"),
    [
        ("I0000 00:00:1795908467.076564    8905 port.cc:153] oneDNN custom operations are on.", True),
        ("WARNING: All log messages before absl::InitializeLog() is called are written to STDERR", True),
        ("E0000 00:00:1795908467.0    8905 meta_optimizer.cc:967] remapper failed: INVALID_ARGUMENT", True),
        ("2026-11-28 23:36:24.123: W tensorflow/core/framework/local_rendezvous.cc:407]", True),
        ("/site-packages/x.py:3: DeprecationWarning: old", True),
        ("epoch 1/2  segmentor 0.8418  L1 0.05452  Dice 0.095 (best 0.095)  26 s left", False),
        ("everything in a browser: runs/tiny/flair/report.html", False),
    ],
)
def test_foreign_lines_are_told_from_ours(line, foreign):
    assert bool(foreign_lines(line)) is foreign


@pytest.mark.slow
@pytest.mark.parametrize("command", COMMANDS)
def test_no_line_is_foreign(tmp_path, command):
    for number in (1, 2):
        write_case(tmp_path / "cohort", f"BraTS2021_0000{number}", small_labels())
    for modality in ("t2", "flair"):
        data = {"folder": str(tmp_path / "cohort"), "layout": "brats2021", "synthetic": True}
        run = make_run(tmp_path / "runs" / "small" / modality, small_config((modality,)), data=data)
        run.splits.write_text('{"train": ["a"], "validation": ["b"], "test": ["BraTS2021_00001", "BraTS2021_00002"]}')
    write_nnunet(tmp_path / "nnunet", dataset=REGIONS)
    answer = subprocess.run(
        [sys.executable, "-m", "segan_tl", *COMMANDS[command]], capture_output=True, encoding="utf-8", cwd=tmp_path,
        env=without_log_level() | {"PYTHONPATH": str(ROOT)}, check=False,
    )  # fmt: skip
    assert foreign_lines(answer.stdout, answer.stderr) == [] and "Traceback" not in answer.stderr
    assert answer.returncode == (2 if command == "finetune" else 0), answer.stderr
