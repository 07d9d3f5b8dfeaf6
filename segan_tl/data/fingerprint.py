"""What the cases of a training looked like, in a few numbers, and what of a new scan lies far outside of them.

A case has the size of its voxels and of its image, the volume of its head (what is not 0 in any modality), and of each
modality the share of the head that is darker than air (0) and where its third quartile lies on the way from air to its
bright end, the 95th percentile: a number that no scale changes, and that jumps less between patients than the median,
which lies in grey matter in one and in white matter in the next. A labelled case has its regions' volumes, too.

The rule: a number is far outside where it leaves the middle 90 % of the training cases, widened at both ends by that
range's own width, at least by the floor of its kind (FLOORS). Few cases tell little of how much cases differ, so a
floor counts 1 + 1/n times for n cases. Lengths and volumes are held against each other as ratios.

The floors are chosen on 18 patients of BraTS 2018 and 2021 from six sites, and 20 synthetic ones: with any 1 to 9 as
the training, all others of their kind are inside. Which modality an image is they tell seldom: two of three T2 given as
T1, one of four FLAIR, and nothing given as FLAIR or T2. In one case, T1 or T1c that changed places with T2 are told.
"""

import math
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from segan_tl.regions import REGIONS

FINGERPRINT = 1  # version of the numbers: a cache of others makes them anew
AXES = ("h", "w", "d")
BRIGHT_END = 95  # percentile of the head
# Of the logarithm of lengths and volumes: a factor of 1.25 between voxel sizes, 1.1 between images, 1.4 between heads.
FLOORS = {"spacing_mm": math.log(1.25), "extent_mm": math.log(1.1), "head_ml": math.log(1.4), "below_air": 0.05}
# The bright end is the oedema of some, not of others, in FLAIR and T2; in T1 it is white matter.
QUARTILE_FLOORS = {"t1": 0.12, "t1c": 0.15, "t2": 0.2, "flair": 0.3}
# Between the quartiles of two modalities of one case: apart by ALWAYS in all of the training, and here the other way
# round by EXCHANGED. In every patient T2's lies below those of T1 and T1c; FLAIR's has no such place.
ORDERED, ALWAYS, EXCHANGED = (("t2", "t1"), ("t2", "t1c")), 0.05, 0.06
TUMOUR_FLOOR = 0.1  # of the head, between the volumes of a region


def fingerprint_case(
    images: Mapping[str, np.ndarray], *, spacing_mm: Sequence[float], labels: np.ndarray | None = None
) -> dict[str, float]:
    """Return the numbers of one case.

    Args:
        images: modality → (H, W, D), air 0.
        spacing_mm: along H, W, D.
        labels: canonical (H, W, D); None where unknown.
    """
    shape = next(iter(images.values())).shape
    head = np.any([image != 0 for image in images.values()], axis=0)
    voxel_ml = math.prod(spacing_mm) / 1000
    found = {f"spacing_mm.{axis}": length for axis, length in zip(AXES, spacing_mm)}
    found |= {f"extent_mm.{axis}": size * length for axis, size, length in zip(AXES, shape, spacing_mm)}
    found |= {"head_ml": head.sum() * voxel_ml, "head_share": head.mean()}
    for modality, image in images.items():
        inside = image[image != 0]
        quartile, bright = np.percentile(inside, (75, BRIGHT_END)) if inside.size else (0, 0)
        found[f"{modality}.quartile"] = quartile / bright if bright > 0 else 0.0
        found[f"{modality}.below_air"] = (inside < 0).mean() if inside.size else 0.0
    for one, other in ORDERED:
        if one in images and other in images:
            found[f"{one}-{other}.quartile"] = found[f"{one}.quartile"] - found[f"{other}.quartile"]
    if labels is not None:
        voxels = np.bincount(labels.ravel(), minlength=256)
        found |= {f"{region}.ml": voxels[list(members)].sum() * voxel_ml for region, members in REGIONS.items()}
    return {name: float(f"{value:.5g}") for name, value in found.items()}


def to_array(numbers: Mapping[str, float]) -> np.ndarray:
    """Return the numbers of a case as an array with names, for the cache."""
    return np.array(list(numbers.items()), [("name", "U32"), ("value", "f8")])


def from_array(array: np.ndarray) -> dict[str, float]:
    """Return the numbers of a case that `to_array` has put away."""
    return {str(name): float(value) for name, value in array.tolist()}


def fingerprint_cohort(cases: Iterable[Mapping[str, float]], *, regions: Sequence[str]) -> dict:
    """Return how far the cases of a training spread: cohort_fingerprint.json. It tells no single case.

    Args:
        cases: what `fingerprint_case` gave for each.
        regions: those that are segmented.

    Returns:
        `cases`, their number, and `quantities`: name → lowest, low (5th percentile), high (95th) and highest.
    """
    cases = list(cases)
    others = {f"{region}.ml" for region in REGIONS if region not in regions}
    quantities = {}
    for name in dict.fromkeys(name for case in cases for name in case if name not in others):
        values = [case[name] for case in cases if name in case]
        spread = zip(("lowest", "low", "high", "highest"), np.percentile(values, (0, 5, 95, 100)))
        quantities[name] = {end: float(f"{value:.5g}") for end, value in spread}
    return {"cases": len(cases), "quantities": quantities}


def unlike_training(case: Mapping[str, float], cohort: dict, *, target_mm: float | None = None) -> list[str]:
    """Say in plain words what of a case lies far outside of the cases of a training; an empty list where nothing does.

    Args:
        case: its numbers, at least those of the training's modalities.
        cohort: what `fingerprint_cohort` returned.
        target_mm: edge of the voxels that images are resampled to; finer ones are no difference then.
    """
    remarks = [_voxels(case, cohort, target_mm or 0), _extent(case, cohort), _head(case, cohort)]
    for name, spread in cohort["quantities"].items():
        if name not in case:
            continue
        subject, _, kind = name.partition(".")
        if kind == "below_air" and is_outside(case[name], spread, FLOORS[kind], cases=cohort["cases"]):
            remarks.append(
                f"{100 * case[name]:.0f} % of {subject} is darker than air (training: {_range(spread, percent=True)}): "
                "scaled in another way?"
            )
        elif kind == "quartile" and "-" in subject:
            remarks.append(_exchanged(case, *subject.split("-"), difference=case[name], spread=spread))
        elif kind == "quartile" and is_outside(case[name], spread, QUARTILE_FLOORS[subject], cases=cohort["cases"]):
            remarks.append(
                f"{subject} looks unlike the training's: its third quartile is {case[name]:.2f} of its bright end "
                f"(training: {_range(spread, digits=2)})"
            )
    volumes_ml = {region: case[f"{region}.ml"] for region in REGIONS if f"{region}.ml" in case}
    volumes = [implausible_volume(region, volume_ml, cohort) for region, volume_ml in volumes_ml.items()]
    return [remark for remark in (*remarks, *volumes) if remark]


def implausible_volume(region: str, volume_ml: float, cohort: dict) -> str | None:
    """Say in plain words that a region is far larger than in any case of a training, or is missing; None where not."""
    spread = cohort["quantities"].get(f"{region}.ml")
    if spread is None:
        return None
    training = f"(training: {_range(spread)} ml)"
    if volume_ml == 0:
        return f"no {region} {training}" if spread["lowest"] > 0 else None
    head = cohort["quantities"]["head_ml"]
    floor_ml = TUMOUR_FLOOR * (head["low"] + head["high"]) / 2
    if volume_ml <= spread["high"] or not is_outside(volume_ml, spread, floor_ml, cases=cohort["cases"]):
        return None
    return f"{region} of {number(volume_ml)} ml {training}"


def is_outside(value: float, spread: Mapping[str, float], floor: float, *, cases: int, ratio: bool = False) -> bool:
    """Tell whether a number leaves the range of the training, widened as the rule says.

    Args:
        ratio: hold logarithms against each other.
    """
    low, high = spread["low"], spread["high"]
    if ratio:
        # Nothing at all is as far away as can be.
        value, low, high = (math.log(max(number, 1e-6)) for number in (value, low, high))
    margin = max(high - low, floor * (1 + 1 / cases))
    return not low - margin <= value <= high + margin


def _voxels(case: Mapping[str, float], cohort: dict, least_mm: float) -> str | None:
    spacing_mm, spreads = _along_axes("spacing_mm", case, cohort)
    held = [max(length, least_mm) for length in spacing_mm]
    ranges = [{end: max(length, least_mm) for end, length in spread.items()} for spread in spreads]
    if not _any_outside("spacing_mm", held, ranges, cohort):
        return None
    *finer, coarsest = sorted(range(3), key=spacing_mm.__getitem__)
    if spacing_mm[coarsest] > 1.5 * spacing_mm[finer[-1]]:
        return f"slices are {spacing_mm[coarsest]:.3g} mm thick (training: {_range(spreads[coarsest])})"
    return f"voxels measure {_times(spacing_mm)} mm (training: {' × '.join(map(_range, spreads))})"


def _extent(case: Mapping[str, float], cohort: dict) -> str | None:
    extent_mm, spreads = _along_axes("extent_mm", case, cohort)
    if not _any_outside("extent_mm", extent_mm, spreads, cohort):
        return None
    training = " × ".join(_range(spread) for spread in spreads)
    return f"the image covers {_times(extent_mm)} mm (training: {training}): not brought to the same space?"


def _head(case: Mapping[str, float], cohort: dict) -> str | None:
    volumes_ml, shares = (cohort["quantities"][name] for name in ("head_ml", "head_share"))
    if not is_outside(case["head_ml"], volumes_ml, FLOORS["head_ml"], cases=cohort["cases"], ratio=True):
        return None
    reason = "cut off, or more removed?"
    if case["head_ml"] > volumes_ml["high"]:
        reason = "skull or air not removed? predict --like prepares it"
    return (
        f"what is not 0, the head, has {case['head_ml']:.0f} ml, {100 * case['head_share']:.0f} % of the image "
        f"(training: {_range(volumes_ml)} ml, {_range(shares, percent=True)}): {reason}"
    )


def _exchanged(
    case: Mapping[str, float], one: str, other: str, *, difference: float, spread: Mapping[str, float]
) -> str | None:
    above = spread["lowest"] > ALWAYS and difference < -EXCHANGED
    below = spread["highest"] < -ALWAYS and difference > EXCHANGED
    if not (above or below):
        return None
    return (
        f"{one} and {other} look exchanged: on the way to its bright end the third quartile of {one} lies "
        f"{'below' if above else 'above'} that of {other}, in every training case {'above' if above else 'below'}"
    )


def _along_axes(kind: str, case: Mapping[str, float], cohort: dict) -> tuple[list[float], list[dict[str, float]]]:
    names = [f"{kind}.{axis}" for axis in AXES]
    return [case[name] for name in names], [cohort["quantities"][name] for name in names]


def _any_outside(kind: str, values: Sequence[float], spreads: Sequence[Mapping[str, float]], cohort: dict) -> bool:
    return any(
        is_outside(value, spread, FLOORS[kind], cases=cohort["cases"], ratio=True)
        for value, spread in zip(values, spreads)
    )


def _range(spread: Mapping[str, float], *, digits: int | None = None, percent: bool = False) -> str:
    """Return the lowest and the highest of a spread in words."""

    def text(value: float) -> str:
        if percent:
            return f"{100 * value:.0f}"
        return number(value) if digits is None else f"{value:.{digits}f}"

    ends = dict.fromkeys((text(spread["lowest"]), text(spread["highest"])))
    return " to ".join(ends) + (" %" if percent else "")


def number(value: float) -> str:
    """Return a number with three digits, or all of those before the point."""
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _times(lengths: Sequence[float]) -> str:
    return " × ".join(map(number, lengths))
