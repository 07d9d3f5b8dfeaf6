"""Pseudonyms: what patients, studies and series are called without a word of what stands in their files."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

from segan_tl.clinical.dicom.files import Header
from segan_tl.clinical.dicom.slices import number_of, text_of, uid_of
from segan_tl.errors import UserError


def patient_of(header: Header) -> tuple[str, ...]:
    """Return what tells a patient from others: number and birth date, the name where there is no number.

    A name may be written in two ways, or change. It is compared and forgotten.
    """
    number, name, birth = _identity(header)
    return number or name, birth


def _identity(header: Header) -> tuple[str, ...]:
    names = ("PatientID", "PatientName", "PatientBirthDate")
    return tuple(text_of(header.values, name).upper().rstrip("^") for name in names)


def study_of(header: Header) -> tuple:
    """Return what tells a study from others."""
    return patient_of(header), uid_of(header.values, "StudyInstanceUID")


def name_patients(groups: Iterable[list[Header]], name: str | None) -> dict[tuple, str]:
    """Return the pseudonym of each patient, in the order of the paths.

    Args:
        groups: the headers of each series.
        name: the pseudonym of the only patient; None for patient-1, patient-2 …

    Raises:
        UserError: a series is of two patients, or a name is for several.
    """
    patients = {}
    for group in groups:
        if len(different := {_identity(header) for header in group}) > 1:
            number = number_of([group[0].values], "SeriesNumber")
            what = f"series {number:g}" if number is not None else "a series"
            raise UserError(
                f"expected each series to be of one patient; found slices of {len(different)} patients in {what}, by "
                "PatientID, PatientName and PatientBirthDate; export each patient to a folder of their own"
            )
        patients.setdefault(patient_of(group[0]), f"patient-{len(patients) + 1}")
    if name and len(patients) > 1:
        raise UserError(
            f"expected one patient to call {name}; found {len(patients)}; leave --id out (they are called patient-1, "
            "patient-2 …), or give the folder of one"
        )
    return dict.fromkeys(patients, name) if name else patients


def name_studies(groups: Iterable[list[Header]], patients: dict[tuple, str]) -> dict[tuple, tuple[int, str]]:
    """Return the number of each study, in the order of time, and its case."""
    times = {}
    for group in groups:
        date, time = (text_of(group[0].values, name) for name in ("StudyDate", "StudyTime"))
        times[study_of(group[0])] = min((date, time), times.get(study_of(group[0]), (date, time)))
    numbers, found = Counter(), {}
    total = Counter(patient for patient, _ in times)
    for patient, uid in sorted(times, key=lambda key: (times[key], key[1])):
        numbers[patient] += 1
        alone = total[patient] == 1
        case = patients[patient] if alone else f"{patients[patient]}_study-{numbers[patient]}"
        found[patient, uid] = numbers[patient], case
    return found


def name_series(series: Sequence[tuple[str, int | None]]) -> list[str]:
    """Return a name for each (case, number): the number, with a part behind it and the case before it where needed."""
    within = Counter(series)
    cases = defaultdict(set)
    for case, number in series:
        cases[number].add(case)
    parts, names = Counter(), []
    for case, number in series:
        name = "none" if number is None else str(number)
        if within[case, number] > 1:
            parts[case, number] += 1
            name = f"{name}.{parts[case, number]}"
        names.append(f"{case}/{name}" if len(cases[number]) > 1 else name)
    return names
