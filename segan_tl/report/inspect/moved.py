"""What moved between two checkpoints: layer by layer, matched by name."""

from dataclasses import dataclass

import numpy as np

from segan_tl.report.inspect.checkpoint import Layer, Network


@dataclass(frozen=True)
class Change:
    """One layer with weights in two networks.

    Attributes:
        identical: every weight is equal, byte for byte.
        moved: names of the weights that differ.
        largest: largest absolute difference; None where the layers cannot be compared.
        relative: Euclidean norm of the difference over that of the reference's weights; None where that is 0.
        remark: why the layers cannot be compared, "" where they can.
    """

    name: str
    class_name: str
    identical: bool
    moved: tuple[str, ...] = ()
    largest: float | None = None
    relative: float | None = None
    remark: str = ""


def compare_networks(network: Network, reference: Network) -> list[Change]:
    """Compare every layer that has weights with the reference's layer of the same name.

    Layers of the reference that the network lacks come last.
    """
    ours = {layer.config.name: layer for layer in network.layers if layer.weights}
    theirs = {layer.config.name: layer for layer in reference.layers if layer.weights}
    changes = [_compare(name, layer, theirs.get(name)) for name, layer in ours.items()]
    missing = [layer for name, layer in theirs.items() if name not in ours]
    return changes + [
        Change(layer.config.name, layer.config.class_name, False, remark=f"only in {reference.path}")
        for layer in missing
    ]


def summarise_changes(name: str, changes: list[Change]) -> str:
    """Say in one line what happened to a network."""
    compared = [change for change in changes if not change.remark]
    moved = [change for change in compared if not change.identical]
    if not moved:
        what = f"byte-identical in all {len(compared)} layers" if compared else "no layer in common"
    else:
        what = f"{len(moved)} of {len(compared)} layers moved"
    alone = len(changes) - len(compared)
    return f"{name}: {what}" + (f"; {alone} cannot be compared" if alone else "")


def _compare(name: str, layer: Layer, other: Layer | None) -> Change:
    class_name = layer.config.class_name
    if other is None:
        return Change(name, class_name, False, remark="only in this network")
    shapes, other_shapes = ({key: array.shape for key, array in one.weights.items()} for one in (layer, other))
    if shapes != other_shapes:
        return Change(name, class_name, False, remark=f"other shapes: {_times(shapes)} against {_times(other_shapes)}")
    moved = tuple(key for key, array in layer.weights.items() if not _same_bytes(array, other.weights[key]))
    if not moved:
        return Change(name, class_name, True, largest=0.0, relative=0.0)
    ours, theirs = (_flat(one) for one in (layer, other))
    difference, norm = ours - theirs, float(np.linalg.norm(theirs))
    relative = float(np.linalg.norm(difference)) / norm if norm else None
    return Change(name, class_name, False, moved, float(np.abs(difference).max()), relative)


def _flat(layer: Layer) -> np.ndarray:
    return np.concatenate([array.ravel().astype(np.float64) for array in layer.weights.values()])


def _same_bytes(array: np.ndarray, other: np.ndarray) -> bool:
    return array.dtype == other.dtype and array.tobytes() == other.tobytes()


def _times(shapes: dict[str, tuple[int, ...]]) -> str:
    return ", ".join(f"{name} " + "×".join(map(str, shape)) for name, shape in shapes.items())
