"""Tables in terminals of 80 columns: every number whole, every region named."""

import io

import numpy as np
import pytest
from rich.console import Console

from segan_tl.metrics.columns import Plan, score_pair
from segan_tl.metrics.pair import MaskPair
from segan_tl.report import narrow
from segan_tl.report.compare.models import compare_tables
from tests.report.compare.test_models import HIGH, LOW, table


@pytest.fixture
def show(monkeypatch):
    """Return what a function prints to a terminal of so many columns."""

    def show(columns, function, *arguments, **options):
        stream = io.StringIO()
        console = Console(width=columns, file=stream, force_terminal=True, color_system=None, highlight=False)
        monkeypatch.setattr(narrow, "console", console)
        monkeypatch.setattr("segan_tl.console.console", console)
        function(*arguments, **options)
        return stream.getvalue()

    return show


@pytest.mark.parametrize("columns, is_table", [(80, False), (100, True)])
def test_comparisons(show, tmp_path, columns, is_table):
    tables = [table(tmp_path, "a", LOW), table(tmp_path, "b", HIGH)]
    rows = compare_tables(tables, ["dice"], ["wt"])
    printed = show(columns, narrow.print_comparison, rows, "dice", kind="8 test cases", way=1)
    assert max(map(len, printed.splitlines())) <= columns
    assert "dice of 8 test cases, higher is better" in printed and "wt" in printed and "…" not in printed
    # means of LOW and HIGH: 4.76 / 8 and 5.56 / 8
    for number in ("0.595", "0.695", "+0.100", "0.008"):
        assert number in printed
    assert ("│" in printed) == is_table


@pytest.mark.parametrize("columns, tables", [(80, 5), (110, 3), (200, 1)])
def test_regions_that_do_not_fit_stand_in_tables_of_their_own(show, columns, tables):
    plan = Plan(("wt", "tc", "et", "ed", "ncr"), challenge="brats-gli")
    pair = MaskPair(np.ones((2, 2, 2), bool), np.ones((2, 2, 2), bool), (1, 1, 1))
    rows = [
        {"case": case, "region": region} | score_pair(pair, plan) for case in ("a", "b") for region in plan.regions
    ]
    printed = show(columns, narrow.print_summary, rows, plan)
    assert max(map(len, printed.splitlines())) <= columns and "…" not in printed
    assert printed.count("lesion-wise HD95, surface-weighted, mm") == tables
    assert printed.count("1.000 ± 0.000 (1.000)") == 5 * 5
    assert all(f"{region}, 2 cases" in printed for region in plan.regions)


def test_a_terminal_too_narrow_for_anything_breaks_lines(show):
    pair = MaskPair(np.ones((2, 2, 2), bool), np.ones((2, 2, 2), bool), (1, 1, 1))
    rows = [{"case": case, "region": "wt"} | score_pair(pair, Plan(("wt",))) for case in "ab"]
    printed = show(30, narrow.print_summary, rows, Plan(("wt",)))
    assert printed.count("1.000 ± 0.000 (1.000)") == 4 and "…" not in printed
