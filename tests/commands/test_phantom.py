"""`python -m segan_tl phantom`: what it writes, says and refuses."""

import argparse

import pytest

from segan_tl.commands import phantom
from segan_tl.errors import UserError


def parse(words: list[str]) -> argparse.Namespace:
    """Parse a command line of the command."""
    parser = argparse.ArgumentParser()
    phantom.add_arguments(parser)
    return parser.parse_args(words)


def test_makes_a_cohort_and_names_the_next_command(tmp_path, capsys):
    out = tmp_path / "cohort"
    picture = tmp_path / "picture.png"
    words = [str(out), "--cohort", "ms", "--cases", "1", "--shape", "32", "32", "21", "--jobs", "1"]
    assert phantom.run(parse([*words, "--picture", str(picture)])) == 0
    said = "".join(capsys.readouterr().out.split())
    assert "synthetic" in said
    assert "pythontrain_segan.py--modalityflair--data" in said
    assert (out / "phantom-ms-0001" / "phantom-ms-0001_flair.nii.gz").is_file()
    assert picture.read_bytes().startswith(b"\x89PNG")
    with pytest.raises(UserError, match="--overwrite"):
        phantom.run(parse(words))
    assert phantom.run(parse([*words, "--overwrite"])) == 0


def test_refuses_a_file_as_folder(tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text("mine")
    with pytest.raises(UserError, match="another OUT"):
        phantom.run(parse([str(path)]))
