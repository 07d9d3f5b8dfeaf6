"""The voxels of a series: decoded, scaled and brought into LPS order."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from nibabel.orientations import apply_orientation

from segan_tl.clinical.dicom.files import INSTALL, quiet, require_pydicom
from segan_tl.clinical.dicom.series import Series
from segan_tl.clinical.dicom.slices import Slice
from segan_tl.data.files.geometry import to_lps
from segan_tl.data.files.images import Volume
from segan_tl.errors import UserError


def read_series(series: Series) -> Volume:
    """Read the voxels of a series.

    Returns:
        The stored whole numbers where nothing is to be scaled, float32 otherwise (stored × slope + intercept of each
        slice); its geometry is (columns, rows, slices).

    Raises:
        UserError: it is no volume, a file is cut off or cannot be decoded, or slices of one place differ.
    """
    require_pydicom()
    if series.fault:
        raise UserError(f"series {series.name} of {series.case} cannot be read: {series.fault}; export it again")
    needed = [*series.slices, *(second for _, second in series.twins)]
    planes = dict(_planes(series, needed))
    for place, (first, second) in enumerate(series.twins):
        if not np.array_equal(planes[_key(first)], planes[_key(second)]):
            raise UserError(
                f"series {series.name} of {series.case} cannot be read: {len(series.twins)} of its slices lie where "
                f"others do and differ (instance {first.instance} and {second.instance}), so that which of them are "
                "one volume is unknown; export one acquisition alone"
            )
    stored = np.stack([planes[_key(one)] for one in series.slices], axis=-1)  # row, column, slice
    geometry = series.geometry
    data = apply_orientation(np.swapaxes(stored, 0, 1), to_lps(geometry.affine))
    return Volume(np.ascontiguousarray(data), geometry.in_lps.affine, geometry)


def _key(one: Slice) -> tuple:
    return one.path, one.frame, one.tile


def _planes(series: Series, slices: list[Slice]) -> Iterator[tuple[tuple, np.ndarray]]:
    """Yield the key and the voxels (rows, columns) of each slice, every file being decoded once."""
    by_path: dict[Path, list[Slice]] = {}
    for one in slices:
        by_path.setdefault(one.path, []).append(one)
    plain = all((one.slope, one.intercept) == (1, 0) for one in slices)
    for path, group in by_path.items():
        pixels = _decode(series, path, group[0])
        for one in group:
            plane = _plane(pixels, one)
            if plane.shape != one.shape:
                raise UserError(f"series {series.name} of {series.case} cannot be read: its slices differ in size")
            yield _key(one), plane if plain else (plane * one.slope + one.intercept).astype(np.float32)


def _plane(pixels: np.ndarray, one: Slice) -> np.ndarray:
    if one.tile is not None:
        rows, columns = one.shape
        down, right = divmod(one.tile, pixels.shape[1] // columns)
        return pixels[down * rows : (down + 1) * rows, right * columns : (right + 1) * columns]
    return pixels[one.frame - 1] if one.frame and pixels.ndim == 3 else pixels


def _decode(series: Series, path: Path, one: Slice) -> np.ndarray:
    """Return the pixels of a file, (rows, columns) or (frames, rows, columns).

    Raises:
        UserError: it is cut off, or compressed in a way that nothing installed reads.
    """
    pydicom = require_pydicom()
    where = f"series {series.name} of {series.case} cannot be read: the file of instance {one.instance}"
    with quiet():
        try:
            values = pydicom.dcmread(path, force=True)
            syntax = values.file_meta.get("TransferSyntaxUID")
            if syntax is None:  # of before the standard's files: the bytes as they went over the network
                values.file_meta.TransferSyntaxUID = syntax = pydicom.uid.ImplicitVRLittleEndian
            if _is_plain(syntax):
                _require_whole(values, where)
            elif not _has_decoder(pydicom, syntax):
                known = f" as {syntax.name}" if syntax in pydicom.uid.AllTransferSyntaxes else ""
                raise UserError(f"{where} is compressed{known}, which nothing installed decodes; type: {INSTALL}")
            return values.pixel_array
        except (UserError, MemoryError):
            raise
        except Exception:  # what a decoder says may quote the file
            raise UserError(f"{where} is damaged or cut off; copy it again") from None


def _is_plain(syntax) -> bool:
    return syntax.is_transfer_syntax and not syntax.is_compressed


def _require_whole(values, where: str) -> None:
    expected = int(values.Rows) * int(values.Columns) * int(values.get("NumberOfFrames") or 1)
    expected *= int(values.BitsAllocated) // 8 * int(values.get("SamplesPerPixel", 1))
    found = len(values.get("PixelData", b""))
    if found < expected:
        raise UserError(f"{where} is cut off: {found} of {expected} bytes of its pixels are there; copy it again")


def _has_decoder(pydicom, syntax) -> bool:
    from pydicom.pixels import get_decoder

    try:
        return get_decoder(syntax).is_available
    except NotImplementedError:
        return False
