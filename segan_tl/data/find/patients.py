"""Who a case's patient is: the scans of one person must never stand on both sides of a split.

What the data says counts first: `--patients FILE`, cohort.json, participants.tsv. Else the name of the case tells, by
the namings of public datasets and by the words in which a visit is written. Names that tell nothing are different
people; `lookalikes` names those that might not be.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path

from segan_tl.errors import UserError
from segan_tl.schemas.reading import read_bytes
from segan_tl.schemas.tables import read_table

# Dataset, how its case ids begin, and the patient in that; what follows is the scan. The first that fits counts.
# BraTS kept a patient's number from year to year: 2013, 2015 and 2017 to 2019 share theirs, and so do 2021 and 2023.
NAMINGS = (
    ("BIDS", r"(sub-[a-z0-9]+)", r"\1"),
    ("segan_tl", r"(phantom-.+-\d{4})", r"\1"),
    ("BRATS 2013 in 2015", r"brats_2013_pat0*(\d+)_\d+", r"BraTS-2013-\1"),
    ("BRATS 2015", r"brats_tcia_pat0*(\d+)_\d+", r"BraTS-TCIA-\1"),
    ("BraTS 2017 to 2019", r"brats1[789]_([a-z]+|2013)\d*_(\w+?)_\d+", r"BraTS-\1-\2"),
    ("BraTS 2020", r"(brats20_[a-z]+_\d+)", r"\1"),
    ("BraTS 2021", r"brats2021_(\d+)", r"BraTS-GLI-\1"),
    ("BraTS since 2023", r"(brats-[a-z]+(?:-rt)?-\d+)", r"\1"),
    ("BraTS-Reg", r"(bratsreg_(?:[a-z]+_)?\d+)", r"\1"),
    ("MSD", r"(brats_\d+)", r"\1"),
    ("UCSF-PDGM", r"(ucsf-pdgm-\d+)", r"\1"),
    ("UCSF-BMSR", r"(\d{6})[a-z]", r"\1"),
    ("UPENN-GBM", r"(upenn-gbm-\d+)", r"\1"),
    ("RHUH-GBM", r"(rhuh-\d+)", r"\1"),
    ("UCSD-PTGBM", r"(ucsd-ptgbm-\d+)", r"\1"),
    ("TCGA", r"tcga[-_]([0-9a-z]{2})[-_]([0-9a-z]{4})", r"TCGA-\1-\2"),
    ("CPTAC", r"(c3[ln]-\d{5})", r"\1"),
    ("Brain-Tumor-Progression", r"(pgbm-\d+)", r"\1"),
    ("QIN-GBM", r"(qin-gbm-[a-z]+-\d+)", r"\1"),
    ("ReMIND", r"(remind-\d+)", r"\1"),
    ("Yale-Brain-Mets-Longitudinal", r"(yg_[0-9a-z]{12})", r"\1"),
    ("BCBM-RadioGenomics", r"(bcbm-radiogenomics-\d+)", r"\1"),
    ("ISBI 2015", r"((?:training|test)\d\d)_0\d", r"\1"),
    ("ADNI", r"(?:adni_)?(\d{3}_s_\d{4})", r"\1"),
    # MU-Glioma-Post, LUMIERE and whoever writes the word.
    ("patient 7", r"((?:.*[-_. ])?(?:patient|subject|subj|sub|pat)(?:id)?[-_ ]?\d+)", r"\1"),
)
_NAMINGS = [(re.compile(rf"{pattern}(?![a-z0-9])", re.IGNORECASE), patient) for _, pattern, patient in NAMINGS]

# === How a visit is written: P07_visit2, P07_2019-03-12, P07_post ===
_MONTH, _DAY_OF_MONTH = "(?:0[1-9]|1[0-2])", "(?:0[1-9]|[12][0-9]|3[01])"
_YEAR = "(?:19|20)[0-9]{2}"
DATE = (
    f"{_YEAR}[-._]?{_MONTH}[-._]?{_DAY_OF_MONTH}|{_MONTH}[-._]{_DAY_OF_MONTH}[-._]{_YEAR}|"
    f"{_DAY_OF_MONTH}[-._]{_MONTH}[-._]{_YEAR}"
)
_COUNTED = (
    "session|ses|timepoint|time|tp|visit|vis|scan|exam|study|mri|mr|follow-?up|fu|week|wk|month|mo|day|year|yr|run"
)
_NAMED = (
    "(?:pre|post)(?:[-_]?(?:op|operative|treatment|surgery|rt|radiation|chemo))?|intra-?op|baseline|bl|initial|"
    "follow-?up|fu|progression|recurrence|relapse|first|second|third"
)
_AFTER = r"\d+[-_ ]?(?:months?|mo|weeks?|wk|days?|years?|yr)"
_VISIT = rf"(?:{_COUNTED})[-_ ]?\d+[a-z]?(?:-\d+)?|(?:{_NAMED})\d*|{_AFTER}|ses-[a-z0-9]+|{DATE}"
_VISIT_ALONE = re.compile(_VISIT, re.IGNORECASE)
_WITH_VISIT = re.compile(rf"(.+?)(?:[-_. ]+(?:{_VISIT}|[tvwmdy]\d+))+", re.IGNORECASE)
# site1_scan7 is a case of a site, not the seventh scan of a patient.
_PLACE = re.compile(
    r"(?<![a-z])(site|cent(er|re)|hospital|clinic|cohort|group|batch|fold|scanner|data|dataset|set)[-_ ]?\d+$", re.I
)

# Columns of participants.tsv that may say it.
COLUMNS = ("patient_id", "patient", "subject_id", "subject")
PATTERN_PART = "{patient}"
REMEDY = "give a table with a line case,patient and one below for each case"


def patient_of(case_id: str) -> str:
    """Return the patient that the name of a case tells; the case itself where it tells none."""
    return _told(case_id) or _without_visit(case_id)


def is_known(case_id: str) -> bool:
    """Tell whether a name is of a naming that says who the patient is."""
    return _told(case_id) is not None


def is_visit(name: str) -> bool:
    """Tell whether a name is that of a visit and of nobody: week-000-1, 2019-03-12, pre."""
    return _VISIT_ALONE.fullmatch(name) is not None


def _told(case_id: str) -> str | None:
    """Return the patient by the naming of a dataset."""
    for pattern, patient in _NAMINGS:
        if match := pattern.match(case_id):
            return match.expand(patient)
    return None


def _without_visit(case_id: str) -> str:
    match = _WITH_VISIT.fullmatch(case_id)
    if match is None:
        return case_id
    patient, visit = match[1], case_id[match.end(1) :]
    counts = any(character.isdigit() for character in visit)
    # glioma_scan1, glioma_scan2, … are people as often as visits; glioma_pre and glioma_post are not.
    is_number_of_a_case = counts and not any(character.isdigit() for character in patient)
    return case_id if is_number_of_a_case or counts and _PLACE.search(patient) else patient


# === What the data says itself ===


def state_patients(cohort, path: Path):
    """Return a cohort whose cases have the patients of a file.

    Args:
        cohort: `layouts.Cohort`.
        path: CSV or TSV with the columns case and patient; cases that it leaves out keep theirs.

    Raises:
        UserError: the file cannot be understood, or names a case that is not there.
    """
    stated = match_patients(path, [case.id for case in cohort.cases], there=str(cohort.folder))
    cases = (replace(case, stated_patient=stated.get(case.id, case.stated_patient)) for case in cohort.cases)
    return replace(cohort, cases=tuple(cases))


def match_patients(path: Path, cases: Collection[str], *, there: str) -> dict[str, str]:
    """Read a table as `read_patients` and refuse cases that are not among `cases`, which are `there`.

    Raises:
        UserError: the file cannot be understood, or names a case that is not there.
    """
    stated = read_patients(path)
    if unknown := sorted(set(stated) - set(cases)):
        raise UserError(
            f"{path} names {len(unknown)} case{'s' * (len(unknown) > 1)} not in {there} ({', '.join(unknown[:3])}); "
            f"there is, for example, {next(iter(cases))}; correct the column case"
        )
    return stated


def read_patients(path: Path) -> dict[str, str]:
    """Read a table with the columns case and patient; return case → patient.

    Raises:
        UserError: there is no such table, a column is missing or empty, or a case comes twice.
    """
    header = read_bytes(path, remedy=REMEDY).split(b"\n", 1)[0].decode("utf-8-sig", "replace")
    delimiter = max("\t;,", key=header.count)
    rows = read_table(path, ("case", "patient"), delimiter=delimiter, short=True, remedy=REMEDY)
    if not rows:
        raise UserError(f"expected a line for each case in {path}; found none; {REMEDY}")
    patients: dict[str, str] = {}
    for number, row in enumerate(rows, 2):
        case, patient = row["case"].strip(), row["patient"].strip()
        if not case or not patient:
            raise UserError(f"expected a case and its patient in line {number} of {path}; one is empty; fill it in")
        if case in patients:
            raise UserError(f"expected each case once in {path}; found {case} again in line {number}; remove one line")
        patients[case] = patient
    return patients


def check_statement(statement, path: Path) -> None:
    """Refuse what "patients" of cohort.json may not be.

    Raises:
        UserError: it is neither {case: patient} nor a pattern with one {patient} in it.
    """
    if isinstance(statement, str) and statement.count(PATTERN_PART) == 1:
        return
    if isinstance(statement, dict) and all(isinstance(name, str) and name for name in statement.values()):
        return
    raise UserError(
        f'expected "patients" such as {{"case_1": "smith"}}, or a pattern such as "{{patient}}_*", in {path}; found '
        f"{statement!r}; correct the file"
    )


def patient_by(statement: Mapping[str, str] | str, case_id: str) -> str | None:
    """Return the patient that "patients" of cohort.json states for a case; None where it does not name the case.

    In a pattern {patient} stands for as much as fits, * for the rest: "{patient}_*" cuts at the last underscore.

    Raises:
        UserError: the pattern does not fit the case.
    """
    if not isinstance(statement, str):
        return statement.get(case_id)
    before, after = (".+".join(map(re.escape, side.split("*"))) for side in statement.split(PATTERN_PART))
    if match := re.fullmatch(f"{before}(.+){after}", case_id):
        return match[1]
    raise UserError(
        f'"patients" of cohort.json is {statement!r}, which does not fit the case {case_id}; correct the pattern, or '
        'state the cases one by one: {"CASE": "PATIENT"}'
    )
