"""Which folder zoo:NAME means, and how a folder is called: the only place that knows where these networks lie."""

from pathlib import Path

from segan_tl.errors import UserError, nearest

PREFIX = "zoo:"
ZOO = Path(__file__).parent
CARD = "README.md"


def entry_names() -> list[str]:
    """Return the names of the networks that come along, in alphabetical order."""
    return sorted(file.parent.name for file in ZOO.glob("*/config.json"))


def is_zoo(word: Path | str) -> bool:
    """Return whether a word for a run means a network that comes along."""
    return str(word).startswith(PREFIX)


def find_entry(name: str) -> Path:
    """Return the folder of a network that comes along, with or without zoo: before its name.

    Raises:
        UserError: there is none of that name; the nearest one is given.
    """
    stem, names = name.removeprefix(PREFIX).rstrip("/"), entry_names()
    if stem in names:
        return ZOO / stem
    near = nearest(stem, names)
    known = ", ".join(PREFIX + one for one in names) or "none: it was installed without them"
    hint = f"did you mean {PREFIX}{near}?" if near else f"expected one of {known}; python -m segan_tl zoo lists them"
    raise UserError(f"no network {PREFIX}{stem} comes along; {hint}")


def folder_of(word: Path | str) -> Path:
    """Return the path that a word for a run means: a folder of the zoo for zoo:NAME, any other word as it is.

    Raises:
        UserError: as `find_entry`.
    """
    return find_entry(str(word)) if is_zoo(word) else Path(word)


def is_entry(folder: Path) -> bool:
    """Return whether a folder is that of a network that comes along, into which nothing is to be written."""
    return folder.resolve().parent == ZOO.resolve()


def spell(folder: Path) -> str:
    """Return what a person types for a run's folder: zoo:NAME, whatever folder that is on this machine; else its path.

    >>> spell(Path("runs/segan/flair"))
    'runs/segan/flair'
    """
    return PREFIX + folder.resolve().name if is_entry(folder) else str(folder)


def refuse_entry(folder: Path, why: str) -> None:
    """Refuse a network that comes along where a run with cases and scores of its own is wanted.

    Args:
        folder: of a run.
        why: what is wanted, and what to type instead, with NAME for the run.

    Raises:
        UserError: it is one.
    """
    if is_entry(folder):
        instead = why.replace("NAME", spell(folder))
        raise UserError(f"{spell(folder)} comes along as it is, and nothing is written into its folder; {instead}")
