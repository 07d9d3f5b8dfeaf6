"""Results on a prepared grid, brought back onto the grid of the sequence they are to be seen on."""

import numpy as np

from segan_tl.clinical.space.record import as_geometry, native_grid, transform_of
from segan_tl.clinical.space.resample import resample_labels_onto, resample_onto
from segan_tl.data.files.geometry import Geometry
from segan_tl.errors import UserError


def restore(values: np.ndarray, record: dict, onto: str, *, geometry: Geometry | None = None) -> np.ndarray:
    """Bring probabilities or labels onto the grid that a sequence had before it was prepared.

    Both are interpolated linearly at the centres of the voxels, labels as one share each, of which the largest wins:
    never the nearest neighbour.

    Args:
        values: on the prepared grid, axes in LPS order: (H, W, D) labels of a whole-number type, or probabilities of a
            floating type, (H, W, D) or (H, W, D, C).
        record: prepare.json of the case, as `read_record` gives it.
        onto: the sequence.
        geometry: a grid in the scanner space of that sequence, such as that of its DICOM series; None for its own.

    Returns:
        On that grid with its axes in LPS order, as `write_volume` takes it; probabilities are float32, 0 outside of
        what was prepared.

    Raises:
        UserError: the patient had no such sequence, or the values lie on another grid.
    """
    prepared = as_geometry(record["grid"])
    if values.shape[:3] != prepared.shape:
        found, wanted = ("×".join(map(str, shape)) for shape in (values.shape[:3], prepared.shape))
        raise UserError(
            f"expected a result on the prepared grid of {record['case']}, {wanted}; found {found}; give one that was "
            "made of the prepared images"
        )
    back = np.linalg.inv(transform_of(record, onto))
    grid = (native_grid(record, onto) if geometry is None else geometry).in_lps
    if values.dtype.kind in "iub":
        whole = values.astype(np.uint8) if values.dtype == bool else values
        return resample_labels_onto(whole, prepared.affine, grid, transform=back).astype(values.dtype)
    if values.ndim == 3:
        return resample_onto(values, prepared.affine, grid, transform=back)
    channels = np.moveaxis(values, -1, 0)
    return np.stack([resample_onto(one, prepared.affine, grid, transform=back) for one in channels], axis=-1)
