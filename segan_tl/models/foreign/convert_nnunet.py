"""nnU-Net v2's checkpoints as Keras networks, and the other way round; neither nnU-Net nor PyTorch is needed."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path

import keras
import numpy as np

from segan_tl.disk.atomic import write_json
from segan_tl.errors import UserError
from segan_tl.models.declare import build_within
from segan_tl.models.foreign.dataset_json import describe_outputs, name_channels
from segan_tl.models.foreign.nnunet_plan import build_from_plan, describe_network, orient_configuration
from segan_tl.models.foreign.orientation import inverse, turn_tensors
from segan_tl.models.foreign.torch_files import Weights, read_weights
from segan_tl.models.foreign.torch_layout import assign, collect
from segan_tl.models.foreign.torch_written import write_torch
from segan_tl.models.nnunet import torch_names
from segan_tl.schemas.datasets import NnunetDataset, Plans
from segan_tl.schemas.reading import read_json


def import_nnunet(
    checkpoint: Path,
    *,
    plans: Path | None = None,
    dataset: Path | None = None,
    configuration: str | None = None,
    keep_axes: bool = False,
    weights: Weights | None = None,
) -> tuple[keras.Model, dict]:
    """Build the network of an nnU-Net v2 checkpoint and give it its weights, turned to our axes.

    Args:
        checkpoint: checkpoint_final.pth or checkpoint_best.pth, or its weights as .safetensors.
        plans: plans.json; None takes what the checkpoint itself carries.
        dataset: dataset.json; None likewise.
        configuration: key of the plans' configurations; None takes the checkpoint's, else 3d_fullres.
        keep_axes: leave nnU-Net's order of axes, for volumes (z, y, x).
        weights: content of `checkpoint` where it has been read already.

    Returns:
        Network from `image` (B, D, H, W, M) to the logits of all heads, highest resolution first, and where it comes
        from: file, sha256, configuration, epoch, patch size and normalisation of the plan, channels, outputs,
        activation. Patch, spacing and `axes` are in the network's order.

    Raises:
        UserError: files do not fit each other, or the plan asks for what `build_nnunet` has not.
    """
    weights = weights or read_weights(checkpoint)
    carried = _dict(weights.settings.get("init_args"))
    plan = read_json(plans, Plans) if plans else carried.get("plans")
    about = read_json(dataset, NnunetDataset) if dataset else _dict(carried.get("dataset_json"))
    if not isinstance(plan, dict):
        raise UserError(f"{checkpoint} carries no plan of its network: give the plans.json that belongs to it")
    configuration = configuration or carried.get("configuration") or "3d_fullres"
    settings, order = orient_configuration(plan, configuration, keep_axes=keep_axes)
    outputs, activation = describe_outputs(about)
    classes = _heads(weights, checkpoint)
    if outputs and len(outputs) != classes:
        named = ", ".join(outputs)
        raise UserError(f"{checkpoint} has {classes} outputs, the dataset names {len(outputs)} ({named}); give its own")
    build = partial(build_from_plan, settings, channels=_channels(weights, checkpoint), classes=classes)
    try:
        model = build_within(build, values=weights.values)
    except ValueError as error:
        raise UserError(f"{checkpoint} does not hold the network of the plan ({error}); give its own") from None
    unread = assign(model, turn_tensors(weights.tensors, order), torch_names(model))
    if left := [name for name in unread if not _is_alias(name)]:
        raise UserError(f"{checkpoint} holds {left[0]}, which the plan's network has not; give its own plans.json")
    provenance = {
        "source": checkpoint.name,
        "source_sha256": weights.sha256,
        "software": "nnU-Net v2",
        "configuration": configuration,
        "trainer": weights.settings.get("trainer_name"),
        "epoch": weights.settings.get("current_epoch"),
        "patch_size": settings.get("patch_size"),
        "spacing_mm": settings.get("spacing"),
        "axes": list(order),
        "model": {"family": "nnunet", **describe_network(settings)},
        "normalization_schemes": settings.get("normalization_schemes"),
        "use_mask_for_norm": settings.get("use_mask_for_norm"),
        "mirror_axes": weights.settings.get("inference_allowed_mirroring_axes"),
        "image_reader": plan.get("image_reader_writer"),
        "channels": name_channels(about),
        "outputs": outputs,
        "regions_class_order": about.get("regions_class_order"),
        "activation": activation,
        "left_out": [name for name in ("optimizer_state",) if weights.settings.get(name)],
    }
    return model, {name: value for name, value in provenance.items() if value is not None}


def export_nnunet(
    model: keras.Model,
    path: Path,
    *,
    plans: Mapping,
    dataset: Mapping,
    configuration: str = "3d_fullres",
    fold: int = 0,
    keep_axes: bool = False,
    beside: Mapping[Path, Mapping] | None = None,
) -> None:
    """Write a network, turned to nnU-Net's axes, as its checkpoint for its predictor or `-pretrained_weights`.

    Its predictor looks for plans.json, dataset.json and fold_<k>/checkpoint_final.pth in one folder.

    Args:
        model: network of `build_nnunet`; heads at low resolution that it has not (a published one) are zeros.
        path: of the .pth to write.
        plans: content of the plans.json; its network has to be this one.
        dataset: content of the dataset.json.
        configuration: key of the plans' configurations.
        fold: number of the fold.
        keep_axes: the network has nnU-Net's order of axes already.
        beside: JSON files to write first, so that where the checkpoint is, all is there.

    Raises:
        UserError: the plan is not that of this network.
    """
    settings, order = orient_configuration(plans, configuration, keep_axes=keep_axes)
    head = next((layer for layer in model.layers if layer.name == "logits"), None)
    if not hasattr(head, "filters"):
        raise UserError("expected a network of nnU-Net, whose last convolution is called logits; found another one")
    outputs, _ = describe_outputs(dataset)
    if outputs and len(outputs) != head.filters:
        raise UserError(
            f"the network has {head.filters} outputs, the dataset names {len(outputs)} ({', '.join(outputs)}); give "
            "one whose labels (with background) or overlapping regions (without) are the outputs"
        )
    expected = build_from_plan(settings, channels=model.input_shape[-1], classes=head.filters)
    names = torch_names(expected)
    own = collect(model, {name: prefix for name, prefix in names.items() if name in {x.name for x in model.layers}})
    state = {}
    for key, empty in collect(expected, names).items():
        head = key.startswith("decoder.seg_layers.")
        if key not in own and not head or key in own and own[key].shape != empty.shape:
            raise UserError(f"the plan asks for {key} {empty.shape}, which the network has not; give the network's own")
        state[key] = np.asarray(own.get(key, np.zeros_like(empty)), "float32")
    checkpoint = {
        "network_weights": _with_aliases(
            {key: np.ascontiguousarray(values) for key, values in turn_tensors(state, inverse(order)).items()}
        ),
        "optimizer_state": {"state": {}, "param_groups": []},
        "grad_scaler_state": None,
        "logging": {},
        "_best_ema": None,
        "current_epoch": 0,
        "init_args": {
            "plans": dict(plans), "configuration": configuration, "fold": fold, "dataset_json": dict(dataset),
        },
        "trainer_name": "nnUNetTrainer",
        "inference_allowed_mirroring_axes": tuple(range(len(model.input_shape) - 2)),
    }  # fmt: skip
    for other, content in (beside or {}).items():
        write_json(other, content)
    write_torch(path, checkpoint)


def _channels(weights: Weights, path) -> int:
    """Return the number of input channels."""
    for name in ("encoder.stem.convs.0.conv.weight", "encoder.stages.0.0.convs.0.conv.weight"):
        if name in weights.tensors:
            return weights.tensors[name].shape[1]
    raise UserError(f"{path} is no checkpoint of nnU-Net v2's U-Nets: it holds no first convolution of an encoder")


def _heads(weights: Weights, path) -> int:
    """Return the number of output channels."""
    heads = [value for name, value in weights.tensors.items() if name.startswith("decoder.seg_layers.")]
    if not heads:
        raise UserError(f"{path} is no checkpoint of nnU-Net v2: it holds no decoder.seg_layers")
    return len(heads[0])


def _is_alias(name: str) -> bool:
    """Return whether nnU-Net's state names the same tensor a second time here."""
    return ".all_modules." in name or name.startswith("decoder.encoder.")


def _with_aliases(state):
    """Return the state with the second and third names that nnU-Net gives its tensors: loading wants them all."""
    full = {}
    for key, value in state.items():
        prefix, _, part = key.rpartition(".")
        base, _, kind = prefix.rpartition(".")
        keys = [key, f"{base}.all_modules.{('conv', 'norm').index(kind)}.{part}"] if kind in ("conv", "norm") else [key]
        full.update((name, value) for name in keys)
        if key.startswith("encoder."):
            full.update((f"decoder.{name}", value) for name in keys)
    return full


def _dict(value) -> dict:
    """Return a dict as it is, an empty one for anything else that a file may hold."""
    return value if isinstance(value, dict) else {}
