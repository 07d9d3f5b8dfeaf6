"""Scores of finished runs, or of other programs, read from CSV: one row a case and region, comparable or not."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from segan_tl.data.find.patients import patient_of
from segan_tl.disk.paths import require_once
from segan_tl.errors import UserError, some
from segan_tl.metrics.columns import own_name
from segan_tl.report.compare.crossval import find_folds, open_crossval, require_complete
from segan_tl.report.record import FinishedRun, metric_columns, number, open_finished
from segan_tl.runs import Run, open_run, read_state
from segan_tl.schemas.tables import read_table

# What the names of our own synthetic cases begin with.
PHANTOM = "phantom-"
# Older runs wrote volumes with six digits.
VOLUME_TOLERANCE = 1e-4


@dataclass(frozen=True)
class ScoreTable:
    """The scores of one model.

    Attributes:
        name: of a run, or a file's path.
        path: the CSV file.
        rows: by (case, region), in the order of the file.
        data: what a run tells of its data; empty for a file of another program.
    """

    name: str
    path: Path
    rows: dict[tuple[str, str], dict]
    data: dict = field(default_factory=dict)

    @property
    def cases(self) -> list[str]:
        """Return the case ids."""
        return list(dict.fromkeys(case for case, _ in self.rows))

    @property
    def regions(self) -> list[str]:
        """Return the regions."""
        return list(dict.fromkeys(region for _, region in self.rows))

    @property
    def metrics(self) -> list[str]:
        """Return the columns of numbers."""
        return metric_columns(list(self.rows.values()))

    @property
    def synthetic(self) -> bool | None:
        """Return whether the patients are simulated; None where nothing tells."""
        if all(case.startswith(PHANTOM) for case in self.cases):
            return True
        return bool(self.data.get("synthetic", False)) if self.data else None

    def scores(self, metric: str, region: str) -> dict[str, float]:
        """Return case → score; NaN where the cell is empty.

        Raises:
            UserError: a score is infinite, or no number.
        """
        found = {}
        for (case, name), row in self.rows.items():
            if name != region:
                continue
            try:
                found[case] = number(row[metric])
            except ValueError:
                raise UserError(
                    f"expected numbers as {metric} in {self.path}; found {row[metric]!r} of {case}; correct it"
                ) from None
            if math.isinf(found[case]):
                raise UserError(
                    f"expected finite scores in {self.path}; found {row[metric]} as {metric} of {case}; write what a "
                    "missed case counts by your rule (BraTS: 374 mm), for all files alike"
                )
        return found


def whose_cases(tables: Sequence[ScoreTable]) -> dict[str, str]:
    """Return case → patient of all tables: as one of them says; where none does, as the name of the case tells."""
    said = {case: row["patient"] for table in tables for (case, _), row in table.rows.items() if row.get("patient")}
    return {case: said.get(case) or patient_of(case) for table in tables for case in table.cases}


# === Read ===


def open_tables(paths: Sequence[Path | str], *, runs: Path | str = "runs") -> list[ScoreTable]:
    """Read the scores of runs and of CSV files.

    Raises:
        UserError: one is not there, unfinished or damaged, or named twice.
    """
    tables = [_read(Path(path), runs=runs) for path in paths]
    require_once(table.path for table in tables)
    names = [table.name for table in tables]
    return [
        table if names.count(table.name) == 1 else replace(table, name=str(table.path.resolve().parent))
        for table in tables
    ]


def _read(path: Path, *, runs: Path | str) -> ScoreTable:
    if folder := find_folds(path, runs=runs):
        return _read_folds(folder)
    if path.suffix == ".csv":
        if not path.is_file():
            raise UserError(f"expected a CSV file of scores; {path} is none; check the path, or name a run")
        lines = read_table(path, ("case", "region"), remedy="give the table of scores, separated by commas")
        return ScoreTable(str(path), path, _by_case(lines, path), read_state(Run(path.parent)).get("data", {}))
    return table_of(open_finished(open_run(path, runs=runs)))


def table_of(one: FinishedRun) -> ScoreTable:
    """Return the scores of a run."""
    return ScoreTable(one.name, one.run.metrics, _by_case(one.rows, one.run.metrics), one.data)


def _read_folds(folder: Path) -> ScoreTable:
    crossval = open_crossval(folder)
    require_complete(crossval)
    rows = {(row["case"], row["region"]): row for row in crossval.rows}
    return ScoreTable(crossval.name, folder / "crossval.csv", rows, crossval.first.data)


def _by_case(lines: Sequence[dict], path: Path) -> dict[tuple[str, str], dict]:
    """Return (case, region) → scores by a run's own names."""
    columns = lines[0] if lines else {}
    rows = {}
    renamed = {name: own for name in columns if (own := own_name(name)) not in columns}
    for line in lines:
        key = (line["case"], line["region"].strip().lower())
        if key in rows:
            raise UserError(f"expected each case once in {path}; found {key[0]}, {key[1]} twice; remove one row")
        rows[key] = {renamed.get(name, name): cell for name, cell in line.items()}
    if not rows:
        raise UserError(f"expected scores of at least one case in {path}; found none; give a run that has test cases")
    return rows


def own_names(tables: Sequence[ScoreTable], metrics: Sequence[str]) -> list[str]:
    """Return the metrics by the names that the tables know them by, each once: that of `evaluate`, or a run's."""
    known = [name if all(name in table.metrics for table in tables) else own_name(name) for name in metrics]
    return list(dict.fromkeys(known))


# === Refuse ===


def common_regions(tables: Sequence[ScoreTable], wanted: Sequence[str] | None = None) -> list[str]:
    """Return the regions to compare: those asked for, or all, which have to be the same.

    Raises:
        UserError: the regions differ, or one asked for is missing.
    """
    first, *others = tables
    shared = [region for region in first.regions if all(region in other.regions for other in others)]
    if wanted:
        if unknown := [region for region in wanted if region not in shared]:
            raise UserError(
                f"expected regions that all runs have ({', '.join(shared) or 'there are none'}); found "
                f"{', '.join(unknown)}; correct --regions"
            )
        return list(wanted)
    for other in others:
        if set(other.regions) != set(first.regions):
            remedy = f"compare what they share with --regions {','.join(shared)}" if shared else "leave one out"
            raise UserError(
                f"expected runs of the same regions; {first.name} has {', '.join(first.regions)} and {other.name} "
                f"{', '.join(other.regions)}; {remedy}"
            )
    return first.regions


def require_same_cases(tables: Sequence[ScoreTable], regions: Sequence[str]) -> None:
    """Refuse runs that were tested on different cases, or on other data under the same names.

    Raises:
        UserError: it names what differs.
    """
    first = tables[0]
    for other in tables[1:]:
        for region in regions:
            _require_same_names(first, other, region)
        if None not in (first.synthetic, other.synthetic) and first.synthetic != other.synthetic:
            kinds = {True: "SYNTHETIC", False: "real"}
            raise UserError(
                f"expected runs on the same data; that of {first.name} is {kinds[first.synthetic]} and that of "
                f"{other.name} {kinds[other.synthetic]}; leave one out"
            )
        _require_same_truth(first, other, regions)


def _require_same_names(first: ScoreTable, other: ScoreTable, region: str) -> None:
    ours, theirs = ([case for case, name in table.rows if name == region] for table in (first, other))
    sides = [
        f"only {table.name} has {some(only)}"
        for table, only in ((first, sorted(set(ours) - set(theirs))), (other, sorted(set(theirs) - set(ours))))
        if only
    ]
    if sides:
        raise UserError(
            f"expected runs with the same test cases; {' and '.join(sides)} ({region}); train them on one split "
            "(--split RUN of train and train-segan), score both on one folder with: python -m segan_tl evaluate, or "
            "compare what they share with --allow-missing"
        )


def _require_same_truth(first: ScoreTable, other: ScoreTable, regions: Sequence[str]) -> None:
    """Compare the volumes of the truth, which tell cases of one name apart; the folders, where volumes are missing."""
    if "truth_ml" in first.metrics and "truth_ml" in other.metrics:
        for region in regions:
            ours, theirs = (table.scores("truth_ml", region) for table in (first, other))
            for case, ml in ours.items():
                if abs(ml - theirs[case]) > VOLUME_TOLERANCE * max(ml, theirs[case]):
                    raise UserError(
                        f"expected runs on the same data; the truth of {case}, {region}, has {ml:g} ml in {first.name} "
                        f"and {theirs[case]:g} ml in {other.name}; score both against one truth"
                    )
        return
    folders = [table.data.get("folder") for table in (first, other)]
    if None not in folders and folders[0] != folders[1]:
        raise UserError(
            f"expected runs on the same data; {first.name} was tested on {folders[0]}, {other.name} on {folders[1]}; "
            "leave one out"
        )
