"""What a checkpoint holds, as values: networks, layers, weight statistics, provenance, what moved."""

import dataclasses
from pathlib import Path

import numpy as np

from segan_tl.disk.manifest import verify
from segan_tl.errors import UserError
from segan_tl.report.inspect.checkpoint import Layer, Network, content_sha256, read_network
from segan_tl.report.inspect.moved import compare_networks, summarise_changes
from segan_tl.runs import open_run, read_state
from segan_tl.zoo.find import spell

ORDER = ("segmentor", "critic")


@dataclasses.dataclass(frozen=True, eq=False)
class Inspected:
    """A run, or a single .keras file, as read.

    Attributes:
        title: what the user named.
        state: run.json, {} for a single file.
        networks: name of the file without suffix to what it holds.
    """

    title: str
    state: dict
    networks: dict[str, Network]


def inspect_target(target: str, *, runs: Path) -> Inspected:
    """Read a run's best checkpoint, all of it verified first, or a single .keras file.

    Raises:
        UserError: there is no such run or file, or it is damaged.
    """
    path = Path(target)
    if path.is_file() or path.suffix == ".keras":
        return Inspected(target, {}, {path.stem: read_network(path)})
    run = open_run(target, runs=runs)
    names = [Path(name).stem for name in verify(run.best) if name.endswith(".keras")]
    if not names:
        raise UserError(f"{run.best} holds no .keras file; train the run first")
    names.sort(key=lambda name: (ORDER.index(name) if name in ORDER else len(ORDER), name))
    networks = {name: read_network(run.best / f"{name}.keras") for name in names}
    state = read_state(run)
    if "critic" in networks and (state.get("transfer") or {}).get("strategy") == "freeze-critic":
        networks["critic"] = _stood_still(networks["critic"])
    return Inspected(spell(run.root), state, networks)


def is_unusable(inspected: Inspected) -> bool:
    """Return whether a network holds a class that runs code or is unknown, or weights that are no numbers."""
    return any(network.dangers or find_non_finite(network) for network in inspected.networks.values())


def find_non_finite(network: Network) -> dict[str, int]:
    """Return layer/weight → how many of its values are NaN or infinite, for those that have any."""
    wrong = {
        f"{layer.config.name}/{name}": weight_statistics(array)["non_finite"]
        for layer in network.layers
        for name, array in layer.weights.items()
    }
    return {place: number for place, number in wrong.items() if number}


def _stood_still(network: Network) -> Network:
    """Return a network with all layers frozen: it is published as the very file it came from, with that run's flags."""
    still = (Layer(dataclasses.replace(one.config, trainable=False), one.weights) for one in network.layers)
    return dataclasses.replace(network, layers=tuple(still))


def as_json(inspected: Inspected) -> dict:
    """Return everything that the tables show, as plain values."""
    return {
        "target": inspected.title,
        "state": inspected.state,
        "networks": {name: _network_json(network) for name, network in inspected.networks.items()},
    }


def changes_as_json(inspected: Inspected, reference: Inspected) -> dict:
    """Return what moved against a reference, as plain values."""
    result = {"target": reference.title, "networks": {}}
    for name in inspected.networks.keys() & reference.networks.keys():
        network, other = inspected.networks[name], reference.networks[name]
        changes = compare_networks(network, other)
        result["networks"][name] = {
            "files_identical": network.sha256 == other.sha256,
            "weights_identical": content_sha256(network) == content_sha256(other),
            "summary": summarise_changes(name, changes),
            "layers": [dataclasses.asdict(change) for change in changes],
        }
    return result


def weight_statistics(array: np.ndarray) -> dict:
    """Return mean, std, min and max of the finite values (None without any) and the number of the others."""
    finite = array[np.isfinite(array)].astype(np.float64)
    names = ("mean", "std", "min", "max")
    values = [float(getattr(finite, name)()) for name in names] if finite.size else [None] * 4
    return dict(zip(names, values)) | {"non_finite": int(array.size - finite.size)}


def _network_json(network: Network) -> dict:
    return {
        "file": str(network.path),
        "sha256": network.sha256,
        "weights_sha256": content_sha256(network),
        "verified": bool(network.verified),
        "keras_version": network.keras_version,
        "saved": network.saved,
        "parameters": sum(layer.parameters for layer in network.layers),
        "trainable_parameters": sum(layer.trainable_parameters for layer in network.layers),
        "dangers": list(network.dangers),
        "non_finite": find_non_finite(network),
        "remarks": list(network.remarks),
        "provenance": network.provenance,
        "layers": [_layer_json(layer) for layer in network.layers],
    }


def _layer_json(layer: Layer) -> dict:
    weights = {
        name: {"shape": list(array.shape), "dtype": str(array.dtype)} | weight_statistics(array)
        for name, array in layer.weights.items()
    }
    return {
        "name": layer.config.name,
        "class": layer.config.class_name,
        "output_shape": layer.config.output_shape,
        "trainable": layer.config.trainable,
        "parameters": layer.parameters,
        "weights": weights,
    }
