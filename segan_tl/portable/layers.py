"""What each layer is in ONNX: one function a kind, (graph, layer, inputs, spatial axes) → the name of its output."""

from collections.abc import Callable
from functools import partial

import numpy as np
from keras import layers

from segan_tl.errors import UserError
from segan_tl.fast.depthwise import DepthwiseConv3D, DepthwiseConv3DTranspose
from segan_tl.models.dann import GradientReversal
from segan_tl.models.dilated_transpose import DilatedTranspose
from segan_tl.portable.activations import activation, array, leaky_relu, or_else, relu, softmax
from segan_tl.portable.convolutions import (
    convolution,
    dense,
    depthwise_2d,
    depthwise_3d,
    dilated_transpose,
    transposed,
)

JOINED = {layers.Add: "Add", layers.Multiply: "Mul", layers.Maximum: "Max", layers.Minimum: "Min"}
AS_IT_IS = (
    GradientReversal, layers.Dropout, layers.SpatialDropout2D, layers.SpatialDropout3D, layers.GaussianNoise,
    layers.GaussianDropout, layers.Identity,
)  # fmt: skip


def emitter_of(layer, *, source) -> Callable:
    """Return what adds a layer to a graph.

    Raises:
        UserError: there is none of its kind, or it does something that is not known here.
    """
    emit = EMITTERS.get(type(layer))
    if emit is None or getattr(layer, "data_format", "channels_last") != "channels_last":
        raise _unknown(layer, source)

    def checked(graph, layer, inputs, rank):
        try:
            return emit(graph, layer, inputs, rank)
        except NotImplementedError as error:
            raise _unknown(layer, source, str(error)) from None

    return checked


def _unknown(layer, source, what: str = "") -> UserError:
    return UserError(
        f"{source}: layer {layer.name} is a {type(layer).__name__}{f' with {what}' if what else ''}, expected one "
        "that ONNX is written of here: Keras' convolutions, poolings, normalisations and activations; take "
        "--saved-model, or another network"
    )


# === Normalisation ===


def _batch_normalisation(graph, layer, inputs, rank):
    if layer.axis not in (-1, rank + 1):
        raise NotImplementedError(f"axis {layer.axis}")
    mean, variance = array(layer.moving_mean), array(layer.moving_variance)
    parts = {"gamma": or_else(layer.gamma, np.ones_like(mean)), "beta": or_else(layer.beta, np.zeros_like(mean))}
    parts |= {"mean": mean, "variance": variance}
    values = [graph.weight(f"{layer.name}_{name}", part) for name, part in parts.items()]
    return graph.add("BatchNormalization", [*inputs, *values], name=layer.name, epsilon=layer.epsilon)


def _group_normalisation(graph, layer, inputs, rank):
    """Normalise groups of channels: of one channel each it is ONNX' InstanceNormalization."""
    (channels,) = layer.input_spec.axes.values()
    groups = channels if layer.groups == -1 else layer.groups
    if layer.axis not in (-1, rank + 1):
        raise NotImplementedError(f"axis {layer.axis}")
    gamma, beta = or_else(layer.gamma, np.ones(channels)), or_else(layer.beta, np.zeros(channels))
    if groups == channels:
        values = [graph.weight(f"{layer.name}_gamma", gamma), graph.weight(f"{layer.name}_beta", beta)]
        return graph.add("InstanceNormalization", [*inputs, *values], name=layer.name, epsilon=layer.epsilon)
    shape = graph.add("Shape", inputs, name=f"{layer.name}_shape")
    together = graph.weight(f"{layer.name}_groups", np.array([0, groups, -1]))
    x = graph.add("Reshape", [*inputs, together], name=f"{layer.name}_grouped")
    plain = [graph.weight(f"{layer.name}_{name}", make(groups)) for name, make in (("1", np.ones), ("0", np.zeros))]
    x = graph.add("InstanceNormalization", [x, *plain], name=f"{layer.name}_normalised", epsilon=layer.epsilon)
    x = graph.add("Reshape", [x, shape], name=f"{layer.name}_apart")
    scale, shift = (
        graph.weight(f"{layer.name}_{name}", part.reshape(-1, *[1] * rank))
        for name, part in (("gamma", gamma), ("beta", beta))
    )
    return graph.add("Add", [graph.add("Mul", [x, scale], name=f"{layer.name}_scaled"), shift], name=layer.name)


# === Grids ===


def _pool(kind, graph, layer, inputs, rank):
    options = {"kernel_shape": list(layer.pool_size), "strides": list(layer.strides)}
    if layer.padding == "same":
        options["auto_pad"] = "SAME_UPPER"
    return graph.add(kind, inputs, name=layer.name, **options)


def _global_pool(kind, graph, layer, inputs, rank):
    output = graph.add(kind, inputs, name=layer.name)
    return output if layer.keepdims else graph.add("Flatten", [output], name=f"{layer.name}_flat", axis=1)


def _reshape(graph, layer, inputs, rank):
    """Give a vector its axes of one place."""
    if len(layer.input.shape) != 2 or any(size != 1 for size in layer.target_shape[:-1]):
        raise NotImplementedError("that shape")
    shape = graph.weight(f"{layer.name}_shape", np.array([0, -1, *[1] * rank]))
    return graph.add("Reshape", [*inputs, shape], name=layer.name)


def _upsample(graph, layer, inputs, rank):
    interpolation = getattr(layer, "interpolation", "nearest")
    size = np.broadcast_to(layer.size, rank)
    if interpolation == "bilinear":
        options = {"mode": "linear", "coordinate_transformation_mode": "half_pixel"}
    elif interpolation == "nearest":
        options = {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
    else:
        raise NotImplementedError(f"the interpolation {interpolation}")
    scales = graph.weight(f"{layer.name}_scales", np.array([1, 1, *size], np.float32))
    return graph.add("Resize", [*inputs, "", scales], name=layer.name, **options)


def _zero_padding(graph, layer, inputs, rank):
    before, after = zip(*layer.padding)
    pads = graph.weight(f"{layer.name}_sizes", np.array([0, 0, *before, 0, 0, *after]))
    return graph.add("Pad", [*inputs, pads], name=layer.name)


def _crop(graph, layer, inputs, rank):
    before, after = zip(*layer.cropping)
    far = [-size or np.iinfo(np.int64).max for size in after]
    parts = {"first": before, "last": far, "axes": range(2, rank + 2)}
    values = [graph.weight(f"{layer.name}_{name}", np.array(list(part))) for name, part in parts.items()]
    return graph.add("Slice", [*inputs, *values], name=layer.name)


# === Several inputs ===


def _concatenate(graph, layer, inputs, rank):
    if layer.axis not in (-1, rank + 1):
        raise NotImplementedError(f"axis {layer.axis}")
    return graph.add("Concat", inputs, name=layer.name, axis=1)


def _join(graph, layer, inputs, rank):
    """Add, multiply and the like, one after the other."""
    value, kind = inputs[0], JOINED[type(layer)]
    for place, other in enumerate(inputs[1:], start=2):
        value = graph.add(kind, [value, other], name=layer.name if place == len(inputs) else f"{layer.name}_{place}")
    return value


def _subtract(graph, layer, inputs, rank):
    return graph.add("Sub", inputs, name=layer.name)


def _same(graph, layer, inputs, rank):
    return inputs[0]


EMITTERS = {
    layers.Conv2D: convolution, layers.Conv3D: convolution, layers.DepthwiseConv2D: depthwise_2d,
    DepthwiseConv3D: depthwise_3d, DepthwiseConv3DTranspose: depthwise_3d,
    layers.Conv2DTranspose: transposed, layers.Conv3DTranspose: transposed, DilatedTranspose: dilated_transpose,
    layers.Dense: dense, layers.BatchNormalization: _batch_normalisation,
    layers.GroupNormalization: _group_normalisation, layers.Activation: activation, layers.ReLU: relu,
    layers.LeakyReLU: leaky_relu, layers.Softmax: softmax,
    layers.MaxPooling2D: partial(_pool, "MaxPool"), layers.MaxPooling3D: partial(_pool, "MaxPool"),
    layers.AveragePooling2D: partial(_pool, "AveragePool"), layers.AveragePooling3D: partial(_pool, "AveragePool"),
    layers.GlobalAveragePooling2D: partial(_global_pool, "GlobalAveragePool"),
    layers.GlobalAveragePooling3D: partial(_global_pool, "GlobalAveragePool"),
    layers.GlobalMaxPooling2D: partial(_global_pool, "GlobalMaxPool"),
    layers.GlobalMaxPooling3D: partial(_global_pool, "GlobalMaxPool"),
    layers.UpSampling2D: _upsample, layers.UpSampling3D: _upsample, layers.ZeroPadding2D: _zero_padding,
    layers.ZeroPadding3D: _zero_padding, layers.Cropping2D: _crop, layers.Cropping3D: _crop, layers.Reshape: _reshape,
    layers.Concatenate: _concatenate, layers.Subtract: _subtract,
} | dict.fromkeys(JOINED, _join) | dict.fromkeys(AS_IT_IS, _same)  # fmt: skip
