"""The smooth field by which coils shade an image: found by N4 (SimpleITK) or N3 (ANTs), and divided out."""

from typing import Literal, NamedTuple

import numpy as np

from segan_tl.errors import UserError

Method = Literal["n4", "n3"]
COARSE_MM = 4.0  # the field is fitted on voxels of about this edge
ITERATIONS = (50, 40, 30)  # of N4, at most, by level; each has twice the control points of the one before


class Corrected(NamedTuple):
    """An image (H, W, D) float32 without its field, and the field, mean 1 in the head."""

    image: np.ndarray
    field: np.ndarray


def correct_bias(data: np.ndarray, spacing_mm: tuple[float, float, float], *, method: Method = "n4") -> Corrected:
    """Divide an image by its bias field.

    N4: Tustison 2010. N3: Sled 1998, which Kaur 2019 used for the source data.

    Args:
        data: (H, W, D), air about 0.
        spacing_mm: along H, W, D.

    Raises:
        UserError: N3 without ANTs.
    """
    image = np.maximum(np.asarray(data, np.float32), 0)
    head = find_head(image)
    logarithm = (_n4 if method == "n4" else _n3)(image, head, spacing_mm)
    field = np.exp(logarithm - logarithm[head].mean()).astype(np.float32)
    return Corrected(image / field, field)


def find_head(data: np.ndarray) -> np.ndarray:
    """Return (H, W, D) bool: what is brighter than air, by Otsu's threshold of the cubic root, holes filled by slice.

    A root brings dark tissue and bright fat together, and leaves air alone.
    """
    from scipy.ndimage import binary_fill_holes, gaussian_filter, label
    from skimage.filters import threshold_otsu

    root = np.cbrt(np.maximum(np.asarray(data, np.float32), 0))
    smooth = gaussian_filter(root, (1, 1, 0))
    head = smooth > threshold_otsu(smooth[:: max(smooth.shape[0] // 96, 1), :: max(smooth.shape[1] // 96, 1)])
    pieces, number = label(head)
    if number > 1:
        head = pieces == np.bincount(pieces.ravel())[1:].argmax() + 1
    return np.stack([binary_fill_holes(head[..., index]) for index in range(head.shape[2])], axis=-1)


def _n4(image: np.ndarray, head: np.ndarray, spacing_mm: tuple[float, float, float]) -> np.ndarray:
    """Return the logarithm of the field by SimpleITK, fitted on a coarser grid."""
    import SimpleITK as sitk

    whole = sitk.GetImageFromArray(np.ascontiguousarray(image.transpose(2, 1, 0)))
    mask = sitk.GetImageFromArray(np.ascontiguousarray(head.transpose(2, 1, 0).astype(np.uint8)))
    for one in (whole, mask):
        one.SetSpacing([float(step) for step in spacing_mm])
    factors = [max(int(COARSE_MM // step), 1) for step in spacing_mm]
    n4 = sitk.N4BiasFieldCorrectionImageFilter()
    n4.SetNumberOfThreads(1)
    n4.SetMaximumNumberOfIterations(ITERATIONS)
    n4.SetConvergenceThreshold(1e-4)
    n4.Execute(sitk.Shrink(whole, factors), sitk.Shrink(mask, factors))
    return sitk.GetArrayFromImage(n4.GetLogBiasFieldAsImage(whole)).transpose(2, 1, 0)


def _n3(image: np.ndarray, head: np.ndarray, spacing_mm: tuple[float, float, float]) -> np.ndarray:
    """Return the logarithm of the field by ANTs, which knows N3."""
    try:
        import ants
    except ImportError:
        raise UserError(
            "expected ANTs for --bias n3, which SimpleITK does not have; found none; install it with pip install "
            "antspyx, or take --bias n4"
        ) from None
    whole = ants.from_numpy(image, spacing=tuple(map(float, spacing_mm)))
    corrected = ants.n3_bias_field_correction2(
        whole, mask=ants.from_numpy(head.astype(np.float32), spacing=whole.spacing), shrink_factor=4,
        return_bias_field=True,
    )  # fmt: skip
    return np.log(np.maximum(corrected.numpy(), 1e-3))
