"""What the cells of a learning curve say of a source before any training."""

import dataclasses
import json

import pytest

from segan_tl.workflow.curve_results import read_results, write_results
from tests.small_study import write_run
from tests.workflow.test_curve import curve

# Core lies within the whole: of a start without it in its comparison no mean of both can be told.
UNTOUCHED = {"flair": {"wt": 0.8, "tc": 0.5}, "t1": {"wt": 0.4}}


@pytest.fixture
def two_regions(tmp_path):
    """Return a curve whose cells are scored in two regions."""
    plan = dataclasses.replace(curve("scratch", "flair", "t1", cases=(2,), seeds=(0,)), runs=tmp_path)
    for cell in plan.cells():
        write_run(cell.run, (0.6, 0.7), config={"train": {"epochs": 1, "steps_per_epoch": 1}})
        lines = cell.run.metrics.read_text().splitlines()
        cell.run.metrics.write_text("\n".join([*lines, *(line.replace(",wt,", ",tc,") for line in lines[1:])]) + "\n")
        regions = {
            name: {"source": dice, "source_adapted": None, "scratch": None, "transferred": 0.9}
            for name, dice in UNTOUCHED.get(cell.start.label, {}).items()
        }
        if regions:
            cell.run.comparison.write_text(json.dumps({"regions": regions}))
    return plan


def test_a_source_has_a_mean_over_the_regions_as_the_trained_have(two_regions):
    results = read_results(two_regions)
    assert results.answers.regions == ("mean", "wt", "tc")
    assert results.untouched == {
        "wt": {"flair": 0.8, "t1": 0.4}, "tc": {"flair": 0.5}, "mean": {"flair": pytest.approx((0.8 + 0.5) / 2)},
    }  # fmt: skip


def test_one_region_needs_no_mean(two_regions):
    results = read_results(two_regions, regions=("wt",))
    assert results.answers.regions == ("wt",) and "mean" not in results.untouched


@pytest.mark.parametrize(
    ("cases", "fewer", "said"),
    [
        ((2, 4), ((2, 1), (4, 1)), "seed 0; starts"),  # --cases 2:1 4:1 of three seeds
        ((2, 4), (), "seeds 0, 1, 2; starts"),
        ((1, 2), ((2, 1),), "1 case: seeds 0, 1, 2; 2 cases: seed 0; starts"),
        ((2, None), ((None, 1),), "2 cases: seeds 0, 1, 2; all cases: seed 0; starts"),
    ],
)
def test_the_page_names_the_seeds_that_are_there(tmp_path, cases, fewer, said):
    plan = dataclasses.replace(curve("scratch", cases=cases, seeds=(0, 1, 2)), runs=tmp_path, fewer=fewer)
    for cell in plan.cells():
        write_run(cell.run, (0.6, 0.7), config={"train": {"epochs": 1, "steps_per_epoch": 1}})
    assert read_results(plan).facts[-1].startswith(said)


def test_the_terminal_says_that_the_untouched_source_is_better(two_regions, tmp_path, capsys):
    assert write_results(two_regions, tmp_path, command="learning-curve") == 0
    said = " ".join(capsys.readouterr().out.split())
    # Of the whole the trained ones have 0.65, of the core too.
    assert "wt: with 2 cases no training reaches the untouched flair (0.800; the best, scratch, is at 0.650)" in said
    assert "tc: with 2 cases start from scratch" in said
