"""Batches of slices: as planned, reproducible, and what the way one by one gives."""

import numpy as np
import pytest

from segan_tl.config.load import load_config
from segan_tl.data import batches
from segan_tl.data.batches import make_patches
from segan_tl.data.cache import prepare_cases
from segan_tl.data.find.cases import find_cases
from segan_tl.data.sample import Part, examples_of_an_epoch, plan_patches
from segan_tl.regions import region_masks

PLAIN = ["augment.mirror=0", "augment.rotation=0", "augment.noise=0"]
BOTH = "data.modalities=['t1','flair']"


@pytest.fixture(scope="module")
def cases(tiny_cohort, tiny_config, tmp_path_factory):
    config = load_config(tiny_config, [BOTH])
    cached, problems = prepare_cases(
        find_cases(tiny_cohort).cases, tmp_path_factory.mktemp("cache"), config=config.data
    )
    assert not problems
    return cached


def collect(cases, config, *, epoch=0, first_step=0, sources=0):
    plan = plan_patches(cases, config, epoch=epoch, sources=sources)
    return plan, [
        {name: values.numpy() for name, values in batch.items()}
        for batch in make_patches(cases, plan, config, first_step=first_step)
    ]


def test_a_batch_is_the_planned_windows(cases, tiny_config):
    plan, found = collect(cases, load_config(tiny_config, [BOTH, *PLAIN]))
    for i in range(8):
        k, top, left = plan.corner[i]
        window = (k, slice(top, top + 32), slice(left, left + 32))
        assert np.array_equal(found[0]["image"][i], cases[plan.case[i]].image[window])
        assert np.array_equal(found[0]["mask"][i], region_masks(cases[plan.case[i]].labels[window], ("wt",)))


@pytest.mark.parametrize(
    "changes",
    [
        ["augment.mirror=1", "augment.mirror_axes=[H,W]", "augment.rotation=0"],
        ["augment.mirror=0.5", "augment.rotation=1", "augment.rotation_degrees=25", "augment.scaling=1"],
        ["augment.rotation=0", "augment.brightness=0.7", "augment.contrast=0.7", "augment.gamma=0.7"],
        ["augment.gamma=0.7", "augment.gamma_inverted=0.7", "augment.gamma_keeps_statistics=true"],
    ],
    ids=["mirrored", "turned", "brightness", "gamma"],
)
def test_together_gives_what_one_by_one_does(cases, tiny_config, monkeypatch, changes):
    config = load_config(tiny_config, [BOTH, "data.foreground=0.5", *PLAIN, *changes])
    _, together = collect(cases, config)
    monkeypatch.setattr(batches, "can_change_slices", lambda _: False)
    _, one_by_one = collect(cases, config)
    assert len(together) == len(one_by_one) == 4
    for fast, slow in zip(together, one_by_one, strict=True):
        assert np.allclose(fast["image"], slow["image"], atol=2e-4)
        assert np.mean(fast["mask"] != slow["mask"]) < 1e-4  # a voxel as near to one as to the other


def test_noise_is_drawn_for_each_batch_and_leaves_the_background(cases, tiny_config):
    plain = load_config(tiny_config, [BOTH, *PLAIN])
    noisy = load_config(tiny_config, [BOTH, *PLAIN, "augment.noise=1", "augment.noise_std=[0.02,0.02]"])
    (_, without), (_, found) = collect(cases, plain), collect(cases, noisy)
    changes = [b["image"] - a["image"] for a, b in zip(without, found, strict=True)]
    head = without[0]["image"].any(axis=-1)
    assert changes[0][head].std() == pytest.approx(0.02, rel=0.1) and not changes[0][~head].any()
    assert not np.allclose(changes[0], changes[1])


def test_the_same_epoch_gives_the_same_batches_and_another_does_not(cases, tiny_config):
    config = load_config(tiny_config, [BOTH])
    first, again, other = (collect(cases, config, epoch=epoch)[1] for epoch in (3, 3, 4))
    for a, b in zip(first, again, strict=True):
        assert np.array_equal(a["image"], b["image"]) and np.array_equal(a["mask"], b["mask"])
    assert not np.array_equal(first[0]["image"], other[0]["image"])


def test_an_epoch_can_start_in_the_middle(cases, tiny_config):
    config = load_config(tiny_config, [BOTH])
    whole, rest = collect(cases, config)[1], collect(cases, config, first_step=3)[1]
    assert len(whole) == 4 and len(rest) == 1
    assert np.array_equal(whole[3]["image"], rest[0]["image"])


@pytest.mark.parametrize("together", [True, False])
def test_parts_of_several_machines_are_the_batches_of_one(cases, tiny_config, monkeypatch, together):
    """Noise, margins and all: to the last bit, whoever makes them, and from the middle of an epoch, too."""
    config = load_config(tiny_config, [BOTH, "source.share=0.5", "augment.noise=1", "augment.noise_std=[0.02,0.02]"])
    if not together:
        monkeypatch.setattr(batches, "can_change_slices", lambda _: False)
    plan, whole = collect(cases, config, sources=3)
    for parts, sizes in (((Part(0, 1, 2), Part(1, 1, 2)), 4), ((Part(0, 2, 4), Part(2, 2, 4)), 2)):
        found = [list(make_patches(cases, plan, config, first_step=1, part=part)) for part in parts]
        for step, batch in enumerate(whole[1:]):
            # Of a step each machine has an element for each of its replicas, in order.
            rows = [one for elements, part in zip(found, parts) for one in elements[step * part.here :][: part.here]]
            assert all(len(one["image"]) == sizes for one in rows)
            for name in ("image", "mask", "domain"):
                assert np.array_equal(np.concatenate([one[name] for one in rows]), batch[name])


def test_an_epoch_visits_every_slice_once(cases, tiny_config):
    config = load_config(tiny_config, [BOTH, "train.steps_per_epoch=16"])
    assert examples_of_an_epoch(cases, config) == 8 * 16
    plan = plan_patches(cases, config, epoch=0)
    assert len({(case, k) for case, (k, *_) in zip(plan.case, plan.corner)}) == len(plan) == 8 * 16


def test_a_share_of_the_slices_surely_has_tumour(cases, tiny_config):
    plan = plan_patches(cases, load_config(tiny_config, [BOTH, "data.foreground=0.5"]), epoch=0)
    assert plan.forced.reshape(-1, 8).sum(axis=1).tolist() == [4] * 4
    rows = zip(plan.case[plan.forced], plan.corner[plan.forced])
    assert all(cases[case].labels[k].any() for case, (k, *_) in rows)
    assert np.array_equal(cases[0].tumour_slices, np.flatnonzero(cases[0].labels[:].any(axis=(1, 2))))


def test_two_cohorts_of_slices(cases, tiny_config):
    changes = [BOTH, "data.foreground=0.5", "source.share=0.25", "adversary.target_labels=false"]
    config = load_config(tiny_config, changes)
    plan, found = collect(cases, config, sources=3)
    source = plan.domain == 0
    assert source.reshape(-1, 8).sum(axis=1).tolist() == [2] * 4
    assert (plan.case[source] >= 5).all() and (plan.case[~source] < 5).all()
    assert np.array_equal(plan.labelled, source) and not plan.forced[~source].any()
    assert np.array_equal(np.concatenate([batch["domain"] for batch in found]), plan.domain)
    masks = np.concatenate([batch["mask"] for batch in found])
    assert not masks[~source].any() and masks[source].any()


def test_corners_reach_both_ends(cases, tiny_config):
    config = load_config(tiny_config, [BOTH])
    corners = np.concatenate([plan_patches(cases, config, epoch=epoch).corner for epoch in range(20)])
    assert corners[:, 1:].min() == 0 and corners[:, 1:].max() == 48 - 32


def test_subsets_are_the_same_together_and_one_by_one(cases, tiny_config, monkeypatch):
    config = load_config(tiny_config, [BOTH, *PLAIN, "data.subsets=any", "data.subset_shares=[0.5,0.5]"])
    plan, together = collect(cases, config)
    monkeypatch.setattr(batches, "can_change_slices", lambda _: False)
    _, one_by_one = collect(cases, config)
    assert len(together) == 4 and len(np.unique(plan.present, axis=0)) == 3
    for step, (fast, slow) in enumerate(zip(together, one_by_one, strict=True)):
        assert np.array_equal(fast["present"], plan.present[8 * step : 8 * step + 8])
        assert all(np.array_equal(fast[name], slow[name]) for name in ("image", "mask", "present"))
