"""MSD, nnU-Net and BIDS folders, built as empty files: finding cases never opens an image."""

import json

import pytest

from segan_tl.data.cases import find_cases
from segan_tl.errors import UserError


def touch(folder, *names):
    """Make empty files (and the folders they need)."""
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def names_of(case) -> dict[str, str]:
    return {modality: source.path.name for modality, source in case.images.items()}


# === MSD and nnU-Net ===

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


# === BIDS ===


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
