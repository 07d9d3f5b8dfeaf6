"""`python -m segan_tl check`: what it prints and how it exits."""

import nibabel as nib
import numpy as np
import pytest

from segan_tl.__main__ import main

SHAPE = (6, 5, 4)


def make_cohort(folder, cases=2, parts=("t1", "flair"), label=4):
    """Write a small BraTS 2021 cohort: 20 voxels of oedema, 4 of `label`, 8 mm³ each."""
    generator = np.random.default_rng(0)
    labels = np.zeros(SHAPE, np.uint8)
    labels[1], labels[2, 0] = 2, label
    for number in range(cases):
        name = f"BraTS2021_{number:05d}"
        (folder / name).mkdir(parents=True)
        for part in (*parts, "seg"):
            data = labels if part == "seg" else generator.integers(0, 900, SHAPE).astype(np.int16)
            nib.save(nib.Nifti1Image(data, np.diag([-2.0, -2, 2, 1])), folder / name / f"{name}_{part}.nii.gz")
    return folder


def test_a_good_folder(tmp_path, capsys):
    make_cohort(tmp_path)
    (tmp_path / "participants.tsv").write_text("participant_id\tgrade\nBraTS2021_00000\tHGG\n")
    assert main(["check", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    row = next(line for line in out.splitlines() if "BraTS2021_00000" in line).split()
    # 24 voxels of whole tumour and 4 of core and enhancing tumour, 8 mm³ each.
    assert row == ["BraTS2021_00000", "HGG", "t1", "flair", "6×5×4", "2×2×2", "0.19", "0.03", "0.03", "good"]
    assert out.splitlines()[-1] == "layout brats2021, labels brats2017, modalities t1 flair: 2 good, 0 bad"


def test_bad_cases_are_listed_with_remedy(tmp_path, capsys):
    make_cohort(tmp_path, cases=3)
    broken = tmp_path / "BraTS2021_00001" / "BraTS2021_00001_t1.nii.gz"
    broken.write_bytes(broken.read_bytes()[:-10])
    (tmp_path / "BraTS2021_00002" / "BraTS2021_00002_flair.nii.gz").unlink()
    assert main(["check", str(tmp_path), "--jobs", "1"]) == 1
    out = capsys.readouterr().out
    assert "BraTS2021_00001/BraTS2021_00001_t1.nii.gz" in out
    assert "truncated" in out and "copy or download it again" in out
    assert "modality flair is missing; the case has t1" in out
    assert "1 good, 2 bad" in out


def test_only_the_modalities_asked_for_count(tmp_path, capsys):
    make_cohort(tmp_path)
    assert main(["check", str(tmp_path), "--modality", "t1"]) == 0
    assert main(["check", str(tmp_path), "--modality", "t1", "t2"]) == 1
    assert main(["check", str(tmp_path), "--modality", "all"]) == 1
    assert "modality t1c is missing" in capsys.readouterr().out


def test_label_maps_may_be_left_out(tmp_path, capsys):
    make_cohort(tmp_path, label=7)
    assert main(["check", str(tmp_path)]) == 1
    assert main(["check", str(tmp_path), "--no-masks"]) == 0
    for path in tmp_path.glob("*/*_seg.nii.gz"):
        path.unlink()
    assert main(["check", str(tmp_path)]) == 0
    assert "label maps not looked at" in capsys.readouterr().out


def test_a_synthetic_cohort_is_called_so(tmp_path, capsys):
    make_cohort(tmp_path, cases=1)
    (tmp_path / "cohort.json").write_text('{"label_convention": "brats2017", "synthetic": true}')
    assert main(["check", str(tmp_path)]) == 0
    assert capsys.readouterr().out.splitlines()[-1].startswith("synthetic, layout brats2021")


def test_doubtful_labels_of_2023_are_pointed_out(tmp_path, capsys):
    make_cohort(tmp_path)
    (tmp_path / "cohort.json").write_text('{"label_convention": "brats2023"}')
    assert main(["check", str(tmp_path)]) == 0
    assert "label 4 occurs and 3 never does" in capsys.readouterr().out


def test_brackets_in_names_are_printed_as_they_are(tmp_path, capsys):
    folder = make_cohort(tmp_path / "a [red]", cases=1)
    (folder / "BraTS2021_00000" / "BraTS2021_00000_t1.nii.gz").unlink()
    (folder / "BraTS2021_00000").rename(folder / "[bold]")
    assert main(["check", str(folder), "--modality", "t1", "flair"]) == 1
    (folder / "[bold]" / "BraTS2021_00000_flair.nii.gz").write_bytes(b"")
    assert main(["check", str(folder), "--modality", "flair"]) == 1
    assert "[bold]/BraTS2021_00000_flair.nii.gz" in capsys.readouterr().out


@pytest.mark.parametrize("extra", [[], ["--jobs", "0"]])
def test_what_the_user_can_mend_exits_with_2(tmp_path, capsys, extra):
    folder = make_cohort(tmp_path / "data") if extra else tmp_path
    assert main(["check", str(folder), *extra]) == 2
    assert "error: expected" in capsys.readouterr().err


@pytest.mark.real_data
def test_a_real_folder(real_data, capsys):
    assert main(["check", str(real_data / "ms"), "--modality", "flair"]) == 0
    out = capsys.readouterr().out
    assert "182×218×182" in out and "labels lesion, modalities flair: 2 good, 0 bad" in out
