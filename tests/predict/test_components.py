"""Small components and little enhancing tumour, counted by hand."""

import numpy as np
import pytest

from segan_tl.errors import UserError
from segan_tl.predict.components import TISSUES, Thresholds, label_components, postprocess_labels, tissue_values
from segan_tl.regions import ED, ET, NCR

CANONICAL = {tissue: (label,) for tissue, label in TISSUES.items()}


def thresholds(ncr=0, ed=0, et=0, ratio=0.0) -> Thresholds:
    return Thresholds({"NCR": ncr, "ED": ed, "ET": et}, ratio)


def small_map() -> np.ndarray:
    """Return 12 voxels of ED, beside them 4 of NCR and 2 of ET; far away 3 of ED, and 1 of ET."""
    labels = np.zeros((12, 6, 4), np.uint8)
    labels[0:3, 0:2, 0:2] = ED
    labels[3, 0:2, 0:2] = NCR
    labels[4, 0:2, 0] = ET
    labels[8:11, 4, 1] = ED
    labels[8, 0, 3] = ET
    return labels


def counted(labels: np.ndarray) -> dict[str, int]:
    return {tissue: int((labels == label).sum()) for tissue, label in TISSUES.items()}


@pytest.mark.parametrize(
    ("chosen", "left"),
    [
        (thresholds(), {"NCR": 4, "ED": 15, "ET": 3}),
        (thresholds(ed=3), {"NCR": 4, "ED": 15, "ET": 3}),  # not fewer than 3
        (thresholds(ed=4), {"NCR": 4, "ED": 12, "ET": 3}),
        (thresholds(ed=13), {"NCR": 4, "ED": 0, "ET": 3}),
        (thresholds(et=2), {"NCR": 4, "ED": 15, "ET": 2}),
        (thresholds(ncr=5, et=3), {"NCR": 0, "ED": 15, "ET": 0}),
        # ET / WT is 3 / 22 = 0.136
        (thresholds(ratio=0.13), {"NCR": 4, "ED": 15, "ET": 3}),
        (thresholds(ratio=0.14), {"NCR": 7, "ED": 15, "ET": 0}),
        # Of what is left after the sizes: 2 / 18 = 0.111
        (thresholds(ed=4, et=2, ratio=0.12), {"NCR": 6, "ED": 12, "ET": 0}),
        (thresholds(ed=4, et=2, ratio=0.11), {"NCR": 4, "ED": 12, "ET": 2}),
    ],
)
def test_what_is_left(chosen, left):
    labels = small_map()
    assert counted(postprocess_labels(labels, CANONICAL, chosen)) == left
    np.testing.assert_array_equal(labels, small_map())  # as it was


def test_a_ratio_that_is_met_is_not_below():
    labels = np.zeros((4, 1, 1), np.uint8)
    labels[:, 0, 0] = (ET, ED, ED, ED)  # 1 / 4
    assert counted(postprocess_labels(labels, CANONICAL, thresholds(ratio=0.25)))["ET"] == 1
    assert counted(postprocess_labels(labels, CANONICAL, thresholds(ratio=0.3)))["ET"] == 0


def test_corners_join_a_component():
    mask = np.zeros((2, 2, 2), bool)
    mask[0, 0, 0] = mask[1, 1, 1] = True
    numbers, voxels = label_components(mask)
    assert voxels.tolist() == [0, 2] and numbers[0, 0, 0] == numbers[1, 1, 1] == 1


def test_nothing_stays_nothing():
    empty = np.zeros((3, 3, 3), np.uint8)
    assert not postprocess_labels(empty, CANONICAL, thresholds(100, 100, 100, 0.95)).any()
    assert label_components(empty > 0)[1].tolist() == [0]


def test_without_enhancing_tumour_nothing_is_redefined():
    labels = np.where(small_map() == ET, 0, small_map())
    found = postprocess_labels(labels, CANONICAL, thresholds(ratio=0.95))
    np.testing.assert_array_equal(found, labels)


def test_numbers_of_a_file_mean_what_they_mean_there():
    assert tissue_values("brats2017") == {"NCR": (1,), "ED": (2,), "ET": (4,)}
    assert tissue_values("brats2023") == {"NCR": (1,), "ED": (2,), "ET": (3,)}
    assert tissue_values("msd") == {"NCR": (2,), "ED": (1,), "ET": (3,)}
    assert tissue_values("brats_ped2024") == {"NCR": (2, 3), "ED": (4,), "ET": (1,)}
    assert tissue_values("1=wt,2=tc,3=et") == {"NCR": (2,), "ED": (1,), "ET": (3,)}
    labels = np.zeros((8, 1, 1), np.int16)
    labels[:, 0, 0] = (4, 4, 4, 4, 1, 2, 3, 9)  # of BraTS-PED, and a number of no tissue
    found = postprocess_labels(labels, tissue_values("brats_ped2024"), thresholds(ncr=3, ratio=0.3))
    assert found[:, 0, 0].tolist() == [4, 4, 4, 4, 2, 0, 0, 9] and found.dtype == labels.dtype


@pytest.mark.parametrize("meaning", ["brats2012", "lesion", "wt", "1=wt,2=et", "1=ED,2=NCR"])
def test_labels_that_do_not_tell_the_tissues_apart_are_refused(meaning):
    with pytest.raises(UserError, match="expected labels that tell NCR, ED and ET apart"):
        tissue_values(meaning)
