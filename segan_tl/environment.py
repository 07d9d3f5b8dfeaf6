"""What a command takes from the environment it is started in, and what it sets itself, for its child processes too.

Keras and TensorFlow read their settings when they are imported: settings of the user's other work must not decide what
a network computes. `import segan_tl` in one's own program changes nothing: only the command line calls this.
"""

import importlib.metadata
import io
import os
import platform
import sys
from pathlib import Path

from segan_tl import __version__

# Of other work: a cluster that is none of ours, another Keras, a compiler that changes the results, limits of epochs.
LEFT_OVER = (
    "TF_CONFIG", "TF_USE_LEGACY_KERAS", "TF_XLA_FLAGS", "KERAS_NNX_ENABLED", "KERAS_MAX_EPOCHS",
    "KERAS_MAX_STEPS_PER_EPOCH",
)  # fmt: skip
OURS = {
    "KERAS_BACKEND": "tensorflow",
    # A folder that cannot be: keras.json is not read, whatever it says, and none is written.
    "KERAS_HOME": os.path.join(os.devnull, "keras"),
}
MEMINFO, CGROUP = Path("/proc/meminfo"), Path("/sys/fs/cgroup")
MIB = 2**20
MOST_CPUS = 64  # logical ones, of --devices cpu:N


def settle() -> dict[str, str]:
    """Make the environment that of a command: to be called before Keras or TensorFlow are imported.

    Returns:
        What was set and does not count: name → value.
    """
    set_aside = {name: os.environ.pop(name) for name in LEFT_OVER if name in os.environ}
    set_aside |= {name: os.environ[name] for name, ours in OURS.items() if os.environ.get(name, ours) != ours}
    os.environ.update(OURS)
    quieten()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # not in a notebook
            stream.reconfigure(errors="replace")  # a terminal that is not UTF-8 lacks "→" and "‖"
    return set_aside


def versions() -> dict[str, str]:
    """Return the version of what decides a result, by the name of its distribution; nothing is imported for it."""
    return {"segan_tl": __version__} | {name: _version(name) for name in ("tensorflow", "keras", "numpy")}


def version_line() -> str:
    """Return which segan_tl, TensorFlow, Keras and Python these are, in one line."""
    found = versions()
    others = f"TensorFlow {found['tensorflow']}, Keras {found['keras']}, Python {platform.python_version()}"
    return f"segan_tl {found['segan_tl']} ({others})"


def _version(distribution: str) -> str:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


def quieten() -> None:
    """Let TensorFlow's C++ say fatal errors only, unless the user asks for more; it looks once, when it is imported.

    Level 2 would still show grappler's "remapper failed", which costs nothing and helps nobody.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


# === The machine ===


def usable_cores() -> int:
    """Return on how many cores this process may run: a cluster's job, or a container, seldom has all of the machine."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def jobs_that_fit(each_mib: int, *, most: int | None = None) -> int:
    """Return how many jobs may run at a time: one a core, as many as half of the free memory holds; at least 1.

    Args:
        each_mib: what one job takes.
        most: never more than this.
    """
    free = free_memory_bytes()
    fit = usable_cores() if free is None else min(usable_cores(), free // 2 // (each_mib * MIB))
    return max(1, fit if most is None else min(fit, most))


def free_memory_bytes() -> int | None:
    """Return how much memory new work may take, of the machine and of the group of processes; None where unknown."""
    found = []
    if MEMINFO.is_file():
        lines = dict(line.split(":", 1) for line in MEMINFO.read_text(encoding="ascii").splitlines() if ":" in line)
        found += [int(lines["MemAvailable"].split()[0]) * 1024] if "MemAvailable" in lines else []
    try:
        most, used = ((CGROUP / name).read_text(encoding="ascii").strip() for name in ("memory.max", "memory.current"))
        found += [max(0, int(most) - int(used))] if most.isdigit() else []
    except OSError:
        pass
    return min(found, default=None)
