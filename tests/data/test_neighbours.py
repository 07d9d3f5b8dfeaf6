"""Slices with their neighbours: which channel is which, and what is changed alike."""

import numpy as np
import pytest
import tensorflow as tf

from segan_tl.config.load import load_config
from segan_tl.data import batches
from segan_tl.data.augment import augment, draw
from segan_tl.data.batches import make_patches
from segan_tl.data.contrasts import draw_contrasts
from segan_tl.data.intensity import change_batch
from segan_tl.data.neighbours import as_channels, as_slab, from_slab, middle, stack_volume
from segan_tl.data.painting import read_image
from segan_tl.data.presence import hide, planes_of_volume, with_planes
from segan_tl.data.sample import plan_patches
from segan_tl.data.slices import change_slices
from tests.small_tissues import tissue_case

PLAIN = ["augment.mirror=0", "augment.rotation=0", "augment.noise=0"]
STRONG = ["augment.mirror=0.5", "augment.rotation=1", "augment.scaling=1", "augment.brightness=1", "augment.contrast=1",
          "augment.gamma=1", "augment.gamma_inverted=1", "augment.noise=0"]  # fmt: skip


@pytest.fixture
def cases():
    return [tissue_case(seed, shape=(9, 48, 48), channels=2) for seed in range(2)]


def config_of(tiny_config, *changes):
    return load_config(tiny_config, ["data.modalities=['t1','flair']", "data.crop=[48,48,9]", *changes])


def collect(cases, config):
    plan = plan_patches(cases, config, epoch=0)
    found = make_patches(cases, plan, config)
    return plan, [{name: values.numpy() for name, values in batch.items()} for batch in found]


def test_stacked_by_hand():
    # slices 1, 2, 3 of one modality, tenfold in the other
    volume = np.array([1, 2, 3], np.float32)[:, None, None, None] * np.array([1, 10], np.float32)
    found = stack_volume(volume, 1)
    assert found.shape == (3, 1, 1, 6) and found.dtype == np.float32
    assert found[:, 0, 0].tolist() == [[0, 0, 1, 10, 2, 20], [1, 10, 2, 20, 3, 30], [2, 20, 3, 30, 0, 0]]
    assert np.array_equal(middle(found, 1), volume) and stack_volume(volume, 0) is volume
    assert stack_volume(volume, 4)[0, 0, 0].tolist() == [0] * 8 + [1, 10, 2, 20, 3, 30] + [0] * 4


def test_a_slab_is_its_channels():
    slab = np.random.default_rng(0).random((5, 3, 4, 2)).astype(np.float32)
    image = as_channels(slab)
    assert image.shape == (3, 4, 10) and np.array_equal(image[..., 2:4], slab[1])
    assert np.array_equal(as_slab(tf.constant(image), 2), slab)
    assert np.array_equal(from_slab(tf.constant(slab)), image)


@pytest.mark.parametrize("changes", [[], ["augment.blur=1e-9"]], ids=["together", "one by one"])
def test_a_batch_is_the_planned_windows_with_those_above_and_below(cases, tiny_config, changes):
    plan, found = collect(cases, config_of(tiny_config, *PLAIN, *changes, "data.neighbours=2"))
    ends = 0
    for i in range(8):
        k, top, left = plan.corner[i]
        image, window = cases[plan.case[i]].image, (slice(top, top + 32), slice(left, left + 32))
        for channels, slice_ in enumerate(range(k - 2, k + 3)):
            part = found[0]["image"][i][..., 2 * channels : 2 * channels + 2]
            assert np.array_equal(part, image[slice_][window]) if 0 <= slice_ < 9 else not part.any()
            ends += not 0 <= slice_ < 9
        assert np.array_equal(found[0]["mask"][i][..., 0], cases[plan.case[i]].labels[k][window] > 0)
    assert ends


def test_draws_do_not_know_of_neighbours(cases, tiny_config):
    one, two = (plan_patches(cases, config_of(tiny_config, f"data.neighbours={n}"), epoch=1) for n in (0, 3))
    assert np.array_equal(one.case, two.case) and np.array_equal(one.corner, two.corner)
    assert all(np.array_equal(values, two.changes[name]) for name, values in one.changes.items())


def test_together_gives_what_one_by_one_does(cases, tiny_config, monkeypatch):
    config = config_of(tiny_config, *STRONG, "data.neighbours=1")
    _, together = collect(cases, config)
    monkeypatch.setattr(batches, "can_change_slices", lambda _: False)
    _, one_by_one = collect(cases, config)
    for fast, slow in zip(together, one_by_one, strict=True):
        assert fast["image"].shape[-1] == 6 and np.allclose(fast["image"], slow["image"], atol=1e-3)


def test_all_slices_of_a_modality_are_changed_alike(tiny_config):
    """Three slices that are the same stay the same; the second modality is changed otherwise."""
    config = config_of(tiny_config, *STRONG, "augment.blur=1", "augment.low_resolution=1", "augment.elastic=1").augment
    rows = draw(np.random.default_rng(0), config, count=4, patch=(1, 32, 32), channels=2)
    own = np.random.default_rng(1).random((4, 32, 32, 1)).astype(np.float32)
    image = tf.constant(np.tile(own, (1, 1, 1, 6)))
    labels = tf.zeros((1, 32, 32), tf.uint8)
    for i in range(4):
        row = {name: tf.constant(values[i]) for name, values in rows.items()} | {"centre": tf.constant([0, 15.5, 15.5])}
        found, _ = augment(image[i][None], labels, row, patch=(1, 32, 32), neighbours=1)
        assert found.shape == (1, 32, 32, 6)
        slices = found.numpy().reshape(32, 32, 3, 2)
        np.testing.assert_allclose(slices, np.tile(slices[:, :, :1], (1, 1, 3, 1)), atol=1e-5)
        assert abs(slices[..., 0] - slices[..., 1]).max() > 1e-2
    drawn = {name: tf.constant(values) for name, values in rows.items()}
    on_device = change_batch(image, drawn, keeps_statistics=True, neighbours=1).numpy().reshape(4, 32, 32, 3, 2)
    assert abs(np.diff(on_device, axis=3)).max() < 1e-5


def test_range_and_mean_are_those_of_all_slices(tiny_config):
    """Contrast 2 about the mean of 1, 2 and 6, kept in their range: 2 x − 3 = −1, 1 and 9 become 1, 1 and 6."""
    config = config_of(tiny_config, "augment.contrast=1", "augment.noise=0").augment
    rows = draw(np.random.default_rng(0), config, count=1, patch=(1, 4, 4), channels=1)
    rows |= {"contrast": np.full((1, 1), 2.0, np.float32)}
    image = np.ones((1, 4, 4, 3), np.float32) * np.float32([1, 2, 6])
    found = change_slices(tf.constant(image), {k: tf.constant(v) for k, v in rows.items()}, config, neighbours=1)
    assert found.numpy()[0, 0, 0].tolist() == [1, 1, 6]


def test_noise_of_each_slice_is_its_own_and_spares_its_air(cases, tiny_config):
    changes = [*PLAIN, "augment.noise=1", "augment.noise_std=[0.02,0.02]", "data.neighbours=1"]
    (_, quiet), (_, noisy) = (collect(cases, config_of(tiny_config, *some)) for some in (PLAIN + changes[-1:], changes))
    noise = (noisy[0]["image"] - quiet[0]["image"]).reshape(8, 32, 32, 3, 2)
    head = quiet[0]["image"].reshape(8, 32, 32, 3, 2).any(axis=-1)
    assert noise[head].std() == pytest.approx(0.02, rel=0.1) and not noise[~head].any()
    assert not np.allclose(noise[..., 0, :], noise[..., 1, :])


def test_a_slab_is_painted_with_one_contrast():
    case = tissue_case(0)
    contrast = draw_contrasts(np.random.default_rng(3), count=1, channels=1, patch=(1, 24, 24))
    assert not contrast["blur"][..., 0].any()  # nothing is mixed through the slices
    contrast |= {"low": np.zeros((1, 1)), "scale": np.ones((1, 1)), "painted": np.ones(1, bool)}
    for name in ("spread", "noise", "bias", "blur"):
        contrast[name] = np.zeros_like(contrast[name])
    slab = read_image(case, contrast, 0, corner=(-1, 8, 6), size=(3, 24, 24), normalise="zscore")
    assert slab.shape == (3, 24, 24, 1) and not slab[0].any()  # below the volume
    alone = read_image(case, contrast, 0, corner=(1, 8, 6), size=(1, 24, 24), normalise="zscore")
    np.testing.assert_allclose(slab[2], alone[0], atol=1e-6)


def test_a_missing_modality_is_missing_in_every_slice():
    # One voxel, 2 modalities, 3 slices; then one whose middle slice is air.
    image = np.array([[[1, 2, 3, 4, 5, 6]], [[1, 2, 0, 0, 5, 6]]], np.float32)
    present = np.array([[1, 0], [1, 1]], np.float32)
    hidden = np.array(hide(image, present))
    assert hidden.tolist() == [[[1, 0, 3, 0, 5, 0]], [[1, 2, 0, 0, 5, 6]]]
    seen = np.array(with_planes(hidden, present))
    assert seen.tolist() == [[[1, 0, 3, 0, 5, 0, 1, 0]], [[1, 2, 0, 0, 5, 6, 0, 0]]]


def test_a_whole_volume_is_told_as_its_slices_are():
    volume = np.random.default_rng(0).random((4, 3, 3, 2)).astype(np.float32) * [1, 0]
    volume[:, 0] = 0
    stacked = stack_volume(volume, 1)
    seen = with_planes(stacked, np.tile(np.float32([[1, 0]]), (4, 1)))
    assert np.array_equal(seen, np.concatenate([stacked, planes_of_volume(volume)], axis=-1))
