"""Move a trained model to another modality: arguments, the source, and what the transfer was worth."""

import argparse
from pathlib import Path

from segan_tl.workflow.finish import write_page
from segan_tl.workflow.training import add_training_arguments, train_and_score

MODALITIES = ("t1", "t1c", "t2", "flair")
TARGETS = (*MODALITIES, "all")
EPILOG = """examples:
  %(prog)s --source flair --target t2                        both networks go on learning
  %(prog)s --source flair --target t2 --freeze-critic        the source's critic judges, and stands still
  %(prog)s --source cpu/flair --target t1 --strategy freeze-encoder
  %(prog)s --source flair --target all --map t1=flair        FLAIR's weights feed FLAIR and T1, two are new
  %(prog)s --source segmentor.keras --target t2 --data CLINIC --config segan_cpu --other-patients

strategies: full (all weights train), freeze-critic, critic-init (only the critic comes over), freeze-critic-first,
freeze-critic-last (its first stage, or the others, stand still), freeze-encoder, freeze-decoder (of the segmentor).

The run's configuration, data and split are those of the source, so that no test case was seen before; --set changes a
value, for example --set data.train_cases=4 for a scarce target. On the synthetic cohort the same training from scratch
is run too, for comparison. Run the same command again to go on after an interruption.
"""


def add_arguments(parser):
    """Add the command's arguments."""
    parser.description = "Fine-tune a trained SegAN-CAT on another modality, and say what that was worth."
    parser.epilog = EPILOG
    parser.add_argument("--source", required=True, metavar="SOURCE", help="modality, run or .keras file to start from")
    parser.add_argument("--target", required=True, metavar="MODALITY", help="t1, t1c, t2, flair or all")
    parser.add_argument("--freeze-critic", action="store_true", help="the same as --strategy freeze-critic")
    parser.add_argument("--strategy", metavar="S", help="what comes over and what stands still, see below (full)")
    parser.add_argument(
        "--map", action="append", default=[], metavar="T=S", help="input T starts with the weights of the source's S"
    )
    parser.add_argument("--other-patients", action="store_true", help="the source never saw the patients of --data")
    parser.add_argument(
        "--scratch", action=argparse.BooleanOptionalAction,
        help="also train from scratch for comparison (default: on the synthetic cohort)",
    )  # fmt: skip
    add_training_arguments(parser)


def run(arguments) -> int:
    """Train, evaluate, compare."""
    from segan_tl.console import console
    from segan_tl.disk.paths import run_folder
    from segan_tl.errors import UserError
    from segan_tl.runs import Run
    from segan_tl.train.start.source import find_source, label_of
    from segan_tl.workflow.cohort import find_cohort

    strategy = _strategy(arguments)
    modalities = _target(arguments)
    source = find_source(arguments.source, runs=arguments.runs, names=_names(arguments), data=arguments.data)
    if source.config is not None and source.config.model.family != "segan":
        raise UserError(
            f"{source.path} is a run of {source.config.model.family}, and this command moves SegAN; type python -m "
            f"segan_tl finetune --from {arguments.source} --strategy all --set data.modalities=[{arguments.target}]"
        )
    config = _config(arguments, source, modalities, strategy=strategy)
    _check_something_moves(arguments, source, modalities, strategy=strategy)
    suffix = {"full": "", "freeze-critic": "-frozen"}.get(strategy, f"-{strategy}")
    target = label_of(modalities)
    this_run = Run(run_folder(arguments.runs, config.name, f"{source.label}-to-{target}{suffix}"))
    _use_data_of(arguments, source, config)

    def cohort():
        return find_cohort(arguments, config)

    def split(found, cached):
        return _split(arguments, source, config, cohort=found, cached=cached)

    scratch = Run(run_folder(arguments.runs, config.name, target))
    if arguments.scratch and (fault := _fault_of_scratch(scratch, config)):
        raise UserError(fault)
    code = train_and_score(arguments, config, this_run, find_cohort=cohort, choose_split=split, source=source)
    if code:
        return code
    wanted = arguments.scratch or (arguments.scratch is None and _is_synthetic(this_run))
    fault = _fault_of_scratch(scratch, config)
    if wanted and fault:
        console.print(f"no comparison from scratch: {fault}", markup=False, soft_wrap=True)
    elif wanted:
        code = _train_from_scratch(arguments, config, scratch, this_run, find_cohort=cohort)
        if code:
            return code
    alike = None if fault else scratch
    if _compare(this_run, alike, config, source=source, find_cohort=cohort) and not arguments.no_report:
        write_page(this_run)  # again, with the comparison
    return 0


# === What was asked for ===


def _strategy(arguments) -> str:
    from segan_tl.config.adaptation import CRITIC_STRATEGIES as STRATEGIES
    from segan_tl.errors import UserError, nearest

    if arguments.freeze_critic and arguments.strategy not in (None, "freeze-critic"):
        raise UserError(
            f"--freeze-critic and --strategy {arguments.strategy} exclude each other; leave one of them out"
        )
    strategy = "freeze-critic" if arguments.freeze_critic else arguments.strategy or "full"
    if strategy not in STRATEGIES:
        raise UserError(f"unknown strategy {strategy}; choose one of {', '.join(STRATEGIES)}, for example "
                        f"--strategy {nearest(strategy, STRATEGIES, cutoff=0.0)}")  # fmt: skip
    return strategy


def _target(arguments) -> tuple[str, ...]:
    from segan_tl.errors import UserError, nearest

    if arguments.target not in TARGETS:
        near = nearest(arguments.target, TARGETS, cutoff=0.0)
        raise UserError(f"unknown modality {arguments.target}; expected {', '.join(TARGETS)}; type --target {near}")
    return MODALITIES if arguments.target == "all" else (arguments.target,)


def _names(arguments) -> list[str]:
    """Return the names of configurations under which a source given by its modality is looked for, in order."""
    stated = [text.partition("=")[2] for text in arguments.set if text.partition("=")[0].strip() == "name"]
    typed = [name.strip(" \"'") for name in stated[-1:]]
    return [*typed, "segan", "segan_cat", "segan_cpu"]


def _config(arguments, source, modalities, *, strategy: str):
    """Return the source's configuration (or --config), for the target, with --set on top."""
    import json

    from segan_tl.config.load import load_config, revise_config, validate
    from segan_tl.errors import UserError
    from segan_tl.train.start.source import map_inputs

    if source.config is None and not arguments.config:
        raise UserError(
            f"{source.path} is a single file without its configuration; add --config FILE, for example --config "
            f"{'quickstart' if source.data.get('synthetic') else 'segan_cat'}, or give the run's folder as --source"
        )
    if wrong := [text for text in arguments.map if "=" not in text]:
        raise UserError(f"--map expects TARGET=SOURCE, for example --map t1=flair; got {wrong[0]!r}")
    stated = dict(text.split("=", 1) for text in arguments.map)
    settings = {
        "source": str(source.path),
        "source_sha256": source.digest,
        "strategy": strategy,
        "inputs": map_inputs(modalities, source.modalities, stated=stated),
    }
    typed = list(arguments.set)
    config = load_config(arguments.config, typed) if arguments.config else revise_config(source.config, typed)
    values = json.loads(config.model_dump_json()) | {"transfer": settings}
    values["data"]["modalities"] = list(modalities)
    if arguments.seed is not None:
        values["seed"] = arguments.seed
    return validate(values, source="the configuration of the transfer")


def _check_something_moves(arguments, source, modalities, *, strategy: str) -> None:
    from segan_tl.errors import UserError

    if set(source.modalities) == set(modalities) and not arguments.other_patients:
        other = next(name for name in ("t2", "flair", "t1") if (name,) != tuple(modalities))
        raise UserError(
            f"source and target both see {', '.join(modalities)}: there is nothing to move; choose another modality, "
            f"for example --target {other}, or add --other-patients for a model of other patients"
        )
    if source.critic is None and strategy != "full" and "critic" in strategy:
        raise UserError(
            f"strategy {strategy} needs the source's critic, and no critic.keras lies beside {source.segmentor}; put "
            "it there, or use --strategy full"
        )


# === Data ===


def _use_data_of(arguments, source, config) -> None:
    """Set --data, where it was left out, to the folder that the source was trained on, if that is not in the cache."""
    from segan_tl.errors import UserError
    from segan_tl.workflow.synthetic import synthetic_folder

    if arguments.data is not None:
        return
    recorded = Path(source.data["folder"]) if "folder" in source.data else None
    if recorded is not None and recorded.is_dir():
        arguments.data = recorded
    elif recorded is None or recorded.name != synthetic_folder(config.phantom, arguments.cache).name:
        raise UserError(
            f"the source was trained on {recorded or 'a folder that it does not name'}, which is not there now; say "
            "where it lies with --data DIR"
        )


def _split(arguments, source, config, *, cohort, cached) -> dict[str, list[str]]:
    """Return the split of the source; a new one only where nobody in it was seen by the source."""
    from segan_tl.errors import UserError
    from segan_tl.workflow.cohort import choose_split

    here = set(cached)
    if source.split is not None and not arguments.other_patients:
        missing = sorted({case for part in source.split.values() for case in part} - here)
        if missing:
            raise UserError(
                f"{source.path} was trained on another cohort: {cohort.folder} lacks {len(missing)} of its cases "
                f"({', '.join(missing[:3])}); give --data {source.data.get('folder', 'DIR')}, or add --other-patients "
                "if these are patients that it never saw"
            )
        return source.split
    known = source.learnt_from.cases if source.learnt_from else frozenset()
    if source.split is None and not arguments.other_patients and not known & here:
        raise UserError(
            f"{source.path} does not tell whether it was trained on patients of {cohort.folder}; give the run's folder "
            "as --source, or add --other-patients if these are patients that it never saw"
        )
    return choose_split(cohort, cached, config)


def _is_synthetic(this_run) -> bool:
    from segan_tl.runs import read_json

    return bool(read_json(this_run.state).get("data", {}).get("synthetic"))


# === What it was worth ===


def _fault_of_scratch(scratch, config) -> str | None:
    """Return why the comparison cannot be trained where it belongs, without a loss for a run that nobody named."""
    from segan_tl.errors import UserError
    from segan_tl.runs import training_lock
    from segan_tl.workflow.earlier import is_finished, refuse_foreign_run

    if not scratch.root.exists():
        return None
    remedy = "leave the comparison out with --no-scratch, or keep both with --set name=another"
    try:
        refuse_foreign_run(scratch, remedy=remedy)
        with training_lock(scratch):
            is_finished(scratch, config.model_copy(update={"transfer": None}), remedy=remedy)
    except UserError as error:
        return str(error)
    return None


def _train_from_scratch(arguments, config, scratch, this_run, *, find_cohort) -> int:
    """Train the target from random weights with the same configuration and the same cases."""
    from segan_tl.console import console
    from segan_tl.runs import read_parts

    console.print(f"\nFor comparison, from scratch: {scratch.root} (--no-scratch leaves it out)", soft_wrap=True)
    alone = argparse.Namespace(**vars(arguments) | {"overwrite": False})
    return train_and_score(
        alone, config.model_copy(update={"transfer": None}), scratch,
        find_cohort=find_cohort, choose_split=lambda *_: read_parts(this_run),
    )  # fmt: skip


def _compare(this_run, scratch, config, *, source, find_cohort) -> bool:
    """Print and write the test Dice of the untouched source, of training from scratch and of the transfer.

    Returns:
        Whether there was something to write.
    """
    from segan_tl.console import start_tensorflow

    start_tensorflow()
    from segan_tl.report.compare.transfer import compare_transfer, print_comparison
    from segan_tl.runs import read_json
    from segan_tl.schemas.runs import Comparison

    if this_run.comparison.is_file():
        comparison = read_json(this_run.comparison, Comparison)
        if comparison["scratch"] is not None or not (scratch and scratch.summary.is_file()):
            print_comparison(comparison)
            return False
    comparison = compare_transfer(this_run, scratch, config, source=source, cases=find_cohort().cases)
    print_comparison(comparison)
    return True
