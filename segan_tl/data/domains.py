"""Two cohorts in one training: which example of an epoch comes from which of them."""

from fractions import Fraction

import numpy as np

from segan_tl.config.adaptation import exact

# What a classifier of the domains is asked for, 0 and 1 as in the code of Heras Rivera 2024's authors.
SOURCE, TARGET = 0.0, 1.0


def from_source(count: int, share: float) -> np.ndarray:
    """Return which of an epoch's examples come from the source: i does where ⌊(i + 1) share⌋ > ⌊i share⌋.

    So every run of n examples, a batch or a replica's part of one, has ⌊n share⌋ or ⌈n share⌉ of them; one example in
    two alternates and begins with the target.

    Args:
        count: examples of the epoch.
        share: of the source, between 0 and 1.

    Returns:
        (count,) boolean.
    """
    return _steps(count, share)


def draw_cases(generator: np.random.Generator, is_source: np.ndarray, *, targets: int, sources: int) -> np.ndarray:
    """Return the case of every example: of each cohort, all come before one comes again.

    Args:
        generator: of the epoch.
        is_source: (N,) as `from_source` gives it.
        targets: number of target cases, 0 … targets − 1.
        sources: number of source cases, targets … targets + sources − 1.
    """
    case = np.empty(len(is_source), int)
    for mine, first, there in ((~is_source, 0, targets), (is_source, targets, sources)):
        case[mine] = first + draw_in_rounds(generator, there, count=int(mine.sum()))
    return case


def draw_in_rounds(generator: np.random.Generator, cases: int, *, count: int) -> np.ndarray:
    """Return (count,) numbers below `cases`: all of them, shuffled, before one comes again."""
    rounds = -(-count // cases)
    orders = [generator.permutation(cases) for _ in range(rounds)]
    return np.concatenate([*orders, np.empty(0, int)])[:count]


def forced_examples(is_source: np.ndarray, foreground: float) -> np.ndarray:
    """Return which examples are to hold a region: of each cohort the same part, evenly spread.

    The source is half a turn ahead: at a half each, of a target and a source example one is forced.
    """
    forced = np.empty(len(is_source), bool)
    for mine, ahead in ((~is_source, Fraction(0)), (is_source, Fraction(1, 2))):
        forced[mine] = _steps(int(mine.sum()), foreground, ahead=ahead)
    return forced


def _steps(count: int, share: float, *, ahead: Fraction = Fraction(0)) -> np.ndarray:
    """Return where ⌊i share + ahead⌋ grows, in whole numbers: 0.7 · 10 is 7 here."""
    share = exact(share)
    denominator = share.denominator * ahead.denominator
    positions = np.arange(count + 1) * share.numerator * ahead.denominator + ahead.numerator * share.denominator
    return np.diff(positions // denominator) > 0
