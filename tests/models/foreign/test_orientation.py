"""Axes of nnU-Net's networks and of ours."""

import numpy as np
import pytest

from segan_tl.errors import UserError
from segan_tl.models.foreign.orientation import axes_of_plan, inverse, turn_settings, turn_tensors


def test_axes_of_plans():
    assert axes_of_plan({}, 3) == axes_of_plan({"transpose_forward": [0, 1, 2]}, 3) == (0, 2, 1)
    # the network's axes are (y, z, x): our D = z is its 1, our H = x its 2, our W = y its 0
    assert axes_of_plan({"transpose_forward": [1, 0, 2]}, 3) == (1, 2, 0)
    assert axes_of_plan({"transpose_forward": [2, 1, 0]}, 3) == (2, 0, 1)
    assert axes_of_plan({}, 2) == (1, 0) and axes_of_plan({"transpose_forward": [0, 2, 1]}, 2) == (0, 1)
    with pytest.raises(UserError, match="slices along axis 2"):
        axes_of_plan({"transpose_forward": [2, 1, 0]}, 2)
    with pytest.raises(UserError, match="expected an order of 0, 1, 2"):
        axes_of_plan({"transpose_forward": [0, 1, 1]}, 3)


def test_there_and_back():
    order = (1, 2, 0)
    assert inverse(order) == (2, 0, 1)
    tensors = {"kernel": np.arange(24.0).reshape(1, 1, 2, 3, 4), "bias": np.ones(3)}
    turned = turn_tensors(tensors, order)
    assert turned["kernel"].shape == (1, 1, 3, 4, 2)
    assert turned["kernel"][0, 0, 2, 1, 0] == tensors["kernel"][0, 0, 0, 2, 1]
    again = turn_tensors(turned, inverse(order))
    assert all(np.array_equal(again[name], tensors[name]) for name in tensors)


def test_settings():
    settings = {
        "patch_size": [1, 2, 3],
        "batch_size": 2,
        "architecture": {"network_class_name": "x", "arch_kwargs": {"strides": [1, [1, 2, 3]], "n_stages": 2}},
        "pool_op_kernel_sizes": [[1, 2, 3]],
    }
    assert turn_settings(settings, (0, 2, 1)) == {
        "patch_size": [1, 3, 2],
        "batch_size": 2,
        "architecture": {"network_class_name": "x", "arch_kwargs": {"strides": [1, [1, 3, 2]], "n_stages": 2}},
        "pool_op_kernel_sizes": [[1, 3, 2]],
    }
