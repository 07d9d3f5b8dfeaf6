"""What `tune-postprocess` writes and prints: thresholds, and the gain with its interval, whichever sign it has."""

from collections import Counter
from pathlib import Path

from rich.table import Table

from segan_tl.disk.atomic import write_csv, write_json
from segan_tl.environment import versions
from segan_tl.errors import UserError
from segan_tl.predict.chosen import read_chosen
from segan_tl.predict.components import TISSUES
from segan_tl.report.compare.outcomes import REGIONS, Grid, Objective
from segan_tl.report.compare.statistics import Comparison
from segan_tl.report.compare.tune import EVERYWHERE, Tuned

ALL = "all cases"
COLUMNS = ("case", "patient", "fold", "cluster", *TISSUES, "et_wt_ratio")


def table_path(path: Path) -> Path:
    """Return the table of cases beside postprocess.json."""
    return path.with_suffix(".csv")


def require_ours(path: Path) -> None:
    """Refuse to replace what no tune-postprocess has written.

    Raises:
        UserError: a file of somebody else stands at the path or has the name of the table beside it.
    """
    if path.suffix != ".json" or path.is_dir():
        raise UserError(f"expected --out to name a file that ends in .json; found {path}; name one")
    if path.exists():
        try:
            read_chosen(path)
        except UserError:
            raise UserError(f"{path} is there already, and no tune-postprocess wrote it; give another --out") from None
    elif table_path(path).exists():
        raise UserError(f"{table_path(path)} is there already, without {path.name}; remove it, or give another --out")


# === Written ===


def describe(tuned: Tuned, grid: Grid, objective: Objective, about: dict) -> dict:
    """Return what postprocess.json holds.

    Args:
        about: where the cases are from, and their voxels.
    """
    column = objective.column
    clusters = {name: one.in_json for name, one in tuned.chosen.items() if name is not EVERYWHERE}
    return {
        "thresholds": {"all": tuned.chosen[EVERYWHERE].in_json, "clusters": clusters},
        "objective": {
            "score": column.name, "title": column.title, "better": "higher" if column.better > 0 else "lower",
            "regions": list(REGIONS), "challenge": objective.plan.challenge,
        },
        "gain": {name: _gain(one) for name, one in tuned.gains.items()},
        "gain_on_the_cases_that_chose": _gain(tuned.on_the_same),
        "folds": {
            str(fold): {ALL if name is EVERYWHERE else name: one.in_json for name, one in chosen.items()}
            for fold, chosen in tuned.folds.items()
        },
        "grid": {"sizes_voxels": list(grid.sizes_voxels), "et_wt_ratios": list(grid.ratios), "search": "joint"},
        "provenance": about | {"versions": versions()},
    }  # fmt: skip


def write(path: Path, found: dict, tuned: Tuned) -> None:
    """Write the table of cases, then postprocess.json."""
    names = [f"{region}_{when}" for region in ("objective", *REGIONS) for when in ("before", "after")]
    write_csv(table_path(path), (*COLUMNS, *names), [_row(one) for one in tuned.held_out])
    write_json(path, found)


def _row(one) -> dict:
    case = one.case
    row = {"case": case.case_id, "patient": case.patient, "fold": case.fold, "cluster": case.cluster}
    row |= dict(one.thresholds.sizes_voxels) | {"et_wt_ratio": one.thresholds.et_wt_ratio}
    for when, scores in (("before", one.before), ("after", one.after)):
        row |= {f"{region}_{when}": score for region, score in scores.items()}
    return row


def _gain(one: Comparison) -> dict:
    """Return the untouched mean, that after post-processing, and their difference with its interval."""
    mean, low, high, number = one.difference
    return {
        "before": one.first_mean, "after": one.second_mean, "difference": mean, "low": low, "high": high,
        "patients": number,
    }  # fmt: skip


# === Printed ===


def threshold_table(tuned: Tuned) -> Table:
    """Return the thresholds of all cases and clusters, then those that each fold was tried with."""
    table = Table()
    for name in ("chosen on", "for", "cases", *TISSUES, "ET/WT"):
        table.add_column(name, justify="left" if name in ("chosen on", "for") else "right")
    cases = [one.case for one in tuned.held_out]
    rows = [("all folds", tuned.chosen, cases)]
    rows += [(f"all but {k}", chosen, [case for case in cases if case.fold != k]) for k, chosen in tuned.folds.items()]
    for where, chosen, of in rows:
        numbers = Counter(case.cluster for case in of) | Counter({EVERYWHERE: len(of)})
        for name, one in chosen.items():
            sizes = (str(one.sizes_voxels[tissue]) for tissue in TISSUES)
            table.add_row(where, _who(name), str(numbers[name]), *sizes, f"{one.et_wt_ratio:g}")
        table.add_section()
    return table


def gain_lines(tuned: Tuned, objective: Objective) -> list[str]:
    """Return a line for the objective, and one a region: without, with, difference and its interval."""
    column, number = objective.column, tuned.gains["objective"].difference.n
    way = "higher" if column.better > 0 else "lower"
    lines = [
        "components with fewer voxels become background; below ET/WT, ET becomes NCR",
        *["by these rules nothing found of nothing is undefined; here it counts 1"] * objective.plan.matches,
        f"{column.in_words}, {way} is better; thresholds of the other folds, {number} patients, 95 % interval:",
    ]
    for name, one in tuned.gains.items():
        lines.append(f"  {'mean' if name == 'objective' else name:5}{_gain_text(one, column.digits_of_mean)}")
    lines.append(f"on the very cases that chose: {_gain_text(tuned.on_the_same, column.digits_of_mean)} (flatters)")
    return lines


def _gain_text(one: Comparison, digits: int) -> str:
    mean, low, high, _ = one.difference
    interval = "" if low is None else f" [{low:+.{digits}f}, {high:+.{digits}f}]"
    return f"{one.first_mean:.{digits}f} → {one.second_mean:.{digits}f}  {mean:+.{digits}f}{interval}"


def remarks(tuned: Tuned, grid: Grid, least: int = 10) -> list[str]:
    """Say where patients are so few that thresholds follow single ones, and where the grid may end too early."""
    patients: dict[str | None, set] = {EVERYWHERE: set()}
    for one in tuned.held_out:
        patients[EVERYWHERE].add(one.case.patient)
        patients.setdefault(one.case.cluster, set()).add(one.case.patient)
    few = [f"{_who(name)}: {len(found)}" for name, found in patients.items() if len(found) < least]
    ends = [
        f"{tissue} of {_who(name)}"
        for name, one in tuned.chosen.items()
        for tissue, size in one.sizes_voxels.items()
        if 0 < size == grid.sizes_voxels[-1]
    ]
    lines = [f"note: fewer than {least} patients ({', '.join(few)}): thresholds follow single ones"] * bool(few)
    end = f"note: the largest size was chosen for {', '.join(ends)}; larger --sizes may do better"
    return lines + [end] * bool(ends)


def _who(cluster: str | None) -> str:
    return ALL if cluster is EVERYWHERE else f"cluster {cluster}"
