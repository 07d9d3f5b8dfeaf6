"""Scores of many cases: several at a time, one row a case and region, and a table of what they come to."""

import csv
import io
import multiprocessing
import statistics
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

from rich.table import Table

from segan_tl.disk.atomic import write_text
from segan_tl.errors import UserError
from segan_tl.metrics.distances import (
    DEFAULT_HD95,
    directed_hausdorff_mm,
    pooled_hausdorff_mm,
    surface_dice,
    weighted_hausdorff_mm,
)
from segan_tl.metrics.lesions import CHALLENGES, score_lesions
from segan_tl.metrics.pair import MaskPair
from segan_tl.report.score.mask_pairs import read_pairs
from segan_tl.report.score.masks import Mask

# A worker needs about a second to start; a case takes a quarter of that.
CASES_WORTH_A_PROCESS = 8


@dataclass(frozen=True)
class Plan:
    """What is computed for every case.

    Attributes:
        regions: names out of REGIONS.
        hd95: definitions out of HD95_DEFINITIONS.
        tolerance_mm: of surface Dice.
        challenge: a name of CHALLENGES for lesion-wise scores, None for none.
    """

    regions: tuple[str, ...]
    hd95: tuple[str, ...] = (DEFAULT_HD95,)
    tolerance_mm: float = 1.0
    challenge: str | None = None


def hd95_column(definition: str) -> str:
    """Return the name of the column of an HD95: the definition stands in it."""
    return f"hd95_{definition.replace('-', '_')}_mm"


def score_pair(pair: MaskPair, plan: Plan) -> dict[str, float]:
    """Compute every score of one region of one case; return column → value."""
    found = pair.counts
    row = {"dice": found.dice} | {hd95_column(name): _hd95_mm(pair, name) for name in plan.hd95}
    row[f"surface_dice_{plan.tolerance_mm:g}mm"] = surface_dice(pair.surfel_distances, plan.tolerance_mm)
    row |= {name: getattr(found, name) for name in ("precision", "sensitivity", "specificity")}
    row["truth_ml"] = found.truth_voxels * pair.voxel_mm3 / 1000
    row["prediction_ml"] = found.prediction_voxels * pair.voxel_mm3 / 1000
    if plan.challenge:
        lesions = score_lesions(pair, CHALLENGES[plan.challenge])
        row |= {"lesion_dice": lesions.dice, f"lesion_{hd95_column(DEFAULT_HD95)}": lesions.hd95_mm}
        row |= {"lesions_found": lesions.found, "lesions_missed": lesions.missed, "lesions_invented": lesions.invented}
    return row


def score_case(truth: Mask, prediction: Mask, plan: Plan) -> list[dict]:
    """Read and score one case; return one row a region.

    Raises:
        UserError: as `mask_pairs.read_pairs`.
    """
    pairs = read_pairs(truth, prediction, plan.regions)
    whose = {"case": truth.case_id, "patient": truth.patient}
    return [whose | {"region": region} | score_pair(pair, plan) for region, pair in pairs.items()]


def score_cases(
    truths: dict[str, Mask],
    predictions: dict[str, Mask],
    *,
    plan: Plan,
    jobs: int,
    progress: Callable[[str], None],
    most_faults: int | None = None,
) -> tuple[list[dict], dict[str, str]]:
    """Score every case that has a prediction; return the rows in the order of the truths, and case → why it has none.

    Args:
        jobs: processes; few cases are done in this one.
        progress: called with one line when a case is done.
        most_faults: end when so many cases could not be scored; None goes on to the last case.
    """
    wanted = [case_id for case_id in truths if case_id in predictions]
    rows, faults = {}, {}
    outcomes = _run(truths, predictions, wanted, plan=plan, jobs=jobs)
    for case_id, found in outcomes:
        if isinstance(found, UserError):
            faults[case_id] = str(found)
            progress(f"{case_id}  cannot be scored")
            if len(faults) == most_faults:
                outcomes.close()
                break
        else:
            rows[case_id] = found
            progress(f"{case_id}  " + "  ".join(f"{row['region']} Dice {row['dice']:.3f}" for row in found))
    return (
        [row for case_id in wanted for row in rows.get(case_id, ())],
        {case_id: faults[case_id] for case_id in wanted if case_id in faults},
    )


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
        return score_case(truth, prediction, plan)
    except UserError as error:
        # Only the plain class can travel between processes: others have arguments of their own.
        return UserError(str(error))


def _hd95_mm(pair: MaskPair, definition: str) -> float:
    if definition == "surface-weighted":
        return weighted_hausdorff_mm(pair.surfel_distances)
    score = {"pooled": pooled_hausdorff_mm, "maximum-of-directed": directed_hausdorff_mm}[definition]
    return score(pair.voxel_distances)


# === What is written and printed ===


def write_scores(path: Path, rows: list[dict]) -> None:
    """Write metrics.csv; numbers have all their digits."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_text(path, text.getvalue())


def summary_table(rows: list[dict], plan: Plan) -> Table:
    """Return mean ± standard deviation and median of every score, one column a region."""
    table = Table(title="mean ± standard deviation (median)", title_justify="left")
    table.add_column("score")
    for region in plan.regions:
        number = sum(row["region"] == region for row in rows)
        table.add_column(f"{region}, {number} case{'s' * (number != 1)}", justify="right")
    for column, name, digits in _shown(plan):
        values = ([row[column] for row in rows if row["region"] == region] for region in plan.regions)
        table.add_row(name, *(_spread(found, digits) for found in values))
    return table


def _shown(plan: Plan) -> list[tuple[str, str, int]]:
    """Return the columns of the table, the names they have there and their digits."""
    shown = [("dice", "Dice", 3)]
    shown += [(hd95_column(name), f"HD95, {name}, mm", 2) for name in plan.hd95]
    shown += [(f"surface_dice_{plan.tolerance_mm:g}mm", f"surface Dice at {plan.tolerance_mm:g} mm", 3)]
    shown += [(name, name, 3) for name in ("precision", "sensitivity")]
    shown += [("specificity", "specificity", 4), ("truth_ml", "truth, ml", 2), ("prediction_ml", "prediction, ml", 2)]
    if plan.challenge:
        shown += [("lesion_dice", "lesion-wise Dice", 3)]
        shown += [(f"lesion_{hd95_column(DEFAULT_HD95)}", f"lesion-wise HD95, {DEFAULT_HD95}, mm", 2)]
        shown += [(f"lesions_{what}", f"lesions {what}", 2) for what in ("found", "missed", "invented")]
    return shown


def _spread(values: Sequence[float], digits: int) -> str:
    deviation = f" ± {statistics.stdev(values):.{digits}f}" if len(values) > 1 else ""
    return f"{statistics.fmean(values):.{digits}f}{deviation} ({statistics.median(values):.{digits}f})"
