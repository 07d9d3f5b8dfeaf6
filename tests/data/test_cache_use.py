"""A cache in use is left alone; what is removed is prepared, old and ours."""

import os
import subprocess
import sys
import time

import numpy as np
import pytest

from segan_tl.data.arrays import write_arrays
from segan_tl.data.cache_use import DAY_SECONDS, LOCK, find_prepared, hold, remove_unused, touch
from segan_tl.errors import UserError


@pytest.fixture
def cache(tmp_path):
    """Return a cache of two cases: images used 40 and 2 days ago; and what others have put there."""
    folder = tmp_path / "cache"
    for case, days in (("a", 40), ("b", 2)):
        path = folder / case / f"image-{'0' * 20}.npy"
        write_arrays({"image": path}, {"image": (np.zeros(100), "0" * 64)})
        old = time.time() - days * DAY_SECONDS
        os.utime(path, (old, old))
    np.save(folder / "a" / f"labels-{'1' * 20}.npy", np.zeros(100))  # without proof: not written here
    (folder / "a" / "notes.npy").write_bytes(b"x" * 100)
    (folder / "phantom").mkdir()
    (folder / "phantom" / "t1.nii.gz").write_bytes(b"x")
    return folder


def test_only_what_is_ours_is_counted_with_its_last_use(cache):
    find_prepared(cache)
    found = find_prepared(cache)  # looking is no use
    assert [file.path.parent.name for file in found] == ["a", "b"]
    assert [file.unused_days for file in found] == pytest.approx([40, 2], abs=0.01)
    # 128 bytes of header, 100 float64, 80 bytes of proof.
    assert [file.size_bytes for file in found] == [128 + 800 + 80] * 2


def test_what_is_old_goes_and_all_else_stays(cache):
    assert [file.path.parent.name for file in remove_unused(cache, days=30)] == ["a"]
    assert sorted(path.name for path in (cache / "a").iterdir()) == [f"labels-{'1' * 20}.npy", "notes.npy"]
    assert (cache / "phantom" / "t1.nii.gz").is_file()
    assert len(remove_unused(cache, days=0)) == 1 and not (cache / "b").exists() and (cache / "a").is_dir()


def test_what_is_used_is_young_and_written_when_it_was(cache):
    file = find_prepared(cache)[0].path
    written = file.stat().st_mtime_ns
    touch([file, cache / "a" / "gone.npy"])
    assert find_prepared(cache)[0].unused_days < 0.01 and file.stat().st_mtime_ns == written
    assert not remove_unused(cache, days=30)


def test_a_cache_that_a_process_holds_is_left_alone_until_it_ends(cache):
    code = f"import sys; from pathlib import Path; from segan_tl.data.cache_use import hold\nhold(Path({str(cache)!r}))"
    command = [sys.executable, "-c", f"{code}\nprint('held', flush=True)\nsys.stdin.read()"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "held\n"
        with pytest.raises(UserError, match="one does now; wait for it"):
            remove_unused(cache, days=0)
        assert len(find_prepared(cache)) == 2
        process.communicate()
    assert len(remove_unused(cache, days=0)) == 2


def test_a_cache_is_made_where_it_is_held(tmp_path):
    hold(tmp_path / "new")
    hold(tmp_path / "new")
    assert (tmp_path / "new" / LOCK).is_file()
