"""Configuration: what is read, and how a mistake is answered."""

import runpy
from pathlib import Path

import pytest

from segan_tl.config.load import load_config, revise_config, validate
from segan_tl.config.presets import CONFIGS
from segan_tl.errors import UserError


@pytest.mark.parametrize("path", sorted(CONFIGS.glob("*.toml")), ids=lambda path: path.stem)
def test_every_shipped_config_is_valid_and_says_its_command(path):
    load_config(path)
    assert any(command in path.read_text() for command in ("python train_segan.py", "python -m segan_tl"))


def test_published_values():
    config = load_config("segan_cat")
    assert config.data.crop == (180, 180, 128) and config.data.patch == (1, 160, 160)
    assert config.data.percentiles == (2, 98) and config.data.split == (0.8, 0.1, 0.1)
    assert (config.train.optimizer, config.train.learning_rate) == ("rmsprop", 2e-5)
    assert (config.train.batch_size, config.train.patience, config.critic.clip) == (64, 500, 0.05)


def test_overrides_are_toml_values():
    config = load_config("segan_cat", ["train.learning_rate=2e-4", "data.modalities=['t1','t2']", "name=mine"])
    assert config.train.learning_rate == 2e-4
    assert config.data.modalities == ("t1", "t2")
    assert config.name == "mine"


@pytest.mark.parametrize("place", [0, 1, 2])
@pytest.mark.parametrize("wrong", ["train.epochs=many", "trian.epochs=1", "data.patch=[1,150,150]", "model.x=[[[1]]]"])
def test_of_several_overrides_the_wrong_one_alone_is_named(wrong, place):
    overrides = ["name=mine", "train.batch_size=2"]
    overrides.insert(place, wrong)
    with pytest.raises(UserError) as refused:
        load_config("segan_cat", overrides)
    assert str(refused.value).startswith(f"segan_cat.toml with --set {wrong}: ")
    assert "mine" not in str(refused.value) and "batch_size" not in str(refused.value)
    with pytest.raises(UserError) as refused:
        revise_config(load_config("segan_cat"), overrides)
    assert str(refused.value).startswith(f"--set {wrong}: ")


def test_an_override_that_mends_another_is_no_fault():
    pair = ["critic.update=alternating", "name=mine", "data.patch=[1,32,32]", "data.crop=[32,32,16]"]
    assert load_config("segan_cat", pair).data.crop == (32, 32, 16)


def test_a_fault_of_the_file_is_not_laid_on_an_override(tmp_path):
    (tmp_path / "mine.toml").write_text("name = 'mine'\n[train]\nepoch = 3\n")
    with pytest.raises(UserError) as refused:
        load_config(tmp_path / "mine.toml", ["train.batch_size=2"])
    assert str(refused.value).startswith(f"{tmp_path / 'mine.toml'}: ") and "--set" not in str(refused.value)


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
        ("data.patch=[1,150,150]", "divisible by [1, 16, 16]"),
        ("data.window=[150,150]", "divisible by [1, 16, 16]"),
        ("data.patch=[1,192,192]", "larger along H, W than data.crop"),
        ("data.split=[0.8,0.1,0.2]", "add up to 1"),
        ("data.neighbours=5", "less than or equal to 4"),
        ("data.plane=oblique", "'axial', 'coronal' or 'sagittal'"),
        ("data.plane=coronal", "larger along H, D than data.crop [180, 180, 128], whose coronal slices are 180 × 128"),
        ("data.plane=sagittal", "along D, W than data.crop [180, 180, 128], whose sagittal slices are 128 × 180"),
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
        load_config("segan_cat").train.epochs = 3


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


def test_a_section_that_is_left_out_is_done_without():
    assert load_config("nnunet_small").critic is None
    assert load_config("nnunet_small", ["critic.filters=[16,32]"]).critic.filters == (16, 32)


def test_null_leaves_a_key_or_a_section_out():
    own = load_config("segan_cpu", ["critic=null", "train.patience=null"])
    assert own.critic is None and own.train.patience is None and load_config("segan_cpu").critic is not None
    with pytest.raises(UserError, match="train.epochs = None: expected a whole number"):
        load_config("segan_cpu", ["train.epochs=null"])


# === Keys as they were written before ===


def test_older_keys_of_segan_mean_what_they_meant():
    older = {
        "data": {"crop": [48, 48, 16], "window": [32, 32]},
        "augment": {
            "flip": 0.5, "rotation_degrees": 10, "scale": 0.25, "gamma": 0.25, "noise": 0.02, "brightness": 0.1,
        },
        "model": {"filters": [4, 4, 8, 8], "critic_filters": [4, 4, 8], "critic_input": "mask", "leaky_slope": 0.3},
        "train": {
            "tumour_fraction": 0.5, "update": "alternating", "critic_steps": 2, "clip": 0.1, "dice_weight": 0.5,
            "critic_learning_rate": 1e-4, "steps_per_epoch": None,
        },
    }  # fmt: skip
    config = validate(older, source="the test")
    assert (config.name, config.model.family, config.data.sampling) == ("segan", "segan", "slices")
    assert (config.data.patch, config.data.foreground) == ((1, 32, 32), 0.5)
    assert config.critic.filters == (4, 4, 8) and config.critic.input == "mask" and config.critic.clip == 0.1
    assert (config.critic.update, config.critic.steps, config.critic.learning_rate) == ("alternating", 2, 1e-4)
    assert config.critic.leaky_slope == config.model.leaky_slope == 0.3
    assert config.train.loss_weights == (0.5, 1.0) and config.train.steps_per_epoch == 0
    augment = config.augment
    assert (augment.mirror, augment.mirror_axes, augment.rotation) == (0.5, ("H",), 1.0)
    assert (augment.scaling, augment.scale) == (1.0, (0.8, 1.25)) == (augment.gamma, augment.gamma_exponent)
    assert (augment.noise, augment.noise_std) == (1.0, (0.02, 0.02))
    assert (augment.brightness, augment.brightness_factor) == (1.0, (0.9, 1.1))


def test_older_keys_as_changes_of_a_newer_file():
    changes = ["data.window=[64,64]", "train.update=alternating", "model.critic_filters=[8,8]", "train.clip=0.2"]
    config = load_config("quickstart", changes)
    assert config.data.patch == (1, 64, 64) and config.critic.filters == (8, 8)
    assert (config.critic.update, config.critic.clip) == ("alternating", 0.2)


def test_what_is_kept_of_an_older_run_is_read_again():
    config = load_config("quickstart")
    assert validate(config.model_dump(mode="json"), source="the test") == config


ANY = ["data.subsets=any", "data.modalities=[t2,flair]"]


def test_a_network_for_any_subset_has_a_plane_for_each_modality():
    config = load_config("nnunet_small", ANY)
    assert config.channels == 4 and load_config("nnunet_small", ANY[1:]).channels == 2
    assert not load_config("nnunet_small").data.any_subset and load_config("nnunet_small").channels == 4


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("data.modalities=[t2]", "data.subsets 'any' is for several modalities; found t2 alone"),
        ("data.subset_shares=[0.5,0.3,0.2]", "expected 2 shares that add up to 1"),
        ("data.subset_shares=[0.5,0.3]", "expected 2 shares that add up to 1"),
        ("data.subsets=some", "expected 'all' or 'any'"),
    ],
)
def test_subsets_that_make_no_sense(override, words):
    with pytest.raises(UserError) as raised:
        load_config("nnunet_small", [*ANY, override])
    assert words in str(raised.value)


# === Slices with their neighbours ===


def test_neighbours_are_channels_of_the_network():
    assert load_config("segan_cat").channels == 1 and load_config("segan_cat", ["data.neighbours=2"]).channels == 5
    both = ["data.modalities=[t2,flair]", "data.neighbours=1"]
    assert load_config("segan_cat", both).channels == 6
    assert load_config("segan_cat", [*both, "data.subsets=any"]).channels == 8  # and a plane for each modality


def test_neighbours_are_of_slices():
    with pytest.raises(UserError, match="data.neighbours 1 are of slices.*'random': leave data.neighbours out"):
        load_config("nnunet_small", ["data.neighbours=1"])


def test_a_plane_is_of_slices():
    with pytest.raises(UserError, match="data.plane 'coronal' is of slices.*found no data.crop: leave data.plane out"):
        load_config("nnunet_small", ["data.plane=coronal"])
    coronal = load_config("segan_cat", ["data.plane=coronal", "data.patch=[1,160,112]"])
    assert coronal.data.axes == "WHD" and load_config("segan_cat").data.axes == "DHW"


def test_the_changes_that_are_measured_with_few_cases_are_changes():
    variants = runpy.run_path(str(Path(__file__).parents[2] / "benchmarks" / "few_cases.py"))["VARIANTS"]
    base = load_config("segan_cpu")
    same = [name for name, settings in variants.items() if load_config("segan_cpu", settings) == base]
    assert same == ["segan_cpu"] and len(variants) > 8
