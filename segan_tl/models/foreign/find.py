"""What a user points at with "import": a results folder or a file of weights, and whose it is."""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from segan_tl.disk.reading import is_there, require_file
from segan_tl.errors import UserError
from segan_tl.models.foreign.torch_files import Weights, read_weights

# A tensor that tells each kind; the order is that of the command's --from.
KINDS = {
    "nnunet": "decoder.seg_layers.0.weight",
    "mednext": "enc_block_0.0.conv1.weight",
    "resnet34": "layer1.0.conv1.weight",
}
NAMES = (
    "checkpoint_final.pth", "checkpoint_best.pth", "checkpoint_latest.pth", "model_final_checkpoint.model",
    "model_best.model",
)  # fmt: skip


class Files(NamedTuple):
    """A checkpoint and what lies beside it."""

    checkpoint: Path
    plans: Path | None
    dataset: Path | None
    configuration: str | None  # as the name of nnU-Net's results folder tells it


def find_files(source: Path, *, fold: str | None = None) -> Files:
    """Find a checkpoint in a results folder of nnU-Net (<trainer>__<plans>__<configuration>/fold_<k>), or take a file.

    Args:
        source: results folder, folder of a fold, or file.
        fold: "0" … or "all"; None takes the first there is.

    Raises:
        UserError: there is none.
    """
    if fold is not None and not (fold.isdigit() or fold == "all"):
        raise UserError(f"--fold expects the number of a fold, or all; got {fold!r}")
    if source.is_file():
        return _with_neighbours(source)
    if is_there(source) and not source.is_dir():
        require_file(source)
    if not source.is_dir():
        raise UserError(f"there is no {source}; give nnU-Net's results folder, or a .pth, .model or .safetensors file")
    folds = sorted(source.glob(f"fold_{fold or '*'}")) if fold or not _checkpoint(source) else [source]
    for folder in folds:
        if found := _checkpoint(folder):
            return _with_neighbours(found)
    wanted = f"fold_{fold}" if fold else "fold_<k>"
    raise UserError(
        f"{source} holds no {wanted}/{NAMES[0]}: expected a results folder of nnU-Net such as "
        "Dataset001_X/nnUNetTrainer__nnUNetPlans__3d_fullres; give that, or the file itself"
    )


def read_known(checkpoint: Path, *, kind: str | None = None) -> tuple[Weights, str]:
    """Read a checkpoint and tell whose it is, unless that is stated.

    Returns:
        Its tensors and settings, and a key of KINDS.

    Raises:
        UserError: the file is damaged, holds values that are no numbers, or is of no known kind.
    """
    weights = read_weights(checkpoint)
    for name, values in weights.tensors.items():
        if np.issubdtype(values.dtype, np.floating) and not np.isfinite(values).all():
            raise UserError(f"{checkpoint} is of no use: {name} holds values that are no numbers; give another")
    return weights, kind or recognise(weights, checkpoint)


def recognise(weights: Weights, path: Path) -> str:
    """Return the key of KINDS whose tensor is there.

    Raises:
        UserError: none is.
    """
    for kind, name in KINDS.items():
        if name in weights.tensors:
            return kind
    some = ", ".join(list(weights.tensors)[:3])
    raise UserError(
        f"{path} holds {len(weights.tensors)} tensors ({some}, …) of no network known here: expected nnU-Net v2, the "
        "MedNeXt authors' or torchvision's ResNet34"
    )


def _checkpoint(folder: Path) -> Path | None:
    """Return the first checkpoint in a folder, the final one before the best."""
    return next((folder / name for name in NAMES if (folder / name).is_file()), None)


def _with_neighbours(checkpoint: Path) -> Files:
    """Look for plans.json and dataset.json beside a checkpoint and one folder above, where nnU-Net puts them."""
    places = (checkpoint.parent, checkpoint.resolve().parent.parent)
    plans, dataset = (
        next((place / name for place in places if (place / name).is_file()), None)
        for name in ("plans.json", "dataset.json")
    )
    words = places[1].name.split("__")
    return Files(checkpoint, plans, dataset, words[2] if len(words) == 3 else None)
