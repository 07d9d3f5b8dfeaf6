"""CSV and TSV files that were written before: what is refused, and in which words."""

import math
import os

import pytest

from segan_tl.errors import UserError
from segan_tl.schemas.tables import LARGEST_BYTES, read_metrics, read_numbers, read_table

HEADER = "case,region,dice,hd95_mm\n"


def write(tmp_path, content):
    path = tmp_path / "a.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_rows(tmp_path):
    path = write(tmp_path, '\ufeffcase,region,dice\r\n"a, the ""first""",wt,0.5\r\n\r\n"b\nb",wt,\r\n')
    assert read_table(path) == [
        {"case": 'a, the "first"', "region": "wt", "dice": "0.5"}, {"case": "b\nb", "region": "wt", "dice": ""},
    ]  # fmt: skip
    assert read_table(write(tmp_path, "a\tb\n1\n"), delimiter="\t", short=True) == [{"a": "1", "b": ""}]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"\xff\xfe" + HEADER.encode(), "no CSV file in UTF-8"),
        (HEADER.encode("utf-16"), "no CSV file in UTF-8"),
        ("", "expected the columns case and region and dice; found none"),
        ("case,dice\na,1\n", "expected the column region; found case, dice"),
        ("case,region,dice,dice\n", "expected every column once, found 'dice' twice"),
        (HEADER + "a,wt,0.5\n", "expected 4 cells, found 3 in line 2"),
        (HEADER + "a,wt,0.5,1,2\n", "expected 4 cells, found 5 in line 2"),
        (HEADER + '"a,wt,0.5,1\n', "no CSV file (unexpected end of data)"),
        (HEADER + "a" * 200_000 + ",wt,0.5,1\n", "no CSV file (field larger"),
        (HEADER + "a,wt,good,1\n", "expected a finite number as dice, found 'good'"),
        (HEADER + "a,wt,0.5,inf\n", "expected a finite number as hd95_mm, found 'inf'"),
        (HEADER + "a,wt,0.5,1e999\n", "expected a finite number as hd95_mm"),
        (HEADER + "a,wt,0.5,1\na,wt,0.6,1\n", "expected every case once, found a, wt twice"),
    ],
)
def test_metrics_of_another_shape(tmp_path, content, words):
    with pytest.raises(UserError) as caught:
        read_metrics(write(tmp_path, content))
    assert words in str(caught.value) and "a.csv" in str(caught.value) and "restore it" in str(caught.value)


def test_metrics_may_lack_a_number(tmp_path):
    (row,) = read_metrics(write(tmp_path, HEADER + "a,wt,0.5,nan\n"))
    assert row["dice"] == "0.5" and math.isnan(float(row["hd95_mm"]))


def test_numbers(tmp_path):
    (first,) = read_numbers(write(tmp_path, "epoch,dice\n1,\n"))
    assert first["epoch"] == 1 and math.isnan(first["dice"])
    with pytest.raises(UserError, match="expected a finite number as epoch, found 'one'"):
        read_numbers(write(tmp_path, "epoch\none\n"))


def test_a_huge_table_is_not_read(tmp_path):
    path = write(tmp_path, HEADER)
    os.truncate(path, LARGEST_BYTES + 1)
    with pytest.raises(UserError, match="expected at most 64 MiB"):
        read_metrics(path)


def test_the_byte_0_is_no_text(tmp_path):
    with pytest.raises(UserError, match="no CSV file .it holds the byte 0."):
        read_table(write(tmp_path, b"a,b\n\0,1\n"))
