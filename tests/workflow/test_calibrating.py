"""What `calibrate` prints fits into 80 columns: a line a region and place, none of them broken."""

import pytest

from segan_tl.workflow import calibrating
from tests.terminal import printed_at, table_lines

PAIR = {"before": 0.01234, "after": 0.0023}
PLACES = {place: {"calibration_error": PAIR, "brier": PAIR} for place in ("brain", "border")}


@pytest.mark.parametrize("regions", [("wt",), ("wt", "tc", "et"), ("lesion",)])
def test_80_columns_hold_the_table(monkeypatch, regions):
    about = {"border_mm": 5.0, "scores": {"test": dict.fromkeys(regions, PLACES)}}
    about["temperatures"] = dict.fromkeys(regions, 1.2345)
    said = printed_at(
        monkeypatch, 80, calibrating, function=lambda: calibrating._print(about, "test", "test cases: 12")
    )
    lines = said.splitlines()
    assert max(map(len, lines)) <= 80 and lines[0] == "test cases: 12"
    rows = [[cell.strip() for cell in line.strip("│").split("│")] for line in table_lines(said)]
    number = "0.0123 → 0.0023"
    assert rows == [[region, "1.234", place, number, number] for region in regions for place in ("brain", "border")]
    assert "border: within 5 mm of the truth's" in said


def test_what_is_not_known_is_a_dash(monkeypatch):
    nothing = {name: {"before": None, "after": None} for name in ("calibration_error", "brier")}
    about = {"border_mm": 5.0, "scores": {"test": {"et": {"border": nothing}}}, "temperatures": {"et": 1.0}}
    said = printed_at(monkeypatch, 80, calibrating, function=lambda: calibrating._print(about, "test", "none"))
    assert said.count("– → –") == 2
