"""The builders make the same networks under Keras' JAX backend, in a process where TensorFlow cannot be imported.

    make test-jax
"""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

from segan_tl.config.model import ModelConfig
from segan_tl.models import build_model
from segan_tl.models.segan import build_critic
from tests.models.battery import noise
from tests.models.test_models import SMALL

ROOT = Path(__file__).parents[2]
ANSWERED = ("nnunet", "segan", "mednext")
TOLERANCE = 1e-4
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        importlib.util.find_spec("jax") is None, reason="no JAX; install it with: pip install -e '.[jax]'"
    ),
]


def outputs_of(network: keras.Model, image: np.ndarray) -> np.ndarray:
    outputs = network(image, training=False)
    return np.concatenate([np.ravel(output) for output in (outputs if isinstance(outputs, list) else [outputs])])


@pytest.fixture(scope="module")
def found(tmp_path_factory) -> tuple[dict, dict, dict, dict]:
    """Return name → number of weights and name → answers, of TensorFlow and of JAX."""
    folder = tmp_path_factory.mktemp("builders")
    families = {name: {"family": name, **SMALL[name]} for name in SMALL}
    (folder / "families.json").write_text(json.dumps(families), encoding="utf-8")
    counts, answers = {"critic": build_critic((32, 32, 2), classes=3, filters=(4, 8)).count_params()}, {}
    for name, settings in families.items():
        keras.utils.set_random_seed(1)
        network = build_model(ModelConfig.model_validate(settings), channels=2, classes=3)
        counts[name] = network.count_params()
        if name in ANSWERED:
            image = noise(2, *[32] * (len(network.input_shape) - 2), 2)
            weights = {f"weight{i}": values for i, values in enumerate(network.get_weights())}
            np.savez(folder / f"{name}.npz", image=image, **weights)
            answers[name] = outputs_of(network, image)
    environment = os.environ | {"KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu", "PYTHONPATH": str(ROOT)}
    script = Path(__file__).with_name("jax_builders.py")
    done = subprocess.run(
        [sys.executable, script, folder], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    with np.load(folder / "jax.npz") as file:
        return counts, answers, json.loads((folder / "counts.json").read_text(encoding="utf-8")), dict(file)


def test_every_network_is_built_without_tensorflow(found):
    counts, _, theirs, _ = found
    assert theirs == counts and set(counts) == {*SMALL, "critic"}


@pytest.mark.parametrize("name", ANSWERED)
def test_it_answers_as_with_tensorflow(found, name):
    _, ours, _, theirs = found
    assert ours[name].shape == theirs[name].shape and np.std(ours[name]) > 1e-2
    assert np.abs(ours[name] - theirs[name]).max() < TOLERANCE
