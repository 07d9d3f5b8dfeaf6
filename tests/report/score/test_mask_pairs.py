"""Two label files become pairs of regions, or a sentence that says why not."""

import nibabel as nib
import numpy as np
import pytest

from segan_tl.data.files.images import Source
from segan_tl.errors import UserError
from segan_tl.report.score.mask_pairs import read_pairs, read_region
from segan_tl.report.score.masks import Mask
from tests.small_masks import SHAPE, SPACING_MM, small_truth, write_mask


@pytest.fixture
def read(tmp_path):
    """Write a prediction beside a truth of BraTS 2017 and read both."""

    def read(labels, meaning="brats2023", regions=("wt", "tc", "et"), **place):
        truth = Mask("case", Source(write_mask(tmp_path / "truth.nii.gz", small_truth())), "brats2017")
        path = write_mask(tmp_path / "found.nii.gz", labels, **place)
        return read_pairs(truth, Mask("case", Source(path), meaning), regions)

    return read


def test_regions_by_hand_in_two_conventions(read):
    prediction = small_truth(enhancing=3)
    prediction[0, 0, 0] = 2
    pairs = read(prediction)
    counts = {region: (pair.counts.truth_voxels, pair.counts.false_positive) for region, pair in pairs.items()}
    assert counts == {"wt": (60, 1), "tc": (12, 0), "et": (4, 0)}
    assert pairs["wt"].spacing_mm == SPACING_MM
    assert pairs["et"].counts.true_negative == np.prod(SHAPE) - 4


def test_other_orientations_are_the_same_place(read, tmp_path):
    read(small_truth(3))
    path = tmp_path / "found.nii.gz"
    nib.save(nib.as_closest_canonical(nib.load(path)), path)
    truth = Mask("case", Source(tmp_path / "truth.nii.gz"), "brats2017")
    pair = read_pairs(truth, Mask("case", Source(path), "brats2023"), ("wt",))["wt"]
    assert pair.counts.dice == 1


def test_empty_masks_are_read(read):
    assert read(np.zeros(SHAPE, np.uint8))["et"].counts.dice == 0


def test_another_grid_is_refused(read):
    with pytest.raises(UserError, match="where its truth lies; .*: its grid is 8×7×5, the truth's 8×7×6; resample"):
        read(small_truth(3)[:, :, :5])


def test_another_place_is_refused(read):
    with pytest.raises(UserError, match="found.nii.gz: it lies elsewhere in space than the truth: a corner is 2 mm"):
        read(small_truth(3), shift_mm=2.0)


def test_unknown_numbers_are_refused(read):
    with pytest.raises(UserError, match=r"0, 1, 2, 3, 4 \(brats2023\) in .*found 9; state"):
        read(small_truth(9))
    with pytest.raises(UserError, match="0, 1, 2, 4"):
        read(small_truth(3), meaning="brats2017")


def test_labels_as_floats_and_what_are_no_labels(read):
    assert read((small_truth(3) * 0.99999997).astype(np.float32))["et"].counts.dice == 1
    with pytest.raises(UserError, match="give the mask, not probabilities"):
        read(small_truth(3) * np.float32(0.3))
    with pytest.raises(UserError, match=r"found NaN \(60 voxels\)"):
        read(np.where(small_truth(3) > 0, np.nan, 0).astype(np.float32))


def test_negative_numbers_are_refused(read):
    with pytest.raises(UserError, match="found -1"):
        read(-(small_truth(3) > 0).astype(np.int16))


def test_the_first_region_that_labels_can_tell(tmp_path):
    labels = small_truth()
    source = Source(write_mask(tmp_path / "a.nii.gz", labels))
    inside, geometry = read_region(Mask("a", source, "brats2017"), ("wt", "lesion"))
    assert inside.sum() == np.isin(labels, (1, 2, 4)).sum() and geometry.in_lps.shape == inside.shape
    lesions = Source(write_mask(tmp_path / "b.nii.gz", (labels > 0).astype(np.uint8)))
    assert read_region(Mask("b", lesions, "lesion"), ("wt", "lesion"))[0].sum() == (labels > 0).sum()
    with pytest.raises(UserError, match="tell wt"):
        read_region(Mask("b", lesions, "lesion"), ("wt",))
