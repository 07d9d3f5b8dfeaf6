"""The entry point: instant help and exit codes. That the commands of the pages are understood: tests/docs."""

import configparser
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from segan_tl.__main__ import COMMANDS, main

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize("arguments", [["--help"], *([name, "--help"] for name in COMMANDS)], ids=" ".join)
def test_help_imports_nothing_heavy(arguments):
    code = (
        "import sys\nfrom segan_tl.__main__ import main\n"
        f"try:\n    main({arguments!r})\nexcept SystemExit as stopped:\n    assert stopped.code == 0\n"
        "assert not {'tensorflow', 'keras', 'scipy', 'matplotlib'} & sys.modules.keys()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "usage:" in done.stdout and ("examples:" in done.stdout or "example:" in done.stdout)


def console_scripts() -> dict[str, list[str]]:
    """Return name → arguments of Python that do what an installed command does."""
    settings = configparser.ConfigParser()
    settings.read(ROOT / "setup.cfg")
    found = {}
    for line in settings["options.entry_points"]["console_scripts"].split("\n")[1:]:
        name, _, place = line.partition(" = ")
        module, _, function = place.partition(":")
        found[name] = ["-c", f"import sys; from {module} import {function}; sys.exit({function}())"]
    return found


def test_an_installed_command_is_the_command_of_that_name():
    scripts = console_scripts()
    assert sorted(scripts) == ["segan-tl", "train-segan", "transfer-segan"]
    for name, said in (("segan-tl", "usage: python -m segan_tl"), ("train-segan", "usage: train-segan"),
                       ("transfer-segan", "usage: transfer-segan")):  # fmt: skip
        done = subprocess.run([sys.executable, *scripts[name], "--help"], capture_output=True, text=True, cwd=ROOT)
        assert done.returncode == 0 and done.stdout.startswith(said)


@pytest.mark.parametrize("module", ["rich", "pydantic"])
@pytest.mark.parametrize(
    "program",
    [
        ["-m", "segan_tl", "transfer"], ["-m", "segan_tl", "guarantee"], ["train_segan.py"], ["transfer.py"],
        *([*words, *["transfer"] * (name == "segan-tl")] for name, words in console_scripts().items()),
    ],
    ids=" ".join,
)  # fmt: skip
def test_ctrl_c_while_modules_are_imported_is_no_traceback(program, module, tmp_path):
    """A module of that name, found before the real one, sends the signal from within its import."""
    (tmp_path / module).mkdir()
    (tmp_path / module / "__init__.py").write_text(
        "import os, signal, time\ntry:\n    os.kill(os.getpid(), signal.SIGINT)\n    time.sleep(30)\n"
        "except BaseException:\n    raise ImportError('not whole') from None\n"  # as some packages do
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join((str(tmp_path), str(ROOT)))}
    words = [sys.executable, *program, "RUN", "--data", "nowhere"]
    done = subprocess.run(words, capture_output=True, text=True, check=False, env=environment, cwd=ROOT)
    assert (done.returncode, done.stdout) == (130, "")
    assert done.stderr.strip() == "Interrupted before anything was begun."


@pytest.mark.parametrize(("command", "code"), [("predict", 75), ("retest", 75), ("evaluate", 75)])
def test_what_goes_on_says_so_at_sigterm(command, code, monkeypatch, capsys):
    def stop(_arguments):
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(30)

    monkeypatch.setattr(f"segan_tl.commands.{command}.run", stop)
    words = {"predict": ["run", "in", "out"], "retest": ["run"], "evaluate": ["a", "b", "--out", "c.csv"]}[command]
    assert main([command, *words]) == code
    assert "go on with the same command" in capsys.readouterr().err.replace("\n", " ")


def test_an_unknown_command_names_those_that_exist(capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["trian"])
    assert stopped.value.code == 2
    assert "there is no command 'trian'; did you mean train?" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["xyz"])
    assert "train-segan" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "answer"),
    [
        (["train", "--confg", "x"], "there is no argument --confg (did you mean --config?)"),
        (["train", "nnunet"], "there is no argument nnunet (is an option missing before it?)"),
        (["check"], "the following arguments are required: DIR"),
        (["transfer", "--source", "a", "--from", "b"], "--source and --from are two names of one option"),
        (["transfer", "--source", "a", "--target", "t1", "--modality", "t2"], "--target and --modality are two names"),
        (["crossval", "--", "finetune", "--sorce", "a"], "the following arguments are required: --source/--from"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_mistake_in_the_arguments_is_one_line(words, answer, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(words)
    message = capsys.readouterr().err
    assert stopped.value.code == 2
    assert message.startswith("error: ") and answer in message and len(message.splitlines()) == 1


def test_no_memory_is_one_sentence(capsys, monkeypatch):
    from segan_tl.commands import check

    class ResourceExhaustedError(Exception):
        pass

    for error in (MemoryError("Unable to allocate 3.64 EiB"), MemoryError(), ResourceExhaustedError("OOM\nmore")):
        monkeypatch.setattr(check, "run", lambda _, error=error: (_ for _ in ()).throw(error))
        assert main(["check", "nowhere"]) == 2
        message = capsys.readouterr().err
        assert message.startswith("error: there is not enough memory") and len(message.splitlines()) == 1


def test_debug_shows_the_traceback():
    done = subprocess.run(
        [sys.executable, ROOT / "train_segan.py", "--modality", "t1", "--config", "nowhere", "--debug"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "Traceback" in done.stderr and done.returncode == 1


def test_an_error_is_one_line_and_code_2():
    done = subprocess.run(
        [sys.executable, ROOT / "train_segan.py", "--modality", "t1", "--config", "nowhere"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2 and len(done.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OSError(28, "No space left on device"), "the disk is full: cannot write any more (No space left on device);"),
        (OSError(122, "Disk quota exceeded", "/x"), "the disk is full: cannot write /x (Disk quota exceeded); free"),
        (OSError("write failed: errno = 28, error message = 'No space left on device'"), "the disk is full: "),
        (OSError(5, "Input/output error"), "Input/output error; check"),
        (PermissionError(13, "Permission denied", "/x"), "/x: Permission denied; check the path, or choose another"),
    ],
)
def test_what_the_system_refuses_is_one_sentence(error, said, monkeypatch, capsys):
    def run(arguments):
        raise error

    monkeypatch.setattr("segan_tl.commands.check.run", run)
    assert main(["check", "folder"]) == 2
    assert capsys.readouterr().err.startswith(f"error: {said}")


def test_a_name_in_an_error_cannot_command_the_terminal(tmp_path, capsys):
    assert main(["check", str(tmp_path / "x\x1b[31m [/red] \r\u202e")]) == 2
    message = capsys.readouterr().err
    assert "x\\x1b[31m [/red] \\r\\u202e does not exist" in message and len(message.splitlines()) == 1
