"""Painted patches: what a slow loop gives, the range of real images, the same wherever an epoch starts."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter1d

from segan_tl.config.load import load_config
from segan_tl.data.batches import make_patches
from segan_tl.data.contrasts import BANK, BLUR_STEP_VOXELS, plan_contrasts, scale_of
from segan_tl.data.painting import bias, nodes, normal, paint, smooth, texture
from segan_tl.data.phantom.tissue_map import CODES, FIRST, KINDS, SECOND, SHARE
from segan_tl.data.prepare import prepare_volume
from segan_tl.data.sample import plan_patches
from tests.small_tissues import painted_volumes, tissue_case

RANDOM, BOTH = "phantom.contrast=random", "phantom.contrast=both"
TWO = "data.modalities=['t1','flair']"
PLAIN = ["augment.mirror=0", "augment.rotation=0", "augment.noise=0"]


@pytest.fixture
def cases():
    return [tissue_case(seed, channels=2) for seed in range(3)]


def collect(cases, config, *, epoch=0, first_step=0):
    plan = plan_patches(cases, config, epoch=epoch)
    batches = make_patches(cases, plan, config, first_step=first_step)
    return plan, [{name: values.numpy() for name, values in batch.items()} for batch in batches]


def row_of(case, *, normalise="percentiles", seed=0, **changes):
    config = load_config("zoo_segan", [f"seed={seed}", "phantom.contrast=random"])
    config = config.model_copy(update={"data": config.data.model_copy(update={"normalise": normalise})})
    drawn = plan_contrasts([case], config, epoch=0, case=np.zeros(1, int), is_source=np.zeros(1, bool))
    return {name: values[0] for name, values in drawn.items()} | changes


# === One patch ===


def test_paint_gives_what_a_slow_loop_does():
    case = tissue_case(0)
    tissues = case.tissues[:, 2:30, 3:35]
    drawn = row_of(case, blur=np.array([[0, 3, 0]]))
    smooth, starts = texture(tissues.shape, drawn["start"][0]), drawn["start"][0]
    factor = bias(tissues.shape, drawn["bias"][0], starts[2])
    ideal = np.zeros(tissues.shape)
    for place, row in np.ndenumerate(tissues):
        for code, share in ((FIRST[row], SHARE[row]), (SECOND[row], 1 - SHARE[row])):
            ideal[place] += share * (drawn["mean"][code, 0] + drawn["spread"][code, 0] * smooth[place])
    blurred = gaussian_filter1d(ideal * factor, 3 * BLUR_STEP_VOXELS, axis=1)
    magnitude = abs(blurred + drawn["noise"][0] * normal(tissues.shape, starts[3]))
    expected = np.clip((magnitude - drawn["low"][0]) * drawn["scale"][0], 0, 1) * (tissues > 0)
    found = paint(tissues, drawn, normalise="percentiles")
    assert found.shape == (*tissues.shape, 1) and found.dtype == np.float32
    np.testing.assert_allclose(found[..., 0], expected, atol=1e-5)


def test_background_stays_0_and_the_rest_has_contrast():
    case = tissue_case(0)
    image = paint(case.tissues, row_of(case), normalise="percentiles")[..., 0]
    air = case.tissues == 0
    assert not image[air].any() and image[~air].std() > 0.05 and image.min() >= 0 and image.max() <= 1


def rescaled(case, drawn, normalise):
    row = {name: drawn[name][None] for name in ("mean", "spread", "noise", "bias")}
    low, scale = scale_of(row, case.tissue_voxels[None], normalise=normalise, percentiles=(2.0, 99.8))
    return low[0], scale[0]


@pytest.mark.parametrize("normalise", ["percentiles", "ren", "zscore"])
def test_the_scale_is_what_the_preparation_of_the_whole_image_gives(normalise):
    case = tissue_case(0)
    for seed in range(6):
        # Over so small a head bias and texture would be factors, not fields.
        fields = {"bias": np.zeros(1), "spread": np.zeros((KINDS, 1), np.float32), "blur": np.zeros((1, 3), int)}
        drawn = row_of(case, normalise=normalise, seed=seed) | fields
        drawn["low"], drawn["scale"] = rescaled(case, drawn, normalise)
        found = paint(case.tissues, drawn, normalise=normalise)[..., 0]
        raw = paint(case.tissues, drawn | {"low": np.zeros(1), "scale": np.ones(1)}, normalise="zscore")
        whole = np.moveaxis(np.maximum(raw, 1e-4) * (case.tissues > 0)[..., None], 0, 2)
        expected, _ = prepare_volume(whole, normalise=normalise, crop=case.box.size, percentiles=(2.0, 99.8))
        assert abs(found - expected[..., 0]).mean() < 0.05  # of a deviation; of the range


def test_partial_volume_lies_between_its_tissues():
    case = tissue_case(0)
    drawn = row_of(case)
    quiet = {name: np.zeros_like(drawn[name]) for name in ("spread", "noise", "bias", "low", "blur")}
    mean = np.zeros_like(drawn["mean"])
    mean[CODES["wm"]], mean[CODES["gm"]], mean[CODES["csf"]], mean[CODES["edema"]] = 0.8, 0.4, 0.2, 1.0
    image = paint(case.tissues, drawn | quiet | {"mean": mean, "scale": np.ones(1)}, normalise="zscore")[..., 0]
    assert image[case.labels > 0] == pytest.approx(1.0)
    half = (FIRST[case.tissues] == CODES["wm"]) & (SECOND[case.tissues] == CODES["gm"])
    assert half.any() and ((image[half] > 0.59) & (image[half] < 0.81)).all()


def test_fields_are_smooth_and_of_unit_variance():
    found = np.stack([texture((1, 96, 96), (start, 2 * start)) for start in range(0, BANK // 2, 997)])
    assert found.std() == pytest.approx(1, abs=0.1) and abs(found.mean()) < 0.1
    assert abs(np.diff(found, axis=2)).mean() < 0.3
    for place in (0, 7, 50):  # a spline at a place, term by term
        numbers, along_w = nodes((1, 1, 96), 4.0, 9)[0, 0], place / 4 + 1
        base = int(along_w)
        near = [(abs(along_w - k), numbers[k]) for k in range(base - 1, base + 3)]
        value = sum(
            number * (2 / 3 - d**2 + d**3 / 2 if d < 1 else max(2 - d, 0) ** 3 / 6) for d, number in near
        )
        assert smooth(numbers[None, None], (1, 1, 96), 4.0)[0, 0, place] == pytest.approx(value, abs=1e-5)


def test_the_bias_field_is_a_factor_about_one():
    found = np.stack([bias((1, 64, 64), 0.2, start) for start in range(0, BANK, 1999)])
    assert found.min() > 0 and found.mean() == pytest.approx(1, abs=0.06) and 0.05 < np.log(found).std() < 0.2
    assert bias((1, 64, 64), 0.0, 5) == pytest.approx(1, abs=1e-5)


def test_large_patches_draw_noise_of_their_own():
    found = normal((72, 64, 64), 5)
    assert found.size > BANK and np.array_equal(found, normal((72, 64, 64), 5))
    assert not np.array_equal(found, normal((72, 64, 64), 6))


# === Epochs ===


@pytest.mark.parametrize("changes", [PLAIN, []], ids=["as it is", "turned"])
def test_slices_are_painted_and_masks_are_those_of_physics(cases, tiny_config, changes):
    plan, found = collect(cases, load_config(tiny_config, [TWO, RANDOM, *changes]))
    same, physics = collect(cases, load_config(tiny_config, [TWO, *changes]))
    assert np.array_equal(plan.case, same.case) and np.array_equal(plan.corner, same.corner)
    assert len(found) == len(physics) == 4
    for painted, real in zip(found, physics, strict=True):
        assert np.array_equal(painted["mask"], real["mask"]) and painted["image"].shape == real["image"].shape
        assert not np.allclose(painted["image"], real["image"], atol=0.1)
        assert not np.allclose(painted["image"][..., 0], painted["image"][..., 1], atol=0.1)


def test_slices_together_are_the_slices_one_by_one(cases, tiny_config, monkeypatch):
    config = load_config(tiny_config, [TWO, BOTH, *PLAIN])
    _, together = collect(cases, config)
    monkeypatch.setattr("segan_tl.data.batches.can_change_slices", lambda _: False)
    _, one_by_one = collect(cases, config)
    for fast, slow in zip(together, one_by_one, strict=True):
        assert np.array_equal(fast["image"], slow["image"]) and np.array_equal(fast["mask"], slow["mask"])


def test_both_leaves_some_slices_as_they_are(cases, tiny_config):
    plan, found = collect(cases, load_config(tiny_config, [TWO, BOTH, *PLAIN]))
    _, physics = collect(cases, load_config(tiny_config, [TWO, *PLAIN]))
    images, real = (np.concatenate([batch["image"] for batch in some]) for some in (found, physics))
    same = np.array([np.array_equal(one, two) for one, two in zip(images, real, strict=True)])
    assert np.array_equal(same, ~plan.contrast["painted"]) and 0 < same.sum() < len(same)


@pytest.mark.parametrize("kind", ["slices", "volumes"])
def test_an_epoch_is_the_same_again_another_is_not_and_it_starts_anywhere(cases, tiny_config, kind):
    config = load_config(tiny_config, [TWO, BOTH]) if kind == "slices" else painted_volumes("both")
    first, again, other = (collect(cases, config, epoch=epoch)[1] for epoch in (3, 3, 4))
    assert all(np.array_equal(a["image"], b["image"]) for a, b in zip(first, again, strict=True))
    assert not np.array_equal(first[0]["image"], other[0]["image"])
    rest = collect(cases, config, epoch=3, first_step=len(first) - 1)[1]
    assert len(rest) == 1 and np.array_equal(rest[0]["image"], first[-1]["image"])


def test_volumes_are_painted(cases):
    _, found = collect(cases, painted_volumes("random"))
    _, physics = collect(cases, painted_volumes("physics"))
    for painted, real in zip(found, physics, strict=True):
        assert painted["image"].shape == real["image"].shape == (4, 8, 16, 16, 2)
        assert np.array_equal(painted["mask"], real["mask"])
        assert not np.allclose(painted["image"], real["image"], atol=0.5)


def test_prepared_images_stay_as_they_are(cases, tiny_config):
    before = [np.array(case.image) for case in cases]  # validation and test read these
    collect(cases, load_config(tiny_config, [TWO, RANDOM]))
    assert all(np.array_equal(case.image, image) for case, image in zip(cases, before, strict=True))
