"""Learn what signs of an answer say of its Dice, and how well: a small regression, each patient foreseen by the others.

    minimise  Σ (dice - mean dice - Σ weight · z)² + RIDGE Σ weight²,  no weight above 0

z are signs in standard deviations. RIDGE pulls as hard as one case does: it matters where cases are few, or where
signs say the same. That no weight is above 0 is what is known before any case was seen: each sign is the larger the
worse. Signs are not chosen by what they are worth here, for that would flatter: all are taken, or with fewer than
FEW patients `disagreement` alone (of six signs, so few would tell chance).
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from scipy.optimize import lsq_linear

from segan_tl.errors import UserError
from segan_tl.metrics import selective
from segan_tl.predict.reviewer import Weights, standardise, values_of
from segan_tl.predict.signs import SIGNS

RIDGE = 1.0
LEAST, FEW = 5, 10  # patients
WITHIN = 0.9


class Scored(NamedTuple):
    """A case with its signs and the Dice that it really has, the mean over the regions."""

    case: str
    patient: str
    signs: Mapping[str, float | None]
    dice: float


class Foreseen(NamedTuple):
    """What is foreseen of cases that were not learnt from, (N,) each.

    Attributes:
        predicted: Dice, between 0 and 1.
        guessed: mean Dice of what was learnt from, which knows nothing of the case.
        told: what the signs add to that. Answers are ranked by it: where each patient in turn is left out, the mean of
            the others falls as his own Dice rises, and signs that tell nothing would seem to tell the contrary.
    """

    predicted: np.ndarray
    guessed: np.ndarray
    told: np.ndarray


class Quality(NamedTuple):
    """How well the Dice is foreseen of patients who were not learnt from.

    Attributes:
        spearman: None where it is not defined.
        guess_mae: mean absolute error of the mean Dice of the other patients, which knows nothing of the case.
        area, best_area, blind_area: under the risk–coverage curve; by the true Dice; of any order.
        caught, could, failures: of `selective.failures_caught`.
        error: which WITHIN of the cases do not exceed, 1 where there are too few of them.
    """

    cases: int
    patients: int
    spearman: float | None
    mae: float
    guess_mae: float
    area: float
    best_area: float
    blind_area: float
    caught: float
    could: int
    failures: int
    error: float


def fit(cases: Sequence[Scored], names: Sequence[str]) -> Weights:
    """Fit the weights of these signs; one that is the same in all cases, or known of none, is left out."""
    signs = np.array([values_of(case.signs, names) for case in cases])
    dice = np.array([case.dice for case in cases])
    known = np.isfinite(signs).any(axis=0)
    names, signs = tuple(np.asarray(names)[known].tolist()), signs[:, known]
    means, stds = np.nanmean(signs, axis=0), np.nanstd(signs, axis=0)
    told = stds > 1e-9
    names, signs, means, stds = tuple(np.asarray(names)[told].tolist()), signs[:, told], means[told], stds[told]
    if not names:
        return Weights((), means, stds, np.zeros(0), float(dice.mean()))
    equations = np.vstack([standardise(signs, means, stds), math.sqrt(RIDGE) * np.eye(len(names))])
    found = lsq_linear(equations, np.concatenate([dice - dice.mean(), np.zeros(len(names))]), bounds=(-np.inf, 0))
    weights = np.minimum(np.where(np.abs(found.x) < 1e-9, 0, found.x), 0)
    return Weights(names, means, stds, weights, float(dice.mean()))


def require_patients(patients: Sequence[str], cases: Sequence[str]) -> None:
    """Refuse too few patients to learn from, and a case that comes twice.

    Args:
        patients: whose scan each case is.
        cases: their names, which have an entry each in review.json.

    Raises:
        UserError: it says how many there are.
    """
    if (found := len(set(patients))) < LEAST:
        raise UserError(
            f"expected at least {LEAST} patients to learn a second look from; found {found}; name a labelled cohort "
            "that the run has not learnt from with --data DIR, or take a cross-validation"
        )
    if twice := [case for case, count in Counter(cases).items() if count > 1]:
        raise UserError(f"expected every case once; found {twice[0]} twice; rename one of the two")


def choose_signs(cases: Sequence[Scored]) -> tuple[str, ...]:
    """Return the signs that so many patients can tell."""
    require_patients([case.patient for case in cases], [case.case for case in cases])
    return SIGNS[:1] if len({case.patient for case in cases}) < FEW else SIGNS


def foresee(cases: Sequence[Scored], names: Sequence[str]) -> Foreseen:
    """Return what the other patients' cases make expect of each."""
    found = Foreseen(*np.empty((3, len(cases))))
    for patient in {case.patient for case in cases}:
        weights = fit([case for case in cases if case.patient != patient], names)
        for place, case in enumerate(cases):
            if case.patient == patient:
                for values, value in zip(found, apply_weights(weights, [case])):
                    values[place] = value[0]
    return found


def apply_weights(weights: Weights, cases: Sequence[Scored]) -> Foreseen:
    """Return what was learnt elsewhere makes expect of cases."""
    predicted = np.array([weights.predict(case.signs) for case in cases])
    told = np.array([-weights.costs(case.signs).sum() for case in cases])
    return Foreseen(predicted, np.full(len(cases), weights.mean_dice), told)


def judge_foresight(cases: Sequence[Scored], foreseen: Foreseen) -> Quality:
    """Return how good a predicted Dice, learnt without the patient, is beside the true one."""
    dice, (predicted, guessed, told) = [case.dice for case in cases], foreseen
    caught, could, failures = selective.failures_caught(dice, told)
    return Quality(
        len(cases), len({case.patient for case in cases}), selective.spearman(dice, told),
        selective.mean_absolute_error(dice, predicted), selective.mean_absolute_error(dice, guessed),
        selective.area_under_risk_coverage(dice, told), selective.area_under_risk_coverage(dice, dice),
        1 - float(np.mean(dice)), caught, could, failures, error_within(dice, predicted),
    )  # fmt: skip


def error_within(dice: Sequence[float], predicted: Sequence[float], share: float = WITHIN) -> float:
    """Return the ⌈share · (n + 1)⌉-th smallest of n absolute errors, as split conformal prediction takes it; else 1."""
    errors = np.sort(np.abs(np.subtract(dice, predicted)))
    rank = math.ceil(round(share * (len(errors) + 1), 9))
    return float(errors[rank - 1]) if rank <= len(errors) else 1.0


def describe(cases: Sequence[Scored], weights: Weights, predicted: Sequence[float], quality: Quality) -> dict:
    """Return what review.json says of what was learnt, and from whom."""
    signs = zip(weights.names, weights.means, weights.stds, weights.weights)
    return {
        "mean_dice": weights.mean_dice,
        "error": quality.error,
        "signs": [
            {"name": name, "mean": float(mean), "std": float(std), "weight": float(weight)}
            for name, mean, std, weight in signs
        ],
        "quality": quality._asdict(),
        "cases": {
            case.case: {"patient": case.patient, "dice": case.dice, "predicted_dice": float(value)}
            | {"signs": dict(case.signs)}
            for case, value in zip(cases, predicted, strict=True)
        },
    }
