"""Cases that may be of one patient: named, never joined."""

import numpy as np
import pytest

from segan_tl.data.files.images import Source
from segan_tl.data.find.case import Case
from segan_tl.data.find.lookalikes import alike, doubts, twice


def cases(*ids):
    return [Case(case, {}) for case in ids]


@pytest.mark.parametrize(
    "ids, expected",
    [
        (("P7_1", "P7_2", "P8_1"), [["P7_1", "P7_2"]]),
        (("case01a", "case01b", "case02a"), [["case01a", "case01b"]]),
        (("3-0002", "3-0109", "4-0007"), [["3-0002", "3-0109"]]),
        (("smith_20190312", "smith_20200107", "jones_20200107"), [["smith_20190312", "smith_20200107"]]),
        (("case_1", "case_2", "glioma_1", "glioma_2"), []),  # a beginning without a number is nobody
        (tuple(f"H1_{i:03}" for i in range(30)) + ("H2_001",), []),  # a numbering
        (("H1_001", "H1_002", "H1_003"), []),  # of all there is
        (("BraTS20_Training_001", "BraTS20_Training_002", "P7_1"), []),  # known to be different people
        (("sub-01_ses-1", "sub-01_ses-2", "P8"), []),  # known to be one
        (("P7_pre", "P7_post", "P8"), []),
    ],
)
def test_names_that_are_alike(ids, expected):
    assert alike(cases(*ids)) == expected


def test_what_is_stated_is_no_doubt():
    stated = [Case(case, {}, stated_patient=case) for case in ("P7_1", "P7_2")]
    assert alike([*stated, *cases("P8_1", "P9")]) == []


def test_the_same_scan_under_two_names(tmp_path):
    generator = np.random.default_rng(0)
    contents = {"a": generator.bytes(9000), "c": generator.bytes(9000)}
    contents |= {"b": contents["a"], "d": contents["c"][:-1] + b"x"}  # d differs from c in its last byte
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    found = [Case(name, {"t1": Source(tmp_path / name)}) for name in sorted(contents)]
    assert twice(found) == [["a", "b"]]
    assert twice([Case(name, found[i].images, stated_patient="x") for i, name in enumerate(("one", "two"))]) == []
    channels = Case("e", {"t1": Source(tmp_path / "c", 0), "t2": Source(tmp_path / "c", 1)})
    assert twice([channels]) == []
    (line,) = doubts(found)
    assert line.startswith("note: a, b hold the same scan and count as several patients; if they are, say so with")


def test_the_first_groups_are_named_and_the_others_counted():
    (line,) = doubts(cases(*(f"P{i}_{scan}" for i in range(5) for scan in (1, 2))))
    assert line.startswith("note: P0_1, P0_2 and P1_1, P1_2 and P2_1, P2_2 and 2 more groups look like scans of one")
    assert doubts(cases("a", "b")) == []
