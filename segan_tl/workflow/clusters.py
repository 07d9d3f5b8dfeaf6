"""Thresholds of clusters: which of the clusters of radiomics a case is of, by its own prediction."""

from dataclasses import replace
from functools import partial
from pathlib import Path

from segan_tl.errors import UserError, some


def assign_clusters(path: Path | None, chosen, cases):
    """Return the thresholds of post-processing such that each case has those of its own cluster.

    Args:
        path: of `radiomics --clusters`, None for the thresholds of all cases.
        chosen: `predict.chosen.Chosen`, None without post-processing.
        cases: that are going to be segmented.

    Raises:
        UserError: there is no post-processing by clusters, those are others, or a case lacks an image that they need.
    """
    if path is None:
        return chosen
    if chosen is None:
        raise UserError("--clusters chooses the thresholds of --postprocess; add --postprocess FILE, or leave it out")
    from segan_tl.radiomics.ask_mirp import require_mirp
    from segan_tl.radiomics.assign import assign_case, open_clusters

    chain = open_clusters(path)
    _require_same(chosen, len(chain.centres), path)
    _require_images(cases, chain.modalities, path)
    require_mirp()
    return replace(chosen, assign=partial(assign_case, chain))


def _require_same(chosen, number: int, path: Path) -> None:
    """Refuse thresholds of no cluster, or of clusters that these are not."""
    from segan_tl.disk.manifest import sha256

    if not chosen.clusters:
        raise UserError(
            f"expected thresholds of the clusters of {path}; --postprocess has those of all cases alone; tune them "
            "with tune-postprocess --clusters, or leave --clusters out"
        )
    if strange := sorted(set(chosen.clusters) - {str(one) for one in range(number)}):
        raise UserError(
            f"expected thresholds of the clusters 0 to {number - 1} of {path}; --postprocess has some of "
            f"{some(strange)}; give the clusters that it was tuned with"
        )
    if chosen.groups_sha256 not in (None, sha256(beside := path.with_suffix(".json"))):
        raise UserError(
            f"expected the clusters that --postprocess was tuned with; {beside} is another file than those of then; "
            "give that one, or tune again with tune-postprocess --clusters"
        )


def _require_images(cases, modalities: tuple[str, ...], path: Path) -> None:
    for case in cases:
        if missing := [name for name in modalities if name not in case.images]:
            raise UserError(
                f"expected {', '.join(modalities)} of case {case.id}, which the clusters of {path} are told by; "
                f"{', '.join(missing)} is missing; add the file, or leave --clusters out"
            )
