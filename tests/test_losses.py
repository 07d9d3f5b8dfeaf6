"""Losses against hand-computed numbers and slow loops."""

import keras
import numpy as np
import pytest

from segan_tl.losses import (
    binary_cross_entropy,
    cross_entropy,
    dice_loss,
    mean_squared_error,
    multi_scale_l1,
    soft_dice_loss,
)


def slow_l1(truth_features, prediction_features):
    """Return the mean absolute difference, one example and one element at a time."""
    answers = []
    for example in range(len(truth_features[0])):
        differences = []
        for truth, prediction in zip(truth_features, prediction_features):
            differences += [abs(a - b) for a, b in zip(truth[example].ravel(), prediction[example].ravel())]
        answers.append(sum(differences) / len(differences))
    return answers


def slow_dice_loss(truth, probability, smooth):
    """Return 1 − Dice, one class at a time."""
    answers = []
    for y, p in zip(truth, probability):
        classes = []
        for c in range(y.shape[-1]):
            overlap, size = (y[..., c] * p[..., c]).sum(), (y[..., c] ** 2).sum() + (p[..., c] ** 2).sum()
            classes.append(1 - (2 * overlap + smooth) / (size + smooth))
        answers.append(np.mean(classes))
    return answers


def test_l1_by_hand():
    # Example 0: |1−0| + |2−4| over two elements, |3−3| over one: (1 + 2 + 0) / 3. Example 1: (0 + 0 + 6) / 3.
    truth = [np.array([[1.0, 2.0], [5.0, 5.0]], "float32"), np.array([[3.0], [0.0]], "float32")]
    prediction = [np.array([[0.0, 4.0], [5.0, 5.0]], "float32"), np.array([[3.0], [6.0]], "float32")]
    assert np.allclose(multi_scale_l1(truth, prediction), [1, 2])


def test_l1_counts_the_image_channels_that_add_nothing():
    # The critic's own input comes first: its image channel is equal on both sides and still enters the mean.
    image, mask = np.ones((1, 2, 2, 1), "float32"), np.zeros((1, 2, 2, 1), "float32")
    truth, prediction = np.concatenate([image, mask], -1), np.concatenate([image, mask + 0.5], -1)
    assert np.allclose(multi_scale_l1([truth], [prediction]), [4 * 0.5 / 8])


def test_l1_equals_the_slow_loop():
    generator = np.random.default_rng(0)
    shapes = [(3, 8, 8, 2), (3, 4, 4, 5), (3, 2, 2, 7)]
    truth, prediction = ([generator.normal(size=s).astype("float32") for s in shapes] for _ in range(2))
    answer = np.asarray(multi_scale_l1(truth, prediction))
    assert answer.shape == (3,)
    assert np.allclose(answer, slow_l1(truth, prediction), rtol=1e-5)


def test_l1_of_bfloat16_features_is_summed_in_float32():
    # 2¹² ones: in bfloat16 a sum stops growing at 256.
    truth = keras.ops.ones((1, 64, 64, 1), "bfloat16")
    answer = multi_scale_l1([truth], [keras.ops.zeros_like(truth)])
    assert keras.backend.standardize_dtype(answer.dtype) == "float32"
    assert np.allclose(answer, [1.0])


def test_l1_refuses_lists_of_different_lengths():
    maps = [np.zeros((1, 2), "float32")]
    with pytest.raises(ValueError):
        multi_scale_l1(maps, maps * 2)


def test_dice_by_hand():
    # Example 0, one class: Σpy = 1·1 + 0.5·1 = 1.5, Σy² = 2, Σp² = 1 + 0.25 + 0.25 = 1.5: 1 − 3 / 3.5.
    truth = np.array([1, 1, 0, 0], "float32").reshape(1, 2, 2, 1)
    probability = np.array([1, 0.5, 0.5, 0], "float32").reshape(1, 2, 2, 1)
    assert np.allclose(dice_loss(truth, probability), [1 - 3 / 3.5], atol=1e-6)


def test_dice_of_empty_masks_is_no_loss_and_of_one_empty_mask_all():
    empty, full = np.zeros((1, 4, 4, 1), "float32"), np.ones((1, 4, 4, 1), "float32")
    assert np.allclose(dice_loss(empty, empty), [0])
    assert np.allclose(dice_loss(empty, full), [1], atol=1e-6)
    assert np.allclose(dice_loss(full, empty), [1], atol=1e-6)
    assert np.allclose(dice_loss(full, full), [0], atol=1e-6)


@pytest.mark.parametrize("shape", [(3, 8, 6, 1), (2, 8, 6, 3), (2, 4, 4, 4, 2)])
def test_dice_equals_the_slow_loop(shape):
    generator = np.random.default_rng(1)
    truth = (generator.random(shape) > 0.5).astype("float32")
    probability = generator.random(shape).astype("float32")
    answer = np.asarray(dice_loss(truth, probability))
    assert answer.shape == shape[:1]
    assert np.allclose(answer, slow_dice_loss(truth, probability, 1e-6), atol=1e-6)


TRUTH = np.array([[[1.0, 0.0], [0.0, 1.0]], [[0.0, 0.0], [1.0, 0.0]]])  # (B 2, voxels 2, C 2)
PROBABILITY = np.array([[[0.5, 0.25], [0.5, 0.75]], [[0.0, 0.5], [1.0, 0.5]]])


def test_soft_dice_loss_by_hand():
    # Example 0: class 0 has 2 · 0.5 / (1 + 1) = 0.5, class 1 has 2 · 0.75 / (1 + 1) = 0.75: loss 1 - 0.625.
    # Example 1: class 0 has 2 · 1 / (1 + 1) = 1, class 1 has 0 / (0 + 1) = 0: loss 0.5.
    assert np.allclose(soft_dice_loss(TRUTH, PROBABILITY, smooth=0.0), [0.375, 0.5])


def test_soft_dice_loss_over_the_batch_by_hand():
    # Class 0: 2 · 1.5 / (2 + 2) = 0.75; class 1: 2 · 0.75 / (1 + 2) = 0.5.
    assert np.allclose(soft_dice_loss(TRUTH, PROBABILITY, smooth=0.0, batch=True), [0.375, 0.375])


def test_soft_dice_loss_of_two_empty_masks_is_0():
    empty = np.zeros((1, 4, 1))
    assert np.allclose(soft_dice_loss(empty, empty), 0)


def test_binary_cross_entropy_by_hand():
    # Logit 0: log 2 each; logit log 3 is probability 3/4: -log 3/4 where true, -log 1/4 where not.
    truth, logits = np.array([[[1.0], [0.0]]]), np.array([[[np.log(3)], [np.log(3)]]])
    assert np.allclose(binary_cross_entropy(truth, logits), (np.log(4 / 3) + np.log(4)) / 2)
    two = binary_cross_entropy(np.repeat(truth, 2, axis=-1), np.repeat(logits, 2, axis=-1), sum_classes=True)
    assert np.allclose(two, 2 * (np.log(4 / 3) + np.log(4)) / 2)
    weighted = binary_cross_entropy(truth, logits, positive_weights=(10.0,))
    assert np.allclose(weighted, (10 * np.log(4 / 3) + np.log(4)) / 2)


def test_binary_cross_entropy_of_large_logits_is_finite():
    loss = binary_cross_entropy(np.array([[[1.0], [0.0]]]), np.array([[[-200.0], [200.0]]]))
    assert np.allclose(loss, 200)


def test_cross_entropy_by_hand():
    # Logits (log 3, 0): probabilities 3/4 and 1/4.
    truth, logits = np.array([[[1.0, 0.0], [0.0, 1.0]]]), np.log([[[3.0, 1.0], [3.0, 1.0]]])
    assert np.allclose(cross_entropy(truth, logits), (np.log(4 / 3) + np.log(4)) / 2)
    # Weights 1 and 3: (1 · log 4/3 + 3 · log 4) / 4.
    assert np.allclose(cross_entropy(truth, logits, class_weights=(1, 3)), (np.log(4 / 3) + 3 * np.log(4)) / 4)


def test_cross_entropy_of_a_single_class_is_0():
    # What the published code of Ren 2024 computes: log-softmax over one channel.
    assert np.allclose(cross_entropy(np.ones((1, 3, 1)), np.array([[[5.0], [-2.0], [0.0]]])), 0)


def test_mean_squared_error_by_hand():
    # Example 0: class 0 (0.25 + 0.25) / 2, class 1 (0.0625 + 0.0625) / 2; example 1: 0 and (0.25 + 0.25) / 2.
    assert np.allclose(mean_squared_error(TRUTH, PROBABILITY), [0.3125, 0.25])
