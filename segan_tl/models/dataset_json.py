"""dataset.json of nnU-Net, version 1 or 2: what a network's channels and outputs are called."""

import json
from collections.abc import Mapping
from pathlib import Path

from segan_tl.errors import UserError


def name_channels(dataset: Mapping) -> list[str]:
    """Return the names of the input channels, in order, [] where there are none ("modality" in version 1)."""
    channels = dataset.get("channel_names") or dataset.get("modality") or {}
    if not isinstance(channels, Mapping):
        return []
    return [str(name) for _, name in sorted(channels.items(), key=lambda item: str(item[0]).rjust(9))]


def describe_outputs(dataset: Mapping) -> tuple[list[str], str]:
    """Return the names of the output channels of a dataset.json and the activation that belongs to them.

    Regions (a label that is a list of values) overlap and get sigmoids, without background, in the order of the file;
    labels get a softmax, in the order of their values.

    Raises:
        UserError: the labels are neither.
    """
    labels = dataset.get("labels") or {}
    try:
        if labels and all(str(key).isdigit() and isinstance(name, str) for key, name in labels.items()):
            labels = {name: int(key) for key, name in labels.items()}  # version 1
        labels = {str(name): value for name, value in labels.items() if name != "ignore"}
        if any(isinstance(value, list | tuple) and len(value) > 1 for value in labels.values()):
            return [name for name, value in labels.items() if value not in (0, [0])], "sigmoid"
        values = {name: int(value[0] if isinstance(value, list | tuple) else value) for name, value in labels.items()}
    except (TypeError, ValueError, AttributeError, IndexError) as error:
        raise UserError(f"dataset.json describes no labels ({error}): expected names with values such as 1") from None
    return sorted(values, key=values.get), "softmax" if values else "sigmoid"


def read_mapping(path: Path) -> dict:
    """Return the content of one of nnU-Net's JSON files.

    Raises:
        UserError: it cannot be read.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(f"{path} is no readable JSON file ({error}); give nnU-Net's own") from None
    if not isinstance(content, dict):
        raise UserError(f"{path} holds a {type(content).__name__}: expected an object; give nnU-Net's own")
    return content
