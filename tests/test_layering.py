"""Imports only go down; networks and losses know Keras but not TensorFlow; starting a command imports nothing heavy."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "segan_tl"
FILES = sorted(PACKAGE.rglob("*.py"))
# From the bottom up; a part may import what stands before its own row, and its own row's part itself.
ROWS = [
    {
        "errors", "environment", "disk", "schemas", "regions", "runs", "zoo", "console", "parser", "interrupt",
        "config", "",
    },
    {"metrics", "fast", "losses"},
    {"models"},
    {"data"},
    {"clinical", "portable"},
    {"train", "predict"},
    {"report"},
    {"radiomics"},
    {"workflow"},
    {"papers"},
    {"commands"},
    {"__main__"},
    {"scripts"},
]
HEIGHT = {part: height for height, row in enumerate(ROWS) for part in row}
HEAVY = {
    "tensorflow", "keras", "torch", "scipy", "skimage", "sklearn", "matplotlib", "nibabel", "SimpleITK", "pandas",
    "mirp", "pydicom", "highdicom", "onnx", "onnxruntime",
}  # fmt: skip


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
    if part_of(path) in ("", "__main__", "errors", "disk", "config", "zoo", "workflow", "papers", "commands")
]


# But for what the package itself offers, from every room and not before it is asked for (tests/test_library.py).
@pytest.mark.parametrize("path", [path for path in FILES if path != PACKAGE / "__init__.py"], ids=name_of)
def test_imports_only_go_down(path):
    own = part_of(path)
    for module in imports(path, inside_functions=True):
        if not module.startswith("segan_tl."):
            continue
        other = module.split(".")[1]
        other = other if other in HEIGHT else ""
        within = other == own or HEIGHT[own] == HEIGHT[other] and own in ROWS[0]
        assert within or HEIGHT[other] < HEIGHT[own], f"{name_of(path)} imports {module}"


def file_of(module: str) -> Path | None:
    """Return the file of a module of ours, or of the module that a name is imported from."""
    for end in (module, module.rpartition(".")[0]):
        path = PACKAGE.parent / end.replace(".", "/")
        for file in (path.with_suffix(".py"), path / "__init__.py"):
            if end.startswith("segan_tl.") and file.is_file():
                return file
    return None


def reached(path: Path) -> set[Path]:
    """Return the files that come with a file, itself among them, by imports at the top or inside functions."""
    found, pending = set(), [path]
    while pending:
        current = pending.pop()
        if current is not None and current not in found:
            found.add(current)
            pending += [file_of(module) for module in imports(current, inside_functions=True)]
    return found


@pytest.mark.parametrize("path", PORTABLE, ids=name_of)
def test_networks_and_losses_never_import_tensorflow_nor_what_does(path):
    for file in reached(path):
        roots = {module.split(".")[0] for module in imports(file, inside_functions=True)}
        assert not roots & {"tensorflow", "torch", "jax"}, f"{name_of(path)} reaches {name_of(file)}"


def test_what_is_reached_goes_more_than_one_step():
    assert PACKAGE / "fast" / "depthwise.py" in reached(PACKAGE / "models" / "weights.py")
    assert PACKAGE / "disk" / "reading.py" in reached(PACKAGE / "models" / "provenance.py")  # by way of the archive


@pytest.mark.parametrize("path", LIGHT, ids=name_of)
def test_commands_start_without_heavy_imports(path):
    roots = {module.split(".")[0] for module in imports(path, inside_functions=False)}
    assert not roots & HEAVY
