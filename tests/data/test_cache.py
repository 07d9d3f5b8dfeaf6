"""The cache: written once, never stale, never half."""

import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from segan_tl.config.data import DataConfig
from segan_tl.config.load import load_config
from segan_tl.data.cache import POSITIONS, cut_patch, find_positions, prepare_cases
from segan_tl.data.cache_use import LOCK
from segan_tl.data.find.cases import find_cases, load_case
from segan_tl.data.prepare import prepare_volume
from segan_tl.regions import REGIONS, region_masks
from tests.small_volumes import TINY

WORKER = Path(__file__).with_name("few_files_worker.py")
VOLUMES = DataConfig(modalities=("t2", "flair"), regions=("wt", "et"))


@pytest.fixture
def config(tiny_config):
    return load_config(tiny_config, ["data.modalities=['t2','flair']", "data.crop=[40,44,16]"]).data


@pytest.fixture
def cohort(tiny_cohort, tmp_path):
    for folder in sorted(path for path in tiny_cohort.iterdir() if path.is_dir())[:3]:
        shutil.copytree(folder, tmp_path / "data" / folder.name)
    return find_cases(tmp_path / "data")


def files(folder):
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*.npy")}


def test_cached_is_what_preparation_gives(cohort, config, tmp_path):
    cached, problems = prepare_cases(cohort.cases, tmp_path / "cache", config=config)
    assert not problems and [case.id for case in cached] == [case.id for case in cohort.cases]
    loaded = load_case(cohort.cases[0], ("t2", "flair"))
    expected, box = prepare_volume(
        loaded.image, normalise="percentiles", crop=config.crop, percentiles=config.percentiles
    )
    # float16 holds [0, 1] to 2⁻¹¹ relative.
    assert np.allclose(cached[0].image, expected, atol=5e-4) and cached[0].box == box
    image, mask = cached[0].whole()
    assert image.dtype == np.float32 and np.array_equal(mask, box.cut(region_masks(loaded.labels, ("wt",))))
    assert mask.any()


def test_the_second_time_nothing_is_written(cohort, config, tmp_path):
    prepare_cases(cohort.cases, tmp_path / "cache", config=config)
    before = files(tmp_path / "cache")
    prepare_cases(cohort.cases, tmp_path / "cache", config=config)
    assert files(tmp_path / "cache") == before


def test_a_changed_source_or_setting_is_noticed(cohort, config, tmp_path):
    prepare_cases(cohort.cases, tmp_path / "cache", config=config)
    before = files(tmp_path / "cache")
    source = cohort.cases[0].images["t2"].path
    donor = cohort.cases[1].images["t2"].path
    # The times are forced to be those of before: size and content tell.
    times = source.stat()
    shutil.copyfile(donor, source)
    os.utime(source, ns=(times.st_atime_ns, times.st_mtime_ns))
    first = prepare_cases(cohort.cases, tmp_path / "cache", config=config)[0][0]
    second = prepare_cases(cohort.cases, tmp_path / "cache", config=config)[0][1]
    assert np.array_equal(first.image[..., 0], second.image[..., 0])
    # image, labels, positions, box, fingerprint, tumour of one case
    assert len(files(tmp_path / "cache")) == len(before) + 6
    prepare_cases(cohort.cases, tmp_path / "cache", config=config.model_copy(update={"regions": ("tc",)}))
    assert len(files(tmp_path / "cache")) == len(before) + 6
    prepare_cases(cohort.cases, tmp_path / "cache", config=config.model_copy(update={"percentiles": (1, 99)}))
    assert len(files(tmp_path / "cache")) == len(before) + 24
    for normalise in ("zscore", "ren"):
        now = len(files(tmp_path / "cache"))
        prepare_cases(
            cohort.cases, tmp_path / "cache", config=VOLUMES.model_copy(update={"normalise": normalise})
        )
        assert len(files(tmp_path / "cache")) == now + 18


def test_a_cohort_that_was_moved_staged_or_given_other_rights_is_not_prepared_anew(cohort, config, tmp_path):
    prepare_cases(cohort.cases, tmp_path / "cache", config=config)
    before = files(tmp_path / "cache")
    for file in (tmp_path / "data").rglob("*.nii.gz"):
        file.chmod(0o600)
    (tmp_path / "data").rename(tmp_path / "moved")
    shutil.copytree(tmp_path / "moved", tmp_path / "staged")  # with the times of the files
    for file in (tmp_path / "staged").rglob("*.nii.gz"):
        os.utime(file, (int(file.stat().st_mtime),) * 2)  # as an archive keeps them
    for place in ("moved", "staged"):
        cached, problems = prepare_cases(find_cases(tmp_path / place).cases, tmp_path / "cache", config=config)
        assert len(cached) == 3 and not problems
    assert files(tmp_path / "cache") == before


def test_slices_with_tumour_are_kept(cohort, config, tmp_path):
    for case in prepare_cases(cohort.cases, tmp_path / "cache", config=config)[0]:
        expected = [number for number in range(len(case.labels)) if case.labels[number].any()]
        assert case.tumour_slices.tolist() == case.stored_tumour_slices.tolist() == expected and expected


def test_a_damaged_case_is_reported_and_the_others_are_prepared(cohort, config, tmp_path):
    source = cohort.cases[0].images["flair"].path
    source.write_bytes(source.read_bytes()[:200])
    cached, problems = prepare_cases(cohort.cases, tmp_path / "cache", config=config)
    assert {problem.case_id for problem in problems} == {cohort.cases[0].id}
    assert len(cached) == len(cohort.cases) - 1


def test_two_writers_at_once_agree(cohort, config, tmp_path):
    cases = [*cohort.cases, *cohort.cases]
    cached, problems = prepare_cases(cases, tmp_path / "cache", config=config, jobs=4)
    assert not problems and len(cached) == len(cases)
    assert not list((tmp_path / "cache").rglob(".*.npy"))


@pytest.mark.parametrize("name", ["../../victim", "a/b", "/etc/x", "..", "-rf", "g\nx", "nul"])
def test_a_case_whose_name_is_no_name_of_a_folder_is_a_problem_by_name(name, cohort, config, tmp_path):
    bad, good = replace(cohort.cases[0], id=name), cohort.cases[1]
    for how in (config, VOLUMES):
        cached, problems = prepare_cases([bad, good], tmp_path / "cache", config=how)
        assert [case.id for case in cached] == [good.id]
        assert len(problems) == 1 and problems[0].case_id == name and repr(name) in problems[0].reason
    assert {path.name for path in (tmp_path / "cache").iterdir()} == {good.id, LOCK}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cache", "data"]


def test_a_case_with_an_odd_name_is_cached_like_any(cohort, config, tmp_path):
    odd = replace(cohort.cases[0], id="[b] Müller 1 (left)")
    cached, problems = prepare_cases([odd], tmp_path / "cache", config=config)
    assert not problems and cached[0].id == odd.id and (tmp_path / "cache" / odd.id).is_dir()


# === Cropped to the head ===


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


def test_a_head_is_cached_as_preparation_gives_it(cohort, tmp_path):
    cached, problems = prepare_cases(cohort.cases, tmp_path / "cache", config=VOLUMES)
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


def test_a_case_without_a_mask_has_zeros_where_that_is_allowed_and_files_of_its_own(cohort, tmp_path):
    first, second = cohort.cases[:2]
    without = replace(first, mask=None)
    _, problems = prepare_cases([without], tmp_path / "cache", config=VOLUMES)
    assert [problem.reason for problem in problems] == ["the label map is missing"]
    (bare,), problems = prepare_cases([without], tmp_path / "cache", need_mask=False, config=VOLUMES)
    assert not problems and bare.labels.dtype == np.uint8 and not bare.labels[:].any() and not bare.positions
    # The mask has come meanwhile: the zeros are not taken for it, nor by anyone who needs one.
    for need_mask in (False, True):
        (whole,), _ = prepare_cases([first], tmp_path / "cache", need_mask=need_mask, config=VOLUMES)
        assert whole.labels[:].any() and np.array_equal(whole.image, bare.image)
    assert len(list((tmp_path / "cache").rglob("*.npy"))) == 12
    _, problems = prepare_cases([without], tmp_path / "cache", config=VOLUMES)
    assert len(problems) == 1
    # A mask that is there must be sound.
    second.mask.path.write_bytes(second.mask.path.read_bytes()[:200])
    assert prepare_cases([second], tmp_path / "cache", need_mask=False, config=VOLUMES)[1]


def test_a_case_that_lacks_a_modality_has_zeros_in_its_place(cohort, config, tmp_path):
    some = config.model_copy(update={"subsets": "any"})
    first = cohort.cases[0]
    lacking = replace(first, images={name: source for name, source in first.images.items() if name != "t2"})
    (whole, part), problems = prepare_cases([cohort.cases[1], lacking], tmp_path / "cache", config=some)
    assert not problems and (whole.present, part.present) == ((True, True), (False, True))
    flair = config.model_copy(update={"modalities": ("flair",)})
    (alone,), _ = prepare_cases([lacking], tmp_path / "alone", config=flair)
    assert not part.image[..., 0].any() and np.array_equal(part.image[..., 1], alone.image[..., 0])
    # a case that has everything shares its files with a training that sees all of them
    before = files(tmp_path / "cache")
    prepare_cases([cohort.cases[1]], tmp_path / "cache", config=config)
    assert files(tmp_path / "cache") == before
    (found,), _ = prepare_cases([first], tmp_path / "cache", config=some)
    assert found.present == (True, True) and found.image[..., 0].any()


def test_a_case_without_any_of_the_modalities_is_a_problem_as_before(cohort, config, tmp_path):
    bare = replace(cohort.cases[0], images={"t1": cohort.cases[0].images["t1"]})
    for subsets in ("all", "any"):
        cached, problems = prepare_cases([bare], tmp_path, config=config.model_copy(update={"subsets": subsets}))
        assert not cached
        assert [problem.reason for problem in problems] == [
            f"modality {name} is missing; the case has t1" for name in ("t2", "flair")
        ]


@pytest.mark.parametrize("kind", ["slices", "volumes"])
def test_two_hundred_cases_are_read_with_few_open_files(kind, tiny_cohort, tiny_config, tmp_path):
    """Two maps a case were 400 open files once; the worker may open 256."""
    first = next(path for path in sorted(tiny_cohort.iterdir()) if path.is_dir())
    for number in range(200):
        place = tmp_path / "data" / f"case-{number:04d}"
        place.mkdir(parents=True)
        for file in first.glob("*.nii.gz"):
            os.link(file, place / file.name.replace(first.name, place.name))
    shutil.copyfile(tiny_cohort / "cohort.json", tmp_path / "data" / "cohort.json")
    (tmp_path / "volumes.toml").write_text(TINY)
    file = tiny_config if kind == "slices" else tmp_path / "volumes.toml"
    options = ["data.modalities=['flair']", "train.batch_size=8", "train.steps_per_epoch=25"]
    command = [sys.executable, str(WORKER), str(tmp_path / "data"), str(file), *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert not done.returncode, done.stderr
    read, most = map(int, done.stdout.split())
    # 25 batches of 8: each volume once; of 200 × 16 slices, 200.
    assert read > 100 and most < 128
