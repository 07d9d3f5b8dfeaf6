"""Modalities, label conventions and tumour regions: what the numbers in a label file mean.

In memory every label map is canonical (NCR, ED, ET, RC, LESION); files keep the numbers of their dataset. A convention
is a name of `LABEL_CONVENTIONS`, or states the labels itself, such as "1=ED,2=NCR,3=ET".
"""

import difflib

import numpy as np

from segan_tl.errors import UserError

MODALITIES = ("t1", "t1c", "t2", "flair")

NCR, ED, ET, RC, LESION = 1, 2, 3, 4, 5
LABEL_NAMES = {"NCR": NCR, "ED": ED, "ET": ET, "RC": RC, "LESION": LESION}

# Whole tumour, tumour core, enhancing, oedema, necrotic and non-enhancing core, resection cavity [BraTS 2017-2024].
REGIONS = {
    "wt": (NCR, ED, ET),
    "tc": (NCR, ET),
    "et": (ET,),
    "ed": (ED,),
    "ncr": (NCR,),
    "rc": (RC,),
    "lesion": (LESION,),
}

LABEL_CONVENTIONS = {
    # 2012 does not divide the core: it becomes NCR, so wt and tc are right and et does not exist.
    "brats2012": {1: ED, 2: NCR},
    "brats2015": {1: NCR, 2: ED, 3: NCR, 4: ET},
    "brats2017": {1: NCR, 2: ED, 4: ET},
    "brats2023": {1: NCR, 2: ED, 3: ET, 4: RC},  # of adults in 2024 and 2025, too; RC: after surgery
    "brats_ped2024": {1: ET, 2: NCR, 3: NCR, 4: ED},
    "msd": {1: ED, 2: NCR, 3: ET},
    "lesion": {1: LESION},
}

# What the challenges of 2026 call regions: non-enhancing core, hyperintensity of FLAIR around it, gross tumour volume.
CHALLENGE_NAMES = {"netc": "ncr", "snfh": "ed", "gtv": "lesion"}
# Numbers that are one label here and two regions there: in children cystic components (CC) count apart.
_DIVIDED = {"brats_ped2024": {"netc": (2,), "cc": (3,)}}

_CORE_UNDIVIDED = "brats2012"


def convention_labels(convention: str) -> dict[int, int]:
    """Return {value in the file: canonical label} of a convention, without the background.

    Args:
        convention: a name of LABEL_CONVENTIONS, or a statement such as "1=ED,2=NCR,3=ET", in any case of letters.

    Raises:
        UserError: the name is unknown or the statement cannot be read.
    """
    if (name := convention.strip().lower()) in LABEL_CONVENTIONS:
        return dict(LABEL_CONVENTIONS[name])
    try:
        pairs = [item.split("=") for item in convention.split(",")]
        labels = {int(value): LABEL_NAMES[name.strip().upper()] for value, name in pairs}
    except (ValueError, KeyError):
        labels = {}
    if not labels or 0 in labels or not all(0 < value < 256 for value in labels):
        near = difflib.get_close_matches(name, LABEL_CONVENTIONS, n=1)
        raise UserError(
            f"expected a label convention ({', '.join(LABEL_CONVENTIONS)}) or a statement such as 1=ED,2=NCR,3=ET "
            f"with names out of {', '.join(LABEL_NAMES)}; found {convention!r}"
            + (f"; did you mean {near[0]}?" if near else "; write one of these")
        )
    return labels


def _is_undivided(convention: str) -> bool:
    return convention.strip().lower() == _CORE_UNDIVIDED


def state_convention(labels: dict[int, int]) -> str:
    """Write {value in the file: canonical label} as a convention: its name where it has one, else "1=ED,2=NCR"."""
    for name, known in LABEL_CONVENTIONS.items():
        if known == labels:
            return name
    names = {label: name for name, label in LABEL_NAMES.items()}
    return ",".join(f"{value}={names[labels[value]]}" for value in sorted(labels))


def convention_regions(convention: str) -> tuple[str, ...]:
    """Return the regions that labels of this convention can tell apart, in the order of REGIONS."""
    if _is_undivided(convention):
        return ("wt", "tc", "ed")
    present = set(convention_labels(convention).values())
    return tuple(region for region, labels in REGIONS.items() if present.issuperset(labels))


def region_values(statement: str) -> dict[str, tuple[int, ...]]:
    """Return which numbers of a label file make up each region, for the regions that it can tell apart.

    Args:
        statement: a convention, or the regions that were painted over each other, such as "1=wt,2=tc,3=et" (a voxel of
            number 3 lies in all three); a lone region such as "wt" has the number 1.

    Raises:
        UserError: it is neither.
    """
    painted = _painted_regions(statement)
    if painted:
        return {
            region: tuple(value for name, value in painted if set(REGIONS[name]) <= set(labels))
            for region, labels in REGIONS.items()
            if region in dict(painted)
        }
    values = convention_labels(statement)
    return {
        region: tuple(value for value, label in values.items() if label in REGIONS[region])
        for region in convention_regions(statement)
    }


def scored_values(statement: str) -> dict[str, tuple[int, ...]]:
    """Return the same as `region_values`, and of the regions that only challenges tell apart or call otherwise."""
    found = region_values(statement)
    same = {name: found[region] for name, region in CHALLENGE_NAMES.items() if region in found}
    divided = _DIVIDED.get(statement.strip().lower(), {})
    return found | same | divided


def _painted_regions(statement: str) -> list[tuple[str, int]]:
    """Return region and number of a statement such as "1=wt,2=tc" or "WT"; nothing where it is a convention's.

    Labels and regions share the names of ED, ET, NCR, RC and LESION: in capitals they are labels, unless a region that
    is no label stands beside them ("1=WT,2=ET").
    """
    lone = statement.strip().lower()
    if lone in REGIONS and lone not in LABEL_CONVENTIONS:
        return [(lone, 1)]
    pairs = [(name.strip(), value.strip()) for value, _, name in (item.partition("=") for item in statement.split(","))]
    folded = [(name.lower(), value) for name, value in pairs]
    if not all(name in REGIONS and value.isdigit() for name, value in folded):
        return []
    if folded != pairs and all(name.upper() in LABEL_NAMES for name, _ in folded):
        return []
    return [(name, int(value)) for name, value in folded]


def to_canonical(labels: np.ndarray, convention: str) -> np.ndarray:
    """Turn the numbers of a label file into canonical labels (uint8); 0 stays background.

    Raises:
        UserError: a value lies outside the convention.
    """
    mapping = convention_labels(convention)
    canonical = np.zeros_like(labels, np.uint8)
    for value, label in mapping.items():
        canonical[labels == value] = label
    if np.count_nonzero(canonical) != np.count_nonzero(labels):
        outside = sorted(set(np.unique(labels).tolist()) - set(mapping) - {0})
        raise UserError(
            f"expected the labels 0, {', '.join(map(str, sorted(mapping)))} of the convention {convention}; "
            f"found {', '.join(f'{value:g}' for value in outside[:12])}; state the right convention in cohort.json"
        )
    return canonical


def from_canonical(labels: np.ndarray, convention: str) -> np.ndarray:
    """Turn canonical labels into the numbers of a convention (uint8), to be written to a file.

    Where two numbers mean the same label the smallest is written; the core of brats2012 takes NCR and ET.

    Raises:
        UserError: the convention has no number for a label that is present.
    """
    written = {}
    for value, label in sorted(convention_labels(convention).items(), reverse=True):
        written[label] = value
    if _is_undivided(convention):
        written[ET] = written[NCR]
    numbers = np.zeros_like(labels, np.uint8)
    for label, value in written.items():
        numbers[labels == label] = value
    if np.count_nonzero(numbers) != np.count_nonzero(labels):
        names = {label: name for name, label in LABEL_NAMES.items()}
        missing = sorted(set(np.unique(labels).tolist()) - set(written) - {0})
        raise UserError(
            f"expected labels that the convention {convention} can hold; found "
            f"{', '.join(names.get(label, str(label)) for label in missing)}; choose another convention"
        )
    return numbers


def region_masks(labels: np.ndarray, regions: tuple[str, ...]) -> np.ndarray:
    """Return one boolean mask a region, stacked last.

    Args:
        labels: canonical labels, any shape.
        regions: names out of REGIONS.

    Returns:
        (..., R) bool, in the order asked for.

    Raises:
        UserError: a region is unknown.
        ValueError: these are no canonical labels.

    Example:
        >>> labels = np.array([0, 1, 2, 3])  # background, NCR, ED, ET
        >>> segan_tl.region_masks(labels, ("wt", "tc", "et")).astype(int)
        array([[0, 0, 0],
               [1, 1, 0],
               [1, 0, 0],
               [1, 1, 1]])
    """
    if isinstance(regions, str):
        raise UserError(f"expected a tuple of regions; found {regions!r}; write ({regions!r},)")
    unknown = [region for region in regions if region not in REGIONS]
    if unknown:
        near = difflib.get_close_matches(unknown[0], REGIONS, n=1)
        raise UserError(
            f"expected regions out of {', '.join(REGIONS)}; found {unknown[0]!r}; "
            f"{'did you mean ' + near[0] + '?' if near else 'use one of these'}"
        )
    if labels is None:
        raise UserError("expected labels; found none: the case has no mask, or was read without it")
    labels = np.asarray(labels)
    whole = labels.dtype.kind in "iu"
    # A number below 0 would be counted from the end of the table.
    if not whole or labels.dtype != np.uint8 and labels.size and not 0 <= labels.min() <= labels.max() < 256:
        raise ValueError(f"expected canonical labels, whole numbers from 0 to 255; got {labels.dtype} with others")
    table = np.zeros((256, len(regions)), bool)
    for column, region in enumerate(regions):
        table[list(REGIONS[region]), column] = True
    return table[labels]
