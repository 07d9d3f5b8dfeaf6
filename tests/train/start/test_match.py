"""Which layers of one network come over to another, by hand on small networks."""

import functools

import keras
import numpy as np
import pytest

from segan_tl.config.load import validate
from segan_tl.models import publish
from segan_tl.models.albunet import build_albunet
from segan_tl.models.mednext import build_mednext, resize_kernel
from segan_tl.models.nnunet import build_nnunet
from segan_tl.train.start.begin import _inputs_said
from segan_tl.train.start.channels import inputs_of, outputs_of
from segan_tl.train.start.match import copy_layers, some

SMALL = {"filters": (4, 6), "blocks": (1, 1), "decoder_blocks": (1,), "deep_supervision": True}
OURS = {"modalities": ["t1", "flair"], "regions": ["wt", "tc"]}


def config_of(regions=("wt", "tc"), modalities=("t1", "flair"), **model):
    softmax = model.get("activation") == "softmax"
    more = {"train": {"loss": "dice_ce"}, "predict": {"decision": "largest"}} if softmax else {}
    data = {"modalities": modalities, "regions": regions}
    return validate({"name": "a", "data": data, "model": {"family": "nnunet", **model}} | more, source="test")


def network(channels=2, classes=2, **more):
    return build_nnunet((None, None, None, channels), classes=classes, **(SMALL | more))


def copied(target, source, *, about, config):
    outputs, other = outputs_of(source, about, config)
    heads = [layer.name for layer in target.layers if layer.name.startswith("logits")]
    return copy_layers(
        target, source, heads=heads, inputs=inputs_of(about, config, channels=source.input_shape[-1]), outputs=outputs,
        other_head=other,
    )


def equal(target, source, name):
    pairs = zip(target.get_layer(name).get_weights(), source.get_layer(name).get_weights(), strict=True)
    return all(np.array_equal(ours, theirs) for ours, theirs in pairs)


def test_the_same_network_comes_over_whole():
    source, target = network(), network()
    report = copied(target, publish(source, activation="sigmoid"), about=OURS, config=config_of())
    assert report.fresh == {} and report.unused == () and report.partly == ()
    assert all(equal(target, source, layer.name) for layer in target.layers if layer.weights)


def test_other_inputs_outputs_and_depth():
    source = network()
    target = network(channels=1, classes=3, filters=(4, 6, 8), blocks=(1,) * 3, decoder_blocks=(1, 1))
    before = {layer.name: layer.get_weights() for layer in target.layers}
    config = config_of(regions=("wt", "tc", "et"), modalities=("flair",))
    report = copied(target, source, about={}, config=config)
    assert report.fresh == {
        "enc1_conv1": "3 × 3 × 3 × 2 × 4 there, 3 × 3 × 3 × 1 × 4 here",
        "logits": "1 × 1 × 1 × 4 × 2 there, 1 × 1 × 1 × 4 × 3 here",
        **dict.fromkeys(
            ("enc2_conv1", "enc2_norm1", "dec2_up", "dec2_conv1", "dec2_norm1"),
            "not in it",
        ),
        "logits_2": "for training only, not in published networks",
        "bottleneck_conv1": "3 × 3 × 3 × 4 × 6 there, 3 × 3 × 3 × 6 × 8 here",
        "bottleneck_norm1": "6 there, 8 here",
    }
    assert report.copied == ("enc1_norm1", "dec1_up", "dec1_conv1", "dec1_norm1")
    assert all(equal(target, source, name) for name in report.copied)
    assert all(
        all(map(np.array_equal, target.get_layer(name).get_weights(), before[name])) for name in report.fresh
    )


def test_channels_and_regions_change_places():
    source, target = network(), network()
    about = {"modalities": ["flair", "t1"], "regions": ["tc", "wt"]}
    report = copied(target, publish(source, activation="sigmoid"), about=about, config=config_of())
    assert report.fresh == {} and report.partly == ()
    image = np.random.default_rng(0).normal(size=(1, 8, 8, 8, 2)).astype("float32")
    assert np.allclose(target(image[..., ::-1])[0], np.asarray(source(image)[0])[..., ::-1], atol=1e-5)


def test_a_part_of_the_regions_comes_over():
    source, target = network(), network(classes=3)
    ours, theirs = target.get_layer("logits"), source.get_layer("logits")
    fresh = ours.get_weights()
    config = config_of(regions=("et", "tc", "wt"))
    report = copied(target, publish(source, activation="sigmoid"), about=OURS, config=config)
    assert report.partly == ("logits",) and "logits" in report.copied
    for values, new, old in zip(ours.get_weights(), fresh, theirs.get_weights()):
        assert np.array_equal(values, np.stack([new[..., 0], old[..., 1], old[..., 0]], axis=-1))


def test_outputs_of_other_meaning_start_anew():
    source = network()
    for about, config, reason in (
        (OURS | {"regions": ["ed", "et"]}, config_of(), "ed, et there, wt, tc here"),
        ({"outputs": ["background", "bone"]}, config_of(), "background, bone there, wt, tc here"),
        (OURS, config_of(regions=("wt",), activation="softmax"), "sigmoid there, softmax here"),
    ):
        report = copied(network(), publish(source, activation="sigmoid"), about=about, config=config)
        assert report.fresh == {"logits": reason}
    softmax = publish(source, activation="softmax")
    config = config_of(regions=("wt",), activation="softmax")
    assert copied(network(), softmax, about=OURS | {"regions": ["wt"]}, config=config).fresh == {}


def test_inputs_of_other_meaning_come_over_with_a_remark():
    about = {"modalities": ["t2", "flair"]}
    assert copied(network(), network(), about=about, config=config_of()).fresh == {}
    assert _inputs_said(about, config_of()) == ["  inputs were t2, flair there, are t1, flair here"]


def test_upkern():
    build = functools.partial(build_mednext, (None, None, None, 2), filters=(2, 4, 4, 6, 6), blocks=(1,) * 9, classes=2)
    source, target = build(), build(kernel_size=5, deep_supervision=True)
    report = copied(target, source, about=OURS, config=config_of())
    assert len(report.resized) == 9 + 4 + 4 and list(report.fresh) == [f"logits_{2**i}" for i in (1, 2, 3, 4)]
    for name in ("enc1_block1_depthwise", "up2_depthwise", "down1_depthwise"):
        expected = resize_kernel(np.asarray(source.get_layer(name).kernel), (5, 5, 5))
        assert np.array_equal(target.get_layer(name).kernel, expected)
    assert report.lines() == [
        "kernels interpolated (UpKern): 17 layers",
        "new: logits_2, logits_4, logits_8, logits_16 (for training only, not in published networks)",
    ]


@pytest.mark.parametrize(("there", "here"), [((64, 64, 2), (1, 64, 64, 2)), ((1, 64, 64, 2), (64, 64, 2))])
def test_slices_and_volumes(there, here):
    source, target = build_albunet(there, classes=2), build_albunet(here, classes=2)
    report = copied(target, source, about=OURS, config=config_of())
    assert all("_depth_" in name for name in (*report.fresh, *report.unused))
    assert bool(report.fresh) == (len(here) == 4) and "logits" in report.copied and "dec3_up" in report.copied
    keras.utils.clear_session()


def test_nothing_fits():
    report = copied(network(), build_albunet((64, 64, 2)), about={}, config=config_of())
    assert report.copied == ()
    assert some(["a", "b"]) == "a, b" and some(list("abcdefg")) == "a, b, c, d, e and 2 more"
