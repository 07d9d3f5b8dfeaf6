"""What the configuration in a .keras file would do when it is loaded: run code, or build what no file can hold."""

import math
from pathlib import Path

from segan_tl.errors import UserError

# Layers that run code from the file, or from a file it names, when Keras loads or calls them.
EXECUTING = {"Lambda", "TFSMLayer", "TorchModuleWrapper", "JaxLayer", "FlaxLayer", "__lambda__"}
# Layers that open files named in the configuration.
READING = {"StringLookup", "IntegerLookup", "TextVectorization", "IndexLookup"}
OURS = {
    f"segan_tl>{name}"
    for name in (
        "ClipWeights", "DepthwiseConv3D", "DepthwiseConv3DTranspose", "DilatedTranspose", "GradientReversal",
    )
}  # fmt: skip
STOCK_MODULES = {
    "keras", "keras.layers", "keras.models", "keras.initializers", "keras.regularizers", "keras.constraints",
    "keras.activations", "keras.dtype_policies", "keras.optimizers", "keras.losses", "keras.metrics",
    "keras.src.models.functional", "keras.src.models.sequential",
}  # fmt: skip
MARKS = {"__keras_tensor__", "__tensor__", "__numpy__", "__bytes__", "__ellipsis__", "__tuple__"}
NO_NETWORK = (LookupError, TypeError, AttributeError, ValueError, OverflowError)
MOST_CALLS = 5000  # layers of a network, those of models inside counted at each use; MedNeXt has some 300
LARGEST_INPUT = 2**28  # values
LARGEST_STEP = 1024  # voxels
STEPS = {"size", "strides", "pool_size", "padding", "cropping", "dilation_rate", "kernel_size", "output_padding"}


def examine(path: Path, config: dict) -> list[str]:
    """Refuse a configuration that no network has; return what `find_dangers` finds in the others.

    Args:
        path: of the file, for errors.
        config: what its config.json holds.

    Raises:
        UserError: it is none of a network, or of one that is larger than any of use.
    """
    try:
        excess = find_excess(config)
    except NO_NETWORK as error:
        raise UserError(
            f"{path}: config.json does not describe a Keras model ({error!r}); do not trust this file"
        ) from None
    if excess:
        raise UserError(f"{path} describes {excess}, more than any network of use has; do not trust this file")
    return find_dangers(config)


def find_dangers(config: object) -> list[str]:
    """Return one sentence for every class that would run code from the file or that is unknown here."""
    dangers, pending = {}, [config]
    while pending:
        node = pending.pop()
        if isinstance(node, list):
            pending.extend(node)
        elif isinstance(node, dict):
            pending.extend(node.values())
            if "class_name" in node and (reason := _danger(node)):
                dangers[reason] = None
    return sorted(dangers)


def _danger(node: dict) -> str | None:
    class_name, registered = str(node["class_name"]), node.get("registered_name")
    settings = node.get("config")
    name = f" ({settings['name']})" if isinstance(settings, dict) and "name" in settings else ""
    if class_name in EXECUTING:
        return f"{class_name}{name} runs code that the file brings along"
    if class_name in READING:
        return f"{class_name}{name} may read files of this machine"
    if class_name in MARKS or registered in OURS:
        return None
    if node.get("module") not in STOCK_MODULES:
        return f"{registered or class_name}{name} of module {node.get('module')} is neither Keras' nor ours"
    return None


def find_excess(config: dict) -> str | None:
    """Say what of a network is larger than any that is of use, None where nothing is.

    Raises:
        KeyError, TypeError, AttributeError: the configuration does not describe a network.
    """
    if _count_calls(config) > MOST_CALLS:
        return f"more than {MOST_CALLS} layers"
    pending = [config["config"]]
    while pending:
        node = pending.pop()
        pending.extend(node if isinstance(node, list) else node.values() if isinstance(node, dict) else ())
        if not isinstance(node, dict):
            continue
        if math.prod(size for size in node.get("batch_shape") or () if size) > LARGEST_INPUT:
            return f"an input of {node['batch_shape']}"
        for name in STEPS & node.keys():
            if any(abs(step) > LARGEST_STEP for step in _numbers(node[name])):
                return f"{name} {node[name]}"
    return None


def _count_calls(model: dict) -> int:
    """Return how often Keras calls a layer when it builds a model; stop counting above MOST_CALLS."""
    calls = 0
    for layer in model["config"].get("layers", ()):
        inside = isinstance(layer.get("config"), dict) and "layers" in layer["config"]
        calls += max(len(layer.get("inbound_nodes", ())), 1) * (_count_calls(layer) if inside else 1)
        if calls > MOST_CALLS:
            break
    return calls


def _numbers(value: object) -> list[int | float]:
    """Return the numbers in a list of lists."""
    if isinstance(value, list):
        return [number for item in value for number in _numbers(item)]
    return [value] if isinstance(value, int | float) else []
