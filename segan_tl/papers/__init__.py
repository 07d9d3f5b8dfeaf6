"""The papers that `reproduce` knows: a folder each, whose paper.py declares what it is."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from segan_tl.papers.paper import Paper

# Paper, as the command calls it → its folder.
PAPERS = {
    "giacomello-2020": "giacomello",
    "wacker-2020": "wacker",
    "heras-rivera-2024": "heras",
    "kaur-2019": "kaur",
    "parida-2024": "parida",
}


def load_paper(name: str) -> Paper:
    """Return a paper of PAPERS."""
    return importlib.import_module(f"segan_tl.papers.{PAPERS[name]}.paper").PAPER
