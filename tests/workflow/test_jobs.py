"""Commands that wait for one another: order, what is skipped, what fails, and signals."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from segan_tl.workflow.jobs import Job, duration, log_of, run_jobs

# Writes its name to order.txt and leaves <name>.done.
WORK = "import sys, pathlib; open('order.txt', 'a').write(sys.argv[1] + '\\n'); pathlib.Path(sys.argv[1]).touch()"


def job(name, *, needs=(), code=WORK):
    return Job(name, (sys.executable, "-c", code, f"{name}.done"), needs)


def run(jobs, *, at_once=2):
    return run_jobs(
        jobs, logs=Path("logs"), at_once=at_once, is_done=lambda job: Path(f"{job.name}.done").exists(),
        describe=lambda job: f"made {job.name}",
    )  # fmt: skip


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_job_waits_for_what_it_needs(capsys):
    outcome = run([job("a"), job("b", needs=("a",)), job("c", needs=("b",))], at_once=3)
    assert Path("order.txt").read_text().split() == ["a.done", "b.done", "c.done"]
    assert outcome.finished == ["a", "b", "c"] and outcome.code == 0
    assert "3/3  c  made c" in capsys.readouterr().out


def test_no_more_at_once_than_asked_for():
    code = (
        "import os, pathlib, sys, time; here = pathlib.Path(sys.argv[1] + '.now'); here.touch(); time.sleep(0.3); "
        "open('seen.txt', 'a').write(str(len(list(pathlib.Path('.').glob('*.now')))) + '\\n'); here.unlink(); "
        "pathlib.Path(sys.argv[1]).touch()"
    )
    run([job(name, code=code) for name in "abcd"], at_once=2)
    assert max(map(int, Path("seen.txt").read_text().split())) <= 2


def test_what_has_a_result_is_not_run_again(capsys):
    Path("a.done").touch()
    outcome = run([job("a"), job("b", needs=("a",))])
    assert Path("order.txt").read_text().split() == ["b.done"]
    assert outcome.there == ["a"] and outcome.finished == ["b"] and outcome.code == 0
    assert "1 of 2 jobs are done already" in capsys.readouterr().out


def test_a_failure_keeps_the_others_and_says_why(capsys):
    bad = job("x/bad", code="print('first'); print('error: no such folder'); raise SystemExit(2)")
    outcome = run([bad, job("after", needs=("x/bad",)), job("later", needs=("after",)), job("other")])
    assert outcome.failed == {"x/bad": "error: no such folder"} and outcome.code == 2
    assert outcome.left_out == {"after": "x/bad", "later": "after"} and outcome.finished == ["other"]
    assert log_of(bad, Path("logs")) == Path("logs/x_bad.log")
    assert Path("logs/x_bad.log").read_text().splitlines()[1:] == ["first", "error: no such folder"]
    out = capsys.readouterr().out
    assert "FAILED with code 2: error: no such folder" in out and "logs/x_bad.log" in out


def test_a_command_without_a_result_has_failed():
    outcome = run([job("a", code="print('all is well')")])
    assert outcome.failed == {"a": "it ended well and left no result"} and outcome.code == 2


def test_a_job_that_was_told_to_stop_by_somebody_else_goes_on_next_time():
    outcome = run([job("a", code="raise SystemExit(75)"), job("b")])
    assert outcome.interrupted == ["a"] and outcome.finished == ["b"] and outcome.code == 75


def test_each_running_job_has_a_slot_of_its_own():
    # A job holds the file of its slot while it runs; to make it twice would raise. The first waits for the other three.
    code = (
        "import pathlib, sys, time; name, slot = sys.argv[1:]; held = pathlib.Path(slot); held.touch(exist_ok=False)\n"
        "others = [] if name != 'a.done' else [pathlib.Path(f'{each}.done') for each in 'bcd']\n"
        "while not all(other.exists() for other in others): time.sleep(0.05)\n"
        "held.unlink(); pathlib.Path(name).write_text(slot)"
    )
    outcome = run_jobs(
        [job(name, code=code) for name in "abcd"], logs=Path("logs"), at_once=2, slots=[("gpu:0",), ("gpu:1",)],
        is_done=lambda job: Path(f"{job.name}.done").exists(), describe=lambda job: "",
    )  # fmt: skip
    assert not outcome.failed and set(outcome.finished) == set("abcd")
    assert Path("a.done").read_text() == "gpu:0"
    assert {Path(f"{name}.done").read_text() for name in "bcd"} == {"gpu:1"}
    assert Path("logs/b.log").read_text().rstrip().endswith("b.done gpu:1")


CHILD = """
import pathlib, signal, sys, time
def stop(*_):
    pathlib.Path("saved.txt").write_text("saved")
    raise SystemExit(75)
signal.signal(signal.SIGTERM, stop)
pathlib.Path("ready.txt").touch()
time.sleep(30)
"""
PARENT = """
import sys
from pathlib import Path
from segan_tl.workflow.jobs import Job, run_jobs
jobs = [Job("long", (sys.executable, "-c", Path("child.py").read_text())), Job("next", ("false",))]
outcome = run_jobs(jobs, logs=Path("logs"), at_once=1, is_done=lambda job: False, describe=lambda job: "")
assert outcome.stopped and outcome.interrupted == ["long"] and not outcome.failed
sys.exit(outcome.code)
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_is_passed_on_and_waited_for(number):
    Path("child.py").write_text(CHILD)
    root = str(Path(__file__).parents[2])
    parent = subprocess.Popen([sys.executable, "-c", PARENT], env=os.environ | {"PYTHONPATH": root})
    deadline = time.monotonic() + 60  # a busy machine starts Python late
    while not Path("ready.txt").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    parent.send_signal(number)
    assert parent.wait(timeout=20) == 75
    assert Path("saved.txt").read_text() == "saved"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process that its parent was killed")
def test_what_runs_saves_when_the_queue_is_killed():
    Path("child.py").write_text(CHILD)
    root = str(Path(__file__).parents[2])
    parent = subprocess.Popen([sys.executable, "-c", PARENT], env=os.environ | {"PYTHONPATH": root})
    deadline = time.monotonic() + 60  # a busy machine starts Python late
    while not Path("ready.txt").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    parent.kill()
    parent.wait()
    while not Path("saved.txt").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert Path("saved.txt").read_text() == "saved"


def test_handlers_are_put_back():
    before = signal.getsignal(signal.SIGTERM)
    run([job("a")])
    assert signal.getsignal(signal.SIGTERM) is before


@pytest.mark.parametrize(("seconds", "text"), [(12, "12 s"), (119, "2 min"), (7200, "2.0 h")])
def test_durations_read_naturally(seconds, text):
    assert duration(seconds) == text
