"""A network of one's own: any functional Keras model in a .keras file, from images to masks, trains as ours do."""

from collections.abc import Sequence
from pathlib import Path

import keras
from keras import layers

from segan_tl.errors import UserError
from segan_tl.models.archive import require_network
from segan_tl.models.weights import CUSTOM_OBJECTS, load_network

NOMINAL = 128  # voxels along an axis that a network leaves open


def build_from_file(
    input_shape: Sequence[int | None],
    *,
    file: str,
    classes: int,
    activation: str = "sigmoid",
    file_weights: bool = True,
    name: str = "file",
) -> keras.Model:
    """Load a network, and let it answer with logits.

    Its layers keep their names, weights and precision. A sigmoid or softmax at its end is taken off, for the losses
    take logits; without one the end is taken for logits.

    Args:
        input_shape: (…, M), of which only the number of modalities counts.
        file: its .keras file.
        classes: number of output channels.
        activation: that it is to be published with.
        file_weights: begin with its weights, so that its channels have to be those of the configuration; otherwise with
            random ones, and its first and last layers are made for as many channels as there are.
        name: of the model.

    Returns:
        Model from the file's input, (B, D, H, W, M) or (B, H, W, M), to `logits` (B, …, classes), float32, and
        `probability`.

    Raises:
        UserError: there is no such file, it would run code or holds classes that are not Keras' own, or what goes in
            and comes out is something else.
    """
    require_network(Path(file), option="model.file")
    network = _load(Path(file))
    if not file_weights:
        network = _made_anew(network, channels=input_shape[-1], classes=classes)
    _check_ends(network, file, channels=input_shape[-1], classes=classes)
    x = _before_activation(network, file, activation=activation)
    last = x._keras_history.operation
    if last.name != "logits":
        if any(layer.name == "logits" for layer in network.layers):
            raise UserError(f"{file}: its layer logits is not its last; give that layer another name")
        x = layers.Activation("linear", dtype="float32", name="logits")(x)
    probability = layers.Activation(activation, dtype="float32", name="probability")(x)
    return keras.Model(network.inputs[0], probability, name=name)


def _made_anew(network: keras.Model, *, channels: int, classes: int) -> keras.Model:
    """Return the network with random weights, for so many channels in and out."""
    config = keras.Model(network.inputs, network.outputs).get_config()
    head = next(layer.name for layer in reversed(network.layers) if hasattr(layer, "kernel"))
    for layer in config["layers"]:
        layer.pop("build_config", None)  # the shapes that it was built for
        values = layer["config"]
        if layer["class_name"] == "InputLayer":
            values["batch_shape"] = (*values["batch_shape"][:-1], channels)
        if values.get("name") == head:
            values["filters" if "filters" in values else "units"] = classes
    with keras.saving.custom_object_scope(CUSTOM_OBJECTS):
        return keras.Model.from_config(config)


def _load(path: Path) -> keras.Model:
    """Load a network; where a class of another library is in the way, say how to do without it."""
    try:
        return load_network(path)
    except UserError as error:
        if "neither Keras' nor ours" not in str(error):
            raise
        raise UserError(
            f"{str(error).split(';')[0]}; where that class only wraps Keras' own layers, save the network without it: "
            "keras.Model(model.inputs, model.outputs).save('network.keras')"
        ) from None


def find_parts(network: keras.Model) -> dict[str, str]:
    """Return layer → "encoder", "decoder" or "head", for every layer with weights.

    The encoder is what lies before the coarsest grid, and on it; the head is the last layer with a kernel, and what
    follows it.
    """
    shape = [size or NOMINAL for size in network.inputs[0].shape[1:-1]]
    weighted = [layer for layer in network.layers if layer.weights]
    probe = keras.Model(network.inputs, [layer.output for layer in weighted])
    image = keras.KerasTensor((1, *shape, network.inputs[0].shape[-1]))
    grids = [_voxels(output.shape) for output in probe.compute_output_spec(image)]
    bottom = max(place for place, grid in enumerate(grids) if grid == min(grids))
    head = max(place for place, layer in enumerate(weighted) if hasattr(layer, "kernel"))
    return {
        layer.name: "encoder" if place <= min(bottom, head - 1) else "decoder" if place < head else "head"
        for place, layer in enumerate(weighted)
    }


def _voxels(shape: Sequence[int]) -> int:
    """Return the number of places of a grid; a vector, as squeeze-and-excitation makes, has none of its own."""
    places = 1
    for size in shape[1:-1]:
        places *= size
    return places if places > 1 else 2**62


def _check_ends(network: keras.Model, file: str, *, channels: int, classes: int) -> None:
    """Refuse a network whose input or output is not what the configuration says.

    Raises:
        UserError: it says what was expected.
    """
    if len(network.inputs) != 1 or len(network.outputs) != 1:
        raise UserError(
            f"{file} has {len(network.inputs)} inputs and {len(network.outputs)} outputs; expected one image and one "
            "map of probabilities or logits"
        )
    image, answer = network.inputs[0].shape, network.outputs[0].shape
    if len(image) not in (4, 5) or len(answer) != len(image):
        raise UserError(
            f"{file} makes {_shape(answer)} of {_shape(image)}; expected a map of the image's own grid, channels last: "
            "(B, D, H, W, channels), or (B, H, W, channels) for slices"
        )
    for what, found, wanted, key in (
        ("takes", image[-1], channels, "data.modalities"), ("answers with", answer[-1], classes, "data.regions"),
    ):  # fmt: skip
        if found != wanted:
            raise UserError(
                f"{file} {what} {found} channels, expected {wanted}: correct {key}, or give another network"
            )


def _before_activation(network: keras.Model, file: str, *, activation: str):
    """Return what a network answers before its sigmoid or softmax.

    Raises:
        UserError: it ends in the other one of them, or in something else.
    """
    answer = network.outputs[0]
    last = answer._keras_history.operation
    found = "softmax" if isinstance(last, layers.Softmax) else _name(getattr(last, "activation", None))
    if found not in ("linear", activation):
        more = f"; --set model.activation={found}" if found in ("sigmoid", "softmax") else ", or in logits"
        raise UserError(f"{file} ends in {found}, expected model.activation = {activation}{more}")
    if found == "linear":
        return answer
    if isinstance(last, layers.Softmax | layers.Activation):
        return last.input
    last.activation = keras.activations.linear
    return answer


def _name(activation) -> str:
    return "linear" if activation is None else getattr(activation, "__name__", type(activation).__name__)


def _shape(shape: Sequence[int | None]) -> str:
    return f"({', '.join('B' if i == 0 else str(size or '?') for i, size in enumerate(shape))})"
