"""Domain-adversarial training: gradient reversal, and a classifier that tells the cohorts apart [Ganin 2016]."""

import difflib
from collections.abc import Sequence

import keras
from keras import layers, ops

from segan_tl.errors import UserError
from segan_tl.models.blocks import require_image_shape
from segan_tl.models.torch_blocks import initializers

# "goat_repo" is the classifier of Heras Rivera's authors: 688,449 parameters behind the 384 channels of 4 × 4 × 6
# voxels that Ren's U-Net has there. It needs a known grid of 4 voxels or more along each axis. "pooled" takes any: its
# convolutions keep the grid, and it averages over the grid where the other reads each place by itself.
FORMS = ("pooled", "goat_repo")
SMALLEST = 4


@keras.saving.register_keras_serializable(package="segan_tl")
class GradientReversal(layers.Layer):
    """Pass a tensor on as it is, and its gradient g as −λ g [Ganin 2016].

    Args:
        strength: λ at first; the layer's variable of that name holds it, is saved, and may change from step to step.
    """

    def __init__(self, strength: float = 1.0, **options):
        super().__init__(**options)
        self.first = strength

    def build(self, input_shape):
        """Create λ."""
        self.strength = self.add_weight(
            shape=(), initializer=keras.initializers.Constant(self.first), trainable=False, dtype="float32",
            aggregation="only_first_replica", name="strength",
        )  # fmt: skip

    def call(self, x):
        """Return `x`, bit for bit."""
        strength = ops.cast(self.strength, x.dtype)

        @ops.custom_gradient
        def reverse(x):
            def gradient(*received, upstream=None):
                return -strength * (received[0] if upstream is None else upstream)

            return x, gradient

        return reverse(x)

    def compute_output_shape(self, input_shape):
        """Return the shape of the input."""
        return input_shape

    def get_config(self):
        """Return the arguments that rebuild this layer."""
        return {**super().get_config(), "strength": self.first}


def build_domain_classifier(
    input_shape: Sequence[int | None],
    *,
    form: str = "pooled",
    strength: float | None = 1.0,
    name: str = "domain_classifier",
) -> keras.Model:
    """Build the classifier of the domains, 2-D or 3-D by the rank of `input_shape`.

    Args:
        input_shape: (…, C) of `latent`, the features it sees; the grid may be None for "pooled".
        form: one of FORMS.
        strength: λ of the gradient reversal before it; None leaves the reversal out.
        name: name of the model.

    Returns:
        Model from `latent` (B, …, C) to `domain_logit` (B, 1), positive for the target.

    Raises:
        UserError: the grid is too small for "goat_repo", or not known.
        ValueError: that is no shape of features, or there is no such form.

    Source: Heras Rivera 2024, 2.2, and its authors' code.

    Example:
        >>> classifier = segan_tl.build_domain_classifier((None, None, 16))  # for (B, h, w, 16) of your own network
        >>> classifier(np.zeros((3, 8, 8, 16))).shape
        TensorShape([3, 1])
        >>> strength = classifier.get_layer("reversal").strength
        >>> _ = strength.assign(0.2)  # λ may rise while training goes on
    """
    require_image_shape(input_shape)
    if form not in FORMS:
        raise ValueError(f"form: expected one of {', '.join(FORMS)}; got {form!r}")
    rank = len(input_shape) - 1
    literal, grid = form == "goat_repo", input_shape[:-1]
    if literal and any(size is None or size < SMALLEST for size in grid):
        raise UserError(
            f"adversary.classifier 'goat_repo' needs features of {SMALLEST} voxels or more along each axis, found "
            f"{' × '.join(map(str, grid))}; take larger patches, or --set adversary.classifier=pooled"
        )
    latent = keras.Input(input_shape, name="latent")
    x = latent if strength is None else GradientReversal(strength, name="reversal")(latent)
    padding = "valid" if literal else "same"
    x = _convolution(x, 64, 3, padding=padding, name="domain1_conv")
    x = getattr(layers, f"MaxPooling{rank}D")(2, padding=padding, name="domain1_pool")(x)
    if literal:  # a rim of zeros around a kernel of one voxel: there is nothing but the bias
        x = getattr(layers, f"ZeroPadding{rank}D")(1, name="domain2_pad")(x)
    x = _convolution(x, 128, 1, padding=padding, name="domain2_conv")
    x = getattr(layers, f"MaxPooling{rank}D")(2, padding=padding, name="domain2_pool")(x)
    pooling = layers.Flatten if literal else getattr(layers, f"GlobalAveragePooling{rank}D")
    x = pooling(name="domain_features")(x)
    x = layers.ReLU(name="domain3_act")(_dense(x, 64, name="domain3_dense"))
    return keras.Model(latent, _dense(x, 1, name="domain_logit"), name=name)


def find_latent(network: keras.Model, layer: str | None = None):
    """Return the tensor of a segmentation network that the classifier of the domains sees.

    Args:
        network: one of our segmentation networks.
        layer: name of the layer; None for what the decoder's first upsampling brings to the next skip connection.

    Raises:
        UserError: there is no such layer; the nearest names are given.
    """
    names = [one.name for one in network.layers]
    if layer is None:
        return _first_upsampled(network)
    if layer not in names:
        near = difflib.get_close_matches(layer, names, n=3) or names[-3:]
        raise UserError(f"adversary.layer: {network.name} has no layer {layer}; did you mean {' or '.join(near)}?")
    return network.get_layer(layer).output


def latent_shape(network: keras.Model, latent, *, patch: Sequence[int]) -> tuple[int | None, ...]:
    """Return the shape (…, C) of `latent` for images of `patch` voxels."""
    channels = network.input_shape[-1]
    return tuple(keras.Model(network.input, latent).compute_output_shape((1, *patch, channels)))[1:]


def _first_upsampled(network: keras.Model):
    """Return what enters the first skip connection from the decoder."""
    decoded = {id(layer.output) for layer in network.layers if layer.name.startswith(("up", "dec"))}
    for layer in network.layers:
        if layer.name.endswith("_skip"):
            for tensor in layer.input:
                if id(tensor) in decoded:
                    return tensor
    raise UserError(f"{network.name} has no skip connection that is fed from below; name a layer with adversary.layer")


def _convolution(x, filters, kernel_size, *, padding, name):
    """Convolve, ReLU; starts as PyTorch's does."""
    rank = len(x.shape) - 2
    kernel, bias = initializers("uniform", x.shape[-1] * kernel_size**rank)
    x = getattr(layers, f"Conv{rank}D")(
        filters, kernel_size, padding=padding, kernel_initializer=kernel, bias_initializer=bias, name=name
    )(x)
    return layers.ReLU(name=name.replace("conv", "act"))(x)


def _dense(x, units, *, name):
    """Multiply with a matrix that starts as PyTorch's does."""
    kernel, bias = initializers("uniform", x.shape[-1])
    return layers.Dense(units, kernel_initializer=kernel, bias_initializer=bias, name=name)(x)
