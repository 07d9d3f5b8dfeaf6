"""Files of different conventions come as the same labels."""

import numpy as np
import pytest

from segan_tl.data.files.images import Source
from segan_tl.errors import UserError
from segan_tl.regions import ED, ET, NCR
from segan_tl.report.compare.labelled import read_labelled
from segan_tl.report.score.masks import Mask
from tests.small_masks import SHAPE, small_truth, write_mask


def test_labels_of_both_sides_are_canonical_and_cut(tmp_path):
    truth = small_truth()
    prediction = np.zeros(SHAPE, np.uint8)
    prediction[1:6, 1:5, 1:4] = 1
    prediction[2:4, 2:4, 1:3] = 2  # of MSD: 1 ED, 2 NCR, 3 ET
    case = read_labelled(
        Mask("a", Source(write_mask(tmp_path / "t.nii.gz", truth)), "brats2017", "smith"),
        Mask("a", Source(write_mask(tmp_path / "p.nii.gz", prediction)), "msd"),
        fold=2,
        cluster="1",
    )
    assert (case.case_id, case.patient, case.fold, case.cluster) == ("a", "smith", 2, "1")
    assert case.truth.shape == case.prediction.shape == (5, 4, 3)
    assert np.bincount(case.truth.ravel()).tolist() == [0, 8, 48, 4] and (NCR, ED, ET) == (1, 2, 3)
    assert np.bincount(case.prediction.ravel()).tolist() == [0, 8, 52]
    assert case.voxel_mm3 == 2.0 and case.grid_voxels == np.prod(SHAPE)


def test_a_resection_cavity_is_no_tissue_of_the_tumour(tmp_path):
    labels = np.where(small_truth(3) == 1, 4, small_truth(3)).astype(np.uint8)  # 8 voxels of RC
    mask = Mask("a", Source(write_mask(tmp_path / "t.nii.gz", labels)), "brats2023", "a")
    assert np.bincount(read_labelled(mask, mask, fold=0).truth.ravel()).tolist() == [8, 0, 48, 4]


def test_another_grid_is_refused(tmp_path):
    truth = Mask("a", Source(write_mask(tmp_path / "t.nii.gz", small_truth())), "brats2017", "a")
    moved = Mask("a", Source(write_mask(tmp_path / "p.nii.gz", small_truth(), shift_mm=5)), "brats2017")
    with pytest.raises(UserError, match="expected the prediction of a where its truth lies"):
        read_labelled(truth, moved, fold=0)
