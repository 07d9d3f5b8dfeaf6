"""The wheel, installed into an environment of its own and used from an empty folder, has all that a checkout has."""

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

from segan_tl import __version__

ROOT = Path(__file__).parents[1]
# What the build reads; docs, tests and what was built or trained in the checkout stay out.
SOURCES = ("segan_tl", "configs", "setup.py", "setup.cfg", "pyproject.toml", "MANIFEST.in", "README.md", "LICENSE")
OFFLINE = ("--no-deps", "--no-index", "--no-build-isolation", "--disable-pip-version-check", "--quiet")


def run(*words, cwd: Path) -> subprocess.CompletedProcess:
    """Run a program in a folder, with nothing that leads it back to the checkout."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    return subprocess.run(words, cwd=cwd, env=environment, capture_output=True, encoding="utf-8", check=False)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """Return the wheel that pip builds of the source distribution, so that what either lacks is missed."""
    pytest.importorskip("wheel", reason="building without a network needs the package wheel")
    copy, out = tmp_path_factory.mktemp("copy"), tmp_path_factory.mktemp("wheel")
    for name in SOURCES:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, copy)
    done = run(sys.executable, "-c", f"from setuptools.build_meta import *; build_sdist({str(out)!r})", cwd=copy)
    assert done.returncode == 0, done.stderr
    sources = next(out.glob("*.tar.gz"))
    done = run(sys.executable, "-m", "pip", "wheel", *OFFLINE, "--wheel-dir", out, sources, cwd=out)
    assert done.returncode == 0, done.stderr
    return next(out.glob("*.whl"))


@pytest.fixture(scope="module")
def programs(wheel, tmp_path_factory) -> Path:
    """Return the folder of the programs of an environment that has the wheel, and this one's other packages."""
    place = tmp_path_factory.mktemp("environment")
    venv.create(place, symlinks=True)
    programs = place / "bin"
    done = run(sys.executable, "-m", "pip", "--python", programs / "python", "install", *OFFLINE, wheel, cwd=place)
    assert done.returncode == 0, done.stderr
    # Not before: pip would see a segan_tl that is installed there. A line of a .pth is only a folder more, whose own
    # .pth files, such as that of an editable install, are not read.
    others = dict.fromkeys([sysconfig.get_path("purelib"), *(path for path in sys.path if path.endswith("-packages"))])
    inside = run(programs / "python", "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=place)
    Path(inside.stdout.strip(), "others.pth").write_text("\n".join(others))
    return programs


@pytest.fixture
def use(programs, tmp_path):
    """Return a function that runs one of the programs in an empty folder."""
    return lambda name, *words: run(programs / name, *words, cwd=tmp_path)


def test_the_wheel_holds_what_is_no_python_file(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    presets = {Path(name).name for name in names if name.startswith("segan_tl/presets/")}
    assert presets == {path.name for path in (ROOT / "configs").iterdir()}
    assets = {path.relative_to(ROOT) for path in (ROOT / "segan_tl" / "report" / "assets").rglob("*") if path.is_file()}
    assert {*map(str, assets), "segan_tl/py.typed"} <= set(names)
    papers = {path.relative_to(ROOT) for path in (ROOT / "segan_tl" / "papers").glob("*/*.[tm][od]*")}
    assert len(papers) == 2 * 5 and set(map(str, papers)) <= set(names)
    zoo = {path.relative_to(ROOT) for path in (ROOT / "segan_tl" / "zoo").glob("*/**/*") if path.is_file()}
    zoo = {str(path) for path in zoo if path.parent.name != "__pycache__"}
    assert len(zoo) >= 8 and zoo == {name for name in names if re.match(r"segan_tl/zoo/.*/", name)}
    assert any(name.endswith(".dist-info/LICENSE") or name.endswith("/licenses/LICENSE") for name in names)
    assert {Path(name).parts[0] for name in names} == {"segan_tl", f"segan_tl-{__version__}.dist-info"}


def test_every_module_is_in_the_wheel(wheel):
    here = {str(path.relative_to(ROOT)) for path in (ROOT / "segan_tl").rglob("*.py")}
    assert here == {name for name in zipfile.ZipFile(wheel).namelist() if name.endswith(".py")}


def test_what_is_used_is_installed(use, programs):
    done = use("python", "-c", "import segan_tl.config.presets as p; print(p.__file__, p.CONFIGS, sep='\\n')")
    file, configs = map(Path, done.stdout.splitlines())
    assert file.is_relative_to(programs.parent) and configs == file.parents[1] / "presets"


def test_a_paper_has_its_numbers_and_its_prose(use):
    code = """
from segan_tl.papers import PAPERS, load_paper
from segan_tl.papers.page import read_prose
from segan_tl.papers.published import read_published
for paper in map(load_paper, PAPERS):
    print(len(read_prose(paper)) > 1_000, len(read_published(paper.folder / "published.toml")) > 0)
"""
    assert use("python", "-c", code).stdout.split() == ["True"] * 2 * 5


def test_what_comes_along_is_found(use):
    listed, card = use("segan-tl", "zoo"), use("segan-tl", "zoo", "show", "segan_random")
    assert "zoo:segan_random" in listed.stdout
    assert card.stdout == (ROOT / "segan_tl" / "zoo" / "segan_random" / "README.md").read_text()


def test_the_version_names_tensorflow(use):
    version = re.escape(__version__)
    done = use("segan-tl", "--version")
    assert re.fullmatch(rf"segan_tl {version} \(TensorFlow [\d.]+, Keras [\d.]+, Python 3[\d.]+\)\n", done.stdout)


def test_configurations_are_listed_and_copied(use, tmp_path):
    assert "nnunet_small" in use("segan-tl", "configs").stdout
    assert use("segan-tl", "configs", "copy", "nnunet_small", "--to", "mine.toml").returncode == 0
    assert (tmp_path / "mine.toml").read_text() == (ROOT / "configs" / "nnunet_small.toml").read_text()


@pytest.mark.parametrize(
    ("words", "usage"),
    [
        (["segan-tl", "train", "--config", "nnunet_small", "--help"], "usage: python -m segan_tl train"),
        (["train-segan", "--help"], "usage: train-segan"),
        (["transfer-segan", "--help"], "usage: transfer-segan"),
        (["python", "-m", "segan_tl", "--help"], "usage: python -m segan_tl"),
    ],
)
def test_help_says_how_it_was_called(words, usage, use):
    done = use(*words)
    assert done.returncode == 0 and done.stdout.startswith(usage)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["segan-tl", "train", "--config", "nnunet_small", "--set", "train.epoch=3"], "did you mean train.epochs?"),
        (["segan-tl", "train", "--config", "nnunet_smal"], "did you mean --config nnunet_small?"),
        (["train-segan", "--modality", "flair", "--data", "nowhere"], "nowhere does not exist"),
        (["transfer-segan", "--source", "flair", "--target", "t2"], "there is no trained model of flair"),
    ],
)
def test_mistakes_are_one_sentence(words, said, use, tmp_path):
    done = use(*words)
    assert done.returncode == 2 and said in done.stderr and len(done.stderr.splitlines()) == 1
    assert not any(path.is_file() for path in tmp_path.rglob("*"))


def test_a_page_finds_its_style_and_its_viewer(use):
    code = "from segan_tl.report.html.viewer import *; print(len(read_asset('report.css')), len(viewer_library()))"
    style, viewer = map(int, use("python", "-c", code).stdout.split())
    assert style > 1_000 and viewer > 1_000_000
