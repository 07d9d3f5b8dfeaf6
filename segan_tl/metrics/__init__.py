"""Scores of masks as arrays, truth first: overlap, distances between surfaces in mm, lesions one by one.

What is offered here is imported when it is first asked for. One rule for empty masks: both empty, nothing was to be
found and nothing was found (Dice 1, 0 mm); one of them empty, Dice 0 and 374 mm [BraTS 2023].
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # what __getattr__ does, as editors and type checkers read it
    from segan_tl.metrics.challenges import CHALLENGES
    from segan_tl.metrics.distances import HD95_DEFINITIONS, hd95_mm, surface_dice, surface_distances
    from segan_tl.metrics.lesions import score_lesions
    from segan_tl.metrics.matches import match_lesions
    from segan_tl.metrics.overlap import dice, precision, sensitivity, specificity
    from segan_tl.metrics.pair import MaskPair
    from segan_tl.metrics.thresholds import area_under_roc, best_threshold

__all__ = [
    "CHALLENGES", "HD95_DEFINITIONS", "MaskPair", "area_under_roc", "best_threshold", "dice", "hd95_mm",
    "match_lesions", "precision", "score_lesions", "sensitivity", "specificity", "surface_dice", "surface_distances",
]  # fmt: skip

# Name → the module of this package that it is in.
_MODULES = {
    "CHALLENGES": "challenges",
    "HD95_DEFINITIONS": "distances",
    "MaskPair": "pair",
    "area_under_roc": "thresholds",
    "best_threshold": "thresholds",
    "dice": "overlap",
    "hd95_mm": "distances",
    "match_lesions": "matches",
    "precision": "overlap",
    "score_lesions": "lesions",
    "sensitivity": "overlap",
    "specificity": "overlap",
    "surface_dice": "distances",
    "surface_distances": "distances",
}


def __getattr__(name: str):
    if name in _MODULES:
        return getattr(importlib.import_module(f"segan_tl.metrics.{_MODULES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return list(__all__)
