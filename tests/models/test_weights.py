"""Loading a .keras file: what is sound comes back whole; what is not is refused before it costs memory or runs."""

import io
import json
import resource
import subprocess
import sys
import zipfile
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest
import tensorflow as tf

from segan_tl.errors import UserError
from segan_tl.models.blocks import normalisation
from segan_tl.models.weights import load_network, save_network


def small_network():
    keras.utils.set_random_seed(3)
    x = image = keras.Input((None, None, 2), name="image")
    x = keras.layers.Conv2D(4, 3, padding="same", name="conv")(x)
    x = keras.layers.BatchNormalization(name="norm")(x)
    x = keras.layers.Dropout(0.1, name="drop")(keras.layers.ReLU(name="relu")(x))
    x = keras.layers.Concatenate(name="skip")([x, image])
    return keras.Model(image, keras.layers.Conv2D(1, 1, activation="sigmoid", name="probability")(x), name="segmentor")


@pytest.fixture(scope="module")
def members(tmp_path_factory):
    path = tmp_path_factory.mktemp("weights") / "net.keras"
    save_network(small_network(), path, {"modalities": ["t1", "t2"]})
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def write(path, members):
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def changed(members, change):
    """Return the members with the configuration changed in place by a function of its layers by name."""
    config = json.loads(members["config.json"])
    change({layer["config"]["name"]: layer for layer in config["config"]["layers"]}, config["config"]["layers"])
    return members | {"config.json": json.dumps(config)}


def test_a_file_holds_no_normalisation_that_only_tensorflow_takes(tmp_path):
    image = keras.Input((4, 4, 2), name="image")
    network = keras.Model(image, normalisation(image, 0.9, name="norm"))
    save_network(network, tmp_path / "net.keras", {})
    assert load_network(tmp_path / "net.keras").get_layer("norm").synchronized is False
    assert network.get_layer("norm").synchronized is True  # it trains on as before


def test_it_is_the_network_that_keras_itself_opens(members, tmp_path):
    path = write(tmp_path / "net.keras", members)
    ours, theirs = load_network(path), keras.models.load_model(path)
    assert ours.name == theirs.name and [one.name for one in ours.layers] == [one.name for one in theirs.layers]
    for mine, other in zip(ours.weights, theirs.weights, strict=True):
        assert (mine.name, mine.dtype, mine.trainable) == (other.name, other.dtype, other.trainable)
        np.testing.assert_array_equal(mine, other)
    image = np.random.default_rng(0).normal(size=(1, 6, 5, 2))
    np.testing.assert_array_equal(ours(image), theirs(image))
    assert load_network(path).get_layer("conv") is not ours.get_layer("conv")


def test_what_is_frozen_stays_frozen(tmp_path):
    model = small_network()
    model.get_layer("norm").trainable = False
    model.save(tmp_path / "a.keras")
    found = load_network(tmp_path / "a.keras")
    assert not found.get_layer("norm").trainable and found.get_layer("conv").trainable
    model.trainable = False
    model.save(tmp_path / "b.keras")
    assert not load_network(tmp_path / "b.keras").trainable_weights


def _many(by_name, layers):
    relu = by_name["relu"]
    layers += [relu | {"config": relu["config"] | {"name": f"r{n}"}, "name": f"r{n}"} for n in range(6000)]


def _set(layer, **values):
    return lambda by_name, _: by_name[layer]["config"].update(values)


def _widen(by_name, _):
    by_name["image"]["config"]["batch_shape"] = [None, None, None, 10**9]
    by_name["conv"]["build_config"]["input_shape"] = [None, None, None, 10**9]


BOMBS = {
    "filters": _set("conv", filters=10**9),
    "channels of the input": _widen,
    "kernel": _set("conv", kernel_size=[900, 900]),
    "voxels of the input": _set("image", batch_shape=[1, 10**6, 10**6, 2]),
    "steps": _set("conv", strides=[10**9, 1]),
    "layers": _many,
    "numbers without end": _set("conv", filters=10**400),
}


@pytest.mark.parametrize("kind", BOMBS)
def test_bombs_of_a_few_kilobytes_take_no_memory(members, tmp_path, kind):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(UserError, match="cannot be opened|more than any network"):
        load_network(write(tmp_path / "bomb.keras", changed(members, BOMBS[kind])))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000  # KB
    load_network(write(tmp_path / "net.keras", members))(np.zeros((1, 4, 4, 2)))  # nothing is left behind


def test_refused_inside_of_a_strategy(members, tmp_path):
    bomb = write(tmp_path / "bomb.keras", changed(members, BOMBS["filters"]))
    with tf.distribute.OneDeviceStrategy("/cpu:0").scope():
        with pytest.raises(UserError, match="cannot be opened by Keras"):
            load_network(bomb)
        network = load_network(write(tmp_path / "net.keras", members))
    assert network.count_params() == 99  # (2·9 + 1)·4 of conv, 4·4 of norm, (4 + 2) + 1 of probability


def test_models_that_call_themselves_without_end(members, tmp_path):
    """Twenty models, each of which calls the one inside it twice: a million layers from twenty."""
    inner = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2)], name="m0")
    for depth in range(1, 4):
        image = keras.Input((2,))
        inner = keras.Model(image, inner(inner(image)), name=f"m{depth}")
    inner.save(tmp_path / "few.keras")
    assert load_network(tmp_path / "few.keras").count_params() == 6
    with zipfile.ZipFile(tmp_path / "few.keras") as archive:
        found = {name: archive.read(name) for name in archive.namelist()}
    config = json.loads(found["config.json"])
    innermost = config["config"]["layers"][1]
    for _ in range(17):
        outer = json.loads(json.dumps(innermost))
        outer["config"]["layers"][1] = innermost
        innermost = outer
    config["config"]["layers"][1] = innermost
    with pytest.raises(UserError, match="more than 5000 layers|levels inside one another"):
        load_network(write(tmp_path / "many.keras", found | {"config.json": json.dumps(config)}))


def hdf5(members, change):
    """Return the members with the weights changed by a function."""
    memory = io.BytesIO(members["model.weights.h5"])
    with h5py.File(memory, "r+") as file:
        change(file)
    return members | {"model.weights.h5": memory.getvalue()}


def _link(file):
    del file["layers/conv2d/vars/0"]
    file["layers/conv2d/vars/0"] = h5py.ExternalLink("/etc/hostname", "/")


def _external(file):
    del file["layers/conv2d/vars/1"]
    file["layers/conv2d/vars"].create_dataset("1", (4,), "f4", external=[("/etc/hostname", 0, 16)])


@pytest.mark.parametrize("change", [_link, _external], ids=["link", "external"])
def test_weights_outside_of_the_file(members, tmp_path, change):
    with pytest.raises(UserError, match="cannot be read safely"):
        load_network(write(tmp_path / "net.keras", hdf5(members, change)))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_weights_that_are_no_numbers(members, tmp_path, value):
    def spoil(file):
        file["layers/conv2d/vars/0"][0, 0, 0, :3] = value

    with pytest.raises(UserError, match="3 weights of conv/kernel are NaN or infinite.*lower rate"):
        load_network(write(tmp_path / "net.keras", hdf5(members, spoil)))


def test_code_is_not_run(members, tmp_path):
    image = keras.Input((4,), name="image")
    canary = str(tmp_path / "canary")
    sly = keras.layers.Lambda(lambda x: (open(canary, "w"), x)[1], name="sly", output_shape=(4,))
    model = keras.Model(image, sly(image))
    Path(canary).unlink(missing_ok=True)
    model.save(tmp_path / "net.keras")
    with pytest.raises(UserError, match="Lambda .sly. runs code.*do not load"):
        load_network(tmp_path / "net.keras")
    (tmp_path / "words.txt").write_text("secret\n")
    keras.Model(image, keras.layers.ReLU()(image)).save(tmp_path / "net.keras")
    with zipfile.ZipFile(tmp_path / "net.keras") as archive:
        found = {name: archive.read(name) for name in archive.namelist()}
    config = json.loads(found["config.json"])
    config["config"]["layers"][1] |= {"class_name": "StringLookup"}
    with pytest.raises(UserError, match="may read files"):
        load_network(write(tmp_path / "net.keras", found | {"config.json": json.dumps(config)}))
    assert not Path(canary).exists()


def test_a_file_of_a_newer_keras_says_so(members, tmp_path):
    newer = changed(members, _set("conv", option_of_2027=1))
    newer["metadata.json"] = json.dumps({"keras_version": "3.99.0"})
    with pytest.raises(UserError, match=rf"saved by Keras 3.99.0, this is Keras {keras.__version__}.*update Keras"):
        load_network(write(tmp_path / "net.keras", newer))
    newer["config.json"] = members["config.json"]  # nothing new in it
    load_network(write(tmp_path / "net.keras", newer))


@pytest.mark.parametrize("config", [{}, {"config": 3}, {"config": {}}, {"class_name": "Dense"}], ids=str)
def test_a_configuration_of_something_else(members, tmp_path, config):
    with pytest.raises(UserError):
        load_network(write(tmp_path / "net.keras", members | {"config.json": json.dumps(config)}))


def test_keras_is_not_there_before_the_archive_is_checked():
    code = "import sys, segan_tl.models.provenance; sys.exit(any(n in sys.modules for n in ('keras', 'tensorflow')))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
