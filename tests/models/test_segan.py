"""SegAN and SegAN-CAT against the authors' own code: outputs, parameter counts; names, saving, opening elsewhere.

The expected numbers were printed by the TensorFlow code of SegAN-CAT [Giacomello 2020] on Keras 3.15 with the weights
and inputs made below. It has leaky slope 0.3 and normalisation momentum 0.1.
"""

import subprocess
import sys
import zlib

import keras
import numpy as np
import pytest

from segan_tl.fast.accelerate import accelerate
from segan_tl.losses import dice_loss, multi_scale_l1
from segan_tl.models.blocks import ClipWeights
from segan_tl.models.segan import build_critic, build_segmentor

AUTHORS = {"leaky_slope": 0.3, "norm_momentum": 0.1}
SHAPE = (160, 160, 4)


def golden_input(*shape):
    """Return sin(0.01 i) over the flat index i."""
    return np.sin(0.01 * np.arange(np.prod(shape))).reshape(shape).astype("float32")


def golden_weight(name, shape):
    """Return a weight that depends on its name in the authors' code and on the flat index alone."""
    offset = zlib.crc32(name.encode()) % 997
    wave = np.sin(0.7 * np.arange(np.prod(shape)) + 0.3 * offset + 0.1).reshape(shape)
    kind = name.split("/")[-1]
    if kind == "kernel":
        return wave * np.sqrt(2 / np.prod(shape[:3]))
    return {"gamma": 1 + 0.1 * wave, "moving_mean": 0 * wave, "moving_variance": 0 * wave + 1}.get(kind, 0.05 * wave)


def set_golden_weights(model, prefix):
    """Give every weight its golden value: enc1_norm/gamma is S_enc_1_bn/gamma there."""
    for weight in model.weights:
        layer, kind = weight.path.split("/")[-2:]
        stage, _, part = layer.partition("_")
        name = f"{prefix}_{stage[:3]}_{stage[3:]}_{'bn' if part == 'norm' else part}"
        weight.assign(golden_weight(f"{'out_unbound_conv' if layer == 'logits' else name}/{kind}", weight.shape))
    return model


def check(values, *, mean, std, elements=None):
    """Hold mean, standard deviation and the elements at 0, N/3, N/2 and N − 1 to the published tolerance."""
    flat = np.asarray(values, dtype="float64").ravel()
    found = [flat.mean(), flat.std()] + ([flat[i] for i in (0, flat.size // 3, flat.size // 2, -1)] if elements else [])
    assert np.abs(np.array(found) - [mean, std, *(elements or [])]).max() <= 5e-4


def flatten(features):
    """Concatenate the features of each example."""
    return np.concatenate([np.asarray(feature).reshape(len(feature), -1) for feature in features], axis=1)


@pytest.fixture(scope="module")
def golden():
    image = golden_input(2, *SHAPE)
    truth = (golden_input(2, 160, 160, 1) > 0).astype("float32")
    segmentor = set_golden_weights(build_segmentor(SHAPE, **AUTHORS), "S")
    return image, truth, segmentor, np.asarray(segmentor(image))


@pytest.mark.parametrize("prepare", [lambda model: model, accelerate], ids=["plain", "accelerated"])
def test_segmentor_gives_the_authors_output(golden, prepare):
    image, _, segmentor, _ = golden
    elements = [0.4700527, 0.5805877, 0.5181977, 0.6563513]
    probability = prepare(segmentor)(image)
    check(probability, mean=0.4857318, std=0.08910995, elements=elements)
    assert np.allclose([np.min(probability), np.max(probability)], [0.188918, 0.812459], atol=5e-4)


def test_segmentor_in_training_gives_the_authors_output(golden):
    segmentor = set_golden_weights(build_segmentor(SHAPE, **AUTHORS), "S")
    elements = [0.4732412, 0.5290038, 0.3596151, 0.6542920]
    check(segmentor(golden[0], training=True), mean=0.5011517, std=0.1483287, elements=elements)
    variance = np.array(segmentor.get_layer("enc2_norm").moving_variance)[:2]
    assert np.allclose(variance, [0.10004930, 0.10009307], atol=1e-6)


def test_critic_and_losses_give_the_authors_numbers(golden):
    image, truth, _, probability = golden
    critic = set_golden_weights(build_critic(SHAPE, **AUTHORS), "C")
    of_truth, of_prediction = (critic({"image": image, "mask": mask}) for mask in (truth, probability))
    elements = [0.0, 0.0610202, -0.1585334, 0.04244423]
    check(flatten(of_truth), mean=0.05214979, std=0.2965943, elements=elements)
    elements = [0.0, 0.04283434, -0.1585334, 0.04239402]
    check(flatten(of_prediction), mean=0.04831358, std=0.2796321, elements=elements)
    l1 = np.mean(multi_scale_l1(of_truth, of_prediction))
    assert np.isclose(-l1, -0.04299320, atol=1e-5)
    assert np.isclose(l1 + np.mean(dice_loss(truth, probability)), 0.38874108, atol=1e-4)


def test_masking_critic_gives_the_authors_numbers(golden):
    image, truth, _, probability = golden
    critic = set_golden_weights(build_critic(SHAPE, critic_input="mask", **AUTHORS), "C")
    of_truth, of_prediction = (critic({"image": image, "mask": mask}) for mask in (truth, probability))
    check(flatten(of_truth), mean=0.02142302, std=0.1886991)
    check(flatten(of_prediction), mean=0.01217117, std=0.1391740)
    assert np.isclose(np.mean(multi_scale_l1(of_truth, of_prediction)), 0.05392078, atol=1e-5)


# (image channels, classes) → parameters in all and trainable, elements of the critic's features at 160 × 160
SEGMENTORS = {
    (1, 1): (4307841, 4305153),
    (4, 1): (4310913, 4308225),
    (1, 5): (4310149, 4307461),
    (4, 5): (4313221, 4310533),
}
CRITICS = {
    ("concatenate", 1, 1): (659008, 658240, 768000),
    ("concatenate", 4, 1): (662080, 661312, 844800),
    ("concatenate", 1, 5): (663104, 662336, 870400),
    ("concatenate", 4, 5): (666176, 665408, 947200),
    ("mask", 1, 1): (657984, 657216, 742400),
    ("mask", 4, 1): (661056, 660288, 819200),
}


def trainable_parameters(model):
    return sum(int(np.prod(weight.shape)) for weight in model.trainable_weights)


@pytest.mark.parametrize(("sizes", "expected"), SEGMENTORS.items())
def test_parameters_of_the_segmentor(sizes, expected):
    channels, classes = sizes
    model = build_segmentor((160, 160, channels), classes=classes)
    assert (model.count_params(), trainable_parameters(model)) == expected
    assert model.output_shape == (None, 160, 160, classes)


@pytest.mark.parametrize(("sizes", "expected"), CRITICS.items())
def test_parameters_of_the_critic(sizes, expected):
    critic_input, channels, classes = sizes
    model = build_critic((160, 160, channels), classes=classes, critic_input=critic_input)
    length = sum(int(np.prod(shape[1:])) for shape in model.output_shape)
    assert (model.count_params(), trainable_parameters(model), length) == expected


def test_names_of_the_layers():
    names = [layer.name for layer in build_segmentor((None, None, 1)).layers]
    assert names[0] == "image" and names[-2:] == ["logits", "probability"]
    assert {"enc1_conv", "enc2_norm", "dec3_up", "dec3_conv", "dec1_skip"} <= set(names)
    assert "enc1_norm" not in names
    names = [layer.name for layer in build_critic((None, None, 1)).layers]
    assert {"image", "mask", "merged", "enc1_act", "enc3_norm"} <= set(names)


def test_masking_needs_channels_that_multiply():
    with pytest.raises(ValueError, match="classes 1 or 4, got 5"):
        build_critic(SHAPE, classes=5, critic_input="mask")


OPEN = """
import sys, keras, numpy as np
model = keras.models.load_model(sys.argv[1])
np.save(sys.argv[3], model(np.load(sys.argv[2])))
assert "segan_tl" not in sys.modules
"""


def test_a_saved_segmentor_opens_in_a_process_without_segan_tl(tmp_path):
    keras.utils.set_random_seed(0)
    model = build_segmentor((None, None, 2), filters=(4, 8, 8), classes=2)
    accelerate(model)  # leaves no trace
    image = np.random.default_rng(0).random((2, 16, 24, 2)).astype("float32")
    model.save(tmp_path / "segmentor.keras")
    np.save(tmp_path / "image.npy", image)
    files = [tmp_path / name for name in ("segmentor.keras", "image.npy", "answer.npy")]
    subprocess.run([sys.executable, "-c", OPEN, *files], cwd=tmp_path, check=True, capture_output=True)
    assert np.allclose(np.load(files[2]), model(image), atol=1e-6)


def test_a_saved_critic_needs_the_registered_constraint(tmp_path):
    model = build_critic((16, 16, 1), filters=(4, 8))
    model.save(tmp_path / "critic.keras")
    program = "import sys, keras; keras.models.load_model(sys.argv[1])"
    refused = subprocess.run([sys.executable, "-c", program, tmp_path / "critic.keras"], capture_output=True, text=True)
    assert refused.returncode and "ClipWeights" in refused.stderr
    critic = keras.models.load_model(tmp_path / "critic.keras")  # segan_tl.models.blocks is imported above
    constraint = critic.get_layer("enc2_conv").kernel_constraint
    assert isinstance(constraint, ClipWeights) and constraint.limit == 0.05
    batch = {"image": golden_input(1, 16, 16, 1), "mask": golden_input(1, 16, 16, 1)}
    assert all(np.allclose(a, b) for a, b in zip(critic(batch), model(batch), strict=True))
