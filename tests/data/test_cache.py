"""The cache: written once, never stale, never half."""

import os
import shutil
from dataclasses import replace

import numpy as np
import pytest

from segan_tl.config.load import load_config
from segan_tl.data.cache import prepare_cases
from segan_tl.data.find.cases import find_cases, load_case
from segan_tl.data.preprocess import prepare_image
from segan_tl.data.volumes import prepare_volumes
from segan_tl.regions import region_masks


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
    expected = prepare_image(loaded.image, crop=config.crop, percentiles=config.percentiles)
    # float16 holds [0, 1] to 2⁻¹¹ relative.
    assert np.allclose(np.moveaxis(cached[0].image(slice(None)), 0, 2), expected, atol=5e-4)
    truth = region_masks(loaded.labels, ("wt",))
    assert cached[0].mask(slice(None)).sum() <= truth.sum() and cached[0].mask(slice(None)).any()


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
    # Same size is not forced here, but the times are: only the change time tells.
    times = source.stat()
    shutil.copyfile(donor, source)
    os.utime(source, ns=(times.st_atime_ns, times.st_mtime_ns))
    first = prepare_cases(cohort.cases, tmp_path / "cache", config=config)[0][0]
    second = prepare_cases(cohort.cases, tmp_path / "cache", config=config)[0][1]
    assert np.array_equal(first.images[0], second.images[0])
    assert len(files(tmp_path / "cache")) == len(before) + 2  # T2, and the numbers of the case
    prepare_cases(cohort.cases, tmp_path / "cache", config=config.model_copy(update={"percentiles": (1, 99)}))
    assert len(files(tmp_path / "cache")) > len(before) + 2


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
    volumes = {"modalities": ("t2", "flair"), "regions": ("wt",)}
    for prepare, how in ((prepare_cases, {"config": config}), (prepare_volumes, volumes)):
        cached, problems = prepare([bad, good], tmp_path / "cache", **how)
        assert [case.id for case in cached] == [good.id]
        assert len(problems) == 1 and problems[0].case_id == name and repr(name) in problems[0].reason
    assert [path.name for path in (tmp_path / "cache").iterdir()] == [good.id]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cache", "data"]


def test_a_case_with_an_odd_name_is_cached_like_any(cohort, config, tmp_path):
    odd = replace(cohort.cases[0], id="[b] Müller 1 (left)")
    cached, problems = prepare_cases([odd], tmp_path / "cache", config=config)
    assert not problems and cached[0].id == odd.id and (tmp_path / "cache" / odd.id).is_dir()
