"""Tables of a reproduction: our number beside the published one, as text, Markdown and CSV."""

import csv

import pytest

from segan_tl.papers.published import Origin, Published, PublishedTable
from segan_tl.papers.tables import (
    Cell,
    Table,
    beside_published,
    embolden,
    paired_difference,
    share,
    spread_of,
    to_csv,
    to_markdown,
)

TEST = Origin("authors' result files, test", "†", "from the authors' published result files")


def test_differences_are_paired():
    # differences 0.1, 0.2, 0.3 (d is in one only): mean 0.2, std 0.1, error 0.1 / √3 = 0.0577
    first = {"a": 0.5, "b": 0.6, "c": 0.9, "d": 0.0}
    found = paired_difference(first, {"a": 0.4, "b": 0.4, "c": 0.6})
    assert found.mean == pytest.approx(0.2) and found.standard_error == pytest.approx(0.057735, abs=1e-6)
    assert found.cases == 3 and str(found) == "+0.200 ± 0.058"
    assert paired_difference({"a": 1.0}, {"b": 1.0}) is None
    assert str(paired_difference({"a": 1.0}, {"a": 0.5})) == "+0.500 ± –"


def test_a_cell_says_what_is_known_of_our_number():
    assert str(Cell(None)) == "– (paper –)"
    assert str(Cell(None, Published(0.7187), note="not run")) == "not run (paper 0.719)"
    assert str(Cell(0.5, Published(0.25, TEST), 0.0125)) == "0.500 ± 0.013 (paper 0.250†)"
    assert str(Cell(31.26, Published(39.04), 2.0, "2 of 5 seeds", 1)) == "31.3 ± 2.0, 2 of 5 seeds (paper 39.0)"


def test_origins_marked_in_text_have_a_footnote_too():
    table = Table(("finding",), [("A 0.9 > B 0.8†",)], (TEST,))
    assert to_markdown(table).endswith("\n\n† from the authors' published result files.")


def test_csv_says_where_a_published_number_stands(tmp_path):
    row = ("SegAN", Cell(0.5, Published(0.75)), Cell(None, Published(0.25, TEST)), "–")
    to_csv(Table(("model", "dice", "precision", "note"), [row]), tmp_path / "x.csv")
    with (tmp_path / "x.csv").open() as file:
        assert list(csv.reader(file)) == [
            ["model", "dice", "dice, paper", "dice, paper's source", "precision", "precision, paper",
             "precision, paper's source", "note"],
            ["SegAN", "0.5", "0.75", "paper", "", "0.25", "authors' result files, test", ""],
        ]  # fmt: skip


def test_csv_has_a_column_for_spread_and_note_where_there_are_any(tmp_path):
    rows = [("a", Cell(0.5, Published(0.75), 0.1)), ("b", Cell(None, Published(0.25), note="not run"))]
    to_csv(Table(("model", "dice"), rows), tmp_path / "x.csv")
    with (tmp_path / "x.csv").open() as file:
        assert list(csv.reader(file)) == [
            ["model", "dice", "dice, spread", "dice, note", "dice, paper", "dice, paper's source"],
            ["a", "0.5", "0.1", "", "0.75", "paper"],
            ["b", "", "", "not run", "0.25", "paper"],
        ]


def test_a_table_without_rows_has_its_headings(tmp_path):
    to_csv(Table(("model", "dice"), []), tmp_path / "x.csv")
    assert (tmp_path / "x.csv").read_text() == "model,dice\n"


def test_the_best_of_a_column_is_bold_as_it_is_printed():
    rows = [("a", Cell(0.5004, Published(0.9)), Cell(3.0)), ("b", Cell(0.5001), Cell(None))]
    rows.append(("c", Cell(0.4), Cell(2.0)))
    marked = embolden(rows, lowest=(2,))
    assert [str(row[1]) for row in marked] == ["**0.500** (paper 0.900)", "**0.500** (paper –)", "0.400 (paper –)"]
    assert [row[2].best for row in marked] == [False, False, True] and marked[0][0] == "a"
    assert str(Cell(0.5, None, 0.1, "2 of 3 folds", best=True)) == "**0.500 ± 0.100**, 2 of 3 folds (paper –)"
    half = embolden([("a", Cell(0.9, None, note="2 of 3 folds")), ("b", Cell(0.5, None))])
    assert [row[1].best for row in half] == [False, True]


def test_our_numbers_stand_beside_the_published_ones_of_the_same_row_and_column():
    published = PublishedTable("Table 1", {"a": {"x": Published(0.25)}, "other": {"x": Published(0.1)}})
    table = beside_published(
        "method", {"a": "A", "b": "B"}, {"x": "X", "y": "Y"}, ours=lambda row, column: Cell(0.5), published=published
    )
    assert table.headings == ("method", "X", "Y")
    assert [[str(cell) for cell in row] for row in table.rows] == [
        ["A", "0.500 (paper 0.250)", "0.500 (paper –)"], ["B", "0.500 (paper –)", "0.500 (paper –)"],
    ]  # fmt: skip


def test_how_many_of_all_and_how_far_they_spread():
    assert [share(number, 3, "folds") for number in (0, 2, 3)] == ["not run", "2 of 3 folds", ""]
    assert spread_of([0.5]) is None is spread_of([]) and spread_of(iter([0.0, 2.0])) == pytest.approx(2**0.5)
