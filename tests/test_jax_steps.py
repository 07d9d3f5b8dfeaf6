"""The steps that benchmarks/jax_speed.py times are segan_tl's: same losses, same weights, same segmentation.

    make test-jax
"""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from segan_tl.config.schema import Config
from segan_tl.predict.sliding import segment_volume, tile_weights
from segan_tl.train.recipes import build_judge, build_training
from tests.models.battery import noise

ROOT, STEPS = Path(__file__).parents[1], 4
VOLUMES = {
    "name": "test", "data": {"regions": ["wt", "tc", "et"], "modalities": ["t1", "flair"], "patch": [16, 16, 16]},
    "model": {"family": "nnunet", "filters": [4, 8, 8], "blocks": [1, 1, 1], "decoder_blocks": [1, 1]},
    "train": {"weight_decay": 0, "schedule": "constant", "supervise_coarsest": False, "clip_norm": 0.5},
}  # fmt: skip
GAME = {
    "name": "test", "data": {"regions": ["wt"], "modalities": ["flair"], "patch": [1, 32, 32]},
    "model": {"family": "segan", "filters": [4, 8, 8], "deep_supervision": False}, "critic": {"filters": [4, 8]},
    "train": {
        "loss": "squared_dice", "dice_smooth": 1e-6, "optimizer": "rmsprop", "learning_rate": 1e-3, "clip_norm": 0,
        "schedule": "constant",
    },
}  # fmt: skip
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        importlib.util.find_spec("jax") is None, reason="no JAX; install it with: pip install -e '.[jax]'"
    ),
]


def both(settings: dict, folder: Path, *, metrics: tuple[str, ...], volume=None) -> tuple[dict, dict]:
    """Return what TensorFlow and JAX make of the same training: losses (steps, metrics), weights, probabilities."""
    keras.utils.set_random_seed(3)
    config = Config.model_validate(settings)
    game = build_training(config, replicas=1, steps=1)
    shape = [size for size in config.data.patch if size > 1]
    image = noise(2, *shape, config.channels)
    batch = {"image": image, "mask": np.repeat(image[..., :1] > 0.5, config.classes, axis=-1).astype(np.float32)}
    first = {f"{name}{i}": v for name, one in game.networks.items() for i, v in enumerate(one.get_weights())}
    judge = build_judge(config)
    judge.set_weights(game.networks["segmentor"].get_weights())
    tile = np.einsum("d,h,w->dhw", *(tile_weights(edge, "gaussian") for edge in config.data.patch))
    more = {} if volume is None else {"volume": volume, "tile": tile}
    (folder / "config.json").write_text(config.model_dump_json(), encoding="utf-8")
    np.savez(folder / "first.npz", steps=STEPS, **batch, **first, **more)
    ours = {"losses": []}
    if volume is not None:
        ours["probability"] = segment_volume(judge, volume, patch=config.data.patch, overlap=0.5)
    strategy = tf.distribute.get_strategy()
    data = {name: tf.constant(values) for name, values in batch.items()}
    for _ in range(STEPS):
        for metric in game.metrics.values():
            metric.reset_state()
        strategy.run(game.step, args=(data,))
        ours["losses"].append([float(game.metrics[name].result()) for name in metrics])
    for name, network in game.networks.items():
        ours |= {f"{name}{i}": np.asarray(variable) for i, variable in enumerate(network.trainable_variables)}
    environment = os.environ | {"JAX_PLATFORMS": "cpu", "PYTHONPATH": str(ROOT)}
    script = Path(__file__).with_name("jax_training.py")
    done = subprocess.run(
        [sys.executable, script, folder], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    with np.load(folder / "jax.npz") as file:
        return ours, dict(file)


def test_a_network_of_volumes_learns_and_segments_as_with_tensorflow(tmp_path):
    ours, theirs = both(VOLUMES, tmp_path, metrics=("loss_segmentor",), volume=noise(20, 24, 16, 2))
    assert np.allclose(ours["losses"], theirs["losses"], rtol=1e-4)
    assert ours["losses"][0][0] - ours["losses"][-1][0] > 1e-3  # it learns
    for name in [name for name in ours if name.startswith("segmentor")]:
        assert np.allclose(ours[name], theirs[name], atol=1e-4), name
    assert np.std(ours["probability"]) > 1e-2
    assert np.allclose(ours["probability"], theirs["probability"], atol=1e-4)


def test_segan_plays_as_with_tensorflow(tmp_path):
    ours, theirs = both(GAME, tmp_path, metrics=("l1", "loss_dice"))
    assert np.allclose(ours["losses"], theirs["losses"], rtol=1e-3)
    assert np.ptp(ours["losses"], axis=0).min() > 1e-2 * np.min(ours["losses"])  # both terms move
    kernels = [theirs[name] for name in theirs if name.startswith("critic") and theirs[name].ndim == 4]
    assert kernels and max(np.abs(kernel).max() for kernel in kernels) <= np.float32(0.05)
