import numpy as np

from segan_tl.metrics.unions import unions, with_unions
from segan_tl.regions import ED, ET, NCR, region_masks


def test_labels_add_up_to_regions():
    assert unions(("ncr", "ed", "et")) == {"wt": (0, 1, 2), "tc": (0, 2)}
    assert unions(("et", "ncr")) == {"tc": (0, 1)}
    assert unions(("tc", "ed")) == {"wt": (0, 1)}
    assert unions(("wt", "tc", "et")) == unions(("wt",)) == unions(("lesion",)) == {}


def test_unions_are_added_behind_the_labels():
    labels = np.array([0, NCR, ED, ET], np.uint8)
    masks, names = with_unions(region_masks(labels, ("ed", "et", "ncr")), ("ed", "et", "ncr"))
    assert names == ("ed", "et", "ncr", "wt", "tc")
    assert masks.T.astype(int).tolist() == [[0, 0, 1, 0], [0, 0, 0, 1], [0, 1, 0, 0], [0, 1, 1, 1], [0, 1, 0, 1]]
    nested = region_masks(labels, ("wt", "tc", "et"))
    assert with_unions(nested, ("wt", "tc", "et"))[0] is nested
