"""What patients that a network has not seen scored, at every threshold, and what that promises for the next one."""

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from segan_tl.data.find.cases import Case, load_labelled
from segan_tl.metrics.conformal import reach, risk_bound, safest
from segan_tl.metrics.thresholds import volume_shares
from segan_tl.predict.labels import label_scheme, paint_labels, painted_masks
from segan_tl.predict.members import Member
from segan_tl.predict.network import Network
from segan_tl.predict.postprocess import binarise
from segan_tl.predict.promise import OFFSET_ML
from segan_tl.predict.segment import segment_case
from segan_tl.regions import region_masks
from segan_tl.schemas.trust import KINDS

# Even in the logit, because probabilities crowd at both ends: from 8e-7 to 1 - 8e-7, 0.5 among them.
THRESHOLDS = tuple(float(1 / (1 + np.exp(-logit))) for logit in np.arange(-14, 14.01, 0.25))
DIGITS = 6


class Scores(NamedTuple):
    """What a scan or a patient scored in a region.

    Attributes:
        missed, false: (G,) shares of the true volume at THRESHOLDS, `metrics.thresholds.volume_shares`.
        log_error: log((truth + 1 ml) / (volume + 1 ml)) of the mask that the run writes.
    """

    missed: np.ndarray
    false: np.ndarray
    log_error: float


def score_case(network: Network, member: Member, case: Case) -> dict[str, Scores]:
    """Segment a labelled case; return region → what it scored.

    Raises:
        UserError: the case cannot be used, or has no label map.
    """
    config, data = member.config, member.config.data
    loaded = load_labelled(case, data.modalities, any_subset=data.any_subset)
    probability = segment_case(network, loaded.image, config, spacing_mm=loaded.spacing_mm, case=case.id)
    truth = region_masks(loaded.labels, data.regions)
    scheme, mask = label_scheme(data.regions, case.convention), binarise(probability, config.predict)
    written = painted_masks(paint_labels(mask, data.regions, scheme), data.regions, scheme)
    own = probability[..., -len(data.regions) :]
    voxel_ml, found = loaded.geometry.voxel_volume_mm3 / 1000, {}
    for i, region in enumerate(data.regions):
        true_ml, volume_ml = (mask[..., i].sum() * voxel_ml + OFFSET_ML for mask in (truth, written))
        shares = volume_shares(truth[..., i], own[..., i], THRESHOLDS)
        found[region] = Scores(*shares, math.log(true_ml / volume_ml))
    return found


def join_scans(scans: Sequence[tuple[str, Mapping[str, Scores]]]) -> dict[str, dict[str, Scores]]:
    """Return patient → region → scores: of several scans the mean of the shares, and the volume's worst error.

    Args:
        scans: each with its patient.
    """
    of_patient: dict[str, list[Mapping[str, Scores]]] = {}
    for patient, scores in scans:
        of_patient.setdefault(patient, []).append(scores)
    return {
        patient: {region: _join([one[region] for one in own]) for region in own[0]}
        for patient, own in of_patient.items()
    }


def _join(scans: Sequence[Scores]) -> Scores:
    missed, false = (np.mean([getattr(one, kind) for one in scans], axis=0) for kind in KINDS)
    return Scores(missed, false, max((one.log_error for one in scans), key=abs))


def promise(
    patients: Mapping[str, Mapping[str, Scores]],
    regions: Sequence[str],
    alpha: float,
    *,
    weights: Mapping[str, float] | None = None,
    own: float = 1.0,
) -> dict[str, dict]:
    """Return region → what is promised for the next patient, as guarantee.json has it.

    Args:
        patients: that calibrate, with their scores.
        alpha: share of the volume, and of intervals that fail.
        weights: patient → weight; None for 1 each.
        own: weight of the next patient.
    """
    shares = None if weights is None else [weights[patient] for patient in patients]
    found = {}
    for region in regions:
        scores = [one[region] for one in patients.values()]
        control = {kind: _control(scores, kind, alpha, shares, own) for kind in KINDS}
        farthest = reach([abs(one.log_error) for one in scores], alpha, weights=shares, own=own)
        known = math.isfinite(farthest)
        found[region] = control | {"volume": {"reach": farthest if known else None}}
    return found


def _control(scores: Sequence[Scores], kind: str, alpha: float, weights, own: float) -> dict:
    """Return the threshold that keeps a share below alpha, the bound there, and what the other share is there."""
    losses = np.array([getattr(one, kind) for one in scores]).reshape(len(scores), len(THRESHOLDS))
    bound = risk_bound(losses, weights=weights, own=own)
    place = safest(bound, alpha, rising=kind == "missed")
    if place is None:
        return {"threshold": None, "bound": None, "price": None}
    other = KINDS[1 - KINDS.index(kind)]
    price = float(np.average([getattr(one, other)[place] for one in scores], weights=weights))
    return {"threshold": THRESHOLDS[place], "bound": float(bound[place]), "price": price}


# === As a file has it ===


def to_json(patients: Mapping[str, Mapping[str, Scores]]) -> dict:
    """Return patient → region → scores, rounded; what never falls still does not."""
    return {
        patient: {
            region: {"missed": _rounded(one.missed), "false": _rounded(one.false), "log_error": one.log_error}
            for region, one in scores.items()
        }
        for patient, scores in patients.items()
    }


def from_json(found: Mapping) -> dict[str, dict[str, Scores]]:
    """Return the same from the content of a guarantee.json."""
    return {
        patient: {
            region: Scores(np.array(one["missed"]), np.array(one["false"]), one["log_error"])
            for region, one in scores.items()
        }
        for patient, scores in found["scores"].items()
    }


def _rounded(values: np.ndarray) -> list[float]:
    return [round(float(value), DIGITS) for value in values]


# === Held against another cohort ===


def hold_promise(regions: Mapping[str, Mapping], patients: Mapping[str, Mapping[str, Scores]]) -> dict[str, dict]:
    """Return region → what became of a promise in patients with labels: mean shares, share of intervals that held.

    Args:
        regions: of a guarantee.json.
        patients: of the other cohort.
    """
    found = {}
    for region, promised in regions.items():
        scores, said = [one[region] for one in patients.values()], {}
        for kind in KINDS:
            threshold = promised[kind]["threshold"]
            place = None if threshold is None else int(np.argmin(np.abs(np.array(THRESHOLDS) - threshold)))
            said[kind] = None if place is None else float(np.mean([getattr(one, kind)[place] for one in scores]))
        farthest = promised["volume"]["reach"]
        inside = None if farthest is None else [abs(one.log_error) <= farthest for one in scores]
        found[region] = said | {"covered": None if inside is None else float(np.mean(inside))}
    return found


def kinds_of_scores(patients: Mapping[str, Mapping[str, Scores]], regions: Sequence[str]) -> dict[str, list[float]]:
    """Return the scores by which two cohorts are told apart: shares at 1/2, and the volume's error with its sign."""
    middle, found = THRESHOLDS.index(0.5), {}
    for region in regions:
        scores = [one[region] for one in patients.values()]
        for kind in KINDS:
            found[f"{region}, {kind} at 0.5"] = [float(getattr(one, kind)[middle]) for one in scores]
        found[f"{region}, volume"] = [one.log_error for one in scores]
    return found
