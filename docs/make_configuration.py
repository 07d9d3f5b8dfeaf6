"""Write the generated parts of docs/configuration.md: every key of the configuration, and every file in configs/.

    python docs/make_configuration.py

Keys, types and defaults are those of the pydantic models in segan_tl/config; what a key means is the comment behind it
or above it there, its `description`, or its line in an `Attributes:` list of the section's docstring. What stands
between the markers of the page is replaced, the rest of it is written by hand.
"""

import ast
import inspect
import json
import re
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from segan_tl.config.presets import CONFIGS
from segan_tl.config.schema import Config

# What a TOML file may be, and the heading over its keys.
ROOTS = {"Keys": Config}
PAGE = Path(__file__).with_name("configuration.md")


def write(page: str) -> str:
    """Return the text of the page with what lies between its markers made anew."""
    for name, made in (("files", configuration_files()), ("keys", reference())):
        start, end = f"<!-- {name}: made by docs/make_configuration.py -->", f"<!-- end of {name} -->"
        if page.count(start) != 1 or page.count(end) != 1:
            raise ValueError(f"{PAGE.name} needs the line {start} and, below it, the line {end}, once each")
        before, rest = page.split(start)
        page = f"{before}{start}\n\n{made}\n\n{end}{rest.split(end)[1]}"
    return page


def configuration_files() -> str:
    """Return a table of the files in configs/: the name, and the first sentence of the comment that begins it."""
    rows = []
    for file in sorted(CONFIGS.glob("*.toml")):
        comment = re.match(r"(?:#.*\n)+", file.read_text(encoding="utf-8"))[0]
        text = " ".join(re.sub(r"^# ?", "", comment, flags=re.MULTILINE).split())
        first = re.match(r"(.*?[^\d .]{2}[.:]) ", text + " ")[1]
        rows.append((f"`{file.stem}`", first.rstrip(".:") + "."))
    return table(("`--config`", "what it is"), rows)


# === Keys ===


def reference() -> str:
    """Return a table of keys for every section of every root."""
    parts = []
    for title, root in ROOTS.items():
        parts += [f"### {title}", summary(root)]
        for name, section, optional in sections(root):
            rows = [row(f"{name}.{key}" if name else key, field, section) for key, field in values(section)]
            head = f"`[{name}]`: {summary(section)}" if name else ""
            left_out = " The section may be left out; then there is none." if optional else ""
            parts += [head + left_out, table(("key", "value", "default", "meaning"), rows)]
    return "\n\n".join(filter(None, parts))


def sections(root: type[BaseModel], name: str = "", optional: bool = False) -> Iterator[tuple]:
    """Yield (dotted name, model, whether it may be left out) of a model and of the sections in it, outer ones first."""
    yield name, root, optional
    for key, field in root.model_fields.items():
        for inner in sections_of(field):
            dotted = f"{name}.{key}" if name else key
            yield from sections(inner, dotted, optional=not field.is_required() and field.get_default() is None)


def values(section: type[BaseModel]) -> list[tuple[str, FieldInfo]]:
    """Return the keys of a section that are no sections themselves."""
    return [(key, field) for key, field in section.model_fields.items() if not sections_of(field)]


def sections_of(field: FieldInfo) -> list[type[BaseModel]]:
    """Return the sections that may stand under a key; none where it is a value."""
    parts = (field.annotation, *get_args(field.annotation))
    return [part for part in parts if isinstance(part, type) and issubclass(part, BaseModel)]


def row(key: str, field: FieldInfo, section: type[BaseModel]) -> tuple[str, str, str, str]:
    """Return what the table says of a key."""
    name = key.rpartition(".")[2]
    schema = section.model_json_schema()
    kind = describe(schema["properties"][field.alias or name], schema.get("$defs", {}))
    value = field.get_default(call_default_factory=True)
    default = "**needed**" if field.is_required() else show(value)
    return f"`{key}`", kind, default, in_toml(meanings(section).get(name, ""), can_be_left_out=value is None)


def describe(kind: dict, definitions: dict) -> str:
    """Return in words what a JSON schema allows."""
    if "$ref" in kind:
        return describe(definitions[kind["$ref"].rpartition("/")[2]], definitions)
    if "anyOf" in kind:
        told = [describe(one, definitions) for one in kind["anyOf"] if one.get("type") != "null"]
        return " or ".join(dict.fromkeys(told))
    if "enum" in kind or "const" in kind:
        names = kind.get("enum", [kind.get("const")])
        return "one of " + ", ".join(f"`{json.dumps(name)}`" for name in names)
    if kind.get("type") == "array":
        if "prefixItems" in kind:
            inside = [describe(one, definitions) for one in kind["prefixItems"]]
            same = len(set(inside)) == 1
            return f"list of {len(inside)}, each: {inside[0]}" if same else "list: " + "; ".join(inside)
        return "list, each: " + describe(kind.get("items", {}), definitions)
    if kind.get("type") == "object":
        return "table of names"
    names = {"integer": "whole number", "number": "number", "string": "text", "boolean": "`true` or `false`"}
    return names.get(kind.get("type"), "value") + limits(kind)


def limits(kind: dict) -> str:
    """Return the limits of a number, in words of mathematics."""
    below = {"minimum": "≥ {:g}", "exclusiveMinimum": "> {:g}"}
    above = {"maximum": "≤ {:g}", "exclusiveMaximum": "< {:g}"}
    told = [form.format(kind[name]) for name, form in (below | above).items() if abs(kind.get(name, 1e9)) < 1e9]
    return f" {', '.join(told)}" if told else ""


def show(value: object) -> str:
    """Return a value in TOML notation; a key that is None is left out of a file."""
    if value is None:
        return "left out"
    if value == {}:
        return "empty"
    listed = list(value) if isinstance(value, tuple) else value
    return f"`{json.dumps(listed, ensure_ascii=False)}`"


def in_toml(meaning: str, *, can_be_left_out: bool) -> str:
    """Return the words of a comment in Python as they hold for a TOML file, which has no None, or for config.json."""
    words = {"None": "left out" if can_be_left_out else "null", "True": "true", "False": "false"}
    return re.sub(r"\b(None|True|False)\b", lambda found: words[found[0]], meaning)


def table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    """Return a Markdown table."""
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


# === Meanings ===


def summary(section: type[BaseModel]) -> str:
    """Return the docstring of a section without its list of attributes, in one paragraph."""
    text = inspect.cleandoc(section.__doc__ or "").partition("\nAttributes:")[0]
    return "\n\n".join(" ".join(part.split()) for part in text.split("\n\n") if part.strip())


def meanings(section: type[BaseModel]) -> dict[str, str]:
    """Return what each key of a section means, of the models that it inherits from, too."""
    found = {}
    for model in reversed(section.__mro__):
        if issubclass(model, BaseModel) and model is not BaseModel and model.__module__.partition(".")[0] != "pydantic":
            found |= _attributes(model) | _comments(model) | _descriptions(model)
    return found


def _descriptions(model: type[BaseModel]) -> dict[str, str]:
    return {key: field.description for key, field in model.model_fields.items() if field.description}


def _attributes(model: type[BaseModel]) -> dict[str, str]:
    """Read the `Attributes:` list of a docstring."""
    listed = inspect.cleandoc(model.__doc__ or "").partition("\nAttributes:")[2]
    found = re.findall(r"^    (\w+): (.*(?:\n {8,}.*)*)", listed, flags=re.MULTILINE)
    return {key: " ".join(text.split()) for key, text in found}


def _comments(model: type[BaseModel]) -> dict[str, str]:
    """Read the comments of the fields: those above a field, and the one behind it."""
    lines = textwrap.dedent(inspect.getsource(model)).splitlines()
    found = {}
    for node in ast.parse("\n".join(lines)).body[0].body:
        if not isinstance(node, ast.AnnAssign):
            continue
        last = node.end_lineno - 1
        behind = re.match(r"\s*#\s*(.*)", lines[last].encode()[node.end_col_offset :].decode())
        told = []
        for line in reversed(lines[: node.lineno - 1]):
            if not line.strip().startswith("#"):
                break
            told.insert(0, line.strip().lstrip("# "))
        told += [behind[1]] if behind else []
        if told:
            found[node.target.id] = " ".join(told)
    return found


def main() -> int:
    """Write the page; with --check only say whether it is current."""
    old = PAGE.read_text(encoding="utf-8")
    new = write(old)
    if "--check" in sys.argv[1:]:
        print("current" if new == old else f"{PAGE} is not current; run: python docs/make_configuration.py")
        return int(new != old)
    PAGE.write_text(new, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
