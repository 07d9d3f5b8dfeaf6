"""Registration finds known movements of synthetic heads, from far away, and says when there is nothing to find."""

import numpy as np
import pytest

from segan_tl.clinical.space.quality import Fit, fault_of_affine, fault_of_likeness, likeness, mutual_information
from segan_tl.clinical.space.register import Picture, register
from tests.small_heads import error_mm, small_head, small_space


@pytest.fixture(scope="module")
def onto_space():
    case, space = small_head(), small_space()
    fixed = Picture(space.images["t1c"], space.geometry.affine, space.brain > 0)
    return register(fixed, Picture(case.volumes["t1c"].data, case.volumes["t1c"].affine), kind="affine")


def test_a_moved_shaded_head_with_its_skull_is_brought_to_its_brain(onto_space):
    distances = error_mm(onto_space.matrix, small_head(), "t1c")
    assert distances.mean() < 3.0 and distances.max() < 6.0, (distances.mean(), distances.max())  # pixels of 3 mm


def test_rigid_of_two_sequences():
    case = small_head()
    fixed, moving = (Picture(case.volumes[name].data, case.volumes[name].affine) for name in ("t1c", "flair"))
    found = register(fixed, moving, kind="rigid").matrix
    np.testing.assert_allclose(found[:3, :3] @ found[:3, :3].T, np.eye(3), atol=1e-6)
    distances = error_mm(case.transforms["t1c"] @ found, case, "flair")
    assert distances.mean() < 1.5 and distances.max() < 3.0, (distances.mean(), distances.max())


def test_information_by_hand():
    """Two equal halves tell log 2 of each other; two that have nothing to do with each other tell nothing."""
    one = np.array([0, 0, 1, 1])
    assert mutual_information(one, 3 * one + 2) == pytest.approx(np.log(2))
    assert mutual_information(one, np.array([0, 1, 0, 1])) == pytest.approx(0)


def test_faults_are_sentences():
    assert Fit(0.95, 0.5, 0.3).fault("t2", "t1c") is None
    assert "their heads overlap by 0.41" in Fit(0.41, 0.5, 0.3).fault("t2", "t1c")
    assert "8 mm away they tell more" in Fit(0.95, 0.3, 0.31).fault("t2", "t1c")
    assert fault_of_affine(np.diag([1.1, 0.9, 1.0, 1.0])) is None
    assert "scaled by 0.40 to 1.00" in fault_of_affine(np.diag([0.4, 1.0, 1.0, 1.0]))
    assert "scaled" in fault_of_affine(np.diag([-1.0, 1.0, 1.0, 1.0]))  # a mirrored head is another one


def test_likeness_of_nothing_is_zero():
    space = small_space()
    mean, brain = space.images["t1c"], space.brain > 0
    assert likeness(np.ones(mean.shape), mean, brain, edge_mm=4.0) == {"here": 0, "shifted": 0}
    same = likeness(mean, mean, brain, edge_mm=4.0)
    assert same["here"] > 0.95 > same["shifted"] and fault_of_likeness({"t1c": same}) is None


def test_a_brain_that_lies_elsewhere_is_said():
    """8 mm off: back there it is more like the mean image than here."""
    space = small_space()
    mean, brain = space.images["t1c"], space.brain > 0
    found = {"t1c": likeness(np.roll(mean, 2, axis=1), mean, brain, edge_mm=4.0)}
    assert "does not lie in the cohort's space" in fault_of_likeness(found) and fault_of_likeness({}) is None


@pytest.mark.parametrize("seed", [0, 41])  # with 41 an affine climb ran away by 17 mm
def test_the_same_again_and_no_climb_runs_away(onto_space, seed):
    case, space = small_head(), small_space()
    fixed = Picture(space.images["t1c"], space.geometry.affine, space.brain > 0)
    moving = Picture(case.volumes["t1c"].data, case.volumes["t1c"].affine)
    found = register(fixed, moving, kind="affine", seed=seed)
    if seed == 0:
        np.testing.assert_allclose(found.matrix, onto_space.matrix, atol=1e-5)
    assert error_mm(found.matrix, case, "t1c").mean() < 3.0
