"""The page of a cross-validation: its tables and its picture in one HTML file, and links to the pages of its folds."""

import base64
import os
import shlex
import tempfile
from html import escape
from pathlib import Path
from string import Template
from urllib.parse import quote

from segan_tl.disk.atomic import write_text
from segan_tl.report.compare.crossval import CrossValidation
from segan_tl.report.compare.crossval_figures import plot_folds
from segan_tl.report.compare.crossval_tables import fold_tables
from segan_tl.report.figures import SYNTHETIC
from segan_tl.report.html.sections import DISCLAIMER
from segan_tl.report.html.tables import table
from segan_tl.report.html.viewer import read_asset

SPREAD = (
    "Mean ± standard deviation of all patients tells how patients differ, that of the folds' means how trainings on "
    "other patients do; the folds share training cases, so neither gives an exact standard error."
)


def write_crossval_page(crossval: CrossValidation, out: Path) -> list[str]:
    """Write the page; return what it lacks, which stands on it as well.

    Args:
        crossval: its finished folds.
        out: HTML file; links to the folds are relative to it.
    """
    lacking = [f"MISSING: fold {number}, {fold.why}; run {fold.command}" for number, fold in crossval.missing.items()]
    failed = [f"left out {case}: {why}" for fold in crossval.folds.values() for case, why in fold.failed.items()]
    badge = f'<div class="badge">{SYNTHETIC}</div>' if crossval.synthetic else ""
    banner = "".join(f'<p class="banner">{escape(line)}</p>' for line in (*lacking, *failed))
    done = f"{len(crossval.folds)} of {crossval.number} folds"
    body = [
        f"<h1>{escape(crossval.name)}: {done}</h1>\n{badge}\n{banner}<p class='note'>{DISCLAIMER}</p>",
        *(f"<section><h2>{escape(one.title)}</h2>{_table(one)}</section>" for one in fold_tables(crossval)),
        f'<section><p class="note">{escape(SPREAD)}</p>{_picture(crossval)}</section>',
        f"<section><h2>Folds</h2><ul>{''.join(_links(crossval, out))}</ul></section>",
        "<footer><p>Written by segan_tl. This page loads nothing from a network.</p></footer>",
    ]
    page = Template(read_asset("report.html")).substitute(
        title=escape(crossval.name), style=read_asset("report.css"), body="\n".join(body), scripts="", hashes="'none'"
    )
    write_text(out, page)
    return [*lacking, *failed]


def _table(one) -> str:
    first, *others = one.columns
    return table([first], others, [([name], [escape(cell) for cell in cells]) for name, *cells in one.rows])


def _picture(crossval: CrossValidation) -> str:
    with tempfile.TemporaryDirectory() as folder:
        plot_folds(crossval, Path(folder, "folds.png"))
        data = base64.b64encode(Path(folder, "folds.png").read_bytes()).decode()
    return f'<figure><img style="max-width: 100%" alt="Scores by fold" src="data:image/png;base64,{data}"></figure>'


def _links(crossval: CrossValidation, out: Path) -> list[str]:
    """Return an item for each finished fold: its page, or the command that writes it."""
    items = []
    for number, fold in crossval.folds.items():
        page, name = fold.run.report, f"fold {number}"
        if page.is_file():
            place = quote(os.path.relpath(page.resolve(), out.resolve().parent))
            items.append(f'<li><a href="{escape(place)}">{name}</a></li>')
        else:
            command = f"python -m segan_tl report {shlex.quote(str(fold.run.root))}"
            items.append(f"<li>{name}: no page yet, type <code>{escape(command)}</code></li>")
    return items
