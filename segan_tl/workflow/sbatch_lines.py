"""The #SBATCH lines of a job array's script: ours at first, and as they were edited when it is written again."""

import re
from dataclasses import dataclass

LINE = re.compile(r"##?SBATCH\s+--?([A-Za-z-]+)")
NAMED = re.compile(r"# Its jobs are named (.*)\.")
ASKED = """\
#SBATCH --job-name={name}
#SBATCH --output={name}-%A_%a.out
#SBATCH --time=24:00:00
#SBATCH --nodes=1
#SBATCH --ntasks=1
#SBATCH --cpus-per-task=8
#SBATCH --mem=64G
#SBATCH --gres=gpu:1
##SBATCH --partition=gpu
##SBATCH --account=project"""
WARNED = """\
#SBATCH --signal=B:USR1@120
#SBATCH --requeue
#SBATCH --open-mode=append"""


@dataclass(frozen=True)
class SbatchLines:
    """What a script asks of Slurm.

    Attributes:
        asked: lines of the jobs' names, output, time, memory, GPUs and all else.
        warned: lines of the warning ahead of the time limit and of what follows it.
        edited: whether a user has changed any of them.
    """

    asked: str
    warned: str
    edited: bool = False


def sbatch_lines(name: str, *, earlier: str | None = None) -> SbatchLines:
    """Return the lines of a script, those of an earlier one where there are any.

    Args:
        name: of the jobs.
        earlier: text of a script of ours that is to be replaced; None where there is none.
    """
    ours = SbatchLines(ASKED.format(name=name), WARNED)
    head = _head(earlier or "")
    kept = [line for line in head if LINE.match(line)]
    if not kept:
        return ours
    # Only the name tells lines that were left alone in a script for another training from edited ones.
    before = next((found[1] for line in head if (found := NAMED.fullmatch(line))), name)
    fresh = dict(zip(ASKED.format(name=before).splitlines(), ours.asked.splitlines(), strict=True))
    kept = [fresh.get(line, line) for line in kept]
    last = {LINE.match(line)[1] for line in WARNED.splitlines()}
    asked, warned = ([line for line in kept if (LINE.match(line)[1] in last) is is_last] for is_last in (False, True))
    edited = kept != [*ours.asked.splitlines(), *ours.warned.splitlines()]
    return SbatchLines("\n".join(asked), "\n".join(warned), edited)


def _head(text: str) -> list[str]:
    """Return the lines before the first command, where sbatch stops to look for its options."""
    head = []
    for line in map(str.rstrip, text.splitlines()):
        if line and not line.startswith("#"):
            break
        head.append(line)
    return head
