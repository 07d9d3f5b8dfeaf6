"""Votes counted by hand: one column is one voxel."""

import numpy as np
import pytest

from segan_tl.predict.vote import mean_probability, vote, vote_shares


def masks_of(probabilities):
    return [probability >= 0.5 for probability in probabilities]


def cast(*rows, **options):
    probabilities = [np.array(row, np.float32) for row in rows]
    return vote(masks_of(probabilities), probabilities, **options).tolist()


def test_one_model_alone_gives_its_own_mask():
    assert cast([0.2, 0.5, 0.9]) == [False, True, True]
    assert cast([0.2, 0.5, 0.9], weights=[0.1]) == [False, True, True]


def test_majority_of_three():
    # votes for tumour: 3, 2, 1, 0 of 3; the mean probability (0.37 in the second voxel) counts nothing there
    assert cast([0.9, 0.5, 0.4, 0.1], [0.9, 0.5, 0.4, 0.1], [0.9, 0.1, 0.99, 0.1]) == [True, True, False, False]


def test_a_tie_of_two_is_settled_by_the_mean_probability():
    # 1 of 2 in each voxel: means 0.55, 0.45 and exactly the threshold
    assert cast([0.9, 0.6, 0.75], [0.2, 0.3, 0.25]) == [True, False, True]


def test_a_tie_of_four_is_settled_by_the_mean_probability():
    # 2 of 4: means (0.9 + 0.6 + 0.4 + 0.3) / 4 = 0.55 and (0.6 + 0.6 + 0.1 + 0.1) / 4 = 0.35; then 3 of 4
    rows = ([0.9, 0.6, 0.5], [0.6, 0.6, 0.5], [0.4, 0.1, 0.5], [0.3, 0.1, 0.0])
    assert cast(*rows) == [True, False, True]


def test_a_tie_is_measured_against_the_threshold_that_is_stated():
    # with the threshold 0.3 both masks come from 0.3; 1 of 2, mean 0.25 and 0.35
    probabilities = [np.array([0.4, 0.6]), np.array([0.1, 0.1])]
    masks = [probability >= 0.3 for probability in probabilities]
    assert vote(masks, probabilities, threshold=0.3).tolist() == [False, True]


def test_weighted_votes():
    # weights 0.8, 0.4, 0.3: alone the first has 0.8 / 1.5 = 0.53 of the votes, the others together 0.47
    rows = ([0.9, 0.1], [0.1, 0.9], [0.1, 0.9])
    assert cast(*rows) == [False, True]
    assert cast(*rows, weights=[0.8, 0.4, 0.3]) == [True, False]
    # weights 0.6, 0.4, 0.3: 0.46 against 0.54
    assert cast(*rows, weights=[0.6, 0.4, 0.3]) == [False, True]


def test_a_weighted_tie_is_settled_by_the_weighted_mean_probability():
    # 0.3 against 0.2 + 0.1. First voxel: 0.5 * 0.9 + 1/3 * 0.2 + 1/6 * 0.2 = 0.55, though the plain mean is 0.43.
    # Second voxel: 0.5 * 0.1 + 1/3 * 0.6 + 1/6 * 0.6 = 0.35
    assert cast([0.9, 0.1], [0.2, 0.6], [0.2, 0.6], weights=[0.3, 0.2, 0.1]) == [True, False]


def test_a_model_of_weight_0_says_nothing_unless_all_are():
    assert cast([0.9], [0.1], weights=[0.0, 0.5]) == [False]
    assert cast([0.9], [0.1], weights=[0.5, 0.0]) == [True]
    # all 0: equals, mean 0.55 against 0.5
    assert cast([0.9], [0.2], weights=[0.0, 0.0]) == [True]


def test_volumes_with_regions_and_empty_votes():
    probabilities = [np.zeros((2, 3, 4, 2)) for _ in range(3)]
    for probability in probabilities[:2]:
        probability[1, 2, 3, 1] = 0.7
    voted = vote(masks_of(probabilities), probabilities)
    assert voted.shape == (2, 3, 4, 2) and voted.dtype == bool
    assert np.argwhere(voted).tolist() == [[1, 2, 3, 1]]


def test_mean_probability():
    rows = [np.array([0.0, 0.4], np.float32), np.array([1.0, 0.8], np.float32)]
    mean = mean_probability(rows)
    assert mean.dtype == np.float32
    np.testing.assert_allclose(mean, [0.5, 0.6], rtol=1e-6)
    # 1/4 and 3/4: 0.75 and 0.1 + 0.6
    np.testing.assert_allclose(mean_probability(rows, weights=[0.2, 0.6]), [0.75, 0.7], rtol=1e-6)


def test_shares():
    assert vote_shares(None, models=4).tolist() == [0.25] * 4
    assert vote_shares([0, 0], models=2).tolist() == [0.5, 0.5]
    np.testing.assert_allclose(vote_shares([0.9, 0.3], models=2), [0.75, 0.25])


@pytest.mark.parametrize("weights", [[1.0], [1.0, -0.1], [1.0, float("nan")]])
def test_senseless_weights(weights):
    with pytest.raises(ValueError, match="expected 2 weights"):
        cast([0.9], [0.1], weights=weights)


def test_nobody_votes():
    with pytest.raises(ValueError, match="at least one model"):
        vote([], [])
    with pytest.raises(ValueError, match="expected a probability for each"):
        vote([np.ones(1, bool)], [])
