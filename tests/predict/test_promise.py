"""What a guarantee.json promises, by hand, and what is asked of one that is empty or of another run."""

import math

import pytest

from segan_tl.errors import UserError
from segan_tl.predict.promise import promise_of
from tests.small_runs import small_config

DIGEST = "a" * 64
EMPTY = {"threshold": None, "bound": None, "price": None}


def found(*, missed=0.25, reach=math.log(2), alpha=0.1, patients=12):
    own = {"missed": EMPTY | {"threshold": missed}, "false": EMPTY, "volume": {"reach": reach}}
    return {"segmentor_sha256": DIGEST, "alpha": alpha, "patients": patients, "regions": {"wt": own}}


def promise(**changes):
    return promise_of(found(**changes), DIGEST, small_config(), where="g.json")


def test_an_interval_by_hand():
    # Half to twice of 9 ml + 1 ml, less 1 ml: 4 to 19. Of nothing 0 to 1.
    assert promise().interval_ml("wt", 9) == pytest.approx((4, 19))
    assert promise().interval_ml("wt", 0) == pytest.approx((0, 1))
    assert promise(reach=0.0).interval_ml("wt", 9) == pytest.approx((9, 9))
    assert promise(reach=None).interval_ml("wt", 9) is None


def test_thresholds_and_why_there_are_none():
    assert promise().thresholds("missed", ("wt",)) == (0.25,)
    with pytest.raises(UserError, match="at no threshold is the share of wt that is false below alpha 0.1"):
        promise().thresholds("false", ("wt",))
    with pytest.raises(UserError, match="12 patients calibrated it, 19 are the fewest for alpha 0.05"):
        promise(alpha=0.05).thresholds("false", ("wt",))


def test_of_another_network_or_other_regions_is_refused():
    with pytest.raises(UserError, match="made with other weights .*segan_tl guarantee, or remove it"):
        promise_of(found(), "b" * 64, small_config(), where="g.json")
    with pytest.raises(UserError, match="promises nothing of tc, et, found wt"):
        promise_of(found(), DIGEST, small_config(regions=("wt", "tc", "et")), where="g.json")


def test_what_goes_along_names_no_patient():
    whole = promise_of(found() | {"scores": {"smith": {}}}, DIGEST, small_config(), where="g.json").describe(whole=True)
    assert whole == {key: value for key, value in found().items() if key != "segmentor_sha256"}
