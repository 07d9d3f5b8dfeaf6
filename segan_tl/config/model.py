"""Configuration of the network: which one, its sizes, and that these fit one another."""

import math
from typing import Annotated, Literal

from pydantic import Field, model_validator

from segan_tl.config.base import Section
from segan_tl.schemas.reading import Text

# The options of `model` that each family takes, and its variants.
FAMILIES = {
    "segan": (("filters", "leaky_slope", "norm_momentum"), ()),
    "unet3d": (("variant", "filters"), ("unet3d", "unet3d_8", "ren_repo", "goat_repo")),
    "cicek": (("filters", "norm"), ()),
    "nnunet": (
        ("variant", "filters", "strides", "kernel_sizes", "blocks", "decoder_blocks"),
        ("plain", "resenc_m", "resenc_l"),
    ),
    "mednext": (("variant", "filters", "blocks", "kernel_size"), ("s", "b", "m", "l")),
    "albunet3d": (("variant",), ("albunet", "wacker_repo")),
    "albunet2d": (("variant",), ("albunet", "wacker_repo")),
    "file": (("file",), ()),
}
OPTIONS = (
    "variant", "filters", "blocks", "decoder_blocks", "strides", "kernel_sizes", "kernel_size", "norm", "leaky_slope",
    "norm_momentum", "file",
)  # fmt: skip
FLAT = ("segan", "albunet2d")  # families of slices
# Resolutions of a family where `filters` is left out; those of MedNeXt cannot be chosen.
STAGES = {"segan": 4, "unet3d": 7, "cicek": 4, "nnunet": 6, "mednext": 5}
ONE_OUTPUT = ("segan", "albunet2d", "albunet3d", "file")  # families without deep supervision
Width = Annotated[int, Field(gt=0, le=4096)]
Blocks = Annotated[int, Field(gt=0, le=64)]
Stride = Annotated[int, Field(gt=0, le=8)]
Kernel = Annotated[int, Field(gt=0, le=15)]


class ModelConfig(Section):
    """Which network, and its size."""

    family: Literal[tuple(FAMILIES)]  # which network
    variant: str | None = None  # of the family: unet3d, nnunet, mednext and the two of albunet have some
    filters: Annotated[tuple[Width, ...], Field(min_length=1)] | None = None  # width of every stage
    blocks: tuple[Blocks, ...] | None = None  # of every stage
    decoder_blocks: tuple[Blocks, ...] | None = None  # of every stage of the decoder
    strides: tuple[Stride | tuple[Stride, Stride, Stride], ...] | None = None  # of every stage: one, or D, H, W
    kernel_sizes: tuple[Kernel | tuple[Kernel, Kernel, Kernel], ...] | None = None  # likewise
    kernel_size: Literal[3, 5] | None = None  # of mednext
    norm: Literal["instance", "batch"] | None = None  # of cicek
    leaky_slope: float | None = Field(None, ge=0, lt=1)  # of segan: of LeakyReLU below 0 (0.2); the authors' code: 0.3
    # of segan: of BatchNormalization, as Keras counts it (0.9); the authors' code: 0.1
    norm_momentum: float | None = Field(None, gt=0, lt=1)
    file: Text | None = None  # of file: a .keras file of a network of one's own, whose weights are the first ones
    # sigmoid: regions may overlap; softmax: labels exclude each other
    activation: Literal["sigmoid", "softmax"] = "sigmoid"
    deep_supervision: bool = True  # losses at the coarser stages, too
    pretrained: Text | None = None  # a .keras file, or what `python -m segan_tl import` wrote

    @property
    def stages(self) -> int:
        """Return the number of resolutions."""
        return len(self.filters) if self.filters is not None else STAGES[self.family]

    @property
    def coarsest(self) -> tuple[int, int, int]:
        """Return how many voxels along D, H, W one of the coarsest grid covers: the patch is a multiple of them."""
        if self.family == "file":  # train/recipes.py tries the patch
            return 1, 1, 1
        if self.family.startswith("albunet"):
            return 1, 32, 32
        if self.family == "segan":  # its first stage halves the grid, too
            return 1, 2**self.stages, 2**self.stages
        strides = self.strides or (1, *[2] * (self.stages - 1))
        each = [(one,) * 3 if isinstance(one, int) else one for one in strides]
        return tuple(math.prod(axis) for axis in zip(*each))

    @model_validator(mode="after")
    def _options_fit(self):
        known, variants = FAMILIES[self.family]
        unknown = sorted(name for name in OPTIONS if getattr(self, name) is not None and name not in known)
        if unknown:
            raise ValueError(f"{unknown[0]} is no option of {self.family}; it has {', '.join(known)}")
        if self.variant is not None and self.variant not in variants:
            raise ValueError(f"variant {self.variant!r}: expected one of {', '.join(variants)} for {self.family}")
        if self.family == "file" and self.file is None:
            raise ValueError("family 'file' is a network of your own; say which with model.file = 'network.keras'")
        if self.family in ONE_OUTPUT and self.deep_supervision:
            raise ValueError(f"{self.family} has one output; expected model.deep_supervision = false, found true")
        if self.family == "segan" and self.activation != "sigmoid":
            raise ValueError("segan gives each region a sigmoid; expected model.activation = 'sigmoid'")
        return self

    @model_validator(mode="after")
    def _sizes_fit(self):
        if self.family in ONE_OUTPUT:
            return self
        if self.stages < 2:
            raise ValueError(f"model.filters {list(self.filters)}: expected at least 2 stages")
        if self.family == "mednext" and self.stages != STAGES["mednext"]:
            raise ValueError(f"model.filters has {self.stages} values; expected {STAGES['mednext']} for mednext")
        if self.family == "cicek" and self.filters and min(self.filters) < 2:
            raise ValueError(f"model.filters {list(self.filters)}: expected at least 2 for cicek, which halves them")
        both = 2 * self.stages - 1  # encoder, bottleneck and decoder
        expected = {
            "blocks": both if self.family == "mednext" else self.stages, "decoder_blocks": self.stages - 1,
            "strides": self.stages, "kernel_sizes": self.stages,
        }  # fmt: skip
        if self.family == "nnunet" and self.stages != STAGES["nnunet"]:
            for name in ("blocks", "decoder_blocks"):
                if getattr(self, name) is None:
                    raise ValueError(
                        f"model.filters has {self.stages} values; expected model.{name} with {expected[name]} beside it"
                    )
        for name, number in expected.items():
            sizes = getattr(self, name)
            if sizes is not None and len(sizes) != number:
                raise ValueError(
                    f"model.{name} has {len(sizes)} values; expected {number} for the {self.stages} stages of "
                    f"model.filters"
                )
        if self.strides and self.strides[0] not in (1, (1, 1, 1)):
            raise ValueError(f"model.strides begins with {self.strides[0]}; expected 1, for the full grid")
        kernels = (size for one in self.kernel_sizes or () for size in ([one] if isinstance(one, int) else one))
        if even := [size for size in kernels if size % 2 == 0]:
            raise ValueError(f"model.kernel_sizes holds {even[0]}; expected odd sizes, which have a middle")
        return self
