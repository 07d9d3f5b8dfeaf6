"""Read a configuration: a TOML file with changes, or values; `validate` is the only way in."""

import contextlib
import copy
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import get_args

from pydantic import ValidationError

from segan_tl.config.base import Section
from segan_tl.config.memory import lack_of_memory
from segan_tl.config.override import apply_override
from segan_tl.config.presets import find_config
from segan_tl.config.schema import Config
from segan_tl.config.upgrade import upgrade
from segan_tl.errors import UserError, nearest
from segan_tl.schemas.reading import check_depth, explain, read_toml


def load_config(
    path: Path | str, overrides: tuple[str, ...] | list[str] = (), *, beneath: dict[str, dict] | None = None
) -> Config:
    """Read a TOML file and apply `key.subkey=value` overrides, values in TOML notation.

    Args:
        path: of the file, or a name in configs/.
        overrides: applied in turn.
        beneath: section → its values where the file has none.

    Raises:
        UserError: no such file, not TOML, an unknown key (the nearest known one is named) or a wrong value.
    """
    path = find_config(path)
    values = read_toml(path)
    for section, known in (beneath or {}).items():
        if isinstance(stated := values.get(section, {}), dict):
            values[section] = known | stated
    if not overrides:
        return validate(values, source=str(path))
    return _overridden(values, overrides, source=str(path), name=lambda override: f"{path.name} with --set {override}")


def revise_config(config: Config, overrides: list[str]) -> Config:
    """Return a configuration with `key.subkey=value` overrides applied.

    Raises:
        UserError: as `load_config`.
    """
    values = json.loads(config.model_dump_json())
    return _overridden(values, overrides, source="the configuration", name=lambda override: f"--set {override}")


def _overridden(values: dict, overrides: Sequence[str], *, source: str, name: Callable[[str], str]) -> Config:
    """Return the configuration with all overrides; a UserError names the one that made it wrong, or the source."""
    stages, names = [values], [source, *map(name, overrides)]
    check_depth(values, where=source, remedy="correct it")
    for override, where in zip(overrides, names[1:]):
        apply_override(stage := copy.deepcopy(stages[-1]), override)
        check_depth(stage, where=where, remedy="correct it")  # before it is copied
        stages.append(stage)
    found = _judged(stages[-1], source=names[-1])
    if isinstance(found, Config):
        return found
    guilty = next(place for place, stage in enumerate(stages) if _judged(stage, source=names[-1]) == found)
    raise UserError(f"{names[guilty]}: {found}")


def validate(values: dict, *, source: str) -> Config:
    """Turn nested dictionaries into a Config; SegAN's older keys are understood.

    Raises:
        UserError: the first thing that is wrong, where it stands and what was expected.
    """
    found = _judged(values, source=source)
    if isinstance(found, Config):
        return found
    raise UserError(f"{source}: {found}")


def _judged(values: dict, *, source: str) -> Config | str:
    """Return the configuration, or what is wrong with it."""
    check_depth(values, where=source, remedy="correct it")
    try:
        config = Config.model_validate(_frozen(upgrade(values)), strict=True)
    except ValidationError as error:
        return _explain(error)
    return config.misfit() or lack_of_memory(config) or config


def comparable(values: dict) -> dict:
    """Return a config.json as it is held against another one: today's keys, all of them, and no path of a source.

    The source's sha256 identifies it, not its path. What an earlier version wrote and this one does not understand is
    compared as it stands.
    """
    with contextlib.suppress(UserError):
        values = json.loads(validate(values, source="config.json").model_dump_json())
    transfer = values.get("transfer")
    return values | {"transfer": transfer | {"source": None}} if transfer else values


def _frozen(value: object) -> object:
    """Return the value with its lists as tuples, which sections have."""
    if isinstance(value, dict):
        return {key: _frozen(part) for key, part in value.items()}
    return tuple(map(_frozen, value)) if isinstance(value, list | tuple) else value


def _explain(found: ValidationError) -> str:
    unknown = next((error["loc"] for error in found.errors() if error["type"] == "extra_forbidden"), None)
    if unknown is None:
        return explain(found)
    known = _known_keys(unknown[:-1])
    near = nearest(str(unknown[-1]), known)
    hint = f"did you mean {'.'.join([*unknown[:-1], near])}?" if near else f"known here: {', '.join(known)}"
    return f"unknown key {'.'.join(map(str, unknown))}; {hint}"


def _known_keys(parents: tuple) -> list[str]:
    model: type[Section] = Config
    for parent in parents:
        annotation = model.model_fields[parent].annotation
        model = next(iter(get_args(annotation)), annotation)
    return list(model.model_fields)
