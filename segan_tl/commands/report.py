"""`python -m segan_tl report`: a run, or several side by side, as one HTML file."""

import argparse
import zlib
from collections.abc import Sequence
from pathlib import Path

from segan_tl.console import console
from segan_tl.errors import UserError
from segan_tl.runs import open_run, run_name
from segan_tl.workflow.numbers import above_zero, whole

LONGEST_STEM = 120

EPILOG = """examples:
  python -m segan_tl report segan/flair                             runs/segan/flair/report.html
  python -m segan_tl report segan/t2 segan/flair-to-t2-frozen        runs/segan/t2-vs-flair-to-t2-frozen.html
  python -m segan_tl report segan/flair --cases all --megabytes 40 --out flair.html
  python -m segan_tl report segan/flair --scores brats2026.csv      what evaluate wrote, by the rules of 2026
  python -m segan_tl report segan/flair --data /data/BraTS2021       the data has moved
  python -m segan_tl report nnunet/BraTS2021        a cross-validation: its tables, its picture, links to its folds

The page opens in any browser without a network and can be mailed; its images are cut to the head, in 8 bits, coarser
where it would grow beyond --megabytes: it says so itself. It shows the patients of the run: treat it like their images.
A training writes the page of its run by itself."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the command."""
    parser.description = "Write a finished run, or a comparison of several, as one HTML file."
    parser.epilog = EPILOG
    parser.add_argument("run", nargs="+", metavar="RUN", help="finished runs; several need the same test cases")
    parser.add_argument("--out", type=_page, metavar="FILE", help="HTML file (report.html in the run, or see below)")
    parser.add_argument("--cases", type=_count, default=5, metavar="N", help="cases shown in pictures, or all (5)")
    parser.add_argument("--no-viewer", action="store_true", help="pictures only, no slices to scroll: a small file")
    parser.add_argument(
        "--scores", action="append", type=Path, default=[], metavar="FILE.csv",
        help="of evaluate, by other rules say, in place of a run's own scores; once a run, in their order",
    )  # fmt: skip
    parser.add_argument("--data", type=Path, metavar="DIR", help="folder of cases (where the first run was trained)")
    parser.add_argument(
        "--megabytes", type=above_zero, default=15.0, metavar="M", help="size to reduce the images to (15)"
    )
    parser.add_argument("--runs", type=Path, default=Path("runs"), metavar="DIR", help="where runs are kept (runs)")


def _count(text: str) -> int | None:
    """Return a number of cases, None for all."""
    if text == "all":
        return None
    return whole(0)(text)


def _page(text: str) -> Path:
    """Return the name of a page, refuse that of another kind of file."""
    if Path(text).suffix.lower() not in (".html", ".htm"):
        raise argparse.ArgumentTypeError(f"expected a name that ends in .html; found {text!r}")
    return Path(text)


def comparison_path(roots: Sequence[Path]) -> Path:
    """Return where the page of several runs goes: beside the first, named after all of them."""
    folders = [root.resolve() for root in roots]
    names = [folder.name for folder in folders]
    if len(set(names)) < len(names):  # nnunet/glioma, unet3d/glioma
        names = [run_name(folder).replace("/", "-") for folder in folders]
    stem = "-vs-".join(names)
    if len(stem) > LONGEST_STEM:  # of many runs; other ones still get another name
        stem = f"{stem[:LONGEST_STEM]}-{zlib.crc32(stem.encode()):08x}"
    return (roots[0] if roots[0].name else folders[0]).parent / f"{stem}.html"


def run(arguments: argparse.Namespace) -> int:
    """Write the page and say where it is and what it lacks."""
    from segan_tl.report.compare.crossval import find_folds
    from segan_tl.report.html.page import show_bytes, write_report

    if len(arguments.run) == 1 and (folder := find_folds(arguments.run[0], runs=arguments.runs)):
        return _report_folds(folder, arguments.out or folder / "crossval.html")
    runs = [open_run(path, runs=arguments.runs) for path in arguments.run]
    if len(arguments.scores) not in (0, len(runs)):
        found = f"{len(arguments.scores)} for {len(runs)} run{'s' * (len(runs) != 1)}"
        raise UserError(f"expected --scores once for every run; found {found}; name a table of evaluate for each")
    out = arguments.out or (runs[0].report if len(runs) == 1 else comparison_path([run.root for run in runs]))
    done = "replaced" if out.exists() else "written"
    remarks = write_report(
        runs, out, cases=arguments.cases, viewer=not arguments.no_viewer, data=arguments.data,
        megabytes=arguments.megabytes, scores=arguments.scores,
    )  # fmt: skip
    for remark in remarks:
        console.print(remark, markup=False, soft_wrap=True)
    console.print(f"{done} {out}: {show_bytes(out.stat().st_size)}", markup=False, soft_wrap=True)
    return 0


def _report_folds(folder: Path, out: Path) -> int:
    """Write the page of a cross-validation."""
    from segan_tl.report.compare.crossval import open_crossval
    from segan_tl.report.html.crossval import write_crossval_page
    from segan_tl.report.html.page import show_bytes

    crossval, done = open_crossval(folder), "replaced" if out.exists() else "written"
    for line in write_crossval_page(crossval, out):
        console.print(line, soft_wrap=True)
    console.print(f"{done} {out}: {show_bytes(out.stat().st_size)}", soft_wrap=True)
    return 0
