"""What was trained on what, and with what: the facts of a run as a list."""

import math
from html import escape

from segan_tl.config.families import FAMILIES
from segan_tl.config.upgrade import upgrade
from segan_tl.console import duration
from segan_tl.report.html.tables import show
from segan_tl.report.record import FinishedRun


def facts(one: FinishedRun) -> str:
    """Return a <dl>: what was trained on what, and with what."""
    state, data = one.state, one.state.get("data", {})
    counts = data.get("cases") or {part: len(cases) for part, cases in one.split.items()}
    items = {
        "network": f"{_network(one)}, {', '.join(name.upper() for name in one.modalities)} → "
        f"{', '.join(region.upper() for region in one.regions)}",
        "data": f"{data.get('folder', '?')} ({data.get('layout', 'unknown layout')}"
        + (", SYNTHETIC: simulated, no patients)" if one.synthetic else ")"),
        "cases": ", ".join(f"{count} {part}" for part, count in counts.items()),
        "transfer": _transfer(state.get("transfer")),
        "training": _training(one),
        "seed": state.get("seed"),
        "precision": f"{state.get('precision', '?')}, {state.get('replicas', '?')} replica(s)",
        "versions": ", ".join(f"{name} {version}" for name, version in state.get("versions", {}).items()),
        "commit": state.get("commit"),
        "command": state.get("command"),
        "made by": _remark_on_command(state),
    }
    lines = [
        f"<dt>{name}</dt><dd>{_code(value) if name in ('command', 'commit') else escape(str(value))}</dd>"
        for name, value in items.items()
        if value not in (None, "")
    ]
    return f'<dl class="facts">{"".join(lines)}</dl>'


def _network(one: FinishedRun) -> str:
    """Say which architecture it is, and the name of its configuration."""
    config = upgrade(one.config)
    model, critic = config.get("model", {}), config.get("critic")
    family = model.get("family")
    if family == "segan" and critic is not None:
        name = "SegAN" if critic.get("input") == "mask" else "SegAN-CAT"
    else:
        name = FAMILIES[family].title if family in FAMILIES else str(family)
        name += f" ({model['variant']})" if model.get("variant") else ""
        name += " with a critic" if critic is not None else ""
    configuration = one.config.get("name", one.state.get("name", "?"))
    return f"{name}, configuration {configuration}" if name else str(configuration)


def _remark_on_command(state: dict) -> str | None:
    """Tell a network from scratch that a transfer trained along with its own: the command is the transfer's."""
    is_scratch = "transfer" in str(state.get("command", "")).split("--")[0] and not state.get("transfer")
    return "that command, from scratch, to compare its transfer with" if is_scratch else None


def _code(value) -> str:
    return f"<code>{escape(str(value))}</code>"


def _training(one: FinishedRun) -> str:
    """Say how long it took and which epoch was taken."""
    state = one.state
    seconds = one.history.get("seconds")
    text = f"{state.get('epochs', '?')} epochs"
    if seconds is not None:
        text += f" in {duration(float(sum(value for value in seconds if math.isfinite(value))))}"
    if state.get("best_epoch"):
        text += f"; best validation Dice {show(state.get('best_dice'))} in epoch {state['best_epoch']}"
    return text


def _transfer(transfer: dict | None) -> str | None:
    if not transfer:
        return None
    inputs = ", ".join(f"{target} from {source or 'random'}" for target, source in transfer.get("inputs", {}).items())
    return f"from {transfer.get('source')}, strategy {transfer.get('strategy')}" + (f" ({inputs})" if inputs else "")
