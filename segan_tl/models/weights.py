"""Save and load networks as .keras files that say what they were trained on."""

import contextlib
import json
import zipfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import keras
import numpy as np

from segan_tl.errors import UserError
from segan_tl.fast import depthwise
from segan_tl.models import blocks, dann, dilated_transpose
from segan_tl.models.archive import PROVENANCE, Archive, read_archive
from segan_tl.models.dangers import examine
from segan_tl.models.declare import build_within
from segan_tl.models.weights_file import checked_weights

CUSTOM_OBJECTS = {
    f"segan_tl>{layer.__name__}": layer
    for layer in (
        blocks.ClipWeights,
        dann.GradientReversal,
        depthwise.DepthwiseConv3D,
        depthwise.DepthwiseConv3DTranspose,
        dilated_transpose.DilatedTranspose,
    )
}

LONGEST_REASON = 300


def save_network(model: keras.Model, path: Path, provenance: dict) -> None:
    """Write a .keras file with one more member, `segan_tl.json`: modalities, regions, versions, training.

    Keras ignores the member, so the file opens with `keras.models.load_model` as any other, under any of its backends.
    """
    with _for_every_backend(model):
        model.save(path)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(zipfile.ZipInfo(PROVENANCE), json.dumps(provenance, indent=2))


@contextlib.contextmanager
def _for_every_backend(model: keras.Model) -> Iterator[None]:
    """Let batch normalisations say in the file that they are not synchronized, which JAX's backend refuses.

    Several replicas need it while they train, and training builds its networks itself; no answer depends on it.
    """
    layers = [layer for layer in model.layers if getattr(layer, "synchronized", False)]
    for layer in layers:
        layer.synchronized = False
    try:
        yield
    finally:
        for layer in layers:
            layer.synchronized = True


def load_network(path: Path | str) -> keras.Model:
    """Load a network for inference or further training, in Keras' safe mode, once the file was found sound.

    Raises:
        UserError: the file is missing, damaged, implausible, would run code, holds a layer that is unknown here, or
            weights that are no numbers.

    Example:
        >>> segmentor = segan_tl.load_network("runs/segan/flair/best/segmentor.keras")
        >>> segmentor.input_shape, segmentor.output_shape
        ((None, None, None, 1), (None, None, None, 1))
    """
    path = Path(path)
    archive = read_archive(path)
    if dangers := examine(path, archive.config):
        raise UserError(f"{path}: {dangers[0]}; do not load this file, look at it with python -m segan_tl inspect")
    with checked_weights(path) as (file, values):
        try:
            model = build_within(partial(_from_config, archive), values=values)
            model.load_weights(file)
        except Exception as error:  # Keras raises anything for a damaged configuration, or weights of other layers
            raise _not_opened(path, archive, error) from error
    _check_finite(path, model)
    return model


def _from_config(archive: Archive) -> keras.Model:
    """Return the network of a configuration, with random weights."""
    config = archive.config | {"compile_config": None}
    return keras.saving.deserialize_keras_object(config, custom_objects=CUSTOM_OBJECTS, safe_mode=True)


def _not_opened(path: Path, archive: Archive, error: Exception) -> UserError:
    """Return what to say when Keras does not take a file."""
    if archive.is_newer:
        return UserError(
            f"{path} was saved by Keras {archive.keras_version}, this is Keras {keras.__version__}, which does not "
            "understand it: update Keras (pip install --upgrade keras)"
        )
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return UserError(f"{path} cannot be opened by Keras {keras.__version__}: {lines[0][:LONGEST_REASON]}")


def _check_finite(path: Path, model: keras.Model) -> None:
    """Refuse weights that are NaN or infinite: whatever they segment or start would be of no use."""
    for variable in model.variables:
        wrong = np.size(variable) - np.count_nonzero(np.isfinite(keras.ops.convert_to_numpy(variable)))
        if wrong:
            raise UserError(
                f"{path}: {wrong} weights of {variable.path} are NaN or infinite: the training diverged or the file is "
                "damaged; train again with a lower rate, or give another file"
            )
