"""The benchmark of growing cohorts: cohorts of links, scores moved on, and what a process took."""

import csv
import os
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.small_masks import small_truth, write_mask

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))
from cohort_growth import commands, exponent, link_cohort, link_predictions, move_scores, print_table  # noqa: E402
from process_cost import Cost, measure, training_phases  # noqa: E402


@pytest.fixture
def data(tmp_path):
    """Return a folder of two cases with an image and a mask each."""
    for name in ("A_001", "A_007"):
        (tmp_path / "data" / name).mkdir(parents=True)
        for role in ("t1", "seg"):
            (tmp_path / "data" / name / f"{name}_{role}.nii.gz").write_text(f"{role} of {name}")
    return tmp_path / "data"


def test_a_cohort_of_any_size_is_links_under_new_names(data, tmp_path):
    link_cohort(data, tmp_path / "many", 5)
    names = [f"A_{number:05d}" for number in range(5)]
    assert sorted(path.name for path in (tmp_path / "many").iterdir()) == names
    image = tmp_path / "many" / "A_00003" / "A_00003_t1.nii.gz"
    assert image.read_text() == "t1 of A_007" and image.samefile(data / "A_007" / "A_007_t1.nii.gz")
    link_predictions(tmp_path / "many", tmp_path / "masks")
    found = [(tmp_path / "masks" / f"{name}.nii.gz").read_text() for name in names]
    # Of the next case each, of the first one for the last: the cases are A_001, A_007, A_001, A_007, A_001.
    assert found == [f"seg of A_{number}" for number in ("007", "001", "007", "001", "001")]


def test_scores_move_on_by_one_case(tmp_path):
    rows = ["case,patient,region,dice,truth_ml", "a,a,wt,.1,5", "a,a,et,.2,6", "b,b,wt,.3,7", "b,b,et,.4,8"]
    (tmp_path / "scores.csv").write_text("\n".join(rows) + "\n")
    move_scores(tmp_path / "scores.csv", tmp_path / "moved.csv")
    with (tmp_path / "moved.csv").open(newline="") as file:
        assert [tuple(row.values()) for row in csv.DictReader(file)] == [
            ("a", "a", "wt", ".3", "5"), ("a", "a", "et", ".4", "6"), ("b", "b", "wt", ".1", "7"),
            ("b", "b", "et", ".2", "8"),
        ]  # fmt: skip


def test_a_process_is_measured_and_a_failure_named(tmp_path):
    files = "import time; kept = [open('/dev/null') for _ in range(40)]; time.sleep(1)"
    cost = measure([sys.executable, "-c", files], log=tmp_path / "log")
    assert cost.seconds >= 1 and cost.peak_mib > 1
    assert cost.processor_seconds < cost.seconds  # it sleeps
    assert cost.course == tuple(sorted(cost.course)) and cost.course[-1][1] == cost.processor_seconds
    if Path("/proc/self/fd").is_dir():
        assert 40 <= cost.descriptors < 60
    with pytest.raises(SystemExit, match="ended with 3"):
        measure([sys.executable, "-c", "raise SystemExit(3)"], log=tmp_path / "log")


def test_a_table_of_an_earlier_call_is_made_again(tmp_path):
    """Else the second call would measure how soon evaluate says that all is done."""
    asked = SimpleNamespace(config="segan_cpu", set=[], modality=["all"], labels="brats2023")
    scored = commands(asked, tmp_path)["evaluate"]
    for name in ("A_001", "A_002"):
        write_mask(tmp_path / "cohort" / name / f"{name}_seg.nii.gz", small_truth())
        write_mask(tmp_path / "masks" / f"{name}.nii.gz", small_truth(1))
    scored += ["--truth-labels", "brats2023", "--jobs", "1"]
    for _ in range(2):
        measure(scored, log=tmp_path / "log")
        assert "scored 2 cases in" in (tmp_path / "log").read_text()


def test_the_processors_of_children_count(tmp_path):
    work = "import time\nwhile time.process_time() < 0.5: pass"
    started = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {work!r}])"
    assert measure([sys.executable, "-c", started], log=tmp_path / "log").processor_seconds >= 0.5


def test_the_phases_of_a_training_are_told_by_what_it_wrote(tmp_path):
    """Started at 1000, prepared at 1020, trained at 1100: 1200 is its end. Epochs of 40, 5 and 12 s: 57 in all."""
    (tmp_path / "history.csv").write_text("epoch,seconds,dice\n1,40,\n2,5,\n3,12,0.5\n")
    (tmp_path / "cohort_fingerprint.json").write_text("{}")
    os.utime(tmp_path / "history.csv", (0, 1100))
    os.utime(tmp_path / "cohort_fingerprint.json", (0, 1020))
    course = ((1000, 0.0), (1020, 8.0), (1043, 9.0), (1083, 29.0), (1088, 30.0), (1093, 31.0), (1100, 33.0))
    cost = Cost(200, 60.0, peak_mib=0, descriptors=0, started=1000, course=(*course, (1200, 60.0)))
    # The first epoch begins at 1100 - 57 = 1043. 1083, 1088; the third one without its validation would end at 1093.
    assert training_phases(tmp_path, cost) == {
        "start": (20, 8), "networks": (23, 1), "first step": (40, 20), "epoch": (5, 1), "another": (5, 1),
        "validation": (7, 2), "scoring": (100, 27),
    }  # fmt: skip


def test_processor_seconds_by_a_time_are_those_of_the_last_look():
    cost = Cost(9, 5, peak_mib=0, descriptors=0, started=10, course=((10, 0.0), (12, 1.5), (19, 5.0)))
    assert [cost.processor_seconds_until(when) for when in (9, 10, 12, 18.9, 30)] == [0, 0, 1.5, 1.5, 5]


def test_a_row_a_step_and_size_and_how_both_times_grow(capsys):
    # 8 → 80 cases: ten times the seconds of the clock is an exponent of 1, of the processors the same is 0.
    few, many = Cost(2, 3, 100, 5, started=0), Cost(20, 3, 200, 6, started=0)
    print_table({80: ({"check": many}, 1.0), 8: ({"check": few}, 2.0)})
    lines = capsys.readouterr().out.splitlines()
    assert "| check | 8 | 2.0 | 3.0 | 100 | 5 |  |  |" in lines
    assert "| check | 80 | 20.0 | 3.0 | 200 | 6 | 1.00 | 0.00 |" in lines
    print_table({8: ({"check": few}, 2.0)})
    assert "| check | 8 | 2.0 | 3.0 | 100 | 5 |  |  |" in capsys.readouterr().out


def test_exponents():
    # Ten times the cases: ten times the time is 1, a hundred times 2, the same 0.
    found = [exponent(8, 80, before=2.0, after=after) for after in (20.0, 200.0, 2.0)]
    assert found == pytest.approx([1, 2, 0])
