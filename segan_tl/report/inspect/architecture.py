"""What config.json of a .keras file says: layers, shapes, what is frozen."""

import math
import re
from dataclasses import dataclass

CONTAINERS = {"Functional", "Sequential", "Model"}
ELEMENTWISE = {"Activation", "ReLU", "LeakyReLU", "Softmax", "PReLU", "ELU", "BatchNormalization", "GroupNormalization",
               "LayerNormalization", "Dropout", "Add", "Multiply", "Subtract", "Average", "Maximum"}  # fmt: skip

Shape = tuple[int | None, ...]


@dataclass(frozen=True)
class LayerConfig:
    """One layer as config.json states it.

    Attributes:
        name: with the names of the models it lies in before it, "outer/inner".
        group: where Keras keeps its weights in the HDF5 file.
        output_shape: batch axis included, None where the file does not tell.
        trainable: the layer's own flag and that of every model around it.
        variables: names of its weights, in Keras' order; () where we do not know the class.
    """

    name: str
    class_name: str
    group: str
    output_shape: Shape | None
    trainable: bool
    variables: tuple[str, ...]


def read_layers(config: dict, *, prefix: str = "", group: str = "layers", trainable: bool = True) -> list[LayerConfig]:
    """List the layers of a functional or sequential model in the order of the file, models inside it opened.

    Args:
        config: the serialised model, {"class_name", "config": {"layers", …}}.
        prefix: names of the models around it.
        group: HDF5 group of its layers.
        trainable: whether the models around it are.
    """
    inner = config.get("config", {})
    trainable = trainable and inner.get("trainable", True) is not False
    consumed = _consumed_shapes(inner.get("layers", []))
    taken, found = {}, []
    for layer in inner.get("layers", []):
        class_name, settings = str(layer.get("class_name")), layer.get("config", {})
        name = str(settings.get("name", layer.get("name")))
        place = f"{group}/{_group_name(class_name, taken)}"
        if class_name in CONTAINERS:
            found += read_layers(layer, prefix=f"{prefix}{name}/", group=f"{place}/layers", trainable=trainable)
            continue
        shape = consumed.get(name) or _own_shape(class_name, settings, _input_shape(layer))
        flag = trainable and settings.get("trainable", True) is not False
        found.append(LayerConfig(prefix + name, class_name, place, shape, flag, _variables(class_name, settings)))
    return found


def _group_name(class_name: str, taken: dict[str, int]) -> str:
    """Return the group Keras gives the next layer of a class: snake case, numbered from the second on."""
    name = re.sub(r"\W+", "", class_name)
    name = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", name)
    name = re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()
    taken[name] = taken.get(name, -1) + 1
    return f"{name}_{taken[name]}" if taken[name] else name


def _tensors(node: object) -> list[dict]:
    """Return the settings of every symbolic tensor below a node."""
    if isinstance(node, list):
        return [found for item in node for found in _tensors(item)]
    if not isinstance(node, dict):
        return []
    if node.get("class_name") == "__keras_tensor__":
        return [node["config"]]
    return [found for item in node.values() for found in _tensors(item)]


def _consumed_shapes(layers: list[dict]) -> dict[str, Shape]:
    """Return the shape of each layer's output where another layer takes it in."""
    shapes = {}
    for layer in layers:
        for tensor in _tensors(layer.get("inbound_nodes", [])):
            shapes[str(tensor["keras_history"][0])] = tuple(tensor["shape"])
    return shapes


def _input_shape(layer: dict) -> Shape | None:
    tensors = _tensors(layer.get("inbound_nodes", []))
    return tuple(tensors[0]["shape"]) if tensors else None


def _own_shape(class_name: str, settings: dict, taken: Shape | None) -> Shape | None:
    """Return the output shape of a layer that no other takes in, None where its class does not tell it."""
    if class_name == "InputLayer":
        return tuple(settings.get("batch_shape") or ()) or None
    if taken is None or class_name in ELEMENTWISE:
        return taken
    if re.fullmatch(r"Conv[123]D", class_name) and settings.get("padding") == "same":
        sizes = zip(taken[1:-1], settings["strides"])
        spatial = (None if size is None else math.ceil(size / stride) for size, stride in sizes)
        return (taken[0], *spatial, settings["filters"])
    return None


def _variables(class_name: str, settings: dict) -> tuple[str, ...]:
    if re.fullmatch(r"(Conv[123]D(Transpose)?|Dense)", class_name):
        return ("kernel", "bias") if settings.get("use_bias", True) else ("kernel",)
    if class_name.endswith("Normalization"):
        affine = tuple(name for name, flag in (("gamma", "scale"), ("beta", "center")) if settings.get(flag, True))
        return affine + (("moving_mean", "moving_variance") if class_name == "BatchNormalization" else ())
    return ()
