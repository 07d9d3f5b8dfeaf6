"""Configuration of how a volume is segmented."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from segan_tl.config.base import Fractions, Positive, Section, Threshold

Overlap = Annotated[float, Field(ge=0, le=0.95)]


class PredictConfig(Section):
    """How a volume is segmented: by overlapping patches, or slice by slice as a whole."""

    whole_slices: bool = False  # what a 2-D network that is convolutional throughout can take
    area: Literal["crop", "window"] = "crop"  # "window": of whole slices the patch in their middle, and no more
    overlap: Overlap | tuple[Overlap, Overlap, Overlap] = 0.5  # of neighbouring patches, or one each for D, H, W
    weighting: Literal["gaussian", "constant"] = "gaussian"  # of a patch's voxels where patches overlap
    mirror: bool = True  # average over all flips of a patch; of whole slices, over those of augment.mirror_axes
    batch_size: Positive = 1  # patches or slices in one pass
    # threshold: each region by itself; largest: the most probable label (softmax)
    decision: Literal["threshold", "largest"] = "threshold"
    threshold: Threshold = 0.5  # with "largest": t / (1 - t) weighs the background before the largest wins
    smallest_component: Fractions = 0.0  # of the largest; several: the validation cases choose

    @model_validator(mode="after")
    def _area_fits(self):
        if self.area == "window" and not self.whole_slices:
            raise ValueError("predict.area 'window' is of whole slices; set predict.whole_slices = true beside it")
        return self
