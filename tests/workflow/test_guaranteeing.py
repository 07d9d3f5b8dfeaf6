"""What is said of a guarantee: how it was weighed, and what of it is empty, and why."""

import pytest

from segan_tl.metrics.conformal import patients_needed
from segan_tl.workflow import guaranteeing
from segan_tl.workflow.guaranteeing import Beside, kept_kinds, make_guarantee, print_guarantee
from tests.report.score.test_guarantee import patients
from tests.terminal import printed_at, table_lines


def said(capsys, about) -> str:
    print_guarantee(about)
    return " ".join(capsys.readouterr().out.split())


def test_too_few_patients(capsys):
    about = make_guarantee(patients(0.1, 0.2), ["wt"], 0.1, source="test cases")
    assert (about["patients"], about["patients_needed"]) == (2, 9)
    # An alpha of 1 / 3 is enough for two, 0.333 is not: ⌈1 / 0.333⌉ − 1 = 3.
    text = said(capsys, about)
    assert "alpha 0.1 takes 9 patients at least, there are 2; add patients, or ask for --alpha 0.334 or more" in text
    assert text.startswith("the guarantee is empty: ") and "promised for" not in text and "volume" not in text


@pytest.mark.parametrize(("count", "alpha"), [(1, 0.5), (2, 0.334), (6, 0.143), (11, 0.0834), (1999, 0.0005)])
def test_the_alpha_that_is_named_is_enough(capsys, count, alpha):
    about = make_guarantee(patients(*[0.1] * count), ["wt"], 0.0004, source="test cases")
    assert f"ask for --alpha {alpha:g} or more" in said(capsys, about)
    assert patients_needed(alpha) <= count


def test_one_patient(capsys):
    about = make_guarantee(patients(0.1), ["wt"], 0.1, source="test cases")
    assert "there is 1; add patients, or ask for --alpha 0.5 or more" in said(capsys, about)
    about = make_guarantee(patients(0.1), ["wt"], 0.5, source="test cases")
    assert said(capsys, about).startswith("promised for new patients like this one (test cases), on average; alpha 0.5")


def test_fewer_of_little_weight_may_be_enough(capsys):
    # Five strangers of weight 1, one of half, who loses something, and the next of half: 0.5 / 6 is below 0.1.
    strangers = patients(*[0.1] * 5)
    own = {"a": patients(0.1)["p0"]}
    about = make_guarantee(own, ["wt"], 0.1, source="cases of SITE", beside=Beside(strangers, 0.5))
    assert about["patients"] < about["patients_needed"]
    text = said(capsys, about)
    assert text.startswith("promised for new patients like these 6") and "is empty" not in text
    # Of weight 10: 10 / (5 + 10 + 10) = 0.4.
    about = make_guarantee(own, ["wt"], 0.1, source="cases of SITE", beside=Beside(strangers, 10.0))
    assert "the guarantee is empty" in (text := said(capsys, about)) and "--alpha 0.4 or more" in text


@pytest.mark.parametrize("reach", [0.02, 0.4, 7.0])
def test_80_columns_hold_the_table(monkeypatch, reach):
    regions = ["wt", "tc", "lesion"]
    kept = {"threshold": 0.01234, "bound": 0.1, "price": 1.0}
    promised = {"missed": kept, "false": kept, "volume": {"reach": reach}}
    about = {"alpha": 0.05, "patients": 40, "patients_needed": 19, "regions": dict.fromkeys(regions, promised)}
    about["source"] = "cases of " + "/a/long/way" * 8
    said = printed_at(monkeypatch, 80, guaranteeing, function=lambda: print_guarantee(about))
    rows = table_lines(said)
    assert len(rows) == 3 * len(regions) and max(map(len, rows)) <= 80
    assert [row.split("│")[1].strip() for row in rows] == [region for region in regions for _ in range(3)]
    assert said.count("1.000 or more false") == said.count("1.000 or more missed") == 3 and "in 95% of patients" in said


def test_what_predict_can_make_masks_of():
    assert kept_kinds(make_guarantee(patients(0.1, 0.2), ["wt"], 0.1, source="test cases")) == []
    both = {"missed": {"threshold": 0.3}, "false": {"threshold": 0.7}}
    some_missing = {"missed": {"threshold": None}, "false": {"threshold": 0.7}}
    assert kept_kinds({"regions": {"wt": both}}) == ["missed", "false"]
    assert kept_kinds({"regions": {"wt": both, "et": some_missing}}) == ["false"]


def test_the_cap_of_what_is_false_is_no_price(capsys):
    about = make_guarantee(patients(*[0.05] * 30), ["wt"], 0.2, source="test cases")
    for price, words in ((1.0, "1.000 or more false"), (0.25, "0.250 false")):
        about["regions"]["wt"]["missed"] = {"threshold": 0.1, "bound": 0.1, "price": price}
        assert words in said(capsys, about)


def test_enough_patients_who_lose_too_much(capsys):
    # Everything is missed at every threshold but the low ones, and of what is false nothing above 0.5.
    about = make_guarantee(patients(*[1.0] * 9), ["wt"], 0.1, source="test cases")
    assert "no threshold" not in said(capsys, about)
    for scores in about["scores"].values():
        scores["wt"]["missed"] = [1.0] * len(about["thresholds"])
    about["regions"]["wt"]["missed"] = {"threshold": None, "bound": None, "price": None}
    text = said(capsys, about)
    assert "wt: at no threshold is the share that is missed below alpha" in text and "is empty" not in text


def test_patients_of_another_cohort_and_what_they_may_cost(capsys):
    # Three strangers of weight 1 (one more is a patient here, too), two of weight 4, and the next: 3 / (3 + 8 + 4).
    first = patients(0.1, 0.2, 0.3) | {"a": patients(0.4)["p0"]}
    own = {"a": patients(0.5)["p0"], "b": patients(0.6)["p0"]}
    about = make_guarantee(own, ["wt"], 0.3, source="cases of SITE", beside=Beside(first, 4.0))
    assert (about["patients"], about["of_another_cohort"]) == (5, 3)
    assert about["promise_may_be_off_by"] == pytest.approx(0.2)
    assert about["scores"]["a"]["wt"]["log_error"] == 0.5
    assert "3 patients of the other cohort weigh 0.200 of all" in (text := said(capsys, about))
    assert "at worst 0.500" in text
