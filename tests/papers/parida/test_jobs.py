"""The plan of the reproduction of Parida 2024: its commands, their order, what is done, what is refused."""

import argparse
import importlib
import json
import os
import sys
from pathlib import Path

import pytest

from segan_tl.__main__ import main
from segan_tl.commands import reproduce
from segan_tl.config.load import load_config
from segan_tl.papers.jobs import MAKES_A_FILE
from segan_tl.papers.parida.paper import PAPER
from segan_tl.papers.parida.study import ENSEMBLE, FAMILIES, FINAL, FINETUNED, ROWS, SCRATCH
from segan_tl.runs import Run
from tests.small_labels import DIGEST, write_labels

ONE = {"p0": {"wt": (0.5, 1.0), "tc": (0.6, 1.0), "et": (0.7, 1.0)}}


def plan(tmp_path, *words, scale="quick"):
    parser = argparse.ArgumentParser()
    reproduce.add_arguments(parser)
    places = ["--runs", str(tmp_path / "runs"), "--cache", str(tmp_path / "cache")]
    arguments = parser.parse_args(["parida-2024", *places, *words])
    study = PAPER.make_study(arguments, scale, tmp_path / "out")
    return PAPER.plan(study, arguments), study


def options_of(job):
    """Return the job's command as its own parser reads it."""
    parser = argparse.ArgumentParser()
    importlib.import_module(f"segan_tl.commands.{job.command[3].replace('-', '_')}").add_arguments(parser)
    return parser.parse_args(job.command[4:])


def config_of(job):
    options = options_of(job)
    beneath = {"transfer": {"source": "x", "source_sha256": ""}} if job.command[3] == "finetune" else {}
    return load_config(options.config, [*options.set, f"seed={options.seed}"], beneath=beneath)


def named(jobs, part):
    return next(job for job in jobs if part in job.name)


@pytest.mark.parametrize(("scale", "patients", "folds"), [("quick", False, 3), ("quick", True, 5), ("full", True, 5)])
def test_a_job_stands_after_those_it_needs(tmp_path, scale, patients, folds):
    words = ("--data", "some/Africa", "--source-data", "some/Adult") if patients else ()
    jobs, _ = plan(tmp_path, *words, scale=scale)
    seen = set()
    for job in jobs:
        assert set(job.needs) <= seen and job.name not in seen, job.name
        seen.add(job.name)
        options_of(job)  # its own parser takes it
    commands = [job.command[3] for job in jobs]
    assert commands.count("train") == 2 + 2 * folds and commands.count("finetune") == 2 * folds
    assert commands.count("radiomics") == 2 and commands.count("tune-postprocess") == 1
    assert commands.count("predict") == 2 + folds and commands.count("evaluate") == 4 * folds + 2 + folds + 1


@pytest.mark.parametrize("scale", ["quick", "full"])
def test_trainings_differ_in_what_is_compared_only(tmp_path, scale):
    words = ("--data", "some/Africa", "--source-data", "some/Adult") if scale == "full" else ()
    jobs, study = plan(tmp_path, *words, scale=scale)
    for job in [job for job in jobs if job.command[3] not in MAKES_A_FILE]:
        config, options = config_of(job), options_of(job)
        of_source = job.name.startswith(f"parida-2024-{scale}-{config.model.family}-source/")
        assert job.name.startswith(f"{config.name}/") and config.seed == 0
        by_regions = config.model.family == "nnunet"
        assert config.data.regions == (("wt", "tc", "et") if by_regions else ("ncr", "ed", "et"))
        assert config.model.activation == ("sigmoid" if by_regions else "softmax")
        assert config.train.optimizer == ("sgd" if by_regions and scale == "full" else "adamw")
        assert (options.fold is None) == of_source and options.folds == (None if of_source else len(study.folds))
        assert options.stratify == (None if of_source else str(study.file("truth.json")))
        if scale == "full":
            assert options.data == Path("some/Adult" if of_source else "some/Africa") and config.train.epochs == 200
        else:
            phantom = config.phantom
            assert phantom.variety == "hard" and phantom.cohort == ("glioma-3t" if of_source else "glioma-1.5t")
            assert config.train.epochs * config.train.steps_per_epoch == (800 if of_source else 400)


def test_fine_tuning_begins_with_the_source_of_its_own_network_and_all_of_it_learns(tmp_path):
    jobs, study = plan(tmp_path)
    tuned = [job for job in jobs if job.command[3] == "finetune"]
    for job in tuned:
        family = config_of(job).model.family
        assert options_of(job).source == str(study.pretraining(family).root) and options_of(job).strategy == "full"
        assert job.needs[0].endswith("/truth.json") and f"-{family}-source/" in job.needs[1]


def test_a_fold_s_ensemble_is_of_the_networks_that_have_not_seen_its_cases(tmp_path):
    jobs, study = plan(tmp_path)
    for fold in study.folds:
        job = named(jobs, f"ensemble/fold{fold}/predictions/volumes.csv")
        options = options_of(job)
        assert options.run == [str(study.crossval(FINETUNED, family)) for family in FAMILIES]
        assert (options.fold, options.ensemble, options.weights) == (fold, "weighted", None)
        assert options.input == tmp_path / "cache" / "phantom-glioma-1.5t-40-120x120x77-seed2024-hard"
        assert len(job.needs) == 6 and all("-finetuned/" in name for name in job.needs)


def test_thresholds_are_tuned_on_the_ensemble_s_folds_and_their_clusters(tmp_path):
    jobs, study = plan(tmp_path)
    options, groups = options_of(named(jobs, "/postprocess.json")), options_of(named(jobs, "/predicted.json"))
    assert options.predictions == groups.predictions == study.file(ENSEMBLE)
    assert options.clusters == groups.clusters.with_suffix(".json") and options.challenge == "brats-ssa"
    assert (groups.discretisation, groups.scaling) == ("authors", "l2") and options.sizes == tuple(range(0, 58, 3))
    last = options_of(jobs[-1])
    assert last.predictions == [options.masks] and last.out == study.scores(FINAL)
    jobs, _ = plan(tmp_path, "--data", "some/Africa", "--source-data", "some/Adult")  # voxels of 1 mm
    assert options_of(named(jobs, "/postprocess.json")).sizes == tuple(range(0, 476, 25))


def test_every_row_of_table_3_has_its_scores(tmp_path):
    jobs, study = plan(tmp_path)
    scored = {options_of(job).out for job in jobs if job.command[3] == "evaluate"}
    assert scored == {path for row in ROWS for path in study.tables(row)}
    own = options_of(named(jobs, f"scores/{SCRATCH}-mednext-fold1.csv"))
    assert own.predictions == [study.fold(SCRATCH, "mednext", 1).root] and own.challenge == "brats-ssa"


# === What is done ===


def write(path, text="{}", *, age):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    os.utime(path, ns=(10**9 * age,) * 2)


def test_a_file_is_done_while_it_is_newer_than_what_it_is_made_of(tmp_path):
    jobs, study = plan(tmp_path)
    job = named(jobs, f"scores/{SCRATCH}-nnunet-fold0.csv")
    run = Run(study.runs / job.needs[0])
    assert not PAPER.is_done(job, study)
    write(study.scores(f"{SCRATCH}-nnunet", 0), age=5)
    assert not PAPER.is_done(job, study)  # its run is not there
    write(run.summary, age=4)
    assert PAPER.is_done(job, study) and PAPER.describe(job, study) == "written"
    write(run.summary, age=6)
    assert not PAPER.is_done(job, study)  # trained again since


def test_files_that_are_made_of_files(tmp_path):
    jobs, study = plan(tmp_path)
    groups, tune = named(jobs, "/truth.json"), named(jobs, "/postprocess.json")
    assert not PAPER.is_done(groups, study)
    write(study.file("truth.json"), age=1)
    assert PAPER.is_done(groups, study)  # of the cohort alone
    for fold in study.folds:
        write(study.answers(fold) / "volumes.csv", age=2)
    write(study.file("predicted.json"), age=3)
    write(study.file("postprocess.json"), age=3)
    assert PAPER.is_done(tune, study)
    write(study.answers(1) / "volumes.csv", age=4)
    assert not PAPER.is_done(tune, study) and not PAPER.is_done(named(jobs, "/predicted.json"), study)


def test_a_fine_tuned_fold_is_done_with_its_source_and_the_same_settings_only(tmp_path):
    jobs, study = plan(tmp_path)
    job = named(jobs, "-mednext-finetuned/glioma-3t-to-glioma-1.5t/fold2")
    recorded = json.loads(config_of(job).model_dump_json())
    recorded |= {"transfer": {"source": "x", "source_sha256": DIGEST, "strategy": "full", "inputs": {}}}
    write_labels(Run(study.runs / job.name), ONE, config=recorded)
    assert not PAPER.is_done(job, study)  # its source is not there
    write_labels(study.pretraining("mednext"), ONE)
    assert PAPER.is_done(job, study) and PAPER.describe(job, study) == "test Dice ET 0.700, TC 0.600, WT 0.500"
    write_labels(Run(study.runs / job.name), ONE, config=recorded | {"seed": 5})
    assert not PAPER.is_done(job, study)


# === Refused ===


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["--data", "X"], "--source-data SOURCE"), (["--scale", "full"], "--data"),
        (["--only", "tables"], "--only belongs to"),
    ],
)
def test_refusals_come_before_any_work(words, reason, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["reproduce", "parida-2024", *words]) == 2
    assert reason in capsys.readouterr().err and list(tmp_path.iterdir()) == []


def test_without_mirp_nothing_begins(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, "mirp", None)
    assert main(["reproduce", "parida-2024"]) == 2
    message = capsys.readouterr().err
    assert "expected MIRP" in message and len(message.splitlines()) == 1 and list(tmp_path.iterdir()) == []
