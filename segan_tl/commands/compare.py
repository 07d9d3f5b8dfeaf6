"""`python -m segan_tl compare`: who is better at what, by how much, and whether chance would explain it."""

import argparse
from pathlib import Path

from segan_tl.console import console
from segan_tl.errors import UserError
from segan_tl.workflow.patients import add_patients_argument

EPILOG = """examples:
  python -m segan_tl compare segan/t2 segan/flair-to-t2                    two runs below runs/
  python -m segan_tl compare segan/flair-to-t2 segan/flair-to-t2-frozen --against segan/t2 --out comparison.csv
  python -m segan_tl compare segan/t2 segan/flair-to-t2 --metric dice,hd95_mm --regions wt
  python -m segan_tl compare ours.csv theirs.csv --metric dice             tables of other programs

Pairs are the test cases, which have to be the same. A table of another program is a CSV file with the columns case,
region and numbers; `evaluate` writes one for any folder of masks. Every numeric column can be compared. The folder of a
cross-validation, which holds fold0, fold1, …, stands for the patients of all its folds; so does crossval.csv in it.

Tests: paired t-test (takes differences for normal), Wilcoxon signed-rank (does not; exact up to 50 cases), both
two-sided. Holm's correction counts every comparison of the call: metrics x regions x pairs. The interval of the mean
difference is a BCa bootstrap over patients, seeded, so it comes out the same again. Several scans of a patient count as
one value, their mean."""


BETTER = {"higher": 1, "lower": -1, None: None}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the command."""
    parser.description = "Compare finished runs, or tables of scores, on the same test cases."
    parser.epilog = EPILOG
    parser.add_argument("run", nargs="+", metavar="RUN", help="finished runs, or CSV files of scores")
    parser.add_argument("--against", metavar="RUN", help="compare all others with this one (every pair)")
    parser.add_argument("--metric", default="dice", metavar="LIST", help="such as dice,hd95_mm (%(default)s)")
    parser.add_argument("--regions", metavar="LIST", help="such as wt,tc (all, which have to be the same)")
    parser.add_argument("--better", choices=("higher", "lower"), help="which way is better, of a metric unknown here")
    parser.add_argument("--allow-missing", action="store_true", help="leave out cases where a model has no score")
    parser.add_argument("--out", type=Path, metavar="FILE.csv", help="write the comparisons with all their digits")
    add_patients_argument(parser, of="the tables")
    parser.add_argument("--runs", type=Path, default=Path("runs"), metavar="DIR", help="where runs are kept (runs)")


def run(arguments: argparse.Namespace) -> int:
    """Read, refuse what cannot be compared, compute, write and print."""
    from segan_tl.data.find.patients import match_patients
    from segan_tl.report.compare.models import compare_tables, require_metrics, write_comparison
    from segan_tl.report.compare.score_tables import (
        common_regions,
        open_tables,
        own_names,
        require_same_cases,
        whose_cases,
    )
    from segan_tl.report.compare.shared_cases import share_cases
    from segan_tl.report.score.preflight import require_table_path

    # === Everything that can be refused is refused before work begins ===
    if arguments.out is not None:
        require_table_path(arguments.out)
    paths, baseline = _places(arguments)
    tables = open_tables(paths, runs=arguments.runs)
    wanted = _list(arguments.regions and arguments.regions.lower(), "--regions")
    regions = common_regions(tables, wanted)
    tables, remarks = share_cases(tables, regions) if arguments.allow_missing else (tables, [])
    require_same_cases(tables, regions)
    metrics = own_names(tables, _list(arguments.metric, "--metric"))
    require_metrics(tables, metrics)

    patients = whose_cases(tables)
    if arguments.patients:
        patients |= match_patients(arguments.patients, patients, there="the tables")
    rows = compare_tables(
        tables,
        metrics,
        regions,
        baseline=baseline,
        better=BETTER[arguments.better],
        allow_missing=arguments.allow_missing,
        patients=patients,
    )
    replaced = arguments.out is not None and arguments.out.exists()
    if arguments.out is not None:
        write_comparison(arguments.out, rows, [table.name for table in tables])
    for remark in remarks:
        console.print(remark, markup=False, soft_wrap=True)
    _print(tables, rows, metrics, patients=patients, arguments=arguments)
    if arguments.out is not None:
        done = "replaced" if replaced else "written to"
        console.print(f"{done} {arguments.out}", markup=False, soft_wrap=True)
    return 0


def _print(tables, rows, metrics, *, patients, arguments) -> None:
    """Print which letter is which run, a table a metric, and how to read them."""
    from segan_tl.metrics.columns import column_of
    from segan_tl.report.compare.models import letter, notes
    from segan_tl.report.narrow import print_comparison
    from segan_tl.workflow.patients import count_patients

    synthetic = any(table.synthetic for table in tables)
    for place, table in enumerate(tables):
        console.print(f"{letter(place)}  {table.name}", markup=False, soft_wrap=True)
    number = len(tables[0].cases)
    kind = f"{number}{' SYNTHETIC' if synthetic else ''} test case{'s' * (number > 1)}"
    several = count_patients({case: patients[case] for case in tables[0].cases})
    for metric in metrics:
        print_comparison(rows, metric, kind=kind + several, way=BETTER[arguments.better] or column_of(metric).better)
    averaged = ["the mean of a patient's scans is one value: they are not independent"] * bool(several)
    for note in [*notes(rows), *averaged]:
        console.print(note, soft_wrap=True)
    folders = list(dict.fromkeys(table.data["folder"] for table in tables if table.data.get("folder")))
    if len(folders) > 1:
        console.print(
            f"note: the same cases and the same truth, from different folders: {', '.join(folders)}",
            markup=False,
            soft_wrap=True,
        )


def _places(arguments) -> tuple[list[str], int | None]:
    """Return all paths, the one to compare with first, and its place; it may be named among the others too."""
    if arguments.against is None:
        paths, baseline = list(arguments.run), None
    else:
        others = [path for path in arguments.run if Path(path) != Path(arguments.against)]
        paths, baseline = [arguments.against, *others], 0
    if len(paths) < 2:
        raise UserError(f"expected at least two runs to compare; found {', '.join(paths)}; name another one")
    return paths, baseline


def _list(text: str | None, option: str) -> list[str] | None:
    if text is None:
        return None
    words = [word.strip() for word in text.split(",")]
    if "" in words:
        raise UserError(f"expected {option} as names with commas between; found {text!r}; correct it")
    return list(dict.fromkeys(words))
