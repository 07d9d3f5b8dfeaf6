"""Published numbers as data: what each paper printed, and where."""

import pytest

from segan_tl.papers import PAPERS, load_paper
from segan_tl.papers.published import PAPER, read_published

# Tables and numbers of every paper; a number by its table, row and column, read off the paper once more.
COUNTS = {"giacomello-2020": (6, 53), "wacker-2020": (3, 36), "heras-rivera-2024": (3, 51), "kaur-2019": (1, 1)}
COUNTS |= {"parida-2024": (2, 5)}
NUMBERS = {
    "giacomello-2020": {("table1", "segan-cat", "precision"): 0.89635, ("table3", "t2-frozen", "dice"): 0.80341},
    "wacker-2020": {
        ("table1", "albunet2d-random", "tc"): 0.7447, ("table1_hausdorff", "albunet3d-random", "et"): 39.0381,
    },
    "heras-rivera-2024": {
        ("table2_hd95", "dann", "average"): 3.374, ("tests", "dann against combined", "hd95_mm"): 0.0236,
    },
    "kaur-2019": {("pretraining", "lesion", "auc"): 0.77},
    "parida-2024": {("dice", "postprocessed", "tc"): 0.865, ("weights", "ensemble", "mednext"): 0.5278},
}  # fmt: skip


def numbers_of(paper):
    return read_published(load_paper(paper).folder / "published.toml")


@pytest.mark.parametrize("paper", PAPERS)
def test_every_number_is_there_with_its_place(paper):
    tables = numbers_of(paper)
    assert (len(tables), sum(len(row) for table in tables.values() for row in table.rows.values())) == COUNTS[paper]
    for (table, row, column), value in NUMBERS[paper].items():
        assert tables[table].rows[row][column] == (value, PAPER)
    assert all(table.place for table in tables.values())


def test_numbers_that_do_not_stand_in_the_paper_say_so():
    tables = numbers_of("giacomello-2020")
    assert tables["table2"].rows["flair"]["dice"].origin.mark == "†"
    assert tables["fig3"].rows["flair"]["t2"].origin.name == "authors' result files, validation and test merged"


def test_a_row_may_lack_its_last_numbers(tmp_path):
    path = tmp_path / "published.toml"
    lines = ("[table1]", 'place = "Table 1"', 'columns = ["dice", "hd95_mm"]')
    lines += ("[table1.rows]", "a = [0.5, 2.0]", "b = [0.25]")
    path.write_text("\n".join(lines))
    assert read_published(path)["table1"].rows == {
        "a": {"dice": (0.5, PAPER), "hd95_mm": (2.0, PAPER)}, "b": {"dice": (0.25, PAPER)},
    }  # fmt: skip
