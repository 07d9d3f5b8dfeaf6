"""Keras' convolutions, ours and dense layers in ONNX: (graph, layer, inputs, spatial axes) → the name of the output.

Keras' convolutions hold kernels (k, …, in, out), transposed ones (k, …, out, in); ONNX has (out, in, k, …) and
(in, out, k, …). "same" padding is TensorFlow's: where it is odd, the far side has one more.
"""

import numpy as np

from segan_tl.fast.depthwise import DepthwiseConv3DTranspose
from segan_tl.portable.activations import activate, array


def convolution(graph, layer, inputs, rank):
    """Add a convolution, of groups of channels too."""
    kernel = array(layer.kernel)
    weights = np.moveaxis(kernel, (-1, -2), (0, 1))
    return _convolve(graph, layer, inputs, weights, group=layer.groups, **_padding(layer, rank))


def depthwise_2d(graph, layer, inputs, rank):
    """Add a convolution of each channel of slices by itself."""
    kernel = array(layer.kernel)  # (k, k, C, multiplier)
    channels = kernel.shape[2]
    weights = kernel.transpose(2, 3, 0, 1).reshape(-1, 1, *kernel.shape[:2])
    return _convolve(graph, layer, inputs, weights, group=channels, **_padding(layer, rank))


def depthwise_3d(graph, layer, inputs, rank):
    """Add a convolution of each channel of volumes by itself, or its transpose."""
    transpose = isinstance(layer, DepthwiseConv3DTranspose)
    weights = np.moveaxis(array(layer.kernel), (-1, -2), (0, 1))  # (C, 1, k, k, k), for either direction
    options = {"pads": [layer.kernel_size // 2] * 6, "strides": [layer.strides] * 3}
    kind = "ConvTranspose" if transpose else "Conv"
    return _convolve(graph, layer, inputs, weights, kind=kind, group=weights.shape[0], **options)


def transposed(graph, layer, inputs, rank):
    """Add a transposed convolution."""
    if max(layer.dilation_rate) > 1:
        raise NotImplementedError("dilation")
    kernel, strides = array(layer.kernel), layer.strides
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


def dilated_transpose(graph, layer, inputs, rank):
    """Add the transposed convolution of stride 2 and dilation 2."""
    weights = np.moveaxis(array(layer.kernel), (-1, -2), (0, 1))
    options = {"strides": [2] * rank, "dilations": [2] * rank, "pads": [1] * rank + [0] * rank}
    return _convolve(graph, layer, inputs, weights, kind="ConvTranspose", **options)


def _convolve(graph, layer, inputs, weights, *, kind="Conv", **attributes):
    """Add a convolution with its bias and its activation."""
    values = [*inputs, graph.weight(f"{layer.name}_kernel", weights)]
    if getattr(layer, "bias", None) is not None:
        values.append(graph.weight(f"{layer.name}_bias", array(layer.bias)))
    output = graph.add(kind, values, name=layer.name, kernel_shape=list(weights.shape[2:]), **attributes)
    return activate(graph, output, getattr(layer, "activation", None), name=f"{layer.name}activation")


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


def dense(graph, layer, inputs, rank):
    """Multiply the channels of a vector, or of every place."""
    kernel = array(layer.kernel).T
    if rank:
        return _convolve(graph, layer, inputs, kernel.reshape(*kernel.shape, *[1] * rank))
    values = [*inputs, graph.weight(f"{layer.name}_kernel", kernel)]
    if layer.bias is not None:
        values.append(graph.weight(f"{layer.name}_bias", array(layer.bias)))
    output = graph.add("Gemm", values, name=layer.name, transB=1)
    return activate(graph, output, layer.activation, name=f"{layer.name}activation")
