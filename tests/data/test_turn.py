"""Slices of another plane: the same voxels, other axes first, and back."""

import numpy as np
import pytest

from segan_tl.config.augment import AugmentConfig
from segan_tl.config.load import load_config
from segan_tl.data.augment import draw
from segan_tl.data.batches import make_patches
from segan_tl.data.cache import prepare_cases
from segan_tl.data.find.cases import find_cases
from segan_tl.data.prepare import Box, in_plane
from segan_tl.data.sample import plan_patches
from segan_tl.data.tissues import add_tissues
from segan_tl.data.turn import turn

PLANES = ("axial", "coronal", "sagittal")
PATCH = {"axial": "[1,32,32]", "coronal": "[1,32,16]", "sagittal": "[1,16,32]"}


def test_turned_by_hand():
    # voxel (d, h, w) holds 100 d + 10 h + w; two slices of three rows and four columns
    d, h, w = np.indices((2, 3, 4))
    volume = 100 * d + 10 * h + w
    assert turn(volume, "axial").tolist() == volume.tolist()
    coronal, sagittal = turn(volume, "coronal"), turn(volume, "sagittal")
    assert coronal.shape == (4, 3, 2) and coronal[3].tolist() == [[3, 103], [13, 113], [23, 123]]
    assert sagittal.shape == (3, 2, 4) and sagittal[2].tolist() == [[20, 21, 22, 23], [120, 121, 122, 123]]


@pytest.mark.parametrize("plane", PLANES)
def test_turning_twice_is_turning_back(plane):
    volume = np.random.default_rng(0).random((3, 4, 5, 2))
    assert np.array_equal(turn(turn(volume, plane), plane), volume)


def test_the_middle_of_slices_of_each_plane():
    assert [in_plane((9, 8, 7), (4, 2), axes=axes) for axes in ("DHW", "WHD", "HDW")] == [
        (4, 2, 7), (4, 8, 2), (9, 2, 4)
    ]  # fmt: skip
    box = Box((1, 0, 2), (7, 6, 5), (9, 6, 8))
    assert box.middle(3, 1, "WHD") == Box((3, 0, 4), (3, 6, 1), (9, 6, 8))
    assert box.middle(3, 2, "HDW") == Box((1, 2, 3), (7, 2, 3), (9, 6, 8))


@pytest.mark.parametrize(
    ("axes", "mirror_axes", "expected"),
    [
        ("DHW", ("H",), [False, True, False]),
        ("WHD", ("H",), [False, True, False]),  # left-right is in the rows of coronal slices, too
        ("HDW", ("H",), [False, False, False]),  # and across sagittal ones
        ("WHD", ("W", "D"), [False, False, True]),
        ("HDW", ("H", "W"), [False, False, True]),
    ],
)
def test_mirror_axes_are_those_of_the_head(axes, mirror_axes, expected):
    config, given = AugmentConfig(mirror=1.0, mirror_axes=mirror_axes), {"patch": (1, 8, 8), "channels": 1, "count": 3}
    drawn = draw(np.random.default_rng(0), config, **given, axes=axes)
    assert drawn["mirror"].tolist() == [expected] * 3
    plain = draw(np.random.default_rng(0), config, **given)
    assert all(np.array_equal(drawn[name], plain[name]) for name in drawn if name != "mirror")


def prepared(tiny_cohort, tiny_config, folder, plane):
    changes = [f"data.plane={plane}", f"data.patch={PATCH[plane]}", "data.crop=[40,44,16]"]
    config = load_config(tiny_config, changes)
    cohort = find_cases(tiny_cohort)
    cases, problems = prepare_cases(cohort.cases[:2], folder, config=config.data)
    assert not problems
    return config, cohort, cases


@pytest.mark.parametrize("plane", ["coronal", "sagittal"])
def test_prepared_cases_are_turned(tiny_cohort, tiny_config, tmp_path, plane):
    _, cohort, axial = prepared(tiny_cohort, tiny_config, tmp_path, "axial")
    config, _, turned = prepared(tiny_cohort, tiny_config, tmp_path, plane)
    for one, other in zip(axial, turned, strict=True):
        assert np.array_equal(other.image, turn(one.image[:], plane)) and other.image[:].flags["C_CONTIGUOUS"]
        assert np.array_equal(other.labels, turn(one.labels[:], plane)) and other.box == one.box
        assert all(other.labels[tuple(voxel)] for voxel in other.positions["wt"])
        assert other.plane == plane and one.plane == "axial"
    axial, turned = (add_tissues(cases, cohort.settings, tmp_path, jobs=1) for cases in (axial, turned))
    assert all(np.array_equal(other.tissues, turn(one.tissues[:], plane)) for one, other in zip(axial, turned))
    plan = plan_patches(turned, config, epoch=0)
    assert plan.corner[:, 0].max() > 16  # more slices than axial ones
    batch = next(iter(make_patches(turned, plan, config)))
    assert batch["image"].shape == (8, *config.data.patch[1:], 1)
