"""Who a network has learnt from: what decides whether a scan can still test it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from segan_tl.data.find.patients import patient_of
from segan_tl.data.splits import LEARNT
from segan_tl.runs import Run, read_json

# What a published network says of itself; files of before knew no patients.
CASES, PATIENTS = "learnt_from", "patients_learnt_from"


@dataclass(frozen=True)
class Learnt:
    """Cases that a network was trained or tuned on, and their patients; none where nobody is known.

    Two cohorts may call a patient by one name and a case by another, or the other way round: either tells.
    """

    cases: frozenset[str] = frozenset()
    patients: frozenset[str] = frozenset()

    @classmethod
    def of(cls, patients: Mapping[str, str]) -> "Learnt":
        """Return what a training on these cases (case → patient) has learnt from."""
        return cls(frozenset(patients), frozenset(patients.values()))

    def __or__(self, other: "Learnt") -> "Learnt":
        return Learnt(self.cases | other.cases, self.patients | other.patients)

    def __sub__(self, other: "Learnt") -> "Learnt":
        return Learnt(self.cases - other.cases, self.patients - other.patients)

    def __bool__(self) -> bool:
        return bool(self.cases or self.patients)

    def seen(self, patients: Mapping[str, str]) -> list[str]:
        """Return the cases (case → patient), sorted, of patients that it knows: another scan of a head is no test."""
        return sorted(case for case, patient in patients.items() if case in self.cases or patient in self.patients)

    def describe(self) -> dict[str, list[str]]:
        """Return what a published network says."""
        return {CASES: sorted(self.cases), PATIENTS: sorted(self.patients)}


def read_learnt(provenance: Mapping) -> Learnt | None:
    """Return what a published network says it has learnt from; None where it does not say."""
    if provenance.get(CASES) is None:
        return None
    cases = frozenset(provenance[CASES])
    patients = provenance.get(PATIENTS)
    return Learnt(cases, frozenset(map(patient_of, cases) if patients is None else patients))


def run_patients(run: Run, parts: Iterable[str] = LEARNT) -> dict[str, str]:
    """Return case → patient of parts of a run's split; the names tell it of runs that did not write it down.

    Raises:
        UserError: splits.json is missing or damaged.
    """
    split = read_json(run.splits)
    written = read_json(run.patients) if run.patients.is_file() else {}
    return {case: written.get(part, {}).get(case) or patient_of(case) for part in parts for case in split.get(part, ())}


def learnt_by(run: Run) -> Learnt | None:
    """Return whom a run, and what it started from, has learnt from; None where neither its network nor its split says.

    Raises:
        UserError: a file of the run is damaged.
    """
    from segan_tl.models.provenance import read_provenance  # with it comes keras

    network = run.best / "segmentor.keras"
    said = read_learnt(read_provenance(network)) if network.is_file() else None
    if not run.splits.is_file():
        return said
    return Learnt.of(run_patients(run)) | (said or Learnt())
