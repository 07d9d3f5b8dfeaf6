"""Move a small network by every strategy on N logical CPUs and say what moved: run by test_strategies.py."""

import json
import sys
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from segan_tl.config.schema import Config
from segan_tl.config.strategies import STRATEGIES, needs_critic
from segan_tl.disk.manifest import sha256
from segan_tl.models import build_model, publish
from segan_tl.models.weights import save_network
from segan_tl.runs import Run
from segan_tl.train.recipes import build_judge, build_training
from segan_tl.train.start.freeze import freeze_alike
from segan_tl.train.start.weights import find_start
from segan_tl.train.steps.training import Training
from segan_tl.train.strategy import make_strategy

VALUES = {
    "name": "moved",
    "data": {"modalities": ["t1", "flair"], "regions": ["wt", "et"]},
    # Batch normalisation: its statistics have to stand still, too.
    "model": {"family": "cicek", "filters": [2, 2], "norm": "batch", "deep_supervision": False},
    "train": {"learning_rate": 1e-2, "averaging": 0.9, "momentum": 0.9},
}


KNOWN = [name for name, row in STRATEGIES.items() if not needs_critic(row)]
OTHER_REGIONS, NOTHING = "freeze-decoder, other regions", "nothing trains"


def main(devices: str, target: str, *chosen: str) -> None:
    """Write {strategy: what happened} as JSON, of all strategies or of those that are chosen."""
    strategy = make_strategy(devices)
    tf.config.run_functions_eagerly(strategy.num_replicas_in_sync == 1)  # three steps take less time than tracing one
    source = write_source(Path(target).with_suffix(".keras"))
    found = {}
    for name in chosen or (*KNOWN, OTHER_REGIONS, NOTHING):
        regions = ["lesion"] if name == OTHER_REGIONS else ["wt", "et"]
        found[name] = play(strategy, source, name, regions=regions)
    Path(target).write_text(json.dumps(found))


def write_source(path: Path) -> Path:
    """Write a network whose statistics are not those of a fresh one, and whose biases hold a negative zero."""
    keras.utils.set_random_seed(1)
    config = Config.model_validate(VALUES)
    network = publish(build_model(config.model, channels=2, classes=2), activation="sigmoid")
    generator = np.random.default_rng(1)
    for weight in network.weights:
        if "moving" in weight.path:
            weight.assign(generator.uniform(0.5, 2, weight.shape))
        elif weight.path.endswith("bias"):
            weight.assign(np.where(np.arange(weight.shape[0]) == 0, -0.0, 0.1))
    save_network(network, path, {"modalities": ["t1", "flair"], "regions": ["wt", "et"], "learnt_from": ["a"]})
    return path


def play(strategy, source: Path, name: str, *, regions: list[str]) -> dict:
    """Train three steps; return the names of layers by what happened to them."""
    known = "full" if name == NOTHING else name.split(",")[0]
    transfer = {"source": str(source), "source_sha256": sha256(source), "strategy": known}
    config = Config.model_validate(
        VALUES | {"transfer": transfer, "data": {"modalities": ["t1", "flair"], "regions": regions}}
    )
    keras.utils.set_random_seed(2)
    judge = build_judge(config)
    start = find_start(config, Run(source.parent / "run"), resuming=False)
    with strategy.scope():
        replicas = strategy.num_replicas_in_sync
        game = build_training(config, replicas=replicas, steps=5, start=start)
        if name == NOTHING:
            game.segmentor.trainable = False
            game = Training(
                game.segmentor, publish(game.segmentor, activation="sigmoid"), config=config, replicas=replicas,
                steps_per_epoch=5,
            )  # fmt: skip
    freeze_alike(judge, game.segmentor)
    before = {layer.name: bytes_of(layer.weights) for layer in game.segmentor.layers if layer.weights}
    learn(strategy, game, regions=len(regions))
    after = {layer.name: bytes_of(layer.weights) for layer in game.segmentor.layers if layer.weights}
    for variable, value in zip(judge.weights, game.best_weights(), strict=True):
        variable.assign(value)
    theirs = {layer.name: bytes_of(layer.weights) for layer in keras.models.load_model(source).layers if layer.weights}
    published = {layer.name: bytes_of(layer.weights) for layer in judge.layers if layer.weights}
    return {
        "layers": list(before),
        "frozen": [layer.name for layer in game.segmentor.layers if layer.weights and not layer.trainable],
        "still": [key for key in before if before[key] == after[key]],
        "as the source, at first": [key for key in before if before[key] == theirs.get(key)],
        "as the source, published": [key for key in published if published[key] == theirs.get(key)],
        "frozen, published": [layer.name for layer in judge.layers if layer.weights and not layer.trainable],
        "record": start.record,
        "loss": float(game.metrics["loss_segmentor"].result()),
    }


def learn(strategy, game, *, regions: int) -> None:
    """Take three steps on random images."""
    image = np.random.default_rng(2).normal(size=(3 * 2, 8, 8, 8, 2)).astype(np.float32)
    mask = (image[..., :regions] > 0.6).astype(np.float32)
    batches = tf.data.Dataset.from_tensor_slices({"image": image, "mask": mask}).batch(2, drop_remainder=True)

    @tf.function
    def step(batch):
        strategy.run(game.step, args=(batch,))

    for batch in strategy.experimental_distribute_dataset(batches):
        step(batch)


def bytes_of(weights) -> str:
    """Return the very bits of weights."""
    return b"".join(keras.ops.convert_to_numpy(weight).tobytes() for weight in weights).hex()


if __name__ == "__main__":
    main(*sys.argv[1:])
