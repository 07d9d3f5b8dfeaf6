"""Small checkpoints of other programs, random, for the tests of import and export."""

import json
from pathlib import Path

import keras
import numpy as np

from segan_tl.models.foreign.nnunet_plan import build_from_plan
from segan_tl.models.foreign.orientation import turn_tensors
from segan_tl.models.foreign.torch_layout import collect
from segan_tl.models.foreign.torch_written import write_torch

SIZES = {
    "n_stages": 3,
    "features_per_stage": [4, 6, 8],
    "kernel_sizes": [[3, 3, 1], [3, 3, 3], [3, 3, 3]],
    "strides": [[1, 1, 1], [2, 2, 1], [2, 2, 2]],
    "n_conv_per_stage": [2, 1, 1],
    "n_conv_per_stage_decoder": [1, 1],
    "conv_bias": True,
    "norm_op": "torch.nn.modules.instancenorm.InstanceNorm3d",
    "norm_op_kwargs": {"eps": 1e-05, "affine": True},
}
REGIONS = {
    "channel_names": {"0": "T1", "1": "T1ce", "2": "T2", "3": "FLAIR"},
    "labels": {"background": 0, "whole tumor": [1, 2, 3], "tumor core": [2, 3], "enhancing tumor": 3},
    "regions_class_order": [1, 2, 3],
}
LABELS = {
    "channel_names": {"0": "T1", "1": "T1ce", "2": "T2", "3": "FLAIR"},
    "labels": {"background": 0, "edema": 1, "necrotic and non-enhancing": 2, "enhancing": 3},
}


def small_plans(**configuration) -> dict:
    """Return a plans.json whose patch (z, y, x) and kernels tell the axes apart."""
    architecture = {"network_class_name": "x.PlainConvUNet", "arch_kwargs": SIZES}
    settings = {
        "patch_size": [16, 24, 8], "spacing": [1.0, 1.0, 1.0], "architecture": architecture,
        "normalization_schemes": ["ZScoreNormalization"] * 4, "use_mask_for_norm": [True] * 4,
    }  # fmt: skip
    return {"transpose_forward": [0, 1, 2], "configurations": {"3d_fullres": settings | configuration}}


def write_nnunet(folder: Path, *, dataset: dict, plans: dict | None = None, channels: int = 4) -> keras.Model:
    """Write a results folder of nnU-Net, its fold 1 alone; return its network, with nnU-Net's order of axes."""
    from segan_tl.models.foreign.convert_nnunet import torch_names

    plans = plans or small_plans()
    regions = "regions_class_order" in dataset
    classes = len(dataset["labels"]) - regions
    keras.utils.set_random_seed(1)
    model = build_from_plan(plans["configurations"]["3d_fullres"], channels=channels, classes=classes)
    rng = np.random.default_rng(2)
    model.set_weights([rng.normal(scale=0.4, size=weight.shape) for weight in model.get_weights()])
    state = {
        name: np.ascontiguousarray(value)
        for name, value in turn_tensors(collect(model, torch_names(model)), (0, 1, 2)).items()
    }
    carried = {"plans": plans, "configuration": "3d_fullres", "fold": 1, "dataset_json": dataset}
    (folder / "fold_1").mkdir(parents=True)
    write_torch(
        folder / "fold_1" / "checkpoint_final.pth",
        {"network_weights": state, "init_args": carried, "current_epoch": 1000, "trainer_name": "nnUNetTrainer"},
    )
    (folder / "plans.json").write_text(json.dumps(plans))
    (folder / "dataset.json").write_text(json.dumps(dataset))
    return model
