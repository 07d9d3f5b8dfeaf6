"""Arrays on disk: what NumPy reads of them, and how few files stay open."""

import os
import pickle

import numpy as np
import pytest

from segan_tl.data.stored import MAPS, open_stored
from segan_tl.errors import UserError


def save(folder, array, name="a"):
    np.save(folder / f"{name}.npy", array)
    return open_stored(folder / f"{name}.npy")


def descriptors():
    return len(os.listdir("/proc/self/fd"))


@pytest.mark.parametrize("dtype", [np.uint8, np.float16, np.int32])
def test_it_reads_as_the_array_that_was_saved(dtype, tmp_path):
    array = np.arange(2 * 3 * 4).reshape(2, 3, 4).astype(dtype)
    stored = save(tmp_path, array)
    assert (stored.shape, stored.dtype, stored.size, len(stored)) == ((2, 3, 4), array.dtype, 24, 2)
    assert np.array_equal(stored[1, :, 2:], array[1, :, 2:]) and np.array_equal(stored, array)
    assert stored.astype(np.float32).dtype == np.float32 and np.array_equal(stored.astype(np.float32), array)
    # A function of NumPy takes it: along the last two axes the slices hold 0 to 11 and 12 to 23.
    assert np.any(np.asarray(stored) > 11, axis=(1, 2)).tolist() == [False, True]


def test_an_array_without_values_is_one(tmp_path):
    assert save(tmp_path, np.zeros((0, 4), np.int16))[:].shape == (0, 4)


def test_it_travels_to_another_process_without_its_values(tmp_path):
    stored = save(tmp_path, np.ones((100, 100)))
    content = pickle.dumps(stored)
    assert len(content) < 1000 and np.array_equal(pickle.loads(content), stored)


def test_fortran_order_and_objects_are_refused(tmp_path):
    for array in (np.ones((2, 3), order="F"), np.array([None, {}])):
        np.save(tmp_path / "odd.npy", array)
        with pytest.raises(ValueError, match="holds no array in C order"):
            open_stored(tmp_path / "odd.npy")


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="counts descriptors as Linux does")
def test_however_many_arrays_are_read_few_files_are_open(tmp_path):
    count = 3 * MAPS
    stored = [save(tmp_path, np.full(5, i), str(i)) for i in range(count)]
    before = descriptors()
    for _ in range(2):
        assert [int(one[0]) for one in stored] == list(range(count))
    assert descriptors() - before <= MAPS
    # A view outlives its place among the maps.
    view = stored[0][1:]
    assert [int(one[0]) for one in stored] == list(range(count)) and view.tolist() == [0] * 4


def test_a_file_that_was_cut_and_written_anew_is_read_anew(tmp_path):
    """A map of the file that was cut would end the process where it is touched."""
    first = save(tmp_path, np.zeros(100_000))
    assert not first[:].any()
    os.truncate(tmp_path / "a.npy", 200)
    (tmp_path / "b.npy").write_bytes(b"")
    np.save(tmp_path / "b.npy", np.ones(100_000))
    os.replace(tmp_path / "b.npy", tmp_path / "a.npy")
    assert open_stored(tmp_path / "a.npy")[:].all()


def test_a_file_that_is_gone_is_one_sentence(tmp_path):
    gone, cut = save(tmp_path, np.zeros(10_000), "gone"), save(tmp_path, np.zeros(10_000), "cut")
    gone.path.unlink()
    os.truncate(cut.path, 200)
    for stored in (gone, cut):
        with pytest.raises(UserError, match="removed or cut meanwhile; run the same command again"):
            stored[0]
