"""The networks as a training calls them: the same variables and values as theirs, in less time and memory."""

from collections.abc import Callable

import keras

from segan_tl.config.schema import Config
from segan_tl.fast.accelerate import accelerate
from segan_tl.fast.batch_norm import FusedNormalisation
from segan_tl.fast.bottleneck import fuse_bottlenecks
from segan_tl.fast.instance_norm import fuse
from segan_tl.fast.planar import flatten_slices
from segan_tl.fast.pooling import pool_in_float32
from segan_tl.fast.recompute import Recomputed


def build_forward(network: keras.Model, *, config: Config, replicas: int) -> Callable:
    """Return what does what a network does: (input, training) → outputs.

    Args:
        network: functional model.
        config: the configuration.
        replicas: number of replicas.
    """
    # Over several replicas the moments are those of the global batch, which the fused operation cannot see.
    normalisation = FusedNormalisation if replicas == 1 else None
    planar = flatten_slices(pool_in_float32(network))
    forward = accelerate(fuse(fuse_bottlenecks(planar)), normalisation=normalisation)
    if not config.train.checkpointing:
        return forward
    patch = config.data.patch
    return Recomputed(forward, grid=patch[1:] if patch[0] == 1 else patch)
