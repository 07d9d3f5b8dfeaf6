"""The inspect command, through the front door."""

import json

import keras
import pytest

from segan_tl.__main__ import main
from tests.small_runs import make_run, small_config, small_networks


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Two runs that share a critic."""
    root = tmp_path_factory.mktemp("inspect_command")
    segmentor, critic = small_networks(seed=1)
    make_run(root / "segan" / "flair", small_config(), segmentor=segmentor, critic=critic)
    make_run(root / "segan" / "t2", small_config(), segmentor=small_networks(seed=2)[0], critic=critic)
    return root


def test_tables_of_a_run(runs, capsys):
    assert main(["inspect", "segan/flair", "--runs", str(runs)]) == 0
    printed = capsys.readouterr().out
    expected = ["best epoch 3 of 4", "validation Dice 0.6", "SYNTHETIC", "verified against its manifest", "enc2_norm"]
    expected += ["BatchNormalization", "moving_variance", "4×4×4×8", "critic: 8 layers", "segmentor: 30 layers"]
    for text in expected:
        assert text in printed, text


def test_what_moved(runs, capsys):
    assert main(["inspect", "segan/t2", "--against", "segan/flair", "--runs", str(runs)]) == 0
    last = capsys.readouterr().out.strip().splitlines()[-2:]
    assert last[0].startswith("segmentor: 8 of 14 layers moved (the files differ)")
    assert last[1].startswith("critic: byte-identical in all 3 layers")


def test_json(runs, capsys):
    assert main(["inspect", "segan/t2", "--against", "segan/flair", "--json", "--runs", str(runs)]) == 0
    value = json.loads(capsys.readouterr().out)
    assert set(value["networks"]) == set(value["against"]["networks"]) == {"segmentor", "critic"}


def test_a_single_file_is_not_verified(tmp_path, capsys):
    small_networks()[1].save(tmp_path / "critic.keras")
    assert main(["inspect", str(tmp_path / "critic.keras")]) == 0
    assert "no manifest: not verified" in capsys.readouterr().out


def test_a_file_that_runs_code_is_flagged(tmp_path, capsys):
    image = keras.Input((4,), name="image")
    keras.Model(image, keras.layers.Lambda(lambda x: x, name="sly")(image)).save(tmp_path / "net.keras")
    assert main(["inspect", str(tmp_path / "net.keras")]) == 1
    printed = capsys.readouterr().out
    assert "DANGER" in printed and "Lambda (sly)" in printed


@pytest.mark.parametrize("target", ["segan/none", "nothing.keras"])
def test_what_is_not_there_is_one_sentence(runs, capsys, target):
    assert main(["inspect", target, "--runs", str(runs)]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and error.startswith("error: ")


def test_a_damaged_run_is_refused(tmp_path, capsys):
    run = make_run(tmp_path / "run", small_config())
    with (run.best / "segmentor.keras").open("r+b") as file:
        file.seek(200)
        file.write(b"!!")
    assert main(["inspect", str(run.root)]) == 2
    assert "sha256" in capsys.readouterr().err


def test_weights_that_are_no_numbers_are_named(tmp_path, capsys):
    critic = small_networks()[1]
    kernel = critic.get_layer("enc2_conv").kernel
    values = kernel.numpy()
    values[0, 0, 0, :3] = float("nan")
    kernel.assign(values)
    critic.save(tmp_path / "critic.keras")
    assert main(["inspect", str(tmp_path / "critic.keras")]) == 1
    printed = capsys.readouterr().out
    assert "3 values of enc2_conv/kernel are NaN or infinite" in printed
    assert main(["inspect", str(tmp_path / "critic.keras"), "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["networks"]["critic"]["non_finite"] == {"enc2_conv/kernel": 3}
