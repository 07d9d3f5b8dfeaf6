"""Keras' activations in ONNX, by their names."""

import numpy as np
from keras import ops

# Keras' name → ONNX' operator and its attributes.
ACTIVATIONS = {
    "linear": None, "relu": ("Relu", {}), "sigmoid": ("Sigmoid", {}), "tanh": ("Tanh", {}), "gelu": ("Gelu", {}),
    "softmax": ("Softmax", {"axis": 1}), "elu": ("Elu", {"alpha": 1.0}), "softplus": ("Softplus", {}),
    "leaky_relu": ("LeakyRelu", {"alpha": 0.2}),
}  # fmt: skip


def activation(graph, layer, inputs, rank):
    """Add the activation of a layer that is nothing else."""
    return activate(graph, inputs[0], layer.activation, name=layer.name)


def activate(graph, value, activation, *, name):
    """Add an activation of Keras by its name; none is the value itself."""
    kind = "linear" if activation is None else getattr(activation, "__name__", type(activation).__name__)
    if kind not in ACTIVATIONS:
        raise NotImplementedError(f"the activation {kind}")
    if ACTIVATIONS[kind] is None:
        return value
    operator, attributes = ACTIVATIONS[kind]
    return graph.add(operator, [value], name=name, **attributes)


def relu(graph, layer, inputs, rank):
    """Add max(x, 0), or x · slope below 0."""
    if layer.max_value is not None or layer.threshold:
        raise NotImplementedError("max_value or threshold")
    if layer.negative_slope:
        return graph.add("LeakyRelu", inputs, name=layer.name, alpha=float(layer.negative_slope))
    return graph.add("Relu", inputs, name=layer.name)


def leaky_relu(graph, layer, inputs, rank):
    """Add x, below 0 x · slope."""
    return graph.add("LeakyRelu", inputs, name=layer.name, alpha=float(layer.negative_slope))


def softmax(graph, layer, inputs, rank):
    """Add a softmax over the channels."""
    if layer.axis not in (-1, rank + 1):
        raise NotImplementedError(f"axis {layer.axis}")
    return graph.add("Softmax", inputs, name=layer.name, axis=1)


def array(variable) -> np.ndarray:
    """Return the numbers of a variable, float32."""
    return ops.convert_to_numpy(variable).astype(np.float32)


def or_else(variable, instead: np.ndarray) -> np.ndarray:
    """Return the numbers of a variable, others where there is none."""
    return instead if variable is None else array(variable)
