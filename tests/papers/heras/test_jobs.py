"""The plan of the reproduction of Heras Rivera 2024: its commands, what is done, what is refused."""

import argparse
import importlib
import json
from pathlib import Path

import pytest

from segan_tl.__main__ import main
from segan_tl.commands import reproduce
from segan_tl.config.load import load_config
from segan_tl.errors import UserError
from segan_tl.papers.heras.paper import PAPER
from segan_tl.papers.heras.study import ADVERSARIAL, APPROACHES, FINETUNING, OURS
from segan_tl.papers.jobs import NEW_RECIPE
from segan_tl.runs import Run
from segan_tl.workflow.trainings import clear_stale
from tests.small_labels import DIGEST, write_labels, write_scores

NAME = "heras-rivera-2024-quick"
ONE = {"p0": {"ncr": (0.5, 1.0), "ed": (0.6, 1.0), "et": (0.7, 1.0)}}


def plan(tmp_path, *words, paper=PAPER, scale="quick"):
    parser = argparse.ArgumentParser()
    reproduce.add_arguments(parser)
    places = ["--runs", str(tmp_path / "runs"), "--cache", str(tmp_path / "cache")]
    arguments = parser.parse_args([paper.name, *places, *words])
    study = paper.make_study(arguments, scale, tmp_path / "out")
    return paper.plan(study, arguments), study


def options_of(job):
    """Return the job's command as its own parser reads it."""
    parser = argparse.ArgumentParser()
    importlib.import_module(f"segan_tl.commands.{job.command[3]}").add_arguments(parser)
    return parser.parse_args(job.command[4:])


def config_of(job):
    options = options_of(job)
    moved = job.command[3] in ("transfer", "finetune")
    beneath = {"transfer": {"source": "x", "source_sha256": ""}} if moved else {}
    return load_config(options.config, [*options.set, f"seed={options.seed}"], beneath=beneath)


def approach_of(job):
    if f"-{OURS}/" in job.name:
        return OURS
    if job.command[3] == "finetune":
        return next(name for name, strategy in FINETUNING.items() if strategy == options_of(job).strategy)
    return job.name.split("/")[0].removeprefix(f"{NAME}-").removeprefix("heras-rivera-2024-full-")


def test_seven_approaches_of_which_six_have_folds(tmp_path):
    jobs, study = plan(tmp_path)
    trained = [job for job in jobs if job.command[3] != "retest"]
    assert {study.runs / job.name for job in trained} == {run.root for run in (study.baseline, *study.fold_runs)}
    assert len(jobs) == 20 and len(trained) == 19
    assert {approach_of(job) for job in trained} == set(APPROACHES)
    for job in jobs:
        waits = job.command[3] in ("finetune", "retest")
        assert job.needs == ((f"{NAME}-baseline/glioma-3t",) if waits else ())


@pytest.mark.parametrize("scale", ["quick", "full"])
def test_every_command_leads_to_its_run_and_differs_in_what_is_compared_only(tmp_path, scale):
    words = ("--data", "some/Africa", "--source-data", "some/Adult") if scale == "full" else ()
    jobs, study = plan(tmp_path, *words, scale=scale)
    assert len(jobs) == (62 if scale == "full" else 20)
    for job in [job for job in jobs if job.command[3] != "retest"]:
        config, options, approach = config_of(job), options_of(job), approach_of(job)
        both = approach in ("combined", *ADVERSARIAL)
        assert job.name.startswith(f"{config.name}/") and config.seed == 0
        assert (config.source is not None) == both and (config.adversary is not None) == (approach in ADVERSARIAL)
        assert config.adversary is None or config.adversary.reversal == (approach == "dann")
        assert config.adversary is None or config.adversary.weight == 0.02
        assert config.model.family == "unet3d" and config.data.regions == ("ncr", "ed", "et")
        assert (options.fold is None) == (approach == "baseline")
        if scale == "full":
            assert options.data == Path("some/Adult" if approach == "baseline" else "some/Africa")
            assert options.folds == 10 or approach == "baseline"
            assert config.train.loss == "mse_bce" and config.train.learning_rate == 6e-5 and config.train.power == 0.75
            assert options.source_data == (Path("some/Adult") if both else None)
        else:
            assert config.phantom.cohort == ("glioma-3t" if approach == "baseline" else "glioma-1.5t")
            assert not both or config.source.phantom == load_config("heras_quick").phantom


def test_fine_tuning_starts_from_the_baseline(tmp_path):
    jobs, study = plan(tmp_path)
    finetunings = [job for job in jobs if job.command[3] == "finetune"]
    assert {options_of(job).strategy for job in finetunings} == set(FINETUNING.values())
    assert {options_of(job).source for job in finetunings} == {str(study.baseline.root)}


def test_the_new_recipe_is_fine_tuning_with_other_settings(tmp_path):
    jobs = {approach_of(job): job for job in plan(tmp_path)[0] if job.command[3] == "finetune"}  # the last fold of each
    ours, theirs = (options_of(jobs[approach]) for approach in (OURS, "all"))
    assert set(ours.set[1:]) - set(theirs.set[1:]) == set(NEW_RECIPE) and ours.set[0] != theirs.set[0]
    assert (ours.strategy, ours.fold, ours.source) == (theirs.strategy, theirs.fold, theirs.source)


def test_the_baseline_is_tested_on_the_target(tmp_path):
    jobs, study = plan(tmp_path, "--data", "some/Africa", "--source-data", "some/Adult")
    again = options_of(jobs[-1])
    assert jobs[-1].name == f"{NAME}-baseline/Adult/on-Africa" and again.data == Path("some/Africa")
    assert again.run == str(study.baseline.root) and again.out == study.baseline.root / "on-Africa"
    jobs, _ = plan(tmp_path)
    assert options_of(jobs[-1]).data == tmp_path / "cache" / "phantom-glioma-1.5t-40-120x120x77-seed2024-hard"


def test_a_run_is_done_with_the_same_settings_only(tmp_path):
    jobs, study = plan(tmp_path)
    job = next(job for job in jobs if "freeze-decoder/fold1" in job.name)
    assert not PAPER.is_done(job, study)
    recorded = json.loads(config_of(job).model_dump_json())
    transfer = {"source": "x", "source_sha256": DIGEST, "strategy": "freeze-decoder", "inputs": {}}
    write_labels(Run(study.runs / job.name), ONE, config=recorded | {"transfer": transfer})
    assert not PAPER.is_done(job, study)  # its source is not there
    write_labels(study.baseline, ONE)
    assert PAPER.is_done(job, study)
    study.baseline.summary.write_text(json.dumps({"segmentor_sha256": "trained again"}))
    assert not PAPER.is_done(job, study)
    write_labels(study.baseline, ONE)
    assert PAPER.describe(job, study) == "test Dice NCR 0.500, ED 0.600, ET 0.700"
    write_labels(Run(study.runs / job.name), ONE, config=recorded | {"seed": 5})
    assert not PAPER.is_done(job, study)


def test_runs_that_began_elsewhere_are_not_mixed_in(tmp_path, capsys):
    jobs, study = plan(tmp_path)
    baseline, tuned = (next(job for job in jobs if part in job.name) for part in ("-baseline/", "freeze-decoder/fold1"))
    transfer = {"source": "x", "source_sha256": DIGEST, "strategy": "freeze-decoder", "inputs": {}}
    settings = {job.name: json.loads(config_of(job).model_dump_json()) for job in (baseline, tuned)}
    write_labels(study.baseline, ONE, config=settings[baseline.name])
    run = Run(study.runs / tuned.name)
    write_labels(run, ONE, config=settings[tuned.name] | {"transfer": transfer})

    def clear(overwrite=False):
        clear_stale(jobs, study.runs, is_done=lambda job: PAPER.is_done(job, study), overwrite=overwrite)

    clear()
    study.baseline.config.write_text(json.dumps(settings[baseline.name] | {"seed": 5}))  # will be trained again
    with pytest.raises(UserError, match="2 finished runs have other settings .* add --overwrite"):
        clear()
    clear(overwrite=True)
    for one in (study.baseline, run):  # set aside, until their new trainings have a checkpoint
        assert not one.config.exists() and not one.summary.exists()
        assert (one.root / ".before" / "config.json").is_file()


def test_a_retest_is_done_while_the_run_keeps_its_network(tmp_path):
    jobs, study = plan(tmp_path)
    assert not PAPER.is_done(jobs[-1], study)
    write_scores(study.baseline.root / study.untouched, ONE)
    assert not PAPER.is_done(jobs[-1], study)  # the baseline itself is not there
    write_labels(study.baseline, ONE)
    assert PAPER.is_done(jobs[-1], study)
    study.baseline.summary.write_text(json.dumps({"segmentor_sha256": "another"}))
    assert not PAPER.is_done(jobs[-1], study)


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["heras-rivera-2024", "--data", "X"], "--source-data SOURCE"),
        (["heras-rivera-2024", "--source-data", "X"], "--data TARGET"),
        (["heras-rivera-2024", "--only", "tables"], "--only belongs to reproduce giacomello-2020"),
        (["wacker-2020", "--source-data", "X"], "--source-data belongs to reproduce heras-rivera-2024 and "),
        (["heras-rivera-2024", "--scale", "full"], "--data"),
    ],
)
def test_refusals_come_before_any_work(words, reason, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["reproduce", *words]) == 2
    assert reason in capsys.readouterr().err and list(tmp_path.iterdir()) == []
