"""A portable network that onnxruntime computes, in an environment that has neither Keras nor TensorFlow."""

from collections.abc import Callable, Sequence

import numpy as np

from segan_tl.environment import usable_cores
from segan_tl.errors import UserError
from segan_tl.predict.network import Tiles, flips_along, is_flat
from segan_tl.predict.tileable import does_not_fit

ERRORS_ALONE = 3  # of onnxruntime's log


class OnnxNetwork:
    """An ONNX graph of `portable.graph` as a `network.Network`; it computes on the processor, in float32.

    Args:
        graph: the file's content.
        grid_multiple: what rows and columns of a slice have to be multiples of.
        source: what it lies in, for errors.

    Raises:
        UserError: onnxruntime is not installed, or refuses the graph.
    """

    compute_dtype = "float32"

    def __init__(self, graph: bytes, *, grid_multiple: Sequence[int], source: str):
        runtime = require_runtime()
        options = runtime.SessionOptions()
        options.log_severity_level = ERRORS_ALONE
        options.intra_op_num_threads = usable_cores()
        try:
            self._session = runtime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime raises a dozen kinds, without a common one of its own
            reason = str(error).strip().splitlines()[0]
            raise UserError(
                f"{source}: onnxruntime {runtime.__version__} does not take its network ({reason}); update it, or "
                "export the run again"
            ) from None
        (image,), (probability,) = self._session.get_inputs(), self._session.get_outputs()
        self._name = image.name
        self.input_shape, self.output_shape = _sizes(image.shape), _sizes(probability.shape)
        self.grid_multiple = tuple(grid_multiple)

    def answer(self, images: np.ndarray) -> np.ndarray:
        """Return what the network says of images, (B, …, R) float32."""
        return self._session.run(None, {self._name: np.ascontiguousarray(images, np.float32)})[0]

    def tile_runner(self, weights: np.ndarray, *, mirror_axes: Sequence[int]) -> Tiles:
        """Return tiles (B, d, h, w, M) → a function that fetches their mean over all flips, times `weights`."""
        flips, flat = flips_along(mirror_axes), is_flat(self)
        factor = weights / np.float32(len(flips))

        def run(tiles: np.ndarray) -> Callable[[], np.ndarray]:
            total = np.zeros((*tiles.shape[:-1], self.output_shape[-1]), np.float32)
            for chosen in flips:
                axes = tuple(axis + 1 for axis in chosen)
                flipped = np.flip(tiles, axes)
                found = self.answer(flipped[:, 0])[:, None] if flat else self.answer(flipped)
                if found.shape[:-1] != tiles.shape[:-1]:
                    raise does_not_fit(weights.shape[:3], ValueError(f"it comes out as {found.shape[1:-1]}"))
                total += np.flip(found, axes) * factor
            return lambda: total

        return run


def require_runtime():
    """Return the module onnxruntime.

    Raises:
        UserError: it is not installed.
    """
    try:
        import onnxruntime
    except ImportError:
        raise UserError(
            "expected the package onnxruntime, which computes a portable network; it is not installed; pip install "
            "onnxruntime"
        ) from None
    return onnxruntime


def _sizes(shape: Sequence[int | str | None]) -> tuple[int | None, ...]:
    """Return a shape whose open sizes are None."""
    return tuple(size if isinstance(size, int) else None for size in shape)
