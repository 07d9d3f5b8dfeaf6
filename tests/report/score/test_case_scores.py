"""The scores of a test case, equal to those of `evaluate` on the same masks."""

import math

import numpy as np
import pytest

from segan_tl.metrics.distances import hd95_mm
from segan_tl.metrics.lesions import CHALLENGES, score_lesions
from segan_tl.metrics.overlap import counts
from segan_tl.metrics.pair import MaskPair
from segan_tl.report.score.case_scores import LESIONS, OVERLAP, VOLUMES, choose_challenge, score_columns, score_regions

SPACING_MM = (1.0, 0.5, 2.0)


def test_scores_are_those_of_the_modules_they_come_from():
    truth, prediction = np.random.default_rng(0).random((2, 9, 8, 7, 2)) < 0.1
    found = score_regions(truth, prediction, ("wt", "tc"), spacing_mm=SPACING_MM, challenge="brats-met")
    for i, region in enumerate(("wt", "tc")):
        row, pair = found[region], (truth[..., i], prediction[..., i])
        assert tuple(row) == (*score_columns("brats-met"), *VOLUMES)
        assert [row[name] for name in OVERLAP] == [getattr(counts(*pair), name) for name in OVERLAP]
        assert row["hd95_mm"] == hd95_mm(*pair, SPACING_MM)
        lesions = score_lesions(MaskPair(*pair, SPACING_MM), CHALLENGES["brats-met"])
        assert [row[name] for name in LESIONS[:2]] == [lesions.dice, lesions.hd95_mm]
        assert [row[name] for name in LESIONS[2:]] == [lesions.found, lesions.missed, lesions.invented]
        assert [row[name] for name in VOLUMES] == pytest.approx([mask.sum() / 1000 for mask in pair])  # 1 mm3 a voxel


@pytest.mark.parametrize("filled", [(0, 0), (0, 1), (1, 0)])
def test_empty_masks_give_numbers_by_the_rule(filled):
    truth, prediction = (np.full((4, 4, 4, 1), bool(value)) for value in filled)
    (row,) = score_regions(truth, prediction, ("wt",), spacing_mm=SPACING_MM, challenge="brats-gli").values()
    assert all(math.isfinite(value) for value in row.values())
    assert (row["dice"], row["hd95_mm"]) == ((1, 0) if filled == (0, 0) else (0, 374))


@pytest.mark.parametrize(
    "regions, conventions, challenge",
    [
        (("wt", "tc", "et"), {"brats2017"}, "brats-gli"),
        (("wt",), {"brats2023", "msd"}, "brats-gli"),
        (("wt",), {"brats_ped2024"}, "brats-ped"),
        (("lesion",), {"lesion"}, None),
        (("wt", "ed"), {"brats2017"}, None),
        (("wt",), {"brats2017", "1=ED"}, None),
        (("wt",), set(), None),
    ],
)
def test_a_challenges_rule_is_applied_where_it_is_defined(regions, conventions, challenge):
    assert choose_challenge(regions, conventions) == challenge
