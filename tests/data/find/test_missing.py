"""What a case lacks, where a part of its modalities will do."""

from pathlib import Path

from segan_tl.data.files.images import Source
from segan_tl.data.find.case import Case, Problem
from segan_tl.data.find.missing import count_missing, those_there

FOUR = ("t1", "t1c", "t2", "flair")


def case(*names, problems=()):
    return Case("a", {name: Source(Path(f"{name}.nii.gz")) for name in names}, problems=problems)


def test_what_is_there_is_read():
    assert those_there(case("flair", "t1"), FOUR) == ("t1", "flair")
    assert those_there(case(*FOUR), FOUR) == FOUR


def test_a_case_with_nothing_is_asked_for_everything():
    assert those_there(case("dwi"), FOUR) == FOUR


def test_files_at_fault_are_not_missing():
    twice = Problem("a", None, "two files are t2", "remove one", role="t2")
    assert those_there(case("flair", problems=(twice,)), FOUR) == ("t2", "flair")


def test_what_a_cohort_lacks_is_one_sentence():
    cases = [case(*FOUR), case("t1", "t2", "flair"), case("flair")]
    assert count_missing(cases, FOUR) == (
        "2 of 3 cases lack modalities (t1 in 1, t1c in 2, t2 in 1); they are used with what they have"
    )
    assert count_missing(cases[:2], ("t1c",)).endswith("; it is used with what it has")
    assert count_missing(cases[:1], FOUR) is None
