"""Two processes that train together, on this computer: what one process with two replicas gives, to the last bit."""

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from tests.foreign_lines import foreign_lines
from tests.small_workers import addresses_of, tf_config

ROOT = Path(__file__).parents[2]
EPOCHS = 5


def start(folder, cohort, config, *more, index=None, addresses=()) -> subprocess.Popen:
    """Start a training, or a worker of one; its output goes to a file."""
    command = [
        sys.executable, "-m", "segan_tl", "train", "--modality", "flair", "--data", str(cohort), "--config",
        str(config), "--runs", str(folder / "runs"), "--cache", str(folder / "cache"), "--no-report", *more,
    ]  # fmt: skip
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    environment |= {} if index is None else {"TF_CONFIG": tf_config(addresses, index)}
    with (folder / f"worker{index}.log").open("a") as log:
        return subprocess.Popen(command, env=environment, stdout=log, stderr=subprocess.STDOUT, cwd=ROOT)


def start_two(folder, cohort, config, *more) -> list[subprocess.Popen]:
    """Start a training of two workers."""
    addresses = addresses_of(2)
    together = ("--devices", "cpu", "--distributed", "tf_config", *more)
    return [start(folder, cohort, config, *together, index=i, addresses=addresses) for i in (1, 0)][::-1]


def end_all(processes, seconds) -> list[int]:
    """Wait for processes; return their codes. Whoever outlasts the limit is killed, and fails the test."""
    deadline = time.monotonic() + seconds
    try:
        return [process.wait(timeout=max(deadline - time.monotonic(), 0)) for process in processes]
    finally:
        for process in processes:
            process.kill()


def log_of(folder, index) -> str:
    return (folder / f"worker{index}.log").read_text()


def run_in(folder) -> Path:
    """Return the folder of the run of a training, there or not."""
    return next(folder.glob("runs/*/tiny-flair"), folder / "runs" / "none")


def everything(folder) -> dict:
    """Return what a training left, but for its times."""
    from segan_tl.models.weights import load_network

    run, found = run_in(folder), {}
    for file in sorted(run.glob("*/*.keras")):
        for i, array in enumerate(load_network(file).get_weights()):
            found[f"{file.parent.name}/{file.name}/{i}"] = array
    assert len(found) > 20
    with np.load(run / "last" / "training.npz") as saved:
        found |= {name: saved[name] for name in saved.files}
    with (run / "history.csv").open() as file:
        found["history"] = np.array([list({**row, "seconds": 0}.values()) for row in csv.DictReader(file)])
    found["metrics"] = np.array([line.rpartition(",")[0] for line in (run / "metrics.csv").read_text().splitlines()])
    return found


def assert_same(one: dict, other: dict) -> None:
    assert one.keys() == other.keys()
    assert [name for name, array in one.items() if not np.array_equal(array, other[name])] == []


@pytest.fixture(scope="module")
def whole(tiny_cohort, tiny_config, tmp_path_factory):
    """Return what one process with two replicas leaves."""
    folder = tmp_path_factory.mktemp("whole")
    process = start(folder, tiny_cohort, tiny_config, "--devices", "cpu:2", "--set", f"train.epochs={EPOCHS}")
    assert end_all([process], 200) == [0], log_of(folder, None)
    return everything(folder)


@pytest.mark.timeout(600)  # beside other work; alone it takes a minute
def test_two_workers_give_what_two_replicas_do(whole, tiny_cohort, tiny_config, tmp_path):
    settings = ("--set", f"train.epochs={EPOCHS}")
    codes = end_all(start_two(tmp_path, tiny_cohort, tiny_config, *settings), 250)
    assert codes == [0, 0], log_of(tmp_path, 0) + log_of(tmp_path, 1)
    assert_same(everything(tmp_path), whole)
    assert json.loads((run_in(tmp_path) / "run.json").read_text())["replicas"] == 2
    # The other one says whom it follows, and no more; the chief says all of it. TensorFlow says nothing.
    assert log_of(tmp_path, 1).splitlines()[0].startswith("worker 1 of 2: follows worker 0 (127.0.0.1:")
    assert len(log_of(tmp_path, 1).splitlines()) == 1, log_of(tmp_path, 1)
    assert "epoch 1/5" in log_of(tmp_path, 0) and foreign_lines(log_of(tmp_path, 0)) == []

    again = start_two(tmp_path, tiny_cohort, tiny_config, *settings)  # before TensorFlow is imported
    assert end_all(again, 60) == [0, 0] and "trained and scored already" in log_of(tmp_path, 0)


WITHOUT_GREETINGS = """
import sys
from types import SimpleNamespace
from segan_tl import console
from segan_tl.workflow.machines import follow

def start():
    assert "tensorflow" not in sys.modules
    raise SystemExit(0)

console.start_tensorflow = start
follow(None, None, None, SimpleNamespace(gather=lambda _: [True]), find_cohort=None, find_source_cohort=None)
"""


def test_who_follows_imports_tensorflow_where_its_greetings_are_held_back():
    done = subprocess.run([sys.executable, "-c", WITHOUT_GREETINGS], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("changes", [["--data", "nowhere"], ["--set", "train.batch_size=0"]])
def test_a_mistake_ends_both(tiny_cohort, tiny_config, tmp_path, changes):
    assert end_all(start_two(tmp_path, tiny_cohort, tiny_config, *changes), 60) == [2, 2]
    for index in (0, 1):
        last = log_of(tmp_path, index).splitlines()[-1]
        assert last.startswith("error: ") and ("nowhere does not exist" in last or "train.batch_size" in last)


def test_a_mistake_of_one_alone_ends_both(tiny_cohort, tiny_config, tmp_path):
    """Found before they meet: the other one would wait ten minutes for it."""
    addresses, how = addresses_of(2), ("--devices", "cpu", "--distributed", "tf_config")
    other = tmp_path / "nowhere.toml"  # as on a machine that does not see that disk
    workers = [
        start(tmp_path, tiny_cohort, (tiny_config, other)[i], *how, index=i, addresses=addresses) for i in (0, 1)
    ]
    assert end_all(workers, 60) == [2, 2]
    for index in (0, 1):
        last = log_of(tmp_path, index).splitlines()[-1]
        assert last.startswith("error: ") and "nowhere.toml" in last
    assert "error: worker 1 (" in log_of(tmp_path, 0)


@pytest.mark.parametrize("victim", [0, 1])
def test_a_signal_while_they_wait_for_a_third(tiny_cohort, tiny_config, tmp_path, victim):
    addresses, how = addresses_of(3), ("--devices", "cpu", "--distributed", "tf_config")
    workers = [start(tmp_path, tiny_cohort, tiny_config, *how, index=i, addresses=addresses) for i in (0, 1)]
    deadline = time.monotonic() + 60
    while not ("worker 0 of 3: waits" in log_of(tmp_path, 0) and "worker 1 of 3: follows" in log_of(tmp_path, 1)):
        assert time.monotonic() < deadline and all(worker.poll() is None for worker in workers)
        time.sleep(0.05)
    time.sleep(1)  # the one that follows has said so
    workers[victim].send_signal(signal.SIGTERM)
    assert end_all(workers, 20) == [75, 75], log_of(tmp_path, 0) + log_of(tmp_path, 1)
    assert log_of(tmp_path, victim).splitlines()[-1].startswith("Interrupted; what is written stays.")
    said = log_of(tmp_path, 1 - victim).splitlines()[-1]
    assert said.startswith(f"worker {victim} (127.0.0.1:") and "was interrupted; run the same command again" in said


def test_workers_of_different_commands_are_refused(tiny_cohort, tiny_config, tmp_path):
    addresses, how = addresses_of(2), ("--devices", "cpu", "--distributed", "tf_config", "--set")
    workers = [
        start(tmp_path, tiny_cohort, tiny_config, *how, f"train.epochs={i + 1}", index=i, addresses=addresses)
        for i in (0, 1)
    ]
    assert end_all(workers, 60) == [2, 2]
    assert all("another configuration than worker 0" in log_of(tmp_path, i) for i in (0, 1))


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_two_workers_give_what_two_replicas_do_of_volumes(tiny_cohort, tmp_path):
    """With clipping, several outputs, every change of intensity, and the fused normalisation of instances.

    Not in bfloat16, of which one process with two replicas on a busy CPU does not always repeat its own digits.
    """
    settings = ["train.epochs=1", "train.steps_per_epoch=2", "train.precision=float32", "data.patch=[16,32,32]"]
    more = [word for setting in settings for word in ("--set", setting)]
    (tmp_path / "whole").mkdir()
    process = start(tmp_path / "whole", tiny_cohort, "nnunet_small", "--devices", "cpu:2", *more)
    assert end_all([process], 300) == [0], log_of(tmp_path / "whole", None)
    codes = end_all(start_two(tmp_path, tiny_cohort, "nnunet_small", *more), 400)
    assert codes == [0, 0], log_of(tmp_path, 0) + log_of(tmp_path, 1)
    assert_same(everything(tmp_path), everything(tmp_path / "whole"))


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_two_workers_give_what_two_replicas_do_in_parts_and_in_float16(tiny_cohort, tiny_config, tmp_path):
    """Each worker scales its loss, and adds up the parts of its batch before the gradients meet.

    Weights, moving statistics and history are the same to the last bit; of what the optimizers keep, one number of a
    running mean of squares was one unit in the last place apart, always the same one. (In float32, parts of a batch
    leave the last digits apart everywhere; whole batches, in float16 too, leave none.)
    """
    settings = ["train.epochs=2", "train.precision=mixed_float16", "train.batch_size=2", "train.accumulate=2"]
    more = [word for setting in settings for word in ("--set", setting)]
    (tmp_path / "whole").mkdir()
    process = start(tmp_path / "whole", tiny_cohort, tiny_config, "--devices", "cpu:2", *more)
    assert end_all([process], 300) == [0], log_of(tmp_path / "whole", None)
    codes = end_all(start_two(tmp_path, tiny_cohort, tiny_config, *more), 400)
    assert codes == [0, 0], log_of(tmp_path, 0) + log_of(tmp_path, 1)
    both, one = everything(tmp_path), everything(tmp_path / "whole")
    kept = [name for name in one if "_optimizer/" in name and one[name].dtype == np.float32]
    assert len(kept) > 10 and any(name.startswith("critic_optimizer/") for name in kept)
    for name in kept:
        np.testing.assert_array_max_ulp(both.pop(name), one.pop(name), maxulp=1)
    assert_same(both, one)
    with (run_in(tmp_path) / "history.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert {float(row["skipped_segmentor"]) for row in rows} != {1.0}  # it has learnt


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_signal_and_a_kill_change_nothing(whole, tiny_cohort, tiny_config, tmp_path):
    settings = ("--set", f"train.epochs={EPOCHS}")
    for number, victim in ((signal.SIGTERM, 1), (signal.SIGKILL, 1), (signal.SIGKILL, 0)):
        workers = start_two(tmp_path, tiny_cohort, tiny_config, *settings)
        _await_next_epoch(tmp_path / "runs" / "segan" / "tiny-flair" / "history.csv", workers)
        started = time.monotonic()
        workers[victim].send_signal(number)
        codes = end_all(workers, 60)
        print(f"{number.name} to worker {victim}: codes {codes} after {time.monotonic() - started:.1f} s")
        assert codes[1 - victim] == 75 and codes[victim] == (75 if number == signal.SIGTERM else -number)
        if number == signal.SIGKILL:
            last = log_of(tmp_path, 1 - victim).splitlines()[-1]
            assert last.startswith(f"worker {victim} (127.0.0.1:") and "to go on from the last checkpoint" in last
    assert end_all(start_two(tmp_path, tiny_cohort, tiny_config, *settings), 250) == [0, 0], log_of(tmp_path, 0)
    assert "Interrupted and saved" in log_of(tmp_path, 0) and "Going on in epoch" in log_of(tmp_path, 0)
    assert_same(everything(tmp_path), whole)


def _await_next_epoch(history: Path, workers) -> None:
    """Wait until these workers have written a row."""
    before = history.stat().st_mtime_ns if history.is_file() else 0
    deadline = time.monotonic() + 200
    while not (history.is_file() and history.stat().st_mtime_ns > before):
        assert time.monotonic() < deadline and all(worker.poll() is None for worker in workers)
        time.sleep(0.01)
