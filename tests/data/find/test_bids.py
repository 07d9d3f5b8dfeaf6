"""BIDS folders, built as empty files: which image, which mask, whose, and what is never a tumour."""

import pytest

from segan_tl.data.find.cases import find_cases
from segan_tl.data.find.unused import ANOTHER_IS_USED, NOT_UNDERSTOOD, OTHER, SEVERAL_ARE_THERE
from tests.data.find.test_case import names_of, touch


def anat(folder, *names, subject="sub-01"):
    """Make files of a subject in its anat folder: "FLAIR" is sub-01/anat/sub-01_FLAIR.nii.gz."""
    touch(folder / subject / "anat", *(f"{subject}_{name}.nii.gz" for name in names))


def derived(folder, *names, pipeline="pipe", subject="sub-01"):
    anat(folder / "derivatives" / pipeline, *names, subject=subject)


def only_case(folder):
    (case,) = find_cases(folder).cases
    return case


def reasons_of(folder) -> dict[str, str]:
    return {file.path.name.removeprefix("sub-01_"): file.reason for file in find_cases(folder).unused}


def test_bids(tmp_path):
    parts = ("FLAIR", "T1w", "ce-gadolinium_T1w", "T2w")
    touch(tmp_path, "sub-01/dwi/sub-01_dwi.nii.gz", *(f"sub-01/anat/sub-01_{part}.nii.gz" for part in parts))
    touch(
        tmp_path / "derivatives" / "tumour" / "sub-01" / "anat", "sub-01_desc-brain_mask.nii.gz", "sub-01_dseg.nii.gz"
    )
    (tmp_path / "derivatives" / "tumour" / "dseg.tsv").write_text("index\tname\n0\tbackground\n1\tNCR\n2\tED\n4\tET\n")
    (tmp_path / "participants.tsv").write_text("participant_id\tgrade\tsite\nsub-01\thgg\tBerne\n")
    for folder in (tmp_path, tmp_path / "sub-01"):
        (case,) = find_cases(folder).cases
        assert find_cases(folder).layout == "bids"
        assert (case.id, case.grade, case.attributes["site"]) == ("sub-01", "HGG", "Berne")
        assert names_of(case)["t1c"] == "sub-01_ce-gadolinium_T1w.nii.gz"
        assert sorted(case.images) == ["flair", "t1", "t1c", "t2"]
        assert case.mask.path.name == "sub-01_dseg.nii.gz"
    assert find_cases(tmp_path).cases[0].convention == "brats2017"


def test_bids_sessions_are_cases_and_masks_are_lesions(tmp_path):
    for session in ("ses-1", "ses-2"):
        touch(tmp_path / "sub-01" / session / "anat", f"sub-01_{session}_FLAIR.nii.gz", f"sub-01_{session}_mask.nii.gz")
    cases = find_cases(tmp_path).cases
    assert [(case.id, case.convention) for case in cases] == [("sub-01_ses-1", "lesion"), ("sub-01_ses-2", "lesion")]


def test_bids_dseg_without_table_is_unknown(tmp_path):
    touch(tmp_path / "sub-01" / "anat", "sub-01_FLAIR.nii.gz", "sub-01_dseg.nii.gz")
    assert find_cases(tmp_path).cases[0].convention == "unknown"


# === Which image ===


@pytest.mark.parametrize(
    ("name", "modality"),
    [
        ("T1w", "t1"),
        ("ce-gadolinium_T1w", "t1c"),
        ("acq-mprage_ce-Gd_run-1_T1w", "t1c"),
        ("ce-none_T1w", "t1"),
        ("acq-postcontrast_T1w", "t1c"),
        ("acq-GD_T1w", "t1c"),
        ("acq-mprage_T1w", "t1"),
        ("rec-norm_run-02_T2w", "t2"),
        ("echo-1_part-mag_T2w", "t2"),
        ("flair", "flair"),
    ],
)
def test_entities_of_images(tmp_path, name, modality):
    anat(tmp_path, name, "PDw")
    assert names_of(only_case(tmp_path)) == {modality: f"sub-01_{name}.nii.gz"}


@pytest.mark.parametrize(
    "name", ["part-phase_T1w", "T2starw", "T1map", "inplaneT2", "UNIT1", "PDw", "defacemask", "desc-brain_mask"]
)
def test_other_images_are_named(tmp_path, name):
    anat(tmp_path, "FLAIR", name)
    assert list(only_case(tmp_path).images) == ["flair"] and only_case(tmp_path).mask is None
    assert reasons_of(tmp_path) == {f"{name}.nii.gz": OTHER}


def test_the_plain_image_counts_more_than_its_runs(tmp_path):
    anat(tmp_path, "T1w", "run-2_T1w", "acq-fast_T1w", "FLAIR")
    assert names_of(only_case(tmp_path))["t1"] == "sub-01_T1w.nii.gz" and only_case(tmp_path).problems == ()
    assert set(reasons_of(tmp_path).values()) == {ANOTHER_IS_USED}


def test_two_runs_concern_only_who_needs_the_modality(tmp_path):
    anat(tmp_path, "run-1_T1w", "run-2_T1w", "FLAIR")
    (problem,) = only_case(tmp_path).problems
    assert (problem.role, problem.reason) == (
        "t1", "there are two files for t1: sub-01_run-1_T1w.nii.gz and sub-01_run-2_T1w.nii.gz",
    )  # fmt: skip
    assert problem.remedy.endswith("sub-01/anat/sub-01_run-2_T1w.nii.gz ELSEWHERE")
    assert reasons_of(tmp_path) == {"run-2_T1w.nii.gz": SEVERAL_ARE_THERE}


def test_images_of_derivatives_are_not_taken_for_the_subject_s_own(tmp_path):
    anat(tmp_path, "FLAIR")
    derived(tmp_path, "desc-preproc_T1w", "space-MNI_FLAIR")
    assert names_of(only_case(tmp_path)) == {"flair": "sub-01_FLAIR.nii.gz"}
    assert set(reasons_of(tmp_path)) == {"desc-preproc_T1w.nii.gz", "space-MNI_FLAIR.nii.gz"}


# === Which mask ===


@pytest.mark.parametrize(
    "name",
    [
        "label-lesion_mask", "label-L_mask", "label-lesion_roi", "T1w_label-lesion_roi", "desc-lesion_mask",
        "desc-tumor_mask", "label-tumour_mask", "label-WMH_mask", "space-MNI152_res-1_label-lesion_mask",
        "label-lesion_desc-expert02_dseg", "T2starw_label-lesion_seg", "T1w_lesion-manual", "msk",
        "acq-ax_label-Lesion_mask",
    ],
)  # fmt: skip
@pytest.mark.parametrize("place", [anat, derived])
def test_masks_of_a_lesion(tmp_path, name, place):
    anat(tmp_path, "FLAIR")
    place(tmp_path, name)
    case = only_case(tmp_path)
    assert (case.mask.path.name, case.convention) == (f"sub-01_{name}.nii.gz", "lesion")
    assert list(case.images) == ["flair"]


@pytest.mark.parametrize(
    "name",
    [
        "label-WM_mask", "label-GM_mask", "label-CSF_mask", "desc-brain_mask", "label-brain_mask", "label-WM_dseg",
        "label-GM_probseg", "desc-aseg_dseg", "desc-aparcaseg_dseg", "label-BS_roi", "T1w_label-GM_seg",
        "space-MNI_desc-brain_mask", "label-nonlesion_mask", "label-R_desc-tumour_mask",
    ],
)  # fmt: skip
@pytest.mark.parametrize("pipeline", ["fmriprep", "lesion_masks"])
def test_masks_of_tissue_are_no_tumour(tmp_path, name, pipeline):
    anat(tmp_path, "FLAIR")
    derived(tmp_path, name, pipeline=pipeline)
    assert only_case(tmp_path).mask is None
    assert reasons_of(tmp_path) == {f"{name}.nii.gz": OTHER}


@pytest.mark.parametrize("name", ["mask", "roi", "dseg"])
def test_a_mask_of_derivatives_without_a_label_is_not_understood(tmp_path, name):
    anat(tmp_path, "FLAIR")
    derived(tmp_path, name)
    assert only_case(tmp_path).mask is None
    assert reasons_of(tmp_path) == {f"{name}.nii.gz": NOT_UNDERSTOOD}
    assert "SUBJECT_label-lesion_mask" in find_cases(tmp_path).unused[0].remedy


def test_the_name_of_the_pipeline_says_what_a_bare_mask_is(tmp_path):
    anat(tmp_path, "FLAIR")
    derived(tmp_path, "mask", pipeline="manual_lesions")
    assert only_case(tmp_path).convention == "lesion"


def test_a_table_of_tissues_makes_no_tumour(tmp_path):
    anat(tmp_path, "FLAIR")
    derived(tmp_path, "dseg")
    (tmp_path / "derivatives" / "pipe" / "dseg.tsv").write_text("index\tname\n1\tgray matter\n2\twhite matter\n")
    assert only_case(tmp_path).mask is None and list(reasons_of(tmp_path)) == ["dseg.nii.gz"]


def test_the_native_mask_counts_more_than_its_copy_in_another_space(tmp_path):
    anat(tmp_path, "FLAIR")
    derived(tmp_path, "label-lesion_mask", "space-MNI_label-lesion_mask")
    assert only_case(tmp_path).mask.path.name == "sub-01_label-lesion_mask.nii.gz"
    assert only_case(tmp_path).problems == ()


def test_masks_of_several_raters_are_a_problem_of_the_mask_alone(tmp_path):
    anat(tmp_path, "FLAIR", "label-lesion_desc-a_mask", "label-lesion_desc-b_mask")
    assert [problem.role for problem in only_case(tmp_path).problems] == ["mask"]


# === Whose ===


def test_a_mask_without_session_belongs_to_the_only_one(tmp_path):
    touch(tmp_path, "sub-01/ses-1/anat/sub-01_ses-1_FLAIR.nii.gz")
    derived(tmp_path, "label-lesion_mask")
    assert only_case(tmp_path).mask is not None
    touch(tmp_path, "sub-01/ses-2/anat/sub-01_ses-2_FLAIR.nii.gz")
    assert [case.mask for case in find_cases(tmp_path).cases] == [None, None]
    assert reasons_of(tmp_path) == {"label-lesion_mask.nii.gz": "no image of its subject and session is there"}


def test_one_subject_or_session_finds_its_own_masks_only(tmp_path):
    for subject in ("sub-01", "sub-02"):
        touch(tmp_path, f"{subject}/ses-1/anat/{subject}_ses-1_FLAIR.nii.gz")
        folder = tmp_path / "derivatives" / "pipe" / subject / "ses-1" / "anat"
        touch(folder, f"{subject}_ses-1_label-lesion_mask.nii.gz", f"{subject}_ses-1_label-WM_mask.nii.gz")
    for folder in (tmp_path / "sub-01", tmp_path / "sub-01" / "ses-1"):
        cohort = find_cases(folder)
        assert [(case.id, case.mask.path.name) for case in cohort.cases] == [
            ("sub-01_ses-1", "sub-01_ses-1_label-lesion_mask.nii.gz")
        ]
        assert [file.path.name for file in cohort.unused] == ["sub-01_ses-1_label-WM_mask.nii.gz"]


def test_isles(tmp_path):
    subject = "sub-strokecase0001"
    touch(tmp_path / subject / "ses-0001", *(f"{kind}/{subject}_ses-0001_{name}.nii.gz" for kind, name in (
        ("anat", "flair"), ("dwi", "dwi"), ("dwi", "adc"))))  # fmt: skip
    touch(tmp_path / "derivatives" / subject / "ses-0001", f"{subject}_ses-0001_msk.nii.gz")
    cohort = find_cases(tmp_path)
    (case,) = cohort.cases
    assert (list(case.images), case.mask.path.name, case.convention) == (
        ["flair"], f"{subject}_ses-0001_msk.nii.gz", "lesion",
    )  # fmt: skip
    assert {file.reason for file in cohort.unused} == {OTHER}


def test_a_subject_of_whom_nothing_is_read_is_a_bad_case(tmp_path):
    anat(tmp_path, "FLAIR")
    touch(tmp_path, "sub-02/anat/IM001.dcm", "sub-03/dwi/sub-03_dwi.nii.gz", "sub-04/anat/sub-04_FLAIR.mgz")
    cohort = find_cases(tmp_path)
    assert [(case.id, len(case.problems)) for case in cohort.cases] == [("sub-01", 0), ("sub-02", 1), ("sub-04", 0)]
    assert cohort.cases[2].images["flair"].path.name == "sub-04_FLAIR.mgz"  # reading it says that it cannot be read
    assert [file.path.name for file in cohort.unused] == ["sub-03_dwi.nii.gz"]
