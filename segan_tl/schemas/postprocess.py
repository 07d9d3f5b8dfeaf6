"""postprocess.json: the thresholds that `tune-postprocess` has chosen, and what they were worth."""

from typing import Annotated, ClassVar

from pydantic import Field

from segan_tl.schemas.reading import Count, Finite, Schema, Text

Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Volume = Annotated[Finite, Field(gt=0)]


class Sizes(Schema):
    """Components of a tissue with fewer voxels become background."""

    NCR: Count
    ED: Count
    ET: Count


class ThresholdsOf(Schema):
    """The thresholds of all cases, or of a cluster."""

    sizes_voxels: Sizes
    et_wt_ratio: Share


class ByCluster(Schema):
    """Thresholds by cluster, and those where no cluster is known."""

    all: ThresholdsOf
    clusters: dict[Text, ThresholdsOf] = {}


class Cohort(Schema):
    """The cases that thresholds were chosen on, and their clusters, as far as it is read back."""

    groups_sha256: Text | None = None  # of the groups.json of radiomics
    voxel_mm3: Annotated[list[Volume], Field(min_length=2, max_length=2)] | None = None


class Postprocess(Schema):
    """postprocess.json, as far as anything reads it back."""

    remedy: ClassVar[str] = "make it again with python -m segan_tl tune-postprocess"

    thresholds: ByCluster
    provenance: Cohort = Cohort()
