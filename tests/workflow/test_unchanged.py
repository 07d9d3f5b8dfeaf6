"""What a run began with, of its own cohort and of a second one, is what it goes on with."""

from types import SimpleNamespace

import pytest

from segan_tl.errors import UserError
from segan_tl.runs import Run
from segan_tl.workflow.unchanged import record, require_unchanged


def parts(**changes):
    """Return the prepared cases of a split; a change names a case and has the digests of its images and mask."""
    ids = {"train": ["a", "b"], "validation": ["c"], "test": ["d"], "source": ["s"]}
    sound = {"image": "1", "labels": "2"}
    return {
        part: [SimpleNamespace(id=case, sources=sound | changes.get(case, {})) for case in cases]
        for part, cases in ids.items()
    }


@pytest.mark.parametrize("case", ["a", "c", "d", "s"])
@pytest.mark.parametrize(("change", "what"), [({"image": "x"}, "an image"), ({"labels": "x"}, "the mask")])
def test_a_change_in_any_part_is_one_sentence(tmp_path, case, change, what):
    run = Run(tmp_path)
    record(run, parts())
    require_unchanged(run, parts())
    with pytest.raises(UserError, match=f"^{what} of case {case} changed since {tmp_path} began; restore it, or "):
        require_unchanged(run, parts(**{case: change}))


def test_more_changes_are_counted(tmp_path):
    record(Run(tmp_path), parts())
    with pytest.raises(UserError, match="^the mask of case a changed .*, and so did images or masks of 1 more"):
        require_unchanged(Run(tmp_path), parts(a={"labels": "y"}, s={"image": "x"}))


def test_a_run_of_an_older_version_is_recorded_when_it_goes_on(tmp_path):
    require_unchanged(Run(tmp_path), parts())
    with pytest.raises(UserError, match="case b changed"):
        require_unchanged(Run(tmp_path), parts(b={"image": "x"}))
