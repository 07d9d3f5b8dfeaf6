"""Comparisons of a paper and ours: with published numbers, and with words alone."""

import pytest

from segan_tl.papers.findings import Side, compare, compare_stated
from segan_tl.papers.published import Published


def test_the_lowest_of_others_where_low_is_good():
    first = Side("A", Published(2.0), {"x": 3.0, "y": 3.0})
    others = [Side("B", Published(3.0), {"x": 2.0, "y": 2.0}), Side("C", Published(2.5), {"x": 4.0, "y": 4.0})]
    found = compare("A against the best", first, others, lowest=True)
    assert found.published == "A 2.000 < C 2.500" and found.ours == "A 3.000 > B 2.000" and found.direction == "differs"


def test_words_without_a_number():
    first, other = Side("A", None, {"x": 0.5, "y": 0.7}), Side("B", None, {"x": 0.4, "y": 0.4})
    higher = compare_stated("A against B", first, [other], higher=True)
    assert (higher.published, higher.ours, higher.direction) == ("A > B", "A 0.600 > B 0.400", "same")
    assert higher.difference.mean == pytest.approx(0.2) and higher.difference.cases == 2
    lower = compare_stated("A against B", first, [other], higher=False)
    assert lower.published == "A < B" and lower.direction == "differs"
    assert compare_stated("A against B", first, [Side("B", None, {})], higher=True).direction == "–"
    assert compare_stated("A against itself", first, [first], higher=True).direction == "equal"
