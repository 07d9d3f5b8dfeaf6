"""`python -m segan_tl check`: what it prints and how it exits."""

import nibabel as nib
import numpy as np
import pytest

from segan_tl.__main__ import main
from segan_tl.data.fingerprint import fingerprint_case, fingerprint_cohort
from segan_tl.disk.atomic import write_json
from tests.small_runs import make_run, small_config

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


def test_a_case_that_lacks_a_modality_is_told_how_it_trains(tmp_path, capsys):
    make_cohort(tmp_path, cases=3, parts=("t1", "t1ce", "flair"))
    (tmp_path / "BraTS2021_00001" / "BraTS2021_00001_t1ce.nii.gz").unlink()
    assert main(["check", str(tmp_path)]) == 1
    assert (
        "note: 1 of 3 cases lacks modalities and nothing else (BraTS2021_00001): it trains as it is with --modality "
        "any, or with --modality t1 or flair, which all cases have"
    ) in " ".join(capsys.readouterr().out.split())
    assert main(["check", str(tmp_path), "--modality", "any"]) == 0
    out = " ".join(capsys.readouterr().out.split())
    # t2 is in none of the folder, t1c in two.
    assert "3 of 3 cases lack modalities (t1c in 1, t2 in 3); they are used with what they have" in out
    assert out.endswith("modalities any of t1 t1c t2 flair: 3 good, 0 bad") and "it trains" not in out


@pytest.mark.parametrize("more", [["--no-masks"], ["--modality", "t1c"]])
def test_nobody_is_told_to_train_what_cannot(tmp_path, more, capsys):
    """For a prediction, or where nothing of the case was read: no advice about what it has beside."""
    make_cohort(tmp_path, cases=2)
    (tmp_path / "BraTS2021_00001" / "BraTS2021_00001_t1.nii.gz").unlink()
    assert main(["check", str(tmp_path), *more]) == 1
    assert "it trains" not in capsys.readouterr().out


def test_label_maps_may_be_left_out(tmp_path, capsys):
    make_cohort(tmp_path, label=7)
    assert main(["check", str(tmp_path)]) == 1
    assert main(["check", str(tmp_path), "--no-masks"]) == 0
    assert "label maps not looked at" in capsys.readouterr().out
    for path in tmp_path.glob("*/*_seg.nii.gz"):
        path.unlink()
    assert main(["check", str(tmp_path)]) == 0
    assert "the label maps are missing" in capsys.readouterr().out


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


def test_what_no_case_uses_is_named(tmp_path, capsys):
    make_cohort(tmp_path, cases=2)
    for name in ("odd1", "odd2", "odd3", "odd4", "brain_mask"):
        (tmp_path / "BraTS2021_00000" / f"BraTS2021_00000_{name}.nii.gz").touch()
    (tmp_path / "BraTS2021_00000" / "notes.txt").touch()
    (tmp_path / "BraTS2021_00001" / "BraTS2021_00001_x.mnc").touch()
    assert main(["check", str(tmp_path)]) == 0
    out = capsys.readouterr().out.splitlines()
    folder = "BraTS2021_00000/BraTS2021_00000"
    assert (
        f"not used, the name is not understood: 4 image files ({folder}_odd1.nii.gz, {folder}_odd2.nii.gz, "
        f"{folder}_odd3.nii.gz and 1 more); name it CASE_t1, CASE_t1c, CASE_t2, CASE_flair or CASE_seg, or move it out "
        "of the folder"
    ) in out
    assert any("the format .mnc is not read: 1 image file (BraTS2021_00001" in line for line in out)
    assert any("by its name: 1 image file (BraTS2021_00000/BraTS2021_00000_brain_mask.nii.gz)" in line for line in out)


def test_a_patient_who_cannot_be_read_and_one_with_a_line_break_are_bad_cases(tmp_path, capsys):
    make_cohort(tmp_path, cases=4)
    for path in (tmp_path / "BraTS2021_00001").iterdir():
        path.rename(path.with_name(path.name.replace(".nii.gz", ".mnc")))
    for path in (tmp_path / "BraTS2021_00002").iterdir():
        path.rename(path.with_name(path.name.replace("BraTS2021_00002", "g\n\x1b[31mx")))
    (tmp_path / "BraTS2021_00002").rename(tmp_path / "g\n\x1b[31mx")
    assert main(["check", str(tmp_path)]) == 1
    out = capsys.readouterr().out
    assert "g\\n\\x1b[31mx" in out and "\x1b" not in out and "rename it" in out
    assert "mnc2nii" in out and out.splitlines()[-1].endswith(": 2 good, 2 bad")


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


def test_cases_are_held_against_those_of_a_run(tmp_path, capsys):
    make_cohort(tmp_path / "cohort", cases=2, parts=("flair", "t1"))
    run = make_run(tmp_path / "runs" / "small" / "flair", small_config())
    like = ["check", str(tmp_path / "cohort"), "--like", "small/flair", "--runs", str(tmp_path / "runs")]
    assert main(like) == 0
    out = capsys.readouterr().out
    assert out.count("keeps no cohort_fingerprint.json") == 1 and "modalities flair: 2 good" in out
    usual = fingerprint_case({"flair": np.full((10, 5, 4), 7)}, spacing_mm=(1, 2, 2), labels=np.full((2, 2, 2), 2))
    write_json(run.fingerprint, fingerprint_cohort([usual], regions=("wt",)))
    assert main(like) == 0  # good cases all the same
    out = capsys.readouterr().out
    assert "BraTS2021_00000  voxels measure 2 × 2 × 2 mm (training: 1 × 2 × 2)" in out
    assert f"2 of 2 good cases are unlike the 1 that {run.root} was trained on" in out
    (tmp_path / "cohort" / "BraTS2021_00001" / "BraTS2021_00001_flair.nii.gz").write_bytes(b"nothing")
    assert main(like) == 1  # a bad case is not held against anything
    assert "1 of 1 good cases is unlike" in capsys.readouterr().out
    assert main([*like[:-2], "--like", "small/none"]) == 2
    assert "no run at small/none" in capsys.readouterr().err


def test_heads_and_several_grids_are_sent_to_prepare(tmp_path, capsys):
    """A patient as scanned: 94 % of FLAIR is not 0, T1 lies on another grid. A brain in air is passed over."""
    generator = np.random.default_rng(0)
    for case, air in (("P1", 0), ("P2", 4)):
        (tmp_path / case).mkdir()
        for part, shape in (("flair", (10, 10, 6)), ("t1", (8, 10, 6) if case == "P1" else (10, 10, 6))):
            data = generator.integers(1, 900, shape).astype(np.int16)
            data[:air] = data[-air or len(data) :] = 0
            nib.save(nib.Nifti1Image(data, np.diag([-2.0, -2, 2, 1])), tmp_path / case / f"{case}_{part}.nii.gz")
    assert main(["check", str(tmp_path), "--no-masks"]) == 1
    out = " ".join(capsys.readouterr().out.split())
    assert "empty in 1 of 2 cases (P1): heads with their skulls" in out
    assert f"segan_tl prepare {tmp_path} PREPARED" in out
    assert "python -m segan_tl prepare does it" in out
