"""The graph of components scores every choice of them as the volumes do."""

import numpy as np
import pytest

from segan_tl.metrics.challenges import CHALLENGES
from segan_tl.metrics.lesions import score_lesions
from segan_tl.metrics.pair import MaskPair
from segan_tl.regions import ED, ET, NCR, region_masks
from segan_tl.report.compare.tumour_parts import TruthParts, find_parts
from tests.small_tumours import SPACING_MM, random_case, random_labels

VOXEL_MM3 = float(np.prod(SPACING_MM))


def test_components_and_which_touch():
    labels = np.zeros((9, 3, 3), np.uint8)
    labels[0:2, 0, 0] = NCR
    labels[2, 1, 1] = ED  # a corner of the NCR
    labels[3, 1, 1] = ET
    labels[7, 0, 0] = ED
    parts = find_parts(labels)
    assert parts.tissue.tolist() == [NCR, ED, ED, ET] and parts.voxels.tolist() == [2, 1, 1, 1]
    assert parts.edges.tolist() == [[0, 1], [1, 3]]
    assert parts.of("tc").tolist() == [True, False, False, True]
    np.testing.assert_array_equal(parts.mask(parts.of("wt")), labels > 0)


def test_removed_oedema_divides_one_whole_tumour_into_two():
    """Two cores that a bridge of ED joins: with it one component of WT, without it two."""
    truth = np.zeros((30, 8, 8), np.uint8)
    truth[0:6, 0:4, 0:4] = NCR  # 96 voxels
    prediction = truth.copy()
    prediction[6:20, 0, 0] = ED  # 14 voxels
    prediction[20:23, 0:2, 0:2] = NCR  # 12 voxels, invented
    parts = find_parts(prediction)
    lesions = TruthParts(parts, truth, "wt", rule=CHALLENGES["brats-gli"].rule, voxel_mm3=1.0)
    everything = lesions.measure(np.array([True, True, True]), grid_voxels=truth.size).lesions
    assert everything.invented == 0 and everything.dice == pytest.approx(2 * 96 / (96 + 96 + 14 + 12))
    cut = lesions.measure(parts.tissue == NCR, grid_voxels=truth.size).lesions
    assert cut.invented == 1 and cut.dice == pytest.approx((1 + 0) / 2)


@pytest.mark.parametrize("challenge", ["brats-gli", "brats-met"])
@pytest.mark.parametrize("seed", range(8))
def test_any_choice_scores_as_its_volumes_do(seed, challenge):
    case = random_case(seed)
    parts, rule = find_parts(case.prediction), CHALLENGES[challenge]
    generator = np.random.default_rng(seed)
    for region in ("wt", "tc", "et"):
        truth = region_masks(case.truth, (region,))[..., 0]
        fast = TruthParts(parts, case.truth, region, rule=rule.rule, voxel_mm3=VOXEL_MM3)
        for share in (1.0, 0.9, 0.5, 0.0):
            kept = generator.random(len(parts.voxels)) < share
            pair = MaskPair(truth, parts.mask(kept & parts.of(region)), SPACING_MM)
            found, expected = fast.measure(kept, grid_voxels=truth.size), score_lesions(pair, rule)
            assert found.counts == pair.counts
            assert found.lesions.dice == pytest.approx(expected.dice, abs=1e-12)
            assert found.lesions.found == expected.found and found.lesions.missed == expected.missed
            assert found.lesions.invented == expected.invented


@pytest.mark.parametrize("side", ["truth", "prediction", "both"])
def test_nothing_on_a_side(side):
    labels = random_labels(np.random.default_rng(1))
    empty = np.zeros_like(labels)
    truth = empty if side != "prediction" else labels
    parts = find_parts(empty if side != "truth" else labels)
    scores = TruthParts(parts, truth, "wt", rule=CHALLENGES["brats-gli"].rule, voxel_mm3=VOXEL_MM3).measure(
        np.ones(len(parts.voxels), bool), grid_voxels=labels.size
    )
    assert scores.lesions.dice == (1.0 if side == "both" else 0.0)
    assert scores.counts.truth_voxels == (truth > 0).sum()
