"""The search equals a slow one that removes components, and a fold never chooses for itself."""

import csv

import numpy as np
import pytest

from segan_tl.data.files.images import Source, read_volume
from segan_tl.metrics.distances import bounding_box
from segan_tl.regions import ED, ET, NCR, to_canonical
from segan_tl.report.compare.labelled import LabelledCase
from segan_tl.report.compare.outcomes import Grid, objective_of, score_outcomes
from segan_tl.report.compare.tune import choose, tune
from tests.small_tumours import random_case, slow_search

GRID = Grid((0, 2, 4, 8, 40), (0.0, 0.1, 0.25))
LESIONS = objective_of("lesion_dice", challenge="brats-gli")


def scored(cases, grid=GRID, objective=LESIONS):
    return [score_outcomes(case, grid, objective) for case in cases]


@pytest.mark.parametrize("seed", [10, 20, 30, 40, 50, 60])
def test_the_search_equals_the_slow_one(seed):
    cases = [random_case(seed + i) for i in range(3)]
    grid = Grid((0, 3, 8, 30), (0.0, 0.1, 0.3))
    expected, best = slow_search(cases, grid)
    place = choose(scored(cases, grid), grid, better=1)
    thresholds = grid.thresholds(place)
    assert (*thresholds.sizes_voxels.values(), thresholds.et_wt_ratio) == expected
    assert np.mean([case.at(place, grid)["objective"] for case in scored(cases, grid)]) == pytest.approx(best)


# === Ties ===


def small_case(truth, prediction, **given) -> LabelledCase:
    whose = {"case_id": "a", "patient": "a", "fold": 0, "cluster": None} | given
    return LabelledCase(**whose, truth=truth, prediction=prediction, spacing_mm=(1, 1, 1), grid_voxels=truth.size)


def one_lesion() -> np.ndarray:
    labels = np.zeros((40, 8, 8), np.uint8)
    labels[0:6, 0:4, 0:4] = ED  # 96 voxels
    labels[1:5, 1:3, 1:3] = NCR  # 16 of them
    return labels


def test_of_equal_thresholds_the_smallest_counts():
    """Truth of 96 voxels without ET; invented are 5 of ED: every size from 8 on removes them."""
    truth = one_lesion()
    prediction = truth.copy()
    prediction[30:35, 0, 0] = ED
    # Untouched: WT (1 + 0) / 2, TC 1, ET 1; without the 5 voxels all are 1. TC of 16 voxels is too small to count: 1.
    (case,) = scored([small_case(truth, prediction)])
    assert case.at((0, 0, 0, 0), GRID)["objective"] == pytest.approx((0.5 + case.at((0, 0, 0, 0), GRID)["tc"] + 1) / 3)
    assert choose([case], GRID, better=1) == (0, 3, 0, 0)


def test_where_nothing_helps_everything_stays_0():
    truth = one_lesion()
    assert choose(scored([small_case(truth, truth)]), GRID, better=1) == (0, 0, 0, 0)
    empty = np.zeros_like(truth)
    (case,) = scored([small_case(empty, empty)])
    assert choose([case], GRID, better=1) == (0, 0, 0, 0) and case.at((0, 0, 0, 0), GRID)["objective"] == 1.0


def test_an_invented_et_becomes_ncr():
    """ET of 6 of 96 voxels, 0.0625, where the truth has none: a ratio of 0.1 makes NCR of it; no size could: > 4."""
    truth = one_lesion()
    prediction = truth.copy()
    prediction[1:4, 1:3, 1] = ET
    (case,) = scored([small_case(truth, prediction)], grid := Grid((0, 2, 4), (0.0, 0.05, 0.1)))
    assert case.at((0, 0, 0, 1), grid)["et"] == 0.0 and case.at((0, 0, 0, 2), grid)["et"] == 1.0
    assert choose([case], grid, better=1) == (0, 0, 0, 2)


# === Nested ===


def cohort(seed: int = 0) -> list[LabelledCase]:
    return [random_case(seed + i, fold=i % 3, cluster="ab"[i % 2]) for i in range(9)]


def test_a_fold_never_chooses_for_itself():
    cases = cohort()
    before = tune(scored(cases), GRID, better=1)
    changed = [
        case._replace(truth=random_case(90 + i).truth) if case.fold == 1 else case for i, case in enumerate(cases)
    ]
    after = tune(scored(changed), GRID, better=1)
    assert after.folds[1] == before.folds[1]
    assert [one.thresholds for one in after.held_out if one.case.fold == 1] == [
        one.thresholds for one in before.held_out if one.case.fold == 1
    ]
    assert after.gains["objective"] != before.gains["objective"]


def test_what_a_fold_is_given_is_what_the_others_choose():
    fast = scored(cohort())
    tuned = tune(fast, GRID, better=1)
    assert tuned.chosen[None] == GRID.thresholds(choose(fast, GRID, better=1))
    for fold, chosen in tuned.folds.items():
        others = [case for case in fast if case.fold != fold]
        assert chosen[None] == GRID.thresholds(choose(others, GRID, better=1))
        for cluster in "ab":
            own = [case for case in others if case.cluster == cluster]
            assert chosen[cluster] == GRID.thresholds(choose(own, GRID, better=1))
    for one in tuned.held_out:
        assert one.thresholds == tuned.folds[one.case.fold][one.case.cluster]
    differences = [one.after["objective"] - one.before["objective"] for one in tuned.held_out]
    gain = tuned.gains["objective"].difference
    assert gain.mean == pytest.approx(np.mean(differences)) and gain.low <= gain.mean <= gain.high and gain.n == 9


def test_a_cluster_that_the_other_folds_lack_takes_the_thresholds_of_all():
    cases = [case._replace(cluster="rare" if case.fold == 2 else "usual") for case in cohort()]
    tuned = tune(scored(cases), GRID, better=1)
    assert "rare" not in tuned.folds[2]
    assert all(one.thresholds == tuned.folds[2][None] for one in tuned.held_out if one.case.fold == 2)
    assert "rare" in tuned.chosen


def test_scans_of_a_patient_count_as_one():
    """Three scans of a patient who loses by a size of ED, one of a patient who wins more."""
    truth = one_lesion()
    speck = truth.copy()
    speck[30:36, 0, 0] = ED  # WT 1/2; 1 from a size of 8 on
    wanting = small_case(truth, speck, case_id="w", patient="w")
    only = np.zeros_like(truth)
    only[0:6, 0:2, 0] = ED  # 12 voxels of ED found a lesion of 96, until a size of 40: Dice 2 * 12 / 108 to 0
    losing = small_case(truth, only, case_id="l", patient="l")
    grid = Grid((0, 40), (0.0,))
    scans = [losing, losing._replace(case_id="m"), losing._replace(case_id="n"), wanting]
    # Gain of a size of 40 for ED in WT: -0.22 of one patient, +0.5 of the other; of four scans (3 * -0.22 + 0.5) / 4.
    assert choose(scored(scans, grid), grid, better=1) == (0, 1, 0, 0)
    strangers = [case._replace(patient=case.case_id) for case in scans]
    assert choose(scored(strangers, grid), grid, better=1) == (0, 0, 0, 0)


# === The pairs of the official script ===


@pytest.mark.slow
@pytest.mark.real_data
def test_the_search_equals_the_slow_one_on_real_masks(real_data):
    folder = real_data.parent / "oracles" / "brats2023_metrics"
    if not folder.is_dir():
        pytest.skip(f"no scores of the official script at {folder}")
    with (folder / "expected.csv").open(newline="") as stream:
        official = {(row["prediction"], row["Labels"].lower()): row for row in csv.DictReader(stream)}
    cases = [_read(real_data, path) for path in sorted(folder.glob("*.nii.gz"))]
    grid = Grid((0, 50, 200, 475), (0.0, 0.05, 0.5))
    fast = scored(cases, grid)
    for case in fast:
        for region, score in case.at((0, 0, 0, 0), grid).items():
            if region != "objective":
                expected = float(official[case.case_id, region]["LesionWise_Score_Dice"])
                assert score == pytest.approx(expected, abs=1e-12)
    expected, best = slow_search(cases, grid)
    place = choose(fast, grid, better=1)
    thresholds = grid.thresholds(place)
    assert (*thresholds.sizes_voxels.values(), thresholds.et_wt_ratio) == expected
    assert np.mean([case.at(place, grid)["objective"] for case in fast]) == pytest.approx(best, abs=1e-12)


def _read(data, path) -> LabelledCase:
    case = f"BraTS2021_{path.name[:5]}"
    truth = read_volume(Source(data / "brats2021" / case / f"{case}_seg.nii.gz"))
    labels = to_canonical(truth.data, "brats2017"), to_canonical(read_volume(Source(path)).data, "brats2023")
    box = bounding_box((labels[0] > 0) | (labels[1] > 0))
    cut, name = [one[box] for one in labels], path.name.removesuffix(".nii.gz")
    return LabelledCase(name, name, 0, None, *cut, spacing_mm=truth.spacing_mm, grid_voxels=truth.data.size)
