"""Whose scans the cases of a command are: the option that says it, what is written down, what is said of it."""

from pathlib import Path


def add_patients_argument(parser, *, option: str = "--patients", of: str = "--data") -> None:
    """Add the option that names a table of cases and patients."""
    parser.add_argument(
        option, type=Path, metavar="FILE",
        help=f"table with the columns case,patient: who is who in {of} (cohort.json, participants.tsv, the names)",
    )  # fmt: skip


def name_patients(split: dict[str, list[str]], cohort, second=None) -> dict[str, dict[str, str]]:
    """Return part → case → patient; the part "source" is of the second cohort."""
    patients = {part: second.patients if part == "source" else cohort.patients for part in split}
    return {part: {case: patients[part][case] for case in cases} for part, cases in split.items()}


def count_patients(patients: dict[str, str]) -> str:
    """Return ", of 3 patients" where several cases (case → patient) are of one, else ""."""
    number = len(set(patients.values()))
    return f", of {number} patient{'s' * (number > 1)}" if number < len(patients) else ""


def remarks(cohort, split: dict[str, list[str]]) -> list[str]:
    """Return what to know of the patients before a training: who may be one, and whom the split of before divides."""
    from segan_tl.data.find.lookalikes import doubts
    from segan_tl.data.splits import divided_patients

    lines = doubts(cohort.cases)
    if divided := divided_patients(split, cohort.patients):
        lines.append(
            f"note: this split, made before, divides {len(divided)} patient{'s' * (len(divided) > 1)} "
            f"({', '.join(divided[:3])}): the scores flatter; divide anew with --set name=another"
        )
    return lines
