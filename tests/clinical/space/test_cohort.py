"""The mean image of a cohort: by hand, made once, made again when a case changes, refused where there is none."""

import numpy as np
import pytest

from segan_tl.clinical.space.cohort import atlas_space, read_space, take_space
from segan_tl.data.files.geometry import Geometry
from segan_tl.data.files.images import write_volume
from segan_tl.data.find.cases import find_cases
from segan_tl.errors import UserError

SHAPE = (8, 8, 8)
AFFINE = np.diag([-1.0, -1.0, 1.0, 1.0])


def write_case(folder, name, *, scale=1.0, affine=AFFINE, wide=3, shape=SHAPE):
    """Write FLAIR of a case: a cube whose intensities rise along H, times `scale`."""
    image = np.zeros(shape, np.float32)
    image[2 : 2 + wide, 2:5, 2:5] = scale * np.arange(1, wide + 1)[:, None, None]
    write_volume(folder / name / f"{name}_flair.nii.gz", image, Geometry(shape, affine))


@pytest.fixture
def cohort(tmp_path):
    for name, scale in (("P1", 1.0), ("P2", 100.0)):
        write_case(tmp_path / "cohort", name, scale=scale)
    return tmp_path


def take(place):
    return take_space(find_cases(place / "cohort").cases, place / "kept", name="cohort")


def test_the_mean_by_hand(cohort):
    """Both cases are 1, 2, 3 but for a scale: 1st and 99th percentile are 1 and 3, so the mean is 0, 0.5, 1."""
    space, made = take(cohort)
    assert made and space.cases == 2 and space.geometry.shape == SHAPE
    np.testing.assert_allclose(space.images["flair"][2:5, 3, 3], [0, 0.5, 1], atol=1e-6)
    assert space.brain[2:5, 2:5, 2:5].min() == 1 and space.brain.sum() == 27
    assert space.landmarks["flair"][0] == 0 and space.landmarks["flair"][-1] == 100


def test_it_is_made_once_and_again_when_a_case_changes(cohort):
    first, _ = take(cohort)
    again, made = take(cohort)
    assert not made and again.digest == first.digest
    np.testing.assert_array_equal(again.images["flair"], first.images["flair"])
    assert again.landmarks == first.landmarks
    write_case(cohort / "cohort", "P2", wide=4)
    changed, made = take(cohort)
    assert made and changed.brain[5, 3, 3] == 0.5


def test_cases_on_two_grids_have_none(cohort):
    write_case(cohort / "cohort", "P3", shape=(9, 8, 8))
    with pytest.raises(UserError, match="one grid for its mean image; found case P3: its grid is 9×8×8"):
        take(cohort)


def test_heads_with_their_skull_have_none(cohort):
    rng = np.random.default_rng(0)
    write_volume(cohort / "cohort" / "P1" / "P1_flair.nii.gz", rng.random(SHAPE, np.float32), Geometry(SHAPE, AFFINE))
    with pytest.raises(UserError, match="brains are extracted; found case P1 with 100% of its volume not empty"):
        take(cohort)


def test_what_is_kept_is_read_with_care(cohort):
    take(cohort)
    (cohort / "kept" / "space.json").write_text("{}")
    with pytest.raises(UserError, match="space.json is damaged.*remove its folder, and it is made again"):
        read_space(cohort / "kept")


def test_an_atlas_of_one_s_own(cohort):
    space = atlas_space(cohort / "cohort" / "P1" / "P1_flair.nii.gz")
    assert list(space.images) == ["atlas"] and space.image_for("t2") is space.images["atlas"]
    assert space.images["atlas"].max() == pytest.approx(1, abs=0.01) and space.brain.sum() == 27
