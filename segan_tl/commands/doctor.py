"""`python -m segan_tl doctor`: what this computer has for a training, what a configuration needs, how long it takes."""

import argparse
import math
from pathlib import Path

from segan_tl.console import console, duration
from segan_tl.errors import UserError, some
from segan_tl.regions import MODALITIES
from segan_tl.workflow.numbers import device, positive

EPILOG = """examples:
  python -m segan_tl doctor                                      the computer, TensorFlow, GPUs, disks
  python -m segan_tl doctor --config nnunet                      what a training of it needs of memory
  python -m segan_tl doctor --config nnunet --data BraTS2021     and what the cache takes on disk
  python -m segan_tl doctor --config segan_cat --probe 120       train on noise for two minutes: hours of all of it
  python -m segan_tl doctor --config nnunet --set 'data.patch=[96,96,96]' --set train.precision=mixed_bfloat16
  python -m segan_tl doctor --config nnunet --set train.checkpointing=true

Memory is read from the graph of a training step, which is built and not run: weights, optimizer, and the features and
gradients that live at one time. On the CPU eleven trainings, of every family, held 0.97 to 1.10 times as much; on a GPU
cuDNN's workspace comes on top, and none has been measured. It ends with 1 where something is amiss."""
KEYS = ("weights", "optimizers", "step", "graph")
WORDS = {
    "weights": "weights and their running average",
    "optimizers": "optimizers",
    "step": "features and gradients of a step",
    "graph": "TensorFlow's graph of it",
}
EXIT_AMISS = 1
GIB, MIB = 2**30, 2**20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the command."""
    parser.description = "Say what this computer has for a training, and what a configuration needs."
    parser.epilog = EPILOG
    parser.add_argument("--config", metavar="FILE", help="TOML file, or a name that the command configs lists")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="change one value of it")
    parser.add_argument(
        "--modality", dest="target", choices=(*MODALITIES, "all", "any"),
        help="what the network sees (the configuration's)",
    )  # fmt: skip
    parser.add_argument("--data", type=Path, metavar="DIR", help="folder of cases: what the cache takes")
    parser.add_argument("--probe", type=positive, metavar="SECONDS", help="train on noise so long, to time a step")
    parser.add_argument(
        "--devices", type=device, metavar="D", help="cpu, cpu:2, gpu, gpu:0,1 (default: all GPUs, else the CPU)"
    )
    parser.add_argument("--runs", type=Path, default=Path("runs"), metavar="DIR", help="where runs are kept (runs)")
    parser.add_argument("--cache", type=Path, default=Path("cache"), metavar="DIR", help="prepared volumes (cache)")
    parser.set_defaults(seed=None)


def run(arguments: argparse.Namespace) -> int:
    """Look, estimate, measure; print each as it is known."""
    from segan_tl.environment import free_memory_bytes
    from segan_tl.workflow.computer import describe_computer

    config = _config(arguments)
    amiss = _show(describe_computer({"--runs": arguments.runs, "--cache": arguments.cache}, arguments.set_aside))
    amiss += _show(_gpus())
    if not config:
        console.print("next: python -m segan_tl doctor --config nnunet_small --probe 30", soft_wrap=True)
        return EXIT_AMISS * bool(amiss)
    if arguments.data:
        amiss += _show([_cache(arguments, config)])
    amiss += _show(_memory(config, free=free_memory_bytes()))
    if arguments.probe:
        _show(_time(arguments, config))
    return EXIT_AMISS * bool(amiss)


def _config(arguments):
    """Return the configuration, None without one.

    Raises:
        UserError: an option that is about one has none.
    """
    from segan_tl.config.load import load_config
    from segan_tl.workflow.arguments import overrides_of

    if arguments.config:
        return load_config(arguments.config, overrides_of(arguments))
    given = {"--set": arguments.set, "--modality": arguments.target, "--data": arguments.data}
    given["--probe"] = arguments.probe
    if stray := next((option for option, value in given.items() if value), None):
        raise UserError(f"{stray} is about a configuration; name it, for example --config nnunet_small")
    return None


def _show(facts) -> int:
    """Print the facts; return how many are amiss."""
    for fact in facts:
        console.print(f"{fact.subject:<10} {fact.found}", markup=False, soft_wrap=True)
        if fact.remedy:
            console.print(f"{'':<10} → {fact.remedy}", markup=False, style="yellow", soft_wrap=True)
    return sum(bool(fact.remedy) for fact in facts)


def _gpus():
    from segan_tl.console import start_tensorflow
    from segan_tl.workflow.computer import describe_gpus, list_nvidia

    start_tensorflow()
    import tensorflow as tf

    seen = [tf.config.experimental.get_device_details(one) for one in tf.config.list_physical_devices("GPU")]
    return describe_gpus(seen, dict(tf.sysconfig.get_build_info()), driver=list_nvidia())


def _cache(arguments, config):
    """Return what prepared cases take at most; of each case one header is read."""
    from segan_tl.data.files.images import read_header
    from segan_tl.data.find.cases import find_cases
    from segan_tl.workflow.computer import Fact, free_bytes

    cases, modalities = find_cases(arguments.data).cases, len(config.data.modalities)
    voxels = 0
    for case in cases:
        geometry = read_header(next(iter(case.images.values())))
        scale = math.prod(geometry.spacing_mm) / config.data.spacing_mm**3 if config.data.spacing_mm else 1
        voxels += math.prod(config.data.crop or geometry.shape) * (1 if config.data.crop else scale)
    needed, free = voxels * (2 * modalities + 1), free_bytes(arguments.cache)
    number = f"{len(cases)} cases take" if len(cases) > 1 else "1 case takes"
    found = f"prepared, {number} at most {max(needed / GIB, 0.1):.1f} GiB of --cache {arguments.cache}"
    remedies = ["it does not fit: give --cache a folder on another disk"] * (needed > free)
    bad = [case.id for case in cases if case.mask is None or not {*config.data.modalities} <= {*case.images}]
    if bad and not config.data.any_subset:
        remedies.append(
            f"no mask, or not all of {', '.join(config.data.modalities)}: {some(bad)}; python -m segan_tl check "
            f"{arguments.data} says more"
        )
    return Fact("cache", found, "; ".join(remedies))


def _memory(config, *, free: int | None):
    from segan_tl.train.memory import estimate_memory
    from segan_tl.train.recipes import check_networks
    from segan_tl.workflow.computer import Fact, resident_bytes

    own = resident_bytes()  # of TensorFlow before there is a network
    check_networks(config)
    found = estimate_memory(config)
    sizes = ", ".join(f"{WORDS[key]} {getattr(found, key) / MIB:,.0f}" for key in KEYS)
    needed = found.total + own
    too_much = free is not None and needed > free + own
    remedy = "a smaller data.patch, or of train.batch_size with train.accumulate beside it"
    remedy += "" if config.train.checkpointing else ", or --set train.checkpointing=true"
    lack = f"more than is free here: choose {remedy}" if too_much else ""
    return [
        Fact("network", f"{config.name}: {found.parameters:,} parameters, {config.train.precision}"),
        Fact("memory", f"about {needed / GIB:.1f} GiB: MiB of {sizes}, TensorFlow itself {own / MIB:,.0f}", lack),
    ]


def _time(arguments, config):
    from segan_tl.train.probe import time_steps
    from segan_tl.train.strategy import make_strategy
    from segan_tl.workflow.computer import Fact

    pace = time_steps(config, make_strategy(arguments.devices), seconds=arguments.probe)
    found = f"{pace.step_seconds:.3g} s a step (median of {pace.steps}), the first {pace.first_seconds:.0f} s"
    facts = [Fact("time", found)]
    if steps := config.train.steps_per_epoch:
        whole = duration(pace.step_seconds * steps * config.train.epochs)
        facts.append(Fact("", f"{config.train.epochs} epochs of {steps} steps: {whole}, validation not counted"))
    else:
        thousand = duration(1000 * pace.step_seconds)
        facts.append(Fact("", f"1000 steps: {thousand}; how many an epoch has depends on the cases"))
    return facts
