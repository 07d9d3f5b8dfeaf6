"""Numbers on the command line: every option of every command refuses what makes no sense, with exit code 2."""

import argparse
import importlib

import pytest

from segan_tl.__main__ import COMMANDS, MODULES, main
from segan_tl.schemas.runs import MOST_FOLDS
from segan_tl.workflow.numbers import (
    above_zero, device, fold, folds, positive, seed, share, share_with_ends, weight, whole,
)  # fmt: skip


@pytest.mark.parametrize(
    ("read", "good", "bad"),
    [
        (positive, {"1": 1, "12": 12}, ["0", "-1", "1.5", "1e3", "", "x", "²", "９", "nan", "9" * 13, "9" * 5000]),
        (seed, {"0": 0, "2147483647": 2**31 - 1}, ["-1", "1e30", "2147483648", "1979-05-27"]),
        (fold, {"0": 0}, ["-1", str(MOST_FOLDS)]),
        (folds, {"2": 2, str(MOST_FOLDS): MOST_FOLDS}, ["0", "1", "300000000", "-5"]),
        (whole(16, 640), {"16": 16}, ["15", "641", "0"]),
        (share, {"0.5": 0.5, "1e-3": 0.001}, ["0", "1", "-0.5", "nan", "x", ""]),
        (share_with_ends, {"0": 0.0, "0.5": 0.5, "1": 1.0}, ["1.01", "-0.5", "nan", "x", ""]),
        (weight("RUN", "OUT goes"), {"0": 0.0, "0.4722": 0.4722}, ["-0.5", "nan", "inf", "x", "", "OUT"]),
        (above_zero, {"0.5": 0.5, "3": 3.0}, ["0", "-1", "nan", "inf", "x", "1e999"]),
        (device, {"cpu": "cpu", "gpu:0,1": "gpu:0,1", "cpu:2": "cpu:2"},
         ["tpu", "cpu:0", "gpu:", "gpu:x", "cpu:999", "cpu:" + "9" * 5000]),
    ],
)
def test_types(read, good, bad):
    assert {text: read(text) for text in good} == good
    for text in bad:
        with pytest.raises(argparse.ArgumentTypeError, match="expected"):
            read(text)


def test_how_many_logical_cpus_there_may_be():
    assert device("cpu:64") == "cpu:64"
    for text in ("cpu:65", "cpu:1000"):
        with pytest.raises(argparse.ArgumentTypeError, match=f"expected at most 64 logical CPUs, cpu:64, got {text}"):
            device(text)


def options():
    """Yield command and option of everything that takes a number."""
    for name in COMMANDS:
        command = importlib.import_module(f"segan_tl.commands.{MODULES.get(name, name.replace('-', '_'))}")
        parser = argparse.ArgumentParser()
        command.add_arguments(parser)
        for action in parser._actions:
            if action.option_strings and action.type is not None and action.type.__module__.endswith(".numbers"):
                yield name, action


NUMERIC = list(options())


@pytest.mark.parametrize(("name", "action"), NUMERIC, ids=lambda one: one if isinstance(one, str) else one.dest)
@pytest.mark.parametrize("text", ["-1", "nan", "x", "1e30", "9" * 40, "0x10", ""])
def test_every_number_of_every_command(name, action, text, capsys):
    if text in ("1e30", "9" * 40) and (action.type is above_zero or action.dest == "weights"):
        return
    with pytest.raises(SystemExit) as stopped:
        main([name, f"{action.option_strings[0]}={text}"])
    assert stopped.value.code == 2
    message = capsys.readouterr().err
    assert action.option_strings[0] in message and "Traceback" not in message


def test_no_option_takes_any_number():
    plain = set()
    for name in COMMANDS:
        command = importlib.import_module(f"segan_tl.commands.{MODULES.get(name, name.replace('-', '_'))}")
        parser = argparse.ArgumentParser()
        command.add_arguments(parser)
        plain |= {(name, action.dest) for action in parser._actions if action.type in (int, float)}
    # They are checked by the command, with tests of their own.
    assert plain == {("check", "jobs"), ("evaluate", "jobs")}
    assert len(NUMERIC) > 10
