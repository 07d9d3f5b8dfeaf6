"""The zip of an artefact: the same bytes twice, and every kind of damage told in one sentence."""

import json
import zipfile

import pytest

from segan_tl.errors import UserError
from segan_tl.portable.archive import MANIFEST, read_archive, write_archive

PARTS = {"network.onnx": b"a graph" * 100, "artefact.json": b"{}", "config.json": b'{"a": 1}'}


@pytest.fixture
def archive(tmp_path):
    write_archive(tmp_path / "a.zip", PARTS)
    return tmp_path / "a.zip"


def test_the_same_parts_give_the_same_bytes(archive, tmp_path):
    write_archive(tmp_path / "b.zip", dict(reversed(PARTS.items())))
    assert archive.read_bytes() == (tmp_path / "b.zip").read_bytes()
    digest = write_archive(tmp_path / "b.zip", PARTS | {"config.json": b'{"a": 2}'})
    assert len(digest) == 64 and archive.read_bytes() != (tmp_path / "b.zip").read_bytes()


def test_the_parts_come_back_with_their_digests(archive):
    parts, digests = read_archive(archive)
    assert parts == PARTS
    # printf '{}' | sha256sum
    assert digests["artefact.json"] == "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
    with zipfile.ZipFile(archive) as opened:
        assert json.loads(opened.read(MANIFEST))["files"]["config.json"]["bytes"] == 8


def rewrite(archive, change, **options):
    """Write the members anew, after a change of name → content; the manifest stays unless it is changed, too."""
    with zipfile.ZipFile(archive) as opened:
        members = {name: opened.read(name) for name in opened.namelist()}
    change(members)
    with zipfile.ZipFile(archive, "w", **options) as opened:
        for name, content in members.items():
            opened.writestr(name, content)


def flip(archive):
    """Change one byte of the graph where it lies in the file."""
    content = bytearray(archive.read_bytes())
    content[content.index(b"a graph")] ^= 1
    archive.write_bytes(content)


DAMAGES = {
    "cut off": (lambda path: path.write_bytes(path.read_bytes()[:-100]), "is no readable zip .*cut off or damaged"),
    "no zip": (lambda path: path.write_bytes(b"PK"), "is no readable zip"),
    "empty": (lambda path: path.write_bytes(b""), "is no readable zip"),
    "a byte": (flip, "is no readable zip .*CRC"),
    "another part": (lambda path: rewrite(path, lambda all_: all_.update({"config.json": b'{"a": 2}'})),
                     "config.json is not what was exported"),
    "a part more": (lambda path: rewrite(path, lambda all_: all_.update({"more.py": b"1"})), "'more.py' is in the zip"),
    "a part less": (lambda path: rewrite(path, lambda all_: all_.pop("config.json")), "holds no config.json"),
    "of another program": (lambda path: rewrite(path, lambda all_: (all_.clear(), all_.update({"model.pt": b"1"}))),
                           "is no artefact of segan_tl .it holds no MANIFEST.json"),
    "compressed": (lambda path: rewrite(path, lambda all_: None, compression=zipfile.ZIP_DEFLATED), "is compressed"),
    "manifest": (lambda path: rewrite(path, lambda all_: all_.update({MANIFEST: b"[]"})), "MANIFEST.json is damaged"),
    "newer": (lambda path: rewrite(path, lambda all_: all_.update({MANIFEST: b'{"format": 2}'})), "format = 2"),
}  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGES)
def test_damage_is_one_sentence(archive, damage):
    make, said = DAMAGES[damage]
    make(archive)
    with pytest.raises(UserError, match=said) as error:
        read_archive(archive)
    assert str(error.value).startswith(str(archive)) and "\n" not in str(error.value)


def test_no_file_and_a_folder(tmp_path):
    for path in (tmp_path / "none.zip", tmp_path):
        with pytest.raises(UserError, match="expected a file to read"):
            read_archive(path)
