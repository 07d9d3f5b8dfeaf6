"""A checkpoint of another program as a network of ours."""

from pathlib import Path

import keras

from segan_tl.models.foreign.convert_mednext import import_mednext
from segan_tl.models.foreign.convert_nnunet import import_nnunet
from segan_tl.models.foreign.convert_resnet import import_resnet34
from segan_tl.models.foreign.find import Files
from segan_tl.models.foreign.torch_files import Weights
from segan_tl.schemas.datasets import NnunetDataset
from segan_tl.schemas.reading import read_json


def import_weights(
    files: Files,
    weights: Weights,
    *,
    kind: str,
    plans: Path | None = None,
    dataset: Path | None = None,
    configuration: str | None = None,
    keep_axes: bool = False,
) -> tuple[keras.Model, dict]:
    """Build the network of a checkpoint.

    What the user states comes first, then what the checkpoint carries, then what lies beside it.

    Returns:
        Network with all its outputs (logits; features of a ResNet34), and where it comes from.

    Raises:
        UserError: the file does not fit its plan.
    """
    if kind == "resnet34":
        return import_resnet34(files.checkpoint, weights=weights)
    if kind == "mednext":
        about = read_json(path, NnunetDataset) if (path := dataset or files.dataset) else None
        return import_mednext(files.checkpoint, dataset=about, keep_axes=keep_axes, weights=weights)
    carried = weights.settings.get("init_args")
    carried = carried if isinstance(carried, dict) else {}
    return import_nnunet(
        files.checkpoint,
        plans=plans or (None if "plans" in carried else files.plans),
        dataset=dataset or (None if "dataset_json" in carried else files.dataset),
        configuration=configuration or (None if "configuration" in carried else files.configuration),
        keep_axes=keep_axes,
        weights=weights,
    )
