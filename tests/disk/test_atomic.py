"""A CSV file as it is written: named columns, every digit, nothing for what is not there."""

import csv

from segan_tl.disk.atomic import write_csv


def test_columns_and_digits(tmp_path):
    path = tmp_path / "scores.csv"
    write_csv(path, ("case", "dice"), [{"dice": 1 / 3, "case": "a, b", "seconds": 1.0}, {"case": "c", "dice": None}])
    assert path.read_bytes().startswith(b"case,dice\n")
    with path.open(newline="") as file:
        first, second = csv.DictReader(file)
    assert first == {"case": "a, b", "dice": repr(1 / 3)} and second == {"case": "c", "dice": ""}
