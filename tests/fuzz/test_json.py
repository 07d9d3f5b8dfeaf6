"""A hundred damaged JSON, TOML and CSV files of every kind that is read back: read as meant, or one sentence."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fuzz.json_files import NETWORK, SOUND, damage

WORKER = Path(__file__).with_name("json_worker.py")
COUNT, SECONDS = 100, 900


def write_folder(folder: Path) -> None:
    """Write the sound files, and the empty images that they speak of."""
    for name, content in SOUND.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    images = ("cohort/p1/p1_image.nii.gz", "cohort/p1/p1_seg.nii.gz", "msd/imagesTr/a.nii.gz", "msd/labelsTr/a.nii.gz")
    for name in (*images, "nnunet/imagesTr/a_0000.nii.gz", "nnunet/labelsTr/a.nii.gz"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    (folder / "run" / "best" / "segmentor.keras").write_bytes(NETWORK)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0])
def test_json_toml_and_csv_files(tmp_path, seed):
    write_folder(tmp_path)
    copies = damage(count=COUNT, seed=seed)
    words = [{"file": one.file, "what": one.what, "content": one.content.hex()} for one in copies]
    done = subprocess.run(
        [sys.executable, str(WORKER), str(tmp_path)], input=json.dumps(words), capture_output=True, encoding="utf-8",
        timeout=SECONDS, env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    sound = {one["file"]: one for one in answers[: -len(copies)]}
    assert {file: one["outcome"] for file, one in sound.items()} == dict.fromkeys(SOUND, "read")
    wrong, refused = [], 0
    for copy, said in zip(copies, answers[-len(copies) :], strict=True):
        expected = {"harmless": ("read",), "breaking": ("refused",), "open": ("read", "refused")}[copy.expected]
        same = copy.expected != "harmless" or said["found"] == sound[copy.file]["found"]
        if said["outcome"] not in expected or not same:
            wrong.append((copy.file, copy.what, said["outcome"]))
        refused += said["outcome"] == "refused"
    assert not wrong
    assert refused > COUNT / 2  # the damage is damage
