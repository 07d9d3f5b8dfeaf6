"""Imports only go down; networks and losses know Keras but not TensorFlow; starting a command imports nothing heavy."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "segan_tl"
FILES = sorted(PACKAGE.rglob("*.py"))
# From the bottom up; a part may import what stands before its own row, and its own row's part itself.
ROWS = [
    {"errors", "environment", "disk", "schemas", "regions", "runs", "console", "config", ""},
    {"metrics", "fast", "losses"},
    {"models"},
    {"data"},
    {"train", "predict"},
    {"report"},
    {"workflow"},
    {"papers"},
    {"commands"},
    {"__main__"},
]
HEIGHT = {part: height for height, row in enumerate(ROWS) for part in row}
HEAVY = {"tensorflow", "keras", "torch", "scipy", "skimage", "sklearn", "matplotlib", "nibabel", "SimpleITK", "pandas"}


def imports(path: Path, *, inside_functions: bool) -> list[str]:
    """Return the modules that a file imports, with their full dotted names."""
    tree = ast.parse(path.read_text())
    nodes = ast.walk(tree) if inside_functions else tree.body
    found = []
    for node in nodes:
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name}: relative import"
            found += [f"{node.module}.{alias.name}" for alias in node.names]
    return found


def part_of(path: Path) -> str:
    """Return the folder or file of the package that a file belongs to, "" for the package itself."""
    first = path.relative_to(PACKAGE).parts[0]
    return "" if first == "__init__.py" else first.removesuffix(".py")


def name_of(path: Path) -> str:
    """Return the path of a file inside the package."""
    return str(path.relative_to(PACKAGE))


PORTABLE = [path for path in FILES if part_of(path) in ("models", "losses")]
LIGHT = [
    path
    for path in FILES
    if part_of(path) in ("", "__main__", "errors", "disk", "config", "workflow", "commands")
]


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_imports_only_go_down(path):
    own = part_of(path)
    for module in imports(path, inside_functions=True):
        if not module.startswith("segan_tl."):
            continue
        other = module.split(".")[1]
        other = other if other in HEIGHT else ""
        within = other == own or HEIGHT[own] == HEIGHT[other] and own in ROWS[0]
        assert within or HEIGHT[other] < HEIGHT[own], f"{name_of(path)} imports {module}"


@pytest.mark.parametrize("path", PORTABLE, ids=name_of)
def test_networks_and_losses_never_import_tensorflow(path):
    roots = {module.split(".")[0] for module in imports(path, inside_functions=True)}
    assert not roots & {"tensorflow", "torch", "jax"}


@pytest.mark.parametrize("path", LIGHT, ids=name_of)
def test_commands_start_without_heavy_imports(path):
    roots = {module.split(".")[0] for module in imports(path, inside_functions=False)}
    assert not roots & HEAVY
