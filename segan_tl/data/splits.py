"""Split cases into train, validation and test: seeded, stratified, never through a patient."""

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence

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
    cases: Iterable[Case],
    fractions: Sequence[float],
    *,
    fold: int,
    folds: int,
    seed: int,
    groups: Mapping[str, str] | None = None,
) -> dict[str, list[str]]:
    """Split the patients into `folds` parts of equal groups; return train, validation and the test cases of one fold.

    Of the patients outside the fold, fractions[1] / (fractions[0] + fractions[1]), at least one, validate.

    Args:
        groups: case → what it is stratified by; None for its grade.

    Raises:
        UserError: fewer patients than folds need.
    """
    cases = list(cases)
    patients, _ = _by_patient(cases)
    numbers = deal_patients(cases, folds=folds, seed=seed, groups=groups)
    test = [patient for patient, number in numbers.items() if number == fold]
    rest = [patient for patient, number in numbers.items() if number != fold]
    learning = fractions[0] + fractions[1]
    count = min(max(round(len(rest) * fractions[1] / learning), 1) if learning else 1, len(rest) - 1)
    # The middle of each of `count` equal stretches: group after group, so that each has its share.
    validation = {rest[(2 * i + 1) * len(rest) // (2 * count)] for i in range(count)}
    train = [patient for patient in rest if patient not in validation]
    chosen = {"train": train, "validation": validation, "test": test}
    return {part: sorted(case for patient in chosen[part] for case in patients[patient]) for part in PARTS}


def deal_patients(
    cases: Iterable[Case], *, folds: int, seed: int, groups: Mapping[str, str] | None = None
) -> dict[str, int]:
    """Return patient → fold, group after group at random; arguments and errors as of `fold_cases`.

    Each goes to the fold that has fewest cases of its group, of equal ones to that with fewest of all. So where every
    patient has one case, folds differ by at most one case of a group, and one of all; else, among patients whose cases
    are all of one group, by at most as many of it as one patient has.
    """
    patients, _ = _by_patient(cases)
    needed = max(folds, 3 if folds > 2 else 4)  # beside a fold, one trains and one validates
    if len(patients) < needed:
        raise UserError(
            f"{folds} folds need at least {needed} patients; found {len(patients)}; choose another number with "
            "--folds, or add cases"
        )
    groups = groups or {case.id: case.grade for case in cases}
    held = {patient: Counter(groups[case] for case in owned) for patient, owned in patients.items()}
    shares, numbers = [Counter() for _ in range(folds)], {}
    for patient in _dealing_order(held, np.random.default_rng(seed)):
        mine = held[patient]
        load = [(sum(count * share[group] for group, count in mine.items()), share.total()) for share in shares]
        numbers[patient] = load.index(min(load))
        shares[numbers[patient]].update(mine)
    return numbers


def _dealing_order(held: Mapping[str, Counter], generator: np.random.Generator) -> list[str]:
    """Shuffle the patients of each group: those of several groups first, and who has more cases before who has less.

    Args:
        held: patient → group → number of cases.
    """
    mixtures = {patient: tuple(sorted(counts)) for patient, counts in held.items()}
    strata = _strata(mixtures)
    shuffled = [members[i] for members in strata for i in generator.permutation(len(members))]
    place = {mixtures[patient]: i for i, patient in enumerate(patient for members in strata for patient in members)}
    return sorted(shuffled, key=lambda one: (-len(held[one]), place[mixtures[one]], -held[one].total()))


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


def _strata(grades: Mapping[str, Hashable]) -> list[list[str]]:
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
