"""One network on every subset of its modalities, or one each, beside votes; Dice worked out by hand."""

import csv
import json

import keras
import numpy as np
import pytest

from segan_tl.__main__ import main
from segan_tl.config.load import validate
from segan_tl.data.find.cases import find_cases
from segan_tl.disk.atomic import write_json
from segan_tl.predict.voters import load_members
from segan_tl.predict.members import open_members
from segan_tl.report.compare.matrix import SUBSET, summarise
from segan_tl.report.compare.matrix_tables import print_costs
from segan_tl.report.compare.subsets import EACH, costs_of, score_subsets, with_means
from tests.small_runs import make_run, small_config, small_labels, write_case

SPLIT = {"train": ["a"], "validation": ["b"], "test": ["BraTS2021_00001", "BraTS2021_00002"]}


def bright_in_any():
    """Return a network that marks what is bright in T2 or FLAIR, and says nothing where T2 is not there."""
    image = keras.Input((None, None, 4), name="image")
    logits = keras.layers.Conv2D(1, 1, name="logits")(image)
    model = keras.Model(image, keras.layers.Activation("sigmoid", name="probability")(logits), name="segmentor")
    # 40 (t2 + flair) − 20, and without the plane of T2 100 less
    model.get_layer("logits").set_weights([np.reshape([40.0, 40, 100, 0], (1, 1, 4, 1)), np.array([-120.0])])
    return model


def bright_in_flair():
    """Return a network of FLAIR and T2 that marks what is bright in FLAIR."""
    image = keras.Input((None, None, 2), name="image")
    logits = keras.layers.Conv2D(1, 1, name="logits")(image)
    model = keras.Model(image, keras.layers.Activation("sigmoid", name="probability")(logits), name="segmentor")
    model.get_layer("logits").set_weights([np.reshape([40.0, 0], (1, 1, 2, 1)), np.array([-20.0])])
    return model


@pytest.fixture(scope="module")
def places(tmp_path_factory):
    """A run for any of T2 and FLAIR, one for each alone, and two cases, of which the second lacks FLAIR."""
    root = tmp_path_factory.mktemp("subsets")
    write_case(root / "cohort", "BraTS2021_00001", small_labels())
    write_case(root / "cohort", "BraTS2021_00002", small_labels(4.0), modalities=("t2", "t1"))
    values = small_config(("t2", "flair")).model_dump(mode="json")
    values["data"]["subsets"] = "any"
    data = {"folder": str(root / "cohort"), "synthetic": True}
    config = validate(values, source="the test")
    write_json(make_run(root / "runs/small/any", config, segmentor=bright_in_any(), data=data).splits, SPLIT)
    run = make_run(root / "runs/small/both", small_config(("flair", "t2")), segmentor=bright_in_flair(), data=data)
    write_json(run.splits, SPLIT)
    for name in ("flair", "t2"):
        run = make_run(root / "runs/small" / name, small_config((name,)), data=data)
        write_json(run.splits, SPLIT | {"test": SPLIT["test"]})
    return root


def truth_against_core(radius):
    """Return the Dice of the whole tumour against its core: 2 |P| / (|T| + |P|)."""
    labels = small_labels(radius)
    core = np.isin(labels, (1, 4)).sum()
    return 2 * core / ((labels > 0).sum() + core)


def test_every_subset_of_what_a_case_has(places):
    members = open_members(["small/any"], runs=places / "runs", several=True)
    lines, order = [], ("t2", "flair")
    models = load_members(members)[0]
    scores = score_subsets(members, models, find_cases(places / "cohort").cases, order=order, advance=lines.append)
    found = {(row["case"][-1], row["modalities"]): row["dice"] for row in scores.votes}
    # T2 shows the core to a threshold, FLAIR all of it, but this network is silent without T2.
    assert found == {
        ("1", "t2"): pytest.approx(truth_against_core(5.0)), ("1", "flair"): 0.0, ("1", "t2+flair"): 1.0,
        ("2", "t2"): pytest.approx(truth_against_core(4.0)),
    }  # fmt: skip
    assert len(lines) == 2 and scores.failed == {}
    rows = summarise(scores.votes, SUBSET)
    assert [(row["modalities"], row["cases"]) for row in rows] == [("t2", 2), ("flair", 1), ("t2+flair", 1)]
    core = (truth_against_core(5.0) + truth_against_core(4.0)) / 2
    *ordered, mean = with_means(rows[::-1], ("t2", "flair"))
    assert mean["dice"] == pytest.approx((core + 0 + 1) / 3) and mean["rule"] == "small/any"
    assert ordered == rows


def test_a_rule_without_all_subsets_has_no_mean():
    keys = dict.fromkeys(("std", "cases"))
    rows = [
        dict(zip(SUBSET, (names, number, rule, "wt"))) | {"dice": dice} | keys
        for names, number, rule, dice in (("t2", 1, "any", 0.4), ("flair", 1, "any", 0.8), ("flair", 1, "vote", 0.9))
    ]
    found = with_means(rows, ("flair", "t2"))
    assert [(row["modalities"], row["rule"], row["dice"]) for row in found] == [
        ("flair", "any", 0.8), ("flair", "vote", 0.9), ("t2", "any", 0.4), ("mean", "any", pytest.approx(0.6)),
    ]  # fmt: skip


def test_what_each_way_takes(places, capsys):
    names = ["small/flair", "small/t2", "small/any", "small/both"]
    members = open_members(names, runs=places / "runs", several=True)
    seconds = {"small/flair": [9.0, 1.0, 2.0], "small/t2": [3.0], "small/any": [4.0], "small/both": [0.5, 1.5]}
    found = costs_of(members, [10, 20, 40, 80], seconds, votes=True)
    # The median of a run's cases; votes take all of one modality, one each the largest of them.
    assert [tuple(row.values()) for row in found] == [("small/any", 1, 40, 4), ("votes", 2, 30, 5), (EACH, 3, 110, 1)]
    assert [row["rule"] for row in costs_of(members[:3], [1, 1, 1], seconds, votes=False)] == ["small/any"]
    assert [row["rule"] for row in costs_of(members[2:3], [40], seconds, votes=True)] == ["small/any"]
    none_has_all = costs_of(members[2:3], [40], {"small/any": []}, votes=False)
    assert none_has_all[0]["seconds_per_case"] is None
    print_costs(none_has_all)
    assert "–" in capsys.readouterr().out


def test_votes_stand_in_the_same_table(places, tmp_path, capsys):
    write_case(tmp_path / "cohort", "BraTS2021_00001", small_labels())
    write_case(tmp_path / "cohort", "BraTS2021_00002", small_labels(4.0))
    words = ["small/any", "small/flair", "small/t2", "--data", str(tmp_path / "cohort"), "--out", str(tmp_path / "out")]
    assert main(["matrix", *words, "--runs", str(places / "runs")]) == 0
    with (tmp_path / "out" / "subsets.csv").open() as file:
        rows = {(row["rule"], row["modalities"]): float(row["dice"]) for row in csv.DictReader(file)}
    rules, names = ("small/any", "majority", "weighted"), ("t2", "flair", "t2+flair", "mean")
    assert set(rows) == {(rule, name) for rule in rules for name in names}
    assert rows["small/any", "flair"] == 0 and rows["majority", "flair"] == 1
    assert json.loads((tmp_path / "out" / "matrix.json").read_text())["subsets"]
    printed = capsys.readouterr().out
    assert "Dice of wt by modalities available" in printed and "majority vote" in printed
    assert {path.name for path in (tmp_path / "out").iterdir()} >= {"subsets.png", "votes.csv", "matrix.csv"}
    with (tmp_path / "out" / "subsets_cost.csv").open() as file:
        costs = {row["rule"]: (int(row["networks"]), int(row["parameters"])) for row in csv.DictReader(file)}
    assert costs["small/any"] == (1, 5) and costs["votes"][0] == 2
    assert all(row["seconds_per_case"] > 0 for row in json.loads((tmp_path / "out/matrix.json").read_text())["costs"])


def test_one_network_each(places, tmp_path, capsys):
    """Each segments the subset that it was trained on, a case without all of it left out of its row."""
    words = ["small/both", "small/t2", "--runs", str(places / "runs"), "--out", str(tmp_path / "out")]
    assert main(["matrix", *words]) == 0
    with (tmp_path / "out" / "subsets.csv").open() as file:
        rows = {(row["rule"], row["modalities"]): row for row in csv.DictReader(file)}
    core = (truth_against_core(5.0) + truth_against_core(4.0)) / 2
    assert set(rows) == {(EACH, "t2"), (EACH, "t2+flair"), (EACH, "mean")}
    assert float(rows[EACH, "t2"]["dice"]) == pytest.approx(core, abs=1e-5) and rows[EACH, "t2"]["cases"] == "2"
    assert float(rows[EACH, "t2+flair"]["dice"]) == 1.0 and rows[EACH, "t2+flair"]["cases"] == "1"
    record = json.loads((tmp_path / "out" / "matrix.json").read_text())
    assert [run["trained_on"] for run in record["runs"]] == ["t2", "flair+t2"]
    assert EACH in capsys.readouterr().out


def test_two_networks_of_one_subset_are_refused(places, tmp_path, capsys):
    make_run(tmp_path / "small/again", small_config(("t2", "flair")), segmentor=bright_in_flair())
    write_json(tmp_path / "small/again/splits.json", SPLIT)
    words = [str(places / "runs/small/both"), str(tmp_path / "small/again")]
    assert main(["matrix", *words]) == 2
    assert "expected one run for each set of modalities" in " ".join(capsys.readouterr().err.split())
