"""The Python of docs/python.md runs from top to bottom, and its training loops do what the page says."""

import re
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from segan_tl.losses import binary_cross_entropy
from tests.docs.pages import ROOT, blocks
from tests.small_runs import make_run, small_config, small_labels, write_case

PAGE = ROOT / "docs" / "python.md"
BLOCKS = [code for code in blocks(PAGE) if re.match(r"\s*(import|from) ", code)]


def of(word: str) -> str:
    """Return the one block with a word in it."""
    (found,) = [code for code in BLOCKS if word in code]
    return found


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Return a folder with the run and the patients that the page names."""
    folder = tmp_path_factory.mktemp("page")
    write_case(folder / "patients", "BraTS2021_00001", small_labels())
    (folder / "new_patients").mkdir()
    write_case(folder / "new_patients", "0001", small_labels())
    make_run(folder / "runs" / "segan" / "flair", small_config())
    return folder


@pytest.fixture(autouse=True)
def there(folder, monkeypatch):
    monkeypatch.chdir(folder)
    keras.utils.set_random_seed(0)


def test_every_block_is_tried_here():
    assert BLOCKS == [of(word) for word in ("open_run", "find_cases", "HD95_DEFINITIONS", "def unet", "build_critic(",
                                            "build_domain_classifier(")]  # fmt: skip


def test_a_run_and_its_case():
    names = {}
    exec(of("open_run"), names)
    assert names["tumour"].shape == (24, 20, 10, 1) and names["tumour"].any()


def test_cases_are_read_and_written(folder):
    names = {}
    exec(of("find_cases"), names)
    assert names["scan"].image.shape == (24, 20, 10, 2)
    (written,) = folder.glob("*.nii.gz")
    assert written.name == "BraTS2021_00001.nii.gz"


def test_scores(capsys):
    exec(of("HD95_DEFINITIONS"), {})
    dice, *distances, lesions, matched = capsys.readouterr().out.splitlines()
    # 18 · 20 · 10 voxels are common to 20 · 20 · 10 and 18 · 20 · 12.
    assert float(dice) == pytest.approx(2 * 3600 / (4000 + 4320))
    assert [line.split()[0] for line in distances] == ["surface-weighted", "pooled", "maximum-of-directed"]
    assert all(2 <= float(line.split()[1]) <= 6.1 for line in distances)
    assert lesions.split()[1:] == ["1", "0", "0"]
    assert [float(one) for one in matched.split()] == pytest.approx([2 * 3600 / (4000 + 4320), 1])


def test_a_network_of_ones_own_segments_a_volume():
    names = {}
    exec(of("def unet"), names)
    assert names["probability"].shape == (40, 50, 45, 1) and names["probability"].std() > 0
    volume = names["volume"][:40, :40, :40]
    # Tiles at 0 and 8 along each axis: the pooling sees the same pairs of voxels as in the whole.
    found = names["segan_tl"].segment_volume(names["network"], volume, patch=(32, 32, 32), overlap=0.75)
    inside = (slice(8, -8),) * 3  # where no tile ends
    assert np.abs(found[inside] - names["network"](volume[None])[0][inside]).mean() < 1e-3


def test_a_critic_in_ones_own_loop_rises_and_the_segmentor_s_loss_falls():
    names = {}
    exec(of("def unet"), names)
    exec(of("build_critic("), names)
    first, last = (float(names["history"][place][0]) for place in (0, -1))
    assert last < 0.95 * first
    # Against a network that stands still, the critic finds more and more to tell.
    names["optimizers"][0].learning_rate = 0.0
    l1 = [-float(names["step"](names["image"], names["truth"])[1]) for _ in range(20)]
    assert l1[-1] > 1.05 * l1[0]
    kernels = [weight for weight in names["critic"].trainable_variables if weight.name == "kernel"]
    assert len(kernels) == 2 and max(float(np.abs(kernel).max()) for kernel in kernels) <= 0.05 + 1e-6


def test_a_domain_classifier_in_ones_own_loop_learns_and_turns_the_gradient():
    names = {}
    exec(of("def unet"), names)
    exec(of("build_domain_classifier("), names)
    dice = [float(step[0]) for step in names["history"]]
    assert dice[-1] < 0.95 * dice[0]
    # Features that differ are told apart by the classifier alone.
    noise = np.random.default_rng(0).normal(size=(4, 8, 8, 8, 16)).astype("float32")
    features = noise + names["domain"][:, None, None, None]
    classifier, adam, told = names["classifier"], keras.optimizers.Adam(1e-2), []
    for _ in range(20):
        seen = tf.Variable(features)
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(binary_cross_entropy(names["domain"], classifier(seen, training=True)))
        weights = classifier.trainable_variables
        *gradients, turned = tape.gradient(loss, [*weights, seen])
        adam.apply(gradients, weights)
        told.append(float(loss))
    assert told[-1] < 0.5 * told[0]
    # A step of the features along what they get raises the loss of the classifier.
    moved = features - 10 * np.sign(turned)
    raised = binary_cross_entropy(names["domain"], classifier(moved, training=False))
    assert float(tf.reduce_mean(raised)) > told[-1]
