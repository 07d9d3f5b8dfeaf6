"""One patient through the whole chain: what is recorded, what stays out, what is refused."""

from dataclasses import replace

import numpy as np
import pytest

from segan_tl.clinical.space.back import restore
from segan_tl.clinical.space.chain import choose_reference, prepare_patient
from segan_tl.clinical.space.record import read_record, transform_of, write_prepared
from segan_tl.clinical.space.steps import Settings
from segan_tl.data.files.images import Volume
from segan_tl.errors import UserError
from tests.small_heads import aligned_volumes, error_mm, small_head, small_space

QUICK = Settings(without=("bias", "rigid", "atlas", "brain"))


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    case = small_head()
    labels = Volume(case.labels["flair"], case.volumes["flair"].affine, case.volumes["flair"].geometry)
    settings = Settings(brain="cohort", substitute={"t1": "t1c"}, required=("t1", "t1c"), size=(64, 56, 40))
    done = prepare_patient(case.volumes, settings, small_space(), labels=labels)
    folder = tmp_path_factory.mktemp("prepared") / "P1"
    write_prepared(folder, "P1", done, key="k", mean=None, keep=False)
    return done, folder


def test_every_step_is_recorded_with_transform_and_seconds(prepared):
    _, folder = prepared
    record = read_record(folder)
    names = [step["name"] for step in record["steps"]]
    assert names == ["orientation"] * 2 + ["bias"] * 2 + ["rigid", "atlas"] + ["resample"] * 2 + [
        "brain", "substitute", "size",
    ]  # fmt: skip
    assert all(step["seconds"] >= 0 for step in record["steps"]) and record["failed"] == []
    lines = (folder / "prepare.json").read_text().splitlines()
    assert sum('"name":' in line for line in lines) == len(names)  # a line a step


def test_transforms_bring_both_sequences_home(prepared):
    record = read_record(prepared[1])
    for name in ("t1c", "flair"):
        distances = error_mm(transform_of(record, name), small_head(), name)
        assert distances.mean() < 3.0, (name, distances.mean())


def test_the_files_are_a_case(prepared):
    from segan_tl.data.find.cases import find_cases, load_case

    done, folder = prepared
    case = find_cases(folder).cases[0]
    assert sorted(case.images) == ["flair", "t1", "t1c"] and case.mask is not None
    loaded = load_case(case, ("t1", "t1c", "flair"))
    assert loaded.image.shape == (64, 56, 40, 3)
    np.testing.assert_array_equal(loaded.image[..., 0], loaded.image[..., 1])  # T1c stands in for T1
    assert not loaded.image[~done.brain].any() and (folder / "quality.png").stat().st_size > 10_000


def test_labels_there_and_back(prepared):
    """On voxels of 4 mm; the grids of a patient are finer, so some of it is lost. What is lost at 1 mm: benchmarks."""
    done, folder = prepared
    back, truth = restore(done.labels, read_record(folder), "flair"), small_head().labels["flair"]
    assert back.shape == truth.shape and set(np.unique(back)) <= set(np.unique(truth))
    overlap = 2 * np.count_nonzero((back > 0) & (truth > 0)) / (np.count_nonzero(back) + np.count_nonzero(truth))
    assert overlap > 0.9, overlap


def test_probabilities_come_back_as_such(prepared):
    done, folder = prepared
    share = (done.labels > 0).astype(np.float32)
    back = restore(np.stack([share, 1 - share], axis=-1), read_record(folder), "t1c")
    assert back.shape == (*small_head().labels["t1c"].shape, 2) and back.dtype == np.float32
    inside = back.sum(axis=-1) > 0.999
    assert 0 < back[..., 0].max() <= 1 and inside.mean() > 0.3


@pytest.mark.parametrize(
    "change, message",
    [
        ({"onto": "t2"}, "expected a sequence that P1 has: t1c, flair; found t2"),
        ({"values": np.zeros((4, 4, 4), np.uint8)}, "64×56×40; found 4×4×4"),
    ],
)
def test_no_way_back(prepared, change, message):
    arguments = {"values": prepared[0].labels, "record": read_record(prepared[1]), "onto": "flair"} | change
    with pytest.raises(UserError, match=message):
        restore(**arguments)


def test_every_step_can_be_left_out():
    done = prepare_patient({"t1c": aligned_volumes()["t1c"]}, QUICK, None)
    assert [step.name for step in done.steps] == ["orientation", "resample"]
    assert done.brain is None and done.geometry.spacing_mm == (1.0, 1.0, 1.0)


def test_a_sequence_that_lies_elsewhere_fails():
    """FLAIR is 12 mm off: nearer to T1c they would tell more of each other."""
    volumes = dict(aligned_volumes())
    moved = np.roll(volumes["flair"].data, 8, axis=1)
    volumes["flair"] = replace(volumes["flair"], data=moved)
    assert prepare_patient(aligned_volumes(), QUICK, None).failed == []
    assert len(prepare_patient(volumes, QUICK, None).failed) == 1


def test_the_finest_is_the_reference():
    volumes = small_head().volumes
    assert choose_reference(volumes, None) == "t1c"  # as fine as FLAIR, and preferred
    assert choose_reference(volumes, "flair") == "flair"
    with pytest.raises(UserError, match="--reference names; found t1c, flair"):
        choose_reference(volumes, "t2")


def test_what_is_refused():
    volume = small_head().volumes["t1c"]
    flat = replace(volume, data=np.full_like(volume.data, 7))
    with pytest.raises(UserError, match="expected a head in t1c; found that the image is empty: every voxel is 7"):
        prepare_patient({"t1c": flat}, QUICK, None)
    with pytest.raises(UserError, match="found t1c; add t2, or let another stand in with --substitute t2=t1c"):
        prepare_patient({"t1c": volume}, replace(QUICK, required=("t1c", "t2")), None)
    other = Volume(volume.data[:-1], volume.affine, replace(volume.geometry, shape=(79, 80, 40)))
    with pytest.raises(UserError, match="expected a mask on the grid of t1c; found that its grid is 79×80×40"):
        prepare_patient({"t1c": volume}, replace(QUICK, without=(), brain="mask"), None, mask=other)


def test_two_sequences_of_different_heads_fail():
    """Half of the head is cut away from FLAIR: the overlap tells."""
    done = prepare_patient(aligned_volumes(cut=True), QUICK, None)
    assert len(done.failed) == 1 and "flair does not lie over t1c: their heads overlap by 0." in done.failed[0]
