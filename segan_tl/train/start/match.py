"""Which layers of one network fit another, by name and shape, and what is done to make them fit.

    the same shape                          comes over
    depthwise kernels of another size       are interpolated [Roy 2023, UpKern]
    kernels (h, w) and (1, h, w)            are the same: slices for themselves, AlbuNet2D and AlbuNet3D
    inputs or outputs in another order      change places, where both networks name them
    some inputs of a fine-tuning            come over, the others start anew [`transfer.inputs`]
    anything else                           starts anew, and is named
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np

from segan_tl.config.schema import Config
from segan_tl.fast.depthwise import DepthwiseConv3D
from segan_tl.models.mednext import resize_kernel
from segan_tl.train.start.transfer import Channels, rearrange


@dataclass(frozen=True)
class Report:
    """What came over.

    Attributes:
        copied: names of layers.
        resized: those of them whose kernels were interpolated.
        fresh: layer → why it starts anew.
        parameters: copied, and of the whole network.
        unused: layers of the file that the network has not.
        remarks: what else a person should know.
        partly: those of `copied` of which some channels start anew.
    """

    copied: tuple[str, ...]
    resized: tuple[str, ...]
    fresh: dict[str, str]
    parameters: tuple[int, int]
    unused: tuple[str, ...]
    remarks: tuple[str, ...] = ()
    partly: tuple[str, ...] = ()

    def lines(self, path: Path, digest: str) -> list[str]:
        """Say it in lines for a person: `path` is the file, `digest` its sha256."""
        layers = len(self.copied) + len(self.fresh)
        few, all_of_them = self.parameters
        lines = [
            f"start from {path} (sha256 {digest[:12]}…): {len(self.copied)} of {layers} "
            f"layers, {few:,} of {all_of_them:,} parameters come over"
        ]
        if self.resized:
            lines.append(f"  kernels interpolated (UpKern): {len(self.resized)} layers")
        reasons = {}
        for name, reason in self.fresh.items():
            reasons.setdefault(reason, []).append(name)
        lines += [f"  new: {some(names)} ({reason})" for reason, names in reasons.items()]
        if self.partly:
            lines.append(f"  new in part: {some(self.partly)}")
        if self.unused:
            lines.append(f"  not used: {some(self.unused)}")
        return lines + [f"  {remark}" for remark in self.remarks]


def copy_layers(
    network: keras.Model, source: keras.Model, *, about: dict, config: Config, replaced: Sequence[str] = ()
) -> Report:
    """Give a network the weights of another one that fit, in place.

    Args:
        network: what is to be trained.
        source: where the weights come from.
        about: provenance of the source: modalities, regions, as far as it tells.
        config: says what the network's inputs and outputs are.
        replaced: layers that start anew although they might fit.
    """
    found = {layer.name: layer for layer in source.layers if layer.weights}
    wanted = [layer for layer in network.layers if layer.weights]
    first = next((layer.name for layer in wanted if hasattr(layer, "kernel")), None)
    inputs = _order_inputs(about, config)
    outputs, other = _order_outputs(source, about, config)
    copied, resized, fresh = [], [], {}
    for layer in wanted:
        head = layer.name.startswith("logits")
        if layer.name not in found or layer.name in replaced or head and other:
            fresh[layer.name] = _reason(layer.name, found, head and other)
            continue
        values = {variable.name: keras.ops.convert_to_numpy(variable) for variable in found[layer.name].weights}
        if layer.name == first and inputs:
            values["kernel"] = _take_inputs(layer, values["kernel"], inputs, there=about["modalities"])
        if head and outputs:
            values = _reorder_head(layer, values, outputs)
        fitting = [_fit(layer, variable, values.get(variable.name)) for variable in layer.weights]
        if any(new is None or new.shape != old.shape for new, old in zip(fitting, layer.weights, strict=True)):
            fresh[layer.name] = _difference(layer, found[layer.name])
            continue
        layer.set_weights(fitting)
        copied.append(layer.name)
        if isinstance(layer, DepthwiseConv3D) and values["kernel"].shape != layer.kernel.shape:
            resized.append(layer.name)
    parameters = (count_parameters(network, copied), network.count_params())
    unused = tuple(found.keys() - {layer.name for layer in wanted})
    remarks = _remarks(about, config) if first in copied else ()
    partly = (first,) if first in copied and inputs and None in inputs else ()
    return Report(tuple(copied), tuple(resized), fresh, parameters, tuple(sorted(unused)), remarks, partly)


def _reason(name: str, found: dict, other: str) -> str:
    """Return why a layer starts anew that might have come over."""
    if name not in found:
        return "for training only, not in published networks" if name.startswith("logits_") else "not in it"
    return other or "replaced"


def _take_inputs(layer, kernel: np.ndarray, inputs: Channels, *, there: Sequence[str]) -> np.ndarray:
    """Take the channels of a kernel (…, M, C) that our inputs start with."""
    fresh = keras.ops.convert_to_numpy(layer.kernel)
    kernel = kernel[None] if kernel.ndim < fresh.ndim else kernel  # of slices, for a volume
    alike = kernel.shape[:-2] == fresh.shape[:-2] and kernel.shape[-1] == fresh.shape[-1]
    if kernel.shape[-2] != len(there) or None in inputs and not alike:
        return kernel
    return rearrange(kernel, fresh, inputs, axis=-2)


def _fit(layer, variable, values):
    """Return the values of a variable in the shape that it has here, as far as that can be done."""
    if values is None or variable.name != "kernel":
        return values
    shape = tuple(variable.shape)
    if isinstance(layer, DepthwiseConv3D) and values.ndim == 5 and values.shape[3:] == shape[3:]:
        return values if values.shape == shape else resize_kernel(values, shape[:3])
    if (1, *values.shape) == shape or values.shape == (1, *shape):
        return values.reshape(shape)
    return values


def _reorder_head(layer, values, outputs):
    """Take the outputs of a head in another order."""
    axis = -2 if "Transpose" in type(layer).__name__ else -1
    if any(part.shape[where] != len(outputs) for part, where in ((values["kernel"], axis), (values["bias"], -1))):
        return values
    return {"kernel": np.take(values["kernel"], outputs, axis), "bias": values["bias"][outputs]}


def _order_inputs(about: dict, config: Config) -> Channels | None:
    """Return which of the file's inputs is each of ours, None where the names do not tell."""
    there, here = about.get("modalities"), config.data.modalities
    if there and config.transfer and config.transfer.inputs:
        wanted = [config.transfer.inputs.get(name) for name in here]
        return [list(there).index(name) if name in there else None for name in wanted]
    return _order(there, here)


def _order(there: Sequence[str] | None, here: Sequence[str]) -> list[int] | None:
    """Return which of the file's channels is each of ours, None where the names do not tell."""
    if there is None or sorted(there) != sorted(here):
        return None
    return [list(there).index(name) for name in here]


def _order_outputs(source, about, config) -> tuple[list[int] | None, str]:
    """Return which output of the file is each of ours, and why none is where the names say that they differ."""
    last = next((layer for layer in source.layers if layer.name == "probability"), None)
    activation = last.get_config().get("activation") if last else about.get("activation")
    regions = about.get("regions") or about.get("outputs")
    if activation is not None and activation != config.model.activation:
        return None, f"{activation} there, {config.model.activation} here"
    if not regions:
        return None, ""
    order = _order(regions, config.data.regions)
    if order is None:
        return None, f"{', '.join(regions)} there, {', '.join(config.data.regions)} here"
    return ([0] + [index + 1 for index in order] if config.model.activation == "softmax" else order), ""


def _difference(layer, other) -> str:
    """Return how the shapes of two layers of one name differ."""

    def shape(one):
        return " × ".join(map(str, max((tuple(variable.shape) for variable in one.weights), key=len)))

    here, there = shape(layer), shape(other)
    return f"{there} there, {here} here" if here != there else "other weights there"


def _remarks(about, config) -> tuple[str, ...]:
    """Say where inputs mean something else."""
    there, here = about.get("modalities"), config.data.modalities
    if config.transfer and config.transfer.inputs:
        return tuple(f"input {new} ← {old or 'new, random weights'}" for new, old in config.transfer.inputs.items())
    if there and sorted(there) != sorted(here):
        return (f"inputs were {', '.join(there)} there, are {', '.join(here)} here",)
    return ()


def count_parameters(network: keras.Model, names: Sequence[str]) -> int:
    """Return the number of parameters of layers."""
    return sum(network.get_layer(name).count_params() for name in names)


def some(names: Sequence[str]) -> str:
    """Return a few of the names and the number of the others."""
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
