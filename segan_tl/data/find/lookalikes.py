"""Cases that nothing joins and that may still be of one patient: alike in name, or the same scan twice."""

import filecmp
import re
from collections import defaultdict
from collections.abc import Iterable

from segan_tl.data.find.case import Case
from segan_tl.data.find.patients import DATE, is_known

# What may tell the scans of a patient apart: P7_1 and P7_2, P7a and P7b, smith_20190312 and smith_20200107.
_NUMBER_OR_LETTER = re.compile(r"[-_. ]+(?:\d{1,4}|[a-z])$|(?<=\d)[a-z]$", re.IGNORECASE)
_AFTER_A_DATE = re.compile(rf"[-_. ]+(?:{DATE})$", re.IGNORECASE)
MOST_SCANS = 6  # more cases with one beginning are a plain numbering
NAMED = 3
BLOCK_BYTES = 4096


def doubts(cases: Iterable[Case]) -> list[str]:
    """Say which cases may be of one patient and count as several, one sentence each kind.

    Nothing is joined for that: case_1 and case_2 are two people nearly always.
    """
    cases = list(cases)
    lines = []
    if groups := alike(cases):
        lines.append(f"note: {_some(groups)} look like scans of one patient and count as several; {_REMEDY}")
    if groups := twice(cases):
        lines.append(f"note: {_some(groups)} hold the same scan and count as several patients; {_REMEDY}")
    return lines


_REMEDY = (
    "if they are, say so with --patients FILE (a table with the columns case,patient), or under \"patients\" in "
    "cohort.json, so that no split divides them"
)


def alike(cases: Iterable[Case]) -> list[list[str]]:
    """Return groups of cases whose names differ in a last number, letter or date alone, where nothing tells who is who.

    A beginning that is no name of anybody (case_1, glioma_2) and one that all cases share group nothing.
    """
    unknown = [case for case in cases if case.stated_patient is None and not is_known(case.id)]
    groups = defaultdict(dict)
    for case in unknown:
        dated, other = _AFTER_A_DATE.sub("", case.patient), _NUMBER_OR_LETTER.sub("", case.patient)
        beginning = dated if dated != case.patient else other
        if beginning != case.patient and (dated == beginning or any(letter.isdigit() for letter in beginning)):
            groups[beginning].setdefault(case.patient, case.id)
    several = [sorted(group.values()) for group in groups.values() if 2 <= len(group) <= MOST_SCANS]
    everything_in_one = len(several) == 1 and len(several[0]) == len({case.patient for case in unknown})
    return [] if everything_in_one else sorted(several)


def twice(cases: Iterable[Case]) -> list[list[str]]:
    """Return groups of cases of different patients that have an image file in common, byte for byte."""
    files = defaultdict(list)
    for case in cases:
        for source in case.images.values():
            if source.path.is_file():
                files[source.path.stat().st_size, _block(source.path)].append((case, source))
    found = set()
    for (case, source), *others in (group for group in files.values() if len(group) > 1):
        same = [other for other, theirs in others if _is_copy(source, theirs)]
        if len({case.patient, *(other.patient for other in same)}) > 1:
            found.add(tuple(sorted({case.id, *(other.id for other in same)})))
    return sorted(map(list, found))


def _block(path) -> bytes:
    """Return a piece from the middle of a file: what differs at all mostly differs there."""
    with path.open("rb") as file:
        file.seek(path.stat().st_size // 2)
        return file.read(BLOCK_BYTES)


def _is_copy(source, other) -> bool:
    return source.channel == other.channel and (
        source.path.samefile(other.path) or filecmp.cmp(source.path, other.path, shallow=False)
    )


def _some(groups: list[list[str]]) -> str:
    named = " and ".join(", ".join(group) for group in groups[:NAMED])
    return named + (f" and {len(groups) - NAMED} more groups" if len(groups) > NAMED else "")
