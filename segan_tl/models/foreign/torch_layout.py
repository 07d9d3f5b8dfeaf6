"""The same weights in PyTorch's order of axes and names and in Keras': both ways, without PyTorch.

A family says which layer has which PyTorch prefix (`torch_names(model)`, layer name → prefix); the rest follows from
the type of the layer: `<prefix>.weight`, `<prefix>.bias`, `<prefix>.running_mean`, `<prefix>.running_var`.
"""

from collections.abc import Mapping

import keras
import numpy as np
from keras import layers

from segan_tl.errors import UserError

SUFFIXES = {
    "kernel": "weight",
    "bias": "bias",
    "gamma": "weight",
    "beta": "bias",
    "moving_mean": "running_mean",
    "moving_variance": "running_var",
}
DEPTHWISE = (layers.DepthwiseConv1D, layers.DepthwiseConv2D)


def to_keras(tensor: np.ndarray, layer: layers.Layer, part: str) -> np.ndarray:
    """Return a PyTorch tensor in the layout of a Keras variable.

    Args:
        tensor: convolution (O, I, k…), transposed convolution (I, O, k…), linear (O, I), or a vector.
        layer: the Keras layer that holds the variable.
        part: name of the variable: kernel, bias, gamma, beta, moving_mean, moving_variance.

    Returns:
        Array (k…, I, O), (k…, O, I), (I, O), or the vector; a depthwise kernel (C · n, 1, k…) becomes (k…, C, n).
    """
    if part != "kernel":
        return np.asarray(tensor)
    values = np.transpose(tensor, [*range(2, np.ndim(tensor)), 1, 0])
    if isinstance(layer, DEPTHWISE):
        multiplier = layer.depth_multiplier
        values = values.reshape(*values.shape[:-2], values.shape[-1] // multiplier, multiplier)
    return values


def to_torch(values: np.ndarray, layer: layers.Layer, part: str) -> np.ndarray:
    """Return the values of a Keras variable in PyTorch's layout: the inverse of `to_keras`."""
    if part != "kernel":
        return np.asarray(values)
    if isinstance(layer, DEPTHWISE):
        values = np.reshape(values, (*np.shape(values)[:-2], 1, -1))
    rank = np.ndim(values)
    return np.ascontiguousarray(np.transpose(values, [rank - 1, rank - 2, *range(rank - 2)]))


def shapes(model: keras.Model, names: Mapping[str, str]) -> dict[str, tuple[int, ...]]:
    """Return the PyTorch name and shape of every variable of the named layers, in the order of `names`."""
    return {key: _torch_shape(variable, layer) for key, layer, variable in _variables(model, names)}


def assign(model: keras.Model, state: Mapping[str, np.ndarray], names: Mapping[str, str]) -> list[str]:
    """Give the named layers the weights of a PyTorch state.

    Args:
        model: Keras model.
        state: PyTorch name → array.
        names: layer name → PyTorch prefix.

    Returns:
        The names of the state that were not read, sorted.

    Raises:
        UserError: the state lacks a tensor, or one has another shape; no weight has been changed then.
    """
    found = list(_variables(model, names))
    for key, layer, variable in found:
        expected = _torch_shape(variable, layer)
        if key not in state:
            raise UserError(f"the weights lack {key} {expected} for layer {layer.name}: choose the network they are of")
        if tuple(np.shape(state[key])) != expected:
            raise UserError(
                f"{key} for layer {layer.name}: expected shape {expected}, found {tuple(np.shape(state[key]))}: "
                "choose the network, channels and classes these weights are of"
            )
    for key, layer, variable in found:
        variable.assign(to_keras(state[key], layer, variable.name))
    return sorted(set(state) - {key for key, _, _ in found})


def collect(model: keras.Model, names: Mapping[str, str]) -> dict[str, np.ndarray]:
    """Return the weights of the named layers as a PyTorch state, the inverse of `assign`."""
    return {
        key: to_torch(keras.ops.convert_to_numpy(variable), layer, variable.name)
        for key, layer, variable in _variables(model, names)
    }


def _variables(model, names):
    """Yield (PyTorch name, layer, variable) for every variable of the named layers."""
    for name, prefix in names.items():
        layer = model.get_layer(name)
        for variable in layer.weights:
            if variable.name in SUFFIXES:
                yield f"{prefix}.{SUFFIXES[variable.name]}", layer, variable


def _torch_shape(variable, layer) -> tuple[int, ...]:
    """Return the shape that a variable has in PyTorch."""
    if variable.name != "kernel":
        return tuple(variable.shape)
    *spatial, second, first = variable.shape
    if isinstance(layer, DEPTHWISE):
        return (second * first, 1, *spatial)
    return (first, second, *spatial)
