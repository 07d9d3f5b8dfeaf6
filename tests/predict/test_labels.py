"""Regions to label numbers and back."""

import numpy as np
import pytest

from segan_tl.predict.labels import label_scheme, paint_labels, painted_masks
from segan_tl.regions import region_masks, to_canonical


def test_a_single_region_is_one_whatever_the_convention():
    assert label_scheme(("wt",), "brats2017") == ({"wt": 1}, {1: "wt"})
    assert label_scheme(("lesion",), "lesion") == ({"lesion": 1}, {1: "lesion"})
    assert label_scheme(("et",), "unknown") == ({"et": 1}, {1: "et"})


@pytest.mark.parametrize(
    ("convention", "values"),
    [
        ("brats2017", {"wt": 2, "tc": 1, "et": 4}),
        ("brats2023", {"wt": 2, "tc": 1, "et": 3}),
        ("msd", {"wt": 1, "tc": 2, "et": 3}),
    ],
)
def test_nested_regions_get_the_numbers_of_the_convention(convention, values):
    scheme = label_scheme(("wt", "tc", "et"), convention)
    assert scheme.values == values
    assert {scheme.meanings[values[region]] for region in values} == {"ED", "NCR", "ET"}


@pytest.mark.parametrize(
    ("regions", "convention"),
    [
        (("wt", "et"), "brats2017"),  # wt without et is NCR or ED: cannot be told
        (("wt", "tc", "et"), "brats2012"),  # NCR and ET share a number there
        (("wt", "tc", "et"), "unknown"),
    ],
)
def test_labels_that_cannot_be_told_apart_are_counted(regions, convention):
    scheme = label_scheme(regions, convention)
    assert list(scheme.values.values()) == list(range(1, len(regions) + 1))
    assert scheme.meanings == {number: region for region, number in scheme.values.items()}


@pytest.mark.parametrize("regions", [("wt", "tc", "et"), ("et", "wt", "tc"), ("ncr", "ed", "et")])
def test_masks_of_a_label_file_give_the_file_back(regions):
    stored = np.random.default_rng(0).choice([0, 1, 2, 4], (5, 6, 7)).astype(np.uint8)
    masks = region_masks(to_canonical(stored, "brats2017"), regions)
    np.testing.assert_array_equal(paint_labels(masks, regions, label_scheme(regions, "brats2017")), stored)


def test_the_smallest_region_wins():
    # voxel 0 nowhere, 1 in wt, 2 in wt and et, 3 in et alone (a prediction need not be nested)
    masks = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], bool).reshape(4, 1, 1, 2)
    assert paint_labels(masks, ("wt", "et"), label_scheme(("wt", "et"), "brats2017")).ravel().tolist() == [0, 1, 2, 2]


def test_what_is_painted_is_what_the_regions_are_said_to_be():
    regions = ("wt", "tc", "et")
    scheme = label_scheme(regions, "brats2021")
    masks = np.zeros((4, 1, 1, 3), bool)
    masks[0, ..., 0] = masks[1, ..., :2] = masks[2, ...] = True
    masks[3, ..., 2] = True  # enhancing tumour outside of the whole: painted, it is part of both others
    found = painted_masks(paint_labels(masks, regions, scheme), regions, scheme)
    assert np.array_equal(found[:3], masks[:3]) and found[3].all()
