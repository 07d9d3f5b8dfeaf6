"""Fine-tune a trained volumetric network on another cohort: arguments, configuration, the run's place."""

import argparse
from pathlib import Path

from segan_tl.commands.train import (
    add_volume_arguments,
    check_cohorts,
    cohort_name,
    load_configuration,
    overrides_of,
    plan_fold,
    train_volumes,
)
from segan_tl.workflow.training import add_training_arguments

# Strategies without weights of the source: beside those of segan_tl/config/adaptation.py.
WITHOUT_WEIGHTS = ("scratch", "combined")
PAPERS = {"ft_lastthree": "last-three", "ft_decoder": "last-three-decoder", "ft_all": "last-three-all"}
EPILOG = """strategies (the name in the paper: [H] Heras Rivera 2024, [K] Kaur 2019)
  all                 every weight comes over, all train                            Fine-Tuning [H]
  frozen-encoder      every weight comes over, the encoder stands still
  frozen-decoder      every weight comes over, the decoder stands still             Fine-Tuning (Frozen Decoder) [H]
  last-three          last three layers new, all else stands still                  FT_LastThree [K]
  last-three-decoder  last three layers new, the encoder stands still               FT_Decoder [K]
  last-three-all      last three layers new, all train                              FT_All [K]
  scratch             no weight comes over: the same command for comparison         baseline [K]
  combined            no weight comes over: learn from both cohorts at once         Combined Dataset Training [H]

A head of other regions is replaced, and said so; what is new trains, wherever it stands. [K] replaces the last three
layers in all of its three ways, hence last-three-decoder beside frozen-encoder.

examples:
  python -m segan_tl finetune --from nnunet_small/glioma-3t --strategy all --set phantom.cohort=glioma-1.5t
  python -m segan_tl finetune --from unet3d/BraTS2021 --strategy frozen-decoder --data BraTS-Africa --fold 0 --folds 10
  python -m segan_tl finetune --from unet3d/MS --strategy ft_all --data BraTS2018 --set 'data.regions=[ncr,ed,et]'
  python -m segan_tl finetune --from unet3d/BraTS2021 --strategy combined --data BraTS-Africa
  python -m segan_tl finetune --from nnunet.keras --strategy last-three --config nnunet --data CLINIC

The configuration is that of the source; --config replaces it, --set changes a value. The run is runs/<name of the
configuration>/<source>-to-<folder of the data>-<strategy>, with /fold<K> for a fold. Run the same command again to go
on after an interruption.
"""


def add_arguments(parser):
    """Add the command's arguments."""
    parser.description = "Fine-tune a trained volumetric network on another cohort; segment and score its test cases."
    parser.epilog = EPILOG
    parser.add_argument("--from", dest="origin", required=True, metavar="SOURCE", help="a run, or a .keras file")
    parser.add_argument("--strategy", required=True, metavar="S", help="what comes over and stands still, see below")
    parser.add_argument(
        "--map", action="append", default=[], metavar="T=S", help="input T starts with the weights of the source's S"
    )
    add_training_arguments(parser)
    add_volume_arguments(parser)


def run(arguments) -> int:
    """Train, evaluate, say where everything is."""
    from segan_tl.console import console
    from segan_tl.train.start.source import find_volume_source

    source = find_volume_source(arguments.origin, runs=arguments.runs)
    this_run, config = _plan(arguments, source)
    if config.transfer and source.learnt_from is None:
        console.print(
            f"note: {source.path} does not tell which cases it has learnt from; see to it that no test case is one",
            markup=False, soft_wrap=True,
        )  # fmt: skip
    if _strategy(arguments) == "combined":
        arguments = _with_source_data(arguments, source, config)
    return train_volumes(arguments, this_run, config)


def plan_run(arguments):
    """Return the run that the arguments mean, there or not, and its configuration; `crossval` asks for them, too.

    Raises:
        UserError: the arguments, the source or the configuration have a mistake.
    """
    from segan_tl.train.start.source import find_volume_source

    return _plan(arguments, find_volume_source(arguments.origin, runs=arguments.runs))


def _plan(arguments, source):
    """Return the run and its configuration for a source that is known."""
    from segan_tl.disk.paths import run_folder

    strategy = _strategy(arguments)
    config = _config(arguments, source, strategy)
    _check_options(arguments, config, strategy)
    if strategy == "combined":
        _with_source_data(arguments, source, config)
    else:
        check_cohorts(arguments, config)
    alone = config.model_copy(update={"source": None}) if strategy == "combined" else config
    name = f"{source_label(source)}-to-{cohort_name(arguments, alone)}-{strategy}"
    return plan_fold(arguments, run_folder(arguments.runs, config.name, name), config), config


def _strategy(arguments) -> str:
    """Return the strategy that is meant, by its own name or by that of the paper."""
    from segan_tl.config.adaptation import FINETUNE_STRATEGIES
    from segan_tl.errors import UserError, nearest

    known = (*FINETUNE_STRATEGIES, *WITHOUT_WEIGHTS)
    word = arguments.strategy.lower()
    if word in known or word in PAPERS:
        return PAPERS.get(word, word)
    near = nearest(word, (*known, *PAPERS), cutoff=0.0)
    raise UserError(
        f"unknown strategy {arguments.strategy}; choose one of {', '.join(known)}, for example --strategy "
        f"{PAPERS.get(near, near)}"
    )


def _check_options(arguments, config, strategy: str) -> None:
    """Refuse options that the strategy has no use for."""
    from segan_tl.errors import UserError

    if arguments.source_data and not config.source:
        raise UserError(
            f"--source-data is a second cohort to learn from, and --strategy {strategy} learns from one alone; leave "
            "it out, or choose --strategy combined"
        )
    if arguments.map and strategy in WITHOUT_WEIGHTS:
        raise UserError(
            f"--map says which weights of the source an input starts with, and --strategy {strategy} takes none over; "
            "leave it out, or choose --strategy all"
        )


def source_label(source) -> str:
    """Return how runs are named after a source: the run's folder, with its fold; a file's name."""
    path = source.path.resolve()
    if path.is_file():
        if path.parent.name != "best":
            return path.stem
        path = path.parent.parent
    return f"{path.parent.name}-{path.name}" if path.name.startswith("fold") else path.name


# === Configuration ===


def _config(arguments, source, strategy: str):
    """Return the source's configuration, or --config, with what the arguments change and where the weights are from."""
    import json

    from segan_tl.config.load import revise_config, validate
    from segan_tl.errors import UserError

    if source.config is None and not arguments.config:
        raise UserError(
            f"{source.path} is a single file without its configuration; add --config FILE, for example --config "
            "nnunet_small, or give the run's folder to --from"
        )
    if arguments.config:
        config = load_configuration(arguments)
        if config.model.family == "segan":
            raise UserError(
                f"{arguments.config} configures SegAN, which another command moves; type python -m segan_tl transfer "
                f"--source {arguments.origin} --target MODALITY"
            )
    else:
        config = revise_config(_base(source, strategy), overrides_of(arguments))
    _check_family(arguments, source, config)
    values = json.loads(config.model_dump_json())
    if strategy == "combined":
        values["source"] = values["source"] or {"phantom": _phantom_of(source, config)}
    if strategy not in WITHOUT_WEIGHTS:
        values["transfer"] = {
            "source": str(source.path), "source_sha256": source.digest, "strategy": strategy,
            "inputs": _inputs(arguments, source, config),
        }  # fmt: skip
    if strategy == "last-three":  # nothing trains before the coarser outputs
        values["model"]["deep_supervision"] = False
    return validate(values, source=str(arguments.config or source.path))


def _base(source, strategy: str):
    """Return the source's configuration without what concerns its own beginning and its own cases."""
    import json

    from segan_tl.config.load import validate

    values = json.loads(source.config.model_dump_json()) | {"transfer": None, "source": None, "adversary": None}
    values["model"]["pretrained"] = values["data"]["train_cases"] = None
    if strategy == "combined":
        values["source"] = {"phantom": _phantom_of(source, source.config)}
    return validate(values, source=str(source.path))


def _phantom_of(source, config) -> dict:
    """Return the synthetic cohort that the source has learnt from, if it has."""
    return (source.config or config).phantom.model_dump(mode="json")


def _check_family(arguments, source, config) -> None:
    """Refuse another network, of which no layer would fit; AlbuNet in 2-D and 3-D are of one family."""
    from segan_tl.errors import UserError

    there = source.config.model.family if source.config else config.model.family
    if there.removesuffix("2d").removesuffix("3d") != config.model.family.removesuffix("2d").removesuffix("3d"):
        raise UserError(
            f"{source.path} is of model.family {there}, {arguments.config or '--set'} configures "
            f"{config.model.family}; leave --config out, or give one of {there}"
        )


def _inputs(arguments, source, config) -> dict[str, str | None]:
    """Return which modality of the source each of the target's starts with."""
    from segan_tl.errors import UserError
    from segan_tl.train.start.source import map_inputs

    if wrong := [text for text in arguments.map if "=" not in text]:
        raise UserError(f"--map expects TARGET=SOURCE, for example --map t1=flair; got {wrong[0]!r}")
    if not source.modalities:  # of an encoder for natural images
        return {}
    stated = dict(text.split("=", 1) for text in arguments.map)
    return map_inputs(config.data.modalities, source.modalities, stated=stated)


# === Data ===


def _with_source_data(arguments, source, config):
    """Return the arguments with the folder that the source has learnt from as the second cohort, unless one is given.

    Raises:
        UserError: the folder of real patients is not there any more, or one cohort would be synthetic, one not.
    """
    from segan_tl.errors import UserError

    recorded = Path(source.data["folder"]) if "folder" in source.data else None
    found = argparse.Namespace(**vars(arguments) | {"source_data": recorded})
    is_there = recorded is not None and recorded.is_dir()
    if source.data.get("synthetic") and not (arguments.data or arguments.source_data):
        return found if is_there else arguments
    if source.data.get("synthetic") or arguments.source_data:
        found = arguments
    elif not is_there:
        raise UserError(
            f"the source was trained on {recorded or 'a folder that it does not name'}, which is not there now; say "
            "where it lies with --source-data DIR"
        )
    check_cohorts(found, config)
    return found
