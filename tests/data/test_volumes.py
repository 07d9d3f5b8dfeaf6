"""Whole volumes: cropped and normalised by hand, cached once, read as patches."""

import shutil
from dataclasses import replace

import numpy as np
import pytest

from segan_tl.data.find.cases import find_cases, load_case
from segan_tl.data.volume_prepare import Box, prepare_volume
from segan_tl.data.volumes import POSITIONS, cut_patch, find_positions, prepare_volumes
from segan_tl.regions import REGIONS, region_masks

SETTINGS = {"modalities": ("t2", "flair"), "regions": ("wt", "et")}


@pytest.fixture
def cohort(tiny_cohort, tmp_path):
    for folder in sorted(path for path in tiny_cohort.iterdir() if path.is_dir())[:2]:
        shutil.copytree(folder, tmp_path / "data" / folder.name)
    return find_cases(tmp_path / "data")


def test_zscore_by_hand():
    image = np.zeros((4, 5, 3, 2), np.float32)
    image[1, 1:4, 2, 0] = [2, 4, 6]  # mean 4, standard deviation sqrt(8 / 3) of the three alone
    image[2, 3, 1, 1] = 9  # this voxel is brain too: 2, 4, 6, 0 have mean 3 and standard deviation sqrt(5)
    prepared, box = prepare_volume(image)
    assert box == Box((1, 1, 1), (2, 3, 2), (4, 5, 3))
    assert prepared.shape == (2, 2, 3, 2) and prepared.dtype == np.float32  # slices first
    np.testing.assert_allclose(prepared[1, 0, :, 0], np.array([-1, 1, 3]) / np.sqrt(5), rtol=1e-6)
    np.testing.assert_allclose(prepared[0, 1, 2, 0], -3 / np.sqrt(5), rtol=1e-6)
    # Second modality: 0, 0, 0, 9 have mean 2.25 and standard deviation 9 sqrt(3) / 4.
    np.testing.assert_allclose(prepared[0, 1, 2, 1], 6.75 / (9 * np.sqrt(3) / 4), rtol=1e-6)
    assert np.count_nonzero(prepared.any(axis=-1)) == 4  # outside of the brain: 0


def test_statistics_inside_the_brain():
    generator = np.random.default_rng(0)
    image = generator.uniform(100, 900, (20, 20, 20, 3)) * (generator.random((20, 20, 20, 1)) < 0.5)
    prepared, _ = prepare_volume(image)
    brain = prepared.any(axis=-1)
    np.testing.assert_allclose(prepared[brain].mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(prepared[brain].std(axis=0), 1, atol=1e-5)


def test_ren_scales_the_whole_volume_between_percentiles():
    image = np.zeros((10, 10, 10, 1), np.float32)
    image[2:8, 2:8, 2:8, 0] = np.arange(216).reshape(6, 6, 6) + 1
    prepared, box = prepare_volume(image, normalise="ren")
    assert box.size == (6, 6, 6)
    low, high = np.percentile(image, (1, 99))  # 784 of 1000 voxels are background
    expected = np.clip((box.cut(image) - low) / (high - low), 0, 1)
    np.testing.assert_allclose(prepared, expected, atol=1e-4)  # two decimals of 255: 2e-5


def test_empty_and_constant_volumes():
    for normalise in ("zscore", "ren"):
        prepared, box = prepare_volume(np.zeros((3, 4, 5, 1)), normalise=normalise)
        assert box.size == (3, 4, 5) and not prepared.any()
        prepared, _ = prepare_volume(np.ones((3, 4, 5, 1)), normalise=normalise)
        assert not prepared.any()


def test_paste_is_the_inverse_of_cut():
    box = Box((1, 2, 0), (3, 2, 4), (5, 6, 7))
    array = np.random.default_rng(0).random((4, 3, 2, 2))
    whole = box.paste(array)
    assert whole.shape == (5, 6, 7, 2) and np.array_equal(box.cut(whole), array)
    assert np.count_nonzero(whole) == array.size


def test_a_patch_is_padded_with_zeros():
    volume = np.arange(1, 28).reshape(3, 3, 3)
    assert np.array_equal(cut_patch(volume, (0, 1, 1), (2, 2, 2)), volume[:2, 1:, 1:])
    patch = cut_patch(volume, (-1, 1, -2), (3, 4, 3))
    assert np.array_equal(patch[1:, :2, 2:], volume[:2, 1:, :1]) and np.count_nonzero(patch) == 4
    assert not cut_patch(volume, (5, 0, 0), (2, 2, 2)).any()


def test_positions_lie_in_their_regions_and_are_drawn_once():
    labels = np.zeros((40, 40, 40), np.uint8)
    labels[:30, :30, :30], labels[5:15, 5:15, 5:15] = 2, 3
    rows = find_positions(labels)
    masks = region_masks(labels, tuple(REGIONS))
    for number, name in enumerate(REGIONS):
        voxels = rows[rows[:, 0] == number, 1:]
        assert masks[(*voxels.T, number)].all() and len(np.unique(voxels, axis=0)) == len(voxels)
        assert len(voxels) == min(masks[..., number].sum(), POSITIONS)
    assert np.array_equal(rows, find_positions(labels))


def test_cached_is_what_preparation_gives(cohort, tmp_path):
    cached, problems = prepare_volumes(cohort.cases, tmp_path / "cache", **SETTINGS)
    assert not problems and [volume.id for volume in cached] == [case.id for case in cohort.cases]
    loaded = load_case(cohort.cases[0], ("t2", "flair"))
    prepared, box = prepare_volume(loaded.image)
    assert cached[0].box == box and cached[0].image.dtype == np.float16
    np.testing.assert_allclose(cached[0].image, prepared, rtol=5e-4, atol=1e-7)  # 2⁻¹¹
    assert np.array_equal(cached[0].labels, box.cut(loaded.labels))
    assert set(cached[0].positions) == {"wt", "tc", "et", "ed", "ncr"}
    image, mask = cached[0].patch((-2, 0, 0), cached[0].labels.shape)
    assert image.dtype == np.float32 and not image[:2].any()
    assert np.array_equal(mask[2:], region_masks(cached[0].labels[:-2], ("wt", "et")))


def test_the_second_time_nothing_is_written_and_a_change_is_noticed(cohort, tmp_path):
    def files():
        return {path: path.stat().st_mtime_ns for path in (tmp_path / "cache").rglob("*.npy")}

    prepare_volumes(cohort.cases, tmp_path / "cache", **SETTINGS)
    before = files()
    prepare_volumes(cohort.cases, tmp_path / "cache", **(SETTINGS | {"regions": ("tc",)}))
    assert files() == before
    source = cohort.cases[0].images["t2"].path
    shutil.copyfile(cohort.cases[1].images["t2"].path, source)
    prepare_volumes(cohort.cases, tmp_path / "cache", **SETTINGS)
    assert len(files()) == len(before) + 5  # image, labels, positions, box, fingerprint of one case
    prepare_volumes(cohort.cases, tmp_path / "cache", normalise="ren", **SETTINGS)
    assert len(files()) == len(before) + 15


def test_a_damaged_case_is_reported(cohort, tmp_path):
    source = cohort.cases[0].images["flair"].path
    source.write_bytes(source.read_bytes()[:200])
    cached, problems = prepare_volumes(cohort.cases, tmp_path / "cache", **SETTINGS)
    assert {problem.case_id for problem in problems} == {cohort.cases[0].id} and len(cached) == 1


def test_a_case_without_a_mask_has_zeros_where_that_is_allowed_and_files_of_its_own(cohort, tmp_path):
    first, second = cohort.cases
    without = replace(first, mask=None)
    _, problems = prepare_volumes([without], tmp_path / "cache", **SETTINGS)
    assert [problem.reason for problem in problems] == ["the label map is missing"]
    (bare,), problems = prepare_volumes([without], tmp_path / "cache", need_mask=False, **SETTINGS)
    assert not problems and bare.labels.dtype == np.uint8 and not bare.labels.any() and not bare.positions
    # The mask has come meanwhile: the zeros are not taken for it, nor by anyone who needs one.
    for need_mask in (False, True):
        (whole,), _ = prepare_volumes([first], tmp_path / "cache", need_mask=need_mask, **SETTINGS)
        assert whole.labels.any() and np.array_equal(whole.image, bare.image)
    assert len(list((tmp_path / "cache").rglob("*.npy"))) == 10
    _, problems = prepare_volumes([without], tmp_path / "cache", **SETTINGS)
    assert len(problems) == 1
    # A mask that is there must be sound.
    second.mask.path.write_bytes(second.mask.path.read_bytes()[:200])
    assert prepare_volumes([second], tmp_path / "cache", need_mask=False, **SETTINGS)[1]


def test_two_writers_at_once_agree(cohort, tmp_path):
    cached, problems = prepare_volumes([*cohort.cases] * 2, tmp_path / "cache", jobs=4, **SETTINGS)
    assert not problems and len(cached) == 4
    assert not list((tmp_path / "cache").rglob(".*.npy"))
