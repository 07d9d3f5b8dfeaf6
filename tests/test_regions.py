"""Label conventions and regions, with the numbers of each dataset written out."""

import numpy as np
import pytest

from segan_tl.errors import UserError
from segan_tl.regions import (
    ED,
    ET,
    LABEL_CONVENTIONS,
    LESION,
    NCR,
    RC,
    convention_labels,
    convention_regions,
    from_canonical,
    region_masks,
    region_values,
    state_convention,
    to_canonical,
)


@pytest.mark.parametrize(
    ("convention", "canonical"),
    [
        ("brats2012", {0: 0, 1: ED, 2: NCR}),
        ("brats2015", {0: 0, 1: NCR, 2: ED, 3: NCR, 4: ET}),
        ("brats2017", {0: 0, 1: NCR, 2: ED, 4: ET}),
        ("brats2023", {0: 0, 1: NCR, 2: ED, 3: ET, 4: RC}),
        ("brats_ped2024", {0: 0, 1: ET, 2: NCR, 3: NCR, 4: ED}),
        ("msd", {0: 0, 1: ED, 2: NCR, 3: ET}),
        ("lesion", {0: 0, 1: LESION}),
        ("1=ED, 2=ncr,7=ET", {0: 0, 1: ED, 2: NCR, 7: ET}),
    ],
)
def test_to_canonical(convention, canonical):
    labels = np.array(list(canonical), np.int16)
    result = to_canonical(labels, convention)
    assert result.dtype == np.uint8
    assert result.tolist() == list(canonical.values())


@pytest.mark.parametrize("convention", LABEL_CONVENTIONS)
def test_canonical_labels_survive_the_way_to_a_file_and_back(convention):
    canonical = np.array([0, *set(LABEL_CONVENTIONS[convention].values())], np.uint8)
    assert to_canonical(from_canonical(canonical, convention), convention).tolist() == canonical.tolist()


def test_enhancing_tumour_is_4_until_2021_and_3_after():
    assert from_canonical(np.array([ET]), "brats2017").tolist() == [4]
    assert from_canonical(np.array([ET]), "brats2023").tolist() == [3]


def test_the_smallest_of_two_numbers_is_written():
    assert from_canonical(np.array([NCR]), "brats2015").tolist() == [1]


def test_2012_writes_the_whole_core_as_2():
    assert from_canonical(np.array([NCR, ET, ED]), "brats2012").tolist() == [2, 2, 1]


@pytest.mark.parametrize("label", [3, 7, -1, 257, 0.5])
def test_a_label_outside_the_convention_is_refused(label):
    with pytest.raises(UserError, match=f"brats2017; found {label}"):
        to_canonical(np.array([0, 1, label]), "brats2017")


def test_a_label_that_the_convention_cannot_hold_is_refused():
    with pytest.raises(UserError, match="found RC"):
        from_canonical(np.array([RC]), "brats2017")


@pytest.mark.parametrize("convention", ["brats2O17", "", "1=ED,2", "0=ED", "1=EDEMA", "300=ET", "x=ET"])
def test_an_unreadable_convention_is_refused(convention):
    with pytest.raises(UserError, match="expected a label convention"):
        convention_labels(convention)


def test_a_near_miss_names_the_neighbour():
    with pytest.raises(UserError, match="did you mean brats2017"):
        convention_labels("brats-2017")


def test_a_convention_is_stated_by_name_where_it_has_one():
    assert state_convention({1: ED, 2: NCR, 3: ET}) == "msd"
    assert state_convention({2: NCR, 1: ET}) == "1=ET,2=NCR"


def test_regions_of_a_convention():
    assert convention_regions("brats2017") == ("wt", "tc", "et", "ed", "ncr")
    assert convention_regions("brats2023") == ("wt", "tc", "et", "ed", "ncr", "rc")
    assert convention_regions("brats2012") == ("wt", "tc", "ed")
    assert convention_regions("lesion") == ("lesion",)


def test_region_masks():
    labels = np.array([0, NCR, ED, ET, RC, LESION], np.uint8)
    masks = region_masks(labels, ("wt", "tc", "et", "lesion"))
    assert masks.dtype == bool
    assert masks.T.astype(int).tolist() == [
        [0, 1, 1, 1, 0, 0],
        [0, 1, 0, 1, 0, 0],
        [0, 0, 0, 1, 0, 0],
        [0, 0, 0, 0, 0, 1],
    ]


def test_an_unknown_region_is_refused():
    with pytest.raises(UserError, match="found 'wtt'; did you mean wt"):
        region_masks(np.zeros(1, np.uint8), ("wtt",))


def test_which_numbers_make_up_a_region():
    assert region_values("brats2017") == {"wt": (1, 2, 4), "tc": (1, 4), "et": (4,), "ed": (2,), "ncr": (1,)}
    assert region_values("msd") == {"wt": (1, 2, 3), "tc": (2, 3), "et": (3,), "ed": (1,), "ncr": (2,)}
    assert region_values("brats2012") == {"wt": (1, 2), "tc": (2,), "ed": (1,)}
    assert region_values("lesion") == {"lesion": (1,)}
    assert region_values("1=ED,2=NCR,3=ET") == region_values("msd")


def test_which_numbers_make_up_painted_regions():
    # Number 3 was painted last: it lies in all three.
    assert region_values("1=wt,2=tc,3=et") == {"wt": (1, 2, 3), "tc": (2, 3), "et": (3,)}
    assert region_values("1=wt") == region_values("wt") == {"wt": (1,)}
    assert region_values("7=et,5=tc") == {"tc": (7, 5), "et": (7,)}


def test_the_case_of_letters_does_not_matter():
    assert region_values("1=WT, 2=TC, 3=ET") == region_values("1=wt,2=tc,3=et")
    assert region_values("1=WT") == region_values("WT") == {"wt": (1,)}
    assert region_values("BraTS2012") == region_values("brats2012")
    assert convention_regions("BRATS2012") == ("wt", "tc", "ed")
    assert convention_labels("MSD") == convention_labels("msd")
    # Names that labels and regions share: labels in capitals, as ever, and regions in small letters.
    assert "wt" in region_values("1=ED,2=NCR,3=ET") and "wt" not in region_values("1=ed,2=ncr,3=et")


@pytest.mark.parametrize("statement", ["brats2016", "1=wt,2=no", "", "x=wt"])
def test_statements_that_mean_nothing_are_refused(statement):
    with pytest.raises(UserError, match="expected a label convention"):
        region_values(statement)
