"""What a network is told of the modalities: planes beside the image, the same for a patch and for a whole volume."""

import numpy as np

from segan_tl.data.presence import hide, planes_of_volume, there, with_planes

# Two examples of one row: a voxel of air, two of the head. The first has its second modality hidden.
IMAGE = np.array([[[0, 0], [3, 4], [-1, 2]], [[0, 0], [5, 0], [0, 6]]], np.float32)
PRESENT = np.array([[1, 0], [1, 1]], np.float32)


def test_what_is_hidden_is_zero_and_the_rest_is_as_it_was():
    hidden = np.array(hide(IMAGE, PRESENT))
    assert hidden.tolist() == [[[0, 0], [3, 0], [-1, 0]], [[0, 0], [5, 0], [0, 6]]]
    assert not np.signbit(hidden[0, :, 1]).any()  # a zero, not the −0 that a product would make


def test_the_planes_are_one_in_the_head_where_a_modality_is_there():
    seen = np.array(with_planes(hide(IMAGE, PRESENT), PRESENT))
    assert seen.shape == (2, 3, 4)
    assert seen[..., 2:].tolist() == [[[0, 0], [1, 0], [1, 0]], [[0, 0], [1, 1], [1, 1]]]


def test_a_whole_volume_says_itself_which_modality_it_has():
    volume = np.array(hide(IMAGE, PRESENT))[:1, None]  # (D, h, w, M)
    assert there(volume).tolist() == [True, False]
    assert planes_of_volume(volume)[0, 0].tolist() == [[0, 0], [1, 0], [1, 0]]
    seen = np.array(with_planes(volume, PRESENT[:1]))
    assert np.array_equal(seen[..., 2:], planes_of_volume(volume)) and seen.dtype == np.float32


def test_nothing_is_there_in_a_volume_of_zeros():
    assert not planes_of_volume(np.zeros((2, 3, 3, 4), np.float32)).any()
