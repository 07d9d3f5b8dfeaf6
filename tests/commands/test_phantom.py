"""`python -m segan_tl phantom`: what it writes, says and refuses."""

import argparse

import pytest

from segan_tl.commands import phantom
from segan_tl.data.phantom import picture, simulate_case, write
from segan_tl.disk import leftovers
from segan_tl.errors import UserError


def parse(words: list[str]) -> argparse.Namespace:
    """Parse a command line of the command."""
    parser = argparse.ArgumentParser()
    phantom.add_arguments(parser)
    return parser.parse_args(words)


def test_makes_a_cohort_and_names_the_next_command(tmp_path, capsys):
    out = tmp_path / "cohort"
    drawn = tmp_path / "picture.png"
    words = [str(out), "--cohort", "ms", "--cases", "1", "--shape", "32", "32", "21", "--jobs", "1"]
    assert phantom.run(parse([*words, "--picture", str(drawn)])) == 0
    said = "".join(capsys.readouterr().out.split())
    assert "synthetic" in said
    assert "python-msegan_tltrain-segan--modalityflair--data" in said
    assert (out / "phantom-ms-0001" / "phantom-ms-0001_flair.nii.gz").is_file()
    assert drawn.read_bytes().startswith(b"\x89PNG")
    with pytest.raises(UserError, match="--overwrite"):
        phantom.run(parse(words))
    assert phantom.run(parse([*words, "--overwrite"])) == 0


def test_makes_hard_patients(tmp_path):
    words = [str(tmp_path / "hard"), "--variety", "hard", *SMALL, "--picture", str(tmp_path / "picture.png")]
    assert phantom.run(parse(words)) == 0
    assert '"variety": "hard"' in (tmp_path / "hard" / "cohort.json").read_text()
    with pytest.raises(UserError, match="found 'harder'; use --variety hard"):
        phantom.run(parse([str(tmp_path / "harder"), "--variety", "harder", *SMALL]))


def test_refuses_a_file_as_folder(tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text("mine")
    with pytest.raises(UserError, match="another OUT"):
        phantom.run(parse([str(path)]))


SMALL = ["--cohort", "ms", "--cases", "1", "--shape", "16", "16", "16", "--jobs", "1"]


@pytest.fixture(scope="module")
def simulated():
    return simulate_case("ms", case_index=0, shape=(16, 16, 16), seed=0)


@pytest.fixture
def quick(simulated, monkeypatch):
    """Take a case from the shelf instead of simulating it again and again."""
    for module in (write, picture):
        monkeypatch.setattr(module, "simulate_case", lambda *_, **__: simulated)


def contents(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("moment", ["while the cases are made", "while they are put in their place"])
def test_a_killed_command_is_run_again(quick, tmp_path, moment):
    class Killed(BaseException):
        pass

    def kill(*_arguments, **_options):
        raise Killed

    assert phantom.run(parse([str(tmp_path / "whole"), *SMALL])) == 0
    out = tmp_path / "killed"
    with pytest.MonkeyPatch.context() as patch, pytest.raises(Killed):
        patch.setattr(write.shutil, "rmtree", lambda *_, **__: None)  # a killed process removes nothing
        if moment == "while the cases are made":
            patch.setattr(write, "describe", kill)
        else:
            replace = write.Path.replace
            patch.setattr(write.Path, "replace", lambda a, b: kill() if b.name == "cohort.json" else replace(a, b))
        phantom.run(parse([str(out), *SMALL, "--picture", str(out / "picture.png")]))
    assert not (out / "cohort.json").exists()
    leftovers._given.clear()  # as in another process
    assert phantom.run(parse([str(out), *SMALL, "--picture", str(out / "picture.png")])) == 0
    (out / "picture.png").unlink()
    assert contents(out) == contents(tmp_path / "whole")


def test_what_a_user_put_there_is_no_unfinished_cohort(tmp_path):
    (tmp_path / "README.txt").write_text("mine")
    with pytest.raises(UserError, match="--overwrite"):
        phantom.run(parse([str(tmp_path), *SMALL]))


def test_a_full_disk_is_one_sentence_and_keeps_the_old_cohort(quick, small_disk, tmp_path):
    disk = small_disk(256)
    assert phantom.run(parse([str(disk / "out"), *SMALL])) == 0
    before = contents(disk / "out")
    with pytest.raises(OSError, match="No space left"):
        (disk / "others").write_bytes(bytes(1 << 20))
    with pytest.raises(UserError, match=f"^the disk is full: cannot write {disk / 'out'} .*; free some space and run"):
        phantom.run(parse([str(disk / "out"), *SMALL, "--overwrite"]))
    assert contents(disk / "out") == before
    with pytest.raises(UserError, match="the disk is full"):
        phantom.run(parse([str(tmp_path / "out"), *SMALL, "--picture", str(disk / "picture.png")]))
