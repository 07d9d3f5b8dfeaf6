"""What stands beside the clusters of `radiomics --clusters`."""

from typing import ClassVar, Literal

from segan_tl.schemas.reading import Count, Finite, Schema, Text


class ClustersJson(Schema):
    """The .json of clusters: which features, how they are computed and scaled, and the cluster of each case."""

    remedy: ClassVar[str] = "make the clusters again with --clusters"

    columns: list[Text]
    scaling: Literal["standard", "l2"]
    discretisation: Literal["32-levels", "authors"] = "32-levels"
    cases: dict[str, Count] = {}
    explained: list[Finite] = []  # share of the variance, of each component
