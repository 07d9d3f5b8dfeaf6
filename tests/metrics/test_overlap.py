"""Overlap scores against counting by hand and against scikit-learn."""

import numpy as np
import pytest
from sklearn.metrics import f1_score, precision_score, recall_score

from segan_tl.metrics.overlap import Counts, counts, dice, precision, sensitivity, specificity

EMPTY = np.zeros((2, 3, 4), bool)
FULL = np.ones((2, 3, 4), bool)


def test_counts_and_scores_by_hand():
    # truth       1 1 1 0
    #             0 0 1 0
    # prediction  0 1 1 1
    #             0 0 0 0
    # both 2; prediction only 1 (first row, last); truth only 2 (first row, first; second row, third)
    truth = np.array([[1, 1, 1, 0], [0, 0, 1, 0]], bool)
    prediction = np.array([[0, 1, 1, 1], [0, 0, 0, 0]], bool)
    assert counts(truth, prediction) == Counts(2, false_positive=1, false_negative=2, true_negative=3)
    assert dice(truth, prediction) == pytest.approx(4 / 7)  # 2·2 / (4 + 3)
    assert precision(truth, prediction) == pytest.approx(2 / 3)
    assert sensitivity(truth, prediction) == pytest.approx(2 / 4)
    assert specificity(truth, prediction) == pytest.approx(3 / 4)  # four voxels outside the truth, one of them marked


def test_truth_comes_first():
    small, large = EMPTY.copy(), FULL
    small[0, 0, 0] = True
    assert (precision(small, large), sensitivity(small, large)) == (1 / 24, 1.0)
    assert (precision(large, small), sensitivity(large, small)) == (1.0, 1 / 24)


def test_volumes_without_overlap_score_zero():
    truth, prediction = EMPTY.copy(), EMPTY.copy()
    truth[0], prediction[1] = True, True
    assert (dice(truth, prediction), precision(truth, prediction), sensitivity(truth, prediction)) == (0, 0, 0)


@pytest.mark.parametrize("score", [dice, precision, sensitivity])
def test_empty_volumes_follow_the_rule(score):
    assert score(EMPTY, EMPTY) == 1.0
    assert score(EMPTY, FULL) == 0.0
    assert score(FULL, EMPTY) == 0.0


def test_specificity_of_empty_and_full_volumes():
    # Specificity counts background: all of it is kept in the first two, none in the third, none is there in the last.
    assert [specificity(*pair) for pair in ((EMPTY, EMPTY), (FULL, EMPTY), (EMPTY, FULL), (FULL, FULL))] == [1, 1, 0, 1]


@pytest.mark.parametrize("seed", range(5))
def test_scores_equal_scikit_learn(seed):
    generator = np.random.default_rng(seed)
    truth, prediction = generator.random((2, 6, 7, 8)) < generator.random((2, 1, 1, 1))
    flat = truth.ravel(), prediction.ravel()
    assert dice(truth, prediction) == pytest.approx(f1_score(*flat), abs=1e-12)
    assert precision(truth, prediction) == pytest.approx(precision_score(*flat), abs=1e-12)
    assert sensitivity(truth, prediction) == pytest.approx(recall_score(*flat), abs=1e-12)
    assert specificity(truth, prediction) == pytest.approx(recall_score(*flat, pos_label=False), abs=1e-12)


def test_large_volumes_do_not_overflow():
    volume = np.ones((1300, 1300, 1300 // 100), bool)
    assert counts(volume, volume).true_positive == 1300 * 1300 * 13


def test_shapes_must_agree():
    with pytest.raises(ValueError, match="one shape"):
        counts(EMPTY, EMPTY[:1])


def test_probabilities_are_refused():
    with pytest.raises(ValueError, match="boolean"):
        counts(EMPTY, EMPTY.astype(np.float32))


def test_values_published_by_metrics_reloaded():
    # test/test_metrics/test_pairwise_measures.py, figures SN 2.9 and 27 of the pitfalls paper
    truth = np.repeat([True, False], [50, 50])
    assert precision(truth, np.repeat([True, False, True, False], [45, 5, 10, 40])) == pytest.approx(0.82, abs=0.01)
    truth = np.repeat([True, False], [90, 10])
    assert precision(truth, np.repeat([True, False, True, False], [81, 9, 2, 8])) == pytest.approx(0.98, abs=0.01)
    truth = np.repeat([True, False], [70, 1])
    assert sensitivity(truth, np.repeat([True, False, True], [40, 30, 1])) == pytest.approx(0.57, abs=0.01)
