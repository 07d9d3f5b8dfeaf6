"""What a transfer is made of: its configuration and its place, from those of the source."""

import json

from segan_tl.workflow.arguments import overrides_of

# === Configuration ===


def configure(arguments, source, strategy: str):
    """Return the source's configuration, or --config, with what the arguments change and where the weights are from.

    Raises:
        UserError: there is none, it has a mistake, or it describes another family.
    """
    from segan_tl.config.load import load_config, revise_config, validate
    from segan_tl.config.strategies import LAST_THREE, STRATEGIES
    from segan_tl.errors import UserError

    if source.config is None and not arguments.config:
        example = "nnunet_small" if source.critic is None else "segan_cat"
        example = "quickstart" if source.critic is not None and source.data.get("synthetic") else example
        raise UserError(
            f"{source.path} is a single file without its configuration; add --config FILE, for example --config "
            f"{example}, or give the run's folder as --source"
        )
    overrides, start = overrides_of(arguments), {"source": source.named, "source_sha256": source.digest}
    beneath = _beneath_settings(arguments, start, strategy) | _rehearsed(arguments, source)
    if arguments.config:
        config = load_config(arguments.config, overrides, beneath=beneath)
    else:
        config = revise_config(_base(source, strategy, beneath), overrides)
    _check_family(arguments, source, config)
    values = json.loads(config.model_dump_json())
    if config.model.family == "file":  # the source's own network, made for the channels of the target
        values["model"] |= {"file": str(source.segmentor.resolve()), "file_weights": False}
    if strategy == "combined":
        values["source"] = values["source"] or {"phantom": _phantom_of(source, config)}
    if strategy in STRATEGIES:
        _check_critic(source, config, strategy)
        values["transfer"] |= start | {"strategy": strategy, "inputs": _inputs(arguments, source, config)}
        if LAST_THREE in STRATEGIES[strategy].new and STRATEGIES[strategy].frozen == STRATEGIES["last-three"].frozen:
            values["model"]["deep_supervision"] = False  # nothing trains before the coarser outputs
    return validate(values, source=str(arguments.config or source.path))


def _beneath_settings(arguments, start: dict, strategy: str) -> dict[str, dict]:
    """Return what has to stand beneath settings of what comes over, such as transfer.rate.

    Raises:
        UserError: there are settings, and nothing comes over.
    """
    from segan_tl.config.strategies import STRATEGIES
    from segan_tl.errors import UserError

    if strategy in STRATEGIES:
        return {"transfer": start}
    if settings := [text for text in arguments.set if text.strip().startswith("transfer.")]:
        raise UserError(
            f"--set {settings[0]} is about weights that come over, and --strategy {strategy} takes none over; leave it "
            "out, or choose --strategy full"
        )
    return {}


def _rehearsed(arguments, source) -> dict[str, dict]:
    """Return the second cohort where synthetic patients train along: those that the source has learnt from.

    Raises:
        UserError: --rehearse asks for them, and it has learnt from none.
    """
    from segan_tl.errors import UserError

    known = _synthetic_patients(source)
    if arguments.rehearse and known is None:
        raise UserError(
            f"--rehearse goes on training on the synthetic patients that a source has learnt from, and {source.path} "
            "has learnt from none, or does not tell; leave it out, or train on both folders with --strategy combined "
            "--source-data DIR"
        )
    asked = arguments.rehearse or any(text.replace(" ", "") == "source.synthetic=true" for text in arguments.set)
    if not asked:
        return {}
    return {"source": {"synthetic": True} | ({"phantom": known.model_dump(mode="json")} if known else {})}


def _synthetic_patients(source):
    """Return the synthetic cohort that a source has learnt from, or that trained along; None where there is none."""
    if source.config is None:
        return None
    if source.data.get("synthetic"):
        return source.config.phantom
    return source.config.source.phantom if source.data.get("source", {}).get("synthetic") else None


def _base(source, strategy: str, beneath: dict):
    """Return the source's configuration without what concerns its own beginning and its own cases.

    Args:
        beneath: sections that take the place of the source's.
    """
    from segan_tl.config.load import validate

    values = json.loads(source.config.model_dump_json()) | {"transfer": None, "source": None, "adversary": None}
    values["model"]["pretrained"] = values["data"]["train_cases"] = values["train"]["teacher"] = None
    values |= beneath
    values["phantom"]["contrast"] = "physics"  # the target is there as it was scanned; it may be patients
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


def _check_critic(source, config, strategy: str) -> None:
    """Refuse a strategy about the critic where none comes over."""
    from segan_tl.config.strategies import STRATEGIES, needs_critic
    from segan_tl.errors import UserError

    if source.critic is None and config.critic and needs_critic(STRATEGIES[strategy]):
        raise UserError(
            f"strategy {strategy} needs the source's critic, and no critic.keras lies beside {source.segmentor}; put "
            "it there, or use --strategy full"
        )


def _inputs(arguments, source, config) -> dict[str, str | None]:
    """Return which modality of the source each of the target's starts with."""
    from segan_tl.errors import UserError
    from segan_tl.train.start.channels import map_inputs

    if wrong := [text for text in arguments.map if "=" not in text]:
        raise UserError(f"--map expects TARGET=SOURCE, for example --map t1=flair; got {wrong[0]!r}")
    if not source.modalities:  # of an encoder for natural images
        return {}
    stated = dict(text.split("=", 1) for text in arguments.map)
    return map_inputs(config.data.modalities, source.modalities, stated=stated)


# === Place ===


def name_move(arguments, source, config, strategy: str) -> tuple[str, str]:
    """Return the folder of the run, and how the target is called in it: its modality, or the folder of other data.

    Args:
        arguments: data, source_data, target and cache.
        source: what the run starts from.
        config: the configuration.
        strategy: by its own name.
    """
    from segan_tl.config.strategies import moved_name
    from segan_tl.train.start.source import label_of
    from segan_tl.workflow.cohort import cohort_name
    from segan_tl.workflow.source_data import is_own_cohort, own_folder

    if arguments.target and is_own_cohort(arguments, source, config):
        label = label_of(config.data.modalities, subsets=config.data.subsets)
    else:
        alone = config.model_copy(update={"source": None}) if strategy == "combined" else config
        label = cohort_name(own_folder(arguments, source, config), alone)
    return moved_name(_name_source(source), label, strategy), label


def _name_source(source) -> str:
    """Return how runs are named after a source: the run's folder, with its fold; a file's name."""
    path = source.path.resolve()
    if path.is_file():
        if path.parent.name != "best":
            return path.stem
        path = path.parent.parent
    return f"{path.parent.name}-{path.name}" if path.name.startswith("fold") else path.name
