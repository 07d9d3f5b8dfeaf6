"""Random tumours of small volumes, and slow post-processing to hold the fast one to."""

import itertools

import numpy as np
from scipy import ndimage

from segan_tl.metrics.challenges import CHALLENGES
from segan_tl.metrics.lesions import score_lesions
from segan_tl.metrics.pair import MaskPair
from segan_tl.regions import ED, ET, NCR, region_masks
from segan_tl.report.compare.labelled import LabelledCase
from segan_tl.report.compare.outcomes import REGIONS, Grid

SPACING_MM = (1.0, 1.0, 2.0)


def random_labels(generator: np.random.Generator, shape: tuple = (18, 16, 12)) -> np.ndarray:
    """Return canonical labels of a smooth field: several lesions, with voxels of other tissues strewn over them."""
    field = ndimage.gaussian_filter(generator.normal(size=shape), generator.uniform(1.0, 2.0))
    labels = np.zeros(shape, np.uint8)
    for label, quantile in ((ED, 0.8), (NCR, 0.9), (ET, 0.95)):
        labels[field > np.quantile(field, quantile)] = label
    specks = generator.random(shape) < 0.01
    labels[specks] = generator.choice([0, NCR, ED, ET], int(specks.sum()))
    return labels


def random_case(seed: int, *, fold: int = 0, cluster: str | None = None, name: str = "") -> LabelledCase:
    """Return a case whose prediction is its truth shifted and strewn; every fourth has no ET in the truth."""
    generator = np.random.default_rng(seed)
    truth = random_labels(generator)
    noise = random_labels(generator)
    prediction = np.where(generator.random(truth.shape) < 0.06, noise, np.roll(truth, 1, axis=seed % 3))
    if seed % 4 == 3:
        truth[truth == ET] = NCR
    name = name or f"case{seed}"
    return LabelledCase(name, name, fold, cluster, truth, prediction, SPACING_MM, truth.size)


def slow_postprocess(labels: np.ndarray, sizes: tuple[int, int, int], ratio: float) -> np.ndarray:
    """Remove component after component, then redefine: the definition word by word."""
    left = labels.copy()
    for label, size in zip((NCR, ED, ET), sizes):
        components, number = ndimage.label(labels == label, np.ones((3, 3, 3)))
        for one in range(1, number + 1):
            if (components == one).sum() < size:
                left[components == one] = 0
    tumour = (left != 0).sum()
    if tumour and (left == ET).sum() / tumour < ratio:
        left[left == ET] = NCR
    return left


def slow_scores(case: LabelledCase, sizes: tuple[int, int, int], ratio: float, known: dict) -> dict[str, float]:
    """Return the lesion-wise Dice of each region after the slow removal, by the public function.

    Args:
        known: what was scored before, by case, region and voxels.
    """
    left = slow_postprocess(case.prediction, sizes, ratio)
    scores = {}
    for region in REGIONS:
        truth, mask = (region_masks(labels, (region,))[..., 0] for labels in (case.truth, left))
        key = case.case_id, region, mask.tobytes()
        if key not in known:
            known[key] = score_lesions(MaskPair(truth, mask, case.spacing_mm), CHALLENGES["brats-gli"]).dice
        scores[region] = known[key]
    return scores


def slow_search(cases: list[LabelledCase], grid: Grid) -> tuple[tuple, float]:
    """Return sizes of NCR, ED and ET and the ratio that are best over the cases, the smallest first, and their mean."""
    best, found, known = -1.0, None, {}
    for ncr, ed, et, ratio in itertools.product(*[grid.sizes_voxels] * 3, grid.ratios):
        scores = [slow_scores(case, (ncr, ed, et), ratio, known) for case in cases]
        mean = np.mean([np.mean(list(one.values())) for one in scores])
        if mean > best + 1e-12:
            best, found = mean, (ncr, ed, et, ratio)
    return found, best
