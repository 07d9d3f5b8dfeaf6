"""The rows of jax_speed.py: a network, what is done with it and in which precision, and the arrays it is done to."""

from typing import NamedTuple

import numpy as np

from segan_tl.config.load import load_config
from segan_tl.config.schema import Config


class Network(NamedTuple):
    """A configuration, and where PyTorch has the same network."""

    config: str
    package: str | None = None  # of the original, by the name it is imported by
    grouped: bool = False  # its depthwise convolutions as the backend's grouped ones


# The most wanted first.
NETWORKS = {
    "nnunet": Network("nnunet", "dynamic_network_architectures"),
    "segan_cat": Network("segan_cat", "torch"),
    "mednext_s_grouped": Network("mednext_s", "monai", grouped=True),
    "mednext_s": Network("mednext_s", "monai"),
    "mednext_b_grouped": Network("mednext_b", "monai", grouped=True),
    "mednext_b": Network("mednext_b", "monai"),
    "unet3d": Network("unet3d"),
    "albunet3d": Network("albunet3d"),
    "albunet2d": Network("albunet2d"),
    "mednext_m_grouped": Network("mednext_m", "monai", grouped=True),
    "mednext_m": Network("mednext_m", "monai"),
    "mednext_l_grouped": Network("mednext_l", "monai", grouped=True),
    "mednext_l": Network("mednext_l", "monai"),
}
KINDS, PRECISIONS = ("training", "inference"), ("bfloat16", "float32")
HEAD = (140, 170, 140)  # voxels of a case along D, H, W
SLICES = 128  # of a case of SegAN-CAT
# What every volume is trained by here, so that both sides can do the same: nnU-Net's own.
TRAINING = {
    "loss": "dice_bce", "optimizer": "sgd", "learning_rate": 1e-2, "momentum": 0.99, "weight_decay": 0.0,
    "clip_norm": 12.0, "schedule": "constant",
}  # fmt: skip


class Row(NamedTuple):
    """A row of the table."""

    network: str
    kind: str
    precision: str


class Sizes(NamedTuple):
    """Numbers of voxels and of patches."""

    patch: tuple[int, int, int]
    batch: int  # patches of a training step
    head: tuple[int, int, int]
    tiles: int  # in one pass of inference
    overlap: tuple[float, float, float]

    @property
    def flat(self) -> bool:
        """Tell whether the network sees slices."""
        return self.patch[0] == 1


def config_of(network: str) -> Config:
    """Return what is measured: SegAN-CAT as configured; of a volume network and patch, three regions, `TRAINING`."""
    name = NETWORKS[network].config
    published = load_config(name)
    if published.critic:
        return published
    model = published.model.model_dump(exclude_unset=True) | {"activation": "sigmoid"}
    train = {name: getattr(published.train, name) for name in ("batch_size", "supervise_coarsest")}
    predict = {name: getattr(published.predict, name) for name in ("overlap", "batch_size")}
    data = {name: getattr(published.data, name) for name in ("modalities", "patch")}
    return Config.model_validate(
        {
            "name": name, "model": model, "train": TRAINING | train, "predict": predict | {"mirror": False},
            "data": data | {"regions": ["wt", "tc", "et"]},
        }
    )  # fmt: skip


def sizes_of(network: str, config: Config, *, size: int | None, batch_size: int | None) -> Sizes:
    """Return the published sizes, or with `size` those of a trial: patches of about that edge, a case of two of them.

    Along W a trial beside PyTorch has two voxels of the coarsest grid: its instance normalisation refuses a single one.
    """
    patch, beside = config.data.patch, NETWORKS[network].package
    if size:
        whole = zip(patch, config.model.coarsest, (1, 1, 2 if beside else 1), strict=True)
        patch = tuple(
            full if full == 1 else min(full, max(size // least, fewest) * least) for full, least, fewest in whole
        )
    if config.predict.whole_slices:
        head = (SLICES if not size else 8, *patch[1:])
    else:
        wanted = HEAD if not size else (patch[0] + 1, *patch[1:])
        head = tuple(max(pair) for pair in zip(wanted, patch, strict=True))
    overlap = (0.0,) * 3 if config.predict.whole_slices else np.broadcast_to(config.predict.overlap, 3).tolist()
    batch = min(config.train.batch_size, batch_size or config.train.batch_size)
    return Sizes(patch, batch, head, config.predict.batch_size, tuple(overlap))


def make_batch(config: Config, sizes: Sizes) -> tuple[np.ndarray, np.ndarray]:
    """Return noise with balls in it, (B, …, M), and the balls as masks, (B, …, R); the same every time."""
    shape = sizes.patch[1:] if sizes.flat else sizes.patch
    generator = np.random.default_rng(0)
    grid = np.indices(shape) / np.reshape(shape, (-1, *[1] * len(shape))) - 0.5
    distance = np.sqrt((grid**2).sum(axis=0))
    mask = np.stack([distance < radius for radius in (0.4, 0.3, 0.2)[: config.classes]], axis=-1)
    mask = np.broadcast_to(mask, (sizes.batch, *mask.shape)).astype(np.float32)
    image = generator.normal(size=(*mask.shape[:-1], config.channels)).astype(np.float32)
    return image + mask[..., :1], mask


def make_case(config: Config, sizes: Sizes) -> np.ndarray:
    """Return a volume of noise, (D, H, W, M)."""
    return np.random.default_rng(1).normal(size=(*sizes.head, config.channels)).astype(np.float32)


def corners_of(sizes: Sizes) -> tuple[np.ndarray, np.ndarray]:
    """Return the first voxel of every tile, (batches, tiles, 3), and whether it counts: the last batch is filled up.

    As in MONAI's sliding window a tile begins every (1 − overlap) · patch voxels, the last one at the end.
    """
    axes = []
    for length, tile, overlap in zip(sizes.head, sizes.patch, sizes.overlap, strict=True):
        step = max(int(tile * (1 - overlap)), 1)
        axes.append(sorted({min(start, length - tile) for start in range(0, length - tile + step, step)}))
    corners = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
    tiles = min(sizes.tiles, len(corners))
    filled = -len(corners) % tiles
    counts = np.concatenate([np.ones(len(corners)), np.zeros(filled)]).astype(np.float32)
    corners = np.concatenate([corners, corners[-1:].repeat(filled, axis=0)]).astype(np.int32)
    return corners.reshape(-1, tiles, 3), counts.reshape(-1, tiles)
