"""A page is its prose, with what is computed in the places that are named for it."""

import dataclasses
import re

import pytest

from segan_tl.papers import PAPERS, load_paper
from segan_tl.papers.findings import Side, compare_stated
from segan_tl.papers.page import PLACEHOLDER, fill, read_prose, write_page
from segan_tl.papers.runs import Facts
from segan_tl.papers.study import Group, Study
from segan_tl.papers.tables import Table
from tests.small_study import write_run

PROSE = """# {citation}, reproduced

*{title}.* What it is.

{missing}

{facts}

{scores} and {empty}

![drawn](drawn.png)

![no run for it](undrawn.png)

![of another command](matrix/there.png)

![of another command](matrix/lacking.png)

{findings}

{cases} cases.
"""


@pytest.fixture
def paper(tmp_path):
    """Return a paper of two runs, of which one is there."""
    (tmp_path / "prose.md").write_text(PROSE)
    return dataclasses.replace(
        load_paper("kaur-2019"), name="small-2026", citation="Small 2026", title="On Little", folder=tmp_path,
        groups=lambda study: [Group("all of it", [study.place("", name) for name in ("a", "b")], "halves")],
        tables={"scores": lambda _: Table(("x",), [("1",)]), "empty": lambda _: Table(("x",), [])},
        figures={"drawn": lambda *_, synthetic: True, "undrawn": lambda *_, synthetic: False},
        findings=lambda _: [compare_stated("A against B", Side("A", None, {}), [Side("B", None, {})], higher=True)],
        facts=lambda _, runs: Facts({"train": ["p"]}, f"{len(runs)} run"), sentences={"cases": lambda _: "7"},
        curves=lambda _: [],
    )  # fmt: skip


def test_words_tables_and_pictures_stand_where_the_prose_names_them(paper, tmp_path):
    study = Study(tmp_path / "runs", "quick", tmp_path / "out")
    write_run(study.place("", "a"), (0.5,))
    (study.out / "matrix").mkdir(parents=True)
    (study.out / "matrix" / "there.png").write_bytes(b"x")
    page = write_page(paper, study, command="make it").read_text()
    missing = "**Incomplete: not run yet are all of it (1 of 2 halves).**"
    assert page.startswith(f"# Small 2026, reproduced\n\n*On Little.* What it is.\n\n{missing}\n\n- data: ")
    assert "- scale: 1 run" in page and "\n\n      make it\n" in page
    table = "| x |\n| --- |\n| 1 | and –"
    assert f"{table}\n\n![drawn](drawn.png)\n\n–\n\n![of another command](matrix/there.png)\n\n" in page
    assert "lacking" not in page and page.endswith("\n\n7 cases.\n")
    assert (study.out / "scores.csv").read_text() == "x\n1\n" and page.count("No comparison can be made yet") == 1


def test_what_a_person_wrote_stands_below(paper, tmp_path):
    study = Study(tmp_path / "runs", "quick", tmp_path / "out")
    study.out.mkdir()
    (study.out / "findings.md").write_text("Looked at {this}.\n")
    page = write_page(paper, study, command="make it").read_text()
    assert page.endswith("\n\n7 cases.\n\n## What we found when we looked\n\nLooked at {this}.\n")


def test_a_page_without_gaps_has_no_sentence_of_them(paper, tmp_path):
    study = Study(tmp_path / "runs", "quick", tmp_path / "out")
    for name in ("a", "b"):
        write_run(study.place("", name), (0.5,))
    page = write_page(paper, study, command="make it").read_text()
    assert "Incomplete" not in page and "What it is.\n\n- data:" in page


def test_an_unknown_place_is_a_mistake():
    assert fill("{a} b", {"a": "{b}"}) == "{b} b"
    with pytest.raises(KeyError):
        fill("{c}", {})


@pytest.mark.parametrize("name", PAPERS)
def test_the_prose_of_every_paper_has_a_place_for_all_that_is_computed(name):
    paper, prose = load_paper(name), read_prose(load_paper(name))
    places, common = set(PLACEHOLDER.findall(prose)), {"citation", "title", "missing", "facts", "findings"}
    common |= {"curves"} if "curves" in places else set()
    assert common <= places and places - common <= paper.tables.keys() | paper.sentences.keys()
    assert paper.sentences.keys() <= places and not paper.tables.keys() & (paper.sentences.keys() | common)
    pictures = set(re.findall(r"\(([\w-]+)\.png\)", prose))
    assert pictures == paper.figures.keys()
