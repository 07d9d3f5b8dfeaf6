"""Lesion-wise scores: by hand, against the definition followed literally, and against the official script's output."""

import csv
from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

from segan_tl.data.files.images import Source, read_volume
from segan_tl.metrics.distances import hd95_mm, weighted_hausdorff_mm
from segan_tl.metrics.challenges import ALIASES, CHALLENGES, Challenge
from segan_tl.metrics.lesions import dilate, score_lesions
from segan_tl.metrics.overlap import dice
from segan_tl.metrics.pair import MaskPair
from segan_tl.regions import region_masks, to_canonical

CUBE = (1.0, 1.0, 1.0)
GLI = CHALLENGES["brats-gli"]
MET = CHALLENGES["brats-met"]


def boxes(*corners: tuple[int, int, int, int], shape: tuple = (40, 20, 20)) -> np.ndarray:
    """Return a volume with cubes (first corner i, j, k and edge)."""
    mask = np.zeros(shape, bool)
    for i, j, k, edge in corners:
        mask[i : i + edge, j : j + edge, k : k + edge] = True
    return mask


def score(truth: np.ndarray, prediction: np.ndarray, challenge: Challenge = GLI):
    """Score the lesions on a grid of 1 mm."""
    return score_lesions(MaskPair(truth, prediction, CUBE), challenge)


def test_found_missed_and_invented_by_hand():
    # Lesions of 4³ = 64 voxels at 0 and at 15; the first is found exactly, the second missed; one is invented at 30.
    scores = score(boxes((0, 0, 0, 4), (15, 0, 0, 4)), boxes((0, 0, 0, 4), (30, 0, 0, 2)))
    assert (scores.found, scores.missed, scores.invented) == (1, 1, 1)
    assert scores.dice == pytest.approx((1 + 0 + 0) / 3)
    assert scores.hd95_mm == pytest.approx((0 + 374 + 374) / 3)


def test_small_lesions_do_not_count_by_hand():
    # 3³ = 27 voxels: missed in the first line, found in the second (then what found it is no invention either).
    assert score(boxes((0, 0, 0, 3)), boxes()).dice == 1
    found = score(boxes((0, 0, 0, 3)), boxes((0, 0, 0, 3)))
    assert (found.lesions, found.invented, found.dice, found.hd95_mm) == ((), 0, 1, 0)
    assert score(boxes((0, 0, 0, 3)), boxes(), MET).dice == 0  # more than 2 voxels count there


def test_the_threshold_is_a_volume_and_strict():
    truth = np.zeros((10, 10, 10), bool)
    truth[0, :5, :] = True  # 50 voxels
    assert len(score(truth, ~truth).lesions) == 0
    assert len(score_lesions(MaskPair(truth, truth, (1, 1, 1.1)), GLI).lesions) == 1  # 55 mm³


@pytest.mark.parametrize("gap, lesions", [(5, 1), (6, 1), (7, 2)])
def test_lesions_that_touch_after_three_dilations_are_one_by_hand(gap, lesions):
    # Three dilations grow each by 3; 6 voxels between them are filled, 7 are not.
    truth = boxes((0, 0, 0, 4), (4 + gap, 0, 0, 4))
    assert len(score(truth, truth).lesions) == lesions
    assert len(score(truth, truth, CHALLENGES["brats-men"]).lesions) == 2


def test_a_prediction_beside_the_lesion_finds_it_by_hand():
    # 2 voxels lie between: the dilation reaches it, so the lesion is found with Dice 0, and nothing is invented.
    near = score(boxes((0, 0, 0, 4)), boxes((6, 0, 0, 4)))
    assert (near.found, near.invented, near.dice) == (1, 0, 0)
    assert 0 < near.hd95_mm < 374
    far = score(boxes((0, 0, 0, 4)), boxes((7, 0, 0, 4)))
    assert (far.found, far.missed, far.invented) == (0, 1, 1)


def test_one_prediction_over_two_lesions_counts_for_both_by_hand():
    # Both 64 voxels, 8 apart; a beam of 4 × 4 × 16 = 256 voxels covers both: Dice 2 · 64 / (64 + 256) for each.
    truth = boxes((0, 0, 0, 4), (12, 0, 0, 4))
    beam = np.zeros_like(truth)
    beam[0:16, 0:4, 0:4] = True
    scores = score(truth, beam)
    assert [lesion.dice for lesion in scores.lesions] == pytest.approx([0.4, 0.4])
    assert scores.invented == 0


def test_empty_masks_follow_the_rule():
    empty, full = boxes(), boxes((0, 0, 0, 5))
    assert (score(empty, empty).dice, score(empty, empty).hd95_mm) == (1, 0)
    assert (score(full, empty).dice, score(full, empty).hd95_mm) == (0, 374)
    assert (score(empty, full).dice, score(empty, full).hd95_mm) == (0, 374)


@pytest.mark.parametrize("times", [1, 2, 3])
def test_dilation_equals_scipy(times):
    mask = np.random.default_rng(times).random((14, 9, 11)) < 0.02
    neighbours_18 = ndimage.generate_binary_structure(3, 2)
    assert np.array_equal(dilate(mask, times), ndimage.binary_dilation(mask, neighbours_18, iterations=times))


# === The definition, followed literally on whole volumes ===


def literal_scores(truth: np.ndarray, prediction: np.ndarray, spacing_mm: tuple, challenge: Challenge) -> tuple:
    """Return Dice, HD95, and the numbers of found, missed and invented lesions."""
    neighbours_18, neighbours_26 = ndimage.generate_binary_structure(3, 2), np.ones((3, 3, 3))
    grown, number = ndimage.label(_grow(truth, neighbours_18, challenge.rule.dilations), neighbours_26)
    components, found = ndimage.label(prediction, neighbours_26)
    left, scores, hits = set(range(1, found + 1)), [], 0
    for lesion in range(1, number + 1):
        alone = truth & (grown == lesion)
        touching = set(components[_grow(alone, neighbours_18, challenge.rule.dilations)].tolist()) - {0}
        left -= touching
        if alone.sum() * np.prod(spacing_mm) > challenge.rule.ignored_mm3:
            against = np.isin(components, list(touching))
            scores.append((dice(alone, against), hd95_mm(alone, against, spacing_mm)))
            hits += bool(touching)
    rows = scores + [(0, 374)] * len(left)
    means = np.mean(rows, axis=0).tolist() if rows else [1, 0]
    return *means, hits, len(scores) - hits, len(left)


def _grow(mask: np.ndarray, neighbours: np.ndarray, times: int) -> np.ndarray:
    return ndimage.binary_dilation(mask, neighbours, iterations=times)


@pytest.mark.parametrize("challenge", ALIASES)
@pytest.mark.parametrize("seed", range(6))
def test_scores_equal_the_definition(challenge, seed):
    generator = np.random.default_rng(seed)
    shape = generator.integers(14, 36, 3)
    fields = [ndimage.gaussian_filter(generator.normal(size=shape), generator.uniform(0.8, 2.5)) for _ in range(2)]
    truth, prediction = (field > np.quantile(field, generator.uniform(0.75, 0.99)) for field in fields)
    if seed % 2:
        prediction = np.roll(truth, 2, axis=seed % 3) & (generator.random(shape) < 0.9)
    spacing_mm = tuple(float(length) for length in generator.choice([1, 1, 0.5, 2.5], 3))
    scores = score_lesions(MaskPair(truth, prediction, spacing_mm), CHALLENGES[challenge])
    expected = literal_scores(truth, prediction, spacing_mm, CHALLENGES[challenge])
    found = (scores.dice, scores.hd95_mm, scores.found, scores.missed, scores.invented)
    assert found == pytest.approx(expected, abs=1e-9)


# === The official script ===


@pytest.mark.real_data
def test_all_rows_of_the_official_script(real_data):
    """Every column of 18 rows that the official BraTS 2023 script printed (settings of BraTS-GLI)."""
    folder = real_data.parent / "oracles" / "brats2023_metrics"
    if not folder.is_dir():
        pytest.skip(f"no scores of the official script at {folder}")
    with (folder / "expected.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    masks = {name: _read_regions(real_data, folder / f"{name}.nii.gz") for name in {row["prediction"] for row in rows}}
    assert len(rows) == 18
    for row in rows:
        pair = masks[row["prediction"]][row["Labels"].lower()]
        lesions = score_lesions(pair, GLI)
        expected = {key: float(value) for key, value in row.items() if key not in ("prediction", "Labels")}
        assert expected == pytest.approx(
            {
                "Num_TP": lesions.found,
                "Num_FP": lesions.invented,
                "Num_FN": lesions.missed,
                "Sensitivity": pair.counts.sensitivity,
                "Specificity": pair.counts.specificity,
                "Legacy_Dice": pair.counts.dice,
                "Legacy_HD95": weighted_hausdorff_mm(pair.surfel_distances),
                "GT_Complete_Volume": pair.counts.truth_voxels * pair.voxel_mm3,
                "LesionWise_Score_Dice": lesions.dice,
                "LesionWise_Score_HD95": lesions.hd95_mm,
            },
            rel=0,
            abs=1e-12,
        ), row


def _read_regions(data: Path, path: Path) -> dict[str, MaskPair]:
    case = f"BraTS2021_{path.name[:5]}"
    truth = read_volume(Source(data / "brats2021" / case / f"{case}_seg.nii.gz"))
    sides = to_canonical(truth.data, "brats2017"), to_canonical(read_volume(Source(path)).data, "brats2023")
    regions = ("wt", "tc", "et")
    stacks = [region_masks(side, regions) for side in sides]
    return {
        region: MaskPair(*(stack[..., place] for stack in stacks), truth.spacing_mm)
        for place, region in enumerate(regions)
    }
