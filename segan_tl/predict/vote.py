"""Voting of several models on one patient, each of which has seen another modality.

The rule, after the follow-up work of Giacomello's authors on single-modality models. Every model has one vote a voxel,
its thresholded probability; a vote counts 1 (majority) or the model's validation Dice (weighted). A voxel is tumour
where the votes for it weigh more than half of all votes. Where they weigh exactly half, it is tumour where the mean
probability, weighted alike, reaches the threshold. One model alone gives its own mask. Models whose weights are all 0
vote as equals.

Models of the same images, as those of slices of three planes are, do not vote: they are an ensemble (`predict.joint`).
"""

from collections.abc import Sequence

import numpy as np

RULES = ("majority", "weighted")
ENSEMBLES = ("mean", "weighted", "staple")  # of models of the same images
# Weights are decimal fractions: 0.3 against 0.2 + 0.1 is a tie, though not in binary.
TIE = 1e-9


def vote(
    masks: Sequence[np.ndarray],
    probabilities: Sequence[np.ndarray],
    *,
    weights: Sequence[float] | None = None,
    threshold: float = 0.5,
) -> np.ndarray:
    """Return where the models say tumour, by the rule above.

    Args:
        masks: one boolean array a model, all of one shape: its thresholded probability.
        probabilities: one array a model, of the same shape, in [0, 1]; looked at where votes tie.
        weights: one number >= 0 a model; all equal (majority) where None.
        threshold: what the mean probability must reach to settle a tie.

    Returns:
        Boolean array of the same shape.

    Raises:
        ValueError: no model, another number of probabilities or weights than of masks, or a weight below 0 or NaN.
    """
    shares = vote_shares(weights, models=len(masks))
    if len(probabilities) != len(masks):
        raise ValueError(f"expected a probability for each of {len(masks)} masks; got {len(probabilities)}")
    votes = np.stack(masks)
    result = votes.all(axis=0)
    disputed = votes.any(axis=0) & ~result
    share = shares @ votes[:, disputed]
    tied = np.abs(share - 0.5) <= TIE
    decided = (share > 0.5) & ~tied
    chances = np.stack([probability[disputed][tied] for probability in probabilities])
    # Whole tenths meet a threshold of one tenth, though their mean may miss it by a rounding.
    decided[tied] = shares @ chances.astype(np.float64) >= threshold - TIE
    result[disputed] = decided
    return result


def mean_probability(probabilities: Sequence[np.ndarray], *, weights: Sequence[float] | None = None) -> np.ndarray:
    """Return the mean of the models' probabilities, float32, weighted as their votes are."""
    shares = vote_shares(weights, models=len(probabilities))
    return sum(share * probability for share, probability in zip(shares, probabilities)).astype(np.float32)


def vote_shares(weights: Sequence[float] | None, *, models: int) -> np.ndarray:
    """Return what each vote weighs, (N,) float64 that add up to 1; equal where all weights are 0 or None."""
    if not models:
        raise ValueError("expected at least one model; got none")
    values = np.ones(models) if weights is None else np.asarray(weights, np.float64)
    if values.shape != (models,) or not (values >= 0).all():
        raise ValueError(f"expected {models} weights >= 0; got {weights}")
    return values / values.sum() if values.sum() else np.full(models, 1 / models)
