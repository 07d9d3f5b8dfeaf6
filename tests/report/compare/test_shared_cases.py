"""Cases that only some tables have: left out when asked for, and named."""

import pytest

from segan_tl.errors import UserError
from segan_tl.report.compare.score_tables import open_tables
from segan_tl.report.compare.shared_cases import share_cases


def table(path, *keys):
    path.write_text("\n".join(["case,region,dice", *(f"{case},{region},0.5" for case, region in keys)]) + "\n")
    return path


def test_what_is_shared_stays_and_the_rest_is_named(tmp_path):
    first = table(tmp_path / "a.csv", ("p0", "wt"), ("p0", "et"), ("p1", "wt"), ("p1", "et"), ("p2", "wt"))
    other = table(tmp_path / "b.csv", ("p1", "wt"), ("p2", "wt"), ("p3", "wt"))
    tables = open_tables([first, other])
    cut, remarks = share_cases(tables, ["wt"])
    assert [list(one.rows) for one in cut] == [[("p1", "wt"), ("p2", "wt")]] * 2
    assert remarks[0] == "left out, not in all: 2 of 4 cases (p0, p3)"
    assert remarks[1].endswith("a.csv lacks 1") and remarks[2].endswith("b.csv lacks 1")


def test_nothing_is_said_when_nothing_is_left_out(tmp_path):
    paths = [table(tmp_path / name, ("p0", "wt")) for name in ("a.csv", "b.csv")]
    assert share_cases(open_tables(paths), ["wt"])[1] == []


def test_nothing_in_common_is_refused(tmp_path):
    paths = [table(tmp_path / "a.csv", ("p0", "wt")), table(tmp_path / "b.csv", ("p1", "wt"))]
    with pytest.raises(UserError, match="all 2 have .*found none"):
        share_cases(open_tables(paths), ["wt"])
