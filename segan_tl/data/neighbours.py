"""2.5-D: beside a slice its neighbours, as further channels of the image; the one in the middle is segmented.

A network of M modalities with n neighbours on either side sees (2 n + 1) M channels, slice by slice: all modalities of
slice k − n, …, all of slice k, …, all of slice k + n. Beyond the ends of the volume slices are zeros.
"""

import numpy as np


def stack_volume(volume: np.ndarray, neighbours: int) -> np.ndarray:
    """Return what a network sees of each slice of a prepared volume.

    Args:
        volume: (D, h, w, M).
        neighbours: n on either side; 0 gives the volume itself.

    Returns:
        (D, h, w, (2 n + 1) M).
    """
    if not neighbours:
        return volume
    depth = len(volume)
    padded = np.pad(volume, ((neighbours, neighbours), (0, 0), (0, 0), (0, 0)))
    return np.concatenate([padded[k : k + depth] for k in range(2 * neighbours + 1)], axis=-1)


def middle(image, neighbours: int):
    """Return the channels (…, M) of the slice itself, of an image (…, (2 n + 1) M) with n neighbours on either side."""
    if not neighbours:
        return image
    modalities = image.shape[-1] // (2 * neighbours + 1)
    return image[..., neighbours * modalities : (neighbours + 1) * modalities]


def as_channels(slab: np.ndarray) -> np.ndarray:
    """Return a slab (2 n + 1, h, w, M) as the image (h, w, (2 n + 1) M) of the slice in its middle."""
    slices, height, width, modalities = slab.shape
    return slab.transpose(1, 2, 0, 3).reshape(height, width, slices * modalities)


def as_slab(image, neighbours: int):
    """Return a tensor (h, w, (2 n + 1) M), of known shape, as the slab (2 n + 1, h, w, M) that it is."""
    from keras import ops

    height, width, channels = image.shape
    slices = 2 * neighbours + 1
    return ops.transpose(ops.reshape(image, (height, width, slices, channels // slices)), (2, 0, 1, 3))


def from_slab(slab):
    """Return a tensor (2 n + 1, h, w, M), of known shape, as an image (h, w, (2 n + 1) M): the inverse of `as_slab`."""
    from keras import ops

    slices, height, width, modalities = slab.shape
    return ops.reshape(ops.transpose(slab, (1, 2, 0, 3)), (height, width, slices * modalities))
