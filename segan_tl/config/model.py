"""Configuration of the network: which one, its sizes, and that these fit one another."""

import math
from typing import Annotated, Literal

from pydantic import Field, model_validator

from segan_tl.config.base import Section
from segan_tl.config.families import FAMILIES, OPTIONS, Family
from segan_tl.schemas.reading import Text

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
    file: Text | None = None  # of file: a .keras file of a network of one's own
    file_weights: bool | None = None  # of file: whether its weights are the first ones, too (true)
    # sigmoid: regions may overlap; softmax: labels exclude each other
    activation: Literal["sigmoid", "softmax"] = "sigmoid"
    deep_supervision: bool = True  # losses at the coarser stages, too
    pretrained: Text | None = None  # a .keras file, which `python -m segan_tl import` writes too, a run, or zoo:NAME

    @property
    def row(self) -> Family:
        """Return what is known of the family."""
        return FAMILIES[self.family]

    @property
    def stages(self) -> int:
        """Return the number of resolutions."""
        return len(self.filters) if self.filters is not None else self.row.stages

    @property
    def coarsest(self) -> tuple[int, int, int]:
        """Return how many voxels along D, H, W one of the coarsest grid covers: the patch is a multiple of them."""
        if self.row.divisor:
            return self.row.divisor
        if self.row.axes == 2:  # the first stage halves the grid, too
            return 1, 2**self.stages, 2**self.stages
        strides = self.strides or (1, *[2] * (self.stages - 1))
        each = [(one,) * 3 if isinstance(one, int) else one for one in strides]
        return tuple(math.prod(axis) for axis in zip(*each))

    @model_validator(mode="after")
    def _options_fit(self):
        known, variants = self.row.options, self.row.variants
        unknown = sorted(name for name in OPTIONS if getattr(self, name) is not None and name not in known)
        if unknown:
            raise ValueError(f"{unknown[0]} is no option of {self.family}; it has {', '.join(known)}")
        if self.variant is not None and self.variant not in variants:
            raise ValueError(f"variant {self.variant!r}: expected one of {', '.join(variants)} for {self.family}")
        if self.family == "file" and self.file is None:
            raise ValueError("family 'file' is a network of your own; say which with model.file = 'network.keras'")
        if self.deep_supervision and not self.row.deep:
            raise ValueError(f"{self.family} has one output; expected model.deep_supervision = false, found true")
        if self.family == "segan" and self.activation != "sigmoid":
            raise ValueError("segan gives each region a sigmoid; expected model.activation = 'sigmoid'")
        return self

    @model_validator(mode="after")
    def _sizes_fit(self):
        if not self.row.deep:
            return self
        if self.stages < 2:
            raise ValueError(f"model.filters {list(self.filters)}: expected at least 2 stages")
        if self.family == "mednext" and self.stages != self.row.stages:
            raise ValueError(f"model.filters has {self.stages} values; expected {self.row.stages} for mednext")
        if self.family == "cicek" and self.filters and min(self.filters) < 2:
            raise ValueError(f"model.filters {list(self.filters)}: expected at least 2 for cicek, which halves them")
        both = 2 * self.stages - 1  # encoder, bottleneck and decoder
        expected = {
            "blocks": both if self.family == "mednext" else self.stages, "decoder_blocks": self.stages - 1,
            "strides": self.stages, "kernel_sizes": self.stages,
        }  # fmt: skip
        if self.family == "nnunet" and self.stages != self.row.stages:
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
