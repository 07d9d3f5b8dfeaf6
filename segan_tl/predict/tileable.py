"""What a network and a volume must be for one to go over the other tile by tile."""

import math
from collections.abc import Sequence

import numpy as np

from segan_tl.errors import UserError
from segan_tl.predict.network import Network, is_flat


def check_request(
    model: Network, image: np.ndarray, *, patch: tuple, overlap: tuple, mirror_axes: Sequence[int], batch_size: int
) -> None:
    """Refuse what does not go together; arguments as of `segment_volume`.

    Raises:
        UserError: image, patch, overlap or axes do not go with the model.
    """
    if np.ndim(image) != 4 or image.dtype.kind not in "iuf":
        raise UserError(
            f"expected an image (D, H, W, M) of numbers; found {np.shape(image)} {image.dtype}; give a single modality "
            "its axis with image[..., None]"
        )
    if len(patch) != 3 or min(patch) < 1 or batch_size < 1:
        raise UserError(f"expected a patch of three sizes and a batch_size, 1 or more; found {patch} and {batch_size}")
    if is_flat(model) and patch[0] != 1:
        raise UserError(f"expected a patch (1, h, w) for a 2-D network; found {patch}; set its first size to 1")
    if not all(0 <= share < 1 for share in overlap):
        raise UserError(f"expected an overlap of at least 0 and less than 1; found {overlap}; 0.5 is usual")
    if not set(mirror_axes) <= {0, 1, 2} or (is_flat(model) and 0 in mirror_axes):
        raise UserError(
            f"expected mirror axes out of {'1, 2' if is_flat(model) else '0, 1, 2'}; found {tuple(mirror_axes)}; "
            "leave the others out"
        )
    if image.shape[-1] != model.input_shape[-1]:
        raise UserError(
            f"expected {model.input_shape[-1]} modalities; found {image.shape[-1]}; give those of the training"
        )


def does_not_fit(patch: Sequence[int], error: Exception) -> UserError:
    """Return what to raise where a tile does not go through the network, or comes out smaller or larger."""
    likely = tuple(1 if size == 1 else math.ceil(size / 32) * 32 for size in patch)
    reason = next((line.strip().rstrip(".") for line in str(error).splitlines() if line.strip()), "")
    return UserError(
        f"expected a patch that comes out of the network as large as it goes in; {tuple(patch)} does not ({reason}); "
        f"choose sizes that the network's strides divide, for example {likely}"
    )
