"""Sound JSON, TOML and CSV files of every kind that is read back, and damaged copies of them, drawn by a seed.

A damaged copy is either `harmless`, so that it has to be read as the sound one is, or `breaking`, so that it has to be
refused, or `open`: it may be either, but is answered in one sentence.
"""

import hashlib
import json
import random
from pathlib import Path
from typing import NamedTuple

NETWORK = b"12345"  # what stands in the place of a network
DIGEST = hashlib.sha256(NETWORK).hexdigest()
SPLIT = {"train": ["p1", "p2"], "validation": ["p3"], "test": ["p4", "p5"]}
JSON_FILES = {
    "run/config.json": {
        "name": "small", "seed": 3,
        "data": {"modalities": ["flair"], "regions": ["wt"], "crop": [32, 32, 16], "window": [32, 32]},
        "model": {"filters": [4, 8], "critic_filters": [4]}, "train": {"epochs": 3, "learning_rate": 0.001},
    },
    "run/run.json": {
        "state": "finished", "epochs": 3, "best_epoch": 2, "best_dice": 0.5, "name": "small", "modalities": ["flair"],
        "regions": ["wt"], "seed": 3, "data": {"folder": "cohort", "layout": "brats2021", "synthetic": True},
        "command": "python train_segan.py --modality flair", "versions": {"segan_tl": "0.1.0", "keras": "3.15.1"},
    },
    "run/splits.json": SPLIT,
    "run/patients.json": {part: {case: case for case in cases} for part, cases in SPLIT.items()},
    "run/summary.json": {"failed": {"p9": "damaged"}, "definitions": {"hd95_mm": "of surfaces"}},
    "run/comparison.json": {
        "regions": {"wt": {"source": 0.1, "scratch": 0.2, "transferred": 0.3}}, "cases": 2, "source": "runs/a",
        "target": ["t2"], "strategy": "full", "scratch": "runs/b", "synthetic": True,
    },
    "run/best/MANIFEST.json": {"files": {"segmentor.keras": {"bytes": 5, "sha256": DIGEST}}},
    "run/last/progress.json": {"epoch": 3, "step": 0, "best": 0.5, "best_epoch": 2, "history": [{"dice": 0.5}]},
    "run/chosen/operating_point.json": {"threshold": 0.5, "validation_dice": 0.7, "cases": ["p3"]},
    "cv/folds.json": {
        "seed": 0, "folds": 2, "stratify": "grade", "groups": {"p1": "HGG", "p2": "LGG"},
        "test": {"0": ["p1"], "1": ["p2"]},
    },
    "out/postprocess.json": {
        "thresholds": {
            "all": {"sizes_voxels": {"NCR": 0, "ED": 175, "ET": 25}, "et_wt_ratio": 0.05},
            "clusters": {"1": {"sizes_voxels": {"NCR": 25, "ED": 0, "ET": 0}, "et_wt_ratio": 0.5}},
        },
        "provenance": {"voxel_mm3": [1.0, 1.5], "groups_sha256": DIGEST},
    },
    "out/review.json": {
        "networks_sha256": [DIGEST], "together": "alone", "regions": ["wt"], "mean_dice": 0.7, "error": 0.2,
        "signs": [{"name": "disagreement", "mean": 0.1, "std": 0.1, "weight": -0.1}],
        "cases": {"p1": {"patient": "p1", "dice": 0.7, "predicted_dice": 0.6, "signs": {"disagreement": 0.2}}},
    },
    "out/predictions.json": {"cases": {"p1": {"labels": {"1": "wt"}, "cluster_remark": "none"}}},
    "hospital/series.json": {
        "cases": {
            "p1": {
                "flair": {
                    "study_uid": "1.2.3", "series_uid": "1.2.3.4", "frame_of_reference_uid": "", "mosaic": False,
                    "sop_class_uid": "1.2.840.10008.5.1.4.1.1.4", "rows": 10, "columns": 12, "spacing_mm": [1.0, 1.0],
                    "thickness_mm": 5.0, "orientation": [1.0, 0.0, 0.0, 0.0, 1.0, 0.0],
                    "planes": [
                        {"sop_instance_uid": "1.2.3.4.1", "frame": None, "position_mm": [0.0, 0.0, 0.0]},
                        {"sop_instance_uid": "1.2.3.4.2", "frame": None, "position_mm": [0.0, 0.0, 5.0]},
                    ],
                }
            }
        }
    },
    "other/groups.json": {"columns": ["x"], "scaling": "l2", "discretisation": "authors", "cases": {"p1": 0, "p2": 1}},
    "cohort/cohort.json": {
        "label_convention": "brats2017", "modalities": {"image": "t1c"}, "synthetic": True, "patients": {"p1": "smith"},
    },
    "msd/dataset.json": {"modality": {"0": "FLAIR"}, "labels": {"0": "background", "1": "edema"}},
    "nnunet/dataset.json": {"channel_names": {"0": "T1"}, "labels": {"background": 0, "wt": [1, 2], "et": 3}},
    "nnunet/plans.json": {"configurations": {"3d_fullres": {"patch_size": [16, 16, 16]}}},
}  # fmt: skip
TABLES = {
    "run/metrics.csv": "case,region,dice,truth_ml,seconds\np4,wt,0.5,1.5,0.1\np5,wt,0.25,2.5,0.2\n",
    "run/history.csv": "epoch,seconds,loss_segmentor,dice_wt,dice\n1,2.5,0.9,,\n2,2.5,0.8,0.5,0.5\n3,2.5,0.7,0.4,0.4\n",
    "other/theirs.csv": "case,region,dice\np4,wt,0.5\np5,wt,0.25\n",
    "other/groups.csv": "case,group\np4,old\np5,new\n",
    "other/who.csv": "case,patient\np4,smith\np5,jones\n",
    "cohort/participants.tsv": "participant_id\tgrade\tage\np1\tHGG\t54\np2\tLGG\t37\n",
}
TOML = 'name = "own"\nseed = 3\n\n[data]\npercentiles = [2.0, 99.8]\n\n[train]\nepochs = 3\nlearning_rate = 1e-3\n'
SOUND = {
    **{name: json.dumps(value, indent=2).encode() for name, value in JSON_FILES.items()},
    **{name: text.encode() for name, text in TABLES.items()},
    "other/own.toml": TOML.encode(),
}


class Damaged(NamedTuple):
    """A damaged copy of one file: what was done, what stands in it now, and what has to come of it."""

    file: str
    what: str
    content: bytes
    expected: str


def damage(*, count: int, seed: int) -> list[Damaged]:
    """Return damaged copies; every kind of file and every kind of damage has its turn."""
    draw = random.Random(seed)
    names, copies = sorted(SOUND), []
    while len(copies) < count:
        file = names[len(copies) % len(names)]
        own = {".json": [_shape] * 4 + [_less, _more, _twice], ".toml": [_toml] * 3}
        kinds = own.get(Path(file).suffix, [_cells] * 3)
        copies.append(Damaged(file, *draw.choice([_bytes, *kinds])(draw, file)))
    return copies


def _bytes(draw: random.Random, file: str) -> tuple[str, bytes, str]:
    """Damage the bytes, whatever they say."""
    sound, place = SOUND[file], draw.randrange(1, len(SOUND[file]) - 2)
    deep = b'{"a":' * 50_000 if file.endswith("json") else b"a = " + b"[" * 50_000
    return draw.choice(
        [
            ("a byte-order mark", b"\xef\xbb\xbf" + sound, "harmless"),
            ("UTF-16", sound.decode().encode("utf-16"), "breaking"),
            ("a byte of Latin-1", sound[:place] + b"\xfc" + sound[place:], "breaking"),
            ("cut", sound[:place], "open" if file.endswith((".toml", "sv")) else "breaking"),
            ("empty", b"", "open" if file.endswith(".toml") else "breaking"),
            ("deep", deep, "breaking"),
            ("17 MiB", sound + b" " * 17 * 2**20, "breaking" if file.endswith(("json", "toml")) else "open"),
            ("zeros", bytes(len(sound)), "breaking"),
        ]
    )


def _places(value: object, path: tuple = ()):
    """Yield the way to everything in a value."""
    yield path
    for key, part in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from _places(part, (*path, key))


def _put(value: object, path: tuple, new: object) -> object:
    if not path:
        return new
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = _put(copy[path[0]], path[1:], new)
    return copy


def _shape(draw: random.Random, file: str) -> tuple[str, bytes, str]:
    """Put something else in the place of a value."""
    value = JSON_FILES[file]
    # What stands inside patch_size is read when a network is built from the plan.
    path = draw.choice([path for path in _places(value) if "patch_size" not in path])
    new = draw.choice(
        [None, [], {}, [[[]]], "x" * 70, 3, -1, 0.5, 1e300, True, float("nan"), float("inf"), [None], "\0"]
    )
    text = json.dumps(_put(value, path, new)).encode()
    # An object in the place of a text, a number or a list fits nowhere; the rest may.
    there = value
    for key in path:
        there = there[key]
    wrong = new == [[[]]] or not path and not isinstance(new, dict)
    return f"{path} = {new!r}", text, "breaking" if wrong and there != new else "open"


def _less(draw: random.Random, file: str) -> tuple[str, bytes, str]:
    """Take a key or an item away."""
    value = JSON_FILES[file]
    *parents, last = draw.choice([path for path in _places(value) if path])
    copy = json.loads(json.dumps(value))
    place = copy
    for key in parents:
        place = place[key]
    del place[last]
    return f"without {(*parents, last)}", json.dumps(copy).encode(), "open"


def _more(draw: random.Random, file: str) -> tuple[str, bytes, str]:
    """Add what a newer version may write; a configuration alone has no unknown keys."""
    known = JSON_FILES[file] | {"newer_than_this": draw.choice([3, None, [1, {"a": None}]])}
    return "a new key", json.dumps(known).encode(), "breaking" if file.endswith("config.json") else "harmless"


def _twice(draw: random.Random, file: str) -> tuple[str, bytes, str]:
    """Say a key twice."""
    key = draw.choice(sorted(JSON_FILES[file]))
    text = SOUND[file].decode().rstrip().removesuffix("}").rstrip()
    return f"{key} twice", f"{text}, {json.dumps(key)}: null}}".encode(), "breaking"


def _toml(draw: random.Random, file: str) -> tuple[str, bytes, str]:
    """Change a line of the configuration."""
    old, new, expected = draw.choice(
        [
            ("seed = 3", "seed = 1979-05-27", "breaking"),
            ("seed = 3", "seed = nan", "breaking"),
            ("seed = 3", f"seed = {'9' * 5000}", "breaking"),
            ("[2.0, 99.8]", "[99.8, 2.0]", "breaking"),
            ("[2.0, 99.8]", "[[2.0], 99.8]", "breaking"),
            ("[2.0, 99.8]", "{ low = 2.0 }", "breaking"),
            ("epochs = 3", "epochs = 3.5", "breaking"),
            ("epochs = 3", "epochs = true", "breaking"),
            ("epochs = 3", "epoch = 3", "breaking"),
            ("epochs = 3", "epochs = 3  # a remark", "harmless"),
            ("1e-3", '"1e-3"', "breaking"),
            ("1e-3", "inf", "breaking"),
            ("[train]", "[[train]]", "breaking"),
            ("[train]", "[train", "breaking"),
            ('"own"', '"../own"', "breaking"),
        ]
    )
    return f"{old} → {new[:40]}", SOUND[file].decode().replace(old, new).encode(), expected


def _cells(draw: random.Random, file: str) -> tuple[str, bytes, str]:
    """Change a cell, a line or the header of a table."""
    text, mark = SOUND[file].decode(), "\t" if file.endswith("tsv") else ","
    header, first, *rest = text.splitlines()
    lines = ["\n".join([header, first, *rest])]
    return draw.choice(
        [
            ("other line ends", text.replace("\n", "\r\n").encode(), "harmless"),
            ("an empty line at the end", f"{lines[0]}\n\n".encode(), "harmless"),
            ("a cell more", "\n".join([header, first + mark + "x", *rest]).encode(), _more_cells(file)),
            ("no header", "\n".join([first, *rest]).encode(), "breaking"),
            ("a column twice", "\n".join(line + mark + line for line in (header, first, *rest)).encode(), _twin(file)),
            ("a quote that never ends", "\n".join([header, '"' + first, *rest]).encode(), _more_cells(file)),
            ("a word", text.replace("0.5", "good").encode(), "breaking" if file.startswith("run/") else "open"),
            ("infinite", text.replace("0.5", "inf").encode(), "breaking" if file.startswith("run/") else "open"),
            ("a line twice", "\n".join([header, first, first, *rest]).encode(), _line_twice(file)),
        ]
    )


def _more_cells(file: str) -> str:
    return "open" if file.endswith("who.csv") else "breaking"


def _twin(file: str) -> str:
    return "open" if file.endswith("who.csv") else "breaking"


def _line_twice(file: str) -> str:
    return "open" if file.endswith(("history.csv", "tsv")) else "breaking"
