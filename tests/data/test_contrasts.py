"""Contrasts drawn for tissues: lesions that show, and the scale that a preparation would give."""

import numpy as np
import pytest

from segan_tl.config.load import load_config
from segan_tl.data.contrasts import LESIONS, draw_contrasts, plan_contrasts, scale_of
from segan_tl.data.phantom.tissue_map import CODES, KINDS
from segan_tl.errors import UserError
from tests.small_tissues import tissue_case


def draw(count=2000, channels=1, patch=(1, 32, 32), seed=0):
    return draw_contrasts(np.random.default_rng(seed), count=count, channels=channels, patch=patch)


def plan(cases, config, *, epoch=0, count=400):
    nobody = np.zeros(count, bool)
    return plan_contrasts(cases, config, epoch=epoch, case=np.arange(count) % len(cases), is_source=nobody)


def test_every_channel_has_a_contrast_of_its_own():
    drawn = draw(count=5, channels=3)
    assert drawn["mean"].shape == drawn["spread"].shape == (5, KINDS, 3)
    assert drawn["blur"].shape == (5, 3, 3) and drawn["start"].shape == (5, 3, 4)
    assert not np.allclose(drawn["mean"][..., 0], drawn["mean"][..., 1])
    assert not drawn["mean"][:, 0].any() and not drawn["spread"][:, 0].any()  # outside


def test_lesions_are_brighter_or_darker_than_white_matter_and_seldom_equal():
    mean = draw()["mean"][..., 0]
    for name in LESIONS:
        difference = mean[:, CODES[name]] - mean[:, CODES["wm"]]
        assert 0.2 < (difference > 0).mean() < 0.8
        assert (abs(difference) < 0.03).mean() < 0.15


def test_brightness_lies_between_air_and_little_more_than_one():
    drawn = draw()
    assert drawn["mean"][:, 1:].min() >= 0 and drawn["mean"].max() < 1.4
    assert all(np.isfinite(values).all() for values in drawn.values())


def test_a_slice_is_not_blurred_through():
    blur = draw()["blur"][:, 0]
    assert not blur[:, 0].any() and (blur > 0).any(axis=0)[1:].all()
    assert ((blur > 0).sum(axis=1) <= 1).all() and 0.4 < (blur > 0).any(axis=1).mean() < 0.6
    assert draw(patch=(8, 8, 8))["blur"][:, 0].any(axis=0).all()


def two_tissues(low: float, high: float, **more):
    mean = np.zeros((1, KINDS, 1), np.float32)
    mean[0, CODES["gm"]], mean[0, CODES["wm"]] = low, high
    nothing = np.zeros((1, 1), np.float32)
    drawn = {"mean": mean, "spread": np.zeros_like(mean), "noise": nothing, "bias": nothing} | more
    voxels = np.zeros((1, KINDS))
    voxels[0, 0], voxels[0, CODES["gm"]], voxels[0, CODES["wm"]] = 60, 20, 20
    return drawn, voxels


def test_zscores_by_hand():
    # Half 0.2, half 0.8: mean 0.5, deviation 0.3. Noise of 0.4 makes it sqrt(0.09 + 0.16) = 0.5.
    low, scale = scale_of(*two_tissues(0.2, 0.8), normalise="zscore")
    assert (low[0, 0], scale[0, 0]) == pytest.approx((0.5, 1 / 0.3))
    noisy = two_tissues(0.2, 0.8, noise=np.full((1, 1), 0.4, np.float32))
    assert scale_of(*noisy, normalise="zscore")[1][0, 0] == pytest.approx(2)


def test_percentiles_by_hand():
    # 60 of 100 voxels are air: the 2nd percentile is 0; the 98th is white matter, the 70th grey matter.
    drawn, voxels = two_tissues(0.2, 0.8)
    assert scale_of(drawn, voxels, normalise="percentiles")[1][0, 0] == pytest.approx(1 / 0.8)
    low, scale = scale_of(drawn, voxels, normalise="percentiles", percentiles=(70, 98))
    assert (low[0, 0], scale[0, 0]) == pytest.approx((0.2, 1 / 0.6))


def test_physics_draws_nothing_and_both_paints_half(tiny_config):
    cases = [tissue_case(0)]
    assert plan(cases, load_config(tiny_config)) is None
    assert plan(cases, load_config(tiny_config, ["phantom.contrast=random"]))["painted"].all()
    assert 0.4 < plan(cases, load_config(tiny_config, ["phantom.contrast=both"]))["painted"].mean() < 0.6


def test_contrasts_follow_seed_and_epoch(tiny_config):
    cases = [tissue_case(0)]
    config = load_config(tiny_config, ["phantom.contrast=random"])
    first, again, other = (plan(cases, config, epoch=epoch) for epoch in (1, 1, 2))
    assert all(np.array_equal(first[name], again[name]) for name in first)
    assert not np.array_equal(first["mean"], other["mean"])
    seeded = plan(cases, load_config(tiny_config, ["phantom.contrast=random", "seed=1"]), epoch=1)
    assert not np.array_equal(first["mean"], seeded["mean"])


def test_a_case_without_tissues_is_refused(tiny_config):
    config = load_config(tiny_config, ["phantom.contrast=both"])
    with pytest.raises(UserError, match="a tissue map to paint contrasts on; found none of tissues1"):
        plan([tissue_case(0), tissue_case(1, tissues=False)], config)
