"""A known field is found in a shaded head, and divided out."""

import numpy as np
import pytest

from segan_tl.clinical.space.bias import correct_bias, find_head
from tests.small_heads import small_head


def test_a_known_field_is_found():
    case = small_head()
    volume, inside = case.volumes["flair"], case.brains["flair"]
    found, true = correct_bias(volume.data, volume.spacing_mm), np.log(case.biases["flair"])
    one, other = np.log(found.field[inside]), true[inside]
    assert np.corrcoef(one, other)[0, 1] > 0.85
    assert (one - other).std() < 0.7 * other.std()
    np.testing.assert_allclose(found.image * found.field, volume.data, rtol=1e-4, atol=1e-2)


def test_the_head_is_found_air_is_not():
    case = small_head()
    head, brain = find_head(case.volumes["t1c"].data), case.brains["t1c"]
    assert head[brain].mean() > 0.99 and not head[:3, :3].any() and head.mean() < 0.5


def test_n3_needs_ants():
    pytest.importorskip("ants", reason="needs pip install antspyx")
    case = small_head()
    volume, inside = case.volumes["flair"], case.brains["flair"]
    found = correct_bias(volume.data, volume.spacing_mm, method="n3")
    assert np.corrcoef(np.log(found.field[inside]), np.log(case.biases["flair"])[inside])[0, 1] > 0.7
