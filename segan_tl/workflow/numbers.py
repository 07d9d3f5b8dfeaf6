"""Numbers, seeds and devices on the command line: argparse refuses what makes no sense, in one sentence."""

import argparse
import math
import re
from collections.abc import Callable

from segan_tl.config.base import LARGEST, LARGEST_SEED
from segan_tl.environment import MOST_CPUS
from segan_tl.schemas.runs import MOST_FOLDS


def whole(least: int, most: int = LARGEST) -> Callable[[str], int]:
    """Return the argparse type of a whole number from `least` to `most`."""
    wanted = f"a whole number of at least {least}" if most == LARGEST else f"a whole number from {least} to {most}"

    def read(text: str) -> int:
        if not re.fullmatch(r"[0-9]{1,12}", text) or not least <= int(text) <= most:
            raise argparse.ArgumentTypeError(f"expected {wanted}, got {text}")
        return int(text)

    return read


positive = whole(1)
seed = whole(0, LARGEST_SEED)
fold = whole(0, MOST_FOLDS - 1)
folds = whole(2, MOST_FOLDS)


def above_zero(text: str) -> float:
    """Return a finite number above 0.

    Raises:
        ArgumentTypeError: it is none.
    """
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"expected a number above 0, got {text}")
    return value


def share(text: str) -> float:
    """Return a number between 0 and 1, neither of them.

    Raises:
        ArgumentTypeError: it is none.
    """
    value = _number(text)
    if not 0 < value < 1:
        raise argparse.ArgumentTypeError(f"expected a number between 0 and 1, got {text}")
    return value


def share_with_ends(text: str) -> float:
    """Return a number from 0 to 1.

    Raises:
        ArgumentTypeError: it is none.
    """
    value = _number(text)
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"expected a number from 0 to 1, got {text}")
    return value


def _number(text: str) -> float:
    """Return a number, NaN where the text is none."""
    try:
        return float(text)
    except ValueError:
        return math.nan


def weight(each: str, places: str) -> Callable[[str], float]:
    """Return the argparse type of a number of 0 or more, of an option that takes several, and what stands behind it.

    Args:
        each: what has one: "RUN".
        places: what goes before the option, with its verb: "INPUT and OUT go".
    """

    def read(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not 0 <= value < math.inf:
            raise argparse.ArgumentTypeError(
                f"expected a number of 0 or more for each {each}, got {text}; {places} before --weights"
            )
        return value

    return read


def device(text: str) -> str:
    """Return what to compute on: cpu, cpu:2, gpu, gpu:0,1.

    Raises:
        ArgumentTypeError: it is none of these.
    """
    found = re.fullmatch(r"cpu(?::([1-9][0-9]{0,11}))?|gpu(:[0-9]{1,3}(,[0-9]{1,3})*)?", text)
    if not found:
        raise argparse.ArgumentTypeError(f"expected cpu, cpu:2, gpu or gpu:0,1, got {text}")
    if int(found[1] or 1) > MOST_CPUS:
        raise argparse.ArgumentTypeError(f"expected at most {MOST_CPUS} logical CPUs, cpu:{MOST_CPUS}, got {text}")
    return text
