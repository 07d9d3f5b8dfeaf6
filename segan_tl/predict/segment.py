"""A volume through the segmentor, slice by slice or patch by patch, pasted back on the full grid of the case."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from segan_tl.config.schema import Config
from segan_tl.data.neighbours import stack_volume
from segan_tl.data.presence import planes_of_volume
from segan_tl.disk.manifest import verify
from segan_tl.errors import UserError
from segan_tl.predict.members import Member
from segan_tl.predict.network import Network, as_network, flips_along
from segan_tl.predict.prepare import prepare_case
from segan_tl.predict.sliding import segment_volume
from segan_tl.runs import Run

if TYPE_CHECKING:
    import keras


def load_segmentor(run: Run, config: Config) -> "tuple[keras.Model, str]":
    """Verify the best checkpoint against its manifest, then load its segmentor.

    Returns:
        The model and the sha256 of its file.

    Raises:
        UserError: the checkpoint is absent or damaged, or made for other modalities or regions than config.json says.
    """
    from segan_tl.models.provenance import read_provenance
    from segan_tl.models.weights import load_network

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


def load_member(member: Member) -> "tuple[keras.Model | Network, str]":
    """Return the network of a run, or of an artefact, found sound, and the sha256 of its file.

    Raises:
        UserError: it is absent or damaged, or what computes it is not installed.
    """
    if member.artefact is None:
        return load_segmentor(member.run, member.config)
    from segan_tl.predict.onnx_network import OnnxNetwork

    artefact, config = member.artefact, member.config
    network = OnnxNetwork(artefact.graph, grid_multiple=artefact.about["grid_multiple"], source=str(artefact.path))
    channels, wanted = (network.input_shape[-1], network.output_shape[-1]), (config.channels, config.classes)
    if channels != wanted:
        raise UserError(
            f"{artefact.path}: its network has {channels[0]} channels in and {channels[1]} out, its configuration "
            f"{wanted[0]} and {wanted[1]}; export the run again"
        )
    return network, artefact.sha256


def segment_slices(
    model: "keras.Model | Network", slices: np.ndarray, *, batch_size: int, mirror_axes: Sequence[int] = ()
) -> np.ndarray:
    """Segment prepared slices batch by batch: every batch has the same shape.

    Args:
        model: segmentor from `image` (B, H, W, M) to `probability` (B, H, W, R), or what computes one.
        slices: (D, H, W, M), prepared, any height and width: zeros are added up to the model's grid and cut off again.
        batch_size: slices in one pass; the last batch is filled up with zeros. Fewer slices than that run in one
            batch of the next power of two.
        mirror_axes: out of 1, 2 (H, W): average over all flips along these axes.

    Returns:
        (D, H, W, R) float32 probability; (0, H, W, R) where there are no slices.
    """
    network = as_network(model)
    if mirror_axes:
        flips = flips_along(mirror_axes)
        found = [
            np.flip(segment_slices(network, np.flip(slices, flip), batch_size=batch_size), flip) for flip in flips
        ]
        return np.mean(found, axis=0)
    depth, height, width, channels = slices.shape
    pads = [_padding(size, multiple) for size, multiple in zip((height, width), network.grid_multiple)]
    cut = tuple(slice(before, before + size) for (before, _), size in zip(pads, (height, width)))
    padded = (height + sum(pads[0]), width + sum(pads[1]))
    probability = np.zeros((depth, height, width, network.output_shape[-1]), np.float32)
    batch_size = min(batch_size, 1 << (depth - 1).bit_length())
    batch = np.zeros((batch_size, *padded, channels), np.float32)
    for start in range(0, depth, batch_size):
        count = min(batch_size, depth - start)
        batch[:count, cut[0], cut[1]] = slices[start : start + count]
        batch[count:] = 0
        probability[start : start + count] = network.answer(batch)[:count, cut[0], cut[1]]
    return probability


def segment_case(
    model: "keras.Model | Network",
    image: np.ndarray,
    config: Config,
    *,
    spacing_mm: Sequence[float],
    case: str = "the image",
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
    model: "keras.Model | Network", prepared: np.ndarray, config: Config, *, case: str = "the image"
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


def _names(names: tuple[str, ...]) -> str:
    return ", ".join(names)


def _padding(size: int, multiple: int) -> tuple[int, int]:
    missing = -size % multiple
    return missing // 2, missing - missing // 2
