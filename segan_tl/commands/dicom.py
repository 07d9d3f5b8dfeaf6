"""`python -m segan_tl dicom`: what a folder of DICOM holds, and its T1, T1c, T2 and FLAIR as NIfTI."""

import argparse
from pathlib import Path

from segan_tl.console import console, error_console, print_table_or_lines
from segan_tl.disk.paths import safe_name

STATED = "stated by --series"
COLUMNS = 120  # that the table takes
EPILOG = """examples:
  python -m segan_tl dicom EXPORT                                       which series there are, and what they show
  python -m segan_tl dicom EXPORT PATIENTS                              patients/patient-1/patient-1_flair.nii.gz …
  python -m segan_tl dicom EXPORT PATIENTS --series flair=3 t1c=12      these series, whatever their tags say
  python -m segan_tl dicom EXPORT PATIENTS --id P07                     P07/P07_flair.nii.gz …

Files may lie at any depth, under any name. Patients are called patient-1, patient-2 … in the order of the paths; of
several studies each is a case, patient-1_study-2. No text of a file is shown or kept; OUT/series.json keeps the
identifiers of study, series and instances, which a DICOM SEG needs: it is no file to hand on.

Of several series of one sequence: one that covers at least 100 mm along each axis, then the smallest voxel, then the
most slices, then the last number. Needs pip install -e '.[clinical]'.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the command."""
    parser.description = "Show which series a folder of DICOM holds; write those of T1, T1c, T2 and FLAIR as NIfTI."
    parser.epilog = EPILOG
    parser.add_argument("folder", metavar="FOLDER", type=Path, help="with DICOM files at any depth")
    parser.add_argument("out", metavar="OUT", type=Path, nargs="?", help="where to write cases (nothing is written)")
    parser.add_argument(
        "--series", nargs="+", action="extend", default=[], metavar="MODALITY=SERIES",
        help="the series that is to be a modality, by the name in the table or its SeriesInstanceUID",
    )  # fmt: skip
    parser.add_argument("--id", metavar="NAME", help="what to call the patient, where there is one (patient-1)")


def run(arguments: argparse.Namespace) -> int:
    """Show the table; write the cases where OUT is given."""
    from segan_tl.clinical.dicom.choose import choose_series, state
    from segan_tl.clinical.dicom.convert import write_cases
    from segan_tl.clinical.dicom.series import find_series

    name = None if arguments.id is None else safe_name(arguments.id, "the patient")
    found = find_series(arguments.folder, name=name)
    fixed = state(found, arguments.series)
    print_table_or_lines(_table(found, fixed), _lines(found, fixed), columns=COLUMNS)
    for line in _counts(found):
        console.print(line, soft_wrap=True)
    chosen = choose_series(found, arguments.series)
    for choice in chosen.values():
        for note in choice.notes:
            console.print(f"note: {note}", soft_wrap=True)
    for case, choice in chosen.items():
        told = ", ".join(f"{modality} = {one.name}" for modality, one in choice.series.items())
        console.print(f"{case}: {told}", soft_wrap=True)
    if arguments.out is None:
        console.print("nothing written; name a folder OUT to write them to", soft_wrap=True)
        return 0
    write_cases(arguments.out, chosen, tell=lambda line: error_console.print(line, soft_wrap=True))
    return 0


def _table(found, fixed: dict):
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column("case", no_wrap=True)
    table.add_column("series", no_wrap=True)
    for heading in ("columns×rows×slices", "mm"):
        table.add_column(heading, no_wrap=True)
    table.add_column("sequence", no_wrap=True)
    for heading in ("why", "set aside"):
        table.add_column(heading, overflow="fold")
    for one, cells in _rows(found, fixed):
        *shown, aside = cells
        plain = one.sequence != "other" or cells[-2] == STATED
        table.add_row(*shown, aside, style="dim" if aside or not plain else None)
    return table


def _rows(found, fixed: dict):
    """Yield each series, and its cells: case, series, grid, mm, sequence, why, set aside."""
    stated = {id(one): modality for (_, modality), one in fixed.items()}
    for one in found.series:
        geometry, word = one.geometry, stated.get(id(one))
        yield one, (
            one.case,
            one.name,
            "×".join(map(str, geometry.shape)) if geometry else "–",
            "×".join(f"{length:.3g}" for length in geometry.spacing_mm) if geometry else "–",
            word or one.sequence,
            STATED if word else one.reason,
            "" if word else "; ".join(filter(None, (one.aside, one.fault))),
        )


def _lines(found, fixed: dict) -> list[str]:
    """Return the table as two lines a series, for narrow terminals."""
    lines = []
    for _, (case, series, grid, length, sequence, why, aside) in _rows(found, fixed):
        lines += [f"{case}  series {series}: {sequence}, {grid}, {length} mm", f"    {why}"]
        lines += [f"    set aside: {aside}"] if aside else []
    return lines


def _counts(found) -> list[str]:
    """Return what was passed over, and slices that come twice, each in a line."""
    lines = []
    if found.copies:
        lines.append(f"{found.copies} DICOM files are copies of others")
    if found.damaged:
        lines.append(f"{found.damaged} files begin as DICOM and are damaged or cut off; copy them again")
    for one in found.series:
        if one.twins:
            lines.append(f"{one.case}: {len(one.twins)} slices of series {one.name} lie where others do")
    return lines
