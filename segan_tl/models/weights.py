"""Save and load networks as .keras files that say what they were trained on."""

import json
import zipfile
from pathlib import Path

import keras

from segan_tl.errors import UserError
from segan_tl.models import blocks, dann, depthwise, unet
from segan_tl.models.provenance import PROVENANCE, read_provenance

CUSTOM_OBJECTS = {
    f"segan_tl>{layer.__name__}": layer
    for layer in (
        blocks.ClipWeights,
        dann.GradientReversal,
        depthwise.DepthwiseConv3D,
        depthwise.DepthwiseConv3DTranspose,
        unet.DilatedTranspose,
    )
}


def save_network(model: keras.Model, path: Path, provenance: dict) -> None:
    """Write a .keras file with one more member, `segan_tl.json`: modalities, regions, versions, training.

    Keras ignores the member, so the file opens with `keras.models.load_model` as any other.
    """
    model.save(path)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(zipfile.ZipInfo(PROVENANCE), json.dumps(provenance, indent=2))


def load_network(path: Path) -> keras.Model:
    """Load a network for inference or further training, in Keras' safe mode.

    Raises:
        UserError: the file is missing, damaged or holds a layer that is unknown here.
    """
    read_provenance(path)
    try:
        return keras.models.load_model(path, custom_objects=CUSTOM_OBJECTS, compile=False, safe_mode=True)
    except (ValueError, TypeError, OSError, KeyError, zipfile.BadZipFile) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise UserError(f"{path} cannot be opened by Keras {keras.__version__}: {reason}") from error
