"""Batches: reproducible, independent of where an epoch starts, right about image and mask."""

import numpy as np
import pytest

from segan_tl.config.load import load_config
from segan_tl.data.cache import prepare_cases
from segan_tl.data.find.cases import find_cases
from segan_tl.data.pipeline import SlicePool, make_batches, steps_per_epoch
from segan_tl.regions import region_masks

PLAIN = ["augment.mirror=0", "augment.rotation=0", "augment.noise=0"]


@pytest.fixture(scope="module")
def pool(tiny_cohort, tiny_config, tmp_path_factory):
    config = load_config(tiny_config, ["data.modalities=['t1','flair']"])
    cached, problems = prepare_cases(
        find_cases(tiny_cohort).cases, tmp_path_factory.mktemp("cache"), config=config.data
    )
    assert not problems
    return SlicePool(cached)


@pytest.fixture
def config(tiny_config):
    return load_config(tiny_config, ["data.modalities=['t1','flair']", *PLAIN])


def collect(pool, config, *, epoch=0, first_step=0):
    plan = pool.plan(config, epoch=epoch, batch_size=8)
    batches = make_batches(pool, plan, config, batch_size=8, first_step=first_step)
    return plan, [(batch["image"].numpy(), batch["mask"].numpy()) for batch in batches]


def test_a_batch_is_the_planned_windows(pool, config):
    plan, batches = collect(pool, config)
    for i in range(8):
        top, left = plan.corner[i]
        case = pool.cases[plan.case[i]]
        window = (plan.slice[i], slice(top, top + 32), slice(left, left + 32))
        assert np.array_equal(batches[0][0][i], case.image[window])
        assert np.array_equal(batches[0][1][i], region_masks(case.labels[window], ("wt",)))


def test_the_same_epoch_gives_the_same_batches_and_another_does_not(pool, tiny_config):
    config = load_config(tiny_config, ["data.modalities=['t1','flair']"])
    first, again, other = (collect(pool, config, epoch=epoch)[1] for epoch in (3, 3, 4))
    assert all(np.array_equal(a[0], b[0]) and np.array_equal(a[1], b[1]) for a, b in zip(first, again))
    assert not np.array_equal(first[0][0], other[0][0])


def test_an_epoch_can_start_in_the_middle(pool, tiny_config):
    config = load_config(tiny_config, ["data.modalities=['t1','flair']"])
    whole, rest = collect(pool, config)[1], collect(pool, config, first_step=3)[1]
    assert len(whole) == 4 and len(rest) == 1
    assert np.array_equal(whole[3][0], rest[0][0])


def test_an_epoch_visits_every_slice_once(pool, config):
    config = config.model_copy(update={"train": config.train.model_copy(update={"steps_per_epoch": 0})})
    plan = pool.plan(config, epoch=0, batch_size=8)
    assert len(plan) == len(pool.all) == 8 * 16
    assert len({(case, k) for case, k in zip(plan.case, plan.slice)}) == len(plan)


def test_tumour_fraction(pool, config):
    config = config.model_copy(update={"data": config.data.model_copy(update={"foreground": 1.0})})
    plan = pool.plan(config, epoch=0, batch_size=8)
    assert all(pool.cases[case].labels[k].any() for case, k in zip(plan.case, plan.slice))


def test_fewer_slices_than_a_batch_still_make_one_step(config):
    config = config.model_copy(update={"train": config.train.model_copy(update={"steps_per_epoch": 0})})
    assert steps_per_epoch(5, config, 8) == 1


def test_corners_reach_both_ends(pool, config):
    corners = np.concatenate([pool.plan(config, epoch=epoch, batch_size=8).corner for epoch in range(20)])
    assert corners.min() == 0 and corners.max() == 48 - 32
