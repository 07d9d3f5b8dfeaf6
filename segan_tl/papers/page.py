"""The results page of a paper: its prose, with the tables, figures and findings of whatever runs are there."""

import re
from pathlib import Path

from segan_tl.disk.atomic import write_text
from segan_tl.disk.ownership import refuse_foreign
from segan_tl.papers.curve import write_curves
from segan_tl.papers.findings import findings_table, summarise_findings
from segan_tl.papers.paper import Paper
from segan_tl.papers.runs import describe_runs, is_synthetic
from segan_tl.papers.study import Study, name_missing
from segan_tl.papers.tables import ABSENT, to_csv, to_markdown
from segan_tl.report.score.owed import is_scored

PLACEHOLDER = re.compile(r"\{([\w-]+)\}")
PICTURE = re.compile(r"!\[[^\]]*\]\((.+)\)")


def write_page(paper: Paper, study: Study, *, command: str) -> Path:
    """Write the page, one CSV a table, figures and curves, from whatever runs are there; return the page's path.

    OUT/findings.md, which a person writes, is included and never touched.

    Args:
        paper: which one.
        study: where the runs are and where the page goes.
        command: what makes it all, for the page.
    """
    runs = [run for run in paper.runs(study) if is_scored(run)]
    tables = {name: make(study) for name, make in paper.tables.items()}
    for name, table in tables.items():
        to_csv(table, study.out / f"{name}.csv")
    synthetic = is_synthetic(runs)
    pictures = {
        f"{name}.png": draw(study, study.out / f"{name}.png", synthetic=synthetic)
        for name, draw in paper.figures.items()
    }
    findings = paper.findings(study)
    about = paper.facts(study, runs)
    total = len(paper.runs(study))
    facts = describe_runs(runs, total=total, split=about.split, scale=about.scale, more=about.more)
    words = {
        "citation": paper.citation,
        "title": paper.title,
        "missing": name_missing(paper.groups(study)),
        "facts": f"{facts}\n\n      {command}",
        "findings": f"{summarise_findings(findings)}\n\n{to_markdown(findings_table(findings))}",
        **{name: to_markdown(table) if table.rows else ABSENT for name, table in tables.items()},
        **{name: write(study) for name, write in paper.sentences.items()},
        "curves": write_curves(paper.curves(study), study),
    }
    text = fill(read_prose(paper), words)
    sections = [_picture_or_gap(part, pictures, study.out) for part in text.split("\n\n")]
    page = study.out / f"{paper.name}.md"
    write_text(page, "\n\n".join([*filter(None, sections), *_written(study.out)]) + "\n")
    return page


def read_prose(paper: Paper) -> str:
    """Return the prose of a paper's page."""
    return (paper.folder / "prose.md").read_text(encoding="utf-8").strip()


def fill(prose: str, words: dict[str, str]) -> str:
    """Put words in the places that are named for them: {name}."""
    return PLACEHOLDER.sub(lambda found: words[found[1]], prose)


def _picture_or_gap(part: str, pictures: dict[str, bool], out: Path) -> str:
    """Return a paragraph; for a picture that could not be drawn a dash, for one that no command left nothing."""
    found = PICTURE.fullmatch(part)
    if not found:
        return part
    if found[1] in pictures:
        return part if pictures[found[1]] else ABSENT
    return part if (out / found[1]).is_file() else ""


def _written(out: Path) -> list[str]:
    """Return the section that a person wrote."""
    written = out / "findings.md"
    if not written.is_file():
        return []
    return ["## What we found when we looked", written.read_text(encoding="utf-8", errors="replace").strip()]


def refuse_foreign_page(out: Path, paper: str) -> None:
    """Refuse to write over tables and pictures that no reproduction made; findings.md is the reader's own.

    Raises:
        UserError: there are some.
    """
    page = out / f"{paper}.md"
    if page.is_file() and f"python -m segan_tl reproduce {paper}" in page.read_text(encoding="utf-8", errors="replace"):
        return  # of a version that left no marker
    names = sorted(path.name for kind in ("*.csv", "*.png", f"{paper}.md") for path in out.glob(kind))
    refuse_foreign(out, "page", names, remedy="give another --out")
