"""What `second-look` has learnt: signs of an answer → the Dice to expect, and in words what speaks against it.

    predicted Dice = mean Dice + Σ weight · (sign - mean) / std, between 0 and 1

No weight is above 0, and no sign counts for more than FARTHEST standard deviations: nothing strange can speak for an
answer, however strange it is.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from segan_tl.predict.signs import LEAST_ML
from segan_tl.schemas.reading import read_json
from segan_tl.schemas.review import Review

ALONE = "alone"
FARTHEST = 4.0
WORTH_A_WORD = 0.02  # of Dice


@dataclass(frozen=True)
class Weights:
    """What was fitted, one entry a sign.

    Attributes:
        names: of the signs.
        means, stds: of the cases that were learnt from.
        weights: Dice a standard deviation, none above 0.
        mean_dice: of these cases.
    """

    names: tuple[str, ...]
    means: np.ndarray
    stds: np.ndarray
    weights: np.ndarray
    mean_dice: float

    def costs(self, signs: Mapping[str, float | None]) -> np.ndarray:
        """Return by how much each sign lowers (above 0) or raises the Dice; 0 where one is not known."""
        return -self.weights * standardise(values_of(signs, self.names), self.means, self.stds)

    def predict(self, signs: Mapping[str, float | None]) -> float:
        """Return the Dice to expect."""
        return float(np.clip(self.mean_dice - self.costs(signs).sum(), 0, 1))


@dataclass(frozen=True)
class Reviewer:
    """A review.json.

    Attributes:
        path: of the file.
        networks_sha256: of the networks whose answers it knows, each alone or all of them together.
        together: "alone", or by what rule they answer together.
        error: which 90 % of the predicted Dice did not exceed, where they were learnt without the patient.
    """

    path: Path
    weights: Weights
    networks_sha256: tuple[str, ...]
    together: str
    error: float

    def knows(self, digests: Sequence[str], together: str) -> bool:
        """Return whether it was learnt from answers of these networks."""
        known = set(self.networks_sha256)
        return self.together == together and (
            set(digests) <= known if together == ALONE else sorted(digests) == sorted(self.networks_sha256)
        )

    def knows_each(self, digests: Sequence[str]) -> bool:
        """Return whether it judges each of these networks alone, and so their mean by the mean of their signs."""
        return self.knows(digests, ALONE)

    def review(self, signs: Mapping[str, float | None]) -> dict:
        """Return what predictions.json says of a case."""
        predicted = self.weights.predict(signs)
        return {
            "predicted_dice": round(predicted, 4),
            "low": round(max(predicted - self.error, 0), 4),
            "high": round(min(predicted + self.error, 1), 4),
            "signs": dict(signs),
            "reasons": self.reasons(signs),
        }

    def reasons(self, signs: Mapping[str, float | None]) -> list[str]:
        """Say in plain words what lowers the Dice to expect, the worst first; an empty list where nothing does."""
        costs, weights = self.weights.costs(signs), self.weights
        told = [place for place in np.argsort(-costs, kind="stable") if costs[place] >= WORTH_A_WORD]
        said = [_say(weights.names[i], signs[weights.names[i]], float(weights.means[i]), self.together) for i in told]
        unknown = [name for name in weights.names if signs.get(name) is None]
        return said + [f"{name} is not known: taken as usual" for name in unknown]


def read_reviewer(path: Path) -> Reviewer:
    """Read the file that `second-look` has written.

    Raises:
        UserError: it is missing, damaged or of another shape.
    """
    found = read_json(path, Review, absent="make it with python -m segan_tl second-look")
    signs = found["signs"]
    weights = Weights(
        tuple(sign["name"] for sign in signs),
        *(np.array([sign[key] for sign in signs], float) for key in ("mean", "std", "weight")),
        found["mean_dice"],
    )
    return Reviewer(path, weights, tuple(found["networks_sha256"]), found["together"], found["error"])


def values_of(signs: Mapping[str, float | None], names: Sequence[str]) -> np.ndarray:
    """Return the signs of these names, NaN where one is not known."""
    found = (signs.get(name) for name in names)
    return np.array([np.nan if value is None else value for value in found], float)


def standardise(values: np.ndarray, means: np.ndarray, stds: np.ndarray) -> np.ndarray:
    """Return how many standard deviations above the mean each value lies, at most FARTHEST; 0 where it is NaN."""
    return np.nan_to_num(np.clip((values - means) / stds, -FARTHEST, FARTHEST), nan=0.0)


def _say(name: str, value: float, usual: float, together: str) -> str:
    """Return a sign and what it usually is in words."""
    if name == "disagreement":
        who = "the answer and that on the mirrored image" if together == ALONE else "those that answer together"
        return f"{who} agree with Dice {1 - value:.2f} (usually {1 - usual:.2f})"
    if name == "uncertainty":
        return f"unsure in and around what was found: {value:.2f} bit a voxel (usually {usual:.2f})"
    if name == "smallness":
        return f"little was found: {_millilitres(value):.3g} ml (usually {_millilitres(usual):.3g})"
    if name == "scattered":
        return f"{100 * value:.0f} % of what was found lies outside of its largest part (usually {100 * usual:.0f} %)"
    if name == "implausible":
        return "the answer can hardly be: in air, a region outside of its own, larger than ever, or one missing"
    return f"the scan is strange beside the training's: {value:.2f} (usually {usual:.2f})"


def _millilitres(smallness: float) -> float:
    return max(10**-smallness - LEAST_ML, 0)
