"""The families of networks: one row each, which everything that asks for a family reads.

A new network is its module in segan_tl/models/, with its STAGES beside its builder (models/parts.py), and a row here.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Family:
    """A row of the table.

    Attributes:
        title: as people call it.
        module: in segan_tl/models/.
        builder: its function.
        axes: spatial axes of its input, 2 for slices, 3 for volumes; 0 where the file of the network says it.
        options: keys of [model] that the builder takes.
        variants: values of `variant`.
        stages: resolutions where `filters` is left out; None where it takes no `filters`.
        divisor: what the patch is a multiple of, along D, H, W; None: the stages' strides say it.
        deep: whether it has outputs at the coarser stages, for deep supervision.
    """

    title: str
    module: str
    builder: str
    axes: int
    options: tuple[str, ...]
    variants: tuple[str, ...] = ()
    stages: int | None = None
    divisor: tuple[int, int, int] | None = None
    deep: bool = True


FAMILIES = {
    "segan": Family(
        "SegAN", "segan", "build_segmentor", 2, ("filters", "leaky_slope", "norm_momentum"), stages=4, deep=False
    ),
    "unet3d": Family(
        "3-D U-Net", "unet", "build_unet3d", 3, ("variant", "filters"),
        ("unet3d", "unet3d_8", "ren_repo", "goat_repo"), stages=7,
    ),
    "cicek": Family("3-D U-Net (Çiçek)", "unet", "build_cicek", 3, ("filters", "norm"), stages=4),
    "nnunet": Family(
        "nnU-Net", "nnunet", "build_nnunet", 3,
        ("variant", "filters", "strides", "kernel_sizes", "blocks", "decoder_blocks"),
        ("plain", "resenc_m", "resenc_l"), stages=6,
    ),
    "mednext": Family(
        "MedNeXt", "mednext", "build_mednext", 3, ("variant", "filters", "blocks", "kernel_size"), ("s", "b", "m", "l"),
        stages=5,
    ),
    "albunet3d": Family(
        "AlbuNet3D", "albunet", "build_albunet", 3, ("variant",), ("albunet", "wacker_repo"), divisor=(1, 32, 32),
        deep=False,
    ),
    "albunet2d": Family(
        "AlbuNet2D", "albunet", "build_albunet", 2, ("variant",), ("albunet", "wacker_repo"), divisor=(1, 32, 32),
        deep=False,
    ),
    # train/recipes.py tries the patch.
    "file": Family(
        "network of one's own", "from_file", "build_from_file", 0, ("file", "file_weights"), divisor=(1, 1, 1),
        deep=False,
    ),
}  # fmt: skip
OPTIONS = tuple(dict.fromkeys(option for family in FAMILIES.values() for option in family.options))
