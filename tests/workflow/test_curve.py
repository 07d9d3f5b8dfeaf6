"""The plan of a learning curve: which trainings, what they begin with, and what is refused."""

import dataclasses
from pathlib import Path

from segan_tl.runs import Run
from segan_tl.workflow.curve import Curve
from segan_tl.workflow.starts import Start, read_start


def curve(*starts, cases=(2, None), seeds=(0, 1), divisions=1, data=Path("patients")):
    files = tuple(Path(f"out/division{k}.json") for k in range(divisions))
    return Curve(
        "curve-t2", "quickstart", "t2", data, tuple(map(read_start, starts)), cases, seeds, files, Path("runs"),
        Path("cache"), ("train.epochs=1",),
    )  # fmt: skip


def test_a_source_is_trained_once_a_division_and_before_what_begins_with_it():
    plan = curve("scratch", "flair", "still=flair:freeze-encoder", "phantom", divisions=2)
    names = [job.name for job in plan.jobs()]
    # 2 numbers of cases · 2 seeds · 2 divisions · 4 starts, FLAIR once a division, the phantom once.
    assert len(names) == len(set(names)) == 32 + 2 + 1
    for place, job in enumerate(plan.jobs()):
        assert all(names.index(needed) < place for needed in job.needs)


def test_all_sources_stand_before_all_that_begins_with_one():
    names = [job.name for job in curve("scratch", "flair", "phantom", divisions=2).jobs()]
    assert ["-source-" in name for name in names] == [True] * 3 + [False] * (len(names) - 3)
    assert [name.split("/")[0] for name in names[:4]] == [
        "curve-t2-source-flair-division0", "curve-t2-source-phantom", "curve-t2-source-flair-division1",
        "curve-t2-scratch-cases2-seed0-division0",
    ]  # fmt: skip


def test_a_number_of_cases_may_have_fewer_seeds():
    cells = [(cell.cases, cell.seed) for cell in dataclasses.replace(curve("scratch"), fewer=((None, 1),)).cells()]
    assert cells == [(2, 0), (None, 0), (2, 1)]


def test_a_list_is_one_setting():
    start = read_start("along=scratch,source.synthetic=true,source.phantom.shape=[48,48,32],train.epochs=2")
    assert start.settings == ("source.synthetic=true", "source.phantom.shape=[48,48,32]", "train.epochs=2")


def test_a_second_cohort_is_in_the_name_of_the_run():
    jobs = [job.name for job in curve("scratch", "along=scratch,source.synthetic=true", cases=(2,), seeds=(0,)).jobs()]
    assert jobs[1] == "curve-t2-along-cases2-seed0-division0/patients-with-glioma-3t-t2"
    start = "along=zoo:segan_t2,transfer.rate=0.3,source.synthetic=true"
    jobs = [job.name for job in curve("scratch", start, cases=(2,), seeds=(0,)).jobs()]
    assert jobs[1] == "curve-t2-along-cases2-seed0-division0/segan_t2-to-patients-with-glioma-3t-t2"


def test_no_source_learns_from_the_test_patients_of_its_division():
    jobs = {job.name: job.command for job in curve("scratch", "flair", divisions=2).jobs()}
    for name, command in jobs.items():
        division = command[command.index("--split") + 1]
        assert division == f"out/division{name.partition('division')[2][0]}.json"
    source = jobs["curve-t2-source-flair-division1/patients-flair"]
    assert "data.train_cases=2" not in source  # FLAIR is where there are enough


def test_any_has_never_seen_the_target():
    jobs = {job.name: job.command for job in curve("scratch", "any").jobs()}
    source = jobs["curve-t2-source-any-division0/patients-any"]
    assert "data.modalities=['t1', 't1c', 'flair']" in source and "data.subsets=any" in source
    cell = jobs["curve-t2-any-cases2-seed0-division0/patients-any-to-t2"]
    assert cell[cell.index("--map") + 1] == "t2=flair" and "data.subsets=any" not in cell


def test_cells_differ_in_cases_and_seed_alone():
    jobs = {job.name: job.command for job in curve("scratch", "flair").jobs()}
    few = jobs["curve-t2-flair-cases2-seed1-division0/patients-flair-to-t2"]
    every = jobs["curve-t2-flair-casesall-seed1-division0/patients-flair-to-t2"]
    gone = {word for word in few if word not in every}
    assert gone == {"data.train_cases=2", "name=curve-t2-flair-cases2-seed1-division0"}
    assert few[few.index("--seed") + 1] == "1" and few[few.index("--from") + 1].endswith("patients-flair")


def test_a_start_may_be_a_run_that_other_jobs_train():
    source = Run(Path("runs/study/flair"))
    starts = (*map(read_start, ("scratch", "flair")), Start("flair, slowly", "flair", "full", ("transfer.rate=0.3",)))
    given = dataclasses.replace(
        curve(cases=(2,), seeds=(0,)), starts=starts, divisions=(source.splits,), sources={"flair": source}, weight=0.5
    )
    jobs = {job.name: job for job in given.jobs()}
    assert list(jobs) == [
        "curve-t2-scratch-cases2-seed0-division0/patients-t2", "curve-t2-flair-cases2-seed0-division0/flair-to-t2",
        "curve-t2-flair-slowly-cases2-seed0-division0/flair-to-t2",
    ]  # fmt: skip
    for job in jobs.values():  # from scratch too: the source divides the patients
        assert job.needs == ("study/flair",) and job.weight == 0.5
        assert job.command[job.command.index("--split") + 1] == "runs/study/flair/splits.json"
    literal, slow = list(jobs.values())[1:]
    assert literal.command[literal.command.index("--from") + 1] == "runs/study/flair"
    assert {word for word in slow.command if word not in literal.command} == {
        "transfer.rate=0.3", "name=curve-t2-flair-slowly-cases2-seed0-division0"
    }


def test_a_source_of_other_patients_names_the_target_by_its_cohort():
    source = Run(Path("runs/study-pretraining/ms"))
    starts = (Start("FT_All", "pretraining", "last-three-all"),)
    given = dataclasses.replace(curve(), target="all", starts=starts, sources={"pretraining": source})
    assert next(given.cells()).run.root.name == "ms-to-patients-last-three-all"
