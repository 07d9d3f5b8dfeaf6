"""What a case lacks, and what lies there that may be it under a name that is not understood."""

from collections.abc import Iterable, Sequence

from segan_tl.data.files.formats import suffix_of
from segan_tl.data.find.case import Case, Problem
from segan_tl.regions import MODALITIES


def missing_modality(case: Case, modality: str) -> Problem:
    """Return the problem of a case without an image of a modality."""
    remedy = _remedy(case, modality, f"add the {modality} file")
    unnamed = [name for name in case.images if name not in MODALITIES]
    if unnamed:
        statement = f'{{"modalities": {{"{unnamed[0]}": "{modality}"}}}}'
        remedy = f"if {unnamed[0]} is {modality}, write {statement} to cohort.json beside the cases"
    there = ", ".join(case.images) or "no image"
    return Problem(case.id, None, f"modality {modality} is missing; the case has {there}", remedy)


def those_there(case: Case, modalities: Sequence[str]) -> tuple[str, ...]:
    """Return the modalities that are read of a case that may lack some: all of them where it has none, a problem then.

    One whose files are at fault, two of one name say, is not missing.
    """
    at_fault = {problem.role for problem in case.problems}
    return tuple(name for name in modalities if name in case.images or name in at_fault) or tuple(modalities)


def count_missing(cases: Sequence[Case], modalities: Sequence[str]) -> str | None:
    """Return in one sentence how many cases lack which modalities; None where all have all."""
    lacking = [[name for name in modalities if name not in case.images] for case in cases]
    names: Iterable[str] = (name for name in modalities if any(name in lacks for lacks in lacking))
    some = ", ".join(f"{name} in {sum(name in lacks for lacks in lacking)}" for name in names)
    if not some:
        return None
    count = sum(bool(lacks) for lacks in lacking)
    they, it = ("it is", "it has") if count == 1 else ("they are", "they have")
    return f"{count} of {len(cases)} cases lack modalities ({some}); {they} used with what {it}"


def missing_labels(case: Case) -> Problem:
    """Return the problem of a case without a label map."""
    remedy = _remedy(case, "seg", "add it; only prediction works without")
    return Problem(case.id, None, "the label map is missing", remedy)


def _remedy(case: Case, word: str, otherwise: str) -> str:
    if not case.strangers:
        return otherwise
    names, suffix = [path.name for path in case.strangers], suffix_of(case.strangers[0].name) or ".nii.gz"
    lies, that = ("lies there and its name is", "that") if len(names) == 1 else ("lie there and their names are", "one")
    return f"{', '.join(names)} {lies} not understood: if it is {that}, rename it to {case.id}_{word}{suffix}"
