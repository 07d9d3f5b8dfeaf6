"""The command learning-curve, as it is typed: two starts, from a folder of patients to a page."""

import json
import shutil

import pytest

from segan_tl.__main__ import main

TINY = ["--set", "train.epochs=1", "--set", "train.steps_per_epoch=2"]


@pytest.fixture
def words(tiny_cohort, tiny_config, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return ["learning-curve", "--data", str(tiny_cohort), "--modality", "t2", "--config", str(tiny_config), *TINY]


@pytest.mark.slow
def test_from_patients_to_a_page(words, tmp_path, capsys):
    words += ["--cases", "2", "--starts", "scratch", "flair", "any", "--seeds", "1"]
    assert main([*words, "--commands"]) == 0
    assert len([line for line in capsys.readouterr().out.splitlines() if line.startswith("python -m segan_tl")]) == 5
    assert main(words) == 0
    out = tmp_path / "results" / "curve-t2"
    split = json.loads((out / "division0.json").read_text())
    page = (out / "README.md").read_text()
    assert "Incomplete" not in page and "| flair | 0." in page and "SYNTHETIC" not in page.partition("\n")[0]
    for start, leaf in (("scratch", "tiny-t2"), ("flair", "tiny-flair-to-t2"), ("any", "tiny-any-to-t2")):
        run = tmp_path / "runs" / f"curve-t2-{start}-cases2-seed0-division0" / leaf
        trained = json.loads((run / "splits.json").read_text())
        assert trained["test"] == split["test"] and len(trained["train"]) == 2
    assert (out / "curve.png").is_file() and len((out / "scores.csv").read_text().splitlines()) == 1 + 3 * 3
    capsys.readouterr()
    # Once more: nothing is trained, the page is the same.
    assert main(words) == 0
    assert "5 of 5 jobs are done already" in capsys.readouterr().out and (out / "README.md").read_text() == page
    assert main([*words, "--gather"]) == 0 and (out / "README.md").read_text() == page  # its command trains, too
    # Divided by a file, the page is another folder's, and the cells are the same.
    given = ["--split", str(out / "division0.json"), "--out", "other"]
    assert main([*words, *given]) == 0 and "5 of 5 jobs" in capsys.readouterr().out
    # A run that is there already, of the same patients, is a start too: its cell is found where transfer puts it.
    known = "known=runs/curve-t2-source-flair-division0/tiny-flair"
    assert main([*words, "--starts", "scratch", known]) == 0
    assert "| known | 0." in (out / "README.md").read_text() and "Incomplete" not in (out / "README.md").read_text()
    # Other settings are refused before anything is lost.
    assert main([*words, "--set", "train.learning_rate=0.1"]) == 2
    assert "finished runs have other settings" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        (["--cases", "2", "none"], "--cases expects whole numbers above 0, or all; found none"),
        (["--cases", "2", "4:0"], "or all; found 4:0"),
        (["--cases", "7"], "--cases 7: 4 of 8 cases train"),
        # 6 HGG and 2 LGG: at 0.7 int(4.2) + int(1.4) = 5 train; where 5 + 1 do, one of them has to validate.
        (["--cases", "8"], "all of them cannot, for some must validate and some test; choose at most 4, or at most 5"),
        (["--starts", "scratch", "t2"], "that is the target"),
        (["--modality", "all", "--starts", "scratch", "all"], "that is the target"),
        (["--modality", "all", "--starts", "scratch", "any"], "--modality all leaves none"),
        (["--starts", "scratch", "nobody"], "no run at nobody"),
        (["--starts", "scratch", "flair,train.epoch=2"], "did you mean train.epochs"),
        (["--starts", "flair"], "--starts lacks scratch"),
        (["--split", "nowhere.json"], "--split nowhere.json: there is no such file"),
        (["--split", "nowhere.json", "--divisions", "2"], "leave one out"),
    ],
)
def test_mistakes(words, more, reason, capsys, tmp_path):
    assert main([*words, *more]) == 2
    message = capsys.readouterr().err
    assert reason in message and len(message.splitlines()) == 1
    assert not (tmp_path / "runs").exists()


def test_bad_cases_are_left_out_of_every_training_where_that_is_asked(words, tiny_cohort, tmp_path, capsys):
    shutil.copytree(tiny_cohort, tmp_path / "clinic")
    lacking = sorted(path.name for path in (tmp_path / "clinic").iterdir() if path.is_dir())[0]
    next((tmp_path / "clinic" / lacking).glob("*_t1ce.nii.gz")).unlink()
    words[2] = "clinic"
    words += ["--modality", "t1c", "--cases", "2", "--starts", "scratch", "flair", "any", "--seeds", "1", "--commands"]
    assert main(words) == 2
    assert "or leave them out with --skip-bad-cases" in capsys.readouterr().err
    assert main([*words, "--skip-bad-cases"]) == 0
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("python -m segan_tl")]
    assert len(lines) == 5 and all("--skip-bad-cases" in line.split() for line in lines)
    split = json.loads((tmp_path / "results" / "curve-t1c" / "division0.json").read_text())
    cases = [case for part in split.values() for case in part]
    assert len(cases) == 7 and lacking not in cases


def test_the_phantom_is_no_start_for_itself(words, capsys):
    del words[1:3]  # --data
    assert main([*words, "--starts", "scratch", "phantom"]) == 2
    assert "the cohort is the phantom itself" in capsys.readouterr().err


def test_nothing_to_gather(words, capsys):
    assert main([*words, "--gather"]) == 2
    assert "none of 18 cells is trained and scored yet" in capsys.readouterr().out
