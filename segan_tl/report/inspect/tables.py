"""What a checkpoint holds, for the terminal: provenance and tables of layers and changes."""

import math

from rich.table import Table
from rich.text import Text

from segan_tl.console import console, print_table
from segan_tl.errors import UserError
from segan_tl.report.inspect.checkpoint import Network
from segan_tl.report.inspect.moved import Change, compare_networks, summarise_changes
from segan_tl.report.inspect.networks import Inspected, find_non_finite, weight_statistics

NARROW_COLUMNS = ("layer", "state", "weight", "shape", "std")
WIDE_COLUMNS = (
    "layer", "class", "output", "state", "weight", "shape", "parameters", "mean", "std", "min", "max", "NaN/inf",
)  # fmt: skip
WIDE = 150


def print_inspected(inspected: Inspected) -> None:
    """Print provenance, then one table a network."""
    print_provenance(inspected)
    for name, network in inspected.networks.items():
        table = _network_table(name, network)
        console.print()
        print_table(table)
        total = sum(layer.parameters for layer in network.layers)
        trainable = sum(layer.trainable_parameters for layer in network.layers)
        wrong = find_non_finite(network)
        console.print(
            f"{name}: {len(network.layers)} layers, {total:,} parameters, {trainable:,} trainable, "
            f"{total - trainable:,} not, {sum(wrong.values()):,} weights NaN or infinite",
            soft_wrap=True,
        )
        for remark in network.remarks:
            console.print(f"remark {remark}", style="yellow", soft_wrap=True)
        for place, number in wrong.items():
            line = f"NaN {network.path}: {number} values of {place} are NaN or infinite; do not use this file"
            console.print(line, style="bold red", soft_wrap=True)
        for danger in network.dangers:
            line = f"DANGER {network.path}: {danger}; do not load this file"
            console.print(line, style="bold red", soft_wrap=True)


def print_provenance(inspected: Inspected) -> None:
    """Print where the networks come from and whether the files are what the run saved."""
    state = inspected.state or next(iter(inspected.networks.values())).provenance
    lines = [inspected.title]
    if "best_epoch" in state:
        lines[0] += f"  {state.get('state', '')}, best epoch {state['best_epoch']} of {state.get('epochs', '?')}"
        if isinstance(state.get("best_dice"), float):
            lines[0] += f", validation Dice {state['best_dice']:.4f}"
    if state.get("modalities"):
        seed = f"; seed {state.get('seed')}, {state.get('replicas', '?')} replicas, {state.get('precision', '?')}"
        what = f"{', '.join(state.get('regions', []))} in {', '.join(state['modalities'])}"
        lines.append(f"  segments   {what}{seed if 'seed' in state else ''}")
    if "source_sha256" in state:
        origin = f"{state.get('software')}, {state.get('configuration')}: {state.get('source')}"
        lines.append(f"  imported   from {origin}, sha256 {state['source_sha256']}")
    data = state.get("data")
    if isinstance(data, dict):
        text = ", ".join(f"{key} {_plain(value)}" for key, value in data.items() if key != "synthetic")
        lines.append(f"  data       {text}{', SYNTHETIC' if data.get('synthetic') else ''}")
    transfer = state.get("transfer")
    if isinstance(transfer, dict):
        lines.append(
            f"  started    from {transfer.get('source')}, strategy {transfer.get('strategy')}, its segmentor's sha256 "
            f"{transfer.get('source_sha256')}"
        )
    pretrained = state.get("pretrained")
    if isinstance(pretrained, dict) and not isinstance(transfer, dict):
        lines.append(f"  started    from {pretrained.get('file')}, sha256 {pretrained.get('sha256')}")
    if isinstance(state.get("versions"), dict):
        commit = f", commit {state['commit']}" if state.get("commit") else ""
        lines.append(f"  made with  {_plain(state['versions'])}{commit}")
    for network in inspected.networks.values():
        checked = "verified against its manifest" if network.verified else "no manifest: not verified"
        made = f"Keras {network.keras_version}, {network.saved}"
        lines.append(f"  {network.path.name}  sha256 {network.sha256}, {checked}; {made}")
    for line in lines:
        console.print(line, markup=False, soft_wrap=True)


def print_changes(inspected: Inspected, reference: Inspected) -> None:
    """Print one table a network that both hold, then one sentence for each."""
    shared = [name for name in inspected.networks if name in reference.networks]
    if not shared:
        raise UserError(
            f"{inspected.title} holds {', '.join(inspected.networks)}, {reference.title} "
            f"{', '.join(reference.networks)}: nothing to compare; give two runs, or two files of one name"
        )
    summaries = []
    for name in shared:
        network, other = inspected.networks[name], reference.networks[name]
        changes = compare_networks(network, other)
        console.print()
        table = _change_table(f"{name}: {inspected.title} against {reference.title}", network, changes)
        print_table(table)
        files = "the files too" if network.sha256 == other.sha256 else "the files differ"
        summaries.append(f"{summarise_changes(name, changes)} ({files})")
    for name in inspected.networks.keys() ^ reference.networks.keys():
        summaries.append(f"{name}: only in {inspected.title if name in inspected.networks else reference.title}")
    for summary in summaries:
        console.print(summary, markup=False, soft_wrap=True)


def _network_table(name: str, network: Network) -> Table:
    table = Table(title=f"{name} ({network.name})", title_justify="left")
    # A terminal of the usual 80 columns holds five of them.
    wide = not console.is_terminal or console.width >= WIDE
    headings = WIDE_COLUMNS if wide else NARROW_COLUMNS
    for heading in headings:
        left = heading in ("layer", "class", "state", "weight")
        table.add_column(heading, justify="left" if left else "right", no_wrap=True)
    for layer in network.layers:
        config = layer.config
        state = "" if not layer.weights else "trainable" if config.trainable else "frozen"
        cells = {
            "layer": config.name,
            "class": config.class_name,
            "output": _shape(config.output_shape),
            "state": state,
        }
        for weight, array in layer.weights.items():
            numbers = weight_statistics(array)
            cells |= {key: _number(numbers[key]) for key in ("mean", "std", "min", "max")}
            cells |= {"weight": weight, "shape": "×".join(map(str, array.shape)), "parameters": f"{array.size:,}"}
            cells["NaN/inf"] = Text(str(numbers["non_finite"]), style="red" if numbers["non_finite"] else "")
            table.add_row(*(cells.get(heading, "") for heading in headings))
            cells = {}
        if not layer.weights:
            table.add_row(*(cells.get(heading, "") for heading in headings), style="dim")
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
