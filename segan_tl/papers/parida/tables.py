"""The tables of the reproduction of Parida 2024: every number beside the published one, where we have it."""

import statistics
from pathlib import Path

from segan_tl.papers.parida.study import (
    COLUMNS,
    DICE,
    ENSEMBLE,
    FAMILIES,
    HD95,
    ROWS,
    Study,
    scores_of,
    shares_of,
)
from segan_tl.papers.published import PublishedTable, read_published
from segan_tl.papers.runs import mean
from segan_tl.papers.tables import ABSENT, Cell, Table, beside_published, embolden, share
from segan_tl.schemas.postprocess import Postprocess
from segan_tl.schemas.reading import read_json

NUMBERS = Path(__file__).with_name("published.toml")
SCORES = {DICE: ("lesion-wise Dice", 3), HD95: ("lesion-wise HD95 in mm", 1)}
TISSUES = ("NCR", "ED", "ET")


# === Table 3 ===


def table_3(study: Study, score: str) -> Table:
    """Return half of Table 3: the mean over the target's patients, the best of a column in bold."""
    def ours(row: str, column: str) -> Cell:
        value = mean(scores_of(study, row, score)[column])
        return Cell(value, note=_note(study, row), digits=SCORES[score][1])

    published = read_published(NUMBERS)["dice"] if score == DICE else PublishedTable("not in the text", {})
    table = beside_published("method", ROWS, COLUMNS, ours=ours, published=published)
    lowest = tuple(range(1, len(COLUMNS) + 1)) if score == HD95 else ()
    return table._replace(rows=embolden(table.rows, lowest=lowest))


def _note(study: Study, row: str) -> str:
    tables = study.tables(row)
    return share(sum(path.is_file() for path in tables), len(tables), "folds")


def patients_table(study: Study) -> Table:
    """Return the scores of every patient: what Table 3 and the questions are made of."""
    rows = []
    for row, name in ROWS.items():
        found = {score: scores_of(study, row, score) for score in SCORES}
        for case in found[DICE]["wt"]:
            values = [found[score][column].get(case) for score in SCORES for column in COLUMNS]
            rows.append((name, case, *(ABSENT if value is None else f"{value:.6g}" for value in values)))
    headings = [f"{heading} {column}" for heading, _ in SCORES.values() for column in COLUMNS.values()]
    return Table(("method", "patient", *headings), rows)


# === Ensemble and post-processing ===


def weights_table(study: Study) -> Table:
    """Return what the answer of each network weighs, fold by fold, and their mean beside the published weights."""
    shares = shares_of(study)
    rows = [(f"fold {fold}", *(Cell(found[one], digits=4) for one in FAMILIES)) for fold, found in shares.items()]
    published = read_published(NUMBERS)["weights"].rows[ENSEMBLE]
    cells = []
    for family in FAMILIES:
        value = statistics.fmean(found[family] for found in shares.values()) if shares else None
        cells.append(Cell(value, published[family], note=share(len(shares), len(study.folds), "folds"), digits=4))
    return Table(("weight", *FAMILIES.values()), [*rows, ("mean", *cells)])


def table_2(study: Study) -> Table:
    """Return the thresholds that all folds choose: of all cases, and of each cluster."""
    path = study.file("postprocess.json")
    if not path.is_file():
        return Table(("cluster", *TISSUES, "ET/WT"), [])
    found = read_json(path, Postprocess)["thresholds"]
    rows = []
    for name, one in {"all cases": found["all"], **found.get("clusters", {})}.items():
        rows.append((name, *(str(one["sizes_voxels"][tissue]) for tissue in TISSUES), f"{one['et_wt_ratio']:g}"))
    return Table(("cluster", *(f"{tissue}, voxels" for tissue in TISSUES), "ET/WT"), rows)
