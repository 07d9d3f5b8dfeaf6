"""Loading cases, and every fault that a check must name."""

import gzip
import json

import nibabel as nib
import numpy as np
import pytest

from segan_tl.data.find.cases import case_from_file, check_case, check_cohort, find_cases, load_case, read_case
from segan_tl.errors import UserError

ALL = ("t1", "t1c", "t2", "flair")
SHAPE = (8, 9, 6)
LPS = np.array([[-1.0, 0, 0, 0], [0, -1.0, 0, 8], [0, 0, 2.0, 0], [0, 0, 0, 1]])


def write(path, data, affine=LPS):
    path.parent.mkdir(parents=True, exist_ok=True)
    nib.save(nib.Nifti1Image(data, affine), path)


def make_labels():
    labels = np.zeros(SHAPE, np.uint8)
    labels[1:4, 2:5, 1:3] = 2  # 18 voxels of oedema, of which
    labels[2, 2:4, 1] = 1  # 2 become necrosis
    labels[3, 2:5, 1] = 4  # and 3 enhancing tumour
    return labels


def make_case(folder, case_id="BraTS2021_00000", affine=LPS):
    """Write a good case of BraTS 2021 and return the folder that holds its files."""
    generator = np.random.default_rng(0)
    for part in ("t1", "t1ce", "t2", "flair"):
        write(folder / case_id / f"{case_id}_{part}.nii.gz", generator.integers(0, 900, SHAPE).astype(np.int16), affine)
    write(folder / case_id / f"{case_id}_seg.nii.gz", make_labels(), affine)
    return folder / case_id


def problems_of(folder, modalities=ALL, **options):
    (case,) = find_cases(folder).cases
    return check_case(case, modalities, **options)


# === Good cases ===


def test_a_good_case(tmp_path):
    make_case(tmp_path)
    (case,) = find_cases(tmp_path).cases
    checked = read_case(case, ALL)
    assert checked.problems == () and checked.notes == ()
    assert checked.label_voxels == {"NCR": 2, "ED": 13, "ET": 3}
    assert list(checked.images) == list(ALL)


def test_loading_stacks_the_modalities_in_the_order_asked_for(tmp_path):
    folder = make_case(tmp_path)
    loaded = load_case(find_cases(tmp_path).cases[0], ("flair", "t1c"))
    assert loaded.image.shape == (*SHAPE, 2) and loaded.image.dtype == np.float32
    for channel, part in enumerate(("flair", "t1ce")):
        stored = np.asarray(nib.load(folder / f"BraTS2021_00000_{part}.nii.gz").dataobj)
        assert np.array_equal(loaded.image[..., channel], stored)
    assert loaded.labels.dtype == np.uint8
    assert np.array_equal(loaded.labels, np.where(make_labels() == 4, 3, make_labels()))  # ET is 3 in memory
    assert loaded.spacing_mm == pytest.approx((1, 1, 2))


def test_loading_without_labels(tmp_path):
    make_case(tmp_path)
    (case,) = find_cases(tmp_path).cases
    assert load_case(case, ("t2",), with_mask=False).labels is None
    only_file = case_from_file(case.images["t2"].path, "t2")
    assert load_case(only_file, ("t2",)).labels is None


def test_files_of_one_case_may_be_stored_in_different_orientations(tmp_path):
    folder = make_case(tmp_path)
    flip = np.diag([-1.0, -1, 1, 1])
    flip[:2, 3] = (SHAPE[0] - 1, SHAPE[1] - 1)
    write(folder / "BraTS2021_00000_seg.nii.gz", make_labels()[::-1, ::-1], LPS @ flip)
    loaded = load_case(find_cases(tmp_path).cases[0], ALL)
    assert np.array_equal(loaded.labels > 0, make_labels() > 0)


def test_a_sheared_grid_is_tolerated(tmp_path):
    sheared = LPS.copy()
    sheared[0, 2] = 0.3
    make_case(tmp_path, affine=sheared)
    checked = read_case(find_cases(tmp_path).cases[0], ALL)
    assert checked.problems == () and checked.notes == ("the grid is sheared",)


def test_msd_reads_its_4d_file_by_the_order_of_its_own_channels(tmp_path):
    data = np.random.default_rng(0).random((*SHAPE, 4)).astype(np.float32)
    write(tmp_path / "imagesTr" / "BRATS_001.nii.gz", data)
    write(tmp_path / "labelsTr" / "BRATS_001.nii.gz", np.where(make_labels() == 4, 3, make_labels()))
    modality = {"0": "FLAIR", "1": "T1w", "2": "t1gd", "3": "T2w"}
    labels = {"0": "background", "1": "edema", "2": "non-enhancing tumor", "3": "enhancing tumour"}
    (tmp_path / "dataset.json").write_text(json.dumps({"modality": modality, "labels": labels}))
    (case,) = find_cases(tmp_path).cases
    assert check_case(case, ALL) == []
    loaded = load_case(case, ALL)
    assert np.array_equal(loaded.image, data[..., [1, 2, 3, 0]])
    assert np.unique(loaded.labels).tolist() == [0, 1, 2, 3]
    assert (loaded.labels == 2).sum() == 2  # edema is 1 in MSD, ED is 2 in memory


# === Faults of images ===


def test_a_missing_modality_counts_only_when_asked_for(tmp_path):
    folder = make_case(tmp_path)
    (folder / "BraTS2021_00000_t1.nii.gz").unlink()
    (problem,) = problems_of(tmp_path)
    assert problem.case_id == "BraTS2021_00000" and problem.file is None
    assert problem.reason == "modality t1 is missing; the case has flair, t1c, t2"
    assert problems_of(tmp_path, ("flair", "t2")) == []


def test_files_that_are_not_needed_block_nothing(tmp_path):
    folder = make_case(tmp_path)
    write(folder / "BraTS2021_00000_t1.nii", np.zeros((2, 2, 2), np.int16))  # a second t1, on another grid
    (folder / "BraTS2021_00000_t2.nii.gz").write_bytes(b"damaged")
    write(folder / "BraTS2021_00000_seg.nii", make_labels())
    assert problems_of(tmp_path, ("flair", "t1c"), need_mask=False) == []
    assert [problem.role for problem in problems_of(tmp_path, ("flair", "t1"))] == ["mask", "t1"]
    (case,) = find_cases(tmp_path).cases
    assert load_case(case, ("flair",), with_mask=False).image.shape == (*SHAPE, 1)
    with pytest.raises(UserError, match="there are two files for t1: .*; keep one and move the others .*: mv "):
        load_case(case, ("t1",), with_mask=False)


def test_what_is_missing_may_lie_there_under_another_name(tmp_path):
    folder = make_case(tmp_path)
    (folder / "BraTS2021_00000_t1ce.nii.gz").rename(folder / "BraTS2021_00000_postgad.mha")
    (folder / "BraTS2021_00000_seg.nii.gz").rename(folder / "BraTS2021_00000_roi.nii.gz")
    image, mask = problems_of(tmp_path)
    there = "BraTS2021_00000_postgad.mha, BraTS2021_00000_roi.nii.gz lie there and their names are not understood: "
    assert image.remedy == there + "if it is one, rename it to BraTS2021_00000_t1c.mha"
    assert mask.remedy == there + "if it is one, rename it to BraTS2021_00000_seg.mha"
    (folder / "BraTS2021_00000_roi.nii.gz").unlink()
    assert problems_of(tmp_path)[0].remedy == (
        "BraTS2021_00000_postgad.mha lies there and its name is not understood: if it is that, rename it to "
        "BraTS2021_00000_t1c.mha"
    )


def test_a_case_of_nothing_that_is_read_has_one_problem(tmp_path):
    make_case(tmp_path)
    (tmp_path / "BraTS2021_00001").mkdir()
    (tmp_path / "BraTS2021_00001" / "slice1.dcm").touch()
    good, problems = check_cohort(find_cases(tmp_path), ALL)
    assert [case.id for case in good] == ["BraTS2021_00000"]
    (problem,) = problems
    assert problem.case_id == "BraTS2021_00001" and "the format .dcm is not read" in problem.reason
    with pytest.raises(UserError, match="case BraTS2021_00001 .*segan_tl dicom"):
        load_case(find_cases(tmp_path).cases[1], ALL)


def test_two_files_that_cohort_json_makes_one_modality(tmp_path):
    make_case(tmp_path)
    write(tmp_path / "BraTS2021_00000" / "BraTS2021_00000_image.nii.gz", np.ones(SHAPE, np.int16))
    (tmp_path / "cohort.json").write_text('{"modalities": {"image": "t1c"}, "label_convention": "brats2017"}')
    (problem,) = problems_of(tmp_path)
    assert problem.role == "t1c" and "cohort.json makes t1c of" in problem.reason
    assert problems_of(tmp_path, ("flair",)) == []


def test_an_image_without_modality_says_how_to_state_it(tmp_path):
    write(tmp_path / "brain1_image.nii.gz", np.arange(np.prod(SHAPE)).reshape(SHAPE).astype(np.int16))
    (problem,) = problems_of(tmp_path, ("t1c",), need_mask=False)
    assert '{"modalities": {"image": "t1c"}} to cohort.json' in problem.remedy


@pytest.mark.parametrize(
    ("value", "reason"),
    [(np.nan, "3 voxels are NaN and 0"), (np.inf, "0 voxels are NaN and 3"), (-np.inf, "3 are inf")],
)
def test_voxels_that_are_no_numbers(tmp_path, value, reason):
    folder = make_case(tmp_path)
    data = np.random.default_rng(0).random(SHAPE).astype(np.float32)
    data[0, 0, :3] = value
    write(folder / "BraTS2021_00000_t2.nii.gz", data)
    (problem,) = problems_of(tmp_path)
    assert problem.file.name == "BraTS2021_00000_t2.nii.gz"
    assert reason in problem.reason
    with pytest.raises(UserError, match="case BraTS2021_00000 .*t2.nii.gz.*: .* export the image again"):
        load_case(find_cases(tmp_path).cases[0], ALL)


def test_another_background_than_0_is_subtracted(tmp_path):
    make_case(tmp_path)
    path = tmp_path / "BraTS2021_00000" / "BraTS2021_00000_t1.nii.gz"
    image = np.full(SHAPE, -0.25, np.float32)
    image[1, 1, 1] = 0.5
    write(path, image)
    (case,) = find_cases(tmp_path).cases
    loaded = load_case(case, ("t1",)).image[..., 0]
    assert loaded[1, 1, 1] == 0.75 and np.count_nonzero(loaded) == 1
    assert read_case(case, ("t1",)).notes == ("the background of t1 is -0.25, not 0: subtracted",)


@pytest.mark.parametrize("value", [0, 7])
def test_an_image_of_one_value_is_empty(tmp_path, value):
    folder = make_case(tmp_path)
    write(folder / "BraTS2021_00000_flair.nii.gz", np.full(SHAPE, value, np.int16))
    (problem,) = problems_of(tmp_path)
    assert problem.reason == f"the image is empty: every voxel is {value}"


def test_another_grid(tmp_path):
    folder = make_case(tmp_path)
    write(folder / "BraTS2021_00000_t2.nii.gz", np.arange(8 * 9 * 5).reshape(8, 9, 5).astype(np.int16))
    (problem,) = problems_of(tmp_path)
    assert problem.reason == "its grid is 8×9×5, the first image's 8×9×6"
    assert problems_of(tmp_path, ("t2",))[0].file.name.endswith("seg.nii.gz")


@pytest.mark.parametrize(("shift_mm", "bad"), [(0.0, False), (0.05, False), (0.11, True), (0.5, True), (1.0, True)])
@pytest.mark.parametrize("part", ["t2", "seg"])
def test_another_place_in_space(tmp_path, part, shift_mm, bad):
    folder = make_case(tmp_path)
    path = folder / f"BraTS2021_00000_{part}.nii.gz"
    moved = LPS.copy()
    moved[2, 3] += shift_mm
    write(path, np.asarray(nib.load(path).dataobj), moved)
    problems = problems_of(tmp_path)
    assert [problem.file for problem in problems] == ([path] if bad else [])
    assert not bad or f"a corner is {shift_mm:.3g} mm away" in problems[0].reason


def test_damaged_files_are_named_one_by_one(tmp_path):
    folder = make_case(tmp_path)
    for part in ("t1", "seg"):
        path = folder / f"BraTS2021_00000_{part}.nii.gz"
        path.write_bytes(path.read_bytes()[:-20])
    first, second = problems_of(tmp_path)
    assert [first.file.name, second.file.name] == ["BraTS2021_00000_t1.nii.gz", "BraTS2021_00000_seg.nii.gz"]
    assert "truncated" in first.reason and first.remedy == "copy or download it again"


def test_a_folder_in_the_place_of_a_file(tmp_path):
    # What some tools make of BraTS archives: x_flair.nii/00000057_brain_flair.nii.
    folder = make_case(tmp_path)
    (folder / "BraTS2021_00000_flair.nii.gz").unlink()
    write(folder / "BraTS2021_00000_flair.nii" / "00000057_brain_flair.nii", np.zeros(SHAPE, np.int16))
    (problem,) = problems_of(tmp_path)
    assert problem.reason == "this is a folder, not a file"


def test_an_empty_file_and_a_dangling_link(tmp_path):
    folder = make_case(tmp_path)
    (folder / "BraTS2021_00000_t1.nii.gz").write_bytes(b"")
    (folder / "BraTS2021_00000_t2.nii.gz").unlink()
    (folder / "BraTS2021_00000_t2.nii.gz").symlink_to(tmp_path / "gone.nii.gz")
    assert ["empty (0 bytes)" in problem.reason or "link" in problem.reason for problem in problems_of(tmp_path)] == [
        True
    ] * 2


# === Faults of label maps ===


def test_a_missing_label_map(tmp_path):
    folder = make_case(tmp_path)
    (folder / "BraTS2021_00000_seg.nii.gz").unlink()
    (problem,) = problems_of(tmp_path)
    assert problem.reason == "the label map is missing"
    assert problems_of(tmp_path, need_mask=False) == []


@pytest.mark.parametrize("label", [3, 7, -1, 1000])
def test_labels_outside_the_convention(tmp_path, label):
    folder = make_case(tmp_path)
    labels = make_labels().astype(np.int16)
    labels[0, 0, 0] = label
    write(folder / "BraTS2021_00000_seg.nii.gz", labels)
    (problem,) = problems_of(tmp_path)
    values = ", ".join(map(str, sorted([0, 1, 2, 4, label])))
    assert problem.reason == f"its labels are {values}, but the convention brats2017 knows 0, 1, 2, 4"
    assert "cohort.json" in problem.remedy


def test_cohort_json_states_another_convention(tmp_path):
    folder = make_case(tmp_path)
    write(folder / "BraTS2021_00000_seg.nii.gz", np.where(make_labels() == 4, 7, make_labels()).astype(np.uint8))
    (tmp_path / "cohort.json").write_text('{"label_convention": "1=ED,2=NCR,7=ET"}')
    assert problems_of(tmp_path) == []
    assert read_case(find_cases(tmp_path).cases[0], ALL).label_voxels == {"NCR": 13, "ED": 2, "ET": 3}


def test_an_unknown_convention_is_not_guessed(tmp_path):
    write(tmp_path / "a" / "flair.nii.gz", np.arange(np.prod(SHAPE)).reshape(SHAPE).astype(np.int16))
    write(tmp_path / "a" / "seg.nii.gz", make_labels())
    (problem,) = problems_of(tmp_path, ("flair",))
    assert problem.reason == "nothing says what its labels 0, 1, 2, 4 mean"
    assert "cohort.json" in problem.remedy


def test_labels_a_hair_off_are_rounded(tmp_path):
    folder = make_case(tmp_path)
    write(folder / "BraTS2021_00000_seg.nii.gz", make_labels() * np.float64(0.99999997))
    (case,) = find_cases(tmp_path).cases
    assert check_case(case, ALL) == []
    assert np.array_equal(load_case(case, ALL).labels > 0, make_labels() > 0)


@pytest.mark.parametrize(
    ("value", "reason"), [(0.4, "1 voxels are no whole numbers (0.4)"), (np.nan, "NaN or infinite")]
)
def test_labels_that_are_no_whole_numbers(tmp_path, value, reason):
    folder = make_case(tmp_path)
    labels = make_labels().astype(np.float32)
    labels[0, 0, 0] = value
    write(folder / "BraTS2021_00000_seg.nii.gz", labels)
    (problem,) = problems_of(tmp_path)
    assert reason in problem.reason


def test_an_empty_label_map_is_allowed_and_noted(tmp_path):
    folder = make_case(tmp_path)
    write(folder / "BraTS2021_00000_seg.nii.gz", np.zeros(SHAPE, np.uint8))
    checked = read_case(find_cases(tmp_path).cases[0], ALL)
    assert checked.problems == () and checked.notes == ("the label map is empty",)
    assert checked.label_voxels == {}


# === Cohorts ===


def test_a_cohort_keeps_its_good_cases_whatever_the_bad_ones_are(tmp_path):
    for number in range(4):
        make_case(tmp_path, f"BraTS2021_{number:05d}")
    (tmp_path / "BraTS2021_00001" / "BraTS2021_00001_t1.nii.gz").write_bytes(gzip.compress(b"x" * 1000))
    (tmp_path / "BraTS2021_00003" / "BraTS2021_00003_t1.nii.gz").unlink()
    seen = []
    good, problems = check_cohort(find_cases(tmp_path), ALL, jobs=3, progress=seen.append)
    assert [case.id for case in good] == ["BraTS2021_00000", "BraTS2021_00002"]
    assert [problem.case_id for problem in problems] == ["BraTS2021_00001", "BraTS2021_00003"]
    assert [checked.case.id for checked in seen] == [f"BraTS2021_{number:05d}" for number in range(4)]
    assert all(checked.images == {} and checked.labels is None for checked in seen)


# === Real MRI ===


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("folder", "layout", "count", "modalities", "convention"),
    [
        ("brats2021", "brats2021", 8, ALL, "brats2017"),
        ("brats2012_mha", "brats2012", 1, ALL, "brats2012"),
        ("brats2015_labels", "brats2013-2015", 2, ("t1c", "flair"), "brats2015"),
        ("ms", "plain", 2, ALL, "lesion"),
        ("nrrd", "image-label", 1, ("image",), "lesion"),
    ],
)
def test_real_folders_are_recognised_and_sound(real_data, folder, layout, count, modalities, convention):
    cohort = find_cases(real_data / folder)
    assert (cohort.layout, len(cohort.cases)) == (layout, count)
    assert {case.convention for case in cohort.cases} == {convention}
    good, problems = check_cohort(cohort, modalities)
    assert problems == [] and len(good) == count


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("case_id", "label", "voxels"),
    [("BraTS2021_01480", "ET", None), ("BraTS2021_01476", "ET", 224), ("BraTS2021_01485", "NCR", 135)],
)
def test_real_label_counts(real_data, case_id, label, voxels):
    (case,) = find_cases(real_data / "brats2021" / case_id).cases
    assert read_case(case, ("flair",)).label_voxels.get(label) == voxels


@pytest.mark.real_data
@pytest.mark.parametrize("case_id", ["brats_2013_pat0001_1", "brats_2013_pat0002_1"])
def test_real_background_of_brats_2015_is_0(real_data, case_id):
    (case,) = find_cases(real_data / "brats2015_labels" / case_id).cases
    image = load_case(case, ("t1c", "flair")).image
    assert 0.75 < np.mean(image == 0) < 0.9 and image.min() == 0  # z-scored with the background, its lowest value


@pytest.mark.real_data
def test_real_intensities_are_kept_to_the_last_one(real_data):
    (case,) = find_cases(real_data / "brats2021" / "BraTS2021_00006").cases
    assert load_case(case, ALL, with_mask=False).image.max() == 15956


@pytest.mark.real_data
def test_an_unregistered_patient_is_refused_for_its_grids(real_data):
    (case,) = find_cases(real_data / "unprocessed").cases
    problems = check_case(case, ("t1", "t1c", "t2", "flair"), need_mask=False)
    assert [problem.file.name for problem in problems] == ["t2.nii.gz", "fla.nii.gz"]
    assert all("grid" in problem.reason for problem in problems)
