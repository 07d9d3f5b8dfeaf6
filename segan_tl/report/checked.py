"""What `check` prints of a cohort: a row a case, and what is wrong with which file; lines where no table fits."""

from collections.abc import Sequence
from pathlib import Path

from rich import box
from rich.table import Table

from segan_tl.console import console, fits, print_table, printable
from segan_tl.data.find.missing import count_missing
from segan_tl.errors import some
from segan_tl.regions import LABEL_NAMES, MODALITIES, REGIONS

REGIONS_SHOWN = ("wt", "tc", "et", "rc", "lesion")
TITLE = "cases: grid in voxels, spacing in mm, regions in mL"
WRAPPED = 40  # letters of a state that stand beside numbers; longer notes go on in the next line
COMMON = {"images": "{}", "grid": "{} voxels", "mm": "voxels of {} mm"}  # what is often the same in all cases


def print_cases(checked: list) -> None:
    """Print a row a case; on a narrow terminal what all cases have in common once, and a line a case if need be.

    Args:
        checked: of `check_cohort`.
    """
    rows = case_rows(checked)
    if _fit(checked, rows):
        print_table(case_table(checked, rows))
        return
    common = [name for name in COMMON if len({row[name] for row in rows}) == 1]
    told = ", ".join(COMMON[name].format(rows[0][name]) for name in common)
    rows = [{name: cell for name, cell in row.items() if name not in common} for row in rows]
    if told:
        console.print(f"all cases: {told}", soft_wrap=True)
    if _fit(checked, rows):
        print_table(case_table(checked, rows))
        return
    console.print(TITLE, soft_wrap=True)
    for row, item in zip(rows, checked):
        cells = [f"{name} {cell}" if name in REGIONS_SHOWN else cell for name, cell in row.items() if cell]
        console.print("  ".join(cells), style="red" if item.problems else None, soft_wrap=True)


def _fit(checked: list, rows: list[dict[str, str]]) -> bool:
    return fits(case_table(checked, [row | {"state": row["state"][:WRAPPED]} for row in rows]))


def case_rows(checked: list) -> list[dict[str, str]]:
    """Return the cells of each case, heading → text; columns of which no case has anything are left out."""
    regions = [region for region in REGIONS_SHOWN if any(_region_ml(item, region) for item in checked)]
    graded = any(item.case.grade != "unknown" for item in checked)
    return [_cells(item, regions, graded=graded) for item in checked]


def case_table(checked: list, rows: list[dict[str, str]]) -> Table:
    """Return the table of some cells; cases with problems are red."""
    table = Table(title=TITLE, title_justify="left", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    for name in rows[0] if rows else ():
        how = {"justify": "right"} if name in REGIONS_SHOWN else {}
        how |= {"overflow": "fold"} if name == "state" else {"no_wrap": name != "images"}
        table.add_column(name, **how)
    for row, item in zip(rows, checked):
        table.add_row(*row.values(), style="red" if item.problems else None)
    return table


def print_problems(problems: list, folder: Path) -> None:
    """Print what is wrong with which file of a folder, and what to do about it."""
    rows = [_problem(problem, folder) for problem in problems]
    table = Table(title="problems", title_justify="left", show_lines=True)
    for name in ("case", "file", "reason", "what to do"):
        table.add_column(name, overflow="fold")
    for row in rows:
        table.add_row(*row)
    if fits(table):
        print_table(table)
        return
    console.print("problems", soft_wrap=True)
    for case, file, reason, remedy in rows:
        console.print(f"  {case}{f' ({file})' if file else ''}: {reason}; {remedy}", soft_wrap=True)


def print_lacking(checked: list, modalities: Sequence[str], *, any_subset: bool) -> None:
    """Print how cases that lack modalities, and have no other problem, train as they are; nothing where none does.

    Args:
        checked: of `check_cohort`.
        modalities: that were asked for.
        any_subset: cases may lack some of them.
    """
    if any_subset:
        if sentence := count_missing([item.case for item in checked if not item.problems], modalities):
            console.print(sentence, soft_wrap=True)
        return
    lacks = {item.case.id: [name for name in modalities if name not in item.case.images] for item in checked}
    # Every modality that is missing is a problem of its own.
    alone = [item for item in checked if 0 < len(lacks[item.case.id]) == len(item.problems) < len(modalities)]
    if not alone:
        return
    everywhere = [name for name in modalities if all(name in item.case.images for item in checked)]
    one = len(alone) == 1
    told = f"note: {len(alone)} of {len(checked)} cases {'lacks' if one else 'lack'} modalities and nothing else "
    told += f"({some([printable(item.case.id) for item in alone], 3)}): {'it trains as it is' if one else 'they train'}"
    told += f"{'' if one else ' as they are'} with --modality any"
    if everywhere:
        told += f", or with --modality {' or '.join(everywhere)}, which all cases have"
    console.print(told, soft_wrap=True)


def _cells(item, regions: list[str], *, graded: bool) -> dict[str, str]:
    grid = item.geometry.in_lps if item.geometry else None
    count = len(item.problems)
    state = "good" if not count else "1 problem" if count == 1 else f"{count} problems"
    cells = {"case": printable(item.case.id)}
    cells |= {"grade": item.case.grade.replace("unknown", "")} if graded else {}
    cells["images"] = " ".join(sorted(item.case.images, key=(*MODALITIES, *item.case.images).index)) or "none"
    cells["grid"] = "×".join(map(str, grid.shape)) if grid else ""
    cells["mm"] = "×".join(f"{length:.3g}" for length in grid.spacing_mm) if grid else ""
    cells |= {region: _millilitres(_region_ml(item, region)) for region in regions}
    return cells | {"state": "; ".join([state, *item.notes])}


def _region_ml(checked, region: str) -> float | None:
    """Return the volume of a region in mL; None without labels."""
    mask = checked.case.mask
    if checked.geometry is None or mask is None or any(problem.file == mask.path for problem in checked.problems):
        return None
    voxels = sum(checked.label_voxels.get(name, 0) for name, label in LABEL_NAMES.items() if label in REGIONS[region])
    return voxels * checked.geometry.voxel_volume_mm3 / 1000


def _millilitres(volume_ml: float | None) -> str:
    if volume_ml is None:
        return "–"
    return f"{volume_ml:.2f}" if volume_ml else "0"


def _problem(problem, folder: Path) -> list[str]:
    """Return case, file, reason and remedy."""
    file = problem.file
    if file is not None and file.is_relative_to(folder):
        file = file.relative_to(folder)
    return list(map(printable, (problem.case_id, str(file or ""), problem.reason, problem.remedy)))
