"""How a network is told which modalities are there: a missing one is 0, and a plane beside the image says so.

A network for any subset of M modalities sees 2 M channels: the image, then for each modality a plane that is 1 in
the head where the modality is there, and 0 elsewhere. Zeros alone would not do, for 0 is a value of every image: the
mean of a z-score, the darkest of a range. In the head, not everywhere: a plane of one value alone is taken away again
by the first instance normalisation, and the zeros that are put around a volume go on meaning air.

HeMIS, which began this line, has a stem for each modality instead and averages the features of those that are there
[Havaei 2016]; planes serve any network, one of the user's own as well.
"""

import numpy as np

from segan_tl.data.neighbours import middle


def hide(image, present):
    """Set the modalities that are not there to 0.

    Args:
        image: (B, …, M), or (B, …, (2 n + 1) M) with neighbours: what is missing is missing in all slices.
        present: (B, M), 1 or 0.
    """
    from keras import ops

    return ops.where(_spread(present, image) > 0, image, ops.zeros_like(image))


def with_planes(image, present):
    """Return what the network sees of images, (B, …, 2 M); with neighbours (B, …, (2 n + 2) M).

    Args:
        image: (B, …, M), 0 where a modality is not there; (B, …, (2 n + 1) M) with neighbours, where the planes are
            those of the slice in the middle.
        present: (B, M), 1 or 0.
    """
    from keras import ops

    own = middle(image, image.shape[-1] // present.shape[-1] // 2)
    head = ops.cast(ops.any(ops.not_equal(own, 0), axis=-1, keepdims=True), image.dtype)
    return ops.concatenate([image, head * ops.cast(_spread(present, own), image.dtype)], axis=-1)


def planes_of_volume(volume: np.ndarray) -> np.ndarray:
    """Return the planes of a whole prepared volume (D, h, w, M), where a modality that is missing is 0 everywhere."""
    head = np.any(volume != 0, axis=-1, keepdims=True)
    return (head & there(volume)).astype(volume.dtype)


def there(volume: np.ndarray) -> np.ndarray:
    """Return which modalities of a volume (…, M) are there, (M,) bool: those that are not 0 everywhere."""
    return np.any(volume != 0, axis=tuple(range(volume.ndim - 1)))


def _spread(present, image):
    """Return (B, M) as (B, 1, …, 1, M), beside `image`, again for each of its slices."""
    from keras import ops

    slices = image.shape[-1] // present.shape[-1]
    present = ops.tile(present, (1, slices)) if slices > 1 else present
    return ops.reshape(present, (-1, *[1] * (len(image.shape) - 2), image.shape[-1]))
