"""Random pairs of label maps to hold one program's lesion scores against another's: the awkward ones above all."""

import numpy as np

KINDS = (
    "many small", "touching", "at the border", "truth empty", "prediction empty", "both empty", "one tumour", "equal",
    "far apart", "halves",
)  # fmt: skip
SPACINGS_MM = ((1.0, 1.0, 1.0), (0.9, 0.9, 5.5), (1.0, 1.2, 3.0), (0.46875, 0.46875, 2.0), (2.0, 1.0, 1.0))
SHAPE = (26, 24, 18)


def random_pair(seed: int, labels: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray, tuple[float, float, float]]:
    """Return truth, prediction (26, 24, 18) uint8 and the voxel size in mm; kinds and voxel sizes go round.

    Args:
        seed: the kind is its remainder by 10.
        labels: numbers of the tissues, painted into each other from the first to the last.
    """
    generator = np.random.default_rng(seed)
    kind, spacing_mm = KINDS[seed % len(KINDS)], SPACINGS_MM[seed // len(KINDS) % len(SPACINGS_MM)]
    if kind == "both empty":
        return np.zeros(SHAPE, np.uint8), np.zeros(SHAPE, np.uint8), spacing_mm
    truth = np.zeros(SHAPE, np.uint8)
    for place, reach in _places(kind, generator):
        _paint(truth, place, reach, labels, generator)
    if kind == "equal":
        return truth, truth.copy(), spacing_mm
    prediction = _shaken(truth, kind, labels, generator)
    empty = np.zeros(SHAPE, np.uint8)
    if kind == "truth empty":
        return empty, prediction, spacing_mm
    return truth, empty if kind == "prediction empty" else prediction, spacing_mm


def _places(kind: str, generator: np.random.Generator) -> list[tuple[np.ndarray, int]]:
    """Return middles and half widths of boxes."""
    usual = {"many small": (30, 1), "touching": (14, 3), "one tumour": (1, 8), "halves": (5, 4)}
    number, most = usual.get(kind, (6, 4))
    places = [(generator.integers(0, SHAPE), int(generator.integers(0, most + 1))) for _ in range(number)]
    if kind == "at the border":
        places = [(place * generator.integers(0, 2, 3), reach) for place, reach in places]
    return places


def _paint(
    volume: np.ndarray, place: np.ndarray, reach: int, labels: tuple[int, ...], generator: np.random.Generator
) -> None:
    """Paint a box of one label, smaller ones of some of the others within it."""
    start = int(generator.integers(len(labels))) if reach < 3 else 0
    for inside, label in enumerate(labels[start:]):
        if reach < inside or inside and generator.random() < 0.3:
            continue
        low, high = np.maximum(place - reach + inside, 0), place + reach - inside + 1
        volume[tuple(slice(*ends) for ends in zip(low, high))] = label


def _shaken(truth: np.ndarray, kind: str, labels: tuple[int, ...], generator: np.random.Generator) -> np.ndarray:
    """Return a prediction: the truth moved and frayed, a part of it gone, and something invented."""
    steps = (0, 0, 0) if kind in ("halves", "many small") else tuple(generator.integers(-1, 2, 3).tolist())
    prediction = np.roll(truth, steps, axis=(0, 1, 2))
    prediction[generator.random(SHAPE) < generator.choice([0, 0.02, 0.1])] = 0
    if kind == "halves":  # walls through the lesions: parts of one size compete for them
        prediction[:, 1::3] = 0
        prediction[1::3] = 0
    if kind == "far apart":
        prediction[: SHAPE[0] // 2] = 0
    specks = generator.random(SHAPE) < 0.002
    prediction[specks] = generator.choice(labels, int(specks.sum()))
    return prediction
