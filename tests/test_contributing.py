"""CONTRIBUTING.md names files and tables that are there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
ROOTS = ("segan_tl/", "tests/", "configs/", "docs/")
NAMED = sorted({word for word in re.findall(r"`([\w./]+)`", TEXT) if word.startswith(ROOTS)})
# Constants of modules; NAME and the like stand for the reader's own.
TABLES = sorted(set(re.findall(r"`(_?[A-Z]{2,}[A-Z_]*)`", TEXT)) - {"NAME", "SEGAN_TL_REAL_DATA"})


@pytest.mark.parametrize("path", NAMED)
def test_a_file_that_is_named_is_there(path):
    words = re.split(r"NAME|NOUN|PAPER", path)
    assert (ROOT / words[0]).parent.is_dir() if len(words) > 1 else (ROOT / path).exists()


@pytest.mark.parametrize("table", TABLES)
def test_a_table_that_is_named_is_there(table):
    files = [*(ROOT / "segan_tl").rglob("*.py"), *(ROOT / "tests").rglob("*.py")]
    assert any(re.search(rf"^{table} = ", path.read_text(encoding="utf-8"), re.MULTILINE) for path in files)
