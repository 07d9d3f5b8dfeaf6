"""MSD and nnU-Net folders, built as empty files: finding cases never opens an image."""

import json

import pytest

from segan_tl.data.find.cases import find_cases
from segan_tl.errors import UserError


def touch(folder, *names):
    """Make empty files (and the folders they need)."""
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def names_of(case) -> dict[str, str]:
    return {modality: source.path.name for modality, source in case.images.items()}


MSD = {
    "modality": {"0": "FLAIR", "1": "T1w", "2": "t1gd", "3": "T2w"},
    "labels": {"0": "background", "1": "edema", "2": "non-enhancing tumor", "3": "enhancing tumour"},
}


def test_msd(tmp_path):
    touch(
        tmp_path / "Task01_BrainTumour",
        "imagesTr/BRATS_001.nii.gz",
        "imagesTr/._BRATS_001.nii.gz",
        "labelsTr/BRATS_001.nii.gz",
    )
    (tmp_path / "Task01_BrainTumour" / "dataset.json").write_text(json.dumps(MSD))
    for folder in (tmp_path, tmp_path / "Task01_BrainTumour", tmp_path / "Task01_BrainTumour" / "imagesTr"):
        cohort = find_cases(folder)
        (case,) = cohort.cases
        assert (cohort.layout, case.id, case.convention) == ("msd", "BRATS_001", "msd")
        assert {name: source.channel for name, source in case.images.items()} == {
            "flair": 0,
            "t1": 1,
            "t1c": 2,
            "t2": 3,
        }
        assert case.mask.path.parent.name == "labelsTr"


def nnunet(folder, labels, channels=None):
    names = [f"imagesTr/case_1_{channel:04d}.nii.gz" for channel in range(2)]
    touch(folder, *names, "labelsTr/case_1.nii.gz", "imagesTs/case_2_0000.nii.gz")
    settings = {"channel_names": channels or {"0": "T1ce", "1": "FLAIR"}, "labels": labels, "file_ending": ".nii.gz"}
    (folder / "dataset.json").write_text(json.dumps(settings))


@pytest.mark.parametrize(
    ("labels", "convention"),
    [
        ({"background": 0, "edema": 1, "non_enhancing_tumor": 2, "enhancing-tumour": 3}, "msd"),
        ({"background": 0, "NCR": 1, "ED": 2, "ET": 3, "RC": 4}, "brats2023"),
        ({"background": 0, "NETC": 1, "SNFH": 2, "ET": 3}, "1=NCR,2=ED,3=ET"),
        ({"background": 0, "whole tumor": [1, 2, 3], "tumor core": [2, 3], "enhancing tumor": [3]}, "msd"),
        ({"background": 0, "MS lesion": 1}, "lesion"),
        ({"background": 0, "tumour": 1, "ignore": 2}, "lesion"),
        ({"background": 0, "left": 1, "right": 2}, "unknown"),
        ({}, "unknown"),
    ],
)
def test_nnunet(tmp_path, labels, convention):
    nnunet(tmp_path / "Dataset001", labels)
    cohort = find_cases(tmp_path / "Dataset001")
    (case,) = cohort.cases
    assert (cohort.layout, case.id, case.convention) == ("nnunet", "case_1", convention)
    assert names_of(case) == {"t1c": "case_1_0000.nii.gz", "flair": "case_1_0001.nii.gz"}


def test_nnunet_test_images(tmp_path):
    nnunet(tmp_path, {"background": 0, "tumour": 1})
    (case,) = find_cases(tmp_path / "imagesTs").cases
    assert (case.id, list(case.images), case.mask) == ("case_2", ["t1c"], None)


def test_cohort_json_names_the_channels_and_labels_of_nnunet(tmp_path):
    nnunet(tmp_path, {"background": 0, "foreground": 1}, {"0": "MR", "1": "MR2"})
    assert list(find_cases(tmp_path).cases[0].images) == ["mr", "mr2"]
    (tmp_path / "cohort.json").write_text('{"modalities": {"mr": "t2"}, "label_convention": {"1": "LESION"}}')
    (case,) = find_cases(tmp_path).cases
    assert (list(case.images), case.convention) == (["t2", "mr2"], "lesion")


@pytest.mark.parametrize("content", ["{", "[]", "{}", '{"channel_names": ["FLAIR"]}', '{"modality": {"a": "T1"}}'])
def test_a_dataset_json_that_says_nothing_is_refused(tmp_path, content):
    nnunet(tmp_path, {})
    (tmp_path / "dataset.json").write_text(content)
    with pytest.raises(UserError, match="dataset.json"):
        find_cases(tmp_path)


def test_two_datasets_are_refused(tmp_path):
    nnunet(tmp_path / "Dataset001", {})
    nnunet(tmp_path / "Dataset002", {})
    with pytest.raises(UserError, match="found Dataset001, Dataset002"):
        find_cases(tmp_path)


def test_files_that_dataset_json_does_not_speak_of_are_named(tmp_path):
    nnunet(tmp_path, {"background": 0, "tumour": 1})
    touch(tmp_path, "imagesTr/case_1_0007.nii.gz", "imagesTr/odd.nii.gz", "labelsTr/case_9.nii.gz", "old/x_flair.nii")
    cohort = find_cases(tmp_path)
    assert [(case.id, len(case.images), case.mask is not None) for case in cohort.cases] == [("case_1", 2, True)]
    assert {file.path.name: file.reason for file in cohort.unused} == {
        "case_1_0007.nii.gz": "it ends in none of the channels _0000, _0001 of dataset.json",
        "odd.nii.gz": "it ends in none of the channels _0000, _0001 of dataset.json",
        "case_9.nii.gz": "no image of its name lies in imagesTr",
        "x_flair.nii": "it lies beside imagesTr and labelsTr",
    }


def test_labels_of_test_images(tmp_path):
    nnunet(tmp_path, {"background": 0, "tumour": 1})
    touch(tmp_path, "labelsTs/case_2.nii.gz")
    (case,) = find_cases(tmp_path / "imagesTs").cases
    assert (case.mask.path.parent.name, case.convention) == ("labelsTs", "lesion")


def test_two_files_of_one_channel_are_a_problem_of_its_modality(tmp_path):
    nnunet(tmp_path, {"background": 0, "tumour": 1})
    touch(tmp_path, "imagesTr/case_1_0000.nii")
    assert [problem.role for problem in find_cases(tmp_path).cases[0].problems] == ["t1c"]
