"""Target cases without a mask: they train where an adversary does without the target's labels, and nowhere else."""

import json
import shutil
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest

from segan_tl.__main__ import main
from segan_tl.data.files.images import Source
from segan_tl.data.find.case import Cohort
from segan_tl.data.find.cases import Case
from segan_tl.data.phantom import write_cohort
from segan_tl.errors import UserError
from segan_tl.runs import Run
from segan_tl.workflow.splits import take_split
from segan_tl.workflow.unlabelled import divide, needs_masks, remark
from tests.commands.test_imports import words
from tests.commands.test_train_domains import DANN, TINY

BARE = 3  # of eight cases


def cohort_of(labelled, bare):
    """Return a cohort that is nowhere and its prepared cases."""
    cases = [Case(name, {}, Source(Path(name))) for name in labelled] + [Case(name, {}) for name in bare]
    return Cohort(Path("here"), "flat", tuple(cases)), {case.id: case for case in cases}


def halves(cohort, cached):
    """Split the sound cases in the order of the cohort: one tests, one validates, the rest trains."""
    test, validation, *train = [case.id for case in cohort.cases if case.id in cached]
    return {"train": train, "validation": [validation], "test": [test]}


def test_cases_without_a_mask_train_and_nothing_else():
    cohort, cached = cohort_of("abcd", "xy")
    split = divide(cohort, cached, halves)
    assert split == {"train": ["c", "d", "x", "y"], "validation": ["b"], "test": ["a"]}
    assert remark(cohort, cached, split).startswith("2 training cases have no mask")
    del cached["y"]  # cannot be used, and left out
    assert divide(cohort, cached, halves)["train"] == ["c", "d", "x"]


def test_another_time_point_of_a_judged_patient_is_left_out():
    names = [f"BraTS-GLI-{patient:05}-000" for patient in range(4)]
    later = [f"BraTS-GLI-{patient:05}-001" for patient in (0, 1, 2, 9)]
    cohort, cached = cohort_of(names, later)
    split = divide(cohort, cached, halves)
    assert split["train"] == sorted([*names[2:], later[2], later[3]])
    assert remark(cohort, cached, split) == (
        "2 training cases have no mask: the classifier of the cohorts alone learns from them; 2 more are left out"
    )


def test_the_split_of_another_run_is_taken_over_and_joined(tmp_path):
    """That run may have had the labelled cases alone: a baseline on the same test cases."""
    run = Run(tmp_path)
    cohort, cached = cohort_of("abcd", "xy")
    for train in (["c", "d"], ["c", "d", "x", "y"]):
        run.splits.write_text(json.dumps({"train": train, "validation": ["b"], "test": ["a"], "source": ["s"]}))
        split = divide(cohort, cached, partial(take_split, run))
        assert split == {"train": ["c", "d", "x", "y"], "validation": ["b"], "test": ["a"]}
        assert take_split(run, cohort, cached)["train"] == train  # a run that goes on has what it began with
    for part in ("validation", "test"):
        run.splits.write_text(json.dumps({"train": ["c"], "validation": ["b"], "test": ["a"], part: ["x"]}))
        for choose in (take_split, lambda run, *both: divide(*both, partial(take_split, run))):
            with pytest.raises(UserError, match=r"lacks now \(x\); restore the masks"):
                choose(run, cohort, cached)


def test_with_masks_everywhere_nothing_changes():
    cohort, cached = cohort_of("abcd", "")
    given = []

    def choose(*both):
        given.extend(both)
        return halves(*both)

    assert divide(cohort, cached, choose) == halves(cohort, cached)
    assert given[0] is cohort and remark(cohort, cached, halves(cohort, cached)) is None


def test_whose_masks_are_needed():
    def adversary(**settings):
        return SimpleNamespace(adversary=SimpleNamespace(**settings))

    assert needs_masks(SimpleNamespace()) and needs_masks(SimpleNamespace(adversary=None))
    assert needs_masks(adversary(target_labels=True)) and not needs_masks(adversary(target_labels=False))


def test_too_few_with_a_mask_says_how_many_have_none():
    def choose(cohort, cached):
        raise UserError(f"found {len(cohort.cases)}")

    with pytest.raises(UserError, match="^found 1; 2 more cases have no mask and can neither validate nor test$"):
        divide(*cohort_of("a", "xy"), choose)


# === Through the commands ===


@pytest.fixture(scope="module")
def place(tiny_cohort, tmp_path_factory):
    """Return a folder with target/, of whose eight cases three have no mask, source/ and dann.toml."""
    folder = tmp_path_factory.mktemp("unlabelled")
    shutil.copytree(tiny_cohort, folder / "target")
    for case in cases_of(folder / "target")[:BARE]:
        take_mask(folder / "target" / case)
    write_cohort(folder / "source", "glioma-1.5t", cases=2, shape=(48, 48, 31), seed=9, jobs=2)
    (folder / "dann.toml").write_text(TINY + DANN)
    return folder


def cases_of(folder):
    return sorted(entry.name for entry in folder.iterdir() if entry.is_dir())


def take_mask(case):
    (mask,) = case.glob("*_seg.nii.gz")
    mask.unlink()


def train(place, *more, target="target", command=("train",)):
    return main([
        *command, "--config", str(place / "dann.toml"), "--data", str(place / target), "--source-data",
        str(place / "source"), "--runs", str(place / "runs"), "--cache", str(place / "cache"), "--devices", "cpu",
        "--no-report", "--set", "train.epochs=1", "--set", "train.steps_per_epoch=2", *map(str, more),
    ])  # fmt: skip


def test_they_train_and_a_test_case_needs_its_mask(place, capsys):
    bare = set(cases_of(place / "target")[:BARE])
    assert train(place) == 0
    assert "3 training cases have no mask: the classifier of the cohorts alone learns from them" in words(capsys)
    run = place / "runs" / "two" / "target-with-source"
    split = json.loads((run / "splits.json").read_text())
    assert bare < set(split["train"]) and not bare & {*split["validation"], *split["test"]}
    assert sum(len(split[part]) for part in ("train", "validation", "test")) == 8
    assert set(split) == {"train", "validation", "test", "source"}
    # A test case whose mask has gone since cannot be scored, and is no case of zeros.
    away = next((place / "target" / split["test"][0]).glob("*_seg.nii.gz"))
    away.rename(place / "away")
    (run / "summary.json").unlink()
    capsys.readouterr()
    try:
        assert train(place) == 2
    finally:
        (place / "away").rename(away)
    assert f"validates or tests on cases whose masks {place / 'target'} lacks now ({split['test'][0]})" in words(capsys)


@pytest.mark.parametrize("more", ["adversary.target_labels=true", "adversary=null"])
def test_elsewhere_a_missing_mask_is_a_bad_case(place, more, capsys):
    if more == "adversary=null":
        (place / "combined.toml").write_text(TINY)
        options = ["--config", place / "combined.toml"]
    else:
        options = ["--set", more]
    assert train(place, *options, "--set", "name=other") == 2
    printed = words(capsys)
    assert "3 of 8 cases cannot be used" in printed and "the label map is missing" in printed


def test_a_source_case_needs_its_mask(place, capsys):
    shutil.copytree(place / "source", place / "bare")
    take_mask(place / "bare" / cases_of(place / "bare")[0])
    assert train(place, "--source-data", place / "bare") == 2
    assert "1 of 2 cases cannot be used" in words(capsys)


def test_folds_are_of_those_with_a_mask(place):
    assert train(place, "--fold", 1, "--folds", 2, "--set", "name=folds") == 0
    folder = place / "runs" / "folds" / "target-with-source"
    bare, masked = cases_of(place / "target")[:BARE], cases_of(place / "target")[BARE:]
    folds = json.loads((folder / "folds.json").read_text())["test"]
    assert sorted(folds["0"] + folds["1"]) == masked
    split = json.loads((folder / "fold1" / "splits.json").read_text())
    assert split["test"] == folds["1"] and set(bare) < set(split["train"])


@pytest.mark.parametrize("command", [("train",), ("train", "--fold", "0"), ("crossval", "--", "train")])
def test_too_few_with_a_mask_are_refused(place, command, capsys):
    if not (place / "few").is_dir():
        shutil.copytree(place / "target", place / "few")
        for case in cases_of(place / "few")[BARE : BARE + 3]:
            take_mask(place / "few" / case)
    assert train(place, "--set", "name=few", target="few", command=command) == 2
    printed = words(capsys)
    assert "found 2" in printed and "; 6 more cases have no mask and can neither validate nor test" in printed
    assert not (place / "runs" / "few" / "few-with-source" / "config.json").exists()
