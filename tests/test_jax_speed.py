"""The benchmark of networks under JAX, without JAX: rows, tiles and ratios by hand, sides that fail, no time left."""

import argparse
import csv
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))
import jax_speed  # noqa: E402
from jax_rows import NETWORKS, Row, Sizes, config_of, corners_of, make_batch, sizes_of  # noqa: E402
from jax_turns import OutOfTime, SideFailed, calibrated, measure, rates  # noqa: E402

TRAINING = Row("nnunet", "training", "float32")


def options(**changed) -> argparse.Namespace:
    values = {"device": "cpu", "size": 32, "batch_size": 2, "rounds": 2, "steps": 1, "minutes": 1.0, "row_minutes": 1.0}
    rows = {"only": ["nnunet"], "kinds": ["training"], "precisions": ["float32"]}
    return argparse.Namespace(**values | rows | changed)


class Scripted:
    """A side that answers what it was given, or raises it."""

    def __init__(self, *answers):
        self.answers, self.words, self.ended = list(answers), [], False

    def ask(self, word, until):
        self.words.append(word)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def end(self):
        self.ended = True


def started(loss=1.0, **more):
    return {"check": [loss], "warm_up_seconds": 3.0, **more}


@pytest.mark.parametrize("network", NETWORKS)
def test_sizes_are_the_published_ones(network):
    config = config_of(network)
    whole, small = (sizes_of(network, config, size=size, batch_size=None) for size in (None, 32))
    assert whole.patch == config.data.patch and whole.batch == config.train.batch_size
    for edge, least in zip(small.patch, config.model.coarsest):
        assert edge == 1 or edge % least == 0
    assert all(length >= edge for length, edge in zip(whole.head, whole.patch))
    image, mask = make_batch(config, small._replace(batch=1))
    assert image.shape[-1] == config.channels and mask.shape[-1] == config.classes and 0 < mask.mean() < 1


def test_what_is_asked_for_is_published():
    sizes = {name: sizes_of(name, config_of(name), size=None, batch_size=None) for name in NETWORKS}
    assert sizes["nnunet"][:2] == sizes["mednext_l"][:2] == ((128, 128, 128), 2)
    assert sizes["segan_cat"][:2] == ((1, 160, 160), 64) and sizes["segan_cat"].flat
    assert list(NETWORKS)[:4] == ["nnunet", "segan_cat", "mednext_s_grouped", "mednext_s"]


def test_tiles_by_hand():
    # Along D 10 voxels, tiles of 4 every 2: 0, 2, 4, 6; along H 5 every 4, the last at the end: 0, 1; along W 3 of 3.
    sizes = Sizes((4, 4, 3), 1, (10, 5, 3), 3, (0.5, 0.0, 0.5))
    corners, counts = corners_of(sizes)
    assert corners.shape == (3, 3, 3) and counts.sum() == 8 and counts[2].tolist() == [1, 1, 0]
    found = [tuple(corner) for corner, counted in zip(corners.reshape(-1, 3), counts.ravel()) if counted]
    assert found == [(d, h, 0) for d in (0, 2, 4, 6) for h in (0, 1)]


def test_rates_by_hand():
    # Steps of two patches in 0.5, 0.25 and 1 s: medians 4 and, of 1, 1 and 1 s, 2 patches a second; 2, 4 and 1 times.
    found = rates(TRAINING, {"jax": [0.5, 0.25, 1.0], "torch": [1.0, 1.0, 1.0]}, batch=2)
    assert (found["jax"], found["torch"], found["ratio"]) == (4, 2, 2)
    assert (found["ratio_least"], found["ratio_most"], found["unit"]) == (1, 4, "patches/s")
    found = rates(TRAINING._replace(kind="inference"), {"jax": [0.5]}, batch=2)
    assert found == {"unit": "ms a case", "jax": 500}
    assert rates(TRAINING, {"jax": [], "torch": []}, batch=2) == {"unit": "patches/s"}


def test_a_turn_is_half_a_second():
    assert calibrated(lambda name, word: {"seconds": 0.1}, "jax") == 5
    assert calibrated(lambda name, word: {"seconds": 7.0}, "jax") == 1
    assert calibrated(lambda name, word: {"seconds": 1e-6}, "jax") == 50
    assert calibrated(lambda name, word: None, "jax") == 1


@pytest.fixture
def installed(monkeypatch):
    monkeypatch.setattr("jax_turns.lacking", lambda row: None)


def test_both_sides_take_turns_from_the_same_weights(installed):
    jax = Scripted(started(weights={"a": 1}, parameters=7), {"seconds": 1.0}, {"seconds": 3.0}, {"peak_gib": 2.0})
    torch = Scripted(started(1.00005), {"seconds": 2.0}, {"seconds": 3.0}, {"peak_gib": 1.0})
    found = measure(TRAINING, {"jax": jax, "torch": torch}, options(), until=0)
    assert torch.words == [{"a": 1}, 1, 1, 0] and jax.words[1:] == [1, 1, 0]
    assert (found["jax"], found["torch"], found["ratio"], found["note"]) == (1.0, 0.8, 1.5, "")
    assert (found["jax_peak_gib"], found["torch_peak_gib"], found["parameters"]) == (2, 1, 7)


def test_sides_that_do_not_do_the_same_are_told(installed):
    sides = {"jax": Scripted(started(1.0, weights={}), OutOfTime()), "torch": Scripted(started(1.001))}
    found = measure(TRAINING, sides, options(), until=0)
    assert found["note"] == "stopped: the minutes are over; NOT THE SAME: first loss 1.000000 and 1.001000"
    assert "jax" not in found and found["jax_compile_seconds"] == 3


def test_a_loss_that_is_no_number_is_not_the_same(installed):
    sides = {"jax": Scripted(started(float("nan"), weights={}), OutOfTime()), "torch": Scripted(started())}
    assert "NOT THE SAME: first loss nan" in measure(TRAINING, sides, options(), until=0)["note"]


def test_a_side_that_fails_leaves_the_other_going(installed):
    jax, torch = Scripted(SideFailed("out of memory")), Scripted(started(), {"seconds": 2.0}, {"seconds": 2.0}, {})
    found = measure(TRAINING, {"jax": jax, "torch": torch}, options(), until=0)
    assert found["note"] == "jax failed (out of memory)" and jax.ended
    assert found["torch"] == 1.0 and "ratio" not in found and torch.words[0] is None


def test_what_the_minutes_leave_out_is_said(tmp_path, capsys):
    path = tmp_path / "jax_speed.csv"
    for _ in range(2):  # what a file has stays
        jax_speed.run(options(minutes=0, kinds=["training", "inference"]), path)
    rows = list(csv.DictReader(path.open(encoding="utf-8")))
    assert [row["kind"] for row in rows] == ["training", "inference"] * 2
    assert {row["note"] for row in rows} == {"left out: the minutes are over"}
    assert capsys.readouterr().out.count("left out") == 4


def test_the_most_wanted_rows_come_first():
    every = options(only=list(NETWORKS), kinds=["inference", "training"], precisions=["float32", "bfloat16"])
    rows = jax_speed.rows_of(every)
    assert rows[0] == Row("nnunet", "training", "bfloat16") and len(rows) == 4 * len(NETWORKS)


def test_a_row_is_printed_in_columns():
    found = {"jax": 4.0, "ratio": 2.0, "ratio_least": 1.0, "ratio_most": 4.0, "note": "JAX alone"}
    said = jax_speed.line_of(jax_speed.cells(TRAINING, found))
    assert said.split() == (
        ["nnunet", "training", "float32", "4.00", "–", "2.00", "1.00", "…", "4.00", "–", "/", "–"]
        + ["–", "(–)", "/", "–", "JAX", "alone"]
    )
    headings = jax_speed.line_of(jax_speed.HEADINGS)
    assert headings.index("JAX") == said.index("4.00") and headings.index("note") == said.index("JAX")


def test_no_process_is_left_behind(monkeypatch):
    begun = []

    def start(row, options):
        begun.append({"jax": Scripted()})
        return begun[-1]

    monkeypatch.setattr(jax_speed, "start_sides", start)
    monkeypatch.setattr(jax_speed, "measure", lambda row, *_: {"note": row.precision})
    rows = jax_speed.measured([TRAINING] * 3, options(device="cuda"), until=float("inf"))
    assert next(rows) == (TRAINING, {"note": "float32"})
    assert [sides["jax"].ended for sides in begun] == [True, False]  # the next row's were started ahead
    rows.close()
    assert all(sides["jax"].ended for sides in begun) and len(begun) == 2
