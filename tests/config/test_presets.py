"""A configuration is found by its name wherever one stands, and says in a sentence what it is."""

import pytest

from segan_tl.config.presets import CONFIGS, describe_presets, find_config, find_preset, first_sentence
from segan_tl.errors import UserError


@pytest.mark.parametrize("name", ["nnunet", "nnunet.toml", "configs/nnunet.toml", "configs/nnunet"])
def test_a_name_is_found_from_any_folder(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert find_config(name) == CONFIGS / "nnunet.toml"


def test_a_file_of_ones_own_comes_first(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "nnunet.toml").touch()
    assert find_config("nnunet.toml").resolve() == tmp_path / "nnunet.toml"
    assert find_config("nnunet") == CONFIGS / "nnunet.toml"


def test_a_path_to_ones_own_file_is_not_replaced_by_another_of_its_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match="no configuration file mine/nnunet.toml; did you mean --config nnunet"):
        find_config("mine/nnunet.toml")


@pytest.mark.parametrize(
    ("name", "words"),
    [("nnunet_smal", "did you mean nnunet_small"), ("zzz", "expected one of albunet2d"), ("../nnunet", "mean nnunet")],
)
def test_what_does_not_come_along_is_named(name, words):
    with pytest.raises(UserError, match=words):
        find_preset(name)


def test_every_configuration_says_what_it_is():
    presets = {preset.name: preset for preset in describe_presets()}
    assert all(preset.about.endswith(".") and len(preset.about) > 30 for preset in presets.values())
    assert presets["segan_cat"].family == "segan" and presets["kaur"].family == "cicek"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("# One.\n# Two.\n", "One."),
        ("# For 1.5 T and\n# 3 T. More.\nseed = 0", "For 1.5 T and 3 T."),  # a point inside a number ends nothing
        ("# Without a point\n#\n# another paragraph.", "Without a point"),
        ("seed = 0  # no header", ""),
        ("", ""),
    ],
)
def test_the_first_sentence(text, sentence):
    assert first_sentence(text) == sentence
