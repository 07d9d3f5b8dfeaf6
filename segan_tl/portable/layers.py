"""What each layer is in ONNX: one function a kind, (graph, layer, inputs, spatial axes) → the name of its output.

Keras' convolutions hold kernels (k, …, in, out), transposed ones (k, …, out, in); ONNX has (out, in, k, …) and
(in, out, k, …). "same" padding is TensorFlow's: where it is odd, the far side has one more.
"""

from collections.abc import Callable
from functools import partial

import numpy as np
from keras import layers, ops

from segan_tl.errors import UserError
from segan_tl.fast.depthwise import DepthwiseConv3D, DepthwiseConv3DTranspose
from segan_tl.models.dann import GradientReversal
from segan_tl.models.dilated_transpose import DilatedTranspose

# Keras' name → ONNX' operator and its attributes.
ACTIVATIONS = {
    "linear": None, "relu": ("Relu", {}), "sigmoid": ("Sigmoid", {}), "tanh": ("Tanh", {}), "gelu": ("Gelu", {}),
    "softmax": ("Softmax", {"axis": 1}), "elu": ("Elu", {"alpha": 1.0}), "softplus": ("Softplus", {}),
    "leaky_relu": ("LeakyRelu", {"alpha": 0.2}),
}  # fmt: skip
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


# === Convolutions ===


def _convolution(graph, layer, inputs, rank):
    kernel = _array(layer.kernel)
    weights = np.moveaxis(kernel, (-1, -2), (0, 1))
    return _convolve(graph, layer, inputs, weights, group=layer.groups, **_padding(layer, rank))


def _depthwise_2d(graph, layer, inputs, rank):
    kernel = _array(layer.kernel)  # (k, k, C, multiplier)
    channels = kernel.shape[2]
    weights = kernel.transpose(2, 3, 0, 1).reshape(-1, 1, *kernel.shape[:2])
    return _convolve(graph, layer, inputs, weights, group=channels, **_padding(layer, rank))


def _depthwise_3d(graph, layer, inputs, rank):
    transpose = isinstance(layer, DepthwiseConv3DTranspose)
    weights = np.moveaxis(_array(layer.kernel), (-1, -2), (0, 1))  # (C, 1, k, k, k), for either direction
    options = {"pads": [layer.kernel_size // 2] * 6, "strides": [layer.strides] * 3}
    kind = "ConvTranspose" if transpose else "Conv"
    return _convolve(graph, layer, inputs, weights, kind=kind, group=weights.shape[0], **options)


def _transposed(graph, layer, inputs, rank):
    if max(layer.dilation_rate) > 1:
        raise NotImplementedError("dilation")
    kernel, strides = _array(layer.kernel), layer.strides
    over = [size - stride for size, stride in zip(layer.kernel_size, strides)]
    if layer.padding == "same":
        if layer.output_padding is not None:
            raise NotImplementedError('output_padding beside "same"')
        before = [max(one, 0) // 2 for one in over]
        pads = [*before, *(max(one, 0) - first for one, first in zip(over, before))]
    else:
        pads = [0] * 2 * rank
    given = layer.output_padding
    more = [max(-one, 0) for one in over] if given is None else np.broadcast_to(given, rank).tolist()
    weights = np.moveaxis(kernel, (-1, -2), (0, 1))
    return _convolve(
        graph, layer, inputs, weights, kind="ConvTranspose", strides=list(strides), pads=pads, output_padding=more
    )


def _dilated_transpose(graph, layer, inputs, rank):
    weights = np.moveaxis(_array(layer.kernel), (-1, -2), (0, 1))
    options = {"strides": [2] * rank, "dilations": [2] * rank, "pads": [1] * rank + [0] * rank}
    return _convolve(graph, layer, inputs, weights, kind="ConvTranspose", **options)


def _convolve(graph, layer, inputs, weights, *, kind="Conv", **attributes):
    """Add a convolution with its bias and its activation."""
    values = [*inputs, graph.weight(f"{layer.name}_kernel", weights)]
    if getattr(layer, "bias", None) is not None:
        values.append(graph.weight(f"{layer.name}_bias", _array(layer.bias)))
    output = graph.add(kind, values, name=layer.name, kernel_shape=list(weights.shape[2:]), **attributes)
    return _activate(graph, output, getattr(layer, "activation", None), name=f"{layer.name}_activation")


def _padding(layer, rank) -> dict:
    """Return strides, dilations and padding of a convolution."""
    strides, dilations = (list(np.broadcast_to(one, rank).tolist()) for one in (layer.strides, layer.dilation_rate))
    options = {"strides": strides, "dilations": dilations}
    if layer.padding == "valid":
        return options
    if layer.padding != "same":
        raise NotImplementedError(f"padding {layer.padding!r}")
    if max(strides) > 1:  # how much there is depends on the size of the image
        return options | {"auto_pad": "SAME_UPPER"}
    whole = [step * (size - 1) for size, step in zip(layer.kernel_size, dilations)]
    return options | {"pads": [*(one // 2 for one in whole), *(one - one // 2 for one in whole)]}


def _dense(graph, layer, inputs, rank):
    """Multiply the channels of a vector, or of every place."""
    kernel = _array(layer.kernel).T
    if rank:
        return _convolve(graph, layer, inputs, kernel.reshape(*kernel.shape, *[1] * rank))
    values = [*inputs, graph.weight(f"{layer.name}_kernel", kernel)]
    if layer.bias is not None:
        values.append(graph.weight(f"{layer.name}_bias", _array(layer.bias)))
    output = graph.add("Gemm", values, name=layer.name, transB=1)
    return _activate(graph, output, layer.activation, name=f"{layer.name}_activation")


# === Normalisation and activation ===


def _batch_normalisation(graph, layer, inputs, rank):
    if layer.axis not in (-1, rank + 1):
        raise NotImplementedError(f"axis {layer.axis}")
    mean, variance = _array(layer.moving_mean), _array(layer.moving_variance)
    parts = {"gamma": _or_else(layer.gamma, np.ones_like(mean)), "beta": _or_else(layer.beta, np.zeros_like(mean))}
    parts |= {"mean": mean, "variance": variance}
    values = [graph.weight(f"{layer.name}_{name}", array) for name, array in parts.items()]
    return graph.add("BatchNormalization", [*inputs, *values], name=layer.name, epsilon=layer.epsilon)


def _group_normalisation(graph, layer, inputs, rank):
    """Normalise groups of channels: of one channel each it is ONNX' InstanceNormalization."""
    (channels,) = layer.input_spec.axes.values()
    groups = channels if layer.groups == -1 else layer.groups
    if layer.axis not in (-1, rank + 1):
        raise NotImplementedError(f"axis {layer.axis}")
    gamma, beta = _or_else(layer.gamma, np.ones(channels)), _or_else(layer.beta, np.zeros(channels))
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
        graph.weight(f"{layer.name}_{name}", array.reshape(-1, *[1] * rank))
        for name, array in (("gamma", gamma), ("beta", beta))
    )
    return graph.add("Add", [graph.add("Mul", [x, scale], name=f"{layer.name}_scaled"), shift], name=layer.name)


def _activation(graph, layer, inputs, rank):
    return _activate(graph, inputs[0], layer.activation, name=layer.name)


def _activate(graph, value, activation, *, name):
    """Add an activation of Keras by its name; none is the value itself."""
    kind = "linear" if activation is None else getattr(activation, "__name__", type(activation).__name__)
    if kind not in ACTIVATIONS:
        raise NotImplementedError(f"the activation {kind}")
    if ACTIVATIONS[kind] is None:
        return value
    operator, attributes = ACTIVATIONS[kind]
    return graph.add(operator, [value], name=name, **attributes)


def _relu(graph, layer, inputs, rank):
    if layer.max_value is not None or layer.threshold:
        raise NotImplementedError("max_value or threshold")
    if layer.negative_slope:
        return graph.add("LeakyRelu", inputs, name=layer.name, alpha=float(layer.negative_slope))
    return graph.add("Relu", inputs, name=layer.name)


def _leaky_relu(graph, layer, inputs, rank):
    return graph.add("LeakyRelu", inputs, name=layer.name, alpha=float(layer.negative_slope))


def _softmax(graph, layer, inputs, rank):
    if layer.axis not in (-1, rank + 1):
        raise NotImplementedError(f"axis {layer.axis}")
    return graph.add("Softmax", inputs, name=layer.name, axis=1)


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


def _array(variable) -> np.ndarray:
    return ops.convert_to_numpy(variable).astype(np.float32)


def _or_else(variable, instead: np.ndarray) -> np.ndarray:
    return instead if variable is None else _array(variable)


EMITTERS = {
    layers.Conv2D: _convolution, layers.Conv3D: _convolution, layers.DepthwiseConv2D: _depthwise_2d,
    DepthwiseConv3D: _depthwise_3d, DepthwiseConv3DTranspose: _depthwise_3d,
    layers.Conv2DTranspose: _transposed, layers.Conv3DTranspose: _transposed, DilatedTranspose: _dilated_transpose,
    layers.Dense: _dense, layers.BatchNormalization: _batch_normalisation,
    layers.GroupNormalization: _group_normalisation, layers.Activation: _activation, layers.ReLU: _relu,
    layers.LeakyReLU: _leaky_relu, layers.Softmax: _softmax,
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
