"""What a training's cases looked like, and what of a scan lies far outside: hand-worked numbers, then real scans."""

import numpy as np
import pytest

from segan_tl.data.find.cases import find_cases, read_case
from segan_tl.data.fingerprint import (
    fingerprint_case,
    fingerprint_cohort,
    from_array,
    implausible_volume,
    is_outside,
    to_array,
    unlike_training,
)

SPACING_MM = (1.0, 2.0, 5.0)


def numbers(**changes) -> dict[str, float]:
    """Return a case as BraTS has them: a head of 1400 ml, T2's third quartile below T1's."""
    found = {f"spacing_mm.{axis}": 1.0 for axis in "hwd"} | {"extent_mm.h": 240.0, "extent_mm.w": 240.0}
    found |= {"extent_mm.d": 155.0, "head_ml": 1400.0, "head_share": 0.16, "wt.ml": 80.0}
    found |= {"t1.quartile": 0.9, "t2.quartile": 0.7, "t2-t1.quartile": -0.2, "flair.quartile": 0.8}
    return found | {"t1.below_air": 0.0} | changes


COHORT = fingerprint_cohort(
    [numbers(), numbers(head_ml=1250.0, **{"wt.ml": 12.0}), numbers(head_ml=1550.0, **{"wt.ml": 230.0})],
    regions=("wt",),
)


def test_the_numbers_of_a_case():
    flair = np.zeros((4, 5, 2))
    flair[:2] = np.arange(20).reshape(2, 5, 2) - 1.0  # 19 voxels of the head: −1 and 1 to 18; one more is 0
    t2 = np.zeros((4, 5, 2))
    t2[3, 0, 0] = 7
    labels = np.zeros((4, 5, 2), np.uint8)
    labels[0, 0], labels[1, 1] = 2, 1  # two voxels of oedema, two of necrosis
    found = fingerprint_case({"t2": t2, "flair": flair}, spacing_mm=SPACING_MM, labels=labels)
    assert [found[f"extent_mm.{axis}"] for axis in "hwd"] == [4, 10, 10]
    # 20 voxels of 10 mm³ are not 0 in one or the other; 20 of 40.
    assert found["head_ml"] == pytest.approx(0.2) and found["head_share"] == 0.5
    # Of −1, 1 … 18, in steps from 0 to 18: the third quartile lies at step 13.5, between 13 and 14; the 95th percentile
    # at 17.1, between 17 and 18.
    assert found["flair.quartile"] == pytest.approx(13.5 / 17.1, rel=1e-4)
    assert found["flair.below_air"] == pytest.approx(1 / 19, rel=1e-4)
    assert found["t2.quartile"] == 1 and "t2-flair.quartile" not in found
    assert (found["wt.ml"], found["tc.ml"], found["et.ml"]) == pytest.approx((0.04, 0.02, 0))
    assert from_array(to_array(found)) == found


def test_a_scale_does_not_matter_and_an_empty_image_has_numbers():
    image = np.random.default_rng(0).integers(0, 900, (6, 6, 6)).astype(np.float32)
    whole = fingerprint_case({"t1": image}, spacing_mm=SPACING_MM)
    assert fingerprint_case({"t1": image * 37.5}, spacing_mm=SPACING_MM) == pytest.approx(whole)
    empty = fingerprint_case({"t1": np.zeros((6, 6, 6))}, spacing_mm=SPACING_MM)
    assert empty["head_ml"] == 0 and empty["t1.quartile"] == 0 and not any(np.isnan(list(empty.values())))


def test_a_cohort_tells_its_spread_and_no_case():
    cases = [numbers(head_ml=float(volume_ml), **{"et.ml": 1.0}) for volume_ml in range(1000, 1101)]
    found = fingerprint_cohort(cases, regions=["wt"])
    assert found["cases"] == 101 and "et.ml" not in found["quantities"]
    assert found["quantities"]["head_ml"] == {"lowest": 1000, "low": 1005, "high": 1095, "highest": 1100}


@pytest.mark.parametrize(
    ("value", "cases", "outside"),
    # Range 10 to 12, floor 1: wider than its width of 2 only for one case (1 · (1 + 1/1) = 2, the same) …
    [(14, 100, False), (14.01, 100, True), (8, 100, False), (7.99, 100, True)],
)
def test_the_range_is_widened_by_its_width(value, cases, outside):
    assert is_outside(value, {"low": 10, "high": 12}, 1, cases=cases) == outside


@pytest.mark.parametrize(("cases", "inside", "outside"), [(1, 11.99, 12.01), (4, 11.24, 11.26), (1000, 11, 11.01)])
def test_few_cases_widen_the_floor(cases, inside, outside):
    # One value of 10, floor 1: 10 + 1 + 1/n.
    spread = {"low": 10, "high": 10}
    assert not is_outside(inside, spread, 1, cases=cases) and is_outside(outside, spread, 1, cases=cases)


def test_ratios():
    # A factor of 2 widens 10 to 20 to 5 and 40; nothing is farther than any factor.
    spread = {"low": 10, "high": 20}
    assert [is_outside(v, spread, 0.1, cases=9, ratio=True) for v in (4.9, 5.1, 39, 41, 0)] == [1, 0, 0, 1, 1]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, []),
        ({"spacing_mm.d": 5.5}, ["slices are 5.5 mm thick (training: 1)"]),
        (
            {f"spacing_mm.{axis}": 2.0 for axis in "hwd"},
            ["voxels measure 2 × 2 × 2 mm (training: 1 × 1 × 1)"],
        ),
        (
            {"extent_mm.h": 182.0, "extent_mm.w": 218.0, "extent_mm.d": 182.0},
            ["the image covers 182 × 218 × 182 mm (training: 240 × 240 × 155): not brought to the same space?"],
        ),
        (
            {"head_ml": 5985.0, "head_share": 0.97},
            [
                "what is not 0, the head, has 5985 ml, 97 % of the image (training: 1250 to 1550 ml, 16 %): skull or "
                "air not removed? predict --like prepares it"
            ],
        ),
        (
            {"head_ml": 400.0, "head_share": 0.05},
            [
                "what is not 0, the head, has 400 ml, 5 % of the image (training: 1250 to 1550 ml, 16 %): cut off, or "
                "more removed?"
            ],
        ),
        ({"t1.below_air": 0.44}, ["44 % of t1 is darker than air (training: 0 %): scaled in another way?"]),
        (
            {"t1.quartile": 0.5},
            ["t1 looks unlike the training's: its third quartile is 0.50 of its bright end (training: 0.90)"],
        ),
        # 0.9 − 0.12 · 4/3 = 0.74 and 0.8 − 0.3 · 4/3 = 0.4
        ({"t1.quartile": 0.75, "flair.quartile": 0.41}, []),
        (
            {"t2-t1.quartile": 0.2},
            [
                "t2 and t1 look exchanged: on the way to its bright end the third quartile of t2 lies above that "
                "of t1, in every training case below"
            ],
        ),
        ({"t2-t1.quartile": 0.05}, []),
        ({"wt.ml": 700.0}, ["wt of 700 ml (training: 12 to 230 ml)"]),
        ({"wt.ml": 0.0}, ["no wt (training: 12 to 230 ml)"]),
        ({"wt.ml": 1.0, "spacing_mm.h": 0.8}, []),
    ],
)
def test_what_is_far_outside_is_said(changes, expected):
    assert unlike_training(numbers(**changes), COHORT) == expected


def test_finer_voxels_are_no_difference_where_images_are_resampled():
    coarse = fingerprint_cohort([numbers(**{f"spacing_mm.{axis}": 2.0 for axis in "hwd"})], regions=())
    assert unlike_training(numbers(), coarse) == ["voxels measure 1 × 1 × 1 mm (training: 2 × 2 × 2)"]
    assert unlike_training(numbers(), coarse, target_mm=2) == []
    assert unlike_training(numbers(**{"spacing_mm.d": 5.5}), coarse, target_mm=2) == [
        "slices are 5.5 mm thick (training: 2)"
    ]


def test_a_region_that_a_training_case_lacks_may_be_missing():
    cohort = fingerprint_cohort([numbers(**{"wt.ml": 0.0}), numbers()], regions=("wt",))
    assert implausible_volume("wt", 0, cohort) is None and implausible_volume("tc", 5000, cohort) is None


# === Real scans ===


def read_numbers(case, modalities):
    checked = read_case(case, modalities, need_mask=False)
    return fingerprint_case(checked.images, spacing_mm=checked.geometry.in_lps.spacing_mm)


@pytest.mark.slow
@pytest.mark.real_data
def test_a_raw_scan_and_another_space_are_told_and_other_brats_cases_are_not(real_data):
    cases = find_cases(real_data / "brats2021").cases
    cohort = fingerprint_cohort([read_numbers(case, ("flair",)) for case in cases[:4]], regions=())
    for case in (*cases[4:5], *find_cases(real_data / "brats2018").cases[:3]):
        assert unlike_training(read_numbers(case, ("flair",)), cohort) == [], case.id
    (raw,) = find_cases(real_data / "unprocessed").cases
    said = unlike_training(read_numbers(raw, ("flair",)), cohort)
    assert said[0] == "slices are 5.5 mm thick (training: 1)" and "skull or air not removed?" in said[2]
    for patient in find_cases(real_data / "ms").cases:
        (said,) = unlike_training(read_numbers(patient, ("flair",)), cohort)
        assert said.startswith("the image covers 182 × 218 × 182 mm (training: 240 × 240 × 155)")


@pytest.mark.slow
@pytest.mark.real_data
@pytest.mark.timeout(600)
def test_no_false_alarm_among_18_patients_of_six_sites(real_data):
    modalities = ("t1", "t1c", "t2", "flair")
    cases = [case for name in ("brats2021", "brats2018") for case in find_cases(real_data / name).cases]
    read = {case.id: read_numbers(case, modalities) for case in cases}
    generator = np.random.default_rng(0)
    for _ in range(300):
        training = set(generator.choice(list(read), generator.integers(1, 10), replace=False).tolist())
        cohort = fingerprint_cohort([read[name] for name in training], regions=())
        for name in read.keys() - training:
            assert unlike_training(read[name], cohort) == [], (name, training)
    cohort = fingerprint_cohort([read[name] for name in list(read)[:8]], regions=())
    assert all(unlike_training(exchanged(case), cohort) for case in read.values())


def exchanged(case: dict[str, float]) -> dict[str, float]:
    """Return the numbers of a case whose T1 and T2 have changed places."""
    changed = case | {"t1.quartile": case["t2.quartile"], "t2.quartile": case["t1.quartile"]}
    names = [name for name in case if name.startswith("t2-")]
    return changed | {name: changed["t2.quartile"] - changed[f"{name[3:]}"] for name in names}
