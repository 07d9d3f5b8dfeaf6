"""Which challenge's rule for lesions fits the cases of a run."""

import pytest

from segan_tl.report.score.challenges import choose_challenge


@pytest.mark.parametrize(
    "regions, conventions, challenge",
    [
        (("wt", "tc", "et"), {"brats2017"}, "brats2023-gli"),
        (("wt",), {"brats2023", "msd"}, "brats2023-gli"),
        (("wt",), {"brats_ped2024"}, "brats2023-ped"),
        (("lesion",), {"lesion"}, None),
        (("wt", "ed"), {"brats2017"}, None),
        (("wt",), {"brats2017", "1=ED"}, None),
        (("wt",), set(), None),
    ],
)
def test_a_challenges_rule_is_applied_where_it_is_defined(regions, conventions, challenge):
    assert choose_challenge(regions, conventions) == challenge
