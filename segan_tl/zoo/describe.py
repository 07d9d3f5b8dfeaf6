"""What a network that comes along says of itself, read without TensorFlow: a line of a table, its model card."""

import re
from dataclasses import dataclass
from pathlib import Path

from segan_tl.config.load import validate
from segan_tl.runs import Run, read_json
from segan_tl.zoo.find import CARD, ZOO, entry_names, find_entry

FIRST_SENTENCE = re.compile(r".+?\.(?=\s|$)|.+")


@dataclass(frozen=True)
class Entry:
    """A network that comes along.

    Attributes:
        name: behind zoo:.
        family: of its network.
        inputs: its modalities, or that any one will do.
        regions: what it segments.
        parameters: of the segmentor.
        size_bytes: of all its files.
        about: the first sentence of its model card.
    """

    name: str
    family: str
    inputs: str
    regions: tuple[str, ...]
    parameters: int
    size_bytes: int
    about: str


def describe_entries() -> list[Entry]:
    """Return what each network that comes along says of itself, in alphabetical order.

    Raises:
        UserError: a file of one is damaged.
    """
    return [describe_entry(ZOO / name) for name in entry_names()]


def describe_entry(folder: Path) -> Entry:
    """Return what one network says of itself.

    Raises:
        UserError: a file of it is damaged.
    """
    run = Run(folder)
    config = validate(read_json(run.config), source=str(run.config))
    modalities = ", ".join(config.data.modalities)
    return Entry(
        folder.name, config.model.family, "any one" if config.any_contrast else modalities, config.data.regions,
        read_json(run.state).get("parameters", {}).get("segmentor", 0),
        sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()),
        first_sentence((folder / CARD).read_text(encoding="utf-8")),
    )  # fmt: skip


def read_card(name: str) -> str:
    """Return the model card of a network that comes along, Markdown.

    Raises:
        UserError: there is none of that name.
    """
    return (find_entry(name) / CARD).read_text(encoding="utf-8")


def first_sentence(card: str) -> str:
    """Return the first sentence below the heading of a model card; "" where there is none.

    >>> first_sentence("# A name\\n\\nFor scanners of 1.5 T,\\nall of them. More.\\n\\nAnother paragraph.")
    'For scanners of 1.5 T, all of them.'
    """
    paragraphs = (" ".join(part.split()) for part in card.split("\n\n"))
    text = next((part for part in paragraphs if part and not part.startswith(("#", "<!--"))), "")
    found = FIRST_SENTENCE.match(text)
    return found.group() if found else ""
