"""What a checkpoint holds, for the terminal and for machines: networks, layers, weights, provenance, what moved."""

import dataclasses
import math
from pathlib import Path

import numpy as np
from rich.table import Table

from segan_tl.console import console
from segan_tl.errors import UserError
from segan_tl.report.checkpoint import Layer, Network, content_sha256, read_network
from segan_tl.report.comparison import Change, compare_networks, summarise_changes
from segan_tl.runs import Run, open_run, read_json, verify

ORDER = ("segmentor", "critic")
PIPED_WIDTH = 150


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
    return Inspected(str(run.root), _read_state(run), networks)


def has_dangers(inspected: Inspected) -> bool:
    """Return whether a network holds a class that runs code or is unknown."""
    return any(network.dangers for network in inspected.networks.values())


def _read_state(run: Run) -> dict:
    return read_json(run.state) if run.state.is_file() else {}


# === For machines ===


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


# === For the terminal ===


def print_inspected(inspected: Inspected) -> None:
    """Print provenance, then one table a network."""
    print_provenance(inspected)
    for name, network in inspected.networks.items():
        table = _network_table(name, network)
        console.print()
        console.print(table, width=console.width if console.is_terminal else PIPED_WIDTH)
        total = sum(layer.parameters for layer in network.layers)
        trainable = sum(layer.trainable_parameters for layer in network.layers)
        bad = sum(
            weight_statistics(array)["non_finite"] for layer in network.layers for array in layer.weights.values()
        )
        console.print(
            f"{name}: {len(network.layers)} layers, {total:,} parameters, {trainable:,} trainable, {total - trainable:,} "
            f"not, {bad:,} weights NaN or infinite",
            soft_wrap=True,
        )
        for remark in network.remarks:
            console.print(f"[yellow]remark[/] {remark}", soft_wrap=True)
        for danger in network.dangers:
            console.print(f"[bold red]DANGER[/] {network.path}: {danger}; do not load this file", soft_wrap=True)


def print_provenance(inspected: Inspected) -> None:
    """Print where the networks come from and whether the files are what the run saved."""
    state = inspected.state or next(iter(inspected.networks.values())).provenance
    lines = [inspected.title]
    if "best_epoch" in state:
        lines[0] += f"  {state.get('state', '')}, best epoch {state['best_epoch']} of {state.get('epochs', '?')}"
        if isinstance(state.get("best_dice"), float):
            lines[0] += f", validation Dice {state['best_dice']:.4f}"
    if state.get("modalities"):
        seed = f"seed {state.get('seed')}, {state.get('replicas', '?')} replicas, {state.get('precision', '?')}"
        lines.append(f"  segments   {', '.join(state.get('regions', []))} in {', '.join(state['modalities'])}; {seed}")
    data = state.get("data")
    if isinstance(data, dict):
        text = ", ".join(f"{key} {_plain(value)}" for key, value in data.items() if key != "synthetic")
        lines.append(f"  data       {text}{', SYNTHETIC' if data.get('synthetic') else ''}")
    if state.get("source"):
        lines.append(f"  source     {_plain(state['source'])}")
    if isinstance(state.get("versions"), dict):
        commit = f", commit {state['commit']}" if state.get("commit") else ""
        lines.append(f"  made with  {_plain(state['versions'])}{commit}")
    for network in inspected.networks.values():
        checked = "verified against its manifest" if network.verified else "no manifest: not verified"
        lines.append(
            f"  {network.path.name}  sha256 {network.sha256}, {checked}; Keras {network.keras_version}, {network.saved}"
        )
    for line in lines:
        console.print(line, markup=False, soft_wrap=True)


def print_changes(inspected: Inspected, reference: Inspected) -> None:
    """Print one table a network that both hold, then one sentence for each."""
    shared = [name for name in inspected.networks if name in reference.networks]
    if not shared:
        raise UserError(
            f"{inspected.title} holds {', '.join(inspected.networks)}, {reference.title} {', '.join(reference.networks)}: "
            "nothing to compare; give two runs, or two files of one name"
        )
    summaries = []
    for name in shared:
        network, other = inspected.networks[name], reference.networks[name]
        changes = compare_networks(network, other)
        console.print()
        table = _change_table(f"{name}: {inspected.title} against {reference.title}", network, changes)
        console.print(table, width=console.width if console.is_terminal else PIPED_WIDTH)
        files = "the files too" if network.sha256 == other.sha256 else "the files differ"
        summaries.append(f"{summarise_changes(name, changes)} ({files})")
    for name in inspected.networks.keys() ^ reference.networks.keys():
        summaries.append(f"{name}: only in {inspected.title if name in inspected.networks else reference.title}")
    for summary in summaries:
        console.print(summary, markup=False, soft_wrap=True)


def _network_table(name: str, network: Network) -> Table:
    table = Table(title=f"{name} ({network.name})", title_justify="left")
    for heading, justify in (
        ("layer", "left"), ("class", "left"), ("output", "right"), ("state", "left"), ("weight", "left"),
        ("shape", "right"), ("parameters", "right"), ("mean", "right"), ("std", "right"), ("min", "right"),
        ("max", "right"), ("NaN/inf", "right"),
    ):  # fmt: skip
        table.add_column(heading, justify=justify, no_wrap=heading in ("layer", "shape", "parameters"))
    for layer in network.layers:
        config = layer.config
        state = "" if not layer.weights else "trainable" if config.trainable else "frozen"
        first = [config.name, config.class_name, _shape(config.output_shape), state]
        for weight, array in layer.weights.items():
            numbers = weight_statistics(array)
            cells = [_number(numbers[key]) for key in ("mean", "std", "min", "max")]
            bad = f"[red]{numbers['non_finite']}[/]" if numbers["non_finite"] else "0"
            table.add_row(*first, weight, "×".join(map(str, array.shape)), f"{array.size:,}", *cells, bad)
            first = [""] * 4
        if not layer.weights:
            table.add_row(*first, *[""] * 8, style="dim")
    return table


def _change_table(title: str, network: Network, changes: list[Change]) -> Table:
    frozen = {layer.config.name for layer in network.layers if not layer.config.trainable}
    table = Table(title=title, title_justify="left")
    for heading in ("layer", "class", "state", "change"):
        table.add_column(heading)
    for heading in ("max |Δ|", "‖Δ‖ / ‖w‖"):
        table.add_column(heading, justify="right")
    table.add_column("weights that moved")
    for change in changes:
        state = "frozen" if change.name in frozen else "trainable"
        what = change.remark or ("identical" if change.identical else "moved")
        numbers = ("", "") if change.remark else (_number(change.largest), _number(change.relative))
        table.add_row(change.name, change.class_name, state, what, *numbers, ", ".join(change.moved))
    return table


def _shape(shape: tuple[int | None, ...] | None) -> str:
    return "?" if shape is None else "×".join("·" if size is None else str(size) for size in shape[1:])


def _number(value: float | None) -> str:
    if value is None:
        return "-"
    return "0" if value == 0 else f"{value:.3g}" if math.isfinite(value) else str(value)


def _plain(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {_plain(item)}" for key, item in value.items())
    return str(value)
