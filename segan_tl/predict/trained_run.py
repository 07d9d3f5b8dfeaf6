"""A trained run in one's own code: it reads, prepares and segments as the tool itself does."""

import functools
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from segan_tl.config.schema import Config
from segan_tl.data.find.cases import LoadedCase
from segan_tl.data.intensities import find_background
from segan_tl.errors import UserError
from segan_tl.predict.inputs import find_any_inputs, find_inputs, load_input, missing_modalities, without_any
from segan_tl.predict.members import open_member, seeing
from segan_tl.predict.prepare import Prepared, prepare_case


def open_run(path: Path | str, *, runs: Path | str = "runs") -> "TrainedRun":
    """Open a trained run.

    Args:
        path: its folder, its name below `runs`, zoo:NAME for a network that comes along, or the zip of `export
            --portable`, which needs neither Keras nor TensorFlow.

    Raises:
        UserError: there is no such run.

    Example:
        >>> run = segan_tl.open_run("runs/segan/flair")
        >>> scan = run.read("patients/BraTS2021_00001")
        >>> tumour = run.segment(scan.image, spacing_mm=scan.spacing_mm)  # (H, W, D, R), bool
        >>> truth = segan_tl.region_masks(scan.labels, run.config.data.regions)
        >>> segan_tl.metrics.dice(truth[..., 0], tumour[..., 0]) > 0.9
        True
    """
    return TrainedRun(path, runs=runs)


class TrainedRun:
    """A run with its best segmentor, which is verified and loaded when it is first needed.

    Attributes:
        config: the run's configuration; `config.data.modalities` and `.regions` are the channels in and out.
    """

    def __init__(self, path: Path | str, *, runs: Path | str = "runs"):
        member = open_member(path, runs=runs)
        self._member = member
        self.config: Config = member.config

    @functools.cached_property
    def segmentor(self):
        """Return the Keras model; of an artefact the `predict.network.Network` that onnxruntime computes.

        Raises:
            UserError: the checkpoint is absent or damaged.
        """
        if not self._member.artefact:
            from segan_tl.console import start_tensorflow

            start_tensorflow()
        from segan_tl.predict.segment import load_member

        return load_member(self._member)[0]

    def read(self, path: Path | str, *, modality: str | None = None) -> LoadedCase:
        """Read one case as `predict` does: only the run's modalities, in LPS order, air made 0.

        For a run with data.subsets = "any", a modality that the case lacks is a channel of zeros.

        Args:
            path: folder of the case, or an image file for a run of one modality, or of any.
            modality: of a file whose name does not tell it; for a run that sees any contrast the one to take.

        Returns:
            `.image` (H, W, D, M) float32, `.labels` (H, W, D) canonical or None, `.spacing_mm`, and `.geometry`, the
            file's own grid, for `segan_tl.data.files.images.write_volume`.

        Raises:
            UserError: not one case, a modality is missing, or a file cannot be used.
        """
        data = seeing(self.config, modality).data
        find, missing = (find_any_inputs, without_any) if data.any_subset else (find_inputs, missing_modalities)
        cases, _ = find(Path(path), modalities=data.modalities, stated=modality)
        if len(cases) != 1:
            raise UserError(f"expected one case; found {len(cases)} in {path}; give the folder of one of them")
        if reason := missing(cases[0], data.modalities):
            raise UserError(reason)
        return load_input(cases[0], data.modalities, regions=data.regions, any_subset=data.any_subset)

    def prepare(self, image: np.ndarray, *, spacing_mm: Sequence[float]) -> Prepared:
        """Prepare a scan for the segmentor as the scans of the training were.

        Args:
            image: (H, W, D), or (H, W, D, M) with the run's modalities in their order: intensities as scanned; zeros
                for one that is missing, where data.subsets is "any". Indices grow to the patient's left, back and head
                (LPS order), as `read` and nibabel's axis codes have it.
            spacing_mm: of the image along H, W, D.

        Returns:
            `Prepared`: `.array` (D, h, w, M) float32, slices first, and `.restore`, which brings what the segmentor
            made of it, (D, h, w, R), back to (H, W, D, R).

        Raises:
            UserError: image or spacing is not of that kind.
        """
        return prepare_case(self._checked(image, spacing_mm), self.config, spacing_mm=tuple(spacing_mm))

    def probability(self, image: np.ndarray, *, spacing_mm: Sequence[float]) -> np.ndarray:
        """Return the probability of each region, (H, W, D, R) float32; 0 outside of the segmented area.

        Calibrated where the run was. Under a softmax the background comes first, and R is one more. Args, Raises: as
        `prepare`.
        """
        return self._member.calibrate(self._uncalibrated(image, spacing_mm))

    def segment(self, image: np.ndarray, *, spacing_mm: Sequence[float]) -> np.ndarray:
        """Return the mask of each region, (H, W, D, R) bool, as `predict` decides it.

        Args, Raises: as `prepare`.
        """
        from segan_tl.predict.postprocess import binarise

        return binarise(self._uncalibrated(image, spacing_mm), self.config.predict)

    def _uncalibrated(self, image: np.ndarray, spacing_mm: Sequence[float]) -> np.ndarray:
        """Return what the network itself says of a scan."""
        prepared, segmentor = self.prepare(image, spacing_mm=spacing_mm), self.segmentor
        from segan_tl.predict.segment import segment_prepared  # after TensorFlow was started quietly

        return prepared.restore(segment_prepared(segmentor, prepared.array, self.config))

    def _checked(self, image: np.ndarray, spacing_mm: Sequence[float]) -> np.ndarray:
        """Return (H, W, D, M) float32 whose air is 0."""
        modalities = self.config.data.modalities
        array = np.asarray(image)
        array = array[..., None] if array.ndim == 3 else array
        if array.ndim != 4 or array.shape[3] != len(modalities) or not array.size:
            shape = "(H, W, D)" if len(modalities) == 1 else f"(H, W, D, {len(modalities)})"
            raise UserError(
                f"expected an image {shape} of {', '.join(modalities)}; found {np.shape(image)}; give one patient's "
                "whole scan, modalities last"
            )
        if array.dtype.kind not in "iuf" or not np.isfinite(array).all():
            raise UserError(f"expected an image of finite numbers; found {array.dtype} with others; replace them by 0")
        if len(spacing_mm) != 3 or not all(0 < length < np.inf for length in spacing_mm):
            raise UserError(f"expected spacing_mm along H, W, D; found {tuple(spacing_mm)}; give three lengths above 0")
        array = array.astype(np.float32)
        return array - np.array([find_background(array[..., i]) for i in range(array.shape[3])], np.float32)
