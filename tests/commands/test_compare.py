"""The compare command, through the front door."""

import csv
import shlex

import pytest

from segan_tl.__main__ import main
from segan_tl.commands import compare
from segan_tl.runs import Run
from tests.small_study import write_run

LOW = (0.50, 0.52, 0.61, 0.64, 0.55, 0.58, 0.70, 0.66)
HIGH = (0.60, 0.61, 0.73, 0.71, 0.70, 0.69, 0.82, 0.70)


@pytest.fixture
def place(tmp_path, monkeypatch):
    """Three runs on the same eight cases: the second better, the third worse than the first."""
    for name, dice in (("t2", LOW), ("flair-to-t2", HIGH), ("t1", [score - 0.2 for score in LOW])):
        write_run(Run(tmp_path / "runs" / "segan" / name), dice)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_two_runs(place, capsys):
    assert main(["compare", "segan/t2", "segan/flair-to-t2", "--out", "new/comparison.csv"]) == 0
    printed = capsys.readouterr().out
    assert "A  segan/t2\nB  segan/flair-to-t2\n" in printed
    assert "dice of 8 SYNTHETIC test cases, higher is better" in printed
    assert "+0.100" in printed and "written to new/comparison.csv" in printed
    (row,) = csv.DictReader((place / "new" / "comparison.csv").open())
    assert (row["first"], row["second"], row["better"]) == ("segan/t2", "segan/flair-to-t2", "segan/flair-to-t2")


def test_all_against_one(place, capsys):
    options = ["--against", "segan/t2", "--metric", "dice,sensitivity", "--out", "c.csv"]
    assert main(["compare", "segan/t1", "segan/flair-to-t2", "segan/t2", *options]) == 0
    rows = list(csv.DictReader((place / "c.csv").open()))
    assert {row["first"] for row in rows} == {"segan/t2"} and len(rows) == 4
    assert "corrected for 4 comparisons" in capsys.readouterr().out


def test_tables_of_other_programs(place, capsys):
    for name, score in (("ours", 0.8), ("theirs", 0.7)):
        lines = [f"p{i},lesion,{score + i / 100}" for i in range(3)]
        (place / f"{name}.csv").write_text("\n".join(["case,region,kappa", *lines]) + "\n")
    assert main(["compare", "ours.csv", "theirs.csv", "--metric", "kappa"]) == 0
    printed = capsys.readouterr().out
    assert "SYNTHETIC" not in printed and "add --better" in printed and "3 patients: too few for a claim" in printed
    assert main(["compare", "ours.csv", "theirs.csv", "--metric", "kappa", "--better", "higher"]) == 0
    assert "(A)" in capsys.readouterr().out


def test_scans_of_a_patient_count_once(place, capsys):
    for name, score in (("ours", 0.8), ("theirs", 0.7)):
        lines = [f"{i},{i // 2},lesion,{score + i / 100}" for i in range(6)]
        (place / f"{name}.csv").write_text("\n".join(["case,patient,region,dice", *lines]) + "\n")
    assert main(["compare", "ours.csv", "theirs.csv", "--out", "c.csv"]) == 0
    printed = capsys.readouterr().out
    assert "dice of 6 test cases, of 3 patients" in printed and "the mean of a patient's scans is one value" in printed
    assert [row["patients"] for row in csv.DictReader((place / "c.csv").open())] == ["3"]
    (place / "who.csv").write_text("case,patient\n2,0\n3,0\n")
    assert main(["compare", "ours.csv", "theirs.csv", "--patients", "who.csv"]) == 0
    assert "dice of 6 test cases, of 2 patients" in capsys.readouterr().out
    (place / "who.csv").write_text("case,patient\n7,0\n")
    assert main(["compare", "ours.csv", "theirs.csv", "--patients", "who.csv"]) == 2
    assert "who.csv names 1 case not in the tables (7); there is, for example, 0;" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words, complaint",
    [
        ("segan/t2", "at least two runs"),
        ("segan/t2 --against segan/t2", "at least two runs"),
        ("segan/t2 segan/t3", "no run at segan/t3"),
        ("segan/t2 segan/t1 --metric assd", "found assd; correct --metric"),
        ("segan/t2 segan/t1 --metric dice,,", "names with commas between"),
        ("segan/t2 segan/t1 --regions et", "found et; correct --regions"),
        ("segan/t2 segan/t1 --out c.txt", "ends in .csv"),
    ],
)
def test_mistakes_are_answered_in_a_sentence(place, capsys, words, complaint):
    assert main(["compare", *words.split()]) == 2
    assert complaint in capsys.readouterr().err


def test_names_in_capitals_and_twice(place, capsys):
    assert main(["compare", "segan/t2", "segan/t1", "--regions", "WT,wt", "--metric", "dice,dice"]) == 0
    printed = capsys.readouterr().out
    assert "corrected for 1 comparison" in printed and printed.count("dice of 8") == 1


def test_a_file_that_is_replaced(place, capsys):
    for said in ("written to c.csv", "replaced c.csv"):
        assert main(["compare", "segan/t2", "segan/t1", "--out", "c.csv"]) == 0
        assert said in capsys.readouterr().out


def test_other_test_cases_are_refused(place, capsys):
    write_run(Run(place / "runs" / "segan" / "t3"), LOW[:7])
    assert main(["compare", "segan/t2", "segan/t3", "--out", "c.csv"]) == 2
    message = capsys.readouterr().err
    assert "only segan/t2 has p7" in message and "--allow-missing" in message
    assert not (place / "c.csv").exists()
    assert main(["compare", "segan/t2", "segan/t3", "--allow-missing"]) == 0
    printed = capsys.readouterr().out
    assert "left out, not in all: 1 of 8 cases (p7)\n  segan/t3 lacks 1" in printed
    assert "dice of 7 SYNTHETIC test cases" in printed


def test_examples_of_the_help_can_be_typed(place, capsys):
    write_run(Run(place / "runs" / "segan" / "flair-to-t2-frozen"), LOW)
    for name in ("t2", "flair-to-t2"):
        metrics = Run(place / "runs" / "segan" / name).metrics
        lines = metrics.read_text().splitlines()
        metrics.write_text("\n".join([f"{lines[0]},hd95_mm", *(f"{line},3.5" for line in lines[1:])]) + "\n")
    for name in ("ours", "theirs"):
        (place / f"{name}.csv").write_text("case,region,dice\np0,wt,0.5\n")
    for line in compare.EPILOG.splitlines():
        if line.startswith("  python -m segan_tl "):
            words = shlex.split(line.strip().split("   ")[0])[3:]
            assert main(words) == 0, capsys.readouterr().err
