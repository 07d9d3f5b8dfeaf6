"""A brain onto the mean of a cohort comes out as large as it is there, and the way half way by hand."""

import numpy as np
import pytest

from segan_tl.clinical.space.brains import half_way, register_brain
from segan_tl.clinical.space.cohort import Space
from segan_tl.clinical.space.resample import resample_onto
from tests.small_heads import small_space


def fading_space() -> Space:
    """Return a mean of five cases of other sizes, which fades at its rim as that of a cohort does."""
    space, affine, images, brains = small_space(), small_space().geometry.affine, [], []
    middle = (affine @ [*np.argwhere(space.brain > 0.5).mean(axis=0), 1])[:3]
    for size in (0.92, 0.96, 1.0, 1.04, 1.08):
        matrix = np.diag([size, size, size, 1.0])
        matrix[:3, 3] = middle - size * middle
        images.append(resample_onto(space.images["t1c"], affine, space.geometry, transform=matrix))
        brains.append(resample_onto(space.brain, affine, space.geometry, transform=matrix) >= 0.5)
    means = {"t1c": np.mean(images, axis=0).astype(np.float32)}
    return Space("five", "", means, np.mean(brains, axis=0).astype(np.float32), space.geometry, {}, 5)


def test_a_brain_comes_out_as_large_as_the_mean_one():
    """Within 4 % of the volume: by one way alone it is 13 % too small."""
    space, own = fading_space(), small_space()
    image, brain = own.images["t1c"], own.brain > 0.5
    found = register_brain(image, own.geometry.affine, brain, space, "t1c").matrix
    there = resample_onto(brain, own.geometry.affine, space.geometry, transform=found) >= 0.5
    assert there.sum() / (space.brain >= 0.5).sum() == pytest.approx(1.0, abs=0.04)


def test_both_ways_give_one_answer_for_a_moved_brain():
    """The same brain 10 mm away and 10 % larger is brought back: half way between two right answers is right."""
    space, own = small_space(), small_space()
    matrix = np.diag([1.1, 1.1, 1.1, 1.0])
    matrix[:3, 3] = (10.0, -6.0, 4.0)
    affine = np.linalg.inv(matrix) @ own.geometry.affine
    found = register_brain(own.images["t1c"], affine, own.brain > 0.5, space, "t1c").matrix
    points = np.c_[np.argwhere(own.brain > 0.5)[::50], np.ones(len(np.argwhere(own.brain > 0.5)[::50]))] @ affine.T
    distances = np.linalg.norm((points @ (found - matrix).T)[:, :3], axis=1)
    assert distances.mean() < 1.0, distances.mean()  # voxels of 4 mm


def test_half_way_by_hand():
    """Of 2 and 8 that is 4; of 0 and 10 mm, 5 mm; of turns by 10 and 30 degrees, 20."""
    np.testing.assert_allclose(half_way(np.diag([2.0, 1, 1, 1]), np.diag([8.0, 1, 1, 1])), np.diag([4.0, 1, 1, 1]))
    moved = np.eye(4)
    moved[:3, 3] = (0, 10, 0)
    assert half_way(moved, np.eye(4))[1, 3] == pytest.approx(5)
    one, other, wanted = (turned(degrees) for degrees in (10, 30, 20))
    np.testing.assert_allclose(half_way(one, other), wanted, atol=1e-12)


def turned(degrees: float) -> np.ndarray:
    """Return a turn about the last axis."""
    cosine, sine = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return np.array([[cosine, -sine, 0, 0], [sine, cosine, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])
