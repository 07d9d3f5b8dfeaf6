"""The plan of the reproduction of Kaur 2019: its commands, and which of them are done."""

import json
from pathlib import Path

import pytest

from segan_tl.papers.kaur.paper import PAPER
from segan_tl.errors import UserError
from segan_tl.papers.jobs import NEW_RECIPE
from segan_tl.papers.kaur.study import STARTS
from segan_tl.runs import Run
from tests.papers.heras.test_jobs import ONE, config_of, options_of
from tests.papers.heras.test_jobs import plan as plan_of
from tests.small_labels import write_labels, write_scores

NAME = "kaur-2019-quick"


def plan(tmp_path, *words, scale="quick"):
    return plan_of(tmp_path, *words, paper=PAPER, scale=scale)


def test_five_starts_of_four_numbers_after_the_pretraining(tmp_path):
    jobs, study = plan(tmp_path)
    trained = [job for job in jobs if job.command[3] != "retest"]
    assert {study.runs / job.name for job in trained} == {run.root for run in PAPER.runs(study)}
    assert len(trained) == 41 and len(jobs) == 82
    places = {job.name: place for place, job in enumerate(jobs)}
    assert all(places[needed] < places[job.name] for job in jobs for needed in job.needs)
    assert {job.needs for job in trained[1:]} == {(f"{NAME}-pretraining/ms",)}


@pytest.mark.parametrize("scale", ["quick", "full"])
def test_every_command_leads_to_its_run_and_differs_in_what_is_compared_only(tmp_path, scale):
    jobs, study = plan(tmp_path, "--data", "some/BraTS", "--source-data", "some/MS", scale=scale)
    curve, scratch = study.curve, 0
    assert len(jobs) == 2 + 2 * len(curve.cases) * len(curve.divisions) * len(STARTS)
    for cell, job in zip(curve.cells(), jobs[2::2]):
        config, options, start = config_of(job), options_of(job), cell.start
        assert study.runs / job.name == cell.run.root and job.name.startswith(f"{config.name}/")
        assert config.data.train_cases == cell.cases and options.target == "all"
        assert options.data == Path("some/BraTS") and config.seed == 0
        assert options.split == str(tmp_path / "out" / f"division{cell.division}.json")
        if start.label == "scratch":
            scratch += job.name.endswith("/BraTS")
        else:
            assert options.source == str(study.pretraining.root) and options.strategy == start.strategy
            assert cell.run.root.name == f"MS-to-BraTS-{start.strategy}" and options.scratch is False
        assert set(start.settings) <= set(options.set)
        assert config.model.family == "cicek" and config.model.activation == "softmax" and config.train.loss == "ce"
        assert len(config.train.class_weights) == 4 and config.predict.threshold == 0.5
    assert scratch == len(curve.cases) * len(curve.divisions)


def test_the_new_recipe_is_ft_all_with_other_settings():
    ours, theirs = STARTS[-1], next(start for start in STARTS if start.label == "FT_All")
    assert ours.settings == NEW_RECIPE and (ours.origin, ours.strategy) == (theirs.origin, theirs.strategy)
    assert not any(start.settings for start in STARTS[:-1]) and ours.folder == "FT_All-new-recipe"


def test_the_pretraining_has_one_region_and_the_same_network(tmp_path):
    jobs, study = plan(tmp_path)
    config, target = config_of(jobs[0]), config_of(jobs[2])
    assert config.data.regions == ("lesion",) and config.train.loss == "bce" and config.phantom.cohort == "ms"
    assert config.train.class_weights == (5.0,) and config.model.filters == target.model.filters
    assert target.phantom.cohort == "glioma-3t" and options_of(jobs[1]).auc
    assert options_of(jobs[0]).data is None and jobs[0].name == f"{NAME}-pretraining/ms"


def test_there_are_patients_enough_for_every_number(tmp_path):
    from segan_tl.data.find.cases import Case
    from segan_tl.data.splits import fold_cases

    for scale, patients in (("quick", 60), ("full", 285)):
        config = PAPER.target.load(scale)
        grades = ["HGG" if place % 4 else "LGG" for place in range(patients)]
        cases = [Case(f"p{place}", {}, None, "brats2017", grade, {}) for place, grade in enumerate(grades)]
        _, study = plan(tmp_path, scale=scale)
        for fold in range(len(study.curve.divisions)):
            split = fold_cases(cases, config.data.split, fold=fold, folds=4, seed=0)
            assert len(split["train"]) >= max(study.curve.cases)
            assert len(split["validation"]) == {"quick": 11, "full": 50}[scale]


def test_the_patients_are_divided_into_folds_once(tmp_path):
    from segan_tl.data.find.cases import Case, Cohort

    def cohort(number):
        cases = [Case(f"p{place}", {}, tmp_path, "brats2017", "HGG", {}) for place in range(number)]
        return Cohort(tmp_path, "brats2021", cases, {})

    _, study = plan(tmp_path)
    PAPER.divide(study, cohort(60))
    splits = [json.loads(path.read_text()) for path in study.curve.divisions]
    assert len(splits) == 2 and not set(splits[0]["test"]) & set(splits[1]["test"])
    assert {part: len(cases) for part, cases in splits[0].items()} == {"train": 34, "validation": 11, "test": 15}
    before = [path.stat().st_mtime_ns for path in study.curve.divisions]
    PAPER.divide(study, cohort(60))
    assert [path.stat().st_mtime_ns for path in study.curve.divisions] == before
    with pytest.raises(UserError, match="division0.json holds cases that .* lacks now"):
        PAPER.divide(study, cohort(50))


def test_a_run_is_done_when_it_is_scored_at_its_operating_point(tmp_path):
    jobs, study = plan(tmp_path)
    job, again = jobs[2], jobs[3]
    assert options_of(again).operating_point and again.needs == (job.name,)
    write_labels(Run(study.runs / job.name), ONE, config=json.loads(config_of(job).model_dump_json()))
    assert PAPER.is_done(job, study) and not PAPER.is_done(again, study)
    write_scores(study.runs / again.name, ONE)
    assert PAPER.is_done(again, study)
    assert PAPER.describe(again, study) == "test Dice NCR 0.500, ED 0.600, ET 0.700"
