"""`configs` lists what comes along, shows it as it is, and copies it without writing over anything."""

import pytest

from segan_tl.__main__ import main
from segan_tl.config.load import load_config
from segan_tl.config.presets import CONFIGS, preset_names


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    """Stand in an empty folder."""
    monkeypatch.chdir(tmp_path)


def test_the_list_names_all(capsys):
    assert main(["configs"]) == 0
    said = capsys.readouterr().out
    assert all(f" {name} " in said for name in preset_names())
    assert "cicek" in said and "sized for two" in said


def test_what_is_shown_is_the_file(capsys):
    assert main(["configs", "show", "nnunet_small"]) == 0
    assert capsys.readouterr().out == (CONFIGS / "nnunet_small.toml").read_text()


@pytest.mark.parametrize(
    ("words", "file", "next_command"),
    [
        (["nnunet_small"], "nnunet_small.toml", "train --config nnunet_small.toml"),
        (["quickstart", "--to", "mine.toml"], "mine.toml", "train-segan --modality flair --config mine.toml"),
        (["quickstart.toml", "--to", "new/a b.toml"], "new/a b.toml", "--config 'new/a b.toml'"),
        (["unet3d", "--to", "."], "unet3d.toml", "train --config unet3d.toml"),
    ],
)
def test_a_copy_is_a_configuration(words, file, next_command, tmp_path, capsys):
    assert main(["configs", "copy", *words]) == 0
    assert next_command in capsys.readouterr().out
    assert load_config(tmp_path / file) == load_config(words[0])


def test_a_copy_writes_over_nothing_unless_told(tmp_path, capsys):
    own = tmp_path / "nnunet.toml"
    own.write_text("mine")
    assert main(["configs", "copy", "nnunet"]) == 2
    assert "nnunet.toml is there already" in capsys.readouterr().err and own.read_text() == "mine"
    assert main(["configs", "copy", "nnunet", "--overwrite"]) == 0
    assert own.read_text() == (CONFIGS / "nnunet.toml").read_text()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["shwo"], "did you mean configs show?"),
        (["nnunet_smal"], "did you mean configs show nnunet_small?"),
        (["quickstart.toml"], "did you mean configs show quickstart?"),
        (["zzz"], "type python -m segan_tl configs for the list"),
        (["list", "nnunet"], "type python -m segan_tl configs show nnunet"),
        (["show"], "configs show expects the name of a configuration"),
        (["copy"], "configs copy expects the name of a configuration"),
        (["show", "nnunett"], "did you mean nnunet?"),
        (["show", "nnunet", "--to", "x"], "--to belongs to configs copy"),
        (["--overwrite"], "--overwrite belongs to configs copy"),
    ],
)
def test_mistakes_are_one_sentence(words, said, tmp_path, capsys):
    assert main(["configs", *words]) == 2
    message = capsys.readouterr().err
    assert said in message and len(message.splitlines()) == 1 and not list(tmp_path.iterdir())
