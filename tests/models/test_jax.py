"""Saved networks answer the same under Keras' JAX backend, in a process that never sees TensorFlow; so do the losses.

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

from segan_tl.config.families import FAMILIES
from segan_tl.config.model import ModelConfig
from segan_tl.models import build_model, publish
from segan_tl.models.dann import build_domain_classifier
from segan_tl.models.segan import build_critic
from segan_tl.models.weights import save_network
from tests.models.jax_answers import answer, losses
from tests.models.test_models import SMALL

ROOT = Path(__file__).parents[2]
# Of probabilities, and of features of the size of 1. Seven of eight voxels of the maps in ren_repo are one constant:
# there the normalisation enlarges TensorFlow's rounding in float32; in float64 the two agree within 3e-7.
TOLERANCE, TOLERANCE_OF = 1e-5, {"ren_repo": 1e-3}
# With layers that Keras has not: the file opens once segan_tl.models.weights is imported.
OWN = ("mednext", "ren_repo", "critic", "domain_classifier")
STOCK = ("segan", "unet3d", "cicek", "nnunet", "resenc", "albunet3d", "albunet2d")
LOSSES = (
    "multi_scale_l1", "dice_loss", "soft_dice_loss", "binary_cross_entropy", "cross_entropy", "mean_squared_error",
)  # fmt: skip
# Four minutes on two cores: JAX compiles, shape by shape, the random values that networks have before their weights.
pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.skipif(
        importlib.util.find_spec("jax") is None, reason="no JAX; install it with: pip install -e '.[jax]'"
    ),
]


def build(name: str) -> keras.Model:
    """Return a small network as a run publishes it."""
    if name == "critic":
        return build_critic((32, 32, 2), classes=3, filters=(4, 8))
    if name == "domain_classifier":
        return build_domain_classifier((4, 4, 4, 8))
    family = {"ren_repo": "unet3d", "resenc": "nnunet"}.get(name, name)
    settings = {"family": family, **SMALL[family]}
    settings |= {"ren_repo": {"variant": "ren_repo"}, "resenc": {"variant": "resenc_m"}}.get(name, {})
    network = build_model(ModelConfig.model_validate(settings), channels=2, classes=3)
    return publish(network, activation="sigmoid")


def trained(network: keras.Model, seed: int) -> keras.Model:
    """Move biases, scales and moving statistics away from 0 and 1, as training does."""
    generator = np.random.default_rng(seed)
    for weight in network.weights:
        if len(weight.shape) == 1 and "seed" not in weight.path:
            weight.assign(np.asarray(weight) + generator.uniform(0.1, 0.3, weight.shape))
    return network


def write(folder: Path) -> None:
    """Save every network with what it is to see."""
    (folder / "names.json").write_text(json.dumps({"stock": STOCK, "own": OWN}), encoding="utf-8")
    for seed, name in enumerate((*STOCK, *OWN)):
        keras.utils.set_random_seed(seed)
        network, generator = trained(build(name), seed), np.random.default_rng(seed)
        shapes = {tensor.name: [size or 32 for size in tensor.shape[1:]] for tensor in network.inputs}
        seen = {key: generator.normal(size=(2, *shape)).astype("float32") for key, shape in shapes.items()}
        save_network(network, folder / f"{name}.keras", {})
        np.savez(folder / f"{name}.npz", **seen)
    generator = np.random.default_rng(0)
    logits = generator.normal(size=(2, 8, 8, 2)).astype("float32")
    np.savez(folder / "losses.npz", truth=(generator.random(logits.shape) < 0.4).astype("float32"), logits=logits)


@pytest.fixture(scope="module")
def answers(tmp_path_factory) -> tuple[dict, dict]:
    """Return name → what TensorFlow makes of it, and what JAX does."""
    folder = tmp_path_factory.mktemp("jax")
    write(folder)
    environment = os.environ | {"KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu", "PYTHONPATH": str(ROOT)}
    script = Path(__file__).with_name("jax_answers.py")
    done = subprocess.run(
        [sys.executable, script, folder], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    ours = {name: answer(folder, name) for name in (*STOCK, *OWN)} | losses(folder)
    with np.load(folder / "jax.npz") as file:
        return ours, dict(file)


def test_every_family_is_among_them():  # but for the user's own file
    assert set(FAMILIES) - {"file"} <= {*STOCK, *OWN}


@pytest.mark.parametrize("name", [*STOCK, *OWN, *LOSSES])
def test_jax_gives_what_tensorflow_gives(answers, name):
    ours, theirs = (found[name] for found in answers)
    assert ours.shape == theirs.shape and np.abs(ours).max() > 0.05
    assert name in LOSSES or np.std(ours) > 1e-3
    assert np.abs(ours - theirs).max() < TOLERANCE_OF.get(name, TOLERANCE) * max(1, np.abs(ours).max())
