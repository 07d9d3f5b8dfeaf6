"""docs/configuration.md says what the configuration is now."""

import importlib.util
from typing import Literal

import pytest
from pydantic import Field

from segan_tl.config.base import Section
from tests.docs.pages import ROOT


def load():
    """Import the script, which is in no package."""
    place = importlib.util.spec_from_file_location("make_configuration", ROOT / "docs" / "make_configuration.py")
    module = importlib.util.module_from_spec(place)
    place.loader.exec_module(module)
    return module


script = load()


class Inner(Section):
    """The inner one.

    Attributes:
        size: how large,
            in voxels
    """

    size: int = Field(3, gt=0, le=9)


class Outer(Section):
    """The outer one."""

    kind: Literal["a", "b"]  # which of them
    # None: no limit,
    # but for the memory's
    limit: float | None = None
    shape: tuple[int, int] = (1, 2)
    inner: Inner = Inner()
    other: Inner | None = None


EXPECTED = """### Title

The outer one.

| key | value | default | meaning |
| --- | --- | --- | --- |
| `kind` | one of `"a"`, `"b"` | **needed** | which of them |
| `limit` | number | left out | left out: no limit, but for the memory's |
| `shape` | list of 2, each: whole number | `[1, 2]` |  |

`[inner]`: The inner one.

| key | value | default | meaning |
| --- | --- | --- | --- |
| `inner.size` | whole number > 0, ≤ 9 | `3` | how large, in voxels |

`[other]`: The inner one. The section may be left out; then there is none.

| key | value | default | meaning |
| --- | --- | --- | --- |
| `other.size` | whole number > 0, ≤ 9 | `3` | how large, in voxels |"""


def test_the_page_is_current():
    page = script.PAGE.read_text(encoding="utf-8")
    assert script.write(page) == page, "run: python docs/make_configuration.py"


def test_every_key_has_a_meaning():
    without = [
        f"{title}: {name}.{key}"
        for title, root in script.ROOTS.items()
        for name, section, _ in script.sections(root)
        for key, _ in script.values(section)
        if not script.meanings(section).get(key)
    ]
    assert without == [], "put a comment behind the key, in segan_tl/config"


def test_a_schema_in_words(monkeypatch):
    monkeypatch.setattr(script, "ROOTS", {"Title": Outer})
    assert script.reference() == EXPECTED


def test_a_page_without_its_markers_is_not_written():
    with pytest.raises(ValueError, match="needs the line <!-- files"):
        script.write("# Configuration\n")
