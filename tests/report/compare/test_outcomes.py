"""Every outcome of a case scores as the slow removal of its components does."""

import numpy as np
import pytest

from segan_tl.errors import UserError
from segan_tl.metrics.columns import Measured
from segan_tl.metrics.pair import MaskPair
from segan_tl.regions import region_masks
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


@pytest.mark.parametrize("name", ["dice", "precision", "lesions_invented", "lesion_hd95_mm", "surface_dice_1mm"])
def test_any_score_with_its_direction(name):
    objective = objective_of(name, challenge="brats-gli")
    case, grid = random_case(5), Grid((0, 6), (0.0, 0.2))
    fast = score_outcomes(case, grid, objective)
    for place in np.ndindex(2, 2, 2, 2):
        left = slow_postprocess(case.prediction, tuple(6 * one for one in place[:3]), grid.ratios[place[3]])
        for region in REGIONS:
            masks = (region_masks(labels, (region,))[..., 0] for labels in (case.truth, left))
            pair = MaskPair(*masks, case.spacing_mm)
            expected = objective.column.compute(Measured(pair, objective.plan))
            assert fast.at(place, grid)[region] == pytest.approx(expected, abs=1e-9)
    means = objective.column.better * fast.objective(grid.ratios)
    assert means[choose([fast], grid, objective.column.better)] == pytest.approx(means.max())


def test_a_score_that_there_is_not():
    with pytest.raises(UserError, match="found 'lesion_dise'; did you mean lesion_dice?"):
        objective_of("lesion_dise", challenge="brats-gli")
    with pytest.raises(UserError, match="expected --objective as a score out of dice"):
        objective_of("truth_ml", challenge="brats-gli")  # says nothing of how good a prediction is


def test_an_empty_prediction_scores_the_same_everywhere():
    case = random_case(0)
    fast = score_outcomes(case._replace(prediction=np.zeros_like(case.truth)), GRID, LESIONS)
    assert fast.outcomes == 4 and np.ptp(fast.objective(GRID.ratios)) == 0  # one each, and an ET that is gone
