"""The MedNeXt authors' checkpoints (nnU-Net version 1) as Keras networks; size and kernel are read off the tensors."""

import re
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import keras
import numpy as np

from segan_tl.errors import UserError
from segan_tl.models.declare import build_within
from segan_tl.models.foreign.dataset_json import describe_outputs, name_channels
from segan_tl.models.foreign.orientation import OURS, turn_tensors
from segan_tl.models.foreign.torch_files import Weights, read_weights
from segan_tl.models.foreign.torch_layout import assign
from segan_tl.models.mednext import VARIANTS, build_mednext, torch_names

LEVELS = 4
STAGES = (
    *(f"enc_block_{level}" for level in range(LEVELS)), "bottleneck",
    *(f"dec_block_{level}" for level in reversed(range(LEVELS))),
)  # fmt: skip
FIRST = f"{STAGES[0]}.0.conv1.weight"
LARGEST_FILTERS = 512  # of the full grid
LEFT_OUT = re.compile(r"dummy_tensor")


def import_mednext(
    checkpoint: Path, *, dataset: Mapping | None = None, keep_axes: bool = False, weights: Weights | None = None
) -> tuple[keras.Model, dict]:
    """Build the network of a MedNeXt checkpoint and give it its weights, turned to our axes.

    nnU-Net version 1 reads volumes as (z, y, x); its plans lie in a pickle beside the checkpoint, which is not read:
    MedNeXt's planner keeps that order, patches of 128³ and voxels of 1 mm.

    Args:
        checkpoint: model_final_checkpoint.model, or its state_dict as .pth or .safetensors.
        dataset: content of its dataset.json, for the names of channels and outputs.
        keep_axes: leave its order of axes, for volumes (z, y, x).
        weights: content of `checkpoint` where it has been read already.

    Returns:
        Network from `image` to the logits of all heads, highest resolution first (one where the checkpoint has one),
        and where it comes from, as `convert.import_nnunet`.

    Raises:
        UserError: it is none of the published sizes, or damaged.
    """
    weights = weights or read_weights(checkpoint)
    tensors, dataset = weights.tensors, dataset or {}
    sizes = describe_mednext(tensors, checkpoint)
    order = (0, 1, 2) if keep_axes else OURS
    outputs, activation = describe_outputs(dataset)
    head = tensors.get("out_0.conv_out.weight")
    if head is None or np.ndim(head) != 5:
        raise UserError(f"{checkpoint} has no head out_0.conv_out: expected the whole state_dict of a MedNeXt")
    classes = head.shape[1]
    if outputs and len(outputs) != classes:
        raise UserError(
            f"{checkpoint} has {classes} outputs, the dataset names {len(outputs)} ({', '.join(outputs)}); give its own"
        )
    deep = "out_1.conv_out.weight" in tensors
    shape = (None, None, None, tensors["stem.weight"].shape[1])
    build = partial(build_mednext, shape, classes=classes, deep_supervision=deep, **sizes)
    try:
        model = build_within(build, values=weights.values)
    except ValueError as error:
        raise UserError(f"{checkpoint} does not hold a whole MedNeXt ({error}); download it again") from None
    if not deep:
        model = keras.Model(model.input, model.get_layer("logits").output, name=model.name)
    unread = assign(model, turn_tensors(tensors, order), torch_names(model))
    if left := [name for name in unread if not LEFT_OUT.search(name)]:
        raise UserError(f"{checkpoint} holds {left[0]}, which MedNeXt {sizes['variant'].upper()} has not; give another")
    provenance = {
        "source": checkpoint.name,
        "source_sha256": weights.sha256,
        "software": "MedNeXt, nnU-Net v1",
        "configuration": f"MedNeXt {sizes['variant'].upper()}, kernel {sizes['kernel_size']}",
        "epoch": weights.settings.get("epoch"),
        "patch_size": [128, 128, 128],
        "spacing_mm": [1.0, 1.0, 1.0],
        "axes": list(order),
        "model": {"family": "mednext", **sizes},
        "channels": name_channels(dataset),
        "outputs": outputs,
        "activation": activation if outputs else "softmax",
        "left_out": unread + [name for name in ("optimizer_state_dict",) if weights.settings.get(name)],
    }
    return model, {name: value for name, value in provenance.items() if value is not None}


def describe_mednext(tensors: Mapping[str, np.ndarray], path: Path) -> dict:
    """Return variant, kernel_size and filters of a state, as `build_mednext` takes them.

    Raises:
        UserError: the state is none of VARIANTS.
    """
    blocks, expansion = [], []
    for stage in STAGES:
        pattern = re.compile(rf"{stage}\.(\d{{1,3}})\.conv2\.weight")
        found = {int(match[1]) for name in tensors if (match := pattern.fullmatch(name))}
        wide = tensors.get(f"{stage}.0.conv2.weight")
        if wide is None or np.ndim(wide) != 5 or found != set(range(len(found))):
            raise UserError(f"{path} is no whole checkpoint of MedNeXt: it lacks blocks of {stage}; download it again")
        blocks.append(len(found))
        expansion.append(wide.shape[0] // wide.shape[1])
    stem, kernel = tensors.get("stem.weight"), tensors.get(FIRST)
    if stem is None or kernel is None or np.ndim(stem) != 5 or np.ndim(kernel) != 5:
        raise UserError(f"{path} is no whole checkpoint of MedNeXt: it lacks the stem or {FIRST}; download it again")
    sizes = {"expansion": tuple(expansion), "blocks": tuple(blocks)}
    variant = next((name for name, known in VARIANTS.items() if known == sizes), None)
    width, edge = stem.shape[0], kernel.shape[-1]
    if variant is None or edge not in (3, 5) or width > LARGEST_FILTERS:
        raise UserError(
            f"{path} is a MedNeXt of {blocks} blocks, expansion {expansion}, kernel {edge}, {width} channels: expected "
            f"one of the published sizes {', '.join(VARIANTS).upper()}, kernel 3 or 5"
        )
    return {
        "variant": variant,
        "kernel_size": edge,
        "filters": tuple(width * 2**level for level in range(LEVELS + 1)),
    }
