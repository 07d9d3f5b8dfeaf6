"""A volume through the segmentor, slice by slice or patch by patch, pasted back on the full grid of the case."""

import itertools
import weakref
from collections.abc import Callable, Sequence

import keras
import numpy as np

from segan_tl.config.schema import Config
from segan_tl.data.neighbours import stack_volume
from segan_tl.data.presence import planes_of_volume
from segan_tl.disk.manifest import verify
from segan_tl.errors import UserError
from segan_tl.fast.accelerate import accelerate
from segan_tl.models.provenance import read_provenance
from segan_tl.models.weights import load_network
from segan_tl.predict.prepare import prepare_case
from segan_tl.runs import Run

_TRACED: weakref.WeakKeyDictionary[keras.Model, Callable] = weakref.WeakKeyDictionary()


def load_segmentor(run: Run, config: Config) -> tuple[keras.Model, str]:
    """Verify the best checkpoint against its manifest, then load its segmentor.

    Returns:
        The model and the sha256 of its file.

    Raises:
        UserError: the checkpoint is absent or damaged, or made for other modalities or regions than config.json says.
    """
    file = run.best / "segmentor.keras"
    digest = verify(run.best).get(file.name)
    if digest is None:
        raise UserError(f"{run.best} holds no {file.name}; train the run first, or name another")
    trained = tuple(read_provenance(file).get("modalities", config.data.modalities))
    model = load_network(file)
    channels = (model.input_shape[-1], model.output_shape[-1])
    others = trained != config.data.modalities and not config.any_contrast
    if others or channels != (config.channels, config.classes):
        raise UserError(
            f"{run.config} says {_names(config.data.modalities)} to {_names(config.data.regions)}; {file} was made for "
            f"{_names(trained)} ({channels[0]} in, {channels[1]} out); put back the config.json of this run"
        )
    return model, digest


def segment_slices(
    model: keras.Model, slices: np.ndarray, *, batch_size: int, mirror_axes: Sequence[int] = ()
) -> np.ndarray:
    """Segment prepared slices with one traced function: every batch has the same shape.

    Args:
        model: segmentor from `image` (B, H, W, M) to `probability` (B, H, W, R).
        slices: (D, H, W, M), prepared, any height and width: zeros are added up to the model's grid and cut off again.
        batch_size: slices in one pass; the last batch is filled up with zeros. Fewer slices than that run in one
            batch of the next power of two.
        mirror_axes: out of 1, 2 (H, W): average over all flips along these axes.

    Returns:
        (D, H, W, R) float32 probability; (0, H, W, R) where there are no slices.
    """
    if mirror_axes:
        flips = [chosen for n in range(len(mirror_axes) + 1) for chosen in itertools.combinations(mirror_axes, n)]
        found = [
            np.flip(segment_slices(model, np.flip(slices, flip), batch_size=batch_size), flip) for flip in flips
        ]
        return np.mean(found, axis=0)
    depth, height, width, channels = slices.shape
    pads = [_padding(size, multiple) for size, multiple in zip((height, width), grid_multiple(model))]
    cut = tuple(slice(before, before + size) for (before, _), size in zip(pads, (height, width)))
    padded = (height + sum(pads[0]), width + sum(pads[1]))
    probability = np.zeros((depth, height, width, model.output_shape[-1]), np.float32)
    traced = _traced(model)
    batch_size = min(batch_size, 1 << (depth - 1).bit_length())
    batch = np.zeros((batch_size, *padded, channels), np.float32)
    for start in range(0, depth, batch_size):
        count = min(batch_size, depth - start)
        batch[:count, cut[0], cut[1]] = slices[start : start + count]
        batch[count:] = 0
        probability[start : start + count] = traced(batch).numpy()[:count, cut[0], cut[1]]
    return probability


def segment_case(
    model: keras.Model, image: np.ndarray, config: Config, *, spacing_mm: Sequence[float], case: str = "the image"
) -> np.ndarray:
    """Segment one case: prepare, go through its slices or its patches, paste back.

    Args:
        model: segmentor.
        image, config, spacing_mm: as for `prepare_case`.
        case: its id, for errors.

    Returns:
        (H, W, D, R) float32 probability on the case's full grid, 0 outside the segmented area.

    Raises:
        UserError: the network's answer holds NaN or infinite values.
    """
    prepared = prepare_case(image, config, spacing_mm=spacing_mm)
    return prepared.restore(segment_prepared(model, prepared.array, config, case=case))


def segment_prepared(
    model: keras.Model, prepared: np.ndarray, config: Config, *, case: str = "the image"
) -> np.ndarray:
    """Segment a prepared volume: (D, h, w, M) → probability (D, h, w, R), float32.

    Neighbouring slices are put beside each where the network sees them. Where the configuration lets modalities be
    missing, those are channels of zeros, and the network is told.

    Raises:
        UserError: the network's answer holds NaN or infinite values.
    """
    planes = [planes_of_volume(prepared)] if config.data.any_subset else []
    prepared = stack_volume(prepared, config.data.neighbours)
    if planes:
        prepared = np.concatenate([prepared, *planes], axis=-1)
    if not config.predict.whole_slices:
        from segan_tl.predict.sliding import segment_volume

        axes = [axis for axis, size in enumerate(config.data.patch) if size > 1]
        probability = segment_volume(
            model, prepared, patch=config.data.patch, overlap=config.predict.overlap,
            weighting=config.predict.weighting, mirror_axes=axes if config.predict.mirror else (),
            batch_size=config.predict.batch_size,
        )  # fmt: skip
    else:
        axes = [axis for axis in (1, 2) if config.data.axes[axis] in config.augment.mirror_axes]
        probability = segment_slices(
            model, prepared, batch_size=config.predict.batch_size, mirror_axes=axes if config.predict.mirror else ()
        )
    if not np.isfinite(probability).all():
        raise UserError(
            f"{case}: the network's answer holds values that are NaN or infinite: its weights, or intensities far from "
            f"those of its training, are more than {model.compute_dtype} holds; look at the images with "
            "python -m segan_tl check, or train with another train.precision"
        )
    return probability


def grid_multiple(model: keras.Model) -> tuple[int, int]:
    """Return what height and width must be multiples of: the model's own fixed size, or how far its decoder doubles."""
    multiple = np.ones(2, int)
    for layer in model.layers:
        if isinstance(layer, keras.layers.UpSampling2D):
            multiple *= layer.size
        elif isinstance(layer, keras.layers.Conv2DTranspose):
            multiple *= layer.strides
    return tuple(fixed or int(size) for fixed, size in zip(model.input_shape[1:3], multiple))


def _traced(model: keras.Model) -> Callable:
    """Return the model as a graph, traced once for every shape; it goes when the model goes."""
    if model not in _TRACED:
        import tensorflow as tf

        # predict_on_batch relaxes height and width after the second size, and UpSampling2D cannot take unknown ones.
        accelerated = accelerate(model)
        _TRACED[model] = tf.function(lambda batch: accelerated(batch, training=False))
    return _TRACED[model]


def _names(names: tuple[str, ...]) -> str:
    return ", ".join(names)


def _padding(size: int, multiple: int) -> tuple[int, int]:
    missing = -size % multiple
    return missing // 2, missing - missing // 2
