"""Reading .keras files without loading them: against Keras' own answer, and against hostile files."""

import io
import json
import subprocess
import sys
import zipfile

import h5py
import keras
import numpy as np
import pytest

from segan_tl.errors import UserError
from segan_tl.models.archive import LARGEST_BYTES
from segan_tl.models.dangers import find_dangers
from segan_tl.models.weights import save_network
from segan_tl.models.weights_file import READER
from segan_tl.report.inspect.checkpoint import content_sha256, read_network
from tests.small_runs import make_run, small_config, small_networks


def assert_equals_keras(network, model):
    """Every layer of the model is there, by name, with its own weights and flags."""
    assert [layer.config.name for layer in network.layers] == [layer.name for layer in model.layers]
    for layer in network.layers:
        own = model.get_layer(layer.config.name)
        assert layer.config.class_name == type(own).__name__
        assert layer.config.trainable == own.trainable
        assert layer.parameters == own.count_params()
        assert layer.config.output_shape == own.output.shape
        for read, weight in zip(layer.weights.items(), own.weights, strict=True):
            assert read[0] == weight.name
            np.testing.assert_array_equal(read[1], weight.numpy())
    assert sum(layer.trainable_parameters for layer in network.layers) == sum(
        int(np.prod(weight.shape)) for weight in model.trainable_weights
    )


@pytest.mark.parametrize("which", [0, 1])
def test_layers_and_weights_are_those_of_keras(tmp_path, which):
    model = small_networks()[which]
    for position, variable in enumerate(model.variables):  # every array different, gamma and moving statistics too
        variable.assign(variable + 0.01 * position)
    save_network(model, tmp_path / "net.keras", {"modalities": ["flair"]})
    network = read_network(tmp_path / "net.keras")
    assert_equals_keras(network, model)
    assert network.provenance == {"modalities": ["flair"]} and network.keras_version == keras.__version__
    assert network.dangers == () and network.remarks == () and network.verified is None


def test_frozen_layers_are_recognised(tmp_path):
    segmentor, critic = small_networks()
    segmentor.get_layer("enc2_norm").trainable = False
    critic.trainable = False
    for model in (segmentor, critic):
        model.save(tmp_path / f"{model.name}.keras")
        assert_equals_keras(read_network(tmp_path / f"{model.name}.keras"), model)


def test_more_than_ten_layers_of_a_class_keep_their_order(tmp_path):
    x = image = keras.Input((8, 8, 1))
    for position in range(13):
        x = keras.layers.Conv2D(2, 3, padding="same", name=f"layer_{12 - position}")(x)
        x = keras.layers.BatchNormalization(scale=position % 2 == 0, name=f"norm_{position}")(x)
    model = keras.Model(image, x)
    model.save(tmp_path / "net.keras")
    assert_equals_keras(read_network(tmp_path / "net.keras"), model)


def test_models_inside_models_are_opened(tmp_path):
    inner = keras.Sequential(
        [keras.Input((4,)), keras.layers.Dense(3, name="one"), keras.layers.Dense(2, name="two")], name="inner"
    )
    image = keras.Input((4,), name="image")
    model = keras.Model(image, keras.layers.Dense(1, name="last")(inner(image)))
    inner.get_layer("two").trainable = False
    model.save(tmp_path / "net.keras")
    network = read_network(tmp_path / "net.keras")
    found = {layer.config.name: layer for layer in network.layers}
    np.testing.assert_array_equal(found["inner/one"].weights["kernel"], inner.get_layer("one").kernel.numpy())
    np.testing.assert_array_equal(found["inner/two"].weights["kernel"], inner.get_layer("two").kernel.numpy())
    assert found["inner/one"].config.trainable and not found["inner/two"].config.trainable
    assert found["last"].parameters == 3 and network.remarks == ()


def test_layers_inside_a_layer_belong_to_it(tmp_path):
    image = keras.Input((5, 4), name="image")
    model = keras.Model(image, keras.layers.MultiHeadAttention(2, 3, name="attention")(image, image))
    model.save(tmp_path / "net.keras")
    layer = read_network(tmp_path / "net.keras").layers[-1]
    assert layer.parameters == model.count_params() and "query_dense/vars/0" in layer.weights


def test_content_is_the_same_whenever_it_was_saved(tmp_path):
    model = small_networks()[1]
    save_network(model, tmp_path / "one.keras", {"n": 1})
    save_network(model, tmp_path / "two.keras", {"n": 2})
    one, two = read_network(tmp_path / "one.keras"), read_network(tmp_path / "two.keras")
    assert one.sha256 != two.sha256 and content_sha256(one) == content_sha256(two)


def test_the_manifest_beside_a_file_is_checked_first(tmp_path):
    run = make_run(tmp_path / "run", small_config())
    assert read_network(run.best / "segmentor.keras").verified is True
    with (run.best / "segmentor.keras").open("ab") as file:
        file.write(b"more")
    with pytest.raises(UserError, match="sha256"):
        read_network(run.best / "segmentor.keras")


def test_keras_is_not_imported(tmp_path):
    small_networks()[1].save(tmp_path / "net.keras")
    code = (
        "import sys; from pathlib import Path; from segan_tl.report.inspect.checkpoint import read_network;"
        "read_network(Path(sys.argv[1]));"
        "sys.exit(any(name in sys.modules for name in ('keras', 'tensorflow', 'h5py')))"
    )
    assert subprocess.run([sys.executable, "-c", code, str(tmp_path / "net.keras")], check=False).returncode == 0


# === Hostile and damaged files ===


def rewrite(source, target, **replaced):
    """Copy an archive with some members replaced; None leaves a member out."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for name in old.namelist():
            content = replaced.get(name.replace(".", "_"), old.read(name))
            if content is not None:
                new.writestr(name, content)
    return target


def hdf5(fill):
    """Return an HDF5 file filled by a function, as bytes."""
    memory = io.BytesIO()
    with h5py.File(memory, "w") as file:
        fill(file)
    return memory.getvalue()


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    path = tmp_path_factory.mktemp("saved") / "net.keras"
    small_networks()[1].save(path)
    return path


@pytest.mark.parametrize(
    ("fill", "reason"),
    [
        (lambda file: file.__setitem__("layers/out", h5py.ExternalLink("/etc/passwd", "/")), "link to somewhere else"),
        (lambda file: file.__setitem__("layers/soft", h5py.SoftLink("/layers")), "link to somewhere else"),
        (lambda file: file.create_dataset("a", (9,), "u1", external=[("/etc/hostname", 0, 9)]), "another file"),
        (lambda file: file.create_dataset("a", (10**6, 10**4), "f4"), "declares more values than the file holds"),
        (lambda file: file.create_dataset("a", data=b"text"), "not numbers"),
        (lambda file: file.create_group("/".join("g" * 30)), "nested more than"),
    ],
)
def test_hostile_weights_are_refused(saved, tmp_path, fill, reason):
    path = rewrite(saved, tmp_path / "bad.keras", model_weights_h5=hdf5(fill))
    with pytest.raises(UserError, match=reason):
        read_network(path)


def test_weights_that_are_not_hdf5_are_refused(saved, tmp_path):
    path = rewrite(saved, tmp_path / "bad.keras", model_weights_h5=b"nothing of the kind" * 100)
    with pytest.raises(UserError, match="cannot be read safely"):
        read_network(path)


@pytest.mark.parametrize(
    ("replaced", "reason"),
    [
        ({"config_json": None}, "holds no config.json"),
        ({"model_weights_h5": None}, "holds no model.weights.h5"),
        ({"config_json": b"{"}, "not JSON"),
        ({"config_json": b"[" * 100_000 + b"]" * 100_000}, "not JSON"),
        ({"config_json": b"[1]"}, "no JSON object"),
        ({"config_json": b'{"config": {"layers": [3]}}'}, "does not describe"),
        ({"metadata_json": b'"' + b"x" * LARGEST_BYTES["metadata.json"] + b'"'}, "implausibly large"),
    ],
)
def test_damaged_archives_are_refused(saved, tmp_path, replaced, reason):
    with pytest.raises(UserError, match=reason):
        read_network(rewrite(saved, tmp_path / "bad.keras", **replaced))


def test_a_compressed_bomb_is_refused(saved, tmp_path):
    with zipfile.ZipFile(tmp_path / "bomb.keras", "w", zipfile.ZIP_DEFLATED) as new, zipfile.ZipFile(saved) as old:
        new.writestr("config.json", old.read("config.json"))
        new.writestr("model.weights.h5", bytes(20_000_000))
    with pytest.raises(UserError, match="implausibly large"):
        read_network(tmp_path / "bomb.keras")


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 cut off", b"no archive"])
def test_other_files_are_refused(tmp_path, content):
    (tmp_path / "net.keras").write_bytes(content)
    with pytest.raises(UserError, match="not a readable .keras file"):
        read_network(tmp_path / "net.keras")


def test_a_truncated_file_is_refused(saved, tmp_path):
    (tmp_path / "cut.keras").write_bytes(saved.read_bytes()[:-100])
    with pytest.raises(UserError, match="not a readable .keras file"):
        read_network(tmp_path / "cut.keras")


def test_layers_that_run_code_are_named(tmp_path):
    image = keras.Input((4,), name="image")
    model = keras.Model(image, keras.layers.Lambda(lambda x: x * 2, name="double")(image))
    model.save(tmp_path / "net.keras")
    dangers = read_network(tmp_path / "net.keras").dangers
    assert any("Lambda (double) runs code" in danger for danger in dangers)


@pytest.mark.parametrize(
    ("node", "dangerous"),
    [
        ({"class_name": "Conv2D", "module": "keras.layers", "registered_name": None}, False),
        (
            {
                "class_name": "ClipWeights",
                "module": "segan_tl.models.blocks",
                "registered_name": "segan_tl>ClipWeights",
            },
            False,
        ),
        ({"class_name": "TFSMLayer", "module": "keras.layers", "registered_name": None}, True),
        ({"class_name": "Mine", "module": "somewhere", "registered_name": "package>Mine"}, True),
        ({"class_name": "Popen", "module": "subprocess", "registered_name": None}, True),
        ({"class_name": "function", "module": "builtins", "config": "run", "registered_name": "function"}, True),
    ],
)
def test_what_counts_as_dangerous(node, dangerous):
    assert bool(find_dangers({"config": {"layers": [node]}})) is dangerous
    assert bool(find_dangers(json.loads(json.dumps([[{"deep": node}]])))) is dangerous


def test_the_reading_process_lives_within_its_limits(saved, tmp_path):
    with zipfile.ZipFile(saved) as archive:
        (tmp_path / "weights.h5").write_bytes(archive.read("model.weights.h5"))
    files = [str(tmp_path / "weights.h5"), str(tmp_path / "out.npz")]
    command = [sys.executable, "-P", str(READER)]
    assert subprocess.run([*command, str(2 * 2**30), *files], capture_output=True, check=False).returncode == 0
    (tmp_path / "out.npz").unlink()
    assert subprocess.run([*command, str(40 * 2**20), *files], capture_output=True, check=False).returncode != 0
    assert not (tmp_path / "out.npz").exists()
