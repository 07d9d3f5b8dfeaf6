"""Weights and inputs that anybody can make again, and what the authors' own PyTorch code gives for them.

A weight depends on its PyTorch name and flat index alone: s_i = sin(0.7 i + 0.3 j + 0.1), j = crc32(name) mod 997,
scaled to keep activations near 1; an input is sin(0.01 i). `golden_outputs.json` holds mean, standard deviation,
minimum, maximum and the elements at 0, N // 3, N // 2, N − 1 (PyTorch's order of axes) that the published code printed.
"""

import json
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

OUTPUTS = Path(__file__).with_name("golden_outputs.json")


def golden_state(names_shapes: Mapping[str, Sequence[int]]) -> dict[str, np.ndarray]:
    """Return the golden weights: PyTorch name → float32 array in PyTorch's layout."""
    return {name: _golden_tensor(name, tuple(shape)) for name, shape in names_shapes.items()}


def golden_input(shape: Sequence[int]) -> np.ndarray:
    """Return the golden input of PyTorch shape (B, C, …) with its channels last: (B, …, C) float32."""
    values = np.sin(0.01 * np.arange(np.prod(shape))).astype("float32").reshape(shape)
    return np.ascontiguousarray(np.moveaxis(values, 1, -1))


def check_golden(output, name: str, *, tolerance: float = 5e-4) -> None:
    """Hold an output (B, …, C) to the published numbers called `name` within tolerance · max(1, standard deviation)."""
    (expected,) = [entry for entry in json.loads(OUTPUTS.read_text())["outputs"] if entry["name"] == name]
    values = np.moveaxis(np.asarray(output, dtype="float64"), -1, 1)
    assert list(values.shape) == expected["shape"]
    flat = values.ravel()
    picked = [flat[i] for i in (0, flat.size // 3, flat.size // 2, -1)]
    found = np.array([flat.mean(), flat.std(), flat.min(), flat.max(), *picked])
    wanted = np.array([*(expected[key] for key in ("mean", "std", "min", "max")), *expected["elements"]])
    assert np.abs(found - wanted).max() <= tolerance * max(1.0, expected["std"]), f"{name}: {found} instead of {wanted}"


def _golden_tensor(name, shape):
    """Return one golden tensor."""
    if name.endswith(("running_mean", "running_var")):
        return np.full(shape, name.endswith("running_var"), "float32")
    offset = zlib.crc32(name.encode()) % 997
    wave = np.sin(0.7 * np.arange(np.prod(shape)) + 0.3 * offset + 0.1).astype("float32").reshape(shape)
    if len(shape) >= 2:
        return wave * np.float32(np.sqrt(2 / np.prod(shape[1:])))
    return 1 + np.float32(0.1) * wave if name.endswith("weight") else np.float32(0.05) * wave
