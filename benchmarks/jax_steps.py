"""A training step and the segmentation of a case under Keras' JAX backend, as functions that JAX compiles.

What a network has is a state, {"weights": what learns, "rest": moving statistics}, each a list in Keras' order; every
function takes a state and returns the next one. Keras' own layers compute, as `stateless_call` runs them.
"""

import jax
import keras
import numpy as np
from jax import lax
from jax import numpy as jnp
from jax_rows import Sizes, corners_of

from segan_tl.config.schema import Config
from segan_tl.fast.depthwise import DepthwiseConv3D
from segan_tl.losses import multi_scale_l1
from segan_tl.models import build_model
from segan_tl.models.segan import build_critic
from segan_tl.train.steps.supervised import make_loss, supervise

RHO, EPSILON = 0.9, 1e-7  # of RMSprop


def build_network(config: Config, *, grouped: bool = False) -> keras.Model:
    """Build the network that learns, without the coarsest head where that is not supervised."""
    network = build_model(config.model, channels=config.channels, classes=config.classes)
    if len(network.outputs) > 1 and not config.train.supervise_coarsest:
        network = keras.Model(network.input, network.outputs[:-1], name=network.name)
    for layer in network.layers:
        if grouped and isinstance(layer, DepthwiseConv3D):
            layer.method = "groups"
    return network


def build_critic_of(config: Config) -> keras.Model:
    """Build the critic of slices that a configuration describes."""
    settings = config.critic
    return build_critic(
        (None, None, config.channels), classes=config.classes, filters=settings.filters, critic_input=settings.input,
        leaky_slope=settings.leaky_slope, norm_momentum=settings.norm_momentum, clip=settings.clip,
    )  # fmt: skip


def state_of(network: keras.Model) -> dict[str, list]:
    """Return what a network starts from."""
    return {
        "weights": [variable.value for variable in network.trainable_variables],
        "rest": [variable.value for variable in network.non_trainable_variables],
    }


def zeros_like(tree):
    """Return zeros of the shapes of a tree of arrays."""
    return jax.tree.map(jnp.zeros_like, tree)


# === A network of volumes ===


def volume_step(network: keras.Model, config: Config):
    """Return (state with "velocities", image, mask) → (next state, loss): SGD with Nesterov momentum, clipped.

    v ← μ v + g;  w ← w − lr (g + μ v), as PyTorch.
    """
    loss, settings = make_loss(config), config.train

    def loss_of(weights, rest, image, mask):
        outputs, rest = network.stateless_call(weights, rest, image, training=True)
        outputs = outputs if isinstance(outputs, list | tuple) else [outputs]
        return jnp.mean(supervise(loss, mask, outputs)["loss_segmentor"]), rest

    def step(state, image, mask):
        (value, rest), gradients = jax.value_and_grad(loss_of, has_aux=True)(
            state["weights"], state["rest"], image, mask
        )
        norm = jnp.sqrt(sum(jnp.sum(jnp.square(gradient)) for gradient in gradients))
        scale = jnp.minimum(1.0, settings.clip_norm / jnp.maximum(norm, 1e-12))
        gradients = [gradient * scale for gradient in gradients]
        old = state["velocities"]
        velocities = [settings.momentum * v + g for v, g in zip(old, gradients, strict=True)]
        changes = [g + settings.momentum * v for v, g in zip(velocities, gradients, strict=True)]
        weights = [w - settings.learning_rate * d for w, d in zip(state["weights"], changes, strict=True)]
        return {"weights": weights, "rest": rest, "velocities": velocities}, value

    return step


# === SegAN ===


def game_step(segmentor: keras.Model, critic: keras.Model, config: Config):
    """Return (state of both, image, mask) → (next state, (L1, Dice loss)): one backward pass serves both players.

    The critic ascends L1, the segmentor descends L1 + Dice, which does not depend on the critic. RMSprop with epsilon
    outside of the root; the critic's kernels are clipped after the step.
    """
    loss = make_loss(config)
    clips = [variable.constraint for variable in critic.trainable_variables]

    def loss_of(weights, rest, image, mask):
        logits, of_segmentor = segmentor.stateless_call(weights["segmentor"], rest["segmentor"], image, training=True)
        logits, of_critic, features = jnp.asarray(logits, "float32"), rest["critic"], []
        for judged in (mask, jax.nn.sigmoid(logits)):
            inputs = {"image": image, "mask": judged}
            maps, of_critic = critic.stateless_call(weights["critic"], of_critic, inputs, training=True)
            features.append(maps)
        l1 = jnp.mean(multi_scale_l1(*features))
        dice = jnp.mean(supervise(loss, mask, [logits])["loss_segmentor"])
        return config.critic.weight * l1 + dice, ({"segmentor": of_segmentor, "critic": of_critic}, (l1, dice))

    def step(state, image, mask):
        gradients, (rest, values) = jax.grad(loss_of, has_aux=True)(state["weights"], state["rest"], image, mask)
        # The critic's own loss is −L1, without the weight that the segmentor gives it.
        signs = {"segmentor": 1.0, "critic": -1.0 / config.critic.weight}
        gradients = {name: [signs[name] * gradient for gradient in found] for name, found in gradients.items()}
        squares = jax.tree.map(lambda v, g: RHO * v + (1 - RHO) * g * g, state["squares"], gradients)
        rate = config.train.learning_rate
        weights = jax.tree.map(
            lambda w, g, v: w - rate * g / (jnp.sqrt(v) + EPSILON), state["weights"], gradients, squares
        )
        clipped = [clip(w) if clip else w for clip, w in zip(clips, weights["critic"], strict=True)]
        return {"weights": weights | {"critic": clipped}, "rest": rest, "squares": squares}, values

    return step


# === Inference ===


def case_step(network: keras.Model, config: Config, sizes: Sizes, *, weights: np.ndarray | None = None):
    """Return (state, volume (D, H, W, M)) → (the state, probabilities (D, H, W, R)): tiles, weighted and averaged.

    All on the device: image and result stay there from the first tile to the last. The weights of a tile's voxels,
    (d, h, w), are MONAI's where none are given.
    """
    corners, counts = corners_of(sizes)
    weights = (gaussian(sizes.patch) if weights is None else weights)[..., None]

    def probabilities(state, tiles):
        found, _ = network.stateless_call(
            state["weights"], state["rest"], tiles[:, 0] if sizes.flat else tiles, training=False
        )
        found = found[0] if isinstance(found, list | tuple) else found
        found = jax.nn.sigmoid(jnp.asarray(found, "float32"))
        return found[:, None] if sizes.flat else found

    def place(result, tile):
        corner, count, values = tile
        start, size = (*corner, 0), (*sizes.patch, config.classes + 1)
        values = count * jnp.concatenate([values * weights, jnp.broadcast_to(weights, (*sizes.patch, 1))], axis=-1)
        return lax.dynamic_update_slice(result, lax.dynamic_slice(result, start, size) + values, start), None

    def step(state, volume):
        def segment(result, batch):
            corners, counts = batch
            tiles = jax.vmap(lambda corner: lax.dynamic_slice(volume, (*corner, 0), (*sizes.patch, volume.shape[-1])))
            return lax.scan(place, result, (corners, counts, probabilities(state, tiles(corners))))[0], None

        result = jnp.zeros((*sizes.head, config.classes + 1), jnp.float32)
        result, _ = lax.scan(segment, result, (corners, counts))
        return state, result[..., :-1] / result[..., -1:]

    return step


def gaussian(patch: tuple[int, int, int]) -> np.ndarray:
    """Return MONAI's weights of a tile's voxels, (d, h, w): standard deviation patch / 8, no weight below 0.001."""
    axes = [np.exp(-0.5 * ((np.arange(edge) - (edge - 1) / 2) / (edge / 8)) ** 2) for edge in patch]
    return np.einsum("d,h,w->dhw", *axes).clip(min=1e-3).astype(np.float32)
