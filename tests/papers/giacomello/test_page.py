"""The results page: its numbers by hand, its gaps, and where it says that the direction differs."""

import pytest

from segan_tl.papers.findings import findings_table, summarise_findings
from segan_tl.papers.giacomello.findings import find_directions
from segan_tl.papers.giacomello.paper import PAPER
from segan_tl.papers.giacomello.study import FIRST_CURVE, Study
from segan_tl.papers.giacomello.tables import figure_3, table_1, table_2, table_3, votes_table
from segan_tl.papers.page import write_page
from segan_tl.papers.tables import to_markdown
from tests.small_study import write_run, write_study

COMMAND = "python -m segan_tl reproduce giacomello-2020 --scale quick"


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    folder = tmp_path_factory.mktemp("study")
    study = Study(folder / "runs", "quick", folder / "out")
    write_study(study)
    return study


@pytest.fixture(scope="module")
def page(study):
    return write_page(PAPER, study, command=COMMAND).read_text()


def texts(table):
    return {row[0]: [str(cell) for cell in row[1:]] for row in table.rows}


# === Tables ===


def test_table_1_is_the_mean_of_the_test_patients_beside_the_paper(study):
    rows = texts(table_1(study))
    # SegAN-CAT: (0.86 + 0.90) / 2, precision 0.1 more, sensitivity 0.1 less
    assert rows["SegAN-CAT"] == ["0.880 (paper 0.862)", "0.980 (paper 0.896)", "0.780 (paper 0.836)"]
    assert rows["SegAN without Dice loss"] == ["0.830 (paper 0.704†)", "0.930 (paper –)", "0.730 (paper –)"]


def test_table_2_has_the_numbers_of_the_result_files(study):
    rows = texts(table_2(study))
    assert [row[0] for row in rows.values()] == [
        "0.820 (paper 0.804†)", "0.750 (paper 0.744†)", "0.410 (paper 0.582†)", "0.520 (paper 0.530†)",
    ]  # fmt: skip
    assert list(rows) == ["FLAIR", "T2", "T1c", "T1"]


def test_figure_3_reads_the_matrix(study):
    rows = texts(figure_3(study))
    assert rows["T1c"] == [
        "0.100 (paper 0.435‡)", "0.410 (paper 0.578‡)", "0.100 (paper 0.176‡)", "0.550 (paper 0.382‡)",
    ]  # fmt: skip


def test_table_3_sets_transfer_beside_scratch_and_source(study):
    row = next(row for row in table_3(study).rows if row[:2] == ("T2", "segmentor only"))
    assert [str(cell) for cell in row[2:]] == [
        "0.760 (paper 0.803)", "0.860 (paper 0.833)", "0.660 (paper 0.782)",
        "0.750 (paper 0.744†)", "0.100 (paper 0.421‡)",
    ]  # fmt: skip


def test_without_a_matrix_the_untouched_source_comes_from_the_transfer(study, tmp_path):
    alone = Study(study.runs, "quick", tmp_path)
    assert table_3(alone).rows[-1][-1].ours is None
    comparison = study.transfer("t2", "full").comparison
    comparison.write_text('{"regions": {"wt": {"source": 0.25, "scratch": null, "transferred": 0.79}}}')
    try:
        assert table_3(alone).rows[-1][-1].ours == 0.25
    finally:
        comparison.unlink()


def test_votes_go_by_the_number_of_modalities(study):
    assert votes_table(study).rows == [
        ("1", "alone", "2", "0.600", "0.700 flair", "0.500 t1"),
        ("2", "majority", "1", "0.600", "0.600 t1+flair", "0.600 t1+flair"),
        ("2", "weighted", "1", "0.700", "0.700 t1+flair", "0.700 t1+flair"),
    ]


def test_footnotes_stand_under_the_table_that_needs_them(study):
    assert "\n\n† not in our copy" in to_markdown(table_1(study)) and "‡" not in to_markdown(table_1(study))


# === Direction ===


def test_directions_are_computed(study):
    found = {row[0]: row[1:] for row in findings_table(find_directions(study)).rows}
    assert len(found) == 14
    # 0.86 - 0.80 = 0.06 and 0.90 - 0.82 = 0.08: mean 0.07, std 0.01414, error 0.01
    assert found["Four modalities: SegAN-CAT against SegAN"] == (
        "SegAN-CAT 0.862 > SegAN 0.828", "SegAN-CAT 0.880 > SegAN 0.810", "+0.070 ± 0.010", "same",
    )  # fmt: skip
    assert found["SegAN: with Dice loss against without"][1:] == (
        "with 0.810 < without 0.830", "-0.020 ± 0.010", "differs",
    )  # fmt: skip
    # here T1c is the worst, so T1 is set against it
    assert found["T1 against the worst other modality"] == (
        "T1 0.530 < T1c 0.582†", "T1 0.520 > T1c 0.410", "+0.110 ± 0.010", "differs",
    )  # fmt: skip
    # 0.70 - 0.78 = -0.08 and 0.82 - 0.80 = 0.02: mean -0.03, std 0.0707, error 0.05
    assert found["FLAIR to T2: segmentor only against full"][2:] == ("-0.030 ± 0.050", "differs, within the error")
    assert found["FLAIR to T1c: segmentor only against full"][1:] == (
        "segmentor only 0.450 = full 0.450", "+0.000 ± 0.010", "equal, within the error",
    )  # fmt: skip
    # in the authors' files transfer to T1c loses to scratch; here it wins
    assert found["FLAIR to T1c: segmentor only against from scratch"] == (
        "segmentor only 0.546 < from scratch 0.582†", "segmentor only 0.450 > from scratch 0.410",
        "+0.040 ± 0.010", "differs",
    )  # fmt: skip
    assert found["T1c's model: its own modality against the best other"][1:] == (
        "on T1c 0.410 < on FLAIR 0.550", "-0.140 ± 0.040", "differs",
    )  # fmt: skip


def test_findings_are_counted(study):
    findings = find_directions(study)
    # differ: Dice loss, T1, T2 against full (within the error), T1c against scratch, T1c's row; equal: T1c against full
    assert summarise_findings(findings) == (
        "8 of 14 comparisons point the same way as published, 5 differ, 4 of these by more than the standard error."
    )


# === The page ===


def test_the_page_says_where_its_numbers_come_from(page):
    assert "**SYNTHETIC DATA (simulated, no patients)**: `phantom-x`" in page
    assert "3 train, 1 validation, 2 test" in page and COMMAND in page and "scale: quick" in page
    assert "61 of 61 runs" in page and "segan_tl 0.1.0" in page and "commit 0123456" in page
    assert "added up: 37 min" in page  # 61 runs · 4 epochs · 9 s = 2196 s


def test_every_figure_and_csv_is_there(page, study):
    for name in ("fig2.png", "flair-to-t2_curve.png"):
        assert f"({name})" in page and (study.out / name).stat().st_size > 5000
    for name in ("table1", "table2", "fig3", "table3", "votes", "flair-to-t2_scores", "flair-to-t2_gains"):
        assert (study.out / f"{name}.csv").is_file()


def test_the_learning_curve_has_the_papers_starts_and_a_new_recipe_beside_them(page):
    # 2 cases, scratch: patients d and d + 0.1 with d = 0.30, 0.32, 0.34: 0.37; every start 0.05 above the one before
    rows = [line for line in page.splitlines() if line.startswith(("| scratch", "| full", "| segmentor only"))]
    starts = {line.split(" | ")[0].removeprefix("| "): line.split(" | ")[2] for line in rows}
    assert starts == {"scratch": "0.370", "full": "0.420", "segmentor only": "0.470", "full, new recipe": "0.520"}
    assert "### From FLAIR to T2\n\n- with 2 cases start from full, new recipe: +0.15, +0.15 to +0.15 " in page
    assert "(2 patients, 3 seeds)" in page and "From T1c to T1" not in page  # of which no run is there
    assert "- patients, a division each: 3 train, 1 validation, 2 test\n" in page


def test_another_curve_is_shown_once_a_run_of_it_is_there(tmp_path):
    study = Study(tmp_path / "runs", "quick", tmp_path / "out")
    cell = next(iter(study.curve("t1c-to-t1").cells()))
    assert cell.run.root == study.runs / f"{study.name}-t1c-to-t1-scratch-cases2-seed0-division0" / "glioma-3t-t1"
    assert study.curves == [FIRST_CURVE]
    write_run(cell.run, (0.3, 0.5), config={"train": {"epochs": 6, "steps_per_epoch": 75}})
    page = write_page(PAPER, study, command=COMMAND).read_text()
    assert "### From T1c to T1\n\n| start |" in page and "| scratch | – | 0.400 | – | – | – |" in page
    assert "### From FLAIR to T2\n\n–\n" in page


def test_a_persons_findings_are_included_and_left_alone(page, study):
    note = study.out / "findings.md"
    assert "What we found when we looked" not in page
    note.write_text("T1c is *hard*.\n")
    again = write_page(PAPER, study, command=COMMAND).read_text()
    note_after = note.read_text()
    note.unlink()
    assert again == page + "\n## What we found when we looked\n\nT1c is *hard*.\n" and note_after == "T1c is *hard*.\n"


def test_the_page_is_written_from_whatever_exists(tmp_path):
    study = Study(tmp_path / "runs", "quick", tmp_path / "out")
    page = write_page(PAPER, study, command=COMMAND).read_text()
    assert "0 of 61 runs" in page and "| SegAN | – (paper 0.828) |" in page and "SYNTHETIC" not in page
    assert "No comparison can be made yet" in page and not (study.out / "fig2.png").exists()
    write_run(study.single("flair"), (0.8, 0.84))
    page = write_page(PAPER, study, command=COMMAND).read_text()
    assert "1 of 61 runs" in page and "| FLAIR | 0.820 (paper 0.804†) |" in page and "nan" not in page.lower()
