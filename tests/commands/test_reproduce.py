"""The plan of a reproduction: its commands, their order, what counts as done, and what is refused."""

import argparse
import dataclasses
import importlib
import json
import re
import sys
from pathlib import Path

import pytest

from segan_tl.__main__ import main
from segan_tl.commands import reproduce
from segan_tl.config.load import load_config
from segan_tl.papers.giacomello.paper import PAPER
from segan_tl.papers.giacomello.study import FIRST_CURVE, Study
from segan_tl.papers.jobs import NEW_RECIPE
from segan_tl.runs import Run
from segan_tl.workflow.jobs import Job
from tests.small_study import write_matrix, write_run, write_study

NAME = "giacomello-2020-quick"


def plan(tmp_path, *words, scale="quick"):
    parser = argparse.ArgumentParser()
    reproduce.add_arguments(parser)
    arguments = parser.parse_args(["giacomello-2020", "--runs", str(tmp_path / "runs"), *words])
    study = PAPER.make_study(arguments, scale, tmp_path / "out")
    return PAPER.plan(study, arguments), study


def options_of(job):
    """Return the job's command as its own parser reads it."""
    command = importlib.import_module(f"segan_tl.commands.{job.command[3].replace('-', '_')}")
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    return parser.parse_args(job.command[4:])


def test_there_are_61_runs_and_the_matrix(tmp_path):
    jobs, study = plan(tmp_path)
    runs = {f"{run.root.parent.name}/{run.root.name}" for run in study.tables_runs + study.runs_of(FIRST_CURVE)}
    assert len(runs) == 61 and {job.name for job in jobs} == runs | {"matrix"}
    assert len(plan(tmp_path, "--only", "tables")[0]) == 14  # 7 trainings, 6 transfers, the matrix
    assert len(plan(tmp_path, "--only", "curve")[0]) == 49  # FLAIR, and 4 numbers of cases · 3 seeds · 4 starts
    other = [job.name for job in plan(tmp_path, "--only", "curve", "--curve", "t1c-to-t1")[0]]
    assert len(other) == 50  # T1c too
    assert f"{NAME}-t1c-to-t1-segmentor-only-cases4-seed2-division0/t1c-to-t1-frozen" in other


def test_all_of_it_as_job_arrays(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(reproduce, "prepare_cohort", lambda *_: pytest.fail("that is for the first job to do"))
    assert main(["reproduce", "giacomello-2020", "--slurm", "study.sbatch"]) == 0
    text = (tmp_path / "study.sbatch").read_text()
    sizes = [int(size) for size in re.search(r"TASKS=\((.*)\)", text)[1].split()]
    # First the cases, then the runs and the matrix, and at the end the page.
    assert sum(sizes) == 1 + 62 + 1 and sizes[0] == sizes[-1] == 1
    assert "    0.0) COMMAND=(python -m segan_tl reproduce giacomello-2020 --prepare) ;;" in text
    assert f"{len(sizes) - 1}.0) COMMAND=(python -m segan_tl reproduce giacomello-2020) ;;" in text
    # What is moved begins when its source is trained.
    assert all(line[4] == "1" for line in text.splitlines() if "COMMAND=(python -m segan_tl train-segan" in line)
    assert all(line[4] > "1" for line in text.splitlines() if "COMMAND=(python -m segan_tl transfer" in line)
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize("scale", ["quick", "full"])
def test_every_command_line_is_understood_and_leads_to_its_run(tmp_path, scale):
    jobs, study = plan(tmp_path, "--data", "somewhere", scale=scale)
    for job in jobs:
        options = options_of(job)
        assert options.data == Path("somewhere")
        if job.name == "matrix":
            continue
        beneath = {"transfer": {"source": "x", "source_sha256": ""}} if job.command[3] == "transfer" else {}
        config = load_config(PAPER.target.configs[scale], [*options.set, f"seed={options.seed}"], beneath=beneath)
        if job.command[3] == "train":
            leaf = f"somewhere-{options.target}"
        elif job.command[3] == "train-segan":
            leaf = options.target
        else:
            frozen = options.freeze_critic or options.strategy == "freeze-critic"
            leaf = f"flair-to-{options.target}{'-frozen' if frozen else ''}"
            assert options.scratch is False and options.source == str(study.runs / study.name / "flair")
        assert job.name == f"{config.name}/{leaf}"


def test_the_variants_are_what_the_paper_compares(tmp_path):
    configs = {
        job.name: load_config("giacomello_quick", options_of(job).set)
        for job in plan(tmp_path)[0]
        if job.command[3] == "train-segan"
    }
    assert configs[f"{NAME}/all"].critic.input == "concatenate"
    assert configs[f"{NAME}-segan/all"].critic.input == "mask"
    assert configs[f"{NAME}-segan/all"].train.loss_weights[0] == 1
    without = configs[f"{NAME}-segan-no-dice/all"]
    assert without.critic.input == "mask" and without.train.loss_weights[0] == 0


def test_the_curve_varies_cases_seed_and_start_only(tmp_path):
    jobs = {job.name: options_of(job) for job in plan(tmp_path)[0]}

    def cell(start, cases, seed, leaf):
        return jobs[f"{NAME}-flair-to-t2-{start}-cases{cases}-seed{seed}-division0/{leaf}"]

    scratch = cell("scratch", 4, 2, "glioma-3t-t2")
    few = load_config("giacomello_quick", scratch.set)
    assert few.data.train_cases == 4 and few.train.epochs * few.train.steps_per_epoch == 450 and scratch.seed == 2
    assert load_config("giacomello_quick", cell("scratch", "all", 0, "glioma-3t-t2").set).data.train_cases is None
    # The source of the tables divides the patients, and full and segmentor only begin with it.
    full, frozen, recipe = (
        cell(start, 4, 2, leaf)
        for start, leaf in (("full", "flair-to-t2"), ("segmentor-only", "flair-to-t2-frozen"),
                            ("full-new-recipe", "flair-to-t2"))
    )  # fmt: skip
    source = tmp_path / "runs" / NAME / "flair"
    for options in (scratch, full, frozen, recipe):
        assert options.split == str(source / "splits.json") and options.config == "giacomello_quick"
    assert {full.source, frozen.source, recipe.source} == {str(source)}
    assert (full.strategy, frozen.strategy, recipe.strategy) == ("full", "freeze-critic", "full")
    assert full.set[1:] == frozen.set[1:] == scratch.set[1:]  # but for the name
    assert set(recipe.set[1:]) - set(full.set[1:]) == set(NEW_RECIPE)


def test_nothing_comes_before_what_it_needs(tmp_path):
    seen = set()
    for job in plan(tmp_path)[0]:
        assert set(job.needs) <= seen
        if job.command[3] == "transfer" or "cases" in job.name:
            assert job.needs == (f"{NAME}/flair",)
        seen.add(job.name)


def test_the_quick_configuration_is_quickstart_on_harder_patients_with_fewer_epochs_and_every_component():
    quick, start = (load_config(name).model_dump() for name in ("giacomello_quick", "quickstart"))
    epochs = quick["train"].pop("epochs"), start["train"].pop("epochs")
    assert epochs == (12, 20)
    assert (quick["phantom"].pop("variety"), start["phantom"].pop("variety")) == ("hard", "plain")
    # The paper drops no component.
    assert quick["predict"].pop("smallest_component") == 0 != start["predict"].pop("smallest_component")
    assert quick == start


# === What is done ===


def test_a_run_is_done_with_the_same_settings_only(tmp_path):
    jobs, study = plan(tmp_path)
    by_name = {job.name: job for job in jobs}
    job = by_name[f"{NAME}-segan/all"]
    run = Run(study.runs / job.name)
    assert not PAPER.is_done(job, study)
    modalities = "data.modalities=['t1','t1c','t2','flair']"
    config = load_config("giacomello_quick", [f"name={NAME}-segan", "critic.input=mask", modalities])
    write_run(run, (0.5, 0.6), config=json.loads(config.model_dump_json()))
    assert PAPER.is_done(job, study)
    run.config.write_text(json.dumps(json.loads(run.config.read_text()) | {"seed": 5}))
    assert not PAPER.is_done(job, study)


def test_an_interrupted_run_is_not_done(tmp_path):
    jobs, study = plan(tmp_path)
    config = load_config("giacomello_quick", [f"name={NAME}", "data.modalities=['t1']"])
    run = study.single("t1")
    job = next(job for job in jobs if job.name == f"{NAME}/t1")
    write_run(run, (0.5, 0.6), config=json.loads(config.model_dump_json()))
    assert PAPER.is_done(job, study)
    write_run(run, (0.5, 0.6), config=json.loads(config.model_dump_json()), state="interrupted")
    assert not PAPER.is_done(job, study)


def test_a_transfer_is_done_whatever_it_came_from(tmp_path):
    jobs, study = plan(tmp_path)
    config = load_config("giacomello_quick", [f"name={NAME}", "data.modalities=['t2']"])
    values = json.loads(config.model_dump_json()) | {"transfer": {"source": "x", "source_sha256": "0"}}
    write_run(study.transfer("t2", "frozen"), (0.5, 0.6), config=values)
    job = next(job for job in jobs if job.name == f"{NAME}/flair-to-t2-frozen")
    assert PAPER.is_done(job, study)


def test_the_matrix_is_made_again_after_its_runs(tmp_path):
    jobs, study = plan(tmp_path)
    matrix = next(job for job in jobs if job.name == "matrix")
    write_study(study)
    assert PAPER.is_done(matrix, study)
    study.single("t1").summary.write_text("{ }")
    assert not PAPER.is_done(matrix, study)
    write_matrix(study)
    assert PAPER.is_done(matrix, study)


# === What is refused ===


@pytest.mark.parametrize("words", [[], ["giacomello-2021"]])
def test_an_unknown_paper_lists_the_known_ones(words, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["reproduce", *words])
    assert stopped.value.code == 2 and "giacomello-2020" in capsys.readouterr().err


def test_the_papers_values_want_data(tmp_path, capsys):
    assert main(["reproduce", "giacomello-2020", "--scale", "full", "--runs", str(tmp_path)]) == 2
    assert "--data" in capsys.readouterr().err


def test_runs_of_other_data_are_not_mixed_in(tiny_cohort, tmp_path, capsys):
    study = Study(tmp_path / "runs", "quick", tmp_path / "out")
    write_run(study.single("flair"), (0.5, 0.6))
    words = ["reproduce", "giacomello-2020", "--scale", "quick", "--data", str(tiny_cohort)]
    words += ["--runs", str(study.runs), "--cache", str(tmp_path / "cache"), "--out", str(study.out)]
    assert main(words) == 2
    error = capsys.readouterr().err
    assert "/somewhere/phantom-x" in error and "--runs ANOTHER" in error


def test_a_damaged_case_stops_it_before_anything_is_trained(tmp_path, capsys):
    import nibabel
    import numpy as np

    from tests.small_runs import small_labels, write_case

    for number in range(4):
        write_case(tmp_path / "data", f"case{number}", small_labels())
    bad = tmp_path / "data" / "case3" / "case3_t1.nii.gz"
    nibabel.save(nibabel.Nifti1Image(np.zeros((3, 3, 3), np.int16), np.eye(4)), bad)
    words = ["reproduce", "giacomello-2020", "--scale", "quick", "--data", str(tmp_path / "data")]
    assert main([*words, "--runs", str(tmp_path / "runs"), "--cache", str(tmp_path / "cache")]) == 2
    seen = capsys.readouterr()
    assert "1 of 4 cases cannot be used" in seen.err and "case3" in seen.out
    assert not (tmp_path / "runs").exists()


def test_the_page_names_the_command_that_makes_it(tmp_path):
    arguments = argparse.Namespace(
        paper="giacomello-2020", data=Path("my data"), out=None, runs=Path("runs"), cache=Path("elsewhere"),
        source_data=None, resnet34=None,
    )
    assert reproduce._command(arguments, PAPER, scale="full") == (
        "python -m segan_tl reproduce giacomello-2020 --scale full --data 'my data' --cache elsewhere"
    )


# === The whole of it, with a paper of one job that takes no time ===

WRITE = "import pathlib, sys; pathlib.Path(sys.argv[3]).write_text('made')"


@pytest.fixture
def small_paper(tmp_path, monkeypatch):
    """Have `reproduce giacomello-2020` mean a paper that only imports some weights, which is said to be of no use."""
    (tmp_path / "prose.md").write_text("# {citation}\n\n{missing}\n\n{facts}\n\n{findings}\n")
    command = (sys.executable, "-c", WRITE, "import", "weights", str(tmp_path / "made.keras"))
    paper = dataclasses.replace(
        PAPER, folder=tmp_path, tables={}, figures={}, sentences={}, findings=lambda _: [],
        plan=lambda *_: [Job("import/made.keras", command)], notice=lambda _: "it is of no use",
    )  # fmt: skip
    monkeypatch.setattr(reproduce, "load_paper", lambda _: paper)
    monkeypatch.chdir(tmp_path)
    return paper


def test_it_runs_writes_the_page_and_goes_on_where_it_stopped(small_paper, tiny_cohort, tmp_path, capsys):
    words = ["reproduce", "giacomello-2020", "--scale", "quick", "--data", str(tiny_cohort), "--out", "page"]
    assert main(words) == 0
    said = capsys.readouterr().out
    assert "note: it is of no use" in said and "1 jobs, 2 at a time" in said and "import/made.keras  written" in said
    page = (tmp_path / "page" / "giacomello-2020.md").read_text()
    assert page.startswith("# Giacomello, Loiacono, Mainardi 2020\n\n**Incomplete: not run yet are Table I")
    assert f"python -m segan_tl reproduce giacomello-2020 --scale quick --data {tiny_cohort} --out page" in page
    assert main(words) == 0
    assert "1 of 1 jobs are done already" in capsys.readouterr().out


def test_a_job_that_fails_leaves_a_page_with_gaps(small_paper, tiny_cohort, tmp_path, monkeypatch, capsys):
    job = Job("import/made.keras", (sys.executable, "-c", "import sys; sys.exit('no')", "import", "x", "nowhere"))
    failing = dataclasses.replace(small_paper, plan=lambda *_: [job])
    monkeypatch.setattr(reproduce, "load_paper", lambda _: failing)
    words = ["reproduce", "giacomello-2020", "--scale", "quick", "--data", str(tiny_cohort), "--out", "page"]
    assert main(words) == 2
    assert "1 failed, 0 interrupted, 0 left out: the page has gaps" in " ".join(capsys.readouterr().out.split())
    assert (tmp_path / "page" / "giacomello-2020.md").is_file()


def test_a_page_that_no_reproduction_wrote_is_left_alone(small_paper, tiny_cohort, tmp_path, capsys):
    (tmp_path / "page").mkdir()
    (tmp_path / "page" / "mine.csv").write_text("x\n")
    words = ["reproduce", "giacomello-2020", "--scale", "quick", "--data", str(tiny_cohort), "--out", "page"]
    assert main(words) == 2
    assert "another --out" in capsys.readouterr().err and [path.name for path in Path("page").iterdir()] == ["mine.csv"]
