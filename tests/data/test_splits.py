"""Splits: the paper's numbers, seeds, strata and patients."""

import pytest

from segan_tl.data.cases import Case
from segan_tl.data.splits import PARTS, patient_of, split_cases
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


def test_rare_grades_are_pooled():
    split = split_cases(cohort(10, 2), (0.6, 0.2, 0.2), seed=0)
    assert sum(len(split[part]) for part in PARTS) == 12
