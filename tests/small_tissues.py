"""Small prepared cases whose tissues are known, and a configuration of volumes for them."""

import numpy as np

from segan_tl.data.cache import CachedCase
from segan_tl.data.phantom.tissue_map import CODES, compose, count_voxels
from segan_tl.data.prepare import Box
from tests.data.published_augmentation import NNUNET
from tests.data.test_patches import settings


def tissue_case(
    seed: int, *, shape=(9, 40, 36), channels: int = 1, regions=("wt",), tissues: bool = True
) -> CachedCase:
    """Return white matter in grey matter in fluid, with a tumour, and a border of air around."""
    z, y, x = np.indices(shape)
    radius = np.hypot(y - 19.5, x - 17.5) + np.random.default_rng(seed).normal(0, 0.3, shape)
    shares = {
        "wm": np.clip(9 - radius, 0, 1), "gm": np.clip(13 - radius, 0, 1) - np.clip(9 - radius, 0, 1),
        "csf": (radius < 16) - np.clip(13 - radius, 0, 1),
    }  # fmt: skip
    labels = ((radius < 5) & (z > 2) & (z < 7)).astype(np.uint8) * 2
    shares = {name: np.where(labels > 0, 0, share) for name, share in shares.items()} | {"edema": labels > 0}
    by_code = {CODES[name]: share.astype(np.float32) for name, share in shares.items()}
    made = compose(by_code.get)
    image = np.random.default_rng(seed).random((*shape, channels)) * (made > 0)[..., None]
    box = Box((0, 0, 0), (*shape[1:], shape[0]), (*shape[1:], shape[0]))
    return CachedCase(
        f"tissues{seed}", image.astype(np.float16), labels, {"wt": np.argwhere(labels > 0)}, box, regions,
        tissues=made if tissues else None, tissue_voxels=count_voxels(made) if tissues else None,
    )  # fmt: skip


def painted_volumes(contrast: str):
    """Return a configuration of small volumes with two modalities, changed as nnU-Net does."""
    config = settings((8, 16, 16), augment=NNUNET, steps=2, regions=("wt",))
    return config.model_copy(update={"phantom": config.phantom.model_copy(update={"contrast": contrast})})
