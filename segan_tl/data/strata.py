"""The groups of cases that every fold gets its share of: of a grade, a site, a volume, or those of a file."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from segan_tl.data.find.case import Case
from segan_tl.data.find.sites import site_of
from segan_tl.errors import UserError, nearest, some
from segan_tl.schemas.radiomics import ClustersJson
from segan_tl.schemas.reading import read_json
from segan_tl.schemas.tables import read_table

DEFAULT, GROUPS = "grade", "groups"
WORDS = (DEFAULT, "site", "volume", "none")
SUFFIXES = (".json", ".csv")
TABLE = "a table with a line case,{} and one below for each case"


@dataclass(frozen=True)
class Strata:
    """What folds are stratified by.

    Attributes:
        kind: of `WORDS`, or `GROUPS` of a file.
        path: the file.
        stated: case → group, of the file.
    """

    kind: str = DEFAULT
    path: Path | None = None
    stated: Mapping[str, str] | None = None

    def groups(self, cases: Iterable[Case], volume_ml: Callable[[str], float], *, folds: int) -> dict[str, str]:
        """Return case → group.

        Args:
            volume_ml: case → the volume of its whole tumour, asked for where it counts.
            folds: their number; there are at most as many groups of volumes.

        Raises:
            UserError: a case has no group.
        """
        cases = list(cases)
        if self.kind == "volume":
            return quantiles({case.id: volume_ml(case.id) for case in cases}, most=folds)
        found = {case.id: self._group(case) for case in cases}
        if missing := sorted(case for case, group in found.items() if group is None):
            raise UserError(self._without(missing, len(cases)))
        return found

    def _group(self, case: Case) -> str | None:
        if self.kind == GROUPS:
            return self.stated.get(case.id)
        return {"grade": case.grade, "site": site_of(case), "none": "all"}[self.kind]

    def _without(self, missing: list[str], cases: int) -> str:
        if self.kind == GROUPS:
            return f"expected a group of every case in {self.path}; found none of {some(missing)}; add them"
        return (
            f"expected names, or a column site in participants.tsv, that tell where each case was scanned; "
            f"{len(missing)} of {cases} do not ({some(missing)}); give --stratify {TABLE.format('group')}"
        )


def read_strata(text: str | None) -> Strata:
    """Return what --stratify says; without, the grade.

    Raises:
        UserError: it is none of the words, or no file of groups.
    """
    if text is None or text in WORDS:
        return Strata(text or DEFAULT)
    if text == "radiomics":
        raise UserError(
            "expected the file that radiomics --clusters groups.npz has written; found the word radiomics; type "
            "--stratify groups.json"
        )
    path = Path(text)
    if path.suffix not in SUFFIXES:
        near = nearest(text, WORDS, cutoff=0.0)
        raise UserError(
            f"expected {', '.join(WORDS)}, or a file that ends in {' or '.join(SUFFIXES)}, for --stratify; found "
            f"{text}; type, for example, --stratify {near}"
        )
    return Strata(GROUPS, path, read_groups(path))


def read_groups(path: Path, columns: tuple[str, ...] = ("group", "cluster")) -> dict[str, str]:
    """Return case → group of a file: .json as radiomics --clusters writes it, or a table of cases and groups.

    Args:
        columns: of the table, beside "case"; the first that is there counts.

    Raises:
        UserError: it cannot be understood, holds no case, names one twice, or one without a group.
    """
    if path.suffix == ".json":
        found = {case: str(number) for case, number in read_json(path, ClustersJson).get("cases", {}).items()}
    else:
        found = _read_table(path, columns)
    if not found:
        raise UserError(
            f"expected a {columns[0]} of every case in {path}; found no case; give {TABLE.format(columns[0])}"
        )
    return found


def _read_table(path: Path, columns: tuple[str, ...]) -> dict[str, str]:
    remedy = f"give {TABLE.format(columns[0])}"
    rows, found = read_table(path, ("case",), remedy=remedy), {}
    column = next((name for name in columns if rows and name in rows[0]), columns[0])
    for row in rows:
        if column not in row:
            raise UserError(f"expected the column {column} in {path}; found {', '.join(row)[:120]}; {remedy}")
        case, group = row["case"].strip(), row[column].strip()
        if case in found or not group:
            wrong = "two lines" if group else f"no {column}"
            raise UserError(f"expected each case once in {path}, with its {column}; {case} has {wrong}; correct it")
        found[case] = group
    return found


def quantiles(values: Mapping[str, float], *, most: int) -> dict[str, str]:
    """Return case → "1 of 4" … "4 of 4", by rank: as many quantiles as `most`, or fewer, of `most` cases or more each.

    Two are made of however few cases. Equal values go by the names of the cases.
    """
    number = min(most, max(2, len(values) // most))
    order = sorted(values, key=lambda case: (values[case], case))
    return {case: f"{rank * number // len(order) + 1} of {number}" for rank, case in enumerate(order)}
