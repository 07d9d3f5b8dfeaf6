"""Signs of a bad answer, on small heads whose numbers are known."""

import math
from types import SimpleNamespace

import numpy as np
import pytest

from segan_tl.config.load import validate
from segan_tl.data.files.images import Geometry
from segan_tl.data.find.cases import LoadedCase
from segan_tl.data.fingerprint import fingerprint_case, fingerprint_cohort
from segan_tl.predict.members import Member
from segan_tl.predict.segmented import Segmented
from segan_tl.predict.signs import SIGNS, implausible, mean_signs, scattered, signs_of, uncertainty
from segan_tl.runs import Run

SHAPE = (20, 18, 12)


def masks(*boxes):
    """Return (H, W, D, R), each region a box."""
    found = np.zeros((*SHAPE, len(boxes)), bool)
    for region, box in enumerate(boxes):
        found[(*box, region)] = True
    return found


def cube(start, size):
    return tuple(slice(start, start + size) for _ in range(3))


def test_uncertainty_by_hand():
    # A voxel of 0.5 (1 bit) and, within two steps along the axes, its 24 neighbours of 0 (0 bits): 1 / 25.
    mask, probability = masks(cube(9, 1)), np.zeros((*SHAPE, 1), np.float32)
    probability[9, 9, 9] = 0.5
    assert uncertainty(probability, mask) == pytest.approx(1 / 25)
    # p = 0.25 everywhere: 0.25 · 2 + 0.75 · log2(4 / 3) bits.
    probability[:] = 0.25
    assert uncertainty(probability, mask) == pytest.approx(0.5 + 0.75 * math.log2(4 / 3))


def test_uncertainty_of_regions_is_their_mean_without_those_that_are_empty():
    probability = np.zeros((*SHAPE, 3), np.float32)
    probability[..., 0], probability[..., 1], probability[..., 2] = 0.5, 1.0, 0.5
    assert uncertainty(probability, masks(cube(5, 3), cube(5, 3), cube(0, 0))) == pytest.approx(0.5)
    assert uncertainty(probability, masks(cube(0, 0), cube(0, 0), cube(0, 0))) == 1


def test_uncertainty_at_the_corner_of_the_image():
    # Within two steps of a corner there are 1 + 3 + 6 = 10 voxels.
    probability = np.zeros((*SHAPE, 1), np.float32)
    probability[0, 0, 0] = 0.5
    assert uncertainty(probability, masks(cube(0, 1))) == pytest.approx(0.1)


def test_scattered():
    mask = masks(cube(2, 2))[..., 0]
    assert scattered(mask) == 0 and scattered(np.zeros(SHAPE, bool)) == 0
    mask[10:12, 10, 10] = True  # 2 of 10 voxels
    assert scattered(mask) == pytest.approx(0.2)


@pytest.mark.parametrize(
    ("boxes", "expected"),
    [
        ((cube(5, 4), cube(5, 3), cube(5, 2)), 0),
        ((cube(5, 4), cube(5, 3), cube(7, 2)), 7 / 64),  # et: 8 voxels, 1 of them in tc
        ((cube(1, 4), cube(5, 0), cube(5, 0)), 37 / 64),  # the head begins at 2: 27 of 64 are in it
    ],
)
def test_implausible_shares(boxes, expected):
    head = np.zeros(SHAPE, bool)
    head[2:, 2:, 2:] = True
    assert implausible(masks(*boxes), head, ("wt", "tc", "et"), 1, None) == pytest.approx(expected)


def test_implausible_volumes():
    head = np.ones(SHAPE, bool)
    spread = {"lowest": 1, "low": 1, "high": 9, "highest": 16}
    cohort = {"quantities": {"wt.ml": spread, "tc.ml": spread | {"lowest": 0}}}
    small = {"head": head, "regions": ("wt", "tc"), "voxel_ml": 1, "cohort": cohort}
    # 64 ml, four times the largest; no core, which is nothing new; no tumour at all.
    assert implausible(masks(cube(5, 4), cube(0, 0)), **small) == pytest.approx(math.log(4))
    assert implausible(masks(cube(5, 2), cube(0, 0)), **small) == 0
    assert implausible(masks(cube(0, 0), cube(0, 0)), **small) == 1


def segmented(mask, *, agreement=None, cohort=None, intensity=100.0):
    """Return a case of voxels of 8 mm³, whose head is the whole image, with certain answers."""
    config = validate({"data": {"modalities": ["flair"], "regions": ["wt"]}}, source="the test")
    image = np.full((*SHAPE, 1), intensity, np.float32)
    loaded = LoadedCase(image, None, Geometry(SHAPE, np.diag([-2.0, -2, 2, 1])))
    member = Member(Run("nowhere"), "run", config, {}, SimpleNamespace(cohort=cohort))
    return Segmented(loaded, (member,), mask.astype(np.float32), mask, agreement=agreement)


def test_all_signs_by_hand():
    cases = [fingerprint_case({"flair": np.full(SHAPE, 100)}, spacing_mm=(2, 2, 2))]
    cohort = fingerprint_cohort(cases, regions=("wt",))
    signs = signs_of(segmented(masks(cube(5, 5)), agreement={"wt": 0.8}, cohort=cohort))
    # 125 voxels of 0.008 ml are 1 ml.
    expected = {"disagreement": 0.2, "uncertainty": 0, "smallness": -math.log10(1.1), "scattered": 0}
    assert tuple(signs) == SIGNS
    assert signs == pytest.approx(expected | {"implausible": 0, "distance": 0}, abs=1e-5)


def test_what_is_not_known_is_none_and_nothing_found_is_small():
    signs = signs_of(segmented(masks(cube(0, 0))))
    assert signs["disagreement"] is None and signs["distance"] is None
    assert signs["smallness"] == pytest.approx(1) and signs["uncertainty"] == 1  # -log10(0.1)


def test_the_mean_over_networks_is_over_those_that_know():
    assert mean_signs([{"a": 1.0, "b": None}, {"a": 3.0, "b": None}]) == {"a": 2, "b": None}
    assert mean_signs([{"a": 1.0}, {"a": None}]) == {"a": 1}
