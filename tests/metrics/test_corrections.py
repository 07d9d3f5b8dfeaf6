"""Holm's correction, by hand."""

import pytest

from segan_tl.metrics.corrections import holm


def test_holm_by_hand():
    # the worked example of Wikipedia's "Holm–Bonferroni method": 0.005 · 4, 0.01 · 3, 0.03 · 2, and 0.04 not below that
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.6, 0.5]) == [1.0, 1.0]
    assert holm([None, 0.02, None, 0.03]) == [None, 0.04, None, 0.04]
    assert holm([]) == []
