"""Damaged and hostile files of weights, made from sound ones by a seed."""

import copy
import io
import json
import random
import warnings
import zipfile
from pathlib import Path

import h5py
import numpy as np

# What a value of a configuration is replaced by.
STRANGE = (
    None, True, -1, 0, 10**9, 10**30, 1e400, "", "x" * 1000, "../../x", "\x1b[31m\u202e", [], {}, [[[[]]]],
    [None], [-1, -1], [10**6] * 4, {"class_name": "Lambda", "config": {}},
    {"class_name": "Popen", "module": "subprocess", "config": {}},
    {"class_name": "function", "module": "builtins", "config": "eval", "registered_name": "function"},
)  # fmt: skip
# Opcodes of a pickle: those that call, those that build, those that copy.
NAMES = b"RobibcQPeuastd]})(thqjMNKJXGU.\x80\x81\x85\x86\x87\x8a\x8b\x8c\x8d\x8e\x93\x94\x95\x98"
OPCODES = [bytes([one]) for one in NAMES]
CALL = b"cos\nsystem\n(X\x0c\0\0\0touch canarytR"


def damage_keras(sound: Path, folder: Path, *, count: int, seed: int) -> list[Path]:
    """Write `count` files after a sound .keras file; return them. Names begin with what was done."""
    with zipfile.ZipFile(sound) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    ways = [flip, cut, blank, _edit_text, _edit_text, _swap, _flip_weights, _edit_weights, _add_member]
    return _write_all(ways, sound.read_bytes(), members, folder, suffix=".keras", count=count, seed=seed)


def damage_torch(sound: Path, folder: Path, *, count: int, seed: int) -> list[Path]:
    """Write `count` files after a sound .pth in PyTorch's zip format; return them."""
    with zipfile.ZipFile(sound) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    ways = [flip, cut, blank, _change_pickle, _change_pickle, _change_pickle, _swap, _shorten, _add_member]
    return _write_all(ways, sound.read_bytes(), members, folder, suffix=".pth", count=count, seed=seed)


def _write_all(ways, content, members, folder, *, suffix, count, seed) -> list[Path]:
    rng, files = random.Random(seed), []
    for number in range(count):
        way = ways[number % len(ways)]
        path = folder / f"{way.__name__.strip('_')}_{number:03d}{suffix}"
        made = way(content if way in WHOLE else dict(members), rng)
        path.write_bytes(made if isinstance(made, bytes) else pack(made))
        files.append(path)
    return files


def pack(members: dict[str, bytes]) -> bytes:
    """Return an archive, uncompressed, whose checksums are right."""
    memory = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(memory, "w") as archive:
        warnings.simplefilter("ignore")
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name), content)
    return memory.getvalue()


# === The bytes of the whole file ===


def flip(content: bytes, rng: random.Random) -> bytes:
    """Change one to twenty bytes."""
    changed = bytearray(content)
    for _ in range(rng.randint(1, 20)):
        changed[rng.randrange(len(changed))] ^= rng.randint(1, 255)
    return bytes(changed)


def cut(content: bytes, rng: random.Random) -> bytes:
    """Leave the end off."""
    return content[: rng.randrange(len(content))]


def blank(content: bytes, rng: random.Random) -> bytes:
    """Overwrite a part with zeros, as a broken disk does."""
    start = rng.randrange(len(content) - 1)
    length = rng.randint(1, len(content) - start)
    return content[:start] + bytes(length) + content[start + length :]


WHOLE = (flip, cut, blank)


# === Members of the archive ===


def _swap(members: dict, rng: random.Random) -> dict:
    """Exchange the content of two members, or leave one out."""
    one, other = rng.sample(sorted(members), 2)
    members[one], members[other] = members[other], members[one]
    if rng.random() < 0.5:
        del members[one]
    return members


def _add_member(members: dict, rng: random.Random) -> dict:
    """Add a member that has no place in it."""
    name = rng.choice(["../escape", "/tmp/escape", "assets/a", "assets/../../b", "config.json/x", "\0", "x" * 70_000])
    return members | {name[:65_000]: rng.randbytes(rng.randint(0, 1000))}


def _edit_text(members: dict, rng: random.Random) -> dict:
    """Put something strange in the place of a value of a JSON text."""
    name = rng.choice(["config.json", "config.json", "config.json", "metadata.json", "segan_tl.json"])
    value = json.loads(members[name])
    places = [(owner, key) for owner, key in _places(value)]
    for owner, key in rng.sample(places, min(len(places), rng.choice((1, 1, 1, 5)))):
        owner[key] = copy.deepcopy(rng.choice(STRANGE))
    return members | {name: json.dumps(value).encode()}


def _places(value) -> list[tuple]:
    """Return owner and key of everything in a JSON value."""
    keys = value.keys() if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    return [place for key in list(keys) for place in ((value, key), *_places(value[key]))]


def _flip_weights(members: dict, rng: random.Random) -> dict:
    """Damage the HDF5 file, with a checksum that is right."""
    content = members["model.weights.h5"]
    return members | {"model.weights.h5": flip(content[:4000], rng) + content[4000:]}  # groups and shapes lie in front


def _edit_weights(members: dict, rng: random.Random) -> dict:
    """Give a dataset another shape, type or place, or values that are no numbers."""
    memory = io.BytesIO(members["model.weights.h5"])
    with h5py.File(memory, "r+") as file:
        names = []
        file.visititems(lambda name, found: names.append(name) if isinstance(found, h5py.Dataset) else None)
        name = rng.choice(sorted(names))
        values = file[name][()]
        del file[name]
        way = rng.randrange(6)
        if way == 0:
            file[name] = np.full_like(values, np.nan)
        elif way == 1:
            file.create_dataset(name, (10**5, 10**4), "f4")
        elif way == 2:
            file[name] = h5py.ExternalLink("/etc/hostname", "/")
        elif way == 3:
            file[name] = np.bytes_("text")
        elif way == 4:
            file[name] = np.append(values.ravel(), 1).astype(values.dtype)
    return members | {"model.weights.h5": memory.getvalue()}


# === PyTorch's pickle and storages ===


def _pickle_of(members: dict) -> str:
    return next(name for name in members if name.endswith("data.pkl"))


def _change_pickle(members: dict, rng: random.Random) -> dict:
    """Replace, insert, repeat or leave out operations."""
    name = _pickle_of(members)
    text = bytearray(members[name])
    for _ in range(rng.randint(1, 6)):
        place = rng.randrange(2, len(text))
        way = rng.randrange(4)
        if way == 0:
            text[place : place + 1] = rng.choice(OPCODES)
        elif way == 1:
            text[place:place] = rng.choice((*OPCODES, CALL)) * rng.choice((1, 2, 50_000))
        elif way == 2:
            text[place:place] = text[place : place + rng.randint(1, 40)]
        else:
            del text[place : place + rng.randint(1, 8)]
    return members | {name: bytes(text)}


def _shorten(members: dict, rng: random.Random) -> dict:
    """Cut a storage, or fill it with values that are no numbers."""
    name = rng.choice(sorted(name for name in members if "/data/" in name))
    return members | {name: rng.choice((members[name][:-4], b"", b"\xff" * len(members[name])))}
