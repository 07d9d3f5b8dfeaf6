"""A .keras file read as data: configuration, provenance and weights, without loading the model."""

import hashlib
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from segan_tl.disk.manifest import sha256, verify
from segan_tl.disk.ownership import MANIFEST
from segan_tl.errors import UserError
from segan_tl.models.archive import CONFIG, read_archive
from segan_tl.models.dangers import NO_NETWORK, examine
from segan_tl.models.weights_file import read_arrays
from segan_tl.report.inspect.architecture import LayerConfig, read_layers


@dataclass(frozen=True, eq=False)
class Layer:
    """A layer and its weights by name."""

    config: LayerConfig
    weights: dict[str, np.ndarray]

    @property
    def parameters(self) -> int:
        """Return the number of its weights."""
        return sum(array.size for array in self.weights.values())

    @property
    def trainable_parameters(self) -> int:
        """Return how many of them training may change: none of a frozen layer, no moving statistics."""
        if not self.config.trainable:
            return 0
        return sum(array.size for name, array in self.weights.items() if not name.startswith("moving_"))


@dataclass(frozen=True, eq=False)
class Network:
    """One .keras file.

    Attributes:
        verified: the file agrees with the manifest beside it; None where there is no manifest.
        dangers: classes that would run code, or are unknown: do not load such a file.
        remarks: where configuration and weights disagree.
    """

    path: Path
    name: str
    sha256: str
    verified: bool | None
    layers: tuple[Layer, ...]
    keras_version: str
    saved: str
    provenance: dict
    dangers: tuple[str, ...]
    remarks: tuple[str, ...]


def read_network(path: Path) -> Network:
    """Read a .keras file; nothing in it is executed and Keras is not imported.

    The manifest beside the file is checked first, where there is one.

    Raises:
        UserError: no such file, no .keras archive, implausible sizes, or weights that cannot be read.
    """
    manifest = path.parent / MANIFEST
    verified = True if path.is_file() and manifest.is_file() and path.name in verify(path.parent) else None
    archive = read_archive(path)
    dangers = examine(path, archive.config)
    try:
        configs = read_layers(archive.config)
    except NO_NETWORK as error:
        raise UserError(
            f"{path}: {CONFIG} does not describe a Keras model ({error!r}); do not trust this file"
        ) from None
    arrays, names = read_arrays(path)
    layers, remarks = _join(configs, arrays, names)
    name = str(archive.config["config"].get("name", path.stem))
    saved = str(archive.metadata.get("date_saved", "unknown"))
    return Network(
        path, name, sha256(path), verified, layers, archive.keras_version, saved, archive.provenance, tuple(dangers),
        tuple(remarks),
    )  # fmt: skip


def content_sha256(network: Network) -> str:
    """Return the sha256 of all weights with their names and shapes, whenever and wherever they were saved."""
    digest = hashlib.sha256()
    for layer in network.layers:
        for name, array in layer.weights.items():
            digest.update(f"{layer.config.name}/{name}{array.dtype}{array.shape}".encode())
            digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


# === Configuration and weights together ===


def _join(configs: list[LayerConfig], arrays: dict, names: dict) -> tuple[tuple[Layer, ...], list[str]]:
    """Give every layer the arrays of its group; what no layer claims becomes a layer of its own."""
    layers, remarks, unclaimed = [], [], dict(arrays)
    for config in configs:
        keys = sorted((key for key in unclaimed if key.startswith(f"{config.group}/")), key=_natural)
        noted = names.get(f"{config.group}/vars", config.name)
        if noted not in (config.name, config.name.rsplit("/", 1)[-1]):
            remarks.append(f"{CONFIG} calls a layer {config.name}, the weight file {noted}")
        labels = config.variables if len(config.variables) == len(keys) else [_short(key, config.group) for key in keys]
        layers.append(Layer(config, {label: unclaimed.pop(key) for label, key in zip(labels, keys)}))
    for group in dict.fromkeys(key.rsplit("/vars/", 1)[0] for key in unclaimed):
        keys = sorted((key for key in unclaimed if key.rsplit("/vars/", 1)[0] == group), key=_natural)
        name = names.get(f"{group}/vars", group)
        remarks.append(f"the weights of {name} belong to no layer of {CONFIG}")
        config = LayerConfig(name, "unknown", group, None, True, ())
        layers.append(Layer(config, {_short(key, group): unclaimed[key] for key in keys}))
    return tuple(layers), remarks


def _natural(key: str) -> list[tuple[int, str]]:
    return [(int(part), "") if part.isdigit() else (math.inf, part) for part in key.split("/")]


def _short(key: str, group: str) -> str:
    return key.removeprefix(f"{group}/").removeprefix("vars/")
