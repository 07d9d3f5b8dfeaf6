"""What waits on the disk while the members of an ensemble see a case."""

import numpy as np
import pytest

from segan_tl.predict.agreement import unpack
from segan_tl.predict.ensemble import Desk, _temporary


def test_means_and_masks_come_back_from_the_disk(tmp_path):
    rng = np.random.default_rng(0)
    mean, masks = rng.random((4, 5, 3, 2), np.float32), rng.random((2, 4, 5, 3, 2)) > 0.5
    desks = [Desk(None, tmp_path, number) for number in range(2)]
    assert desks[0].mean is None
    desks[0].keep_mean(mean)
    for place, one in enumerate(masks):
        desks[0].keep_masks(place, one)
    np.testing.assert_array_equal(desks[0].mean, mean)
    for read, one in zip(desks[0].masks(2), masks, strict=True):
        for region in range(2):
            np.testing.assert_array_equal(unpack(read()[region], (4, 5, 3)), one[..., region])
    assert desks[1].mean is None  # another case


def test_the_temporary_folder_goes_whatever_happens(tmp_path):
    with pytest.raises(KeyboardInterrupt), _temporary(tmp_path / "out") as place:
        (place / "0-mean.npy").touch()
        assert place.parent == tmp_path / "out" and place.name.startswith(".segan_tl-")
        raise KeyboardInterrupt
    assert not list((tmp_path / "out").iterdir())
