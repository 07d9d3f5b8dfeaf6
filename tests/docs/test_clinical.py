"""The Python of docs/clinical.md runs as it stands, and its tables say what the code does."""

import re

import numpy as np
import pytest

pytest.importorskip("pydicom", reason="the extra clinical is not installed")
pytest.importorskip("highdicom", reason="the extra clinical is not installed")

from segan_tl.__main__ import main  # noqa: E402
from segan_tl.clinical.dicom.terms import TERMS  # noqa: E402
from segan_tl.data.files.images import Source, read_volume, write_volume  # noqa: E402
from tests.docs.pages import ROOT, blocks  # noqa: E402
from tests.small_dicom import write_study  # noqa: E402

PAGE = ROOT / "docs" / "clinical.md"


def test_a_mask_goes_back(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    write_study(tmp_path / "EXPORT")
    assert main(["dicom", "EXPORT", "PATIENTS"]) == 0
    (code,) = [block for block in blocks(PAGE) if "write_segmentation(" in block]
    volume = read_volume(Source(tmp_path / "PATIENTS" / "patient-1" / "patient-1_flair.nii.gz"))
    labels = np.zeros(volume.data.shape, np.uint8)
    labels[2:6, 2:6, 1:3] = 2  # 32 voxels of 5 mm³
    write_volume(tmp_path / "mask.nii.gz", labels, volume.geometry)
    done = {}
    exec(code, done)
    assert done["volumes_ml"](done["masks"], volume.geometry)["ed"] == pytest.approx(0.16)
    assert (tmp_path / "seg.dcm").is_file() and (tmp_path / "volumes.dcm").is_file()


def test_the_codes_of_the_page():
    page = PAGE.read_text(encoding="utf-8")
    for region, term in TERMS.items():
        (row,) = [line for line in page.splitlines() if re.match(rf"\| (\w+, )*{region}(, \w+)* \|", line)]
        assert term.label in row and f"{term.scheme} {term.code} {term.meaning}" in row
