"""Trainings as job arrays of Slurm: a script that submits itself, a task a training, and queues what it saved again."""

import shlex
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from segan_tl.workflow.jobs import Job
from segan_tl.workflow.sbatch_lines import sbatch_lines
from segan_tl.workflow.trainings import module

MARK = "# Written by segan_tl: "
SCRIPT = """#!/bin/bash
{mark}{command}
#
#   bash {file}
#
# submits {what}: each begins when all tasks of the one before have ended well.
# What has failed goes on, or is tried again, when this is typed again; a finished training is left as it is.
# Its jobs are named {name}.
#
# Change what follows: the time, memory, cores and GPUs, which depend on your data, and --partition and --account as
# your cluster wants them. A configuration for the CPU (segan_cpu, nnunet_cpu, ..._small, ..._quick) needs no GPU: put
# a second # before --gres; `python -m segan_tl doctor --config NAME` says how much memory a training takes.
# A cluster seldom takes more than 1000 tasks in an array.
{asked}
# Two minutes before its time is over, Slurm warns this script (B: this script alone) with SIGUSR1; the training saves,
# ends with code 75, and its task is queued again, under the same number, until it is finished. The output is kept.
{warned}

# Of each stage: how many tasks, and what sbatch is told beside the lines above; --gres=none is for those without GPU.
TASKS=({sizes})
OPTIONS=({options})

command_of() {{
    case "$1.$2" in
{cases}
    *) echo "there is no task $2 of stage $1" >&2; exit 2 ;;
    esac
}}

# The environment that wrote this script; put in its place what your cluster wants, such as module load.
export PATH={environment}:$PATH

script=$(realpath "$0")
cd {folder} || exit
if [ -z "$SLURM_ARRAY_TASK_ID" ]; then
    before=
    for stage in "${{!TASKS[@]}}"; do
        # shellcheck disable=SC2086
        before=$(sbatch --parsable --array="0-$((TASKS[stage] - 1)){throttle}" ${{OPTIONS[stage]}} \\
            ${{before:+--dependency=afterok:$before --kill-on-invalid-dep=yes}} "$script" "$stage") || exit
        before=${{before%%;*}}
        echo "stage $stage, ${{TASKS[stage]}} tasks: job $before"
    done
    exit
fi

command_of "$1" "$SLURM_ARRAY_TASK_ID"
echo "$ ${{COMMAND[*]}}"
"${{COMMAND[@]}}" &
training=$!
trap 'kill -USR1 "$training"' USR1

# The warning ends a wait at once, while the training still saves: wait again until it has ended.
wait "$training"
code=$?
while kill -0 "$training" 2>/dev/null; do
    wait "$training"
    code=$?
done

# 75: interrupted and saved. 138 (128 + SIGUSR1): the warning came outside the epochs, where all is on disk already.
if [ "$code" -eq 75 ] || [ "$code" -eq 138 ]; then
    scontrol requeue "${{SLURM_ARRAY_JOB_ID}}_${{SLURM_ARRAY_TASK_ID}}"
    exit
fi
exit "$code"
"""


@dataclass(frozen=True)
class Stage:
    """Commands that may run at the same time, after those of the stage before.

    Attributes:
        about: what they do, in a few words.
        commands: program and arguments of each.
        trains: whether they want a GPU.
    """

    about: str
    commands: tuple[tuple[str, ...], ...]
    trains: bool = True


def stage_jobs(jobs: Sequence[Job]) -> list[Stage]:
    """Return the stages of jobs: each in the first one that comes after all those it needs.

    Args:
        jobs: that are left to do; what they need and is not among them is there already.
    """
    place: dict[str, int] = {}
    for job in jobs:  # those it needs stand before it
        place[job.name] = max((place[name] + 1 for name in job.needs if name in place), default=0)
    found = []
    for number in range(max(place.values(), default=-1) + 1):
        commands = tuple(job.command for job in jobs if place[job.name] == number)
        found.append(Stage(f"{len(commands)} trainings" if len(commands) > 1 else "a training", commands))
    return found


def write_folds(training, arguments, *, is_done: Callable[[Job], bool]) -> None:
    """Write the script that prepares, runs the folds that have no result, and gathers, each as a job of Slurm.

    Args:
        training: `wrapped.Training`.
        arguments: of crossval.
        is_done: whether a fold has its result.
    """
    jobs = [job for job in training.jobs if not is_done(job)]
    how = ["--folds", str(training.folds), *(("--stratify", training.stratify) if training.stratify else ())]
    prepare, gather = (
        (*module("crossval"), what, *how, "--", training.name, *training.words) for what in ("--prepare", "--gather")
    )
    stages = [
        Stage("the preparation", (prepare,), trains=False),
        Stage(f"{len(jobs)} folds" if len(jobs) > 1 else "a fold", tuple(job.command for job in jobs)),
    ]
    write_array(
        arguments.slurm, [*(stages if jobs else ()), Stage("the gathering", (gather,), trains=False)],
        name=f"folds-{training.plan(0)[1].name}", command=arguments.command_line, at_once=arguments.at_once,
    )  # fmt: skip


def write_trainings(
    jobs: Sequence[Job], arguments, *, name: str, at_once: int | None = None, page: str | None = None,
    prepare: str | None = None,
) -> None:  # fmt: skip
    """Write the script that runs the trainings of a study that are left, and then makes its page.

    Args:
        jobs: those without a result.
        arguments: of learning-curve or reproduce.
        name: of the study.
        at_once: trainings at a time.
        page: option with which the same command makes the page alone; None where it does when nothing is left.
        prepare: option with which it prepares the cases and ends; None where they are prepared.
    """
    words, last = shlex.split(arguments.command_line), []
    while words:
        word = words.pop(0)
        if word.partition("=")[0] != "--slurm":
            last.append(word)
        elif "=" not in word:
            words.pop(0)
    stages = [Stage("the preparation", ((*last, prepare),), trains=False)] if prepare and jobs else []
    last += [page] if page else []
    write_array(
        arguments.slurm, [*stages, *stage_jobs(jobs), Stage("the page", (tuple(last),), trains=False)], name=name,
        command=arguments.command_line, at_once=at_once,
    )  # fmt: skip


def check_script(arguments, *, gathers: bool) -> None:
    """Refuse what goes with no script, and a file of somebody else in its place.

    Args:
        arguments: with `slurm`, None where no script is asked for, and `devices`.
        gathers: whether what is there is to be gathered.

    Raises:
        UserError: there is something of the kind.
    """
    from segan_tl.errors import UserError

    path = arguments.slurm
    if path is None:
        return
    if gathers or getattr(arguments, "devices", None):
        option = "--gather" if gathers else "--devices"
        raise UserError(f"--slurm writes a script, and Slurm says what runs where; leave {option} out")
    if path.is_dir():
        raise UserError(
            f"--slurm expects the name of a file to write; {path} is a folder; type --slurm {path / 'jobs.sbatch'}"
        )
    if path.exists() and MARK.encode() not in path.read_bytes()[:1000]:
        raise UserError(f"--slurm {path}: it is there already, and segan_tl did not write it; give another name")


def write_array(path: Path, stages: Sequence[Stage], *, name: str, command: str, at_once: int | None = None) -> None:
    """Write the script that submits stages of commands, a job array each.

    Args:
        path: of the script; one that was written before is replaced, but for its #SBATCH lines.
        stages: one after another.
        name: of the jobs.
        command: what the user typed.
        at_once: tasks of an array that may run at a time; None for as many as the cluster lets.
    """
    from segan_tl.console import console, printable
    from segan_tl.disk.atomic import write_text

    earlier = path.read_text(encoding="utf-8", errors="replace") if path.exists() else None
    lines = sbatch_lines(name, earlier=earlier)
    cases = "\n".join(
        f"    {number}.{task}) COMMAND=({shlex.join(('python', *words[1:]))}) ;;"
        for number, stage in enumerate(stages)
        for task, words in enumerate(stage.commands)
    )
    text = SCRIPT.format(
        mark=MARK, command=printable(command), file=shlex.quote(printable(str(path))), name=name, cases=cases,
        what=", ".join(stage.about for stage in stages), folder=shlex.quote(str(Path.cwd())),
        sizes=" ".join(str(len(stage.commands)) for stage in stages), throttle=f"%{at_once}" if at_once else "",
        options=" ".join('""' if stage.trains else '"--gres=none"' for stage in stages),
        asked=lines.asked, warned=lines.warned, environment=shlex.quote(str(Path(sys.executable).parent)),
    )  # fmt: skip
    write_text(path, text)
    if lines.edited:
        console.print(f"kept: the #SBATCH lines of the earlier {path}, as edited", markup=False, soft_wrap=True)
    said = f"written: {path}; look at its #SBATCH lines, then type: bash {shlex.quote(str(path))}"
    console.print(said, markup=False, soft_wrap=True)
