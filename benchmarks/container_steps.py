"""Do what the recipes of containers/ say, without Docker or Apptainer: in an empty folder with its own environment.

    python benchmarks/container_steps.py ARTEFACT.zip PATIENTS OUT
    python benchmarks/container_steps.py ARTEFACT.zip PATIENTS OUT --recipe containers/segan_tl.def

Files are copied below the folder, which stands for /; commands run in the shell with the `python` of a new virtual
environment; the entry point runs at the end, on PATIENTS and OUT. No root is asked for. That there is no network at the
end is not checked here, for a process of one's own cannot take it away.
"""

import argparse
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import venv
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
CONTAINERS = ROOT / "containers"
OPTIONS = re.compile(r"--\w+=\S+\s+")


class Recipe(NamedTuple):
    """What a definition says, in the order of its lines.

    Attributes:
        steps: ("copy", [sources, target]) and ("run", command).
        workdir: where commands run.
        start: shell command of the entry point; "$@" is what follows it.
    """

    steps: list[tuple[str, list[str] | str]]
    workdir: str
    start: str


def read_dockerfile(text: str) -> Recipe:
    """Return the steps of a Dockerfile of FROM, WORKDIR, COPY, RUN, ENV, USER, ENTRYPOINT and CMD.

    Raises:
        ValueError: it has another instruction.
    """
    steps, workdir, start = [], "/", []
    lines = re.sub(r"\\\n", " ", "\n".join(line for line in text.splitlines() if not line.startswith("#")))
    for line in filter(None, map(str.strip, lines.splitlines())):
        word, rest = line.split(None, 1)
        if word == "COPY":
            steps.append(("copy", [place if place[0] == "/" else f"{workdir}/{place}" if i else place
                                   for i, place in _ends(OPTIONS.sub("", rest).split())]))  # fmt: skip
        elif word == "RUN":
            steps.append(("run", rest))
        elif word == "WORKDIR":
            workdir = rest
        elif word == "ENTRYPOINT":
            start = json.loads(rest)
        elif word not in ("FROM", "ENV", "USER", "CMD"):
            raise ValueError(f"expected instructions that are known here; found {word}")
    return Recipe(steps, workdir, f'{shlex.join(start)} "$@"')


def read_definition(text: str) -> Recipe:
    """Return the steps of an Apptainer definition: %files, %post and %runscript."""
    parts = dict(re.findall(r"^%(\w+)\n(.*?)(?=^%|\Z)", text, flags=re.MULTILINE | re.DOTALL))
    lines = {name: [line.strip() for line in part.splitlines() if line.strip()] for name, part in parts.items()}
    copies = [("copy", line.split()) for line in lines["files"]]
    return Recipe([*copies, ("run", "\n".join(lines["post"]))], "/", "\n".join(lines["runscript"]))


def run_steps(recipe: Recipe, context: Path, root: Path, arguments: list[str], *, with_pip: bool = True) -> int:
    """Do the steps of a recipe below `root` and return the exit code of its entry point.

    Args:
        context: folder with the files that are copied.
        root: empty folder that stands for /.
        arguments: of the entry point.
        with_pip: whether the environment has pip.
    """
    venv.create(root / "venv", with_pip=with_pip)
    path = os.pathsep.join([str(root / "venv" / "bin"), os.environ["PATH"]])
    environment = {"PATH": path, "HOME": str(root / "tmp"), "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    environment |= {name: value for name, value in os.environ.items() if name.lower().endswith("_proxy")}
    environment |= {name: value for name, value in os.environ.items() if name.startswith(("PIP_", "SSL_"))}
    (root / "tmp").mkdir()
    work = root / recipe.workdir.strip("/")
    work.mkdir(parents=True, exist_ok=True)
    for kind, what in recipe.steps:
        if kind == "copy":
            _copy(what[:-1], context, root / what[-1].strip("/"), folder=what[-1].endswith("/"))
            continue
        print(f"$ {what}", flush=True)
        subprocess.run(["sh", "-ec", _below(what, root)], cwd=work, env=environment, check=True)
    command = ["sh", "-ec", _below(recipe.start, root), "sh", *arguments]
    return subprocess.run(command, cwd=work, env=environment, check=False).returncode


def _ends(words: list[str]):
    """Return the words with whether each is the last."""
    return [(i == len(words) - 1, word) for i, word in enumerate(words)]


def _copy(patterns: list[str], context: Path, target: Path, *, folder: bool) -> None:
    found = [file for pattern in patterns for file in sorted(context.glob(pattern))]
    if not found:
        raise FileNotFoundError(f"expected {' '.join(patterns)} in {context}; found none")
    (target if folder else target.parent).mkdir(parents=True, exist_ok=True)
    for file in found:
        shutil.copy(file, target)


def _below(command: str, root: Path) -> str:
    """Return a command whose absolute paths in /opt lie below the folder that stands for /."""
    return command.replace("/opt/", f"{root}/opt/")


def main() -> int:
    """Read the recipe, make the wheel, do the steps, and segment."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("artefact", type=Path)
    parser.add_argument("patients", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--recipe", type=Path, default=CONTAINERS / "Dockerfile")
    arguments = parser.parse_args()
    text = arguments.recipe.read_text(encoding="utf-8")
    recipe = read_definition(text) if arguments.recipe.suffix == ".def" else read_dockerfile(text)
    with tempfile.TemporaryDirectory(prefix="segan_tl_") as folder:
        context, root = Path(folder) / "context", Path(folder) / "root"
        context.mkdir()
        root.mkdir()
        wheel = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(context)]
        subprocess.run([*wheel, str(ROOT)], check=True)
        shutil.copy(CONTAINERS / "requirements.txt", context)
        shutil.copy(arguments.artefact, context / "artefact.zip")
        places = [str(arguments.patients.resolve()), str(arguments.out.resolve())]
        return run_steps(recipe, context, root, places)


if __name__ == "__main__":
    sys.exit(main())
