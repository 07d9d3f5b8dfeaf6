"""`python -m segan_tl reproduce`: train, transfer and score all of a paper; one page, its numbers beside ours."""

import argparse
import os
import shlex
import shutil
import subprocess
from pathlib import Path

from segan_tl.papers.giacomello import jobs as giacomello
from segan_tl.papers.heras import jobs as heras
from segan_tl.papers.jobs import options
from segan_tl.papers.kaur import jobs as kaur
from segan_tl.papers.wacker import jobs as wacker
from segan_tl.workflow.jobs import run_jobs
from segan_tl.workflow.numbers import positive

# Each says, by functions of the same names, which runs a paper needs and how their page is written.
PAPERS = {
    "giacomello-2020": giacomello, "wacker-2020": wacker, "heras-rivera-2024": heras, "kaur-2019": kaur,
}  # fmt: skip
TWO_COHORTS = ("heras-rivera-2024", "kaur-2019")
OPTIONS = {
    "curve": ("giacomello-2020",), "only": ("giacomello-2020",), "resnet34": ("wacker-2020",),
    "source_data": TWO_COHORTS,
}  # fmt: skip
SMALLEST_CROP_MM = 140  # a head's width; a smaller crop cuts tumours off
EPILOG = """examples:
  python -m segan_tl reproduce giacomello-2020                              the synthetic cohort
  python -m segan_tl reproduce giacomello-2020 --only tables                13 runs instead of 49
  python -m segan_tl reproduce giacomello-2020 --only curve --curve t1c-to-t1     one more curve, 36 runs
  python -m segan_tl reproduce giacomello-2020 --scale full --data BRATS2015 --jobs 1
  python -m segan_tl reproduce wacker-2020 --resnet34 resnet34-b627a593.pth
  python -m segan_tl reproduce wacker-2020 --scale full --data BraTS2020 --resnet34 resnet34-b627a593.pth
  python -m segan_tl reproduce heras-rivera-2024
  python -m segan_tl reproduce heras-rivera-2024 --scale full --data BraTS-Africa --source-data BraTS2023
  python -m segan_tl reproduce kaur-2019 --scale full --data BraTS2018 --source-data MS

giacomello-2020, quick: 49 small trainings of one to three minutes each, less than half an hour on two CPU cores; full:
the paper's values, 13 trainings of up to 100,000 epochs with patience 500 and 36 shorter ones; days to weeks, even on a
GPU. wacker-2020: 20 trainings; quick: about 40 minutes on two CPU cores; full: 5,000 steps each, days on a GPU. Without
--resnet34, the ImageNet weights of torchvision's resnet34, its 10 pretrained trainings are left out. heras-rivera-2024:
16 trainings (full: 51), kaur-2019: 33 (full: 65); quick: up to an hour each on two CPU cores; full: weeks on a GPU.

It goes on where it stopped: during the trainings Ctrl-C or SIGTERM saves and exits with code 75, and the same command
continues; what is finished is not run again. The page is OUT/PAPER.md, beside it one CSV a table, the pictures, and
logs/. Text in OUT/findings.md is included in the page and never changed.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the command."""
    parser.description = "Run every experiment of a paper and set its numbers beside ours, on one page."
    parser.epilog = EPILOG
    parser.add_argument("paper", choices=tuple(PAPERS), metavar="{" + ",".join(PAPERS) + "}", help="which paper")
    parser.add_argument("--data", type=Path, metavar="DIR", help="folder of cases (default: the synthetic cohort)")
    parser.add_argument(
        "--source-data", type=Path, metavar="DIR", help="cases of the other scanner or disease to come from"
    )
    parser.add_argument(
        "--scale", choices=("quick", "full"), help="quick, or the paper's values (quick; full with --data)"
    )
    parser.add_argument("--out", type=Path, metavar="DIR", help="where the page goes (results/PAPER-SCALE)")
    parser.add_argument("--runs", type=Path, default=Path("runs"), metavar="DIR", help="where runs are kept (runs)")
    parser.add_argument("--cache", type=Path, default=Path("cache"), metavar="DIR", help="prepared volumes (cache)")
    parser.add_argument(
        "--jobs", type=positive, metavar="N", help="trainings at a time (quick without a GPU: 2, else 1)"
    )
    parser.add_argument(
        "--curve", choices=("flair-to-t2", "t1c-to-t1"), help="which learning curve to run (flair-to-t2)"
    )
    parser.add_argument("--only", choices=("tables", "curve"), help="the paper's tables, or the learning curve")
    parser.add_argument(
        "--overwrite", action="store_true", help="train runs of other settings, or of another source, anew"
    )
    parser.add_argument(
        "--resnet34", type=Path, metavar="FILE",
        help="ImageNet weights: torchvision's resnet34, .pth or .safetensors, or what import made of it",
    )  # fmt: skip


def run(arguments: argparse.Namespace) -> int:
    """Run what has no result yet, then write the page."""
    from segan_tl.console import console
    from segan_tl.disk.ownership import mark
    from segan_tl.runs import Run
    from segan_tl.workflow.finish import owes_nothing

    paper = PAPERS[arguments.paper]
    scale = arguments.scale or ("full" if arguments.data else "quick")
    _check_arguments(arguments, scale)
    study = paper.make_study(arguments, scale, arguments.out or Path("results") / f"{arguments.paper}-{scale}")
    _refuse_foreign_page(study.out, arguments.paper)
    if missing := paper.notice(arguments):
        console.print(f"note: {missing}", style="yellow", soft_wrap=True)
    for data in paper.cohorts(study, arguments):
        _check_same_data(data.runs, _cohort(arguments, data))
    jobs = paper.plan(study, arguments)
    _clear_stale(jobs, arguments, is_done=lambda job: paper.is_done(job, study, scale=scale))
    at_once = arguments.jobs or (2 if scale == "quick" and not _has_gpu() else 1)
    console.print(f"{len(jobs)} jobs, {at_once} at a time; logs in {study.out / 'logs'}", soft_wrap=True)
    mark(study.out, "page")
    outcome = run_jobs(
        jobs, logs=study.out / "logs", at_once=at_once,
        is_done=lambda job: paper.is_done(job, study, scale=scale) and owes_nothing(Run(arguments.runs / job.name)),
        describe=lambda job: paper.describe(job, study),
    )  # fmt: skip
    if outcome.stopped:
        console.print("Interrupted and saved. Run the same command again to go on.")
        return outcome.code
    for name, needed in outcome.left_out.items():
        console.print(f"left out {name}: it needs {needed}", soft_wrap=True)
    page = paper.write_page(study, command=_command(arguments, scale))
    console.print(f"page {page}", soft_wrap=True)
    if outcome.code:
        left = f"{len(outcome.failed)} failed, {len(outcome.interrupted)} interrupted, {len(outcome.left_out)} left out"
        console.print(f"{left}: the page has gaps; run the same command again to try what is missing", soft_wrap=True)
    return outcome.code


def _check_arguments(arguments, scale: str) -> None:
    """Refuse the options of another paper, and days of training on synthetic patients."""
    from segan_tl.errors import UserError

    for option, papers in OPTIONS.items():
        if getattr(arguments, option) is not None and arguments.paper not in papers:
            name = f"--{option.replace('_', '-')}"
            raise UserError(f"{name} belongs to reproduce {' and '.join(papers)}; leave it out for {arguments.paper}")
    if arguments.paper in TWO_COHORTS and (arguments.data is None) != (arguments.source_data is None):
        raise UserError(
            f"reproduce {arguments.paper} moves a network from one cohort to another: give both with --data TARGET "
            "--source-data SOURCE, or leave both out for the synthetic ones"
        )
    if scale == "full" and not arguments.data:
        raise UserError(
            "--scale full trains with the paper's values for days: it expects your data, for example --scale full "
            "--data BRATS2015; for the synthetic cohort leave --scale out"
        )


def _refuse_foreign_page(out: Path, paper: str) -> None:
    """Refuse to write over tables and pictures that no reproduction made; findings.md is the reader's own.

    Raises:
        UserError: there are some.
    """
    from segan_tl.disk.ownership import refuse_foreign

    page = out / f"{paper}.md"
    if page.is_file() and f"python -m segan_tl reproduce {paper}" in page.read_text(encoding="utf-8", errors="replace"):
        return  # of a version that left no marker
    names = sorted(path.name for kind in ("*.csv", "*.png", f"{paper}.md") for path in out.glob(kind))
    refuse_foreign(out, "page", names, remedy="give another --out")


def _clear_stale(jobs: list, arguments, *, is_done) -> None:
    """Refuse finished runs that would be trained otherwise now, so that no page mixes the two; or set them aside.

    They have other settings, or began with a network that was trained again since, or is about to be.

    Raises:
        UserError: there are some, and --overwrite was not given.
    """
    from segan_tl.disk.ownership import set_aside
    from segan_tl.errors import UserError
    from segan_tl.report.score.owed import is_scored
    from segan_tl.runs import Run, read_json

    undone = {job.name for job in jobs if not is_done(job)}
    stale = []
    for job in jobs:
        run = Run(arguments.runs / job.name)
        if not is_scored(run):
            continue
        moves = bool(read_json(run.config).get("transfer")) and bool(undone & set(job.needs))
        if job.name in undone or moves:
            stale.append(run)
    if stale and not arguments.overwrite:
        raise UserError(
            f"{len(stale)} finished runs have other settings than this command gives them, or began with a network "
            f"that is not there any more, such as {stale[0].root}; add --overwrite to train them anew, or "
            "keep both with --runs ANOTHER --out ANOTHER"
        )
    for run in stale:
        set_aside(run.root)


# === Data ===


def _cohort(arguments, data):
    """Find or simulate a cohort and prepare all of it once, before several trainings want it at the same time."""
    from segan_tl.console import console
    from segan_tl.errors import UserError
    from segan_tl.workflow.cohort import find_cohort, prepare

    config = data.config
    where = argparse.Namespace(
        data=data.folder, patients=None, cache=arguments.cache, jobs=os.cpu_count() or 1, skip_bad_cases=True
    )
    cohort = find_cohort(where, config)
    sound = prepare(where, config, cohort)
    if len(sound) < len(cohort.cases):
        # Leaving them out is no remedy: a modality that lacks a case would be split and tested in another way.
        raise UserError(
            f"{len(cohort.cases) - len(sound)} of {len(cohort.cases)} cases cannot be used in all "
            f"{len(config.data.modalities)} modalities; mend them as said above, or move them out of the folder"
        )
    width_mm = _crop_width_mm(cohort, config)
    if width_mm is not None and width_mm < SMALLEST_CROP_MM:
        console.print(
            f"note: {config.name}.toml is made for 2 mm voxels; of these images it sees {width_mm:.0f} mm "
            "only, and tumours will be cut off; --scale full sees all of it",
            style="yellow",
            soft_wrap=True,
        )
    return cohort


def _crop_width_mm(cohort, config) -> float | None:
    """Return how many millimetres of the first case the crop covers from side to side, None where all is seen."""
    from segan_tl.data.files.images import read_header

    if config.data.crop is None:
        return None
    images = next((case.images for case in cohort.cases if case.images), {})
    source = next(iter(images.values()), None)
    return None if source is None else read_header(source).spacing_mm[0] * config.data.crop[0]


def _check_same_data(runs, cohort) -> None:
    """Refuse to mix data: a finished run is not looked at again by its own command."""
    from segan_tl.data.splits import PARTS
    from segan_tl.errors import UserError
    from segan_tl.runs import read_json

    ids = {case.id for case in cohort.cases}
    synthetic = bool(cohort.settings.get("synthetic", False))
    for run in runs:
        if not (run.state.is_file() and run.splits.is_file()):
            continue
        data = read_json(run.state).get("data", {})
        folder = Path(data.get("folder", cohort.folder))
        split = read_json(run.splits)
        known = all(case in ids for part in PARTS for case in split[part])
        # Synthetic patients of another seed or size have the same names: their folder's name tells them apart.
        alike = known and bool(data.get("synthetic")) == synthetic
        if not alike or synthetic and folder.name != cohort.folder.resolve().name:
            raise UserError(
                f"{run.root} was trained on {folder}, this command means {cohort.folder}; keep the two apart with "
                "--runs ANOTHER --out ANOTHER, or give the same --data"
            )


# === For the terminal and the page ===


def _command(arguments, scale: str) -> str:
    """Return the command that makes the whole page."""
    words = ["python", "-m", "segan_tl", "reproduce", arguments.paper, "--scale", scale]
    words += [*options("--data", arguments.data), *options("--out", arguments.out)]
    words += [*options("--source-data", arguments.source_data), *options("--resnet34", arguments.resnet34)]
    for option, value in (("--runs", arguments.runs), ("--cache", arguments.cache)):
        words += [] if value == Path(option[2:]) else [option, str(value)]
    return shlex.join(words)


def _has_gpu() -> bool:
    if not shutil.which("nvidia-smi"):
        return False
    listed = subprocess.run(["nvidia-smi", "-L"], capture_output=True, encoding="utf-8", errors="replace", check=False)
    return listed.returncode == 0 and "GPU" in listed.stdout
