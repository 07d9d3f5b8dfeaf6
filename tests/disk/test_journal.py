"""What is done so far: read again after a kill at any byte, and never of other files or settings."""

import math

import numpy as np
import pytest

from segan_tl.disk.journal import HEADER, Journal, journal_path, key_of
from segan_tl.errors import CannotWrite, UserError


def test_what_was_added_is_found_with_every_digit(tmp_path):
    journal = Journal(tmp_path / "a.partial")
    assert not journal.found and not journal.path.exists()
    journal.add("a", {"dice": np.float64(0.1) + 0.2, "hd95": math.inf, "voxels": np.int64(7)})
    journal.add("b", [math.nan, None, "é"])
    found = Journal(journal.path).found
    assert found["a"] == {"dice": 0.1 + 0.2, "hd95": math.inf, "voxels": 7}
    assert math.isnan(found["b"][0]) and found["b"][1:] == [None, "é"]
    journal.remove()
    journal.remove()
    assert not list(tmp_path.iterdir())


def test_cut_at_any_byte_whole_lines_count_and_it_goes_on(tmp_path):
    path = tmp_path / "a.partial"
    journal = Journal(path)
    for key in "abc":
        journal.add(key, {"text": key * 3})
    content = path.read_bytes()
    for length in range(len(content) + 1):
        path.write_bytes(content[:length])
        journal = Journal(path)
        assert list(journal.found) == list("abc")[: len(journal.found)]
        assert all(value == {"text": key * 3} for key, value in journal.found.items())
        journal.add("d", 4)
        assert Journal(path).found == journal.found | {"d": 4}
    # Whole: the last line counts without its end, too.
    assert len(journal.found) == 3


@pytest.mark.parametrize("line", ["x", "[]", '{"key": "a"}', '{"key": "a", "value": 1, "more": 2}', "[" * 10**5])
def test_a_line_that_is_none_of_ours_does_not_count(line, tmp_path):
    (tmp_path / "a.partial").write_text(f"{HEADER}{line}\n")
    assert Journal(tmp_path / "a.partial").found == {}


@pytest.mark.parametrize("content", ["x", "[]", '{"journal": "another"}\n'])
def test_a_file_of_somebody_else_is_left_as_it_is(content, tmp_path):
    (tmp_path / "a.partial").write_text(content)
    with pytest.raises(UserError, match="segan_tl did not make it"):
        Journal(tmp_path / "a.partial")
    assert (tmp_path / "a.partial").read_text() == content


def test_keys_follow_all_their_parts(tmp_path):
    parts = ["a", 1, ("t1", "t2"), {"b": 2.0}, tmp_path]
    assert key_of(*parts) == key_of(*parts)
    assert len({key_of(*parts), key_of(*parts[:-1]), key_of("a", 2, *parts[2:]), key_of("b", *parts[1:])}) == 4
    assert journal_path(tmp_path / "scores.csv") == tmp_path / ".scores.csv.partial"


def test_a_full_disk_is_one_sentence(small_disk):
    journal = Journal(small_disk(8) / "a.partial")
    with pytest.raises(CannotWrite, match="the disk is full"):
        journal.add("a", "x" * 100_000)
