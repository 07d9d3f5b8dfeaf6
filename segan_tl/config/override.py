"""`--set key.subkey=value`: one value of a configuration, in TOML notation or what the shell left of it."""

import tomllib

from segan_tl.errors import UserError


def apply_override(values: dict, override: str) -> None:
    """Put the value of `key.subkey=value` into nested dictionaries.

    Raises:
        UserError: it is written otherwise, or a part of the key names a value.
    """
    key, separator, text = override.partition("=")
    *parents, leaf = (part.strip() for part in key.split("."))
    if not separator or not leaf or not all(parents):
        raise UserError(f"--set expects key=value, for example --set train.epochs=20; got {override!r}")
    value = _read_value(text.strip())
    for parent in parents:
        if not isinstance(values.setdefault(parent, {}), dict):
            # A section that is left out stands as null in config.json.
            if values[parent] is not None:
                raise UserError(f"--set {override}: {parent} is a value, not a section")
            values[parent] = {}
        values = values[parent]
    values[leaf] = value


def _read_value(text: str) -> object:
    """Read a value in TOML notation, or what the shell left of it: words without quotes, alone or in a list.

    `null`, which TOML does not have, is what config.json has for a key that is left out.
    """
    if text == "null":
        return None
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except (ValueError, RecursionError):
        if text[:1] != "[" or text[-1:] != "]" or "[" in text[1:]:
            return text
    items = text[1:-1].split(",")
    return [_read_value(item.strip()) for item in items if item.strip()]
