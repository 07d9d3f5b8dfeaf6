"""Splits: the paper's numbers, seeds, strata and patients."""

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from segan_tl.data.find.cases import Case
from segan_tl.data.find.patients import patient_of
from segan_tl.data.splits import PARTS, deal_patients, divided_patients, fold_cases, split_cases
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


# === Stratified by groups ===


def random_cohort(seed, *, scans=1):
    """Return cases and groups: few to many patients of up to `scans` cases, 1 to 12 groups of any size, folds."""
    generator = np.random.default_rng(seed)
    folds = int(generator.integers(2, 11))
    patients = int(generator.integers(max(folds, 4), 90))
    shares = generator.dirichlet(np.full(int(generator.integers(1, 13)), generator.uniform(0.2, 3)))
    cases, groups = [], {}
    for patient in range(patients):
        group = generator.choice(len(shares), p=shares)
        for scan in range(int(generator.integers(1, scans + 1))):
            cases.append(Case(f"p{patient:03}-{scan}", {}, stated_patient=f"p{patient:03}"))
            groups[cases[-1].id] = f"g{group}"
    return cases, groups, folds


def share_out(cases, groups, folds, seed):
    """Return fold → group → cases, and see that all cases of a patient are in one fold."""
    numbers = deal_patients(cases, folds=folds, seed=seed, groups=groups)
    shares = [Counter(groups[case.id] for case in cases if numbers[case.patient] == k) for k in range(folds)]
    assert sum(shares, Counter()) == Counter(groups.values())
    return shares


@pytest.mark.parametrize("seed", range(300))
def test_where_a_patient_has_one_case_folds_differ_by_one_case_of_each_group(seed):
    cases, groups, folds = random_cohort(seed)
    shares = share_out(cases, groups, folds, seed)
    for group, number in Counter(groups.values()).items():
        # Whole numbers within one of number / folds that differ by at most one: the floor and the ceiling of it.
        assert {share[group] for share in shares} <= {number // folds, -(-number // folds)}
    assert {share.total() for share in shares} <= {len(cases) // folds, -(-len(cases) // folds)}


@pytest.mark.parametrize("seed", range(300))
def test_with_time_points_folds_differ_by_those_of_one_patient(seed):
    cases, groups, folds = random_cohort(seed, scans=6)
    shares = share_out(cases, groups, folds, seed)
    scans = Counter(case.patient for case in cases)
    for group in set(groups.values()):
        most = max(scans[case.patient] for case in cases if groups[case.id] == group)
        counts = [share[group] for share in shares]
        assert max(counts) - min(counts) <= most
    assert min(share.total() for share in shares) > 0


def test_a_patient_of_several_groups_is_kept_whole():
    # Ten patients with a case in each of two groups, ten with one: (10 · 2 + 5 + 5) / 5 folds = 3 of a, 3 of b each.
    cases = [Case(f"m{i}-{k}", {}, stated_patient=f"m{i}") for i in range(10) for k in "ab"]
    cases += [Case(f"s{i}-{k}", {}, stated_patient=f"s{i}{k}") for i in range(5) for k in "ab"]
    groups = {case.id: case.id[-1] for case in cases}
    assert share_out(cases, groups, 5, 0) == [Counter(a=3, b=3)] * 5


def test_grades_are_dealt_as_they_were_before_there_were_other_groups():
    """Patient i of the shuffled grades, one after the other, is in fold i modulo the number of folds."""
    cases = cohort(23, 9)
    generator = np.random.default_rng(7)
    order = [f"h{i:03}" for i in generator.permutation(23)] + [f"l{i:03}" for i in generator.permutation(9)]
    assert deal_patients(cases, folds=5, seed=7) == {patient: i % 5 for i, patient in enumerate(order)}
    for k in range(5):
        assert fold_cases(cases, (0.8, 0.2, 0.0), fold=k, folds=5, seed=7)["test"] == sorted(order[k::5])


SCRIPT = """
import json
from segan_tl.data.splits import fold_cases
from tests.data.test_splits import random_cohort
cases, groups, folds = random_cohort(5, scans=3)
split = [fold_cases(cases[::-1], (0.8, 0.2, 0.0), fold=k, folds=folds, seed=3, groups=groups) for k in range(folds)]
print(json.dumps(split))
"""


def test_one_thread_and_two_give_the_same_folds_in_every_process():
    root, said = Path(__file__).parents[2], []
    for threads in ("1", "2"):
        limits = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), threads) | {"PYTHONHASHSEED": threads}
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT], env={**os.environ, **limits, "PYTHONPATH": str(root)}, cwd=root,
            capture_output=True, encoding="utf-8", check=True,
        )  # fmt: skip
        said.append(done.stdout)
    assert said[0] == said[1] and len(said[0]) > 100
