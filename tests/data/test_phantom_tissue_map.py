"""Tissue maps of synthetic patients: two tissues a voxel, of the person that is simulated."""

import numpy as np
import pytest

from segan_tl.data.phantom import simulate_case
from segan_tl.data.phantom.subject import draw_person
from segan_tl.data.phantom.tissue_map import (
    CODES, FIRST, KINDS, PARTS, SECOND, SHARE, compose, count_voxels, draw_tissues, resample_tissues,
)  # fmt: skip

PERSON = {"cohort": "glioma-3t", "case_index": 1, "shape": (60, 60, 38), "seed": 0}
WM, GM, CSF = (CODES[name] for name in ("wm", "gm", "csf"))


@pytest.fixture(scope="module")
def drawn():
    return draw_tissues(**PERSON)


def test_a_composition_is_the_two_largest_shares():
    # The fourth voxel is empty. 0.7 of white and grey matter: (2 · 0.7 − 1) · 7 = 2.8, level 3, 1/2 + 3/14 = 10/14.
    # Of 0.5, 0.3 and 0.2 the last is left out: 0.5 / 0.8 = 0.625, level round(1.75) = 2, 9/14.
    shares = {WM: [1.0, 0.7, 0.3, 0.0], GM: [0.0, 0.3, 0.5, 0.0], CSF: [0.0, 0.0, 0.2, 0.0]}
    found = compose(lambda code: np.array(shares[code], np.float32) if code in shares else None)
    assert found.dtype == np.uint16 and found[3] == 0
    assert FIRST[found].tolist() == [WM, WM, GM, 0] and SECOND[found].tolist() == [WM, GM, WM, 0]
    assert SHARE[found[:3]] == pytest.approx([1, 10 / 14, 9 / 14])


def test_parts_of_a_composition_add_up_to_one():
    assert PARTS.shape == (KINDS, len(FIRST)) and np.allclose(PARTS.sum(axis=0), 1)


def test_the_map_is_of_the_person_that_is_simulated(drawn):
    tissues, labels = drawn
    case = simulate_case(**PERSON)
    assert np.array_equal(labels, case.labels)
    assert np.array_equal(tissues > 0, case.images["t2"] > 0)


def test_labelled_voxels_hold_what_their_label_says(drawn):
    tissues, labels = drawn
    for label, names in ((1, ("necrosis",)), (2, ("edema",)), (4, ("rim",))):
        part = sum(PARTS[CODES[name]][tissues] for name in names)
        assert part[labels == label].mean() > 0.5 > 10 * part[labels == 0].mean()


def test_two_tissues_say_nearly_all():
    shares = np.sort(np.stack(list(draw_person(**PERSON).drawing.shares.values())), axis=0)
    assert shares[:-2].sum(axis=0).mean() < 0.08  # of the brain at 4 mm; 0.012 at 2 mm


def test_voxels_are_counted_by_their_shares(drawn):
    tissues, _ = drawn
    counts = count_voxels(tissues)
    assert counts.sum() == pytest.approx(tissues.size) and counts[0] == (tissues == 0).sum()
    assert counts[WM] == pytest.approx(PARTS[WM][tissues].sum(dtype=np.float64))


def test_on_a_coarser_grid_shares_are_averaged():
    # Along H two voxels of white, two of grey matter become three of 1 1/3: white, half and half, grey.
    line = np.array([WM, WM, GM, GM])
    found = resample_tissues(compose(lambda code: (line == code).astype(np.float32)).reshape(1, 4, 1), (1, 3, 1))
    assert PARTS[WM][found].ravel()[[0, 2]] == pytest.approx([1, 0], abs=0.1)
    assert PARTS[WM][found].ravel()[1] == pytest.approx(0.5, abs=0.04)
    assert resample_tissues(found, (1, 3, 1)) is found
