"""What a user wants segmented: folders, cases and files, and what is said before one of them is read."""

import pytest

from segan_tl.errors import UserError
from segan_tl.predict.inputs import find_any_inputs, find_inputs, missing_modalities, without_any
from tests.data.find.test_case import touch


def inputs(path, modalities=("flair",), stated=None):
    return find_inputs(path, modalities=modalities, stated=stated)


def test_files_that_are_not_used_are_a_remark(tmp_path):
    touch(tmp_path / "P1", "P1_flair.nii.gz", "P1_adc.nii.gz", "P1_odd.nii.gz", "P1_x.mnc", "notes.txt")
    cases, remarks = inputs(tmp_path)
    assert [case.id for case in cases] == ["P1"]
    assert remarks == [
        f"3 image files of {tmp_path} not used (P1/P1_adc.nii.gz, P1/P1_odd.nii.gz, P1/P1_x.mnc); `python -m segan_tl "
        "check` says why"
    ]


def test_files_of_other_modalities_block_nothing(tmp_path):
    touch(tmp_path / "P1", "P1_flair.nii.gz", "P1_t1.nii.gz", "P1_t1.nii")
    (case,), _ = inputs(tmp_path)
    assert missing_modalities(case, ("flair",)) is None and without_any(case, ("flair", "t2")) is None
    for missing in (missing_modalities, without_any):
        reason = missing(case, ("flair", "t1"))
        assert reason.startswith("case P1: there are two files for t1: P1_t1.nii and P1_t1.nii.gz; keep one")


def test_a_modality_that_lies_there_under_another_name(tmp_path):
    touch(tmp_path / "P1", "P1_flair.nii.gz", "P1_postgad.nii.gz")
    (case,), _ = inputs(tmp_path)
    assert missing_modalities(case, ("t1c",)) == (
        "case P1 has no t1c (it has flair); P1_postgad.nii.gz lies there and its name is not understood: if it is "
        "that, rename it to P1_t1c.nii.gz"
    )


def test_a_patient_of_whom_nothing_is_read_is_not_left_out_in_silence(tmp_path):
    touch(tmp_path, "P1/P1_flair.nii.gz", "P2/IM1.dcm")
    cases, _ = inputs(tmp_path)
    assert [missing_modalities(case, ("flair",)) is None for case in cases] == [True, False]
    assert "segan_tl dicom" in missing_modalities(cases[1], ("flair",))
    assert "segan_tl dicom" in without_any(cases[1], ("flair", "t1"))


def test_two_images_without_modality_are_a_problem_of_the_one_stated(tmp_path):
    touch(tmp_path, "a_image.nii.gz", "a_image.nii")
    (case,), _ = inputs(tmp_path, stated="flair")
    assert "two files for image" in missing_modalities(case, ("flair",))


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("P1_brain_mask.nii.gz", "is no flair image by its name"),
        ("P1_adc.nii.gz", "is no flair image by its name; give the image's file, or --modality flair if it is one"),
        ("P1_seg.nii.gz", "is a label map by its name"),
        ("P1_T1_bias.nii.gz", "is a t1 image by its name"),
        ("P1_flair.mnc", "expected an image in a format that is read .*; .*mnc2nii"),
        ("P1_flair.txt", "expected an image file"),
    ],
)
def test_one_file_that_is_none(tmp_path, name, complaint):
    touch(tmp_path, name)
    for find in (find_inputs, find_any_inputs):
        with pytest.raises(UserError, match=complaint):
            find(tmp_path / name, modalities=("flair",), stated=None)


@pytest.mark.parametrize("name", ["P1_flair.nii.gz", "P1_FLAIR_bias.nii.gz", "T2-FLAIR.nii.gz"])
def test_one_file_that_says_what_it_is(tmp_path, name):
    touch(tmp_path, name)
    (case,), remarks = inputs(tmp_path / name)
    assert list(case.images) == ["flair"] and remarks == []


def test_one_file_may_be_what_the_user_says(tmp_path):
    touch(tmp_path, "P1_adc.nii.gz", "scan.nii.gz")
    assert list(inputs(tmp_path / "P1_adc.nii.gz", stated="flair")[0][0].images) == ["flair"]
    assert "taken as flair" in inputs(tmp_path / "scan.nii.gz")[1][0]
