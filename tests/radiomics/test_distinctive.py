"""What tells a cluster from the others, by hand."""

import numpy as np

from segan_tl.radiomics.distinctive import standard, tell_apart


def test_by_hand():
    # a: 0, 0, 6, 6 has mean 3 and deviation 3: standardized −1, −1, 1, 1. b the other way round with one case between:
    # 8, 4, 0, 0 has mean 3, deviation √((25 + 1 + 9 + 9) / 4) = √11. c never varies. d: 1, −1, 1, −1 tells nothing.
    rows = np.array([[0.0, 8, 7, 1], [0, 4, 7, -1], [6, 0, 7, 1], [6, 0, 7, -1]])
    found = tell_apart(rows, "abcd", np.array([0, 0, 1, 1]))
    assert list(found) == [0, 1] and list(found[0]) == ["a", "b", "c", "d"]
    np.testing.assert_allclose(list(found[0].values()), [-2, (6 - 0) / np.sqrt(11), 0, 0], atol=1e-12)
    np.testing.assert_allclose(list(found[1].values()), [2, -6 / np.sqrt(11), 0, 0], atol=1e-12)


def test_the_five_largest_of_each_against_all_others():
    rows = np.vstack([10 * np.eye(3, 8), np.zeros((1, 8))])
    found = tell_apart(rows, [f"f{i}" for i in range(8)], np.array([0, 1, 2, 2]))
    assert all(len(features) == 5 for features in found.values())
    # f0 is 10, 0, 0, 0: deviation √(100/4 − 6.25) = 4.33; cluster 0 differs by 10 / 4.33, cluster 2 by −5 / 4.33.
    assert list(found[0])[0] == "f0" and np.isclose(found[0]["f0"], 10 / np.sqrt(18.75))
    # Cluster 2 holds half of f2: 5 − 0; f0 and f1 are −5: equal sizes, in the order of the columns.
    assert list(found[2])[:3] == ["f0", "f1", "f2"] and np.isclose(found[2]["f0"], -5 / np.sqrt(18.75))
    assert np.isclose(found[2]["f2"], 5 / np.sqrt(18.75))


def test_what_does_not_vary_has_deviation_1():
    mean, deviation = standard(np.array([[1.0, 5], [3, 5]]))
    assert mean.tolist() == [2, 5] and deviation.tolist() == [1, 1]
