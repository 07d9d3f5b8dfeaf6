"""Features from MIRP, through its public function alone."""

import contextlib
import logging
import math
import re
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from segan_tl.errors import UserError

# Of "ngl_lde_d1_a0.0_3d", "cm_contrast_d1_3d_avg", "szm_sze_3d".
SUFFIX = re.compile(r"(_d1)?(_a0(\.0)?)?(_3d(_avg)?)?$")
NAMES = re.compile("(morph|stat|ih|cm|rlm|szm|ngt|ngl)_")  # beside columns that describe the image
# What it raises where a region is more than it can describe (NumPy, SciPy's Qhull, pandas).
FAULTS = (ValueError, ArithmeticError, LookupError, TypeError, RuntimeError)


def require_mirp():
    """Return the module of MIRP.

    Raises:
        UserError: it is not installed.
    """
    try:
        import mirp
    except ImportError:
        raise UserError(
            "expected MIRP, which computes the features; it is not installed; type: pip install -e '.[radiomics]'"
        ) from None
    return mirp


def ask_intensities(image: np.ndarray, mask: np.ndarray, families: Sequence[str]) -> dict[str, float]:
    """Return what MIRP computes of an image, by its names without suffix.

    Args:
        image: (H, W, D) intensities, or grey levels for histogram and texture: whole numbers from 1 inside the region.
        mask: (H, W, D) bool.
        families: "stat", "ih", "cm", "rlm", "szm", "ngtdm", "ngldm".
    """
    return _ask(image.astype(np.float64), mask.astype(np.int64), families)


def ask_shape(mask: np.ndarray, spacing_mm: tuple[float, float, float]) -> dict[str, float]:
    """Return what MIRP computes of the shape of a mask (H, W, D), by its names."""
    import nibabel

    with tempfile.TemporaryDirectory() as folder:  # an array has no voxel size, a file has
        path = Path(folder) / "region.nii"
        nibabel.save(nibabel.Nifti1Image(mask.astype(np.uint8), np.diag([*spacing_mm, 1.0])), path)
        return _ask(str(path), str(path), ["morph"])


def _ask(image, mask, families: Sequence[str]) -> dict[str, float]:
    mirp = require_mirp()
    try:
        with _quiet():
            (table,) = mirp.extract_features(
                image=image,
                mask=mask,
                image_modality="mr",
                base_feature_families=list(families),
                base_discretisation_method="none",
                glcm_spatial_method="3d_average",
                glrlm_spatial_method="3d_average",
            )
    except FAULTS as error:
        raise UserError(f"MIRP cannot describe the region: {error}") from error
    row = {SUFFIX.sub("", name): table[name].iloc[0] for name in table if NAMES.match(name)}
    return {name: math.nan if value is None else float(value) for name, value in row.items()}


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Hold back what MIRP logs and warns of: it sets up logging to the standard output and announces every image."""
    root = logging.getLogger()
    handlers, level, disabled = list(root.handlers), root.level, logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(disabled)
        root.handlers[:] = handlers
        root.setLevel(level)
