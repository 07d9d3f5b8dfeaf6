"""Read a JSON or TOML file that was written before, by us or by others: small, UTF-8, of the shape that is expected."""

import json
import tomllib
from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from segan_tl.disk.reading import is_there, require_file
from segan_tl.errors import UserError

LARGEST_BYTES = 16 * 2**20
DEEPEST = 64  # lists and objects inside one another

Text = Annotated[str, Field(pattern=r"^[^\x00]*$")]  # no path and no name holds the byte 0
Finite = Annotated[float, Field(allow_inf_nan=False)]
Count = Annotated[int, Field(ge=0)]

# How pydantic's errors are said to a person; its other messages begin with "Input should be".
EXPECTED = {
    "model_type": "an object",
    "dict_type": "an object",
    "list_type": "a list",
    "tuple_type": "a list",
    "string_type": "a text",
    "string_pattern_mismatch": "a text of the usual characters",
    "int_type": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "none_required": "null",
}
UNION_PARTS = ("int", "float", "str", "bool", "list", "dict", "none")  # of a location, besides keys and places


class Schema(BaseModel):
    """What a file has to hold. Keys beside that are left as they are: a newer version may write more.

    Attributes:
        remedy: what to do about a file that is of another shape.
    """

    model_config = ConfigDict(strict=True)
    remedy: ClassVar[str] = "correct the file"


def read_json(path: Path, schema: type[Schema], *, absent: str | None = None) -> dict:
    """Return the content of a JSON file that fits the schema, as it stands in the file.

    Args:
        absent: what to do where there is no such file; None for the schema's remedy.

    Raises:
        UserError: it is missing, larger than 16 MiB, no JSON in UTF-8, nested too deeply, says a key twice, or is of
            another shape.
    """
    return parse_json(read_bytes(path, remedy=absent or schema.remedy), schema, where=str(path))


def parse_json(content: bytes, schema: type[Schema], *, where: str) -> dict:
    """Return what a JSON text that fits the schema says.

    Args:
        content: the text; a byte-order mark may stand in front.
        where: the file, for the error.

    Raises:
        UserError: as `read_json`.
    """
    try:
        value = json.loads(content.decode("utf-8-sig"), object_pairs_hook=_unique)
        if b"\\u" in content:  # half of a pair of surrogates is no text
            json.dumps(value, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise UserError(f"{where} is damaged: not JSON in UTF-8 ({_reason(error)}); {schema.remedy}") from None
    check(value, schema, where=where)
    return value


def read_toml(path: Path) -> dict:
    """Return the content of a TOML file.

    Raises:
        UserError: it is missing, larger than 16 MiB, no TOML in UTF-8, or nested too deeply.
    """
    try:
        value = tomllib.loads(read_bytes(path).decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path} is not valid TOML: {_reason(error)}; correct the file") from None
    check_depth(value, where=str(path))
    return value


def read_bytes(path: Path, *, largest: int = LARGEST_BYTES, remedy: str = Schema.remedy) -> bytes:
    """Return the bytes of a regular file of at most `largest`.

    Raises:
        UserError: there is none, it is no regular file, or it is larger.
    """
    if not is_there(path):
        raise UserError(f"{path} is missing; {remedy}")
    size = require_file(path).stat().st_size
    if size > largest:
        raise UserError(
            f"expected at most {largest / 2**20:.0f} MiB in {path}; found {size / 2**20:.0f} MiB; {remedy}"
        )
    return path.read_bytes()


def check(value: object, schema: type[Schema], *, where: str) -> None:
    """Refuse a value of another shape.

    Raises:
        UserError: it says where, what was expected and what was found.
    """
    from segan_tl.schemas.kinds import tell_kinds  # of the schemas of all files, which import this one

    check_depth(value, where=where, remedy=schema.remedy)
    try:
        schema.model_validate(value)
    except ValidationError as error:
        if kinds := tell_kinds(value, schema):
            raise UserError("expected {}; found {} in {where}; name another file".format(*kinds, where=where)) from None
        raise UserError(f"{where} is damaged: {explain(error)}; {schema.remedy}") from None


def explain(error: ValidationError) -> str:
    """Return where the first thing that is wrong stands, what was expected there and what was found."""
    first, *others = error.errors()
    # Of the branches of a union, the one that got furthest.
    others = [one for one in others if one["loc"][: len(place_of(first))] == place_of(first)]
    worst = max((first, *others), key=lambda one: len(one["loc"]))
    place = ".".join(map(str, place_of(worst)))
    if worst["type"] == "missing":
        if isinstance(worst["loc"][-1], int):  # of a list of a fixed length
            return f"{place.rpartition('.')[0]} = {shorten(worst['input'])}: expected more values"
        return f"expected {place}, which is missing"
    if worst["type"] == "model_type" and not place:
        return f"no JSON object, found {shorten(worst['input'])}"
    message = worst["msg"].removeprefix("Value error, ")
    if worst["type"] == "value_error" and isinstance(worst["input"], dict):  # of a whole section, in its own words
        return message
    wanted = EXPECTED.get(worst["type"]) or message.removeprefix("Input should be ").removeprefix("expected ")
    kind = "a number " if worst["type"].startswith(("greater_", "less_")) else ""
    return f"{place} = {shorten(worst['input'])}: expected {kind}{wanted}"


def place_of(error: dict) -> tuple:
    """Return the keys and places that lead to what is wrong, without pydantic's names of the branches of a union."""
    return tuple(
        part for part in error["loc"]
        if isinstance(part, int) or part not in UNION_PARTS and not part.endswith(("]", "-str", "-int", "-float"))
    )  # fmt: skip


def shorten(value: object) -> str:
    """Return a value as a message shows it, at most 60 characters."""
    try:
        text = repr(list(value) if isinstance(value, tuple) else value)
    except ValueError:  # a whole number of more digits than Python prints
        text = "a number of thousands of digits"
    return text if len(text) <= 60 else f"{text[:57]}…"


def check_depth(value: object, *, where: str, remedy: str = Schema.remedy) -> None:
    """Refuse what is nested so deeply that going through it would end in a RecursionError.

    Raises:
        UserError: it is.
    """
    level = [value]
    for _ in range(DEEPEST):
        level = [part for one in level for part in _parts(one)]
        if not level:
            return
    raise UserError(f"{where} is damaged: expected at most {DEEPEST} levels inside one another, found more; {remedy}")


def _parts(value: object):
    return value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else ()


def _unique(pairs: list[tuple[str, object]]) -> dict:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the key {twice!r} twice")
    return found


def _reason(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "lists or objects nested too deeply"
    if isinstance(error, UnicodeError):
        return "other bytes" if isinstance(error, UnicodeDecodeError) else "half a character"
    return str(error)
