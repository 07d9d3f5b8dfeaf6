"""Configuration: what is read, and how a mistake is answered."""

import pytest

from segan_tl.config.load import Config, load_config
from segan_tl.config.presets import CONFIGS
from segan_tl.errors import UserError


@pytest.mark.parametrize("path", sorted(CONFIGS.glob("*.toml")), ids=lambda path: path.stem)
def test_every_shipped_config_is_valid_and_says_its_command(path):
    load_config(path)
    assert any(command in path.read_text() for command in ("python train_segan.py", "python -m segan_tl"))


def test_published_values():
    config = load_config("segan_cat")
    assert config.data.crop == (180, 180, 128) and config.data.window == (160, 160)
    assert config.data.percentiles == (2, 98) and config.data.split == (0.8, 0.1, 0.1)
    assert (config.train.optimizer, config.train.learning_rate) == ("rmsprop", 2e-5)
    assert (config.train.batch_size, config.train.patience, config.train.clip) == (64, 500, 0.05)


def test_overrides_are_toml_values():
    config = load_config("segan_cat", ["train.learning_rate=2e-4", "data.modalities=['t1','t2']", "name=mine"])
    assert config.train.learning_rate == 2e-4
    assert config.data.modalities == ("t1", "t2")
    assert config.name == "mine"


@pytest.mark.parametrize(
    ("override", "value"),
    [
        ("data.modalities=[t1,flair]", ("t1", "flair")),
        ("data.modalities=[ t1, 'flair' , ]", ("t1", "flair")),
        ("data.modalities=[t2]", ("t2",)),
        ("data.split=[0.6,0.2,0.2]", (0.6, 0.2, 0.2)),
    ],
)
def test_lists_that_have_lost_their_quotes_in_the_shell(override, value):
    key = override.partition("=")[0].partition(".")[2]
    assert getattr(load_config("segan_cat", [override]).data, key) == value


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("train.learning_rat=1", "did you mean train.learning_rate?"),
        ("trian.epochs=1", "did you mean train?"),
        ("train.epochs=many", "train.epochs"),
        ("train.epochs=-1", "greater than 0"),
        ("data.modalities=['flare']", "flair"),
        ("data.modalities=[t1,flare]", "flair"),
        ("data.modalities=[t1", "data.modalities"),
        ("data.window=[150,150]", "divisible by 16"),
        ("data.window=[192,192]", "larger than data.crop"),
        ("data.split=[0.8,0.1,0.2]", "add up to 1"),
        ("train.schedule=cosine", "set train.epochs"),
        ("train.epochs", "key=value"),
    ],
)
def test_mistakes_are_named(override, words):
    with pytest.raises(UserError, match=None) as caught:
        load_config("segan_cat", [override])
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_file_names_those_that_exist():
    with pytest.raises(UserError, match=r"segan_cat\.toml"):
        load_config("nowhere.toml")


def test_broken_toml(tmp_path):
    (tmp_path / "broken.toml").write_text("[train\nepochs = 3")
    with pytest.raises(UserError, match="not valid TOML"):
        load_config(tmp_path / "broken.toml")


def test_values_never_change():
    with pytest.raises(ValueError, match="frozen"):
        Config().train.epochs = 3


@pytest.mark.parametrize(
    "name", ["../x", "..", "/etc", "a/b", "a\\\\b", ".x", "-x", "a b", "con", "nul.x", "x\\n", "a" * 201, "", "5"]
)
def test_a_name_is_one_folder(name, tmp_path):
    (tmp_path / "own.toml").write_text(f'name = "{name}"\n')
    change = [f'name="{name}"']
    for config, changes in (("quickstart", change), ("nnunet", change), (tmp_path / "own.toml", [])):
        if name == "5":
            assert load_config(config, changes).name == "5"
        else:
            with pytest.raises(UserError, match="name = ") as refused:
                load_config(config, changes)
            assert "\n" not in str(refused.value)
