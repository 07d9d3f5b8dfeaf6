"""Which layers of one network fit another, by name and shape, and what is done to make them fit.

    the same shape                          comes over
    depthwise kernels of another size       are interpolated [Roy 2023, UpKern]
    kernels (h, w) and (1, h, w)            are the same: slices for themselves, AlbuNet2D and AlbuNet3D
    inputs or outputs in another order      change places, where both networks name them
    planes that said what is there          go into the bias: inside the head they were 1
    inputs or outputs that are not there    start anew, beside those that come over
    slices beside the source's              start at 0
    anything else                           starts anew, and is named
"""

from collections.abc import Sequence
from dataclasses import dataclass

import keras
import numpy as np

from segan_tl.fast.depthwise import DepthwiseConv3D
from segan_tl.models.mednext import resize_kernel
from segan_tl.train.start.channels import ZERO, Channels


@dataclass(frozen=True)
class Report:
    """What came over.

    Attributes:
        copied: names of layers.
        resized: those of them whose kernels were interpolated.
        fresh: layer → why it starts anew.
        unused: layers of the source that the network has not.
        partly: those of `copied` of which some channels start anew, or at 0.
        misfits: those of `fresh` that are of other sizes there.
    """

    copied: tuple[str, ...] = ()
    resized: tuple[str, ...] = ()
    fresh: dict[str, str] | None = None
    unused: tuple[str, ...] = ()
    partly: tuple[str, ...] = ()
    misfits: tuple[str, ...] = ()

    @property
    def new(self) -> list[str]:
        """Return the layers of which something starts anew."""
        return [*(self.fresh or {}), *self.partly]

    def lines(self) -> list[str]:
        """Say for a person what did not come over, or not as it was."""
        lines, reasons = [], {}
        if self.resized:
            lines.append(f"kernels interpolated (UpKern): {len(self.resized)} layers")
        for name, reason in (self.fresh or {}).items():
            reasons.setdefault(reason, []).append(name)
        lines += [f"new: {some(names)} ({reason})" for reason, names in reasons.items()]
        if self.partly:
            lines.append(f"new in part: {some(self.partly)}")
        if self.unused:
            lines.append(f"not used: {some(self.unused)}")
        return lines


def copy_layers(
    network: keras.Model,
    source: keras.Model,
    *,
    heads: Sequence[str] = (),
    inputs: Channels | None = None,
    outputs: Channels | None = None,
    other_head: str = "",
    replaced: Sequence[str] = (),
    planes: Sequence[int] = (),
) -> Report:
    """Give a network the weights of another one that fit, in place.

    Args:
        network: what is to be trained.
        source: where the weights come from.
        heads: layers that answer; `outputs` and `other_head` are about them.
        inputs: for each input channel of the network its place in the source, None where it starts anew, ZERO where at
            0; no list where they are not to be moved.
        outputs: likewise for the channels of a head.
        other_head: why no head comes over; "" where they do.
        replaced: layers that start anew although they might fit.
        planes: input channels of the source that are 1 wherever the network looks, and that it has not.
    """
    found = {layer.name: layer for layer in source.layers if layer.weights}
    wanted = [layer for layer in network.layers if layer.weights]
    first = next((layer.name for layer in wanted if hasattr(layer, "kernel")), None)
    copied, resized, fresh, misfits = [], [], {}, []
    for layer in wanted:
        head = layer.name in heads
        if layer.name not in found or layer.name in replaced or head and other_head:
            fresh[layer.name] = _reason(layer.name, found, head and other_head)
            continue
        values = _values(layer, found[layer.name])
        if layer.name == first and inputs:
            values = _take_planes(layer, values, planes)
            values[0] = _take_inputs(layer, values[0], inputs)
        if head and outputs:
            values = _take_outputs(layer, values, outputs)
        fitting = [_fit(layer, variable, value) for variable, value in zip(layer.weights, values, strict=True)]
        if any(new is None or new.shape != old.shape for new, old in zip(fitting, layer.weights, strict=True)):
            fresh[layer.name] = _difference(layer, found[layer.name])
            misfits.append(layer.name)
            continue
        layer.set_weights(fitting)
        copied.append(layer.name)
        if isinstance(layer, DepthwiseConv3D) and values[0].shape != layer.kernel.shape:
            resized.append(layer.name)
    moved = {first: inputs} | {head: outputs for head in heads}
    partly = [name for name in copied if {None, ZERO} & set(moved.get(name) or ())]
    unused = sorted(found.keys() - {layer.name for layer in wanted})
    return Report(tuple(copied), tuple(resized), fresh, tuple(unused), tuple(partly), tuple(misfits))


def count_parameters(network: keras.Model, names: Sequence[str]) -> int:
    """Return the number of parameters of layers."""
    return sum(network.get_layer(name).count_params() for name in names)


def some(names: Sequence[str]) -> str:
    """Return a few of the names and the number of the others."""
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")


def _reason(name: str, found: dict, other: str) -> str:
    """Return why a layer starts anew that might have come over."""
    if name not in found:
        return "for training only, not in published networks" if name.startswith("logits_") else "not in it"
    return other or "replaced"


def _values(layer, other) -> list[np.ndarray | None]:
    """Return the values of the source for each variable of a layer: by name, by place where names repeat."""
    names, theirs = ([variable.name for variable in one.weights] for one in (layer, other))
    values = [keras.ops.convert_to_numpy(variable) for variable in other.weights]
    if names == theirs:
        return values
    known = dict(zip(theirs, values)) if len(set(theirs)) == len(theirs) else {}
    return [known.get(name) for name in names]


def _take_inputs(layer, kernel: np.ndarray | None, inputs: Channels) -> np.ndarray | None:
    """Take the channels of a kernel (…, M, C) that our inputs start with."""
    fresh = keras.ops.convert_to_numpy(layer.kernel)
    if kernel is None:
        return None
    kernel = kernel[None] if kernel.ndim < fresh.ndim else kernel  # of slices, for a volume
    alike = kernel.shape[:-2] == fresh.shape[:-2] and kernel.shape[-1] == fresh.shape[-1]
    if {None, ZERO} & set(inputs) and not alike:
        return kernel
    return _rearrange(kernel, fresh, inputs, axis=-2)


def _take_planes(layer, values: list, planes: Sequence[int]) -> list:
    """Add to the bias what a kernel (…, M, C) makes of channels that are 1; without a bias nothing."""
    kernel, *others = values
    if not planes or not getattr(layer, "use_bias", False) or kernel is None or others[0] is None:
        return values
    ones = kernel[..., list(planes), :].sum(axis=tuple(range(kernel.ndim - 1)))
    return [kernel, others[0] + ones, *others[1:]]


def _take_outputs(layer, values: list, outputs: Channels) -> list:
    """Take the channels of a head's kernel and bias that our outputs start with."""
    axis = -2 if "Transpose" in type(layer).__name__ else -1
    taken = []
    for variable, value in zip(layer.weights, values, strict=True):
        fresh = keras.ops.convert_to_numpy(variable)
        where = axis if fresh.ndim > 1 else -1
        alike = value is not None and value.ndim == fresh.ndim
        taken.append(_rearrange(value, fresh, outputs, axis=where) if alike else value)
    return taken


def _rearrange(old: np.ndarray, fresh: np.ndarray, channels: Channels, *, axis: int) -> np.ndarray:
    """Take channels of `old` along an axis, those of `fresh` where there is none to take.

    Args:
        old: values of the source.
        fresh: values that the network started with.
        channels: for each channel of `fresh` its place in `old`, None where it has none, ZERO where it is 0.
        axis: from the end, as -1.
    """
    if max((index for index in channels if index is not None), default=-1) >= old.shape[axis]:
        return old  # another kind of input: the caller names both shapes
    nothing = np.zeros_like(np.take(old, 0, axis))
    parts = [
        np.take(fresh, place, axis) if index is None else nothing if index == ZERO else np.take(old, index, axis)
        for place, index in enumerate(channels)
    ]
    if any(part.shape != parts[0].shape for part in parts):
        return old
    return np.stack(parts, axis)


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


def _difference(layer, other) -> str:
    """Return how the shapes of two layers of one name differ."""

    def shape(one):
        return " × ".join(map(str, max((tuple(variable.shape) for variable in one.weights), key=len)))

    here, there = shape(layer), shape(other)
    return f"{there} there, {here} here" if here != there else "other weights there"
