"""Subsets of modalities: every one occurs with its share, and never one that a case does not have."""

import numpy as np
import pytest

from segan_tl.data.subsets import draw_subsets, subset_table

COUNT = 30_000


def draw(available, shares=None, *, seed=3):
    return draw_subsets(np.random.default_rng(seed), np.array(available, bool), shares=shares)


def shares_of(drawn):
    """Return subset → its share of the rows."""
    found, counts = np.unique(drawn, axis=0, return_counts=True)
    return {tuple(row.astype(int).tolist()): count / len(drawn) for row, count in zip(found, counts)}


def test_the_table_has_every_subset_once_but_the_empty_one():
    table = subset_table(4)
    assert table.shape == (15, 4) and len(np.unique(table, axis=0)) == 15 and table.any(axis=1).all()
    assert table.sum(axis=1).tolist() == [1] * 4 + [2] * 6 + [3] * 4 + [4]


def test_all_fifteen_are_alike_by_default():
    found = shares_of(draw(np.ones((COUNT, 4))))
    assert len(found) == 15
    assert all(share == pytest.approx(1 / 15, abs=0.006) for share in found.values())  # 4 deviations of √(p q / N)


def test_shares_are_those_of_the_sizes():
    found = shares_of(draw(np.ones((COUNT, 4)), (0.4, 0.0, 0.2, 0.4)))
    # 0.4 of one modality over 4 subsets, 0.2 of three over 4, 0.4 of all
    assert len(found) == 9
    for subset, share in found.items():
        assert share == pytest.approx({1: 0.1, 3: 0.05, 4: 0.4}[sum(subset)], abs=0.012)


def test_a_case_that_lacks_some_gets_the_subsets_that_it_has():
    available = np.array([[1, 0, 1, 0]] * COUNT)
    found = shares_of(draw(available))
    assert set(found) == {(1, 0, 0, 0), (0, 0, 1, 0), (1, 0, 1, 0)}
    assert all(share == pytest.approx(1 / 3, abs=0.011) for share in found.values())
    # one of 4 has 0.4 / 4 = 0.1, one pair of 6 has 0.3 / 6 = 0.05: 0.4, 0.4, 0.2 of what is possible
    found = shares_of(draw(available, (0.4, 0.3, 0.2, 0.1)))
    assert found[1, 0, 1, 0] == pytest.approx(0.2, abs=0.012) and found[1, 0, 0, 0] == pytest.approx(0.4, abs=0.012)


def test_a_case_whose_subsets_have_no_share_keeps_all_that_it_has():
    drawn = draw([[1, 1, 0, 0]] * 5 + [[1, 1, 1, 1]] * 5, (0, 0, 0, 1))
    assert drawn.tolist() == [[1, 1, 0, 0]] * 5 + [[1, 1, 1, 1]] * 5


def test_the_same_generator_draws_the_same_whoever_stands_beside():
    available = np.ones((8, 4), bool)
    other = available.copy()
    other[3:] = [True, False, True, True]
    first, again, mixed = draw(available), draw(available), draw(other)
    assert np.array_equal(first, again) and first.dtype == np.float32
    assert np.array_equal(first[:3], mixed[:3])
    assert not np.array_equal(first, draw(available, seed=4))
