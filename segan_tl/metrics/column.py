"""What a score is, and what is computed of a case: the classes behind the table of scores."""

import functools
from collections.abc import Callable
from dataclasses import dataclass

from segan_tl.metrics.challenges import CHALLENGES, Challenge, JoinedLesions, MatchedLesions
from segan_tl.metrics.distances import DEFAULT_HD95
from segan_tl.metrics.lesions import LesionScores, score_lesions
from segan_tl.metrics.matches import MatchedScores, match_lesions
from segan_tl.metrics.pair import MaskPair


@dataclass(frozen=True)
class Plan:
    """What is computed of every case.

    Attributes:
        regions: names as in `regions.region_values`.
        hd95: definitions out of HD95_DEFINITIONS, each in a column that names it; none for the default's hd95_mm alone.
        tolerances_mm: of surface Dice, none for no such score.
        challenge: a name of CHALLENGES for the scores of its rules, None for none.
        upstream_defects: by the rules of 2026, whether the voxel size is taken as brats-evaluation 0.0.10 does: in the
            reverse order of the axes for lesions, and not at all for whole regions.
    """

    regions: tuple[str, ...]
    hd95: tuple[str, ...] = (DEFAULT_HD95,)
    tolerances_mm: tuple[float, ...] = (1.0,)
    challenge: str | None = None
    upstream_defects: bool = False

    @property
    def rules(self) -> Challenge | None:
        """Return the rules of the challenge, None for none."""
        return None if self.challenge is None else CHALLENGES[self.challenge]

    @property
    def joins(self) -> bool:
        """Return whether the challenge joins lesions, as in 2023."""
        return self.rules is not None and isinstance(self.rules.rule, JoinedLesions)

    @property
    def matches(self) -> bool:
        """Return whether it matches lesions one to one, as in 2026."""
        return self.rules is not None and isinstance(self.rules.rule, MatchedLesions)

    @property
    def divides(self) -> bool:
        """Return whether it scores large lesions and only finds small ones."""
        return self.matches and self.rules.rule.large_mm3 is not None


@dataclass(frozen=True)
class Measured:
    """One region of one case, from which every score is computed; what several need is computed once."""

    pair: MaskPair
    plan: Plan

    @functools.cached_property
    def lesions(self) -> LesionScores:
        """Return the lesions by the rules of a challenge that joins them."""
        return score_lesions(self.pair, self.plan.rules)

    @functools.cached_property
    def matched(self) -> MatchedScores:
        """Return the lesions by the rules of a challenge that matches them."""
        pair = self.pair
        if self.plan.upstream_defects:
            pair = MaskPair(pair.truth, pair.prediction, pair.spacing_mm[::-1])
        return match_lesions(pair, self.plan.rules)

    @property
    def both_empty(self) -> bool:
        """Return whether there was nothing to find and nothing was found."""
        return not self.pair.truth.size


@dataclass(frozen=True)
class Column:
    """A score.

    Attributes:
        name: of its column in metrics.csv; {tolerance_mm:g} stands for one of the plan's, here and below.
        title: what a person calls it.
        unit: "share" (0 to 1), "mm", "ml", "lesions" (a count); "voxels" and "cc" occur in other programs' tables.
        digits: decimals of one value.
        better: 1 where higher is better, -1 where lower is, None where it does not say how good a prediction is.
        compute: gives it for one region of one case.
        definition: what it is, "" where the title says it.
        wanted: whether a plan asks for it.
        short: heading where there is little room: the terminal after a run's test; "" for not there.
        main: one of the few that stand for a model: in tables of folds, in tests between models on a page.
        same_as: name of the column that holds the same in the files of a run.
        concept: what rules of several years have a score of each, to be set side by side; "" for nothing.
        ranks: whether systems are ranked by it under the rules that have it.
    """

    name: str
    title: str
    unit: str
    digits: int
    better: int | None
    compute: Callable[[Measured], float]
    definition: str = ""
    wanted: Callable[[Plan], bool] = lambda plan: True
    short: str = ""
    main: bool = False
    same_as: str = ""
    concept: str = ""
    ranks: bool = False

    @property
    def heading(self) -> str:
        """Return the title and the unit, "HD95, mm"."""
        return f"{self.title}, {self.unit}" if self.unit in ("mm", "ml") else self.title

    @property
    def in_words(self) -> str:
        """Return the same as part of a sentence, "HD95 in mm"."""
        return f"{self.title} in {self.unit}" if self.unit in ("mm", "ml") else self.title

    @property
    def is_score(self) -> bool:
        """Return whether its mean says how good predictions are, not how large or how many."""
        return self.unit in ("share", "mm")

    @property
    def digits_of_mean(self) -> int:
        """Return the decimals of a mean: that of counts is no count."""
        return self.digits or 2
