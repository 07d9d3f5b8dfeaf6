"""Whether probabilities mean what they say: reliability, expected calibration error, Brier score, temperature.

Of a calibrated network, of the voxels that it gives 0.7, 70 % are tumour. Every case weighs alike, however many voxels
it has.
"""

from collections.abc import Callable, Sequence

import numpy as np
from scipy import ndimage
from scipy.optimize import minimize_scalar

from segan_tl.metrics.distances import bounding_box

BINS = 15  # of equal width [Guo 2017]
SHARPEST, FLATTEST = 0.05, 20.0  # temperatures that are looked at


class Reliability:
    """Probabilities in bins beside how often they came true; counts of one case after the other.

    Args:
        bins: of equal width from 0 to 1.

    Attributes:
        cases: that had voxels.
        weight, probability, truth: (bins,) sums over cases of a case's shares: of its voxels that lie in a bin, of
            their probabilities, of those that are truly inside.

    Example:
        >>> found = Reliability(bins=2)
        >>> found.add(np.array([False, True]), np.array([0.25, 0.75]))
        >>> found.calibration_error, found.brier
        (0.25, 0.0625)
    """

    def __init__(self, bins: int = BINS):
        self.weight, self.probability, self.truth = np.zeros((3, bins))
        self.cases = 0
        self._squares = 0.0

    def add(self, truth: np.ndarray, probability: np.ndarray) -> None:
        """Add a case; one without voxels changes nothing.

        Args:
            truth: (N,) bool.
            probability: (N,) in [0, 1].

        Raises:
            ValueError: the shapes differ, or a probability is none.
        """
        truth, probability = np.asarray(truth, bool), np.asarray(probability, np.float64)
        if truth.shape != probability.shape or truth.ndim != 1:
            raise ValueError(f"expected truth and probability (N,); got {truth.shape} and {probability.shape}")
        if not ((probability >= 0) & (probability <= 1)).all():  # NaN, too
            raise ValueError("expected probabilities from 0 to 1; got others")
        if not truth.size:
            return
        bins = len(self.weight)
        place = np.minimum((probability * bins).astype(int), bins - 1)
        for total, values in ((self.weight, None), (self.probability, probability), (self.truth, truth)):
            total += np.bincount(place, values, minlength=bins) / truth.size
        self._squares += float(np.mean((probability - truth) ** 2))
        self.cases += 1

    @property
    def calibration_error(self) -> float:
        """Return the mean over voxels of |mean probability − share of truth| of their bin [Guo 2017]; NaN of none.

        The bins are those of all cases together: what one case has too much and another too little cancels.
        """
        return float(np.abs(self.probability - self.truth).sum() / self.cases) if self.cases else float("nan")

    @property
    def brier(self) -> float:
        """Return the mean square of probability − truth [Brier 1950]; NaN where there are no cases."""
        return self._squares / self.cases if self.cases else float("nan")

    def points(self) -> tuple[np.ndarray, np.ndarray]:
        """Return mean probability and share of truth of the bins that hold something, for a diagram."""
        there = self.weight > 0
        return self.probability[there] / self.weight[there], self.truth[there] / self.weight[there]


def near_border(truth: np.ndarray, spacing_mm: Sequence[float], *, reach_mm: float) -> np.ndarray:
    """Return the voxels, inside and outside, within `reach_mm` of one on the other side of a mask's border.

    Args:
        truth: (H, W, D) bool.
        spacing_mm: along H, W, D.
        reach_mm: from centre to centre.

    Returns:
        (H, W, D) bool; nothing where the mask is empty, or full.
    """
    near = np.zeros(truth.shape, bool)
    if not truth.any():
        return near
    box = bounding_box(truth, margin_voxels=int(np.ceil(reach_mm / min(spacing_mm))) + 1)
    for side in (truth[box], ~truth[box]):
        if not side.all():  # there is another side
            to_other_mm = ndimage.distance_transform_edt(side, sampling=spacing_mm)
            near[box] |= side & (to_other_mm <= reach_mm)
    return near


# === Temperature ===


def fit_temperature(cases: Sequence[tuple[np.ndarray, np.ndarray]]) -> float:
    """Return the temperature T of the smallest negative log-likelihood, the mean over cases of the mean over voxels.

    Probabilities σ(logit / T); of labels that exclude each other softmax(log p / T). The likelihood is convex in 1 / T
    [Guo 2017], of which the smallest value is looked for.

    Args:
        cases: each the truth (N,) bool and the logits (N,); or the place of the true label (N,) int and the logits
            (N, K), up to a constant a voxel. One without voxels says nothing.

    Returns:
        From `SHARPEST` to `FLATTEST`; 1 where no case has voxels. At one of these ends the data ask for more: of a
        network that makes no mistake, for the sharpest.
    """
    losses = [_loss_of(truth, logits) for truth, logits in cases if len(truth)]
    if not losses:
        return 1.0
    found = minimize_scalar(
        lambda inverse: sum(loss(inverse) for loss in losses) / len(losses),
        bounds=(1 / FLATTEST, 1 / SHARPEST), method="bounded", options={"xatol": 1e-5},
    )  # fmt: skip
    temperature = 1 / float(found.x)
    for end in (SHARPEST, FLATTEST):  # the search comes near an end and never there
        temperature = end if abs(temperature / end - 1) < 1e-3 else temperature
    return temperature


def _loss_of(truth: np.ndarray, logits: np.ndarray) -> Callable[[float], float]:
    """Return 1 / T → mean negative log-likelihood of a case."""
    if logits.ndim == 1:
        against = np.where(truth, -logits, logits).astype(np.float64)  # what speaks for the wrong side
        return lambda inverse: float(np.logaddexp(0, inverse * against).mean())
    own = np.take_along_axis(logits, truth[:, None].astype(int), axis=1)
    behind = (logits - own).astype(np.float64)
    return lambda inverse: float(np.logaddexp.reduce(inverse * behind, axis=1).mean())
