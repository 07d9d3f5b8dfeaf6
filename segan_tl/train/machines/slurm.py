"""What Slurm tells a process that srun has started: who the others are, and which of them it is.

https://slurm.schedmd.com/srun.html, "Output environment variables".
"""

import re
from collections.abc import Mapping
from itertools import product

from segan_tl.errors import UserError

REMEDY = "start every process of the training with srun, in a job of --nodes=2 --ntasks-per-node=1 say"
MOST_HOSTS = 10_000
HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?")
# Below those that systems lend to connections. Jobs that follow one another get ports 16 apart.
FIRST_PORT, STRIDE, BLOCKS = 12_000, 16, 1250


def read_slurm(environment: Mapping[str, str]) -> tuple[tuple[str, ...], int]:
    """Return host:port of every task of the job step, in order, and which of them this process is.

    The ports follow from the job's number, so that two jobs on one machine seldom want the same ones.

    Raises:
        UserError: a variable is missing, or says what cannot be; tasks are not dealt in blocks.
    """
    index = _number(environment, "SLURM_PROCID")
    count = _number(environment, "SLURM_STEP_NUM_TASKS", "SLURM_NTASKS")
    step = _number(environment, "SLURM_STEP_ID", "SLURM_STEPID")  # the script of a batch job itself has none
    job = _number(environment, "SLURM_JOB_ID", "SLURM_JOBID")
    hosts = expand_nodelist(_text(environment, "SLURM_STEP_NODELIST", "SLURM_JOB_NODELIST", "SLURM_NODELIST"))
    if not index < count:
        raise UserError(f"SLURM_PROCID is {index} of {count} tasks: expected less than that; {REMEDY}")
    given = _given(environment, "SLURM_STEP_TASKS_PER_NODE", "SLURM_TASKS_PER_NODE")
    tasks = expand_counts(given) if given else [1] * len(hosts)
    if len(tasks) != len(hosts) or sum(tasks) != count:
        raise UserError(
            f"expected {count} tasks on {len(hosts)} nodes; Slurm says {given or 'nothing of tasks a node'}; {REMEDY}"
        )
    nodes = [node for node, number in enumerate(tasks) for _ in range(number)]
    if "SLURM_NODEID" in environment and _number(environment, "SLURM_NODEID") != nodes[index]:
        raise UserError(
            f"expected task {index} on node {nodes[index]}, found it on node {environment['SLURM_NODEID']}: the tasks "
            "of a node must follow one another; add --distribution=block to srun"
        )
    first = FIRST_PORT + (job + step) % BLOCKS * STRIDE
    return tuple(f"{hosts[node]}:{first + task}" for task, node in enumerate(nodes)), index


def expand_nodelist(text: str) -> list[str]:
    """Return the hosts of a list such as "gpu[01-03,7],login": gpu01, gpu02, gpu03, gpu7, login.

    Numbers keep the zeros of the first one of their range. Of several brackets in a name, the last one turns fastest.

    Raises:
        UserError: it is no such list.
    """
    words = re.findall(r"(?:[^,\[\]]|\[[^\[\]]*\])+", text)
    if not words or ",".join(words) != text:
        raise UserError(_no_list(text))
    hosts = []
    for word in words:
        parts = re.split(r"\[([^\]]*)\]", word)  # in turn what stands as it is, and the inside of a bracket
        choices = [_expand_ranges(part, text) if place % 2 else [part] for place, part in enumerate(parts)]
        hosts += ["".join(chosen) for chosen in product(*choices)]
        if len(hosts) > MOST_HOSTS:
            raise UserError(f"expected at most {MOST_HOSTS} hosts, {text!r} names more; {REMEDY}")
    if wrong := next((host for host in hosts if not HOST.fullmatch(host)), None):
        raise UserError(f"{_no_list(text)} ({wrong!r} is no host)")
    return hosts


def _expand_ranges(inside: str, text: str) -> list[str]:
    """Return the numbers of the inside of a bracket, as they are written."""
    found = []
    for part in inside.split(","):
        match = re.fullmatch(r"(\d{1,9})(?:-(\d{1,9}))?", part)
        if not match or match[2] and int(match[2]) < int(match[1]):
            raise UserError(_no_list(text))
        last = int(match[2] or match[1])
        if len(found) + last - int(match[1]) >= MOST_HOSTS:
            raise UserError(f"expected at most {MOST_HOSTS} hosts, {text!r} names more; {REMEDY}")
        found += [f"{number:0{len(match[1])}d}" for number in range(int(match[1]), last + 1)]
    return found


def _no_list(text: str) -> str:
    return f"expected a list of nodes such as gpu[01-03,7],login; Slurm says {text!r}; {REMEDY}"


def expand_counts(text: str) -> list[int]:
    """Return the tasks of every node of a list such as "2(x3),1": 2, 2, 2, 1.

    Raises:
        UserError: it is no such list.
    """
    found = []
    for part in text.split(","):
        match = re.fullmatch(r"(\d{1,6})(?:\(x(\d{1,6})\))?", part)
        if not match or int(match[2] or 1) > MOST_HOSTS:
            raise UserError(f"expected tasks a node such as 2(x3),1; Slurm says {text!r}; {REMEDY}")
        found += [int(match[1])] * int(match[2] or 1)
    return found


def _given(environment: Mapping[str, str], *names: str) -> str:
    """Return the first of the variables that says something, "" where none does."""
    return next((environment[name].strip() for name in names if environment.get(name, "").strip()), "")


def _text(environment: Mapping[str, str], *names: str) -> str:
    if found := _given(environment, *names):
        return found
    raise UserError(f"--distributed slurm: expected the variable {names[0]}; found none; {REMEDY}")


def _number(environment: Mapping[str, str], *names: str) -> int:
    found = _text(environment, *names)
    if not re.fullmatch(r"[0-9]{1,10}", found):
        raise UserError(f"expected a whole number in the variable {names[0]}; found {found!r}; {REMEDY}")
    return int(found)
