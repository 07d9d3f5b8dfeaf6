"""nnU-Net's plans.json: which network a configuration of it describes, in which order of axes."""

from collections.abc import Mapping

import keras

from segan_tl.errors import UserError
from segan_tl.models.foreign.orientation import axes_of_plan, turn_settings
from segan_tl.models.nnunet import build_nnunet

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
LARGEST = {"stages": 12, "filters": 4096, "blocks": 64, "kernel": 15}  # a plan beyond is no plan but an attack
MALFORMED = (KeyError, TypeError, AttributeError, ValueError, IndexError, StopIteration, RecursionError)


def build_from_plan(settings: Mapping, *, channels: int, classes: int) -> keras.Model:
    """Build the network, with all heads, that a configuration of a plan describes (both of nnU-Net's notations)."""
    try:
        shape = (*[None] * _rank(settings), channels)
        return build_nnunet(shape, classes=classes, deep_supervision=True, **describe_network(settings))
    except MALFORMED as error:
        raise _malformed(error) from None


def describe_network(settings: Mapping) -> dict:
    """Return variant, filters, strides, kernel_sizes, blocks and decoder_blocks, as `build_nnunet` takes them.

    Raises:
        UserError: the configuration asks for what `build_nnunet` has not, or is none.
    """
    try:
        name, sizes = _sizes(settings)
        if name not in VARIANTS_OF_CLASSES:
            raise UserError(f"the plan asks for network {name}: expected {' or '.join(VARIANTS_OF_CLASSES)}")
        _check_fixed(sizes)
        options = {
            "filters": sizes["filters"],
            "strides": sizes["strides"],
            "kernel_sizes": sizes["kernel_sizes"],
            "blocks": next(sizes[key] for key in BLOCKS if key in sizes),
            "decoder_blocks": sizes["n_conv_per_stage_decoder"],
        }
        _check_plausible(options)
        return {"variant": VARIANTS_OF_CLASSES[name], **options}
    except MALFORMED as error:
        raise _malformed(error) from None


def orient_configuration(plan: Mapping, configuration: str, *, keep_axes: bool) -> tuple[dict, tuple[int, ...]]:
    """Return a configuration of a plan with its axes in our order, and that order, see `orientation`."""
    try:
        settings = resolve_configuration(plan, configuration)
        rank = _rank(settings)
        order = tuple(range(rank)) if keep_axes else axes_of_plan(plan, rank)
        return turn_settings(settings, order), order
    except MALFORMED as error:
        raise _malformed(error) from None


def resolve_configuration(plan: Mapping, name: str, *, seen: tuple[str, ...] = ()) -> dict:
    """Return a configuration of a plan with what it inherits."""
    configurations = plan.get("configurations", {})
    if name not in configurations or name in seen:
        raise UserError(f"the plan has no configuration {name}: choose one of {', '.join(configurations) or 'none'}")
    parent = configurations[name].get("inherits_from")
    inherited = resolve_configuration(plan, parent, seen=(*seen, name)) if parent else {}
    return {**inherited, **configurations[name]}


def _sizes(settings):
    """Return the name of the network and its sizes, one notation for both of nnU-Net's."""
    if "architecture" in settings:
        name = settings["architecture"]["network_class_name"].rsplit(".", 1)[-1]
        sizes = settings["architecture"]["arch_kwargs"]
        return name, {**sizes, "filters": sizes["features_per_stage"]}
    # plans before nnU-Net 2.4
    base, most = settings["UNet_base_num_features"], settings["unet_max_num_features"]
    stages = range(min(len(settings["n_conv_per_stage_encoder"]), LARGEST["stages"] + 1))
    return settings["UNet_class_name"], {
        **settings,
        "filters": [min(base * 2**stage, most) for stage in stages],
        "strides": settings["pool_op_kernel_sizes"],
        "kernel_sizes": settings["conv_kernel_sizes"],
    }


def _check_fixed(sizes):
    """Refuse what build_nnunet cannot compute."""
    for key, accepted in FIXED.items():
        if key in sizes and sizes[key] not in accepted:
            raise UserError(f"the plan sets {key} to {sizes[key]}: expected {accepted[0]}, which is all nnunet has")
    if "InstanceNorm" not in sizes.get("norm_op", "InstanceNorm"):
        raise UserError(f"the plan sets norm_op to {sizes['norm_op']}: expected InstanceNorm, which is all nnunet has")


def _check_plausible(options):
    """Refuse sizes that would fill the memory before the weights are compared with them."""
    limits = {
        "filters": LARGEST["filters"], "blocks": LARGEST["blocks"], "decoder_blocks": LARGEST["blocks"],
        "kernel_sizes": LARGEST["kernel"], "strides": LARGEST["kernel"],
    }  # fmt: skip
    for name, limit in limits.items():
        sizes = [size for one in options[name] for size in (one if isinstance(one, list | tuple) else [one])]
        if len(options[name]) > LARGEST["stages"] or not all(0 < size <= limit for size in sizes):
            raise ValueError(f"{name} {str(options[name])[:60]}")


def _rank(settings) -> int:
    """Return the number of spatial axes of a plan's configuration."""
    rank = len(settings["patch_size"] if "patch_size" in settings else _sizes(settings)[1]["kernel_sizes"][0])
    if rank not in (2, 3):
        raise ValueError(f"patches of {rank} axes")
    return rank


def _malformed(error) -> UserError:
    """Return what to say of a plan in which something is missing or of another kind."""
    return UserError(f"the plan does not describe a network ({type(error).__name__}: {error}); give its own")
