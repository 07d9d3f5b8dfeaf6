"""What a command takes from the environment it is started in, and what it sets itself, for its child processes too.

Keras and TensorFlow read their settings when they are imported: settings of the user's other work must not decide what
a network computes. `import segan_tl` in one's own program changes nothing: only the command line calls this.
"""

import importlib.metadata
import io
import os
import platform
import sys

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
