"""nnU-Net's checkpoints to Keras and back, by themselves and against nnU-Net's own networks where installed."""

import json

import keras
import numpy as np
import pytest

from segan_tl.errors import UserError
from segan_tl.models.foreign.convert_nnunet import export_nnunet, import_nnunet
from segan_tl.models.foreign.nnunet_plan import build_from_plan, describe_network
from segan_tl.models.foreign.torch_files import read_weights
from segan_tl.models.foreign.torch_written import write_torch
from segan_tl.models.nnunet import build_nnunet
from tests.models.battery import noise

SIZES = {
    "n_stages": 3,
    "features_per_stage": [4, 6, 8],
    "conv_op": "torch.nn.modules.conv.Conv3d",
    "kernel_sizes": [[1, 3, 3], [3, 3, 3], [3, 3, 3]],
    "strides": [[1, 1, 1], [1, 2, 2], [2, 2, 2]],
    "n_conv_per_stage_decoder": [1, 2],
    "conv_bias": True,
    "norm_op": "torch.nn.modules.instancenorm.InstanceNorm3d",
    "norm_op_kwargs": {"eps": 1e-05, "affine": True},
    "dropout_op": None,
    "dropout_op_kwargs": None,
    "nonlin": "torch.nn.LeakyReLU",
    "nonlin_kwargs": {"inplace": True},
}
BLOCKS = {
    "PlainConvUNet": {"n_conv_per_stage": [2, 1, 2]},
    "ResidualEncoderUNet": {"n_blocks_per_stage": [1, 2, 2]},
}
DATASET = {
    "channel_names": {"0": "T1", "1": "FLAIR"},
    "labels": {"background": 0, "whole tumor": [1, 2, 3], "tumor core": [2, 3], "enhancing": 3},
    "regions_class_order": [1, 2, 3],
}


def plans_of(network, **sizes):
    architecture = {
        "network_class_name": f"dynamic_network_architectures.architectures.unet.{network}",
        "arch_kwargs": SIZES | BLOCKS[network] | sizes,
        "_kw_requires_import": ["conv_op", "norm_op", "dropout_op", "nonlin"],
    }
    full = {"patch_size": [8, 16, 16], "spacing": [1.0, 1.0, 1.0], "architecture": architecture}
    return {
        "transpose_forward": [0, 1, 2],
        "configurations": {"3d_fullres": full, "3d_fullres_b4": {"inherits_from": "3d_fullres", "batch_size": 4}},
    }


def network_of(plans):
    keras.utils.set_random_seed(3)
    model = build_from_plan(plans["configurations"]["3d_fullres"], channels=2, classes=3)
    rng = np.random.default_rng(4)
    model.set_weights([rng.normal(scale=0.3, size=weight.shape) for weight in model.get_weights()])
    return model


@pytest.mark.parametrize("network", BLOCKS)
def test_there_and_back(network, tmp_path):
    plans = plans_of(network)
    model = network_of(plans)
    export_nnunet(model, tmp_path / "checkpoint_final.pth", plans=plans, dataset=DATASET, configuration="3d_fullres_b4")
    again, provenance = import_nnunet(tmp_path / "checkpoint_final.pth")
    image = noise(1, 8, 16, 16, 2)
    assert all(np.array_equal(a, b) for a, b in zip(model(image), again(image), strict=True))
    assert provenance == {
        "source": "checkpoint_final.pth",
        "source_sha256": provenance["source_sha256"],
        "software": "nnU-Net v2",
        "configuration": "3d_fullres_b4",
        "trainer": "nnUNetTrainer",
        "epoch": 0,
        "patch_size": [8, 16, 16],
        "spacing_mm": [1.0, 1.0, 1.0],
        "axes": [0, 2, 1],
        "model": {"family": "nnunet", **describe_network(plans["configurations"]["3d_fullres"])},
        "mirror_axes": (0, 1, 2),
        "channels": ["T1", "FLAIR"],
        "outputs": ["whole tumor", "tumor core", "enhancing"],
        "regions_class_order": [1, 2, 3],
        "activation": "sigmoid",
        "left_out": ["optimizer_state"],
    }


def test_a_published_network_has_one_head(tmp_path):
    plans = plans_of("PlainConvUNet")
    model = network_of(plans)
    published = keras.Model(model.input, keras.ops.sigmoid(model.get_layer("logits").output))
    export_nnunet(published, tmp_path / "a.pth", plans=plans, dataset=DATASET)
    again, _ = import_nnunet(tmp_path / "a.pth")
    image = noise(1, 8, 16, 16, 2)
    full, half = again(image)
    assert np.array_equal(full, model(image)[0]) and not np.any(half)


def test_files_beside_the_weights(tmp_path):
    plans = plans_of("PlainConvUNet")
    export_nnunet(network_of(plans), tmp_path / "a.pth", plans=plans, dataset=DATASET)
    state = {"network_weights": read_weights(tmp_path / "a.pth").tensors}
    write_torch(tmp_path / "bare.pth", state)
    with pytest.raises(UserError, match="carries no plan"):
        import_nnunet(tmp_path / "bare.pth")
    (tmp_path / "plans.json").write_text(json.dumps(plans))
    model, provenance = import_nnunet(tmp_path / "bare.pth", plans=tmp_path / "plans.json")
    assert len(model.outputs) == 2 and "channels" in provenance and provenance["outputs"] == []
    (tmp_path / "dataset.json").write_text(json.dumps({"labels": {"background": 0, "lesion": 1}}))
    with pytest.raises(UserError, match=r"has 3 outputs, the dataset names 2 \(background, lesion\)"):
        import_nnunet(tmp_path / "bare.pth", plans=tmp_path / "plans.json", dataset=tmp_path / "dataset.json")
    with pytest.raises(UserError, match="no configuration 2d: choose one of 3d_fullres, 3d_fullres_b4"):
        import_nnunet(tmp_path / "a.pth", configuration="2d")
    (tmp_path / "plans.json").write_text("{")
    with pytest.raises(UserError, match="plans.json is damaged: not JSON in UTF-8"):
        import_nnunet(tmp_path / "bare.pth", plans=tmp_path / "plans.json")


def test_plans_that_do_not_fit(tmp_path):
    plans = plans_of("PlainConvUNet")
    export_nnunet(network_of(plans), tmp_path / "a.pth", plans=plans, dataset=DATASET)
    for sizes, reason in (
        ({"n_conv_per_stage": [1, 1, 2]}, "holds encoder.stages.0.0.convs.1.conv.bias, which the plan's network has"),
        ({"n_conv_per_stage": [2, 2, 2]}, "lack encoder.stages.1.0.convs.1.conv.weight"),
        ({"features_per_stage": [4, 6, 10]}, "expected shape"),
        ({"dropout_op": "torch.nn.Dropout3d"}, "the plan sets dropout_op"),
        ({"norm_op": "torch.nn.BatchNorm3d"}, "the plan sets norm_op"),
        ({"norm_op_kwargs": {"eps": 1e-3, "affine": True}}, "the plan sets norm_op_kwargs"),
    ):
        (tmp_path / "plans.json").write_text(json.dumps(plans_of("PlainConvUNet", **sizes)))
        with pytest.raises(UserError, match=reason):
            import_nnunet(tmp_path / "a.pth", plans=tmp_path / "plans.json")
    other = build_nnunet((8, 16, 16, 2), filters=(4, 4), blocks=(1, 1), decoder_blocks=(1,))
    with pytest.raises(UserError, match="which the network has not"):
        export_nnunet(other, tmp_path / "b.pth", plans=plans, dataset=DATASET)
    with pytest.raises(UserError, match="the plan does not describe a network"):
        build_from_plan({"patch_size": [8, 8, 8]}, channels=1, classes=1)
    with pytest.raises(UserError, match="does not describe a network .ValueError: filters"):
        sizes = plans_of("PlainConvUNet", features_per_stage=[4, 6, 10**9])["configurations"]["3d_fullres"]
        build_from_plan(sizes, channels=1, classes=1)
    with pytest.raises(UserError, match="the plan asks for network VNet: expected PlainConvUNet"):
        build_from_plan({"architecture": {"network_class_name": "x.VNet", "arch_kwargs": SIZES}}, channels=1, classes=1)


def test_old_and_new_plans_build_the_same():
    old = {
        "UNet_class_name": "PlainConvUNet",
        "UNet_base_num_features": 4,
        "unet_max_num_features": 6,
        "patch_size": [16, 16],
        "n_conv_per_stage_encoder": [2, 2, 2],
        "n_conv_per_stage_decoder": [2, 2],
        "num_pool_per_axis": [2, 2],
        "pool_op_kernel_sizes": [[1, 1], [2, 2], [2, 2]],
        "conv_kernel_sizes": [[3, 3], [3, 3], [3, 3]],
    }
    model = build_from_plan(old, channels=1, classes=2)
    expected = build_nnunet(
        (None, None, 1), classes=2, deep_supervision=True, filters=(4, 6, 6), blocks=(2,) * 3, decoder_blocks=(2, 2)
    )
    assert [weight.path for weight in model.weights] == [weight.path for weight in expected.weights]
    assert [weight.shape for weight in model.weights] == [weight.shape for weight in expected.weights]


@pytest.mark.parametrize("network", BLOCKS)
def test_axes(network, tmp_path):
    plans = plans_of(network, kernel_sizes=[[1, 3, 3], [3, 1, 3], [3, 3, 3]], strides=[[1, 1, 1], [1, 1, 2], [2, 2, 1]])
    plans["configurations"]["3d_fullres"]["patch_size"] = [8, 12, 16]
    theirs = network_of(plans)
    image = noise(1, 8, 12, 16, 2)  # (z, y, x)
    expected = theirs(image)
    for forward, ours in (([0, 1, 2], (0, 2, 1)), ([1, 0, 2], (1, 2, 0))):
        plans["transpose_forward"] = forward
        export_nnunet(theirs, tmp_path / "a.pth", plans=plans, dataset=DATASET, keep_axes=True)
        model, provenance = import_nnunet(tmp_path / "a.pth")
        turn = (0, *(axis + 1 for axis in ours), 4)
        assert provenance["patch_size"] == [[8, 12, 16][axis] for axis in ours]
        for output, wanted in zip(model(np.transpose(image, turn)), expected, strict=True):
            assert np.abs(np.asarray(output) - np.transpose(wanted, turn)).max() < 1e-4
        export_nnunet(model, tmp_path / "b.pth", plans=plans, dataset=DATASET)
        first, second = (read_weights(tmp_path / name).tensors for name in ("a.pth", "b.pth"))
        assert all(np.array_equal(first[key], second[key]) for key in first | second)


@pytest.mark.parity
@pytest.mark.parametrize("network", BLOCKS)
def test_against_the_networks_of_nnunet(network, tmp_path):
    torch = pytest.importorskip("torch")
    architectures = pytest.importorskip("dynamic_network_architectures.architectures.unet")
    plans = plans_of(network)
    classes = {"conv_op": torch.nn.Conv3d, "norm_op": torch.nn.InstanceNorm3d, "nonlin": torch.nn.LeakyReLU}
    options = SIZES | BLOCKS[network] | classes
    published = getattr(architectures, network)(2, num_classes=3, deep_supervision=True, **options)
    torch.manual_seed(1)
    for parameter in published.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    checkpoint = {
        "network_weights": published.state_dict(),
        "optimizer_state": torch.optim.SGD(published.parameters(), 0.01).state_dict(),
        "logging": {"mean_fg_dice": [np.float64(0.5)]},
        "_best_ema": np.float64(0.5),
        "current_epoch": 1000,
        "init_args": {"plans": plans, "configuration": "3d_fullres", "dataset_json": DATASET, "fold": 0},
        "device": torch.device("cpu"),
    }
    torch.save(checkpoint, tmp_path / "theirs.pth")
    model, provenance = import_nnunet(tmp_path / "theirs.pth", keep_axes=True)
    assert provenance["epoch"] == 1000
    image = noise(2, 8, 16, 16, 2)
    tensor = torch.from_numpy(np.moveaxis(image, -1, 1).copy())
    with torch.no_grad():
        expected = [np.moveaxis(output.numpy(), 1, -1) for output in published(tensor)]
    for output, wanted in zip(model(image), expected, strict=True):
        assert np.abs(output - wanted).max() <= 1e-4

    export_nnunet(model, tmp_path / "ours.pth", plans=plans, dataset=DATASET, keep_axes=True)
    again = getattr(architectures, network)(2, num_classes=3, deep_supervision=True, **options)
    loaded = torch.load(tmp_path / "ours.pth", weights_only=True)
    again.load_state_dict(loaded["network_weights"], strict=True)
    with torch.no_grad():
        assert all(torch.equal(a, b) for a, b in zip(again(tensor), published(tensor), strict=True))
