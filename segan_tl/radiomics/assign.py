"""The cluster of a new case, of its images and where its tumour is."""

from pathlib import Path

import numpy as np

from segan_tl.data.files.geometry import Geometry, find_grid_fault
from segan_tl.data.find.case import Case
from segan_tl.data.find.cases import load_case
from segan_tl.errors import UserError
from segan_tl.radiomics.clusters import Clusters, load
from segan_tl.radiomics.cohort import describe
from segan_tl.radiomics.discretise import DISCRETISATIONS
from segan_tl.radiomics.features import columns


def open_clusters(path: Path) -> Clusters:
    """Read clusters whose features can be computed here.

    Raises:
        UserError: as `clusters.load`, or they are made of features that are not known.
    """
    chain = load(path)
    if strange := [name for name in chain.columns if name not in columns(chain.modalities)]:
        raise UserError(f"expected features of radiomics in {path}; found {strange[0]}; make the clusters again")
    return chain


def assign_case(chain: Clusters, case: Case, mask: np.ndarray, geometry: Geometry) -> tuple[int | None, str | None]:
    """Return the cluster of a case, None where its features cannot be computed, and why then.

    Args:
        case: whose images are read, those that the clusters need.
        mask: (H, W, D) bool, the whole tumour, axes in LPS order.
        geometry: its grid.
    """
    from threadpoolctl import threadpool_limits

    try:
        loaded = load_case(case, chain.modalities, with_mask=False)
        if fault := find_grid_fault(geometry, loaded.geometry, than="the prediction"):
            raise UserError(f"its images do not lie on one grid: {fault}")
        with threadpool_limits(1):  # as in the table that the clusters were made of
            features = describe(loaded, mask, chain.modalities, DISCRETISATIONS[chain.discretisation])
        return chain.assign(features), None
    except UserError as error:
        return None, str(error).removeprefix(f"case {case.id}").lstrip(": ")
