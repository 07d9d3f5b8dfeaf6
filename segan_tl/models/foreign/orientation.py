"""nnU-Net's axes and ours, and kernels turned from one to the other.

nnU-Net reads a file as (z, y, x) and then takes the axes in the order of its plan's `transpose_forward`; our volumes
are (D, H, W) = (z, x, y): axial slices first, then the patient's left to right, then front to back, as BraTS stores
them. A network that is to answer for our volumes as it did for nnU-Net's has the axes of every kernel, stride and patch
exchanged accordingly. Nothing is mirrored: nnU-Net takes a file's axes in the direction in which they are stored.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from segan_tl.errors import UserError

OURS = (0, 2, 1)  # D, H, W as axes of (z, y, x)
PER_AXIS = ("patch_size", "spacing")
PER_STAGE = ("kernel_sizes", "strides", "conv_kernel_sizes", "pool_op_kernel_sizes")


def axes_of_plan(plan: Mapping, rank: int) -> tuple[int, ...]:
    """Return, for each of our axes, which axis of nnU-Net's network it is.

    Args:
        plan: content of plans.json; `transpose_forward` of None stands for [0, 1, 2].
        rank: spatial axes of the network.

    Returns:
        (0, 2, 1) for an ordinary plan, (1, 0) for its 2-D network.

    Raises:
        UserError: the plan's axes are no order of three, or its 2-D network sees other slices than axial ones.
    """
    forward = plan.get("transpose_forward") or [0, 1, 2]
    if sorted(forward) != [0, 1, 2]:
        raise UserError(f"the plan sets transpose_forward to {forward}: expected an order of 0, 1, 2; give its own")
    if rank == 3:
        return tuple(forward.index(axis) for axis in OURS)
    if forward[0] != 0:
        raise UserError(
            f"the plan's 2-D network sees slices along axis {forward[0]} of (z, y, x), ours are axial (0): import "
            "another configuration, or take the kernels as they are with --keep-axes"
        )
    return tuple(forward.index(axis) - 1 for axis in OURS[1:])


def inverse(order: Sequence[int]) -> tuple[int, ...]:
    """Return the order that undoes another."""
    return tuple(int(axis) for axis in np.argsort(order))


def turn_tensors(tensors: Mapping[str, np.ndarray], order: Sequence[int]) -> dict[str, np.ndarray]:
    """Exchange the spatial axes of every kernel (O, I, k…) of a PyTorch state; vectors stay."""
    kernel = (0, 1, *(2 + axis for axis in order))
    return {
        name: np.transpose(values, kernel) if np.ndim(values) == len(kernel) else values
        for name, values in tensors.items()
    }


def turn_settings(settings: Mapping, order: Sequence[int]) -> dict:
    """Exchange the axes of a plan's configuration: patch, spacing, kernels and strides, in both of its notations."""

    def turn(values):
        fits = isinstance(values, list | tuple) and len(values) == len(order)
        return [values[axis] for axis in order] if fits else values

    turned = dict(settings)
    turned |= {key: turn(settings[key]) for key in PER_AXIS if key in settings}
    turned |= {key: [turn(values) for values in settings[key]] for key in PER_STAGE if key in settings}
    if "architecture" in settings:
        sizes = turn_settings(settings["architecture"]["arch_kwargs"], order)
        turned["architecture"] = {**settings["architecture"], "arch_kwargs": sizes}
    return turned
