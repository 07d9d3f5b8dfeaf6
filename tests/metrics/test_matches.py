"""Lesions matched one to one, by hand: each rule set of 2026 beside one of 2023 on a pair in which they differ."""

import itertools
import math

import numpy as np
import pytest

from segan_tl.errors import UserError
from segan_tl.metrics.assignment import choose_pairs
from segan_tl.metrics.challenges import ALIASES, CHALLENGES, by_year, find_challenge
from segan_tl.metrics.columns import Plan, definitions, score_pair
from segan_tl.metrics.matches import match_lesions
from segan_tl.metrics.pair import MaskPair
from tests.metrics.test_lesions import boxes

CUBE = (1.0, 1.0, 1.0)


def scores(truth, prediction, challenge: str, spacing_mm=CUBE, **more) -> dict[str, float]:
    """Score one region by the rules of a challenge."""
    plan = Plan(("wt",), hd95=("pooled",), tolerances_mm=(), challenge=challenge, **more)
    return score_pair(MaskPair(truth, prediction, spacing_mm), plan)


# === 2023 and 2026 differ ===


def test_glioma_parts_that_lie_near_by_hand():
    # Cubes of 4³ = 64, 5 voxels between them, the first found exactly. Three dilations join them in 2023: one lesion of
    # 128 voxels, of which 64 are found, 2 · 64 / (128 + 64). In 2026 they are two: one matched, one missed.
    truth, prediction = boxes((0, 0, 0, 4), (9, 0, 0, 4)), boxes((0, 0, 0, 4))
    old, new = scores(truth, prediction, "brats2023-gli"), scores(truth, prediction, "brats2026-gli")
    assert (old["lesions_found"], old["lesions_missed"], old["lesion_dice"]) == (1, 0, pytest.approx(2 / 3))
    assert (new["lesions_matched"], new["lesions_unmatched"], new["predictions_unmatched"]) == (1, 1, 0)
    assert (new["matched_dice"], new["matched_nsd"], new["matched_hd95_mm"], new["matched_dice_sd"]) == (1, 1, 0, 0)
    assert (new["lesion_precision"], new["lesion_recall"], new["lesion_f1"]) == (1, 0.5, pytest.approx(2 / 3))
    # The whole region is scored alike.
    assert new["global_dice"] == old["dice"] == pytest.approx(2 / 3)


def test_africa_and_any_tumour_something_invented_by_hand():
    # One lesion found exactly and a cube of 2³ invented: it counts 0 and 374 mm in 2023, in precision and F1 in 2026.
    truth, prediction = boxes((0, 0, 0, 4)), boxes((0, 0, 0, 4), (30, 0, 0, 2))
    old, new = scores(truth, prediction, "brats2023-ssa"), scores(truth, prediction, "brats2026-goat")
    assert (old["lesion_dice"], old["lesion_hd95_surface_weighted_mm"]) == (0.5, 187)
    assert (new["matched_dice"], new["matched_hd95_mm"], new["predictions_unmatched"]) == (1, 0, 1)
    assert (new["lesion_precision"], new["lesion_recall"], new["lesion_f1"]) == (0.5, 1, pytest.approx(2 / 3))


def test_meningioma_two_parts_of_one_lesion_by_hand():
    # A bar of 10 × 4 × 4 = 160 of which 6 and 3 slices are found: 2023 takes both, 2 · 144 / (160 + 144); 2026 the
    # larger, 2 · 96 / (160 + 96) = 0.75, and the other is invented.
    truth = boxes(shape=(20, 10, 10))
    truth[2:12, 2:6, 2:6] = True
    prediction = truth.copy()
    prediction[8] = False
    old, new = scores(truth, prediction, "brats2023-men"), scores(truth, prediction, "brats2026-men-pre")
    assert (old["lesion_dice"], old["lesions_invented"]) == (pytest.approx(288 / 304), 0)
    assert (new["matched_dice"], new["predictions_unmatched"]) == (0.75, 1)
    # Surface voxels of the truth: 160 − 8 · 2 · 2 = 128. All of the part's lie within 1 mm of it: in its last slice the
    # four that are no rim have a neighbour in that. Of the truth's those of six slices do, 16 + 5 · 12 = 76, and of the
    # seventh 12, one slice beyond.
    assert new["matched_nsd"] == pytest.approx((1 + 88 / 128) / 2)


def test_radiotherapy_nothing_to_find_by_hand():
    nothing = boxes()
    old, new = scores(nothing, nothing, "brats2023-men"), scores(nothing, nothing, "brats2026-men-rt")
    assert (old["lesion_dice"], old["lesion_hd95_surface_weighted_mm"]) == (1, 0)
    undefined = [name for name, value in new.items() if math.isnan(value)]
    assert {"global_dice", "global_hd95_mm", "matched_dice", "matched_hd95_mm", "lesion_f1"} <= set(undefined)
    assert (new["lesions_matched"], new["predictions_unmatched"], new["dice"]) == (0, 0, 1)
    # One of them empty: 0, and infinite of lesions where 373 stands for whole regions.
    missed = scores(boxes((0, 0, 0, 4)), nothing, "brats2026-men-rt")
    assert (missed["global_dice"], missed["global_hd95_mm"], missed["global_nsd"]) == (0, 373, 0)
    assert (missed["matched_dice"], missed["matched_hd95_mm"], missed["lesion_recall"]) == (0, math.inf, 0)
    assert math.isnan(missed["lesion_precision"]) and math.isnan(missed["matched_dice_sd"])


def test_children_a_small_lesion_missed_by_hand():
    # 3³ = 27 mm³ do not count in 2023 (up to 50), in 2026 they do.
    truth, prediction = boxes((0, 0, 0, 4), (20, 0, 0, 3)), boxes((0, 0, 0, 4))
    old, new = scores(truth, prediction, "brats2023-ped"), scores(truth, prediction, "brats2026-ped")
    assert (old["lesion_dice"], old["lesions_missed"]) == (1, 0)
    assert (new["matched_dice"], new["lesions_unmatched"], new["lesion_recall"]) == (1, 1, 0.5)


def test_metastases_by_size_by_hand():
    # Found exactly: 4³ = 64 mm³; missed: 3³ = 27 and 2³ = 8; invented: 1. In 2023 all count (above 2): 1 / 4. In 2026
    # the large ones with the invention, (1 + 0 + 0) / 3 and (0 + 373 + 373) / 3; of the small ones none is found.
    truth = boxes((0, 0, 0, 4), (10, 0, 0, 3), (20, 0, 0, 2))
    prediction = boxes((0, 0, 0, 4), (30, 0, 0, 1))
    old, new = scores(truth, prediction, "brats2023-met"), scores(truth, prediction, "brats2026-met")
    assert old["lesion_dice"] == 0.25 and old["lesion_hd95_surface_weighted_mm"] == pytest.approx(3 * 374 / 4)
    assert (new["large_lesion_dice"], new["large_lesion_nsd"]) == (pytest.approx(1 / 3), pytest.approx(1 / 3))
    assert new["large_lesion_hd95_mm"] == pytest.approx(2 * 373 / 3)
    assert new["large_lesion_dice_sd"] == pytest.approx(math.sqrt(1 / 3 - 1 / 9))  # of 1, 0, 0, n in the denominator
    assert (new["large_matched_dice"], new["large_matched_hd95_mm"]) == (1, 0)
    assert (new["large_lesions_found"], new["large_lesions_missed"], new["large_lesion_f1"]) == (1, 1, 0.5)
    assert (new["small_lesions_found"], new["small_lesions_missed"], new["small_lesion_f1"]) == (0, 1, 0)
    assert "matched_dice" not in new


def test_where_large_begins_and_what_finds_by_hand():
    # 5 × 4 × 1 = 20 mm³ are large. Lines of 10 voxels that share one: 2 · 1 / 20 = 0.1 is found; 2 · 1 / 21 is not.
    truth = boxes(shape=(40, 30, 12))
    truth[0:5, 0:4, 0] = truth[20:30, 0, 5] = truth[20:30, 10, 5] = True
    prediction = truth.copy()
    prediction[20:30] = False
    prediction[29:39, 0, 5] = prediction[29:40, 10, 5] = True
    new = scores(truth, prediction, "brats2026-met")
    assert (new["large_lesions_found"], new["large_lesion_dice"]) == (1, 1)
    assert (new["small_lesions_found"], new["small_lesions_missed"], new["lesions_matched"]) == (1, 1, 3)


# === Matching ===


@pytest.mark.parametrize("seed", range(20))
def test_the_largest_sum_of_dice_is_found_by_trying_all(seed):
    generator = np.random.default_rng(seed)
    shared = generator.random((5, 4)) < 0.5
    first, second = np.nonzero(shared)
    dice = generator.random(len(first)) * 0.9 + 0.05
    chosen = choose_pairs(first, second, dice)
    assert len(set(first[chosen])) == len(set(second[chosen])) == chosen.sum()
    best = max(
        sum(dice[list(places)])
        for size in range(5)
        for places in itertools.combinations(range(len(dice)), size)
        if len(set(first[list(places)])) == len(set(second[list(places)])) == size
    )
    assert dice[chosen].sum() == pytest.approx(best, abs=1e-5)  # one more pair is worth a millionth


def test_one_prediction_over_two_lesions_finds_the_one_that_it_fits_better_by_hand():
    # 4³ and 3³ in one block: 2 · 64 / (64 + 108) beats 2 · 27 / (27 + 108).
    truth = boxes((0, 0, 0, 4), (6, 0, 0, 3))
    prediction = boxes(shape=truth.shape)
    prediction[0:9, 0:4, 0:3] = True  # 108 voxels
    lesions = match_lesions(MaskPair(truth, prediction, CUBE), CHALLENGES["brats2026-gli"]).lesions
    assert [lesion.volume_mm3 for lesion in lesions] == [64, 27]
    assert lesions[0].scores[0] == pytest.approx(2 * 48 / (64 + 108)) and lesions[1].scores is None


def test_distances_know_the_voxel_size_and_upstream_does_not_by_hand():
    # Two plates of one slice, 10 × 10 voxels; the prediction has a second slice above. Voxels are 5.5 mm thick.
    truth, prediction = np.zeros((2, 12, 12, 6), bool)
    truth[1:11, 1:11, 2] = True
    prediction[1:11, 1:11, 2:4] = True
    # Half of the prediction's voxels lie 5.5 mm off: above the 95th percentile of 100 + 200 distances there are 15.
    right = scores(truth, prediction, "brats2026-gli", (0.9, 0.9, 5.5))
    assert right["matched_hd95_mm"] == right["global_hd95_mm"] == 5.5
    assert right["matched_nsd"] == pytest.approx((1 + 0.5) / 2)
    wrong = scores(truth, prediction, "brats2026-gli", (0.9, 0.9, 5.5), upstream_defects=True)
    assert (wrong["matched_hd95_mm"], wrong["global_hd95_voxels"]) == (0.9, 1)  # (5.5, 0.9, 0.9), and none
    assert wrong["matched_nsd"] == 1 and "global_hd95_mm" not in wrong
    assert "reverse order" in definitions(Plan(("wt",), challenge="brats2026-gli", upstream_defects=True))["voxel size"]


# === The table of challenges ===


def test_older_names_are_those_of_2023():
    assert ALIASES == {f"brats-{end}": f"brats2023-{end}" for end in ("gli", "ssa", "men", "ped", "met")}
    assert all(CHALLENGES[alias] is CHALLENGES[name] for alias, name in ALIASES.items())
    assert find_challenge(" BraTS-GLI ").name == "brats2023-gli" and len(by_year()) == 11
    with pytest.raises(UserError, match="did you mean brats2026-gli"):
        find_challenge("brats2026-gil")


def test_rules_are_not_mixed_up():
    pair = MaskPair(boxes(), boxes(), CUBE)
    with pytest.raises(TypeError, match="use score_lesions"):
        match_lesions(pair, CHALLENGES["brats2023-gli"])
    with pytest.raises(TypeError, match="CHALLENGES"):
        match_lesions(pair, "brats2026-gli")
