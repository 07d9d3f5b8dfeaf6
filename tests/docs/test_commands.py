"""What the pages tell to type is understood: by the command's own parser, with configurations and keys that exist."""

import argparse
import importlib
import re
import runpy
import shlex
import sys

import pytest

from segan_tl.__main__ import COMMANDS, MODULES
from segan_tl.config.load import load_config
from segan_tl.config.presets import CONFIGS
from segan_tl.errors import UserError
from segan_tl.workflow.arguments import overrides_of
from segan_tl.workflow.wrapped import read_training
from tests.docs.pages import PAGES, ROOT, all_commands, blocks, commands, name_of, spans

OURS = r"python (train_segan\.py|transfer\.py|-m segan_tl) |segan-tl "
SCRIPTS = r"python (benchmarks|docs|examples)/"
MODULES_OF_OTHERS = r"python -m (pytest|flake8|mkdocs|pip|venv) "
# What a configuration is where the command line names none: any of the same kind.
DEFAULTS = {"train-segan": "segan_cat", "transfer": "segan_cat", "finetune": "nnunet_small"}
# Options in the text that are no command's of ours.
ELSEWHERE = {
    "--signal": "sbatch",
    "--beside": "benchmarks/metrics_speed.py",
    "--strict": "mkdocs",
    "--bare": "benchmarks/portable_turns.py",
}


class Understood(Exception):
    """A script has parsed its arguments."""


def parser_of(name: str) -> argparse.ArgumentParser:
    """Return the parser of a command, as the program makes it."""
    parser = argparse.ArgumentParser(prog=name)
    command_module(name).add_arguments(parser)
    parser.add_argument("--debug", action="store_true")
    return parser


def command_module(name: str):
    return importlib.import_module(f"segan_tl.commands.{MODULES.get(name, name.replace('-', '_'))}")


def split_command(line: str) -> tuple[str, list[str]]:
    """Return the name of the command and its arguments."""
    words = shlex.split(line)
    if words[0] == "segan-tl":
        return words[1], words[2:]
    if words[1] == "-m":
        return words[3], words[4:]
    return words[1].removesuffix(".py").replace("_", "-"), words[2:]


def test_the_pages_show_commands():
    assert len(all_commands(OURS)) >= 50 and len(all_commands(SCRIPTS)) >= 5
    assert {split_command(line)[0] for line in all_commands(OURS)} == set(COMMANDS)


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_nothing_else_is_to_be_typed(page):
    kinds = f"{OURS}|{SCRIPTS}|{MODULES_OF_OTHERS}|make |python official.py "
    assert [line for line in commands(page) if not re.match(kinds, line)] == []


@pytest.mark.parametrize("line", all_commands(OURS))
def test_commands_are_understood(line):
    name, arguments = split_command(line)
    assert name in COMMANDS
    if not arguments:  # the text speaks of the command
        return
    if "--" in arguments:  # what follows is a training
        place = arguments.index("--")
        assert command_module(name).WRAPS and read_training(arguments[place + 1 :], folds=5).folder
        arguments = arguments[:place]
    parsed = parser_of(name).parse_intermixed_args(arguments)
    if config := getattr(parsed, "config", None) or DEFAULTS.get(name):
        start = {"transfer": {"source": "a run", "source_sha256": ""}} if name in ("transfer", "finetune") else {}
        overrides = overrides_of(parsed) if {"target", "seed"} <= vars(parsed).keys() else getattr(parsed, "set", [])
        load_config(config, overrides, beneath=start)


@pytest.mark.parametrize("line", all_commands(SCRIPTS))
def test_scripts_are_there_and_understand_their_options(line, monkeypatch):
    path, *arguments = shlex.split(line)[1:]
    assert (ROOT / path).is_file()
    if "ArgumentParser" not in (ROOT / path).read_text():
        return

    original = argparse.ArgumentParser.parse_args

    def parse(parser, *_, **__):
        """Parse as ever, then go no further."""
        monkeypatch.undo()
        raise Understood(original(parser, arguments))

    monkeypatch.setattr(sys, "argv", [path, *arguments])
    monkeypatch.syspath_prepend(str((ROOT / path).parent))
    monkeypatch.setattr(argparse.ArgumentParser, "parse_args", parse)
    with pytest.raises(Understood):
        runpy.run_path(str(ROOT / path), run_name="__main__")


@pytest.mark.parametrize("line", all_commands("make "))
def test_make_s_targets_exist(line):
    assert re.search(rf"^{line.split()[1]}:", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)


SETTINGS = {
    change.strip("'\"")
    for page in PAGES
    for code in spans(page)
    for change in re.findall(r"--set ('[^']+'|\S+=\S+)", code)
    if not re.match(OURS, code)
} - {"section.key=value", "name=…"}


def understood(change: str) -> bool:
    """Tell whether any of the configurations takes a change."""
    for file in CONFIGS.glob("*.toml"):
        try:
            load_config(file, [change])
            return True
        except UserError:
            continue
    return False


@pytest.mark.parametrize("change", sorted(SETTINGS))
def test_settings_in_the_text_exist(change):
    assert understood(change)


def test_a_setting_that_does_not_exist_is_found_out():
    assert not understood("train.epoch=3") and len(SETTINGS) > 10


def test_options_in_the_text_exist():
    known = {option for name in COMMANDS for option in parser_of(name)._option_string_actions} | set(ELSEWHERE)
    named = {(name_of(page), code.split()[0]) for page in PAGES for code in spans(page) if re.match(r"--\w", code)}
    assert len(named) > 30 and [pair for pair in sorted(named) if pair[1].partition("=")[0] not in known] == []


def test_configurations_in_the_text_exist():
    known = {file.stem for file in CONFIGS.glob("*.toml")}
    named = {
        name for page in PAGES for code in spans(page) for name in re.findall(r"(?:--config |configs/)([a-z]\w*)", code)
    }
    assert len(named) > 10 and named <= known


def test_python_in_the_pages_is_run_by_a_test():
    """All blocks of Python are those of pages that tests/docs/test_python.py and test_clinical.py run."""
    found = {name_of(page) for page in PAGES for code in blocks(page) if re.match(r"\s*(import|from) ", code)}
    assert found == {"docs/python.md", "docs/clinical.md"}
