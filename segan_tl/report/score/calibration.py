"""The probabilities of a run held against the truth: the temperatures that fit best, and what they are worth."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from segan_tl.config.schema import Config
from segan_tl.data.find.cases import Case, load_labelled
from segan_tl.metrics.calibration import Reliability, fit_temperature, near_border
from segan_tl.predict.network import Network
from segan_tl.predict.segment import segment_case
from segan_tl.predict.temperature import SMALLEST, Temperatures, is_exclusive, logit
from segan_tl.regions import region_masks

BAND_MM = 5.0  # on either side of the border of the truth: where probabilities are neither 0 nor 1
PLACES = ("brain", "border")
KEPT = 2**17  # voxels of a case that wait in memory until the temperatures are fitted


class Voxels(NamedTuple):
    """The brain of a case, voxel by voxel.

    Attributes:
        probability: (N, R) float32 of the network; of labels (N, 1 + R), background first.
        truth: (N, R) bool.
        near: (N, R) bool, within BAND_MM of the border of the truth.
    """

    probability: np.ndarray
    truth: np.ndarray
    near: np.ndarray


def brain_voxels(network: Network, case: Case, config: Config, *, most: int | None = None, seed: int = 0) -> Voxels:
    """Segment a labelled case and return what is said of its brain, which is where an image is not 0.

    Args:
        most: that many voxels at most, drawn by the seed; None for all.

    Raises:
        UserError: the case cannot be used, or has no label map.
    """
    loaded = load_labelled(case, config.data.modalities, any_subset=config.data.any_subset)
    probability = segment_case(network, loaded.image, config, spacing_mm=loaded.spacing_mm, case=case.id)
    truth = region_masks(loaded.labels, config.data.regions)
    borders = [near_border(mask, loaded.spacing_mm, reach_mm=BAND_MM) for mask in np.moveaxis(truth, -1, 0)]
    places = np.flatnonzero(np.any(loaded.image != 0, axis=-1))
    if most is not None and len(places) > most:
        places = np.random.default_rng(seed).choice(places, most, replace=False)
    near = np.stack([border.ravel()[places] for border in borders], axis=-1)
    channels = probability.shape[-1]
    return Voxels(probability.reshape(-1, channels)[places], truth.reshape(-1, truth.shape[-1])[places], near)


def fit(cases: Sequence[Voxels], config: Config) -> Temperatures:
    """Fit one temperature a region, or one of all labels; voxels that were not segmented (probability 0) say nothing.

    Every case weighs alike.
    """
    regions = range(len(config.data.regions))
    if is_exclusive(config):
        return Temperatures((fit_temperature([_of_labels(case) for case in cases]),) * len(regions), True)
    return Temperatures(tuple(fit_temperature([_of_region(case, i) for case in cases]) for i in regions), False)


def _of_region(case: Voxels, region: int) -> tuple[np.ndarray, np.ndarray]:
    asked = case.probability[:, region] > 0
    return case.truth[asked, region], logit(case.probability[asked, region])


def _of_labels(case: Voxels) -> tuple[np.ndarray, np.ndarray]:
    """Return the place of the true label, 0 for none, and the logarithms of the probabilities."""
    asked = case.probability.sum(axis=-1) > 0
    truth = case.truth[asked]
    return np.where(truth.any(axis=-1), 1 + truth.argmax(axis=-1), 0), np.log(
        np.maximum(case.probability[asked], SMALLEST)
    )


class Held(NamedTuple):
    """Probabilities of some cases held against the truth: (region, place) → `Reliability`."""

    before: dict[tuple[str, str], Reliability]
    after: dict[tuple[str, str], Reliability]


def hold(cases: Iterable[tuple[Voxels, Temperatures]], regions: Sequence[str]) -> Held:
    """Hold probabilities against the truth, over the brain and near the border, before and after calibration.

    Args:
        cases: voxels, and the temperatures that are to be judged on them; one in memory at a time.
    """
    held = Held(*({(region, place): Reliability() for region in regions for place in PLACES} for _ in range(2)))
    for case, temperatures in cases:
        calibrated = temperatures.calibrate(case.probability)[:, -len(regions) :]
        own = case.probability[:, -len(regions) :]
        for i, region in enumerate(regions):
            for place, there in (("brain", slice(None)), ("border", case.near[:, i])):
                for found, probability in ((held.before, own), (held.after, calibrated)):
                    inside = np.clip(probability[there, i], 0, 1)  # a mean over tiles may be 1 and a rounding
                    found[region, place].add(case.truth[there, i], inside)
    return held


def describe(held: Held) -> dict:
    """Return region → place → the two scores before and after, rounded, as calibration.json has them."""
    found: dict = {}
    for (region, place), before in held.before.items():
        after = held.after[region, place]
        scores = {
            "calibration_error": (before.calibration_error, after.calibration_error),
            "brier": (before.brier, after.brier),
        }
        found.setdefault(region, {})[place] = {"cases": before.cases} | {
            name: {"before": _rounded(first), "after": _rounded(second)} for name, (first, second) in scores.items()
        }
    return found


def _rounded(value: float) -> float | None:
    return round(value, 6) if np.isfinite(value) else None
