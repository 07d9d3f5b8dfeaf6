"""Every command that writes, on data so small that it ends in seconds, and what of its files is always the same.

What may differ: how long something took; when and where in memory a .keras file was written, and so its digest;
TensorBoard's events and the logs of a queue, which grow with every start, and report.html, which tells times.
"""

import csv
import io
import json
import re
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import h5py
import numpy as np

CONFIG = """
name = "tiny"
[data]
modalities = ["flair"]
regions = ["wt"]
normalise = "percentiles"
crop = [24, 24, 16]
patch = [1, 16, 16]
sampling = "slices"
split = [0.4, 0.3, 0.3]
[model]
family = "segan"
deep_supervision = false
filters = [4, 4]
[critic]
filters = [4]
[predict]
whole_slices = true
mirror = false
[train]
loss = "squared_dice"
optimizer = "rmsprop"
learning_rate = 2e-5
clip_norm = 0
batch_size = 4
epochs = 3
steps_per_epoch = 2
[phantom]
cases = 6
shape = [24, 24, 16]
"""
VOLUMES = [
    "train", "--config", "nnunet_small", "--no-report", "--set", "name=nn", "--set", "data.patch=[8,8,8]",
    "--set", "data.spacing_mm=10", "--set", "model.filters=[4,4]", "--set", "model.blocks=[1,1]",
    "--set", "model.decoder_blocks=[1]", "--set", "train.epochs=2", "--set", "train.steps_per_epoch=1",
    "--set", "train.validate_every=1", "--set", "data.split=[0.5,0.2,0.3]",
]  # fmt: skip
UNLIKE = re.compile(r"seconds|sha256|date_saved|shared_object_id|^commit$")  # keys of JSON, columns of CSV
APART = re.compile(r"/tensorboard/|/logs/|\.lock$|MANIFEST\.json$")


LEFTOVER = re.compile(r"\.segan_tl-|\.(fresh|old|tmp)$|^tmp")


PLAN = {
    "dataset_name": "Dataset001_X", "plans_name": "nnUNetPlans", "transpose_forward": [0, 1, 2],
    "transpose_backward": [0, 1, 2],
    "configurations": {"3d_fullres": {
        "patch_size": [8, 8, 8], "spacing": [10.0, 10.0, 10.0], "batch_size": 2,
        "normalization_schemes": ["ZScoreNormalization"], "use_mask_for_norm": [True],
        "architecture": {
            "network_class_name": "dynamic_network_architectures.architectures.unet.PlainConvUNet",
            "arch_kwargs": {
                "n_stages": 2, "features_per_stage": [4, 4], "conv_op": "torch.nn.modules.conv.Conv3d",
                "kernel_sizes": [[3, 3, 3], [3, 3, 3]], "strides": [[1, 1, 1], [2, 2, 2]], "n_conv_per_stage": [1, 1],
                "n_conv_per_stage_decoder": [1], "conv_bias": True,
                "norm_op": "torch.nn.modules.instancenorm.InstanceNorm3d",
                "norm_op_kwargs": {"eps": 1e-05, "affine": True}, "dropout_op": None, "dropout_op_kwargs": None,
                "nonlin": "torch.nn.LeakyReLU", "nonlin_kwargs": {"inplace": True},
            },
            "_kw_requires_import": ["conv_op", "norm_op", "dropout_op", "nonlin"],
        },
    }},
}  # fmt: skip


def make_place(place: Path) -> Path:
    """Fill a folder with data, a configuration, a trained run and its masks of all cases; return it."""
    (place / "tiny.toml").write_text(CONFIG)
    call(place, "phantom", "data", "--cases", "6", "--shape", "24", "24", "16")
    call(place, "train-segan", "--modality", "flair", "--data", "data", "--config", "tiny.toml", "--runs", "source")
    call(place, "predict", "source/tiny/flair", "data", "masks")
    return place


def make_more(place: Path) -> Path:
    """Add a run on another modality, a volumetric one, and that as a checkpoint of nnU-Net; return the folder."""
    call(place, "train-segan", "--modality", "t2", "--data", "data", "--config", "tiny.toml", "--runs", "source")
    call(place, *VOLUMES, "--data", "data", "--runs", "source")
    (place / "plans.json").write_text(json.dumps(PLAN))
    call(place, "export", "source/nn/data", "exported", "--plans", "plans.json")
    return place


def words_of(command: str) -> list[str]:
    """Return a command line that writes below `now` only."""
    where = ["--runs", "now/runs", "--cache", "now/cache"]
    return {
        "phantom": ["phantom", "now/out", "--cases", "4", "--shape", "24", "24", "16", "--picture", "now/picture.png"],
        "cache": ["train-segan", "--modality", "all", "--config", "tiny.toml", "--set", "train.epochs=1", *where],
        "train": ["train-segan", "--modality", "flair", "--data", "data", "--config", "tiny.toml", *where],
        "transfer": ["transfer", "--source", "source/tiny/flair", "--target", "t2", "--freeze-critic", *where],
        "crossval": ["crossval", "--folds", "2", "--", *VOLUMES, "--data", "data", *where],
        "predict": ["predict", "source/tiny/flair", "data", "now/out", "--probabilities"],
        "evaluate": ["evaluate", "masks", "data", "--out", "now/scores.csv", "--jobs", "2"],
        "finetune": [
            "finetune", "--from", "source/nn/data", "--strategy", "all", "--data", "data", "--set", "train.epochs=1",
            "--no-report", *where,
        ],
        "retest": ["retest", "source/tiny/flair", "--out", "now/again", "--auc", "--operating-point"],
        "matrix": ["matrix", "source/tiny/flair", "source/tiny/t2", "--out", "now/matrix"],
        "report": ["report", "source/tiny/flair", "--out", "now/page.html"],
        "compare": ["compare", "source/tiny/flair", "source/tiny/t2", "--out", "now/comparison.csv"],
        "export": ["export", "source/nn/data", "now/exported", "--plans", "plans.json"],
        "import": ["import", "exported/fold_0/checkpoint_final.pth", "now/imported.keras"],
    }[command]


def call(place: Path, *words: str) -> None:
    """Run a command to its end; wait for trainings that outlive their killed queue by the saving of a step."""
    for _ in range(60):
        done = subprocess.run(
            [sys.executable, "-m", "segan_tl", *words], cwd=place, capture_output=True, text=True, check=False
        )
        if "is being trained by process" not in done.stderr:
            break
        time.sleep(2)
    assert done.returncode == 0, done.stderr or done.stdout


def files(folder: Path) -> dict[str, Path]:
    """Return name → path of all files that are to be the same; a name without the hash of its sources' times."""
    paths = {str(path.relative_to(folder)): path for path in folder.rglob("*") if path.is_file()}
    return {
        re.sub(r"-[0-9a-f]{20}\.npy$", ".npy", name): path for name, path in paths.items() if not APART.search(name)
    }


def read(path: Path):
    """Return what is to be the same in a file."""
    if path.suffix == ".keras":
        return read_keras(path)
    if path.suffix == ".npz":
        with np.load(path) as arrays:
            return {name: arrays[name].tobytes() for name in arrays.files}
    if path.suffix == ".json":
        return without_times(json.loads(path.read_text()))
    if path.suffix == ".csv":
        rows = csv.DictReader(io.StringIO(path.read_text()))
        return [{name: value for name, value in row.items() if not UNLIKE.search(name)} for row in rows]
    if path.suffix == ".html":
        return re.findall(r"<h[123][^>]*>(.*?)</h", path.read_text())
    return path.read_bytes()


def read_keras(path: Path):
    with zipfile.ZipFile(path) as archive, h5py.File(io.BytesIO(archive.read("model.weights.h5"))) as weights:
        names = []
        weights.visit(names.append)
        arrays = {name: weights[name][()].tobytes() for name in names if isinstance(weights[name], h5py.Dataset)}
        members = {name: archive.read(name) for name in archive.namelist() if name.endswith(".json")}
    return arrays, {name: without_times(json.loads(content)) for name, content in members.items()}


def without_times(value):
    """Leave out what tells a time, or the digest of a file that does."""
    if isinstance(value, dict):
        return {name: without_times(item) for name, item in value.items() if not UNLIKE.search(name)}
    return [without_times(item) for item in value] if isinstance(value, list) else value
