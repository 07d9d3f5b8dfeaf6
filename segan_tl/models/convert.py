"""nnU-Net v2's checkpoints as Keras networks, and the other way round; neither nnU-Net nor PyTorch is needed."""

import json
from collections.abc import Mapping
from pathlib import Path

import keras
import numpy as np

from segan_tl.errors import UserError
from segan_tl.models.nnunet import build_nnunet, torch_names
from segan_tl.models.torch_files import Weights, read_weights, write_torch
from segan_tl.models.torch_layout import assign, collect

VARIANTS_OF_CLASSES = {"PlainConvUNet": "plain", "ResidualEncoderUNet": "resenc_m"}
BLOCKS = ("n_conv_per_stage", "n_blocks_per_stage", "n_conv_per_stage_encoder")
# What build_nnunet computes; a plan that asks for something else is refused rather than answered wrongly.
FIXED = {
    "conv_bias": (True,),
    "norm_op_kwargs": ({"eps": 1e-5, "affine": True},),
    "dropout_op": (None,),
    "nonlin": ("torch.nn.LeakyReLU",),
    "nonlin_kwargs": ({"inplace": True}, {}, None, {"inplace": True, "negative_slope": 0.01}),
    "nonlin_first": (False,),
    "stem_channels": (None,),
    "bottleneck_channels": (None,),
    "squeeze_excitation": (False,),
    "stochastic_depth_p": (0.0,),
}


def import_nnunet(
    checkpoint: Path, *, plans: Path | None = None, dataset: Path | None = None, configuration: str | None = None
) -> tuple[keras.Model, dict]:
    """Build the network of an nnU-Net v2 checkpoint and give it its weights.

    Args:
        checkpoint: checkpoint_final.pth or checkpoint_best.pth, or its weights as .safetensors.
        plans: plans.json; None takes what the checkpoint itself carries.
        dataset: dataset.json; None likewise.
        configuration: key of the plans' configurations; None takes the checkpoint's, else 3d_fullres.

    Returns:
        Network from `image` to the logits of all heads, highest resolution first, and where it comes from: file,
        sha256, configuration, epoch, patch size and normalisation of the plan, channels, outputs, activation.

    Raises:
        UserError: files do not fit each other, or the plan asks for what `build_nnunet` has not.
    """
    weights = read_weights(checkpoint)
    carried = weights.settings.get("init_args") or {}
    plan = _read_json(plans) if plans else carried.get("plans")
    about = _read_json(dataset) if dataset else carried.get("dataset_json") or {}
    if not isinstance(plan, dict):
        raise UserError(f"{checkpoint} carries no plan of its network: give the plans.json that belongs to it")
    configuration = configuration or carried.get("configuration") or "3d_fullres"
    settings = resolve_configuration(plan, configuration)
    outputs, activation = describe_outputs(about)
    classes = _heads(weights, checkpoint)
    if outputs and len(outputs) != classes:
        named = ", ".join(outputs)
        raise UserError(f"{checkpoint} has {classes} outputs, the dataset names {len(outputs)} ({named}); give its own")
    model = build_from_plan(settings, channels=_channels(weights, checkpoint), classes=classes)
    unread = assign(model, weights.tensors, torch_names(model))
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
        "transpose_forward": plan.get("transpose_forward"),
        "normalization_schemes": settings.get("normalization_schemes"),
        "use_mask_for_norm": settings.get("use_mask_for_norm"),
        "channels": list((about.get("channel_names") or {}).values()),
        "outputs": outputs,
        "regions_class_order": about.get("regions_class_order"),
        "activation": activation,
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
) -> None:
    """Write the weights of a network as nnU-Net's checkpoint, for its predictor or its `-pretrained_weights`.

    Its predictor looks for plans.json, dataset.json and fold_<k>/checkpoint_final.pth in one folder.

    Args:
        model: network of `build_nnunet`; heads at low resolution that it has not (a published one) are zeros.
        path: of the .pth to write.
        plans: content of the plans.json; its network has to be this one.
        dataset: content of the dataset.json.
        configuration: key of the plans' configurations.
        fold: number of the fold.

    Raises:
        UserError: the plan is not that of this network.
    """
    classes = model.get_layer("logits").filters
    expected = build_from_plan(
        resolve_configuration(plans, configuration), channels=model.input_shape[-1], classes=classes
    )
    names = torch_names(expected)
    own = collect(model, {name: prefix for name, prefix in names.items() if name in {x.name for x in model.layers}})
    state = {}
    for key, empty in collect(expected, names).items():
        head = key.startswith("decoder.seg_layers.")
        if key not in own and not head or key in own and own[key].shape != empty.shape:
            raise UserError(f"the plan asks for {key} {empty.shape}, which the network has not; give the network's own")
        state[key] = np.ascontiguousarray(own.get(key, np.zeros_like(empty)), "float32")
    checkpoint = {
        "network_weights": _with_aliases(state),
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
    write_torch(path, checkpoint)


def build_from_plan(settings: Mapping, *, channels: int, classes: int) -> keras.Model:
    """Build the network, with all heads, that a configuration of a plan describes (both of nnU-Net's notations)."""
    if "architecture" in settings:
        name = settings["architecture"]["network_class_name"].rsplit(".", 1)[-1]
        sizes = settings["architecture"]["arch_kwargs"]
        filters, strides, kernels = (sizes[key] for key in ("features_per_stage", "strides", "kernel_sizes"))
    else:  # plans before nnU-Net 2.4
        name, sizes = settings["UNet_class_name"], settings
        stages = len(settings["n_conv_per_stage_encoder"])
        base, most = settings["UNet_base_num_features"], settings["unet_max_num_features"]
        filters = [min(base * 2**stage, most) for stage in range(stages)]
        strides, kernels = settings["pool_op_kernel_sizes"], settings["conv_kernel_sizes"]
    if name not in VARIANTS_OF_CLASSES:
        raise UserError(f"the plan asks for network {name}: expected {' or '.join(VARIANTS_OF_CLASSES)}")
    for key, accepted in FIXED.items():
        if key in sizes and sizes[key] not in accepted:
            raise UserError(f"the plan sets {key} to {sizes[key]}: expected {accepted[0]}, which is all nnunet has")
    if "InstanceNorm" not in sizes.get("norm_op", "InstanceNorm"):
        raise UserError(f"the plan sets norm_op to {sizes['norm_op']}: expected InstanceNorm, which is all nnunet has")
    rank = len(settings["patch_size"]) if "patch_size" in settings else len(strides[0])
    return build_nnunet(
        (*[None] * rank, channels),
        classes=classes,
        deep_supervision=True,
        variant=VARIANTS_OF_CLASSES[name],
        filters=filters,
        strides=strides,
        kernel_sizes=kernels,
        blocks=next(sizes[key] for key in BLOCKS if key in sizes),
        decoder_blocks=sizes["n_conv_per_stage_decoder"],
    )


def resolve_configuration(plan: Mapping, name: str, *, seen: tuple[str, ...] = ()) -> dict:
    """Return a configuration of a plan with what it inherits."""
    configurations = plan.get("configurations", {})
    if name not in configurations or name in seen:
        raise UserError(f"the plan has no configuration {name}: choose one of {', '.join(configurations) or 'none'}")
    parent = configurations[name].get("inherits_from")
    inherited = resolve_configuration(plan, parent, seen=(*seen, name)) if parent else {}
    return {**inherited, **configurations[name]}


def describe_outputs(dataset: Mapping) -> tuple[list[str], str]:
    """Return the names of the output channels of a dataset.json and the activation that belongs to them.

    Regions (a label that is a list of values) overlap and get sigmoids, without background; labels get a softmax.
    """
    labels = {name: value for name, value in dataset.get("labels", {}).items() if name != "ignore"}
    if any(isinstance(value, list | tuple) and len(value) > 1 for value in labels.values()):
        return [name for name, value in labels.items() if value not in (0, [0])], "sigmoid"
    return list(labels), "softmax" if labels else "sigmoid"


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


def _read_json(path: Path) -> dict:
    """Return the content of a JSON file."""
    try:
        return json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise UserError(f"{path} is no readable JSON file ({error}); give nnU-Net's own") from None
