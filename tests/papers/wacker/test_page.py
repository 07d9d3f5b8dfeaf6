"""The results page of Wacker 2020: its numbers by hand, and what is not run."""

import csv

import pytest

from segan_tl.papers.page import write_page
from segan_tl.papers.wacker.figures import plot_curves
from segan_tl.papers.wacker.paper import PAPER
from segan_tl.papers.wacker.study import SEEDS, WEIGHTS, Study
from segan_tl.papers.wacker.tables import (
    find_directions,
    mean_curve,
    seeds_table,
    stability_table,
    table_1,
)
from tests.small_study import write_run

COMMAND = "python -m segan_tl reproduce wacker-2020 --scale quick"
DICE = {("albunet3d", "imagenet"): 0.8, ("albunet3d", "random"): 0.7, ("albunet2d", "random"): 0.6}
REGIONS = {"wt": 0.0, "tc": -0.1, "et": -0.2}
COLUMNS = ("case", "region", "dice", "hd95_mm")
SHA256 = "b627a593" + "0" * 56


def write(study, network, start, *, seed):
    """Write a run of three test cases: mean DICE + 0.01 seed + REGIONS + 0.02, median without the 0.02."""
    run = study.run(network, start, seed=seed)
    origin = {"source": "resnet34-b627a593.pth", "source_sha256": SHA256, "file": "cache/x.keras"}
    config = {"train": {"epochs": 15, "steps_per_epoch": 12}}
    write_run(run, (0.5, 0.5, 0.5), config=config, seed=seed, **({"pretrained": origin} if start == "imagenet" else {}))
    base = DICE[network, start] + 0.01 * seed
    rows = [
        (f"p{place}", region, base + shift + extra, 10 * seed)
        for region, shift in REGIONS.items()
        for place, extra in enumerate((0, -0.03, 0.09))
    ]
    with run.metrics.open("w", newline="") as file:
        csv.writer(file).writerows([COLUMNS, *rows])
    lines = [f"{epoch},9.0,{0.1 * epoch + 0.02 * seed},,{0.1}" for epoch in (1, 2, 3)]
    run.history.write_text("\n".join(["epoch,seconds,dice_wt,dice_tc,dice_et", *lines]) + "\n")


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """All of AlbuNet3D, two seeds of AlbuNet2D at random, none of it pretrained."""
    folder = tmp_path_factory.mktemp("study")
    study = Study(folder / "runs", "quick", folder / "out", "glioma-3t")
    for seed in SEEDS:
        write(study, "albunet3d", "imagenet", seed=seed)
        write(study, "albunet3d", "random", seed=seed)
    for seed in SEEDS[:2]:
        write(study, "albunet2d", "random", seed=seed)
    return study


def texts(table):
    return {row[0]: [str(cell) for cell in row[1:]] for row in table.rows}


def test_table_1_is_the_mean_over_cases_and_then_over_seeds(study):
    rows = texts(table_1(study))
    # WT: 0.8 + 0.02 + 0.01 · (1 … 5) → mean 0.85, std 0.01 · √2.5 = 0.0158
    assert rows["AlbuNet3D - pretrained"] == [
        "0.650 ± 0.016 (paper 0.719)", "0.850 ± 0.016 (paper 0.885)", "0.750 ± 0.016 (paper 0.782)",
    ]  # fmt: skip
    # Two seeds: 0.6 + 0.02 + 0.01 and 0.02 → mean 0.635, std 0.01 / √2
    assert rows["AlbuNet2D"][1] == "0.635 ± 0.007, 2 of 5 seeds (paper 0.873)"
    assert rows["AlbuNet2D - pretrained"][2] == "not run (paper 0.753)"
    assert texts(PAPER.tables["table1_median"](study))["AlbuNet3D"][1] == "0.730 ± 0.016 (paper 0.908)"
    # 10, 20, …, 50 mm: mean 30, std 10 · √2.5 = 15.8
    assert texts(PAPER.tables["table1_hausdorff"](study))["AlbuNet3D"][0] == "30.0 ± 15.8 (paper 39.0)"
    assert seeds_table(study).rows[0] == ("AlbuNet3D - pretrained", "1", "ET", "3", "0.630", "0.610")


def test_a_curve_is_the_mean_of_the_epochs_that_all_seeds_have():
    assert mean_curve({1: {2: 0.5, 4: 0.6}, 2: {2: 0.7, 4: 0.6, 6: 0.9}}) == [
        (2, pytest.approx(0.6), pytest.approx(0.1414, abs=1e-4)), (4, 0.6, 0.0),
    ]  # fmt: skip
    assert mean_curve({1: {2: 0.5}}) == [(2, 0.5, None)] and mean_curve({}) == []


def test_stability_is_the_spread_over_seeds(study):
    # WT differs by 0.02 · seed in every epoch: std 0.02 · √2.5 = 0.032; ET does not; TC was never validated.
    rows = texts(stability_table(study))
    assert rows["AlbuNet3D"] == ["0.000", "0.032", "not run"]
    assert rows["AlbuNet2D"][1] == "0.014" and rows["AlbuNet2D - pretrained"][1] == "not run"


def test_directions_are_paired_by_seed(study):
    found = {finding.statement: finding for finding in find_directions(study)}
    assert len(found) == 12
    assert found["AlbuNet3D, WT: pretrained against random"].direction == "same"
    # In the paper random weights have the better TC.
    assert found["AlbuNet3D, TC: pretrained against random"].direction == "differs"
    assert found["AlbuNet2D, WT: pretrained against random"].direction == "–"
    between = found["random weights, WT: AlbuNet3D against AlbuNet2D"]
    assert between.difference.mean == pytest.approx(0.1) and between.difference.cases == 2


def test_the_page_says_what_is_missing_and_where_it_comes_from(study):
    page = write_page(PAPER, study, command=COMMAND).read_text()
    top = page.split("## Table 1")[0]
    assert "**Incomplete: not run yet are AlbuNet2D - pretrained (5 of 5 seeds), AlbuNet2D (3 of 5 seeds).**" in top
    assert WEIGHTS not in top  # AlbuNet3D had it
    assert "SYNTHETIC DATA" in top and "12 of 20 runs" in top and COMMAND in top
    assert f"resnet34-b627a593.pth, sha256 {SHA256}, torchvision's own file" in top
    assert "quick; seeds 1, 2, 3, 4, 5; 15 epochs of 12 steps (paper: 50 of 100)" in top
    with (study.out / "table1.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert rows[2]["ET"] == "" and rows[2]["ET, note"] == "not run" and rows[2]["ET, paper"] == "0.6849"
    assert (study.out / "fig3.png").stat().st_size > 10_000


def test_weights_of_unknown_origin_are_called_that(tmp_path):
    alone = Study(tmp_path / "runs", "quick", tmp_path / "out", "glioma-3t")
    write(alone, "albunet3d", "imagenet", seed=1)
    state = alone.run("albunet3d", "imagenet", seed=1).state
    state.write_text(state.read_text().replace(SHA256, "f" * 64))
    page = write_page(PAPER, alone, command=COMMAND).read_text()
    assert "not torchvision's own file" in page and "0.650" not in page and "1 of 5 seeds" in page


def test_without_any_run_there_is_a_page_and_no_figure(tmp_path):
    study = Study(tmp_path / "runs", "quick", tmp_path / "out", "glioma-3t")
    page = write_page(PAPER, study, command=COMMAND).read_text()
    assert f"The pretrained half needs {WEIGHTS}, given with --resnet34 FILE." in page and "0 of 20 runs" in page
    assert not plot_curves(study, tmp_path / "x.png", synthetic=True) and not (tmp_path / "x.png").exists()


def test_findings_of_a_person_are_included(study):
    note = study.out / "findings.md"
    note.write_text("It was the learning rate.\n")
    try:
        assert "It was the learning rate." in write_page(PAPER, study, command=COMMAND).read_text()
    finally:
        note.unlink()
