"""The picture of a second look is drawn, also of cases of which the same is expected."""

import pytest

from segan_tl.report.review.figure import plot_review


@pytest.mark.parametrize("predicted", [[0.3, 0.6, 0.9], [0.5, 0.5, 0.5]])
def test_a_picture(tmp_path, predicted):
    told = [value - 0.5 for value in predicted]
    plot_review([0.2, 0.7, 0.8], predicted, told, tmp_path / "review.png", title="a $run")
    assert (tmp_path / "review.png").read_bytes()[:4] == b"\x89PNG"
