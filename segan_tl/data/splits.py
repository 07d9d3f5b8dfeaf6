"""Split cases into train, validation and test: seeded, stratified by grade, never through a patient."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from segan_tl.data.find.cases import Case
from segan_tl.errors import UserError

PARTS = ("train", "validation", "test")
LEARNT = ("train", "validation", "source")  # parts of splits.json whose scores are no test; "source": a second cohort


def split_cases(cases: Iterable[Case], fractions: Sequence[float], *, seed: int) -> dict[str, list[str]]:
    """Split the patients of each grade by `fractions`; return sorted case ids of train, validation and test.

    Of n patients of one grade, int(fractions[0] · n) train; the rest is divided in the ratio of the other two, rounded
    down for validation. 220 high-grade and 54 low-grade patients at 80/10/10 give the paper's 219/27/28.

    Raises:
        UserError: too few patients for three parts.
    """
    patients, grades = _by_patient(cases)
    if len(patients) < len(PARTS):
        raise UserError(
            f"training needs at least 3 patients (train, validation, test); found {len(patients)}; add cases, or try "
            "the built-in cohort by leaving out --data"
        )
    chosen = {part: [] for part in PARTS}
    generator = np.random.default_rng(seed)
    for members in _strata(grades):
        order = [members[i] for i in generator.permutation(len(members))]
        train = int(fractions[0] * len(order) + 1e-9)
        rest = fractions[1] + fractions[2]
        validation = int((len(order) - train) * fractions[1] / rest + 1e-9) if rest else 0
        chosen["train"] += order[:train]
        chosen["validation"] += order[train : train + validation]
        chosen["test"] += order[train + validation :]
    _fill_empty(chosen)
    return {part: sorted(case for patient in chosen[part] for case in patients[patient]) for part in PARTS}


def fold_cases(
    cases: Iterable[Case], fractions: Sequence[float], *, fold: int, folds: int, seed: int
) -> dict[str, list[str]]:
    """Split the patients into `folds` parts of equal grades; return train, validation and the test cases of one fold.

    Of the patients outside the fold, fractions[1] / (fractions[0] + fractions[1]), at least one, validate.

    Raises:
        UserError: fewer patients than folds need.
    """
    patients, grades = _by_patient(cases)
    needed = max(folds, 3 if folds > 2 else 4)  # beside a fold, one trains and one validates
    if len(patients) < needed:
        raise UserError(
            f"{folds} folds need at least {needed} patients; found {len(patients)}; choose another number with "
            "--folds, or add cases"
        )
    generator = np.random.default_rng(seed)
    order = [members[i] for members in _strata(grades) for i in generator.permutation(len(members))]
    test = order[fold::folds]
    rest = [patient for patient in order if patient not in set(test)]
    learning = fractions[0] + fractions[1]
    count = min(max(round(len(rest) * fractions[1] / learning), 1) if learning else 1, len(rest) - 1)
    # The middle of each of `count` equal stretches: grade after grade, so that each has its share.
    validation = {rest[(2 * i + 1) * len(rest) // (2 * count)] for i in range(count)}
    train = [patient for patient in rest if patient not in validation]
    chosen = {"train": train, "validation": validation, "test": test}
    return {part: sorted(case for patient in chosen[part] for case in patients[patient]) for part in PARTS}


def divided_patients(split: Mapping[str, Iterable[str]], patients: Mapping[str, str]) -> list[str]:
    """Return the patients, sorted, with cases in more than one part of a split.

    Args:
        split: part → case ids.
        patients: case → patient.
    """
    parts = defaultdict(set)
    for part in PARTS:
        for case in split.get(part, ()):
            parts[patients[case]].add(part)
    return sorted(patient for patient, found in parts.items() if len(found) > 1)


def _by_patient(cases: Iterable[Case]) -> tuple[dict[str, list[str]], dict[str, str]]:
    """Return patient → case ids and patient → grade, patients in the order of their first cases."""
    patients, grades = defaultdict(list), {}
    for case in sorted(cases, key=lambda case: case.id):
        patients[case.patient].append(case.id)
        grades[case.patient] = case.grade
    return patients, grades


def _strata(grades: dict[str, str]) -> list[list[str]]:
    """Group patients by grade; grades too rare to be split share one group."""
    groups = defaultdict(list)
    for patient, grade in grades.items():
        groups[grade].append(patient)
    rare = [patient for grade in sorted(groups) if len(groups[grade]) < len(PARTS) for patient in groups[grade]]
    common = [groups[grade] for grade in sorted(groups) if len(groups[grade]) >= len(PARTS)]
    return [*common, rare] if rare else common


def _fill_empty(chosen: dict[str, list[str]]) -> None:
    for part in PARTS:
        if not chosen[part]:
            largest = max(PARTS, key=lambda name: len(chosen[name]))
            chosen[part].append(chosen[largest].pop())
