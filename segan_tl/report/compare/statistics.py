"""Statistics of scores over patients: means with their intervals, of one model and of the difference between two.

Scans of one patient are not independent: the mean of a patient's scans is one value, and values are counted, resampled
and tested.

One rule for what cannot be answered: the answer is None, never a guess. NaN (a score that is not defined) leaves out
its case, and in a comparison its pair; the number of cases that remain always stands beside the result. Infinite scores
are refused: they have no mean, and leaving them out would favour the model that failed.
"""

import math
import warnings
from collections.abc import Iterable, Mapping, Sequence
from statistics import fmean
from typing import NamedTuple

import numpy as np
from scipy import stats

from segan_tl.report.compare.paired_tests import pair_up, paired_t, wilcoxon
from segan_tl.report.record import metric_columns, number, whose

CONFIDENCE = 0.95
RESAMPLES = 9999
SEED = 0
# Random numbers drawn at once by the bootstrap: 16 million would take 128 MB.
DRAWS_AT_ONCE = 2_000_000
# Values closer than this share of the largest are equal: rounding alone tells them apart.
EQUAL = 1e-12


class Estimate(NamedTuple):
    """A mean over n patients with its bootstrap interval; None where they do not give it (interval: at least two)."""

    mean: float | None
    low: float | None
    high: float | None
    n: int


class Comparison(NamedTuple):
    """Two models on the same cases.

    Attributes:
        difference: mean of second - first over the pairs, with its interval and their number.
        first_mean: mean of the first model over the same pairs.
        second_mean: mean of the second.
        t_p: two-sided p of the paired t-test.
        wilcoxon_p: two-sided p of the Wilcoxon signed-rank test.
    """

    difference: Estimate
    first_mean: float | None
    second_mean: float | None
    t_p: float | None
    wilcoxon_p: float | None


# === One run ===


def summarise(rows: Iterable[Mapping], *, seed: int = SEED) -> dict[str, dict[str, Estimate]]:
    """Return the mean of every metric of every region over the cases of one run, with its 95 % interval.

    Args:
        rows: of metrics.csv, one a case and region, as csv.DictReader gives them: `case`, `patient` (where it is absent
            the name of the case tells), `region` and numbers, which may be strings. Empty cells and NaN are left out,
            which `n` shows.
        seed: of the bootstrap; the same rows and seed give the same interval.

    Returns:
        region → metric → Estimate(mean, low, high, n), in the order of the rows and their columns. `low` and `high` are
        None where fewer than two cases have a score.

        An infinite score (a distance to nothing) makes the mean infinite, without an interval.
    """
    by_region: dict[str, list[Mapping]] = {}
    for row in rows:
        by_region.setdefault(row["region"], []).append(row)
    return {
        region: {
            metric: _estimate(
                average_scans([number(row.get(metric)) for row in found], [whose(row) for row in found]), seed=seed
            )
            for metric in metric_columns(found)
        }
        for region, found in by_region.items()
    }


def _estimate(values: Sequence[float], *, seed: int) -> Estimate:
    if math.inf in values:
        return Estimate(math.inf, None, None, sum(not math.isnan(value) for value in values))
    return estimate_mean(values, seed=seed)


def average_scans(values: Sequence[float], patients: Sequence[str]) -> list[float]:
    """Return one value a patient, in the order of their first scans: the mean of those that are defined, else NaN.

    >>> average_scans([0.5, 0.7, 0.9], ["a", "b", "a"])
    [0.7, 0.7]
    """
    by_patient: dict[str, list[float]] = {patient: [] for patient in patients}
    for value, patient in zip(values, patients, strict=True):
        if not math.isnan(value):
            by_patient[patient].append(value)
    return [fmean(found) if found else math.nan for found in by_patient.values()]


# === Intervals ===


def estimate_mean(values: Sequence[float], *, confidence: float = CONFIDENCE, seed: int = SEED) -> Estimate:
    """Return the mean of a score over cases and its bootstrap interval.

    The interval is BCa (bias-corrected and accelerated): the scores of segmentations are skewed, most of them near the
    best with a tail of failures, and a percentile interval of their mean lies too far on the good side; BCa corrects
    that to second order and never leaves the range of the scores [Efron 1987]. Where BCa is not defined the percentile
    interval takes its place; equal values have an interval of no width, one value has none. With few cases (below about
    20) every bootstrap interval is too narrow.

    Args:
        values: one score a case; NaN is left out.
        confidence: share of repetitions whose interval would hold the true mean.
        seed: of the resampling.

    Raises:
        ValueError: a value is infinite.
    """
    values = _finite(values)
    if not len(values):
        return Estimate(None, None, None, 0)
    if len(values) == 1:
        return Estimate(float(values[0]), None, None, 1)
    if np.ptp(values) <= EQUAL * np.abs(values).max():
        return Estimate(*[float(values[0])] * 3, len(values))
    low, high = _bootstrap(values, "BCa", confidence=confidence, seed=seed)
    if not (math.isfinite(low) and math.isfinite(high)):
        low, high = _bootstrap(values, "percentile", confidence=confidence, seed=seed)
    return Estimate(fmean(values), low, high, len(values))


def _bootstrap(values: np.ndarray, method: str, *, confidence: float, seed: int) -> tuple[float, float]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # degenerate samples: the caller looks at the numbers
        interval = stats.bootstrap(
            (values,),
            np.mean,
            n_resamples=RESAMPLES,
            batch=max(1, DRAWS_AT_ONCE // len(values)),
            confidence_level=confidence,
            method=method,
            random_state=np.random.default_rng(seed),
        ).confidence_interval
    return float(interval.low), float(interval.high)


# === Two runs ===


def compare_pairs(
    first: Sequence[float], second: Sequence[float], patients: Sequence[str] | None = None, *, seed: int = SEED
) -> Comparison:
    """Compare the scores of two models on the same cases.

    Args:
        first: one score a case, of the model to compare with.
        second: of the other model, the same cases in the same order. A pair with a NaN is left out.
        patients: whose scans the cases are, in the same order; None where each has one.

    Raises:
        ValueError: the lengths differ, or a score is infinite.
    """
    if patients is not None:
        undefined = [math.isnan(one) or math.isnan(other) for one, other in zip(first, second, strict=True)]
        first, second = (
            average_scans([math.nan if gone else value for value, gone in zip(values, undefined)], patients)
            for values in (first, second)
        )
    first, second = pair_up(first, second)
    differences = second - first
    return Comparison(
        estimate_mean(differences, seed=seed),
        fmean(first) if len(first) else None,
        fmean(second) if len(second) else None,
        paired_t(first, second),
        wilcoxon(first, second),
    )


def _finite(values: Sequence[float]) -> np.ndarray:
    """Return the values that are defined."""
    values = np.asarray(values, float)
    if np.isinf(values).any():
        raise ValueError("expected finite scores; found an infinite one, which has no mean")
    return values[~np.isnan(values)]
