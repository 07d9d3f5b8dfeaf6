"""The gate before a .keras file: what is refused by its table of contents and its texts, before anything is parsed."""

import json
import zipfile

import keras
import pytest

from segan_tl.errors import UserError
from segan_tl.models.archive import read_archive
from segan_tl.models.provenance import read_provenance
from segan_tl.models.weights import save_network


@pytest.fixture(scope="module")
def members(tmp_path_factory):
    """What a small file of ours holds, by name."""
    image = keras.Input((8, 8, 1), name="image")
    model = keras.Model(image, keras.layers.Conv2D(2, 3, padding="same", name="logits")(image), name="segmentor")
    path = tmp_path_factory.mktemp("archive") / "net.keras"
    save_network(model, path, {"modalities": ["flair"], "regions": ["wt"], "learnt_from": ["a", "b"]})
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def write(path, members, *, compression=zipfile.ZIP_STORED):
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name), content, compress_type=compression)
    return path


def refused(path, *words):
    """See that every way into the file gives the one sentence."""
    for read in (read_archive, read_provenance):
        with pytest.raises(UserError) as refusal:
            read(path)
        for word in words:
            assert word in str(refusal.value)


def test_a_sound_file_tells_what_it_is(members, tmp_path):
    found = read_archive(write(tmp_path / "a.keras", members))
    assert found.keras_version == keras.__version__ and not found.is_newer
    assert found.config["config"]["name"] == "segmentor" and found.provenance["learnt_from"] == ["a", "b"]
    # Packed anew by another program, it is smaller and as good.
    assert read_archive(write(tmp_path / "b.keras", members, compression=zipfile.ZIP_DEFLATED)) == found


@pytest.mark.parametrize("name", ["../x", "/etc/x", "a/../../x", "C:\\x", "\\x", "assets/..\\x"])
def test_members_outside_of_the_archive(members, tmp_path, name):
    refused(write(tmp_path / "a.keras", members | {name: b"x"}), "outside of the archive")


@pytest.mark.parametrize("name", ["config.json", "metadata.json", "segan_tl.json", "model.weights.h5", "assets/x"])
def test_a_bomb_in_any_member(members, tmp_path, name):
    bomb = members | {name: b" " * 30_000_000}
    refused(write(tmp_path / "a.keras", bomb, compression=zipfile.ZIP_DEFLATED), name, "implausibly large")


def test_many_members_that_are_large_together(members, tmp_path):
    # Each is below its own limit, 90 times smaller packed; together they are 80 MB in a file of 1 MB.
    part = (b"\0" * 89 + bytes(range(200, 201))) * 100_000
    many = members | {f"assets/{number}": part for number in range(9)}
    refused(write(tmp_path / "a.keras", many, compression=zipfile.ZIP_DEFLATED), "implausibly large")


def test_other_oddities_of_the_archive(members, tmp_path):
    refused(write(tmp_path / "a.keras", members | {f"assets/{n}": b"" for n in range(1001)}), "1005 members")
    path = write(tmp_path / "b.keras", members)
    with pytest.warns(UserWarning), zipfile.ZipFile(path, "a") as archive:
        archive.writestr("config.json", "{}")
    refused(path, "two members of one name")
    refused(write(tmp_path / "c.keras", members, compression=zipfile.ZIP_LZMA), "compressed in a way")
    content = bytearray(write(tmp_path / "d.keras", members).read_bytes())
    place = -1
    while (place := content.find(b"PK\x01\x02", place + 1)) >= 0:
        content[place + 8] |= 1
    (tmp_path / "d.keras").write_bytes(content)
    refused(tmp_path / "d.keras", "encrypted")


def test_members_over_one_another(members, tmp_path):
    """Two names in the table of contents for the same bytes: how a small archive unpacks to anything."""
    path = write(tmp_path / "a.keras", {**members, "assets/a": b"x" * 200_000})
    with zipfile.ZipFile(path, "a") as archive:
        twin = archive.getinfo("assets/a")
        for number in range(9):
            other = zipfile.ZipInfo(f"assets/{number}")
            other.header_offset, other.CRC = twin.header_offset, twin.CRC
            other.file_size = other.compress_size = twin.file_size
            archive.filelist.append(other)
            archive.NameToInfo[other.filename] = other
        archive._didModify = True
    refused(path, "over one another")


def test_damage_is_found(members, tmp_path):
    content = bytearray(write(tmp_path / "a.keras", members).read_bytes())
    content[content.find(members["model.weights.h5"]) + 1000] ^= 1
    (tmp_path / "a.keras").write_bytes(content)
    refused(tmp_path / "a.keras", "CRC", "model.weights.h5")
    refused(tmp_path / "nobody.keras", "nobody.keras: no such file")
    (tmp_path / "b.keras").write_bytes(b"")
    refused(tmp_path / "b.keras", "not a readable .keras file")
    (tmp_path / "model.h5").write_bytes(members["model.weights.h5"])
    refused(tmp_path / "model.h5", "HDF5", "save the whole model as .keras")


NESTED = b'{"modalities":' + b"[" * 500 + b"]" * 500 + b"}"


@pytest.mark.parametrize("name", ["config.json", "metadata.json", "segan_tl.json"])
@pytest.mark.parametrize(
    "text", [b"null", b"[]", b"3", b"\xff\xfe\0", b"{", b"[" * 100_000 + b"]" * 100_000, NESTED], ids=range(7)
)
def test_json_of_another_shape(members, tmp_path, name, text):
    refused(write(tmp_path / "a.keras", members | {name: text}), name)


@pytest.mark.parametrize(
    "change",
    [{"modalities": 5}, {"regions": None}, {"learnt_from": 3}, {"modalities": [["x"]]}, {"network": []}, {"data": "x"}],
    ids=str,
)
def test_provenance_of_another_shape(members, tmp_path, change):
    text = json.dumps(json.loads(members["segan_tl.json"]) | change)
    refused(write(tmp_path / "a.keras", members | {"segan_tl.json": text}), "segan_tl.json", *change)


@pytest.mark.parametrize(
    ("metadata", "module"),
    [({"keras_version": "2.15.0"}, "keras.src.engine.functional"), ({}, "keras.engine.sequential"),
     ({"keras_version": "2.19.0"}, "tf_keras.src.engine.functional")],
)  # fmt: skip
def test_a_file_of_keras_2_is_named(members, tmp_path, metadata, module):
    config = json.loads(members["config.json"]) | {"module": module}
    old = members | {"config.json": json.dumps(config), "metadata.json": json.dumps(metadata)}
    refused(write(tmp_path / "a.keras", old), f"Keras {metadata.get('keras_version', 'unknown')}", "tf_keras")


def test_a_newer_version_is_known_as_such(members, tmp_path):
    for said, newer in (("3.99.0", True), ("4.0.0", True), (keras.__version__, False), ("3.0.0", False), ([], False)):
        text = json.dumps({"keras_version": said})
        assert read_archive(write(tmp_path / "a.keras", members | {"metadata.json": text})).is_newer is newer
