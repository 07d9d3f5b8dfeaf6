"""A whole volume through a network that sees patches: overlapping tiles, weighted and averaged.

The tiles stand on a grid and their weight is a product of one factor an axis, so the sum of weights is such a product
too: the only array of the volume's size is the result, which is also what the tiles are added to. Beside it there are
at most three batches of tiles, whatever the volume; image and result may both be memory maps.
"""

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from segan_tl.data.cache import cut_patch
from segan_tl.predict.network import Network, as_network
from segan_tl.predict.tileable import check_request

if TYPE_CHECKING:
    import keras


class Grid(NamedTuple):
    """Where the tiles lie, an entry for each of D, H, W."""

    patch: tuple[int, int, int]
    starts: tuple[np.ndarray, ...]  # first voxel of each row of tiles; negative where the volume is smaller
    weights: tuple[np.ndarray, ...]  # (patch,) float32, at most 1

    @property
    def corners(self) -> list[tuple[int, int, int]]:
        """Return the first voxel of every tile, slabs one after another."""
        return list(itertools.product(*(starts.tolist() for starts in self.starts)))


def segment_volume(
    model: "keras.Model | Network",
    image: np.ndarray,
    *,
    patch: Sequence[int],
    overlap: float | Sequence[float] = 0.5,
    weighting: Literal["gaussian", "constant"] = "gaussian",
    mirror_axes: Sequence[int] = (),
    batch_size: int = 1,
    progress: Callable[[int, int], None] | None = None,
    out: np.ndarray | None = None,
) -> np.ndarray:
    """Segment a prepared volume tile by tile with any functional Keras model, or a `Network`; every voxel is covered.

    What the model gives is averaged, and published models give probabilities. (nnU-Net v2 averages logits and takes the
    sigmoid afterwards, MedNeXt's nnU-Net v1 averages probabilities; a model that ends in logits averages those here.)

    Args:
        model: from (B, d, h, w, M), or (B, h, w, M) for a 2-D model, to the same with R channels.
        image: (D, H, W, M), prepared; any size, zeros are added around a volume smaller than the patch.
        patch: voxels of a tile along D, H, W; (1, h, w) for a 2-D model.
        overlap: of neighbouring tiles, at least, in [0, 1), one number or one each for D, H, W: they start every
            (1 − overlap) · patch voxels or closer, evenly spaced [nnU-Net, sliding window].
        weighting: "gaussian" gives the centre of a tile more say, standard deviation patch / 8 [nnU-Net].
        mirror_axes: out of 0, 1, 2 (D, H, W): average over all 2ⁿ flips along these axes.
        batch_size: tiles in one pass; the last batch is filled up with zeros, so that one graph serves all. Fewer tiles
            than that run in one batch of the next power of two.
        progress: called with tiles done and tiles in all, after each batch.
        out: (D, H, W, R) float32 to write to, for example a memory map; None makes an array.

    Returns:
        (D, H, W, R) float32.

    Raises:
        UserError: the model has several inputs or outputs or is no functional one; image, patch, overlap or axes do not
            go with it; a tile of that size does not come out of it as large as it went in.

    Example:
        >>> image = keras.Input((None, None, None, 1))
        >>> mean = keras.layers.AveragePooling3D(3, strides=1, padding="same")(image)
        >>> model = keras.Model(image, mean)  # or your own network
        >>> volume = np.ones((20, 33, 17, 1), "float32")
        >>> found = segan_tl.segment_volume(model, volume, patch=(16, 16, 16), overlap=0.5)
        >>> found.shape, bool(np.allclose(found, 1))
        ((20, 33, 17, 1), True)
    """
    network = as_network(model)
    patch, overlap = tuple(patch), tuple(np.broadcast_to(overlap, 3).tolist())
    check_request(network, image, patch=patch, overlap=overlap, mirror_axes=mirror_axes, batch_size=batch_size)
    grid = make_grid(image.shape[:3], patch, overlap=overlap, weighting=weighting)
    shape = (*image.shape[:3], network.output_shape[-1])
    result = np.zeros(shape, np.float32) if out is None else out
    result[:] = 0
    for batch in _predict(network, image, grid=grid, mirror_axes=mirror_axes, batch_size=batch_size, progress=progress):
        for corner, tile in zip(*batch, strict=True):
            _add(result, tile, corner)
    _divide(result, grid)
    return result


def make_grid(shape: Sequence[int], patch: Sequence[int], *, overlap: Sequence[float], weighting: str) -> Grid:
    """Place tiles of size `patch` over a volume of `shape`, all along D, H, W."""
    axes = zip(shape, patch, overlap, strict=True)
    starts = tuple(tile_starts(size, tile, overlap=share) for size, tile, share in axes)
    return Grid(tuple(patch), starts, tuple(tile_weights(tile, weighting) for tile in patch))


def tile_starts(size: int, tile: int, *, overlap: float) -> np.ndarray:
    """Return the first voxel of each tile along one axis, evenly spaced from one end to the other.

    A volume of 155 voxels and tiles of 128 that overlap by half: ceil((155 − 128) / 64) + 1 = 2 tiles, at 0 and 27.
    Where the volume is smaller than the tile it lies in its middle.
    """
    if size <= tile:
        return np.array([-((tile - size) // 2)])
    step = max(tile * (1 - overlap), 1.0)
    number = math.ceil((size - tile) / step) + 1
    return np.round(np.linspace(0, size - tile, number)).astype(int)


def tile_weights(tile: int, weighting: str) -> np.ndarray:
    """Return the weight of each voxel along one axis of a tile: 1 in the middle."""
    if weighting == "constant":
        return np.ones(tile, np.float32)
    distance = np.arange(tile) - tile // 2
    return np.exp(-0.5 * (distance / (tile / 8)) ** 2).astype(np.float32)


# === Tiles through the network ===


def _predict(
    network: Network,
    image: np.ndarray,
    *,
    grid: Grid,
    mirror_axes: Sequence[int],
    batch_size: int,
    progress: Callable[[int, int], None] | None,
) -> Iterator[tuple[list[tuple[int, int, int]], np.ndarray]]:
    """Yield corners and weighted outputs (B, d, h, w, R), batch after batch.

    The next batch is handed over before the last one is fetched: a GPU works while the tiles are added.
    """
    corners = grid.corners
    batch_size = min(batch_size, 1 << (len(corners) - 1).bit_length())
    weights = np.einsum("d,h,w->dhw", *grid.weights)[..., None]
    run = network.tile_runner(weights, mirror_axes=mirror_axes)
    waiting, done = None, 0
    for first in range(0, len(corners) + batch_size, batch_size):
        chosen = corners[first : first + batch_size]
        running = (chosen, run(_tiles(image, chosen, grid.patch, batch_size))) if chosen else None
        if waiting:
            yield waiting[0], waiting[1]()[: len(waiting[0])]
            done += len(waiting[0])
            if progress:
                progress(done, len(corners))
        waiting = running


def _tiles(image: np.ndarray, corners: Sequence[Sequence[int]], patch: Sequence[int], batch_size: int) -> np.ndarray:
    tiles = np.zeros((batch_size, *patch, image.shape[-1]), np.float32)
    for i, corner in enumerate(corners):
        tiles[i] = cut_patch(image, corner, patch)
    return tiles


# === Tiles into the volume ===


def _add(result: np.ndarray, tile: np.ndarray, corner: Sequence[int]) -> None:
    """Add the part of a tile that lies inside of the volume."""
    inside, part = [], []
    for first, length, limit in zip(corner, tile.shape, result.shape):
        start, stop = max(first, 0), min(first + length, limit)
        inside.append(slice(start, stop))
        part.append(slice(start - first, stop - first))
    result[tuple(inside)] += tile[tuple(part)]


def _divide(result: np.ndarray, grid: Grid) -> None:
    """Divide by the sum of the weights of all tiles, slice by slice."""
    sums = [np.zeros((size, 1), np.float64) for size in result.shape[:3]]
    for total, starts, weights in zip(sums, grid.starts, grid.weights, strict=True):
        for start in starts:
            _add(total, weights[:, None], (start, 0))
    plane = sums[1][:, :, None] * sums[2][None]  # (H, W, 1)
    for k, total in enumerate(sums[0][:, 0]):
        result[k] /= total * plane
