"""Two cohorts in one training: the stated ratio, which case comes when, whose labels are read."""

from dataclasses import replace

import numpy as np
import pytest

from segan_tl.config.schema import Config
from segan_tl.data.batches import make_patches
from segan_tl.data.cache import CachedCase
from segan_tl.data.domains import draw_cases, forced_examples, from_source
from segan_tl.data.prepare import Box
from segan_tl.data.sample import plan_patches
from segan_tl.errors import UserError
from segan_tl.train.recipes import make_batches_of


def volume(seed, shape=(9, 10, 12)):
    """Return a volume whose voxels all differ, with a small tumour."""
    image = np.random.default_rng(seed).normal(size=(*shape, 2)).astype(np.float16)
    labels = np.zeros(shape, np.uint8)
    labels[2:6, 3:7, 1:6] = 2
    box = Box((0, 0, 0), (*shape[1:], shape[0]), shape)
    return CachedCase(f"v{seed}", image, labels, {"wt": np.argwhere(labels)}, box, ("wt",))


def settings(share=0.5, *, batch_size=2, steps=6, foreground=0.5, adversary=None, patch=(4, 4, 4)):
    return Config.model_validate({
        "name": "tiny",
        "data": {"patch": patch, "regions": ("wt",), "modalities": ("t2", "flair"), "foreground": foreground},
        "augment": {"mirror": 0.5, "rotation": 0.5},
        "model": {"family": "nnunet"},
        "train": {"batch_size": batch_size, "steps_per_epoch": steps},
        "source": {"share": share},
        "adversary": adversary,
    })


@pytest.mark.parametrize(
    ("share", "expected"),
    [
        (0.5, "01010101"),
        (0.25, "00010001"),
        (0.75, "01110111"),  # ⌊i · 3/4⌋ = 0 0 1 2 3 3 4 5 6
        (1 / 3, "00100100"),
    ],
)
def test_the_pattern_of_the_cohorts_is_as_counted_by_hand(share, expected):
    assert "".join(str(int(source)) for source in from_source(8, share)) == expected


def test_the_ratio_is_exact_where_floating_point_is_not():
    # 0.29 · 100 is 28.999999999999996 and 0.7 · 10 · 0.1 … all the same: 29 of 100, 7 of every 10, 1126 of 1211.
    assert from_source(100, 0.29).sum() == 29
    assert (from_source(1000, 0.7).reshape(100, 10).sum(axis=1) == 7).all()
    assert from_source(1211, 1126 / 1211).sum() == 1126


@pytest.mark.parametrize("batch_size", [2, 3, 4, 8])
def test_every_batch_and_every_replicas_part_is_as_near_to_the_ratio_as_can_be(batch_size):
    for share in (0.5, 0.25, 0.7):
        sums = from_source(batch_size * 50, share).reshape(50, batch_size).sum(axis=1)
        assert set(sums) <= {int(np.floor(batch_size * share)), int(np.ceil(batch_size * share))}


def test_all_cases_of_a_cohort_come_before_one_comes_again():
    is_source = from_source(24, 0.75)
    case = draw_cases(np.random.default_rng(0), is_source, targets=3, sources=6)
    assert sorted(case[~is_source][:3]) == sorted(case[~is_source][3:]) == [0, 1, 2]
    for start in (0, 6, 12):
        assert sorted(case[is_source][start : start + 6]) == [3, 4, 5, 6, 7, 8]


def test_both_cohorts_have_their_part_of_forced_examples():
    # Batches of two at a half each: without care the second, always the source's, would be the forced one.
    is_source = from_source(12, 0.5)
    forced = forced_examples(is_source, 0.5)
    assert forced[is_source].sum() == forced[~is_source].sum() == 3
    assert (forced.reshape(6, 2).sum(axis=1) == 1).all()
    assert not forced_examples(is_source, 0).any() and forced_examples(is_source, 1).all()


def test_a_batch_tells_its_cohorts():
    cases = [volume(seed) for seed in range(5)]
    plan = plan_patches(cases, settings(), epoch=0, sources=3)
    assert (plan.domain == [1, 0] * 6).all()
    assert set(plan.case[plan.domain == 1]) == {0, 1} and set(plan.case[plan.domain == 0]) == {2, 3, 4}
    for batch in make_patches(cases, plan, settings()):
        assert batch["domain"].numpy().tolist() == [1.0, 0.0] and batch["domain"].dtype == np.float32


def test_an_epoch_can_start_in_the_middle_and_epochs_differ():
    cases = [volume(seed) for seed in range(5)]
    batches_of, steps = make_batches_of(cases[:2], settings(), second=cases[2:])
    whole, rest, other = (list(batches_of(*where)) for where in ((3, 0), (3, 4), (4, 0)))
    assert steps == len(whole) == 6 and len(rest) == 2
    for ours, expected in zip(rest, whole[4:], strict=True):
        assert all(np.array_equal(ours[name], expected[name]) for name in ("image", "mask", "domain"))
    assert not np.array_equal(whole[0]["image"], other[0]["image"])


@pytest.mark.parametrize(
    ("share", "steps", "without"),
    [
        (0.1, 4, "second"),  # ⌊8 · 0.1⌋ = 0 of two patches in four steps
        (0.125, 4, None),  # 1
        (0.9, 4, None),  # 7
        (0.9999999, 4, "first"),  # 1 to six decimals: 8
    ],
)
def test_an_epoch_without_an_example_of_a_cohort_is_refused(share, steps, without):
    if without is None:
        assert set(from_source(8, share)) == {False, True}
        settings(share, steps=steps)
        return
    assert len(set(from_source(8, share))) == 1
    with pytest.raises(ValueError, match=f"8 examples .* none for the {without} cohort; raise train.steps_per_epoch"):
        settings(share, steps=steps)


def test_one_pass_too_short_for_both_cohorts_is_refused():
    cases = [volume(seed) for seed in range(4)]
    config = settings(0.2, steps=0, batch_size=1)
    with pytest.raises(UserError, match="source.share 0.2 of the 4 examples"):
        make_batches_of(cases[:2], config, second=cases[2:])


def test_one_pass_is_over_both_cohorts():
    cases = [volume(seed) for seed in range(5)]
    assert make_batches_of(cases[:2], settings(steps=0, batch_size=1), second=cases[2:])[1] == 5


def test_one_cohort_has_no_domain():
    cases = [volume(0)]
    config = settings().model_copy(update={"source": None})
    assert set(next(iter(make_patches(cases, plan_patches(cases, config, epoch=0), config)))) == {"image", "mask"}


def test_without_target_labels_none_is_touched():
    # The target has none: whoever reads them fails.
    target = [replace(volume(seed), labels=None, positions=None) for seed in (0, 1)]
    cases = [*target, volume(2)]
    config = settings(foreground=1, adversary={"target_labels": False})
    plan = plan_patches(cases, config, epoch=0, sources=1)
    assert (plan.forced == (plan.domain == 0)).all() and (plan.labelled == (plan.domain == 0)).all()
    batches = list(make_patches(cases, plan, config))
    masks = np.concatenate([batch["mask"] for batch in batches])
    assert not masks[plan.domain == 1].any() and masks[plan.domain == 0].any(axis=(1, 2, 3, 4)).sum() >= 5


def test_slices_have_a_domain_too():
    cases = [volume(seed) for seed in range(2)]
    config = settings(patch=(1, 8, 8))
    batch = next(iter(make_patches(cases, plan_patches(cases, config, epoch=0, sources=1), config)))
    assert batch["image"].shape == (2, 8, 8, 2) and batch["domain"].shape == (2,)
