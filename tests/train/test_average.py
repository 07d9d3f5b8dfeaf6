"""The running average: where it starts, and how soon it has forgotten that."""

import keras
import pytest

from segan_tl.train.average import RunningAverage


def test_it_starts_from_the_first_weights_and_has_forgotten_them_after_ten_steps():
    weight = keras.Variable([1.0])
    average = RunningAverage([weight], 0.99)
    assert float(average.values()[0][0]) == 1.0
    weight.assign([0.0])
    average.update()
    # 2/11 after the first step, then times (1 + n) / (10 + n): 11! · 10! / 20! after the tenth.
    assert float(average.values()[0][0]) == pytest.approx(2 / 11)
    for _ in range(9):
        average.update()
    assert float(average.values()[0][0]) == pytest.approx(5.954e-5, rel=1e-3)
