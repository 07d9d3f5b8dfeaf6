"""Configuration of what is read, how it is prepared, and which patches are drawn."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from segan_tl.config.base import Fraction, Modalities, Percentile, Positive, Regions, Section
from segan_tl.regions import MODALITIES

Spacing = Annotated[float, Field(ge=0.05, le=20)]
Neighbours = Annotated[int, Field(ge=0, le=4)]
# The axes of a prepared volume by the plane of its slices, which come first; then rows and columns of a slice.
AXES = {"axial": "DHW", "coronal": "WHD", "sagittal": "HDW"}


class DataConfig(Section):
    """What is read, how it is prepared, and which patches are drawn.

    A slice is a patch of depth 1. `sampling`: "random" places, a share of them on a region; the "centre" of each case;
    or "slices", each of them once before one comes again, a share of them with tumour [Giacomello 2020, IV-B].
    """

    # what the network sees, in this order; --modality sets it
    modalities: Modalities = MODALITIES
    # all: all of them of every case; any: those that a case has, in training a part of these, drawn for each example
    subsets: Literal["all", "any"] = "all"
    # with subsets = "any": chance of an example to keep one modality, two, …; None: every subset alike
    subset_shares: Annotated[tuple[Fraction, ...], Field(min_length=1)] | None = None
    regions: Regions = ("wt", "tc", "et")  # what is segmented
    # zscore: mean 0, deviation 1 inside the brain; ren: 1st to 99th percentile to 0 … 1; percentiles: the two below
    normalise: Literal["zscore", "ren", "percentiles"] = "zscore"
    percentiles: tuple[Percentile, Percentile] = (2.0, 98.0)  # that become 0 and 1, with normalise = "percentiles"
    # H, W, D around the centre, of the voxels that are resampled to; None: to the head
    crop: tuple[Positive, Positive, Positive] | None = None
    spacing_mm: Spacing | None = None  # of cubic voxels to resample to; None: the file's own
    # which way slices lie; crop and augment.mirror_axes go on naming the axes of the head
    plane: Literal[tuple(AXES)] = "axial"
    # D, H, W; of another plane than "axial" the slice, its rows and its columns: 1, H, D or 1, D, W
    patch: tuple[Positive, Positive, Positive] = (128, 128, 128)
    # where a patch lies: anywhere, in the middle of the head, or each slice once
    sampling: Literal["random", "centre", "slices"] = "random"
    # of a slice on either side, which a network of slices sees as further channels; zeros beyond the ends of the volume
    neighbours: Neighbours = 0
    foreground: Fraction = 0.33  # of the examples: on a region surely [Isensee 2021]; of slices, with tumour
    split: tuple[Fraction, Fraction, Fraction] = (0.8, 0.1, 0.1)  # parts of the patients: training, validation, test
    train_cases: Positive | None = None  # scans of the training part, chosen by the seed; None takes all

    @model_validator(mode="after")
    def _percentiles_ascend(self):
        low, high = self.percentiles
        if low >= high:
            raise ValueError(f"data.percentiles [{low:g}, {high:g}]: expected the lower one first, such as [2, 98]")
        if abs(sum(self.split) - 1) > 1e-6:
            raise ValueError(f"data.split {list(self.split)} must add up to 1")
        return self

    @property
    def any_subset(self) -> bool:
        """Return whether a case may lack modalities, which a network is told, then, of every one."""
        return self.subsets == "any"

    @property
    def axes(self) -> str:
        """Return the axes of a prepared volume, and so of a patch, by the names that they have in the head."""
        return AXES[self.plane]

    @property
    def slices(self) -> int:
        """Return how many slices a network of slices sees of each modality."""
        return 2 * self.neighbours + 1

    @model_validator(mode="after")
    def _subsets_fit(self):
        count, shares = len(self.modalities), self.subset_shares
        if self.any_subset and count < 2:
            raise ValueError(
                f"data.subsets 'any' is for several modalities; found {self.modalities[0]} alone: name more in "
                "data.modalities, or leave data.subsets out"
            )
        if shares is not None and not self.any_subset:
            raise ValueError("data.subset_shares goes with data.subsets = 'any'; leave it out")
        if shares is not None and (len(shares) != count or abs(sum(shares) - 1) > 1e-6):
            raise ValueError(
                f"data.subset_shares {list(shares)}: expected {count} shares that add up to 1, of one modality to "
                f"{count} of them"
            )
        return self

    @model_validator(mode="after")
    def _slices_fit(self):
        cropped = self.crop is not None
        if cropped != (self.sampling == "slices") or (self.normalise == "percentiles" and not cropped):
            raise ValueError(
                "data.sampling 'slices' and data.crop go together, and data.normalise 'percentiles' with them; found "
                f"{self.sampling!r}, {self.normalise!r} and {list(self.crop) if cropped else 'no crop'}"
            )
        if self.plane != "axial" and not cropped:
            raise ValueError(
                f"data.plane {self.plane!r} is of slices, to which data.crop and data.sampling 'slices' belong; found "
                "no data.crop: leave data.plane out"
            )
        if cropped:
            rows, columns = self.axes[1:]
            slice_ = [self.crop["HWD".index(axis)] for axis in (rows, columns)]
            if any(part > whole for part, whole in zip(self.patch[1:], slice_)):
                raise ValueError(
                    f"data.patch {list(self.patch)} is larger along {rows}, {columns} than data.crop "
                    f"{list(self.crop)}, whose {self.plane} slices are {slice_[0]} × {slice_[1]}"
                )
        if self.neighbours and not cropped:
            raise ValueError(
                f"data.neighbours {self.neighbours} are of slices, which data.sampling 'slices' draws; found "
                f"{self.sampling!r}: leave data.neighbours out"
            )
        return self
