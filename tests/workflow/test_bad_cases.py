"""What is said of cases that cannot be used: which file, of which cohort, and the ways out that there are."""

import argparse
from pathlib import Path

import pytest

from segan_tl.config.load import load_config
from segan_tl.data.files.images import Source
from segan_tl.data.find.case import Problem
from segan_tl.data.find.cases import Case, Cohort
from segan_tl.errors import UserError
from segan_tl.workflow.bad_cases import handle_problems, modality_hint
from segan_tl.workflow.cohort import check_regions

IMAGES = {name: Source(Path(f"{name}.nii.gz")) for name in ("t1c", "flair")}
TRAINING = argparse.Namespace(set=[], target=None)


def cohort(*ids, convention="brats2021", images=IMAGES):
    mask = Source(Path("seg.nii.gz"))
    return Cohort(Path("somewhere"), "plain", tuple(Case(i, images, mask, convention=convention) for i in ids))


def problem(case):
    return Problem(case, Path(case) / "t2.nii.gz", "the file is truncated", "copy it again")


def test_files_and_cohort_are_named_and_leaving_out_is_offered_where_some_are_left(capsys):
    with pytest.raises(UserError, match="somewhere: 1 of 2 cases cannot be used .a.; .*--skip-bad-cases"):
        handle_problems([problem("a")], cohort("a", "b"), skip=False)
    assert "case a (a/t2.nii.gz): the file is truncated; copy it again" in capsys.readouterr().out
    handle_problems([problem("a")], cohort("a", "b"), skip=True)
    assert "going on without them" in capsys.readouterr().out
    with pytest.raises(UserError) as refused:
        handle_problems([problem("a")], cohort("a"), skip=True)
    assert "--skip-bad-cases" not in str(refused.value)


def test_modalities_that_are_there_can_be_chosen_by_a_training():
    volumes, slices = load_config("unet3d_small"), load_config("quickstart", ["data.modalities=[t2]"])
    hint = modality_hint(TRAINING, volumes, cohort("a"))
    assert hint.endswith("--set 'data.modalities=[t1c,flair]'") and "each case has with --modality any" in hint
    some = load_config("unet3d_small", ["data.subsets=any"])
    assert modality_hint(TRAINING, some, cohort("a")) == ""  # they lack all of them
    assert modality_hint(TRAINING, slices, cohort("a")).endswith("--modality t1c")
    assert modality_hint(argparse.Namespace(), volumes, cohort("a")) == ""
    everything = {name: Source(Path(name)) for name in ("t1", "t1c", "t2", "flair")}
    assert modality_hint(TRAINING, volumes, cohort("a", images=everything)) == ""


@pytest.mark.parametrize(
    ("config", "remedy"), [("unet3d_small", "choose with, for example"), ("dann_small", "both cohorts, of --data and")]
)
def test_labels_that_cannot_tell_the_regions(config, remedy):
    with pytest.raises(UserError, match=f"labels of somewhere .lesion. tell lesion; {remedy}"):
        check_regions(cohort("a", convention="lesion"), load_config(config))
