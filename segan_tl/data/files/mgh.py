"""FreeSurfer's .mgh and .mgz files to arrays: the header by nibabel, the voxels checked as those of NIfTI are."""

import math
from pathlib import Path

import numpy as np
from nibabel.freesurfer.mghformat import DATA_OFFSET, MGHHeader

from segan_tl.data.files.geometry import Frame
from segan_tl.data.files.image_error import ImageError
from segan_tl.data.files.streams import read_start, read_to_end

_GOOD_RAS = slice(28, 30)
_STATE = "convert it to .nii.gz and state both (mri_convert --in_orientation … --in_i_size …)"


def read_mgh_header(path: Path) -> tuple[tuple[int, ...], Frame]:
    """Read shape and place from the header alone.

    Raises:
        ImageError: no such file, not an MGH file, or a header that cannot be true.
    """
    header = _parse_header(path)
    return _shape(header), _frame(header)


def read_mgh(path: Path) -> np.ndarray:
    """Read all voxels and verify the file to its last byte.

    Returns:
        Array as stored (x, y, z[, frame]) with the file's type.

    Raises:
        ImageError: the file is absent, truncated, damaged, or its header cannot be true.
    """
    header = _parse_header(path)
    dtype = header.get_data_dtype().newbyteorder(">")
    content = read_to_end(path, DATA_OFFSET + math.prod(_shape(header)) * dtype.itemsize)
    voxels = content[DATA_OFFSET:].view(dtype).astype(dtype.newbyteorder("="), copy=False)
    return voxels.reshape(_shape(header), order="F")


def _parse_header(path: Path) -> MGHHeader:
    start = read_start(path, DATA_OFFSET)
    if len(start) < DATA_OFFSET or int.from_bytes(start[:4], "big") != 1:
        raise ImageError(path, "this is not an MGH file, or its start is damaged")
    if start[_GOOD_RAS] == bytes(2):
        # nibabel would make up both.
        raise ImageError(path, "it states neither voxel size nor orientation (goodRASFlag 0)", _STATE)
    header = MGHHeader(start, check=False)
    if header["dims"].min() < 1:
        raise ImageError(path, f"the header is damaged (grid {tuple(header['dims'].tolist())})")
    try:
        header.get_data_dtype()
    except KeyError:
        raise ImageError(path, f"the header names an unknown voxel type ({int(header['type'])})") from None
    return header


def _shape(header: MGHHeader) -> tuple[int, ...]:
    return tuple(int(size) for size in header.get_data_shape())


def _frame(header: MGHHeader) -> Frame:
    return Frame(np.asarray(header.get_affine(), np.float64))
