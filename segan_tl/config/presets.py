"""The configurations that come along: where they lie, which one a name means, and what each says of itself."""

import re
from dataclasses import dataclass
from pathlib import Path

from segan_tl.disk.reading import is_there, require_file
from segan_tl.errors import UserError, nearest
from segan_tl.schemas.reading import read_toml

PACKAGE = Path(__file__).parents[1]
# A wheel holds configs/ as segan_tl/presets (setup.py); in a checkout it stays at the top, where users look.
CONFIGS = PACKAGE / "presets" if (PACKAGE / "presets").is_dir() else PACKAGE.parent / "configs"
FIRST_SENTENCE = re.compile(r".+?\.(?=\s|$)|.+")


@dataclass(frozen=True)
class Preset:
    """A configuration that comes along.

    Attributes:
        name: what --config is given.
        family: of its network.
        about: the first sentence of the comment that heads the file.
    """

    name: str
    family: str
    about: str


def find_config(path: Path | str) -> Path:
    """Return the file, or the one of that name that comes along.

    Raises:
        UserError: there is neither; the nearest name is given.
    """
    shipped = Path(path)
    # configs/nnunet.toml is meant from anywhere; mine/nnunet.toml is a file of one's own, and may be missing.
    shipped = Path(shipped.name) if shipped.parent.name == "configs" else shipped
    for candidate in (Path(path), CONFIGS / shipped, CONFIGS / f"{shipped}.toml"):
        if is_there(candidate) and not candidate.is_dir():
            return require_file(candidate)
    near = nearest(Path(path).name.removesuffix(".toml"), preset_names())
    hint = f"did you mean --config {near}? " if near else ""
    names = ", ".join(f"{name}.toml" for name in preset_names()) or "none"
    raise UserError(
        f"no configuration file {path}; {hint}give a path, or a name that python -m segan_tl configs lists: {names}"
    )


def find_preset(name: str) -> Path:
    """Return the file of a configuration that comes along, with or without .toml behind its name.

    Raises:
        UserError: there is none of that name; the nearest one is given.
    """
    stem, names = name.removesuffix(".toml"), preset_names()
    if stem in names:
        return CONFIGS / f"{stem}.toml"
    near = nearest(Path(stem).name, names)
    hint = f"did you mean {near}?" if near else f"expected one of {', '.join(names)}"
    raise UserError(f"no configuration {name} comes along; {hint}")


def preset_names() -> list[str]:
    """Return the names of the configurations that come along, in alphabetical order."""
    return sorted(file.stem for file in CONFIGS.glob("*.toml"))


def describe_presets() -> list[Preset]:
    """Return what each configuration that comes along says of itself, in alphabetical order."""
    return [describe_preset(name) for name in preset_names()]


def describe_preset(name: str) -> Preset:
    """Return what the configuration of that name says of itself."""
    path = CONFIGS / f"{name}.toml"
    # A configuration that names no family is SegAN's.
    family = read_toml(path).get("model", {}).get("family", "segan")
    return Preset(name, family, first_sentence(path.read_text(encoding="utf-8")))


def first_sentence(text: str) -> str:
    """Return the first sentence of the comment that heads a TOML file; "" where there is none.

    >>> first_sentence("# For scanners of 1.5 T,\\n# as published. More.\\n#\\nseed = 0")
    'For scanners of 1.5 T, as published.'
    """
    words = []
    for line in text.splitlines():
        if not line.startswith("#") or not line.strip("# "):
            break
        words.append(line.strip("# "))
    found = FIRST_SENTENCE.match(" ".join(words))
    return found.group() if found else ""
