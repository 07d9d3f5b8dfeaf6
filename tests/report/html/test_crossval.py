"""The page of a cross-validation: its numbers, its picture, links that lead to the folds."""

import re

from segan_tl.__main__ import main
from tests.small_folds import write_folds


def test_numbers_picture_and_links(tmp_path, capsys):
    folder = write_folds(tmp_path / "runs" / "net" / "a [b] ü")
    for fold in ("fold0", "fold2"):
        (folder / fold / "report.html").unlink()
    assert main(["report", "net/a [b] ü", "--runs", str(tmp_path / "runs")]) == 0
    assert f"written {folder / 'crossval.html'}" in capsys.readouterr().out.replace("\n", "")
    page = (folder / "crossval.html").read_text()
    assert "<h1>net/a [b] ü: 3 of 3 folds</h1>" in page and "MISSING" not in page
    assert '<td class="word">all patients</td><td>7</td><td>0.643 ± 0.199</td><td>0.500 ± 0.000</td>' in page
    assert '<td class="word">means of folds</td><td></td><td>0.667 ± 0.153</td>' in page
    assert page.count('src="data:image/png;base64,') == 1
    assert re.findall(r'href="([^"]*)"', page) == ["fold1/report.html"]
    assert page.count("no page yet, type <code>python -m segan_tl report") == 2
    # from elsewhere, the links lead there all the same
    assert main(["report", str(folder), "--out", str(tmp_path / "pages" / "folds.html")]) == 0
    links = re.findall(r'href="([^"]*)"', (tmp_path / "pages" / "folds.html").read_text())
    assert links == ["../runs/net/a%20%5Bb%5D%20%C3%BC/fold1/report.html"]


def test_a_missing_fold_is_named_on_the_page_and_here(tmp_path, capsys):
    folder = write_folds(tmp_path / "net" / "cohort", leave_out=(1,))
    assert main(["report", str(folder)]) == 0
    line = "MISSING: fold 1, not begun; run python -m segan_tl train --config net --data 'my data' --fold 1 --folds 3"
    assert line in capsys.readouterr().out
    page = (folder / "crossval.html").read_text()
    assert "2 of 3 folds" in page and line.replace("'", "&#x27;") in page


def test_what_takes_one_run_says_how_to_name_a_fold(tmp_path, capsys):
    folder = write_folds(tmp_path / "runs" / "net" / "cohort")
    runs = ["--runs", str(tmp_path / "runs")]
    for command, *more in (["predict", "IN", "OUT"], ["retest"], ["report", "other"]):
        assert main([command, "net/cohort", *more, *runs]) == 2
        error = capsys.readouterr().err
        assert "is a cross-validation of 3 folds, not one run: name one of them, such as" in error
        assert str(folder / "fold0") in error
