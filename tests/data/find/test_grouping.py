"""Files grouped into cases: variants, folders that divide a case, and what no case uses; built as empty files."""

import pytest

from segan_tl.data.find.cases import check_case, find_cases
from segan_tl.data.find.unused import ANOTHER_IS_USED, NOT_UNDERSTOOD, OTHER, SEVERAL_ARE_THERE
from segan_tl.errors import UserError
from tests.data.find.test_case import brats2021, names_of, touch


def reasons_of(cohort) -> dict[str, str]:
    return {file.path.name: file.reason for file in cohort.unused}


# === Several files for one thing ===


def test_the_plain_file_is_used_and_the_variant_named(tmp_path):
    case_id = "UCSF-PDGM-0004"
    parts = ("T1", "T1_bias", "FLAIR", "FLAIR_bias", "tumor_segmentation", "brain_segmentation", "ADC")
    touch(tmp_path / case_id, *(f"{case_id}_{part}.nii.gz" for part in parts))
    cohort = find_cases(tmp_path)
    (case,) = cohort.cases
    assert names_of(case) == {"t1": f"{case_id}_T1.nii.gz", "flair": f"{case_id}_FLAIR.nii.gz"}
    assert (case.mask.path.name, case.problems) == (f"{case_id}_tumor_segmentation.nii.gz", ())
    assert reasons_of(cohort) == {
        f"{case_id}_T1_bias.nii.gz": ANOTHER_IS_USED, f"{case_id}_FLAIR_bias.nii.gz": ANOTHER_IS_USED,
        f"{case_id}_brain_segmentation.nii.gz": OTHER, f"{case_id}_ADC.nii.gz": OTHER,
    }  # fmt: skip


def test_a_variant_is_used_where_it_is_alone(tmp_path):
    touch(tmp_path / "a", "a_t1_bias.nii.gz", "a_flair_brain.nii.gz", "a_automated_approx_segm.nii.gz")
    (case,) = find_cases(tmp_path).cases
    assert (sorted(case.images), case.mask.path.name, case.problems) == (
        ["flair", "t1"], "a_automated_approx_segm.nii.gz", (),
    )  # fmt: skip


def test_a_problem_belongs_to_its_modality(tmp_path):
    touch(tmp_path / "a", "a_t1.nii.gz", "a_t1.nii", "a_flair.nii.gz", "a_seg.nii.gz", "a_seg.mha", "a_segm.nii")
    cohort = find_cases(tmp_path)
    assert [(problem.role, problem.reason) for problem in cohort.cases[0].problems] == [
        ("mask", "there are 3 files for mask: a_seg.mha, a_seg.nii.gz and a_segm.nii"),
        ("t1", "there are two files for t1: a_t1.nii and a_t1.nii.gz"),
    ]
    assert set(reasons_of(cohort).values()) == {SEVERAL_ARE_THERE}


def test_a_file_that_is_read_counts_more_than_one_that_is_not(tmp_path):
    touch(tmp_path / "a", "a_flair.dcm", "a_flair.nii.gz", "a_flair.npz")
    cohort = find_cases(tmp_path)
    assert names_of(cohort.cases[0]) == {"flair": "a_flair.nii.gz"} and cohort.cases[0].problems == ()
    assert reasons_of(cohort) == {"a_flair.dcm": ANOTHER_IS_USED, "a_flair.npz": ANOTHER_IS_USED}


# === Cases whose files lie in several folders ===


def test_upenn(tmp_path):
    case_id = "UPENN-GBM-00001_11"
    touch(tmp_path / "images_structural" / case_id, *(f"{case_id}_{part}.nii.gz" for part in ("T1", "T1GD", "FLAIR")))
    touch(tmp_path / "images_structural_unstripped" / case_id, f"{case_id}_T1_unstripped.nii.gz")
    touch(tmp_path, f"images_segm/{case_id}_segm.nii.gz", f"automated_segm/{case_id}_automated_approx_segm.nii.gz")
    touch(tmp_path / "images_DTI" / case_id, f"{case_id}_DTI_FA.nii.gz")
    cohort = find_cases(tmp_path)
    (case,) = cohort.cases
    assert names_of(case)["t1"] == f"{case_id}_T1.nii.gz" and sorted(case.images) == ["flair", "t1", "t1c"]
    assert (case.mask.path.name, case.problems) == (f"{case_id}_segm.nii.gz", ())
    assert set(reasons_of(cohort)) == {
        f"{case_id}_T1_unstripped.nii.gz", f"{case_id}_automated_approx_segm.nii.gz", f"{case_id}_DTI_FA.nii.gz",
    }  # fmt: skip


def test_wmh_has_prepared_and_original_images(tmp_path):
    names = ("orig/FLAIR", "orig/T1", "orig/3DT1", "pre/FLAIR", "pre/T1", "wmh")
    for number in ("100", "101"):
        touch(tmp_path / "Amsterdam" / "GE3T" / number, *(f"{name}.nii.gz" for name in names))
    for folder in (tmp_path, tmp_path / "Amsterdam" / "GE3T" / "100"):
        case = find_cases(folder).cases[0]
        assert (case.id, case.mask.path.name, case.convention, case.problems) == ("100", "wmh.nii.gz", "lesion", ())
        assert {source.path.parent.name for source in case.images.values()} == {"pre"}


def test_msseg_numbers_the_patients_of_each_centre(tmp_path):
    files = ("Raw_Data/FLAIR", "Preprocessed_Data/FLAIR_preprocessed", "Masks/Consensus", "Masks/Brain_Mask")
    for centre in ("Center_01", "Center_07"):
        touch(tmp_path / centre / "Patient_01", *(f"{name}.nii.gz" for name in files))
    cohort = find_cases(tmp_path)
    assert [case.id for case in cohort.cases] == ["Center_01_Patient_01", "Center_07_Patient_01"]
    assert names_of(cohort.cases[0]) == {"flair": "FLAIR_preprocessed.nii.gz"}
    assert cohort.cases[0].mask.path.name == "Consensus.nii.gz"


def test_egd_has_a_folder_a_modality(tmp_path):
    parts = {"1_T1": "T1", "2_T1GD": "T1GD", "3_T2": "T2", "4_FLAIR": "FLAIR", "5_MASK": "MASK"}
    touch(tmp_path / "EGD-0001", *(f"{folder}/NIFTI/{name}.nii.gz" for folder, name in parts.items()))
    (case,) = find_cases(tmp_path).cases
    assert (case.id, sorted(case.images), case.mask.path.name) == (
        "EGD-0001", ["flair", "t1", "t1c", "t2"], "MASK.nii.gz",
    )  # fmt: skip


def test_lumiere_names_weeks_of_many_patients_alike(tmp_path):
    for patient in ("Patient-001", "Patient-002"):
        touch(tmp_path / patient / "week-000-1", "CT1.nii.gz", "T1.nii.gz", "T2.nii.gz", "FLAIR.nii.gz")
        touch(tmp_path / patient / "week-000-1" / "DeepBraTumIA-segmentation" / "atlas", "skull_strip/ct1_brain.nii.gz")
        touch(tmp_path / patient / "week-000-1" / "DeepBraTumIA-segmentation" / "native", "ct1_seg_mask.nii.gz")
    cohort = find_cases(tmp_path)
    assert [case.id for case in cohort.cases] == ["Patient-001_week-000-1", "Patient-002_week-000-1"]
    assert names_of(cohort.cases[1])["t1c"] == "CT1.nii.gz" and cohort.cases[1].mask is None
    assert [path.name for path in cohort.cases[1].strangers] == ["ct1_seg_mask.nii.gz"]


@pytest.mark.parametrize(
    "files, expected",
    [
        (
            ("p1/2019-03-12/FLAIR", "p1/2020-01-07/FLAIR", "p2/2019-05-01/FLAIR"),
            {"p1_2019-03-12": "p1", "p1_2020-01-07": "p1", "p2_2019-05-01": "p2"},
        ),
        (
            ("p1/visit1_FLAIR", "p1/visit2_FLAIR", "p2/visit1_FLAIR"),
            {"p1_visit1": "p1", "p1_visit2": "p1", "p2_visit1": "p2"},
        ),
        (("p1/1/FLAIR", "p1/2/FLAIR", "p2/1/FLAIR"), {"p1_1": "p1_1", "p1_2": "p1_2", "p2_1": "p2_1"}),
        (("scan1/FLAIR", "scan2/FLAIR"), {"scan1": "scan1", "scan2": "scan2"}),  # of the folder itself: people
    ],
)
def test_the_folder_of_a_visit_is_its_patient(tmp_path, files, expected):
    touch(tmp_path, *(f"{file}.nii.gz" for file in files))
    assert find_cases(tmp_path).patients == expected


def test_a_mask_of_another_patient_is_not_joined_by_the_name_of_its_folder(tmp_path):
    touch(tmp_path, "p1/week-1/FLAIR.nii.gz", "p2/week-1/seg.nii.gz")
    assert [(case.id, list(case.images)) for case in find_cases(tmp_path).cases] == [
        ("p1_week-1", ["flair"]), ("p2_week-1", []),
    ]  # fmt: skip
    touch(tmp_path, "labels/p1/seg.nii.gz", "images/p1/FLAIR.nii.gz")
    (case,) = find_cases(tmp_path / "images").cases
    assert case.mask is None


def test_plain_label_maps_in_a_folder_of_their_own(tmp_path):
    touch(tmp_path, *(f"images/p{number}/FLAIR.nii.gz" for number in (1, 2)), "labels/p1/seg.nii.gz")
    assert [(case.id, case.mask is not None) for case in find_cases(tmp_path).cases] == [("p1", True), ("p2", False)]


def test_a_copy_in_a_folder_below_is_a_variant(tmp_path):
    touch(tmp_path / "P1", "P1_flair.nii.gz", "P1_seg.nii.gz", "registered/P1_flair.nii.gz")
    cohort = find_cases(tmp_path)
    assert [case.problems for case in cohort.cases] == [()]
    assert names_of(cohort.cases[0]) == {"flair": "P1_flair.nii.gz"} and len(cohort.unused) == 1


# === Files that no case uses ===


def test_no_mask_of_something_else_becomes_the_tumour(tmp_path):
    touch(tmp_path / "P1", "P1_flair.nii.gz", "wm_mask.nii.gz", "P1_edema_mask.nii.gz", "P1_brain_mask.nii.gz")
    cohort = find_cases(tmp_path)
    assert [(case.id, case.mask) for case in cohort.cases] == [("P1", None)]
    assert reasons_of(cohort) == {
        "wm_mask.nii.gz": OTHER, "P1_brain_mask.nii.gz": OTHER, "P1_edema_mask.nii.gz": NOT_UNDERSTOOD,
    }  # fmt: skip
    assert [path.name for path in cohort.cases[0].strangers] == ["P1_edema_mask.nii.gz"]


def test_what_is_called_seg_is_the_label_map_beside_what_is_called_mask(tmp_path):
    touch(tmp_path / "P1", "flair.nii.gz", "seg.nii.gz", "mask.nii.gz")
    assert find_cases(tmp_path).cases[0].mask.path.name == "seg.nii.gz"


def test_a_mask_of_the_whole_folder_is_no_case(tmp_path):
    brats2021(tmp_path, "BraTS2021_00000")
    touch(tmp_path, "mask.nii.gz")
    cohort = find_cases(tmp_path)
    assert [case.id for case in cohort.cases] == ["BraTS2021_00000"] and "mask.nii.gz" in reasons_of(cohort)


def test_what_is_no_image_is_not_told(tmp_path):
    brats2021(tmp_path, "BraTS2021_00000")
    touch(tmp_path / "BraTS2021_00000", "._BraTS2021_00000_t1.nii.gz", "Thumbs.db", "a.json", "a.txt", "README")
    (tmp_path / "empty").mkdir()
    touch(tmp_path / "BraTS2021_00000", "BraTS2021_00000_pd.img", "BraTS2021_00000_pd.hdr", "BraTS2021_00000_x.mgz")
    cohort = find_cases(tmp_path)
    assert set(reasons_of(cohort)) == {"BraTS2021_00000_pd.hdr", "BraTS2021_00000_x.mgz"}


def test_a_patient_of_whom_nothing_is_read_is_a_bad_case(tmp_path):
    for number in (1, 2):
        touch(tmp_path / "HGG", f"P{number}/P{number}_flair.nii.gz")
    touch(tmp_path / "HGG", "P3/P3_axial.nii.gz", "P4/IM001.dcm", "P4/deep/IM002.dcm", "atlas/brain.nii.gz")
    (tmp_path / "HGG" / "P5").mkdir()
    (tmp_path / "HGG" / "P5" / "1.2.840.113619").write_bytes(b"\0" * 128 + b"DICM")
    cohort = find_cases(tmp_path)
    assert [(case.id, len(case.problems)) for case in cohort.cases] == [
        ("P1", 0), ("P2", 0), ("P3", 1), ("P4", 1), ("P5", 1),
    ]  # fmt: skip
    problem = cohort.cases[3].problems[0]
    assert "nothing of its 2 image files can be used; of IM001.dcm, the format .dcm is not read" in problem.reason
    assert "segan_tl dicom" in problem.remedy and problem.role is None
    assert set(reasons_of(cohort)) == {"brain.nii.gz"}


def test_a_folder_of_which_nothing_is_understood_says_of_each_file_why(tmp_path):
    touch(tmp_path, "P1/x.nii.gz", "P1/y.mnc")
    said = r"expected BraTS(.|\n)*not understood: 1 image file \(P1/x(.|\n)*\.mnc is not read"
    with pytest.raises(UserError, match=said):
        find_cases(tmp_path)


@pytest.mark.parametrize("letter", ["\n", "\x1b", "\r", "\x9b", "\u2028"])
def test_a_name_with_a_control_character_is_a_bad_case_not_a_lost_one(tmp_path, letter):
    brats2021(tmp_path, f"g{letter}x")
    brats2021(tmp_path, "BraTS2021_00000")
    good, bad = find_cases(tmp_path).cases
    assert (good.problems, sorted(bad.images)) == ((), ["flair", "t1", "t1c", "t2"])
    assert [(problem.role, problem.remedy) for problem in check_case(bad, ("flair",))] == [(None, "rename it")]
