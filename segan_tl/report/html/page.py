"""report.html: one run, or several side by side, in one file that opens without a network and can be mailed."""

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import replace
from html import escape
from pathlib import Path
from string import Template

from segan_tl.disk.atomic import write_text
from segan_tl.disk.paths import require_once
from segan_tl.errors import UserError
from segan_tl.report.compare.score_tables import require_same_cases, table_of
from segan_tl.report.html.cases import rank_cases
from segan_tl.report.html.pictures import cards
from segan_tl.report.html.sections import (
    boxes_section,
    cases_section,
    curves_section,
    header_section,
    summary_section,
)
from segan_tl.report.html.viewer import (
    pack_text,
    read_asset,
    safe_json,
    viewer_data,
    viewer_library,
    viewer_section,
)
from segan_tl.report.html.volumes import ShownCase, load_shown
from segan_tl.report.record import FinishedRun, open_finished, shared_regions
from segan_tl.runs import Run

CASES = 5
MEGABYTES = 15.0
# Of the file, for everything but the volumes: the viewer (1.1 MB), pictures, tables.
OVERHEAD_BYTES = 1.5e6
TRIALS = 4
# The first trial takes what may just fit; its size is measured.
OPTIMISM = 1.15
SMALLEST_BUDGET_BYTES = 1e6


def write_report(
    runs: Sequence[Run], out: Path, *, cases: int | None = CASES, viewer: bool = True, data: Path | None = None,
    megabytes: float = MEGABYTES, scores: Sequence[Path] = (),
) -> list[str]:  # fmt: skip
    """Write the page of one run, or of several on the same test cases.

    Args:
        out: HTML file.
        cases: how many cases the page shows in pictures: best, median, worst, then others; None for all.
        viewer: embed slices that can be scrolled; without, pictures only.
        data: folder of the cases; where the first run was trained if None.
        megabytes: size that the images are reduced to.
        scores: a table of `evaluate` for each run, in their order, in place of its own scores.

    Returns:
        What was left out or reduced; it stands on the page as well.

    Raises:
        UserError: a run is not finished, the runs cannot be compared, or `data` is not where their cases are.
    """
    finished = [open_finished(run) for run in runs]
    if scores:
        finished = [replace(one, scores_from=table) for one, table in zip(finished, scores, strict=True)]
    _require_same_cases(finished)
    limit = len(finished[0].cases) if cases is None else cases
    chosen = rank_cases(finished, limit) if limit else []
    most_bytes = megabytes * 1e6 - OVERHEAD_BYTES
    budget_bytes = OPTIMISM * most_bytes
    for _ in range(TRIALS):  # cases differ from the first, by which the size is foreseen
        budget_bytes = max(budget_bytes, SMALLEST_BUDGET_BYTES)
        shown, remarks = load_shown(finished, chosen, data=data, budget_bytes=budget_bytes) if chosen else ([], [])
        page = _page(finished, shown, remarks=remarks, viewer=viewer and bool(shown))
        excess = len(page.encode()) - megabytes * 1e6
        if excess <= 0 or not shown or budget_bytes == SMALLEST_BUDGET_BYTES:
            break
        budget_bytes = min(budget_bytes - excess, most_bytes)
    if excess > 0:
        fewer = f"fewer cases (--cases){' or no viewer (--no-viewer)' if viewer else ''} make it smaller"
        remarks.append(f"The file is larger than the {megabytes:g} MB asked for, coarse as its images are: {fewer}.")
        page = _page(finished, shown, remarks=remarks, viewer=viewer and bool(shown))
    write_text(out, page)
    return _lacking(finished, shown) + remarks


def _require_same_cases(runs: Sequence[FinishedRun]) -> None:
    """Refuse runs that were not scored on the same cases, or share no region.

    Raises:
        UserError: two of them differ.
    """
    require_once(one.run.root for one in runs)
    if not shared_regions(runs):
        found = "; ".join(f"{one.run.root} {', '.join(one.regions)}" for one in runs)
        raise UserError(f"expected runs with a region in common; found {found}; leave one out")
    if len(runs) > 1:
        require_same_cases([table_of(one) for one in runs], shared_regions(runs))


def show_bytes(size: int) -> str:
    """Return the size of a file as a reader wants it."""
    return f"{size / 1e6:.1f} MB" if size >= 999_500 else f"{max(round(size / 1e3), 1)} KB"


# === Page ===


def _page(runs: Sequence[FinishedRun], shown: list[ShownCase], *, remarks: list[str], viewer: bool) -> str:
    names = [one.name for one in runs]
    title = f"{', '.join(names)} compared" if len(runs) > 2 else " against ".join(names)
    regions = shared_regions(runs)
    dice = {case.id: [one.dice_by_region(case.id, regions) for one in runs] for case in shown}
    body = [header_section(runs, title, warnings=_lacking(runs, shown)), summary_section(runs)]
    body += [curves_section(runs), boxes_section(runs)]
    if shown:
        body.append(_pictures(runs, shown, dice))
    if viewer:
        body.append(viewer_section(shown, [one.name for one in runs], regions))
    body += [cases_section(runs, [case.id for case in shown] if viewer else []), _footer(remarks, viewer)]
    scripts, hashes = _scripts(runs, shown, dice, viewer=viewer)
    return Template(read_asset("report.html")).substitute(
        title=escape(title), style=read_asset("report.css"), body="\n".join(body), scripts="\n".join(scripts),
        hashes=" ".join(hashes),
    )  # fmt: skip


def _lacking(runs: Sequence[FinishedRun], shown: list[ShownCase]) -> list[str]:
    """Say which predictions cannot be shown, and why: the truth alone looks like a network that found nothing."""
    lines = []
    for place, one in enumerate(runs):
        for problem in dict.fromkeys(case.problems[place] for case in shown if case.problems[place]):
            cases = [case.id for case in shown if case.problems[place] == problem]
            which = "every case shown here" if len(cases) == len(shown) else ", ".join(cases)
            lines.append(
                f"Predictions of {one.name} are {problem}: {which} (looked for in {one.run.predictions}). "
                "There, pictures and slices show the truth only."
            )
    return lines


def _pictures(runs: Sequence[FinishedRun], shown: list[ShownCase], dice: dict) -> str:
    regions = shared_regions(runs)
    title = "Where it changed most" if len(runs) == 2 else "Best, median and worst case"
    dice_of = "the mean Dice over the regions" if any(len(one.regions) > 1 for one in runs) else "Dice"
    rule = {1: f"Chosen by {dice_of}.", 2: f"Chosen by the difference in {dice_of}."}.get(
        len(runs), f"Chosen by {dice_of}, averaged over the {len(runs)} runs."
    )
    order = f" Pictures from left: the image, {', '.join(one.name for one in runs)}." if len(runs) > 1 else ""
    return (
        f'<section><h2>{title}</h2><div class="cards">{cards(shown, [one.name for one in runs], scores=dice)}</div>'
        f'<p class="note">{rule} In colour: {escape(regions[0].upper())}. Green: found. Orange: too much. Blue: missed.'
        f"{' Purple: truth, where there is no prediction.' if any(map(any, (case.problems for case in shown))) else ''}"
        f"{escape(order)}</p>"
        "</section>"
    )


def _scripts(
    runs: Sequence[FinishedRun], shown: list[ShownCase], dice: dict, *, viewer: bool
) -> tuple[list[str], list[str]]:
    """Return the elements, and the hashes of what the page's policy lets run: these scripts and nothing else."""
    sources = [read_asset("report.js")]
    elements = []
    if viewer:
        library = viewer_library()
        volumes = viewer_data(
            shown, [one.name for one in runs], shared_regions(runs), scores=dice,
            predicted=[one.predicted_dice for one in runs],
        )  # fmt: skip
        elements = [
            f'<script type="application/octet-stream" id="niivue">{pack_text(library)}</script>',
            f'<script type="application/json" id="viewer-data">{safe_json(volumes)}</script>',
        ]
        sources.append(read_asset("viewer.js"))
    hashes = [_hash(source) for source in (*sources, *([library] if viewer else []))]
    return [*elements, *(f"<script>{source}</script>" for source in sources)], hashes


def _hash(script: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"


def _footer(remarks: list[str], viewer: bool) -> str:
    lines = "".join(f"<p>{escape(remark)}</p>" for remark in remarks)
    library = "Slices are drawn by NiiVue 0.69.0 (BSD 2-Clause, © 2021 Niivue), embedded here. " if viewer else ""
    licences = (
        '<details class="screen-only"><summary>Licences of NiiVue and what it contains</summary>'
        f"<pre>{escape(read_asset('niivue/LICENSES.txt'))}</pre></details>"
    )
    return (
        f"<footer>{lines}<p>{library}Written by segan_tl. This page loads nothing from a network.</p>"
        f"{licences if viewer else ''}</footer>"
    )
