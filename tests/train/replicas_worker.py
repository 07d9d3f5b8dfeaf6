"""Play a few batches on N logical CPUs and save the weights: run by test_replicas.py, one process each."""

import sys

import keras
import numpy as np
import tensorflow as tf

from segan_tl.config.load import load_config
from segan_tl.config.schema import Config
from segan_tl.models import publish
from segan_tl.train.recipes import build_network, build_training
from segan_tl.train.start.renormalise import renormalise
from segan_tl.train.steps.training import Training
from segan_tl.train.strategy import make_strategy


def main(devices: str, target: str, config_path: str) -> None:
    """Train five steps of either update and save every weight of both networks, the average and the losses."""
    strategy = make_strategy(devices)
    values = []
    for update in ("simultaneous", "alternating"):
        values += play(strategy, load_config(config_path, [f"critic.update={update}", "train.learning_rate=2e-5"]))
    recomputed = ["critic.update=simultaneous", "train.learning_rate=2e-5", "train.checkpointing=true"]
    values += play(strategy, load_config(config_path, recomputed))
    values += learn(strategy)
    values += learn(strategy, critic={"filters": [4]})
    values += learn(strategy, accumulate=2, source={}, adversary={"schedule": "constant", "target_labels": False})
    # Of four examples the first two are the target's: one replica has labels to learn from, the other none.
    values += learn(strategy, source={}, adversary={"weight": 0.5, "schedule": "ganin", "target_labels": False})
    values += move(strategy)
    require_elements_in_order(strategy)
    np.savez(target, *[keras.ops.convert_to_numpy(value) for value in values])


def play(strategy: tf.distribute.Strategy, config: Config) -> list:
    """Train five steps; return every weight and loss."""
    keras.utils.set_random_seed(0)
    with strategy.scope():
        game = build_training(config, replicas=strategy.num_replicas_in_sync, steps=5)
    generator = np.random.default_rng(1)
    image = generator.random((5 * 8, 32, 32, 1)).astype(np.float32)
    batches = tf.data.Dataset.from_tensor_slices({"image": image, "mask": (image > 0.6).astype(np.float32)}).batch(8)

    @tf.function
    def step(batch):
        strategy.run(game.step, args=(batch,))

    for batch in strategy.experimental_distribute_dataset(batches):
        step(batch)
    weights = [weight for network in game.networks.values() for weight in network.weights]
    return [*weights, *game.average.weights, *(metric.result() for metric in game.metrics.values())]


def learn(strategy: tf.distribute.Strategy, accumulate: int = 1, **sections) -> list:
    """Train a volumetric network for five steps, with more sections of the configuration; return weights and losses."""
    config = Config.model_validate(
        {
            "name": "replicas",
            "model": {"family": "nnunet", "filters": [4, 8], "blocks": [1, 1], "decoder_blocks": [1]},
            "train": {"learning_rate": 1e-3, "clip_norm": 0.1, "averaging": 0.9, "epochs": 2, "accumulate": accumulate},
            **sections,
        }
    )
    keras.utils.set_random_seed(0)
    with strategy.scope():
        game = build_training(config, replicas=strategy.num_replicas_in_sync, steps=5)
    image = np.random.default_rng(2).random((5 * 4, 8, 8, 8, 4)).astype(np.float32)
    mask = (image[..., :3] > 0.6).astype(np.float32)
    domain = np.tile([1, 1, 0, 0], 5).astype(np.float32)
    batches = tf.data.Dataset.from_tensor_slices({"image": image, "mask": mask, "domain": domain}).batch(4)

    @tf.function
    def step(batch):
        strategy.run(game.step, args=(batch,))

    for batch in strategy.experimental_distribute_dataset(batches):
        step(batch)
    weights = [weight for network in game.networks.values() for weight in network.weights]
    return [*weights, *game.average.weights, *(metric.result() for metric in game.metrics.values())]


def move(strategy: tf.distribute.Strategy) -> list:
    """Train what came over with every setting of transfer, before and after a release; return weights and losses."""
    transfer = {"source": "x", "source_sha256": "0", "rate": 0.5, "warmup": 0.5, "unfreeze": 0.5, "l2_source": 0.1,
                "normalisation": "target"}  # fmt: skip
    config = Config.model_validate(
        {
            "name": "replicas",
            "model": {"family": "cicek", "filters": [2, 4], "norm": "batch", "deep_supervision": False},
            "train": {"learning_rate": 1e-3, "clip_norm": 0.1, "averaging": 0.9, "epochs": 2},
            "transfer": transfer,
        }
    )
    image = np.random.default_rng(2).normal(size=(5 * 4, 8, 8, 8, 4)).astype(np.float32)
    batches = tf.data.Dataset.from_tensor_slices({"image": image, "mask": (image[..., :3] > 0.6).astype(np.float32)})
    keras.utils.set_random_seed(0)
    with strategy.scope():
        network = build_network(config)
        renormalise(network, [image[:4], image[4:8]], spared=["enc1_norm1"])
        published = publish(network, activation="sigmoid")
        game = Training(
            network, published, config=config, replicas=strategy.num_replicas_in_sync, steps_per_epoch=5,
            record={"new": ["logits"]},
        )  # fmt: skip
    for epoch in range(2):
        assert game.release(epoch)

        @tf.function
        def step(batch):
            strategy.run(game.step, args=(batch,))

        for batch in strategy.experimental_distribute_dataset(batches.batch(4)):
            step(batch)
    return [*game.segmentor.weights, *game.average.weights, *(metric.result() for metric in game.metrics.values())]


def require_elements_in_order(strategy: tf.distribute.Strategy) -> None:
    """See that of what a machine makes, an element a replica, the replicas get one after another [data.sample.Part]."""
    elements = strategy.distribute_datasets_from_function(lambda _: tf.data.Dataset.range(4))
    found = [[int(one) for one in strategy.experimental_local_results(step)] for step in elements]
    assert found == ([[0], [1], [2], [3]] if strategy.num_replicas_in_sync == 1 else [[0, 1], [2, 3]]), found


if __name__ == "__main__":
    main(*sys.argv[1:])
