"""A patient that lacks what the cohort of a run was given is named before it is segmented."""

from segan_tl.config.load import load_config
from segan_tl.predict.members import Member
from segan_tl.predict.remarks import warn_of_missing_preparation
from segan_tl.runs import Run
from tests.clinical.space.test_recorded import case_of


def member_of(folder, data):
    """Return a run whose cohort was prepared as `data` says."""
    return Member(Run(folder / "runs" / "segan"), "segan", load_config("segan_cpu", []), {"data": data})


def test_what_is_lacking_is_said(tmp_path):
    member = member_of(tmp_path, {"prepared": {"steps": ["orientation", "bias", "atlas"]}})
    whole = case_of(tmp_path, "P1", [("orientation", {}), ("bias", {}), ("atlas", {})])
    short = case_of(tmp_path, "P2", [("orientation", {}), ("atlas", {})])
    silent = case_of(tmp_path, "P3", None)
    lines = warn_of_missing_preparation([member], [whole, short, silent])
    assert len(lines) == 2 and "nothing says that P3 was: python -m segan_tl prepare IN OUT --like" in lines[0]
    assert lines[1].startswith("note: P2 lacks bias, which the cases of")
    assert warn_of_missing_preparation([member], [whole]) == []


def test_a_run_that_records_nothing_warns_of_nothing(tmp_path):
    silent = case_of(tmp_path, "P3", None)
    for data in ({}, {"prepared": None}):
        assert warn_of_missing_preparation([member_of(tmp_path, data)], [silent]) == []
