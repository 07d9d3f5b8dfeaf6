"""The sides of a row of jax_speed.py, a process each, and the turns that they take."""

import argparse
import importlib.util
import multiprocessing
import os
import statistics
import time

from jax_rows import NETWORKS, Row, config_of, sizes_of

LOSS_TOLERANCE = {"float32": 1e-4, "TensorFloat-32": 5e-3, "bfloat16": 2e-2}
TURN_SECONDS, MOST_STEPS = 0.5, 50  # of a turn


class SideFailed(Exception):
    """A side could not go on; why, in a line."""


class OutOfTime(Exception):
    """The minutes are over."""


# === A side: a process that does what it is told ===


def serve(pipe, name: str, row: Row, options: argparse.Namespace) -> None:
    """Build; at the first word (weights, for PyTorch) start, then run as many steps as each number says, 0 for none."""
    try:
        side = (jax_side if name == "jax" else torch_side)(row, options)
        if name == "jax":
            pipe.recv()
            pipe.send(side.start() | {"weights": side.weights})
        else:
            pipe.send(side.start(pipe.recv()))
        while steps := pipe.recv():
            pipe.send({"seconds": side.run(steps)})
        pipe.send({"peak_gib": side.peak_gib()})
    except Exception as error:  # out of memory, a package that is older: the other rows go on
        lines = str(error).strip().splitlines() or [""]
        pipe.send({"failed": f"{type(error).__name__}: {lines[0][:200]}"})


def jax_side(row: Row, options: argparse.Namespace):
    """Return the side of JAX; what decides how Keras and JAX start is set before they are imported."""
    os.environ |= {"KERAS_BACKEND": "jax", "KERAS_HOME": os.path.join(os.devnull, "keras")}
    os.environ["XLA_PYTHON_CLIENT_PREALLOCATE"] = "false"
    os.environ["JAX_PLATFORMS"] = "cpu" if options.device == "cpu" else "cuda,cpu"
    from jax_side import JaxRow

    return JaxRow(row, size=options.size, batch_size=options.batch_size, gpu=options.device != "cpu")


def torch_side(row: Row, options: argparse.Namespace):
    """Return the side of PyTorch."""
    from torch_side import TorchRow

    return TorchRow(row, size=options.size, batch_size=options.batch_size, device=options.device)


class Side:
    """The process of a side, seen from here."""

    def __init__(self, name: str, row: Row, options: argparse.Namespace):
        context = multiprocessing.get_context("spawn")
        self.pipe, end = context.Pipe()
        self.process = context.Process(target=serve, args=(end, name, row, options), daemon=True)
        self.process.start()
        end.close()

    def ask(self, word, until: float) -> dict:
        """Send a word and return the answer."""
        try:
            self.pipe.send(word)
            if not self.pipe.poll(max(until - time.monotonic(), 0)):
                raise OutOfTime
            answer = self.pipe.recv()
        except (EOFError, OSError):  # killed, for memory say
            self.process.join(5)
            raise SideFailed(f"the process ended with {self.process.exitcode}") from None
        if "failed" in answer:
            raise SideFailed(answer["failed"])
        return answer

    def end(self) -> None:
        """End the process, whatever it does."""
        self.process.kill()
        self.process.join()


# === A row ===


def start_sides(row: Row, options: argparse.Namespace) -> dict[str, Side]:
    """Start the processes of a row, which build their networks and wait."""
    return {name: Side(name, row, options) for name in ("jax", *(() if lacking(row) else ("torch",)))}


def lacking(row: Row) -> str | None:
    """Return why there is no side of PyTorch; None where there is one."""
    package = NETWORKS[row.network].package
    if package is None:
        return "JAX alone: no package of PyTorch has it"
    for needed in {package, "torch"} | ({"monai"} if row.kind == "inference" and package != "torch" else set()):
        if importlib.util.find_spec(needed) is None:
            return f"JAX alone: {needed} is not installed"
    return None


def measure(row: Row, sides: dict[str, Side], options: argparse.Namespace, until: float) -> dict:
    """Return what is known of a row after its turns, as columns; a side that fails leaves the other one going."""
    notes, seconds, started, peaks = [lacking(row)], {name: [] for name in sides}, {}, {}
    alive = dict(sides)

    def ask(name: str, word):
        try:
            return alive[name].ask(word, until)
        except SideFailed as failure:
            notes.append(f"{name} failed ({failure})")
            alive.pop(name).end()
            return None

    try:
        for name in sides:
            started[name] = ask(name, started["jax"] and started["jax"]["weights"] if name == "torch" else "go")
        steps = {name: options.steps or calibrated(ask, name) for name in list(alive)}
        for _ in range(options.rounds):
            for name in list(alive):
                if answer := ask(name, steps[name]):
                    seconds[name].append(answer["seconds"] / steps[name])
        peaks = {f"{name}_peak_gib": (ask(name, 0) or {}).get("peak_gib") for name in list(alive)}
    except OutOfTime:
        notes.append("stopped: the minutes are over")
    found = described(row, started, notes, options)
    return found | peaks | rates(row, seconds, found["batch"]) | {"note": "; ".join(filter(None, notes))}


def calibrated(ask, name: str) -> int:
    """Return how many steps a turn of a side has."""
    answer = ask(name, 1) and ask(name, 1)  # the first one warms up; a side that fails answers nothing
    return min(max(round(TURN_SECONDS / answer["seconds"]), 1), MOST_STEPS) if answer else 1


def described(row: Row, started: dict, notes: list, options: argparse.Namespace) -> dict:
    """Return the columns that are known before the turns; note where the sides do not do the same."""
    ours, theirs = (started.get(name) or {} for name in ("jax", "torch"))
    checks, what = [side.get("check") for side in (ours, theirs)], "loss" if row.kind == "training" else "probability"
    if all(checks):
        precision = "TensorFloat-32" if options.device != "cpu" and row.precision == "float32" else row.precision
        for one, other in zip(*checks, strict=True):
            if not abs(one - other) <= LOSS_TOLERANCE[precision] * abs(other):  # NaN is not the same
                notes.append(f"NOT THE SAME: first {what} {one:.6f} and {other:.6f}")
    sizes = sizes_of(row.network, config_of(row.network), size=options.size, batch_size=options.batch_size)
    said = ["" if values is None else " ".join(f"{value:.6f}" for value in values) for values in checks]
    return {
        "batch": sizes.batch if row.kind == "training" else sizes.tiles, "patch": "x".join(map(str, sizes.patch)),
        "jax_compile_seconds": ours.get("warm_up_seconds"), "torch_warm_up_seconds": theirs.get("warm_up_seconds"),
        "jax_planned_gib": ours.get("planned_gib"), "torch_memory_format": theirs.get("memory_format"),
        "jax_check": said[0], "torch_check": said[1], "parameters": ours.get("parameters"),
        "device": ours.get("device") or theirs.get("device"),
    }  # fmt: skip


def rates(row: Row, seconds: dict[str, list[float]], batch: int) -> dict:
    """Return patches a second (training) or ms a case of either side, medians, and the ratio of neighbouring turns."""
    training = row.kind == "training"
    found = {"unit": "patches/s" if training else "ms a case"}
    for name, taken in seconds.items():
        if taken:
            median = statistics.median(taken)
            found[name] = batch / median if training else 1000 * median
    if all(seconds.get(name) for name in ("jax", "torch")):
        ratios = [theirs / ours for ours, theirs in zip(seconds["jax"], seconds["torch"])]  # a last one may be alone
        found |= {"ratio": statistics.median(ratios), "ratio_least": min(ratios), "ratio_most": max(ratios)}
    return found
