"""Every outcome of a case scores as the slow removal of its components does."""

import numpy as np
import pytest

from segan_tl.errors import UserError
from segan_tl.metrics.columns import Measured
from segan_tl.metrics.pair import MaskPair
from segan_tl.regions import ET, region_masks
from segan_tl.report.compare.outcomes import REGIONS, Grid, objective_of, score_outcomes
from segan_tl.report.compare.tune import choose
from tests.small_tumours import random_case, slow_postprocess, slow_scores

GRID = Grid((0, 2, 4, 8, 40), (0.0, 0.1, 0.25))
LESIONS = objective_of("lesion_dice", challenge="brats-gli")


def test_every_place_of_the_grid_is_what_the_slow_way_finds():
    case = random_case(3)
    fast = score_outcomes(case, GRID, LESIONS)
    objective, known = fast.objective(GRID.ratios), {}
    assert objective.shape == (5, 5, 5, 3)
    for place in np.ndindex(*objective.shape):
        sizes = tuple(GRID.sizes_voxels[one] for one in place[:3])
        expected = slow_scores(case, sizes, GRID.ratios[place[3]], known)
        found = fast.at(place, GRID)
        assert found == pytest.approx(expected | {"objective": np.mean(list(expected.values()))}, abs=1e-12), place
        assert objective[place] == pytest.approx(found["objective"], abs=1e-12)


@pytest.mark.parametrize(
    ("name", "challenge"),
    [
        *((name, "brats-gli") for name in ("dice", "precision", "lesions_invented", "lesion_hd95_mm")),
        ("surface_dice_1mm", "brats-gli"),
        *((name, "brats2026-gli") for name in ("lesion_f1", "matched_dice", "global_nsd", "dice")),
        *((name, "brats2026-met") for name in ("large_lesion_dice", "lesion_f1")),
    ],
)
def test_any_score_with_its_direction(name, challenge):
    objective = objective_of(name, challenge=challenge)
    case, grid = random_case(5), Grid((0, 6), (0.0, 0.2))
    fast = score_outcomes(case, grid, objective)
    for place in np.ndindex(2, 2, 2, 2):
        left = slow_postprocess(case.prediction, tuple(6 * one for one in place[:3]), grid.ratios[place[3]])
        for region in REGIONS:
            masks = (region_masks(labels, (region,))[..., 0] for labels in (case.truth, left))
            pair = MaskPair(*masks, case.spacing_mm)
            expected = objective.column.compute(Measured(pair, objective.plan))
            expected = 1 if np.isnan(expected) else expected
            assert fast.at(place, grid)[region] == pytest.approx(expected, abs=1e-9)
    means = objective.column.better * fast.objective(grid.ratios)
    assert means[choose([fast], grid, objective.column.better)] == pytest.approx(means.max())


def test_lesions_matched_one_to_one_by_hand():
    """Of ET, truth and prediction share a cube of 8 voxels; one voxel more is invented.

    F1 = 2 · 1 / (2 · 1 + 1) = 2/3 as it is, 1 without pieces below 2 voxels, and 0 where pieces below 9 go: 1 missed.
    """
    truth = np.zeros((12, 12, 12), np.uint8)
    truth[2:4, 2:4, 2:4] = ET
    prediction = truth.copy()
    prediction[8, 8, 8] = ET
    case = random_case(0)._replace(truth=truth, prediction=prediction, grid_voxels=truth.size)
    grid = Grid((0, 2, 9), (0.0,))
    found = score_outcomes(case, grid, objective_of(None, challenge="brats2026-gli"))
    for size, expected in enumerate((2 / 3, 1, 0)):
        assert found.at((0, 0, size, 0), grid) == pytest.approx(dict.fromkeys((*REGIONS, "objective"), expected))


def test_nothing_found_of_nothing_is_the_best_there_is():
    """No tumour, and one voxel of ET predicted: F1 0; without it nothing is defined, which counts 1, as 2023 has it."""
    truth = np.zeros((12, 12, 12), np.uint8)
    prediction = truth.copy()
    prediction[8, 8, 8] = ET
    case = random_case(0)._replace(truth=truth, prediction=prediction, grid_voxels=truth.size)
    grid = Grid((0, 2), (0.0,))
    for name, challenge in ((None, "brats2026-gli"), ("global_dice", "brats2026-met"), ("dice", "brats-gli")):
        found = score_outcomes(case, grid, objective_of(name, challenge=challenge)).objective(grid.ratios)
        assert np.isfinite(found).all() and found[0, 0, 0, 0] == 0 and found[0, 0, 1, 0] == 1, name


def test_rules_decide_what_can_be_tuned():
    assert objective_of(None, challenge="brats-gli").column.name == "lesion_dice"
    assert objective_of(None, challenge="brats2026-goat").column.name == "lesion_f1"
    with pytest.raises(UserError, match="brats2026-men-rt scores gtv; give another --challenge"):
        objective_of(None, challenge="brats2026-men-rt")
    for infinite in ("matched_hd95_mm", "predictions_unmatched"):
        with pytest.raises(UserError, match=f"found '{infinite}'"):
            objective_of(infinite, challenge="brats2026-gli")


def test_a_score_that_there_is_not():
    with pytest.raises(UserError, match="found 'lesion_dise'; did you mean lesion_dice?"):
        objective_of("lesion_dise", challenge="brats-gli")
    with pytest.raises(UserError, match="expected --objective as a score out of dice"):
        objective_of("truth_ml", challenge="brats-gli")  # says nothing of how good a prediction is


def test_an_empty_prediction_scores_the_same_everywhere():
    case = random_case(0)
    fast = score_outcomes(case._replace(prediction=np.zeros_like(case.truth)), GRID, LESIONS)
    assert fast.outcomes == 4 and np.ptp(fast.objective(GRID.ratios)) == 0  # one each, and an ET that is gone
