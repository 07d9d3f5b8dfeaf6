"""A .keras file read as data: configuration, provenance and weights, without loading the model."""

import hashlib
import json
import math
import os
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from segan_tl.errors import UserError
from segan_tl.report.architecture import LayerConfig, find_dangers, read_layers
from segan_tl.runs import MANIFEST, sha256, verify
from segan_tl.schemas.reading import Schema, parse_json
from segan_tl.schemas.runs import Member, Provenance

READER = Path(__file__).with_name("weights_reader.py")
CONFIG, METADATA, WEIGHTS, PROVENANCE = "config.json", "metadata.json", "model.weights.h5", "segan_tl.json"
LARGEST_BYTES = {CONFIG: 50_000_000, METADATA: 1_000_000, PROVENANCE: 1_000_000, WEIGHTS: 8_000_000_000}
MOST_MEMBERS = 1000
LARGEST_RATIO = 100
BASE_MEMORY_BYTES = 2 * 2**30
READER_SECONDS = 300


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
    if not path.is_file():
        raise UserError(f"expected a .keras file; {path} does not exist; check the path")
    verified = True if (path.parent / MANIFEST).is_file() and path.name in verify(path.parent) else None
    try:
        with zipfile.ZipFile(path) as archive:
            _check_members(path, archive)
            config = _read_json(path, archive, CONFIG)
            metadata = _read_json(path, archive, METADATA)
            provenance = _read_json(path, archive, PROVENANCE, Provenance)
            arrays, names = _read_weights(path, archive)
    except (zipfile.BadZipFile, zipfile.LargeZipFile, NotImplementedError, EOFError) as error:
        raise UserError(f"{path} is no readable .keras file ({error}); give a file that Keras 3 saved") from None
    try:
        configs, dangers = read_layers(config), find_dangers(config)
    except (KeyError, TypeError, AttributeError, IndexError, RecursionError) as error:
        raise UserError(
            f"{path}: {CONFIG} does not describe a Keras model ({error!r}); do not trust this file"
        ) from None
    layers, remarks = _join(configs, arrays, names)
    name = str(config.get("config", {}).get("name", path.stem))
    versions = str(metadata.get("keras_version", "unknown")), str(metadata.get("date_saved", "unknown"))
    return Network(
        path, name, sha256(path), verified, layers, *versions, provenance, tuple(dangers), tuple(remarks)
    )  # fmt: skip


def content_sha256(network: Network) -> str:
    """Return the sha256 of all weights with their names and shapes, whenever and wherever they were saved."""
    digest = hashlib.sha256()
    for layer in network.layers:
        for name, array in layer.weights.items():
            digest.update(f"{layer.config.name}/{name}{array.dtype}{array.shape}".encode())
            digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


# === The archive ===


def _check_members(path: Path, archive: zipfile.ZipFile) -> None:
    members = archive.infolist()
    if len(members) > MOST_MEMBERS:
        raise UserError(f"{path} holds {len(members)} members, a .keras file a handful; do not trust this file")
    sizes = {member.filename: member for member in members}
    for name in (CONFIG, WEIGHTS):
        if name not in sizes:
            raise UserError(f"{path} holds no {name}; expected a .keras file that Keras 3 saved; give one")
    for name, largest in LARGEST_BYTES.items():
        member = sizes.get(name)
        if member and (
            member.file_size > largest or member.file_size > LARGEST_RATIO * max(member.compress_size, 1000)
        ):
            raise UserError(f"{path}: {name} is implausibly large ({member.file_size} bytes); do not trust this file")


def _read_json(path: Path, archive: zipfile.ZipFile, name: str, schema: type[Schema] = Member) -> dict:
    if name not in archive.namelist():
        return {}
    with archive.open(name) as member:
        text = member.read(LARGEST_BYTES[name] + 1)
    return parse_json(text, schema, where=f"{path}: {name}")


def _read_weights(path: Path, archive: zipfile.ZipFile) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """Let a limited child process read the HDF5 member; return group → array and group → layer name."""
    with tempfile.TemporaryDirectory(prefix="segan_tl_") as folder:
        weights, output = Path(folder) / "weights.h5", Path(folder) / "weights.npz"
        with archive.open(WEIGHTS) as member, weights.open("wb") as file:
            while block := member.read(2**20):
                file.write(block)
        memory_bytes = BASE_MEMORY_BYTES + 4 * weights.stat().st_size
        # -P: the folder of the script stays off the path, where inspect.py would hide Python's own.
        command = [sys.executable, "-P", str(READER), str(weights), str(output), str(memory_bytes)]
        environment = os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        try:
            answer = subprocess.run(
                command, capture_output=True, text=True, timeout=READER_SECONDS, env=environment, check=False
            )
            said = json.loads(answer.stdout) if answer.stdout.strip() else {}
        except (subprocess.TimeoutExpired, ValueError):
            answer, said = None, {}
        if answer is None or answer.returncode or "error" in said:
            reason = said.get("error", "the reading process was ended: out of its time or memory, or HDF5 failed")
            raise UserError(f"{path}: the weights cannot be read safely ({reason}); do not trust this file")
        with np.load(output, allow_pickle=False) as saved:
            return {name: saved[name] for name in saved.files}, said["names"]


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
