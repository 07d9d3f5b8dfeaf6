"""Training in float16 on logical CPUs: run by test_loss_scale.py, one process each.

Without arguments: an overflow on one of two, the first or the second; prints, for each, our weights, scale and count of
steps after it, and the weights under Keras' LossScaleOptimizer. With devices and a file: four steps of a game, the
first one with a scale that overflows.
"""

import json
import sys

import keras
import numpy as np
import tensorflow as tf

from segan_tl.config.load import validate
from segan_tl.models.precision import HALF
from segan_tl.train.loss_scale import LossScale, Skippable, all_finite
from segan_tl.train.optimizers import NesterovSGD
from segan_tl.train.recipes import build_training
from segan_tl.train.strategy import make_strategy

VOLUMES = {
    "name": "half",
    "data": {"modalities": ["flair"], "regions": ["wt"], "patch": [8, 8, 8]},
    "model": {"family": "nnunet", "filters": [4, 8], "blocks": [1, 1], "decoder_blocks": [1]},
    "train": {"precision": HALF, "batch_size": 4, "learning_rate": 1e-2, "averaging": 0.9, "clip_norm": 1.0},
    "critic": {"filters": [4, 8]},
}


def play(strategy: tf.distribute.Strategy, bad: int) -> tuple:
    """Take a step whose gradient is infinite on replica `bad`."""
    with strategy.scope():
        weights, others = (keras.Variable(np.ones(2, np.float32), aggregation="mean") for _ in range(2))
        optimizer, scale = NesterovSGD(0.1), LossScale("segmentor")
        theirs = keras.optimizers.LossScaleOptimizer(NesterovSGD(0.1))
        optimizer.build([weights])
        theirs.build([others])
        skippable = Skippable(optimizer)

    def step():
        replica = tf.distribute.get_replica_context().replica_id_in_sync_group
        gradient = tf.where(tf.equal(replica, bad), tf.constant([np.inf, 1.0]), tf.ones(2))
        finite = all_finite([gradient], replicas=2)
        skippable.apply(scale.unscaled([gradient]), [weights], takes=finite)
        scale.update(finite)
        theirs.apply([gradient], [others])

    tf.function(lambda: strategy.run(step))()
    ours, factor, count, others = map(keras.ops.convert_to_numpy, (weights, scale.value, optimizer.iterations, others))
    return ours.tolist(), float(factor), int(count), [float(one) if np.isfinite(one) else "inf" for one in others]


def train(strategy: tf.distribute.Strategy, target: str) -> None:
    """Save weights before and after the steps, the scales after the first and the last, and how many were taken."""
    keras.utils.set_random_seed(0)
    keras.config.set_dtype_policy(HALF)
    with strategy.scope():
        game = build_training(validate(VOLUMES, source="the test"), replicas=strategy.num_replicas_in_sync, steps=4)
    image = np.random.default_rng(2).random((4 * 4, 8, 8, 8, 1)).astype(np.float32)
    batches = tf.data.Dataset.from_tensor_slices({"image": image, "mask": (image > 0.6).astype(np.float32)}).batch(4)
    step = tf.function(lambda batch: strategy.run(game.step, args=(batch,)))
    saved, scales = weights_of(game, "first"), []
    for descent in game.descents.values():
        descent.scale.value.assign(2.0**100)
    for i, batch in enumerate(strategy.experimental_distribute_dataset(batches)):
        step(batch)
        if i in (0, 3):
            scales += [float(keras.ops.convert_to_numpy(one.scale.value)) for one in game.descents.values()]
        if i == 0:
            for descent in game.descents.values():
                descent.scale.value.assign(2.0**15)
    steps = [int(keras.ops.convert_to_numpy(one.iterations)) for one in game.optimizers.values()]
    np.savez(target, scales=scales, steps=steps, **saved, **weights_of(game, "last"))


def weights_of(game, when: str) -> dict[str, np.ndarray]:
    """Return what each network learns as one vector."""
    return {
        f"{name}_{when}": np.concatenate([np.ravel(keras.ops.convert_to_numpy(w)) for w in network.trainable_weights])
        for name, network in game.networks.items()
    }


if __name__ == "__main__":
    if sys.argv[1:]:
        train(make_strategy(sys.argv[1]), sys.argv[2])
    else:
        cpus = make_strategy("cpu:2")
        print(json.dumps([play(cpus, bad) for bad in (0, 1)]))
