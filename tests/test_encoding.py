"""Files are UTF-8 whatever the locale: no text is read or written without saying so."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FILES = sorted([*(ROOT / "segan_tl").rglob("*.py"), *ROOT.glob("*.py")])
# Where the arguments of a call that opens a file have the mode, if it is not "r".
OPENERS = {"open": 0, "fdopen": 1, "TemporaryFile": 0, "NamedTemporaryFile": 0, "TextIOWrapper": None}
TEXTS = {"read_text", "write_text"}
BINARY = {"tarfile", "zipfile", "archive", "gzip", "bz2", "lzma", "Image"}  # their open() gives bytes, or no text


def calls_without_encoding(source: str) -> list[int]:
    """Return the lines of calls that read or write text in the encoding of the locale."""
    return [node.lineno for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call) and _lacks(node)]


def _lacks(call: ast.Call) -> bool:
    function = call.func
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    given = {keyword.arg: keyword.value for keyword in call.keywords}
    if "encoding" in given:
        return False
    if name in TEXTS:
        return isinstance(function, ast.Attribute)  # a path's; runs.write_text says it itself
    if isinstance(function, ast.Attribute) and name in ("run", "Popen", "check_output"):
        return isinstance(given.get("text"), ast.Constant)
    if name not in OPENERS:
        return False
    owner = function.value if isinstance(function, ast.Attribute) else None
    if isinstance(owner, ast.Name) and owner.id in BINARY | {"os"} and name == "open":
        return False
    place = OPENERS[name]
    if place is not None and name == "open" and owner is None:
        place = 1  # the built-in, behind the path
    mode = given.get("mode") or (call.args[place] if place is not None and len(call.args) > place else None)
    if name.endswith("TemporaryFile") and mode is None:
        return False  # bytes
    return not (isinstance(mode, ast.Constant) and "b" in str(mode.value))


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_text_says_its_encoding(path):
    assert calls_without_encoding(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("path.read_text()", 1), ("path.write_text(x)", 1), ("path.open()", 1), ("path.open('w', newline='')", 1),
        ("open(path)", 1), ("open(path, 'a')", 1), ("subprocess.run(c, text=True)", 1),
        ("path.read_text(encoding='utf-8')", 0), ("path.open('rb')", 0), ("open(path, 'wb')", 0),
        ("subprocess.run(c)", 0), ("archive.open(name)", 0), ("tempfile.TemporaryFile()", 0),
    ],
)  # fmt: skip
def test_the_search_finds_them(line, found):
    assert len(calls_without_encoding(line)) == found
