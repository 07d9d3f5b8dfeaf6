"""Lines in the output of a command that are not ours."""

import os
import re

# glog's and absl's prefixes (I0000 00:00:17…, W tensorflow/…), dates of other loggers, Python's warnings.
FOREIGN = re.compile(
    r"^[IWEF]\d{4} |^[IWEF] tensorflow/|^\d{4}-\d\d-\d\d \d\d:|absl|tensorflow/(core|compiler|python)/|oneDNN|cuda|"
    r"GeneratorDataset|remapper|Warning:|^Exception ignored",
    re.IGNORECASE,
)


def foreign_lines(*outputs: str) -> list[str]:
    """Return the lines of outputs that TensorFlow, Keras or Python wrote."""
    return [line for output in outputs for line in output.splitlines() if FOREIGN.search(line)]


def without_log_level() -> dict[str, str]:
    """Return the environment of a user who has told TensorFlow nothing."""
    return {name: value for name, value in os.environ.items() if name != "TF_CPP_MIN_LOG_LEVEL"}
