"""Batches of patches: planned beforehand, nnU-Net's oversampling, the same wherever an epoch starts."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.ndimage import map_coordinates

from segan_tl.config.augment import AugmentConfig
from segan_tl.config.schema import Config
from segan_tl.data.batches import make_patches
from segan_tl.data.cache import CachedCase
from segan_tl.data.intensity import change_batch
from segan_tl.data.prepare import Box
from segan_tl.data.sample import plan_patches
from tests.data.published_augmentation import NNUNET

WORKER = Path(__file__).parent / "patches_worker.py"


def volume(shape, seed, *, tumour=True, regions=("wt", "et")):
    """Return a volume whose voxels are all different, with a small enhancing core in oedema."""
    image = np.random.default_rng(seed).normal(size=(*shape, 2)).astype(np.float16)
    labels = np.zeros(shape, np.uint8)
    if tumour:
        labels[2:6, 3:7, 1:6], labels[3:4, 4:6, 2:3] = 2, 3
    positions = {"wt": np.argwhere(labels > 0), "ed": np.argwhere(labels == 2), "et": np.argwhere(labels == 3)}
    positions = {name: found for name, found in positions.items() if len(found)}
    return CachedCase(f"v{seed}", image, labels, positions, Box((0, 0, 0), (*shape[1:], shape[0]), shape), regions)


@pytest.fixture
def cases():
    return [volume((9, 14, 12), 0), volume((8, 10, 13), 1), volume((7, 9, 9), 2)]


def settings(patch=(8, 8, 8), *, augment=None, batch_size=4, steps=3, **data):
    return Config.model_validate({
        "name": "tiny",
        "seed": 5,
        "data": {"patch": patch, "regions": ("wt", "et"), "modalities": ("t2", "flair"), **data},
        "augment": augment.model_dump() if augment else {},
        "model": {"family": "nnunet"},
        "train": {"batch_size": batch_size, "steps_per_epoch": steps},
    })


def collect(cases, config, *, epoch=0, first_step=0):
    plan = plan_patches(cases, config, epoch=epoch)
    batches = make_patches(cases, plan, config, first_step=first_step)
    return plan, [(batch["image"].numpy(), batch["mask"].numpy()) for batch in batches]


def test_a_batch_is_the_planned_patches(cases):
    plan, batches = collect(cases, settings())
    assert len(batches) == 3 and len(plan) == 12
    for i in range(12):
        image, mask = cases[plan.case[i]].patch(plan.corner[i], (8, 8, 8))
        assert np.array_equal(batches[i // 4][0][i % 4], image)
        assert np.array_equal(batches[i // 4][1][i % 4], mask)
    assert batches[0][0].dtype == batches[0][1].dtype == np.float32


def test_the_same_epoch_gives_the_same_batches_and_another_does_not(cases):
    config = settings(augment=NNUNET)
    first, again, other = (collect(cases, config, epoch=epoch)[1] for epoch in (3, 3, 4))
    assert all(np.array_equal(a[0], b[0]) and np.array_equal(a[1], b[1]) for a, b in zip(first, again))
    assert not np.array_equal(first[0][0], other[0][0])


def test_an_epoch_can_start_in_the_middle(cases):
    config = settings(augment=NNUNET)
    whole, rest = collect(cases, config)[1], collect(cases, config, first_step=2)[1]
    assert len(rest) == 1
    assert np.array_equal(whole[2][0], rest[0][0]) and np.array_equal(whole[2][1], rest[0][1])


def test_the_last_examples_of_a_batch_are_forced(cases):
    # round(2 · 0.67) = 1: of two the second. round(5 · 0.67) = 3: the fourth and the fifth.
    for batch_size, forced in ((2, [False, True]), (5, [False] * 3 + [True] * 2)):
        plan = plan_patches(cases, settings((4, 4, 4), batch_size=batch_size, steps=20), epoch=0)
        assert plan.forced.reshape(20, batch_size).tolist() == [forced] * 20


def test_a_forced_patch_holds_a_region_and_regions_are_drawn_alike(cases):
    config = settings((1, 1, 1), batch_size=1, steps=600, foreground=1)
    plan, batches = collect(cases, config)
    masks = np.concatenate([mask for _, mask in batches])[:, 0, 0]  # (600, 2): wt, et of one voxel
    assert masks[:, 0].all()
    # One in two is put on et (2 voxels of 80); one in two on wt, of which 2 in 80 are et: 0.5125 ± 4 · 0.02.
    assert 0.43 < masks[:, 1].mean() < 0.6


def test_without_tumour_any_patch_will_do():
    plan = plan_patches([volume((9, 9, 9), 0, tumour=False)], settings(foreground=1), epoch=0)
    assert not plan.forced.any()


def test_all_places_are_reached_and_none_beyond(cases):
    plan = plan_patches(cases[:1], settings((8, 8, 8), batch_size=50, steps=20), epoch=0)
    assert plan.corner.min(axis=0).tolist() == [0, 0, 0] and plan.corner.max(axis=0).tolist() == [1, 6, 4]
    uniform = plan.corner[~plan.forced]
    counts = np.bincount(uniform[:, 1], minlength=7)
    assert counts.min() > 0.6 * counts.mean()


def test_all_cases_come_before_one_comes_again(cases):
    plan = plan_patches(cases, settings(batch_size=3, steps=4), epoch=1)
    assert all(sorted(row) == [0, 1, 2] for row in plan.case.reshape(4, 3).tolist())


def test_a_smaller_volume_lies_in_the_middle_of_zeros(cases):
    plan, batches = collect(cases[2:], settings((12, 9, 10)))
    # 7 of 12 along D: −5 // 2 = −3; 9 of 9: 0; 9 of 10: −1 // 2 = −1
    assert (plan.corner == [-3, 0, -1]).all()
    image = batches[0][0][0]
    assert np.array_equal(image[3:10, :, 1:], cases[2].image.astype(np.float32))
    assert np.count_nonzero(image) == np.count_nonzero(cases[2].image)


def test_centre(cases):
    plan = plan_patches(cases, settings((4, 4, 4), sampling="centre"), epoch=0)
    expected = {0: [2, 5, 4], 1: [2, 3, 4], 2: [1, 2, 2]}
    assert all(corner == expected[case] for case, corner in zip(plan.case, plan.corner.tolist()))


def test_slices_for_two_dimensional_networks(cases):
    plan, batches = collect(cases, settings((1, 8, 6), augment=NNUNET))
    assert batches[0][0].shape == (4, 8, 6, 2) and batches[0][1].shape == (4, 8, 6, 2)
    plain = collect(cases, settings((1, 8, 6)))[1]
    first = plan_patches(cases, settings((1, 8, 6)), epoch=0)
    image, mask = cases[first.case[0]].patch(first.corner[0], (1, 8, 6))
    assert np.array_equal(plain[0][0][0], image[0]) and np.array_equal(plain[0][1][0], mask[0])


@pytest.mark.parametrize("patch", [(6, 8, 7), (12, 9, 10), (1, 8, 8)])
def test_a_moved_patch_reads_the_volume_around_it_and_zeros_beyond(cases, patch):
    moves = AugmentConfig(rotation=0.7, rotation_degrees=180, scaling=0.7)
    config = settings(patch, augment=moves, steps=4)
    plan, batches = collect(cases, config)
    images = np.concatenate([image for image, _ in batches]).reshape(16, *patch, 2)
    masks = np.concatenate([mask for _, mask in batches]).reshape(16, *patch, 2)
    grid = np.stack(np.meshgrid(*[np.arange(size) for size in patch], indexing="ij")).reshape(3, -1)
    half = (np.array(patch) - 1)[:, None] / 2
    for i in range(16):
        case = cases[plan.case[i]]
        positions = plan.changes["matrix"][i] @ (grid - half) + half + plan.corner[i][:, None]
        for channel in range(2):
            image = case.image[..., channel].astype(np.float32)
            expected = map_coordinates(image, positions, order=1, mode="grid-constant").reshape(patch)
            np.testing.assert_allclose(images[i, ..., channel], expected, atol=1e-4)
        # Halfway between two voxels rounding decides; a rim apart, every voxel is the nearest one.
        core = map_coordinates((case.labels > 0).astype(np.uint8), positions, order=0, mode="grid-constant")
        assert (masks[i, ..., 0].ravel() == core).mean() > 0.97


def test_elastic_patches_read_inside_what_was_fetched(cases):
    config = settings((6, 6, 6), augment=AugmentConfig(elastic=1, rotation=0.5), steps=4)
    cases = cases[:2]  # from voxel 1 − 0.9 to 6 + 0.9 of at least 8
    for case in cases:
        case.image[:] = 1
    plan = plan_patches(cases, config, epoch=0)
    plan.corner[:], plan.changes["matrix"][:], plan.changes["elastic_voxels"][:] = 1, np.eye(3), 0.9
    for batch in make_patches(cases, plan, config):
        np.testing.assert_allclose(batch["image"], 1, atol=1e-6)


@pytest.mark.parametrize("patch", [(8, 8, 8), (1, 8, 8)])
def test_intensities_may_be_left_to_the_device_that_learns(cases, patch):
    config = settings(patch, augment=NNUNET.model_copy(update={"noise": 1.0, "gamma": 1.0}))
    plan = plan_patches(cases, config, epoch=0)
    whole = list(make_patches(cases, plan, config))
    for here, later in zip(whole, make_patches(cases, plan, config, intensities=False), strict=True):
        assert "changes" not in here and abs(here["image"] - later["image"]).numpy().max() > 0.1
        images = change_batch(later["image"], later["changes"], keeps_statistics=True)
        assert np.array_equal(images, here["image"]) and np.array_equal(later["mask"], here["mask"])


@pytest.mark.parametrize("replicas", [1, 2])
def test_replicas_see_the_batches_of_one(replicas):
    """The worker makes its own logical devices, so it is a process of its own; it prints a sum of each example."""
    from tests.data.patches_worker import EPOCHS

    environment = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONPATH": str(Path(__file__).parents[2])}
    command = [sys.executable, str(WORKER), str(replicas)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    sums = np.array([float(word) for word in done.stdout.split()])
    batches = [batch for cases, config in EPOCHS for batch in collect(cases, config)[1]]
    expected = np.concatenate([image.sum(axis=(1, 2, 3, 4)) for image, _ in batches])
    np.testing.assert_allclose(sums, expected, rtol=1e-5, atol=1e-3)


def test_subsets_are_planned_and_nothing_else_changes(cases):
    cases[1] = replace(cases[1], present=(False, True))
    whole, part = (settings(augment=NNUNET, steps=40, subsets=subsets) for subsets in ("all", "any"))
    before, plan = (plan_patches(cases, config, epoch=2) for config in (whole, part))
    assert before.present is None and "present" not in before.beside
    for name in ("case", "corner", "forced"):
        assert np.array_equal(getattr(before, name), getattr(plan, name))
    assert all(np.array_equal(before.changes[name], plan.changes[name]) for name in plan.changes)
    assert plan.present.shape == (160, 2) and plan.present.any(axis=1).all()
    assert not plan.present[plan.case == 1, 0].any() and plan.present[plan.case == 1, 1].all()
    assert len(np.unique(plan.present[plan.case != 1], axis=0)) == 3
    assert not np.array_equal(plan.present, plan_patches(cases, part, epoch=3).present)


def test_a_batch_says_what_is_there_wherever_the_epoch_begins(cases):
    config = settings(subsets="any")
    plan = plan_patches(cases, config, epoch=0)
    found = [batch["present"].numpy() for batch in make_patches(cases, plan, config)]
    assert np.array_equal(np.concatenate(found), plan.present)
    (last,) = make_patches(cases, plan, config, first_step=2)
    assert np.array_equal(last["present"], plan.present[8:])


def test_images_stored_in_single_precision_give_the_same_batches(cases):
    config = settings(augment=NNUNET)
    wide = [replace(case, image=case.image.astype(np.float32)) for case in cases]
    for one, other in zip(collect(cases, config)[1], collect(wide, config)[1], strict=True):
        assert all(np.array_equal(*pair) for pair in zip(one, other))


@pytest.mark.parametrize("patch", [(8, 8, 8), (1, 8, 8)], ids=["volumes", "slices"])
def test_any_number_of_calls_at_a_time_gives_the_same_batches(patch, cases, monkeypatch):
    found = []
    for cores in (1, 7):
        monkeypatch.setattr("segan_tl.data.slices.usable_cores", lambda cores=cores: cores)
        found.append(collect(cases, settings(patch, augment=NNUNET, steps=6))[1])
    assert len(found[0]) == 6
    for one, other in zip(*found, strict=True):
        assert all(np.array_equal(*pair) for pair in zip(one, other))
