"""Splits: the paper's numbers, seeds, strata and patients."""

import pytest

from segan_tl.data.find.cases import Case
from segan_tl.data.find.patients import patient_of
from segan_tl.data.splits import PARTS, divided_patients, fold_cases, split_cases
from segan_tl.errors import UserError


def cohort(high, low=0):
    return [Case(f"h{i:03}", {}, grade="HGG") for i in range(high)] + [
        Case(f"l{i:03}", {}, grade="LGG") for i in range(low)
    ]


def test_brats_2015_gives_the_papers_219_27_28():
    split = split_cases(cohort(220, 54), (0.8, 0.1, 0.1), seed=0)
    assert [len(split[part]) for part in PARTS] == [219, 27, 28]
    # Per grade: int(0.8·220) = 176, 22, 22 and int(0.8·54) = 43, int(11/2) = 5, 6.
    assert [sum(case.startswith("l") for case in split[part]) for part in PARTS] == [43, 5, 6]


def test_seeded_disjoint_complete():
    first, again, other = (split_cases(cohort(30), (0.6, 0.2, 0.2), seed=seed) for seed in (1, 1, 2))
    assert first == again != other
    everything = [case for part in PARTS for case in first[part]]
    assert len(everything) == len(set(everything)) == 30


def test_order_of_the_folder_does_not_matter():
    assert split_cases(cohort(30), (0.6, 0.2, 0.2), seed=1) == split_cases(cohort(30)[::-1], (0.6, 0.2, 0.2), seed=1)


@pytest.mark.parametrize("count", [3, 4, 8])
def test_few_cases_leave_no_part_empty(count):
    split = split_cases(cohort(count), (0.8, 0.1, 0.1), seed=0)
    assert all(split[part] for part in PARTS)


def test_two_patients_are_too_few():
    with pytest.raises(UserError, match="at least 3 patients"):
        split_cases(cohort(2), (0.8, 0.1, 0.1), seed=0)


def test_time_points_of_one_patient_stay_together():
    cases = [Case(f"BraTS-GLI-{i:05}-{visit}", {}) for i in range(20) for visit in (100, 101)]
    split = split_cases(cases, (0.6, 0.2, 0.2), seed=0)
    owners = [{patient_of(case) for case in split[part]} for part in PARTS]
    assert not owners[0] & owners[1] and not owners[0] & owners[2] and not owners[1] & owners[2]


def test_stated_patients_stay_together():
    cases = [Case(f"{i}", {}, stated_patient=f"p{i % 7}") for i in range(20)]
    fold = fold_cases(cases, (0.8, 0.1, 0.1), fold=1, folds=3, seed=0)
    for split in (split_cases(cases, (0.6, 0.2, 0.2), seed=0), fold):
        assert divided_patients(split, {case.id: case.patient for case in cases}) == []
        assert sum(map(len, split.values())) == 20


def test_other_names_of_the_patients_change_no_split():
    # As long as each has one scan: who goes where is drawn in the order of the cases.
    named = [Case(case.id, {}, stated_patient=f"p{-i}") for i, case in enumerate(cohort(30))]
    assert split_cases(named, (0.6, 0.2, 0.2), seed=1) == split_cases(cohort(30), (0.6, 0.2, 0.2), seed=1)


def test_divided_patients_are_named():
    split = {"train": ["a", "b"], "validation": ["c"], "test": ["d"], "source": ["e"]}
    assert divided_patients(split, {"a": "x", "b": "y", "c": "x", "d": "z", "e": "z"}) == ["x"]


def test_rare_grades_are_pooled():
    split = split_cases(cohort(10, 2), (0.6, 0.2, 0.2), seed=0)
    assert sum(len(split[part]) for part in PARTS) == 12


def test_folds_test_every_case_once_and_share_the_grades():
    cases = cohort(20, 10)
    splits = [fold_cases(cases, (0.8, 0.2, 0.0), fold=k, folds=5, seed=0) for k in range(5)]
    tested = [case for split in splits for case in split["test"]]
    assert sorted(tested) == sorted(case.id for case in cases)
    for split in splits:
        assert [sum(case.startswith(grade) for case in split["test"]) for grade in "hl"] == [4, 2]
        # 24 patients remain, 16 and 8; a fifth of them, 5, validate, of both grades.
        assert (len(split["train"]), len(split["validation"])) == (19, 5)
        assert sorted(sum(case.startswith(grade) for case in split["validation"]) for grade in "hl") == [2, 3]
        assert not set(split["train"]) & set(split["validation"])


def test_folds_are_seeded():
    first, again, other = (
        fold_cases(cohort(20), (0.8, 0.2, 0.0), fold=1, folds=4, seed=seed) for seed in (1, 1, 2)
    )
    assert first == again != other


def test_time_points_of_one_patient_share_a_fold():
    cases = [Case(f"BraTS-GLI-{i:05}-{visit}", {}) for i in range(10) for visit in (100, 101)]
    for fold in range(5):
        split = fold_cases(cases, (0.8, 0.1, 0.1), fold=fold, folds=5, seed=0)
        owners = [{patient_of(case) for case in split[part]} for part in PARTS]
        assert not owners[0] & owners[2] and not owners[1] & owners[2] and len(split["test"]) == 4


@pytest.mark.parametrize("fractions", [(0.0, 0.0, 1.0), (0.0, 1.0, 0.0), (1.0, 0.0, 0.0)])
def test_odd_fractions_leave_a_patient_to_train_and_one_to_validate(fractions):
    split = fold_cases(cohort(6), fractions, fold=0, folds=3, seed=0)
    assert all(split[part] for part in PARTS) and len(split["test"]) == 2


def test_fewer_patients_than_folds_is_an_error():
    with pytest.raises(UserError, match="10 folds need at least 10 patients; found 8"):
        fold_cases(cohort(8), (0.8, 0.1, 0.1), fold=0, folds=10, seed=0)
    with pytest.raises(UserError, match="2 folds need at least 4 patients; found 3"):
        fold_cases(cohort(3), (0.8, 0.1, 0.1), fold=1, folds=2, seed=0)
