"""What a user points at with "import": a results folder or a file of weights, and whose it is."""

from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np

from segan_tl.disk.reading import is_there, require_file
from segan_tl.errors import UserError
from segan_tl.models.foreign.convert import import_nnunet
from segan_tl.models.foreign.convert_mednext import FIRST, import_mednext
from segan_tl.models.foreign.convert_resnet import import_resnet34
from segan_tl.models.foreign.torch_files import Weights, read_weights
from segan_tl.schemas.datasets import NnunetDataset
from segan_tl.schemas.reading import read_json

# A tensor that tells each kind; the order is that of the command's --from.
KINDS = {
    "nnunet": "decoder.seg_layers.0.weight",
    "mednext": FIRST,
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


def import_weights(
    files: Files,
    *,
    kind: str | None = None,
    plans: Path | None = None,
    dataset: Path | None = None,
    configuration: str | None = None,
    keep_axes: bool = False,
) -> tuple[str, keras.Model, dict]:
    """Read a checkpoint, tell whose it is unless that is stated, and build its network.

    What the user states comes first, then what the checkpoint carries, then what lies beside it.

    Returns:
        Kind, network with all its outputs (logits; features of a ResNet34), and where it comes from.

    Raises:
        UserError: the file is of no known kind, damaged, or does not fit its plan.
    """
    weights = read_weights(files.checkpoint)
    for name, values in weights.tensors.items():
        if np.issubdtype(values.dtype, np.floating) and not np.isfinite(values).all():
            raise UserError(f"{files.checkpoint} is of no use: {name} holds values that are no numbers; give another")
    kind = kind or recognise(weights, files.checkpoint)
    if kind == "resnet34":
        return kind, *import_resnet34(files.checkpoint, weights=weights)
    if kind == "mednext":
        about = read_json(path, NnunetDataset) if (path := dataset or files.dataset) else None
        return kind, *import_mednext(files.checkpoint, dataset=about, keep_axes=keep_axes, weights=weights)
    carried = weights.settings.get("init_args")
    carried = carried if isinstance(carried, dict) else {}
    return kind, *import_nnunet(
        files.checkpoint,
        plans=plans or (None if "plans" in carried else files.plans),
        dataset=dataset or (None if "dataset_json" in carried else files.dataset),
        configuration=configuration or (None if "configuration" in carried else files.configuration),
        keep_axes=keep_axes,
        weights=weights,
    )


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
