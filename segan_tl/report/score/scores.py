"""Scores of many cases: several at a time, one row a case and region, and a table of what they come to."""

import math
import multiprocessing
import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

from rich.table import Table

from segan_tl import __version__
from segan_tl.data.arrays import name_hash
from segan_tl.disk.atomic import write_csv
from segan_tl.disk.journal import Journal, key_of
from segan_tl.errors import UserError
from segan_tl.metrics.columns import Plan, columns_of, score_pair
from segan_tl.metrics.pair import MaskPair
from segan_tl.report.score.mask_pairs import read_pairs
from segan_tl.report.score.masks import Mask

# A worker needs about a second to start; a case takes a quarter of that.
CASES_WORTH_A_PROCESS = 8


def score_case(case_id: str, patient: str, pairs: Mapping[str, MaskPair], plan: Plan) -> list[dict]:
    """Return one row a region of a case: case, patient, region, and the columns of the plan."""
    whose = {"case": case_id, "patient": patient}
    return [whose | {"region": region} | score_pair(pair, plan) for region, pair in pairs.items()]


def dice_text(rows: Sequence[Mapping]) -> str:
    """Return what a terminal says of a case that is scored."""
    return "  ".join(f"{row['region']} Dice {row['dice']:.3f}" for row in rows)


def score_cases(
    truths: dict[str, Mask],
    predictions: dict[str, Mask],
    *,
    plan: Plan,
    jobs: int,
    progress: Callable[[str], None],
    most_faults: int | None = None,
    journal: Journal | None = None,
) -> tuple[list[dict], dict[str, str]]:
    """Score every case that has a prediction; return the rows in the order of the truths, and case → why it has none.

    Args:
        jobs: processes; few cases are done in this one.
        progress: called with one line when a case is done.
        most_faults: end when so many cases could not be scored; None goes on to the last case.
        journal: what an interrupted call has scored, which is not scored again; gets what this one does.
    """
    wanted = [case_id for case_id in truths if case_id in predictions]
    rows, faults = scored_before(truths, predictions, plan, journal), {}
    left = [case_id for case_id in wanted if case_id not in rows]
    outcomes = _run(truths, predictions, left, plan=plan, jobs=jobs)
    for case_id, found in outcomes:
        if isinstance(found, UserError):
            faults[case_id] = str(found)
            progress(f"{case_id}  cannot be scored")
            if len(faults) == most_faults:
                outcomes.close()
                break
        else:
            rows[case_id] = found
            if journal:
                journal.add(_key(truths[case_id], predictions[case_id], plan), found)
            progress(f"{case_id}  {dice_text(found)}")
    return (
        [row for case_id in wanted for row in rows.get(case_id, ())],
        {case_id: faults[case_id] for case_id in wanted if case_id in faults},
    )


def scored_before(
    truths: dict[str, Mask], predictions: dict[str, Mask], plan: Plan, journal: Journal | None
) -> dict[str, list[dict]]:
    """Return case → the rows that an interrupted call has made of the same files and the same plan."""
    if journal is None or not journal.found:
        return {}
    keys = keys_of(truths, predictions, plan)
    return {name: journal.found[key] for name, key in keys.items() if key in journal.found}


def keys_of(truths: dict[str, Mask], predictions: dict[str, Mask], plan: Plan) -> dict[str, str]:
    """Return case → what its scores are made of: both files, their labels, and what is computed of them."""
    return {name: _key(truths[name], predictions[name], plan) for name in truths if name in predictions}


def _key(truth: Mask, prediction: Mask, plan: Plan) -> str:
    files = name_hash(sources=[truth.source, prediction.source])
    return key_of(__version__, files, truth.case_id, truth.patient, truth.meaning, prediction.meaning, repr(plan))


def _run(
    truths: dict[str, Mask], predictions: dict[str, Mask], wanted: Sequence[str], *, plan: Plan, jobs: int
) -> Iterator[tuple[str, list[dict] | UserError]]:
    jobs = min(jobs, len(wanted) // CASES_WORTH_A_PROCESS)
    if jobs < 2:
        for case_id in wanted:
            yield case_id, _try_case(truths[case_id], predictions[case_id], plan)
        return
    pool = ProcessPoolExecutor(jobs, mp_context=multiprocessing.get_context("spawn"))
    try:
        tasks = {pool.submit(_try_case, truths[name], predictions[name], plan): name for name in wanted}
        for task in as_completed(tasks):
            yield tasks[task], task.result()
    finally:
        # After an error or Ctrl-C nobody waits for the cases that have not begun.
        pool.shutdown(cancel_futures=True)


def _try_case(truth: Mask, prediction: Mask, plan: Plan) -> list[dict] | UserError:
    try:
        return score_case(truth.case_id, truth.patient, read_pairs(truth, prediction, plan.regions), plan)
    except UserError as error:
        # Only the plain class can travel between processes: others have arguments of their own.
        return UserError(str(error))


# === What is written and printed ===


def write_scores(path: Path, rows: Sequence[Mapping], plan: Plan, *, more: Sequence[str] = ()) -> None:
    """Write metrics.csv, one line a case and region; a score that is not defined is an empty cell.

    Args:
        more: columns beside those of the plan.
    """
    names = [column.name for column in columns_of(plan)]
    filled = ({name: None if value != value else value for name, value in row.items()} for row in rows)
    write_csv(path, ("case", "patient", "region", *names, *more), filled)


def summary_table(rows: list[dict], plan: Plan) -> Table:
    """Return mean ± standard deviation and median of every score, one column a region."""
    table = Table(title="mean ± standard deviation (median)", title_justify="left")
    table.add_column("score")
    for region in plan.regions:
        number = sum(row["region"] == region for row in rows)
        table.add_column(f"{region}, {number} case{'s' * (number != 1)}", justify="right")
    for column in columns_of(plan):
        values = ([row[column.name] for row in rows if row["region"] == region] for region in plan.regions)
        table.add_row(column.heading, *(spread_text(found, column.digits_of_mean) for found in values))
    return table


def defined(values: Sequence[float]) -> list[float]:
    """Return the scores that are defined, infinite ones among them: those have a meaning, and no finite mean."""
    return [value for value in values if not math.isnan(value)]


def spread_text(values: Sequence[float], digits: int) -> str:
    """Return mean ± standard deviation (median) of the scores that are defined, and how many are not."""
    there = defined(values)
    undefined = f", {len(values) - len(there)} undefined" if len(there) < len(values) else ""
    if not there:
        return f"–{undefined}"
    finite = all(map(math.isfinite, there))
    deviation = f" ± {statistics.stdev(there):.{digits}f}" if len(there) > 1 and finite else ""
    mean = f"{statistics.fmean(there):.{digits}f}" if finite else "∞"
    return f"{mean}{deviation} ({statistics.median(there):.{digits}f}){undefined}".replace("(inf)", "(∞)")
