"""Tables of scores: what is read, and what must not be compared."""

import math

import pytest

from segan_tl.errors import UserError
from segan_tl.report.compare.score_tables import common_regions, open_tables, own_names, require_same_cases
from segan_tl.runs import Run
from tests.small_study import write_run


def write_csv(path, *lines, columns="case,region,dice,truth_ml"):
    path.write_text("\n".join([columns, *lines]) + "\n")
    return path


def refuse(*paths, regions=None, runs="runs"):
    with pytest.raises(UserError) as caught:
        tables = open_tables(paths, runs=runs)
        require_same_cases(tables, common_regions(tables, regions))
    return str(caught.value)


def test_a_run_is_read_by_its_name(tmp_path):
    write_run(Run(tmp_path / "runs" / "segan" / "flair"), (0.5, 0.75))
    (table,) = open_tables(["segan/flair"], runs=tmp_path / "runs")
    assert (table.name, table.cases, table.regions, table.synthetic) == ("segan/flair", ["p0", "p1"], ["wt"], True)
    assert table.scores("dice", "wt") == {"p0": 0.5, "p1": 0.75}
    assert table.metrics == ["dice", "precision", "sensitivity", "truth_ml", "prediction_ml"]


def test_runs_of_one_name_go_by_their_folders(tmp_path):
    for study in ("one", "two"):
        write_run(Run(tmp_path / study / "segan" / "flair"), (0.5,))
    paths = [tmp_path / study / "segan" / "flair" for study in ("one", "two")]
    assert [table.name for table in open_tables(paths)] == [str(path) for path in paths]


def test_a_file_of_another_program(tmp_path):
    path = tmp_path / "theirs.csv"
    path.write_bytes("\ufeffcase,region,hd95_surface_weighted_mm,site\np0,wt,3.5,Köln\np1,wt,,Köln\n".encode())
    (table,) = open_tables([path])
    assert table.metrics == ["hd95_mm"] and table.synthetic is None
    scores = table.scores("hd95_mm", "wt")
    assert scores["p0"] == 3.5 and math.isnan(scores["p1"])


def test_regions_in_any_case_of_letters(tmp_path):
    (table,) = open_tables([write_csv(tmp_path / "a.csv", "P0,WT,0.5,1", "P0, et ,0.5,1")])
    assert table.regions == ["wt", "et"] and table.cases == ["P0"]
    assert "P0, wt twice" in refuse(write_csv(tmp_path / "b.csv", "P0,WT,0.5,1", "P0,wt,0.5,1"))


def test_both_names_of_hd95_are_known(tmp_path):
    paths = [
        write_csv(tmp_path / f"{name}.csv", "p0,wt,3.5", columns=f"case,region,{column}")
        for name, column in (("run", "hd95_mm"), ("evaluated", "hd95_surface_weighted_mm"))
    ]
    tables = open_tables(paths)
    for asked in ("hd95_mm", "hd95_surface_weighted_mm", "hd95_mm,hd95_surface_weighted_mm"):
        assert own_names(tables, asked.split(",")) == ["hd95_mm"]
    assert own_names(tables, ["assd"]) == ["assd"]
    # A file that has both means two different things by them.
    columns = "case,region,hd95_mm,hd95_surface_weighted_mm"
    (both,) = open_tables([write_csv(tmp_path / "c.csv", "p0,wt,1,2", columns=columns)])
    assert both.metrics == ["hd95_mm", "hd95_surface_weighted_mm"]
    assert own_names([both], ["hd95_surface_weighted_mm"]) == ["hd95_surface_weighted_mm"]


def test_synthetic_cases_are_known_by_the_run_beside_or_their_names(tmp_path):
    run = Run(tmp_path / "segan" / "flair")
    write_run(run, (0.5,))
    named = write_csv(tmp_path / "a.csv", "phantom-glioma-3t-0001,wt,0.5,1")
    assert [table.synthetic for table in open_tables([run.metrics, named])] == [True, True]


def test_what_cannot_be_read(tmp_path):
    good = write_csv(tmp_path / "good.csv", "p0,wt,0.5,1")
    assert "nowhere.csv is none" in refuse(good, tmp_path / "nowhere.csv")
    assert "no run at nobody/here" in refuse(good, "nobody/here")
    assert "named twice" in refuse(good, tmp_path / "." / "good.csv")
    bad = write_csv(tmp_path / "bad.csv", "p0,0.5", columns="subject,dice")
    assert "columns case and region" in refuse(good, bad) and "found subject, dice" in refuse(good, bad)
    assert "p0, wt twice" in refuse(good, write_csv(bad, "p0,wt,0.5,1", "p0,wt,0.6,1"))
    assert "at least one case" in refuse(good, write_csv(bad))
    bad.write_bytes(b"\xff\xfe\x00\x01")
    assert "no CSV file" in refuse(good, bad)


def test_scores_have_to_be_finite_numbers(tmp_path):
    (table,) = open_tables([write_csv(tmp_path / "a.csv", "p0,wt,inf,1", "p1,tc,good,1")])
    with pytest.raises(UserError, match="finite scores.*inf as dice of p0"):
        table.scores("dice", "wt")
    with pytest.raises(UserError, match="expected numbers as dice.*'good' of p1"):
        table.scores("dice", "tc")


def test_unfinished_and_unscored_runs_are_refused(tmp_path):
    runs = [Run(tmp_path / "segan" / name) for name in ("t1", "t2", "flair")]
    write_run(runs[0], (0.5,))
    write_run(runs[1], (0.5,), state="interrupted", command="python train_segan.py --modality t2")
    write_run(runs[2], (0.5,))
    runs[2].metrics.unlink()
    message = refuse(runs[0].root, runs[1].root)
    assert "run.json: interrupted" in message and "go on with: python train_segan.py --modality t2" in message
    assert "has no scores yet (metrics.csv is missing)" in refuse(runs[0].root, runs[2].root)


def test_other_cases_are_named(tmp_path):
    first = write_csv(tmp_path / "a.csv", "p0,wt,0.5,1", "p1,wt,0.5,1")
    other = write_csv(tmp_path / "b.csv", "p1,wt,0.5,1", *(f"q{i},wt,0.5,1" for i in range(5)))
    message = refuse(first, other)
    assert "only" in message and "a.csv has p0 and only" in message and "has q0, q1, q2 and 2 more (wt)" in message


def test_other_regions_are_named(tmp_path):
    first = write_csv(tmp_path / "a.csv", "p0,wt,0.5,1", "p0,et,0.5,1")
    other = write_csv(tmp_path / "b.csv", "p0,wt,0.5,1")
    message = refuse(first, other)
    assert "has wt, et and" in message and "--regions wt" in message
    assert common_regions(open_tables([first, other]), ["wt"]) == ["wt"]
    assert "found et; correct --regions" in refuse(first, other, regions=["et"])
    alone = write_csv(tmp_path / "c.csv", "p0,lesion,0.5,1")
    assert "leave one out" in refuse(first, alone)


def test_other_data_under_the_same_names_are_refused(tmp_path):
    first = write_csv(tmp_path / "a.csv", "p0,wt,0.5,12.3457")
    require_same_cases(open_tables([first, write_csv(tmp_path / "b.csv", "p0,wt,0.9,12.345678")]), ["wt"])
    message = refuse(first, write_csv(tmp_path / "b.csv", "p0,wt,0.9,12.5"))
    assert "the truth of p0, wt, has 12.3457 ml" in message and "12.5 ml" in message


def test_synthetic_and_real_data_are_not_compared(tmp_path):
    write_run(Run(tmp_path / "segan" / "t1"), (0.5,))
    write_run(Run(tmp_path / "segan" / "t2"), (0.5,), data={"folder": "/else", "synthetic": False})
    message = refuse(tmp_path / "segan" / "t1", tmp_path / "segan" / "t2")
    assert "segan/t1 is SYNTHETIC and that of segan/t2 real" in message


def test_folders_tell_where_volumes_do_not(tmp_path):
    paths = [tmp_path / "segan" / name for name in ("t1", "t2")]
    for path, folder in zip(paths, ("/here", "/there")):
        write_run(Run(path), (0.5,), data={"folder": folder})
        Run(path).metrics.write_text("case,region,dice\np0,wt,0.5\n")
    assert "segan/t1 was tested on /here, segan/t2 on /there" in refuse(*paths)
