"""JSON and TOML that were written before: what is refused, and in which words."""

import json
import os

import pytest

from segan_tl.errors import UserError
from segan_tl.schemas.reading import DEEPEST, LARGEST_BYTES, Count, Finite, Schema, read_json, read_toml


class Example(Schema):
    name: str
    count: Count = 0
    share: Finite | None = None
    cases: dict[str, list[str]] = {}


def write(tmp_path, content):
    path = tmp_path / "example.json"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_what_fits_comes_back_as_it_stands_in_the_file(tmp_path):
    text = '\ufeff{"name": "Zoë 😀", "count": 3, "newer": {"x": [1, null]}, "escaped": "\\ud83d\\ude00"}'
    assert read_json(write(tmp_path, text), Example) == {
        "name": "Zoë 😀", "count": 3, "newer": {"x": [1, None]}, "escaped": "😀",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "not JSON in UTF-8"),
        ("{", "not JSON in UTF-8"),
        (b'\xff\xfe{"name": "a"}', "(other bytes)"),
        ('{"name": "M\xfcller"}'.encode("latin-1"), "(other bytes)"),
        ('{"name": "a"}'.encode("utf-16"), "(other bytes)"),
        ('{"name": "\\ud800"}', "(half a character)"),
        ('{"name": "a", "name": "b"}', "the key 'name' twice"),
        ('{"name": "a", "x": ' + "[" * 100_000 + "]" * 100_000 + "}", "nested too deeply"),
        ('{"name": "a", "x": ' + "[" * DEEPEST + "]" * DEEPEST + "}", f"expected at most {DEEPEST} levels"),
        ("[]", "no JSON object, found []"),
        ("null", "no JSON object, found None"),
        ('"a"', "no JSON object, found 'a'"),
        ("{}", "expected name, which is missing"),
        ('{"name": 3}', "name = 3: expected a text"),
        ('{"name": null}', "name = None: expected a text"),
        ('{"name": "a", "count": "3"}', "count = '3': expected a whole number"),
        ('{"name": "a", "count": true}', "count = True: expected a whole number"),
        ('{"name": "a", "count": 3.0}', "count = 3.0: expected a whole number"),
        ('{"name": "a", "count": -1}', "count = -1: expected a number greater than or equal to 0"),
        ('{"name": "a", "count": ' + "9" * 5000 + "}", "not JSON"),
        ('{"name": "a", "share": NaN}', "share = nan: expected a finite number"),
        ('{"name": "a", "share": -Infinity}', "share = -inf: expected a finite number"),
        ('{"name": "a", "share": 1e999}', "share = inf: expected a finite number"),
        ('{"name": "a", "cases": [1]}', "cases = [1]: expected an object"),
        ('{"name": "a", "cases": {"x": [["b"]]}}', "cases.x.0 = ['b']: expected a text"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_one_sentence(tmp_path, content, words):
    with pytest.raises(UserError) as caught:
        read_json(write(tmp_path, content), Example)
    message = str(caught.value)
    assert words in message and "example.json" in message and message.endswith("; correct the file")
    assert "\n" not in message and len(message) < 400


def test_a_huge_file_is_not_read(tmp_path):
    path = write(tmp_path, '{"name": "a"}')
    os.truncate(path, LARGEST_BYTES + 1)
    with pytest.raises(UserError, match="expected at most 16 MiB in .*; found 16 MiB"):
        read_json(path, Example)


def test_what_is_no_file(tmp_path):
    os.mkfifo(tmp_path / "pipe.json")
    (tmp_path / "loop.json").symlink_to(tmp_path / "loop.json")
    for name, words in (("none.json", "missing"), ("pipe.json", "FIFO"), ("loop.json", "cannot be read")):
        with pytest.raises(UserError, match=words):
            read_json(tmp_path / name, Example)
    with pytest.raises(UserError, match="a folder, not a file"):
        read_json(tmp_path, Example)


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"\xff", "other bytes"), (b"x = " + b"[" * 5000, "nested too deeply"), (b"x = 1\nx = 2", "overwrite a value")],
)
def test_bad_toml(tmp_path, content, words):
    path = tmp_path / "a.toml"
    path.write_bytes(content)
    with pytest.raises(UserError, match=words):
        read_toml(path)


def test_good_toml(tmp_path):
    path = tmp_path / "a.toml"
    path.write_text('\ufeffname = "Zoë"\n[data]\nx = [1]\n', encoding="utf-8")
    assert read_toml(path) == {"name": "Zoë", "data": {"x": [1]}}
    assert json.dumps(read_toml(path))
