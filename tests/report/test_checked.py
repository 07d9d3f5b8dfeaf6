"""What `check` prints on terminals of any width: no name and no number is broken."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from segan_tl.data.files.geometry import Geometry
from segan_tl.data.find.case import Case, Problem
from segan_tl.report import checked
from tests.terminal import printed_at

FOUR = ("t1", "t1c", "t2", "flair")
FOLDER = Path("/data/BraTS")


def read(name, *, modalities=FOUR, side=240, problems=(), notes=()):
    """Return a case as `check_cohort` gives it: 1 mm, and 2000, 1000 and 500 voxels of ED, NCR and ET."""
    images = {modality: SimpleNamespace(path=FOLDER / name / f"{modality}.nii.gz") for modality in modalities}
    mask = SimpleNamespace(path=FOLDER / name / "seg.nii.gz")
    return SimpleNamespace(
        case=Case(name, images, mask=mask), geometry=Geometry((side, side, 155), np.diag([-1.0, -1.0, 1.0, 1.0])),
        label_voxels={"ED": 2000, "NCR": 1000, "ET": 500}, problems=list(problems), notes=list(notes),
    )  # fmt: skip


def shown(monkeypatch, columns, cases) -> list[str]:
    said = printed_at(monkeypatch, columns, checked, function=lambda: checked.print_cases(cases))
    return [line.rstrip() for line in said.splitlines() if line.strip()]


def test_80_columns_hold_what_differs_and_say_the_rest_once(monkeypatch):
    lines = shown(monkeypatch, 80, [read("Brats18_TCIA01_201_1"), read("Brats18_TCIA01_425_1")])
    assert lines[0] == "all cases: t1 t1c t2 flair, 240×240×155 voxels, voxels of 1×1×1 mm"
    # wt 2000 + 1000 + 500 mm3, tc 1500, et 500
    assert [line.split() for line in lines[-2:]] == [
        [name, "3.50", "1.50", "0.50", "good"] for name in ("Brats18_TCIA01_201_1", "Brats18_TCIA01_425_1")
    ]


def test_a_wide_terminal_has_all_columns(monkeypatch):
    lines = shown(monkeypatch, 120, [read("Brats18_TCIA01_201_1"), read("Brats18_TCIA01_425_1", notes=["long " * 30])])
    assert lines[1].split() == ["case", "images", "grid", "mm", "wt", "tc", "et", "state"]
    assert lines[3].split() == ["Brats18_TCIA01_201_1", *FOUR, "240×240×155", "1×1×1", "3.50", "1.50", "0.50", "good"]


def test_cases_with_nothing_in_common_are_a_line_each(monkeypatch):
    cases = [read("Brats18_TCIA01_201_1"), read("Brats18_TCIA01_425_1", modalities=FOUR[:2], side=192)]
    cases[1].geometry = Geometry((192, 192, 155), np.diag([-1.5, -1.5, 1.0, 1.0]))
    lines = shown(monkeypatch, 60, cases)
    assert lines[-2] == "Brats18_TCIA01_201_1  t1 t1c t2 flair  240×240×155  1×1×1  wt 3.50  tc 1.50  et 0.50  good"
    # 1.5 x 1.5 x 1 mm: 2.25 times as much
    assert lines[-1] == "Brats18_TCIA01_425_1  t1 t1c  192×192×155  1.5×1.5×1  wt 7.88  tc 3.38  et 1.12  good"


@pytest.mark.parametrize(("columns", "is_table"), [(80, False), (200, True)])
def test_problems(monkeypatch, columns, is_table):
    file = FOLDER / "a_1" / "a_1_flair.nii.gz"
    found = [Problem("a_1", file, "the image is empty: every voxel is 0", "copy it again")]
    said = printed_at(monkeypatch, columns, checked, function=lambda: checked.print_problems(found, FOLDER))
    assert ("│" in said) == is_table
    whole = "a_1 (a_1/a_1_flair.nii.gz): the image is empty: every voxel is 0; copy it again"
    assert (whole in said) != is_table and "a_1/a_1_flair.nii.gz" in said


def test_no_cases_are_no_error(monkeypatch):
    assert shown(monkeypatch, 80, []) is not None
