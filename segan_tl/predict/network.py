"""What the slices and the tiles ask of a network, whichever program computes it."""

import itertools
from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np

Tiles = Callable[[np.ndarray], Callable[[], np.ndarray]]  # tiles → what fetches their answer


class Network(Protocol):
    """A trained network.

    Attributes:
        input_shape: (B, d, h, w, M), or (B, h, w, M) of slices; None where any size will do.
        output_shape: the same with R channels.
        compute_dtype: in which it computes.
        grid_multiple: what rows and columns of a slice have to be multiples of.
    """

    input_shape: tuple[int | None, ...]
    output_shape: tuple[int | None, ...]
    compute_dtype: str
    grid_multiple: tuple[int, int]

    def answer(self, images: np.ndarray) -> np.ndarray:
        """Return what it says of images, (B, …, R) float32."""

    def tile_runner(self, weights: np.ndarray, *, mirror_axes: Sequence[int]) -> Tiles:
        """Return tiles (B, d, h, w, M) → a function that fetches their mean over all flips, times `weights`.

        The weights are (d, h, w, 1). What is handed over may be computed while the caller does something else.
        """


def as_network(model) -> Network:
    """Return a Keras model as a network; a network as it is."""
    if hasattr(model, "tile_runner"):
        return model
    from segan_tl.predict.keras_network import KerasNetwork

    return KerasNetwork(model)


def is_flat(network: Network) -> bool:
    """Tell whether a network sees slices."""
    return len(network.input_shape) == 4


def flips_along(axes: Sequence[int]) -> list[tuple[int, ...]]:
    """Return all 2ⁿ sets of axes to flip, none of them first.

    >>> flips_along((2, 1))
    [(), (1,), (2,), (1, 2)]
    """
    axes = sorted(set(axes))
    return [chosen for count in range(len(axes) + 1) for chosen in itertools.combinations(axes, count)]
