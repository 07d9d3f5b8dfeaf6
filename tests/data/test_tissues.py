"""Tissue maps in the cache: as the images were prepared, drawn once, and of nobody else."""

import numpy as np
import pytest

from segan_tl.config.load import load_config
from segan_tl.data import tissues
from segan_tl.data.cache import prepare_cases
from segan_tl.data.find.cases import find_cases
from segan_tl.data.phantom.tissue_map import draw_tissues
from segan_tl.data.phantom.write import write_cohort
from segan_tl.data.tissues import add_tissues
from segan_tl.errors import UserError


@pytest.fixture(scope="module")
def cohort(tiny_cohort):
    return find_cases(tiny_cohort)


def prepare(cohort, data, folder):
    cases, problems = prepare_cases(cohort.cases[:2], folder, config=data)
    assert not problems
    return cases


def test_a_map_is_cropped_as_its_images_are(cohort, tiny_config, tmp_path):
    cases = prepare(cohort, load_config(tiny_config).data, tmp_path)
    found = add_tissues(cases, cohort.settings, tmp_path, jobs=1)
    drawn, _ = draw_tissues("glioma-3t", case_index=1, shape=(48, 48, 31), seed=7)
    assert np.array_equal(found[1].tissues, cases[1].box.cut(drawn)) and found[1].id == "phantom-glioma-3t-seed7-0002"
    assert found[1].tissue_voxels.sum() == pytest.approx(16 * 48 * 48)
    assert cases[0].tissues is None and found[0].image is cases[0].image


def test_a_map_follows_the_grid_of_its_images(cohort, tiny_config, tmp_path):
    data = load_config(tiny_config).data.model_copy(
        update={"crop": None, "normalise": "zscore", "sampling": "random", "spacing_mm": 8.0}
    )
    case, _ = add_tissues(prepare(cohort, data, tmp_path), cohort.settings, tmp_path, jobs=1)
    assert case.tissues.shape == case.image.shape[:3] == case.labels.shape
    brain = case.image[:].any(axis=-1)
    assert np.mean((case.tissues[:] > 0) != brain) < 0.02


def test_maps_are_drawn_once_by_any_number_of_processes(cohort, tiny_config, tmp_path, monkeypatch):
    cases = prepare(cohort, load_config(tiny_config).data, tmp_path)
    found, here = add_tissues(cases, cohort.settings, tmp_path, jobs=2), tmp_path / "here"
    alone = add_tissues(cases[1:], cohort.settings, here, jobs=1)
    assert np.array_equal(found[1].tissues, alone[0].tissues)
    monkeypatch.setattr(tissues, "draw_tissues", None)  # it is not called again
    advanced = []
    add_tissues(cases, cohort.settings, tmp_path, jobs=1, advance=lambda: advanced.append(1))
    assert len(advanced) == 2


def test_a_damaged_map_is_drawn_again(cohort, tiny_config, tmp_path):
    cases = prepare(cohort, load_config(tiny_config).data, tmp_path)[:1]
    before = np.array(add_tissues(cases, cohort.settings, tmp_path, jobs=1)[0].tissues)
    file = next(tmp_path.glob("*/tissues-*.npy"))
    file.write_bytes(file.read_bytes()[:1000])
    assert np.array_equal(add_tissues(cases, cohort.settings, tmp_path, jobs=1)[0].tissues, before)


def test_hard_people_are_drawn_again_as_such(tiny_config, tmp_path):
    write_cohort(tmp_path / "hard", "glioma-3t", cases=2, shape=(48, 48, 31), seed=7, variety="hard")
    hard = find_cases(tmp_path / "hard")
    cases = prepare(hard, load_config(tiny_config).data, tmp_path)
    found = add_tissues(cases, hard.settings, tmp_path, jobs=1)
    drawn, _ = draw_tissues("glioma-3t", case_index=1, shape=(48, 48, 31), seed=7, variety="hard")
    assert np.array_equal(found[1].tissues, cases[1].box.cut(drawn))
    with pytest.raises(UserError, match="found another in the files"):
        add_tissues(cases, {**hard.settings, "variety": "plain"}, tmp_path, jobs=1)


def test_a_cohort_of_other_people_is_refused(cohort, tiny_config, tmp_path):
    cases = prepare(cohort, load_config(tiny_config).data, tmp_path)
    with pytest.raises(UserError, match="draws as phantom-glioma-3t-seed7-0001 of seed 8; found another"):
        add_tissues(cases, {**cohort.settings, "seed": 8}, tmp_path, jobs=1)
    assert not list(tmp_path.glob("*/tissues-*"))
