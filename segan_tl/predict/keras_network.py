"""A Keras model that TensorFlow computes: accelerated, and traced once for every shape."""

import weakref
from collections.abc import Callable, Sequence

import keras
import numpy as np

from segan_tl.errors import UserError
from segan_tl.fast.accelerate import accelerate
from segan_tl.fast.bottleneck import fuse_bottlenecks
from segan_tl.fast.instance_norm import fuse
from segan_tl.fast.planar import flatten_slices
from segan_tl.predict.network import Tiles, flips_along, is_flat
from segan_tl.predict.tileable import does_not_fit

TRACED_SLICES: weakref.WeakKeyDictionary[keras.Model, Callable] = weakref.WeakKeyDictionary()
TRACED_TILES: weakref.WeakKeyDictionary[keras.Model, Callable] = weakref.WeakKeyDictionary()
# Of Sequential models: the same one each time, so that it is traced once.
_FUNCTIONAL: weakref.WeakKeyDictionary[keras.Model, keras.Model] = weakref.WeakKeyDictionary()


class KerasNetwork:
    """A functional Keras model as a `network.Network`.

    Raises:
        UserError: it is none, or Keras computes with another program than TensorFlow.
    """

    def __init__(self, model: keras.Model):
        self.model = as_functional(model)
        self.input_shape, self.output_shape = self.model.input_shape, self.model.output_shape
        self.compute_dtype = model.compute_dtype

    @property
    def grid_multiple(self) -> tuple[int, int]:
        """Return what height and width must be multiples of."""
        return grid_multiple(self.model)

    def answer(self, images: np.ndarray) -> np.ndarray:
        """Return what the model says of images, (B, …, R) float32."""
        return trace_slices(self.model)(images).numpy()

    def tile_runner(self, weights: np.ndarray, *, mirror_axes: Sequence[int]) -> Tiles:
        """Return tiles (B, d, h, w, M) → a function that fetches their mean over all flips, times `weights`."""
        import tensorflow as tf

        traced, flat, flips = trace_tiles(self.model), is_flat(self), flips_along(mirror_axes)
        reversed_axes = [[axis in chosen for axis in range(3)] for chosen in flips]
        factor = tf.constant((weights[0] if flat else weights) / len(flips))

        def run(tiles: np.ndarray) -> Callable[[], np.ndarray]:
            tiles = tf.constant(tiles[:, 0] if flat else tiles)
            total = None
            for axes in reversed_axes:
                try:
                    output = traced(tiles, tf.constant([False, *(axes[1:] if flat else axes), False]), factor)
                except (ValueError, tf.errors.InvalidArgumentError) as error:
                    raise does_not_fit(weights.shape[:3], error) from error
                total = output if total is None else total + output
            return (total[:, None] if flat else total).numpy

        return run


def as_functional(model: keras.Model) -> keras.Model:
    """Return a model that can be taken apart and put together again: a Sequential one as a functional one.

    Raises:
        UserError: it cannot, or Keras computes with another program than TensorFlow.
    """
    if keras.backend.backend() != "tensorflow":
        raise UserError(
            f"expected Keras' TensorFlow backend, by which tiles are segmented; found {keras.backend.backend()}; set "
            "KERAS_BACKEND=tensorflow before Keras is imported"
        )
    if isinstance(model, keras.Sequential) and model.built:
        if model not in _FUNCTIONAL:
            _FUNCTIONAL[model] = keras.Model(model.inputs, model.outputs)
        return _FUNCTIONAL[model]
    places = [len(getattr(model, end, None) or []) for end in ("inputs", "outputs")]
    if places != [1, 1]:
        raise UserError(
            "expected a functional model with one input and one output; found "
            f"{type(model).__name__} with {places[0]} and {places[1]}; choose an output, keras.Model(model.input, "
            "model.outputs[0]), or wrap a class of your own, keras.Model(image, model(image)); image: keras.Input"
        )
    return model


def grid_multiple(model: keras.Model) -> tuple[int, int]:
    """Return what height and width must be multiples of: the model's own fixed size, or how far its decoder doubles."""
    multiple = np.ones(2, int)
    for layer in model.layers:
        if isinstance(layer, keras.layers.UpSampling2D):
            multiple *= layer.size
        elif isinstance(layer, keras.layers.Conv2DTranspose):
            multiple *= layer.strides
    return tuple(fixed or int(size) for fixed, size in zip(model.input_shape[1:3], multiple))


def trace_slices(model: keras.Model) -> Callable:
    """Return the model as a graph, traced once for every shape; it goes when the model goes."""
    if model not in TRACED_SLICES:
        import tensorflow as tf

        # predict_on_batch relaxes height and width after the second size, and UpSampling2D cannot take unknown ones.
        accelerated = accelerate(model)
        TRACED_SLICES[model] = tf.function(lambda batch: accelerated(batch, training=False))
    return TRACED_SLICES[model]


def trace_tiles(model: keras.Model) -> Callable:
    """Return (tiles, axes to flip, factor) → output · factor as a graph; it goes when the model goes."""
    if model not in TRACED_TILES:
        import tensorflow as tf

        # Another model over the same layers: `model` itself in the graph would keep its own entry alive.
        accelerated = fuse(fuse_bottlenecks(flatten_slices(accelerate(model))))

        @tf.function
        def forward(tiles, flip, factor):
            flipped = tf.ensure_shape(tf.raw_ops.Reverse(tensor=tiles, dims=flip), tiles.shape)
            output = accelerated(flipped, training=False)
            return tf.raw_ops.Reverse(tensor=tf.cast(output, tf.float32), dims=flip) * factor

        TRACED_TILES[model] = forward
    return TRACED_TILES[model]
