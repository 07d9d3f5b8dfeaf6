"""Image formats by their suffix: those that are read, those that are known and not read, and what to do then."""

from collections.abc import Iterable
from pathlib import Path

from segan_tl.disk.reading import is_there

NIFTI_SUFFIXES = (".nii.gz", ".nii", ".nii.bz2", ".hdr", ".hdr.gz")
MGH_SUFFIXES = (".mgz", ".mgh", ".mgh.gz")
ITK_SUFFIXES = (".mha", ".mhd", ".nrrd", ".nhdr")
SUFFIXES = NIFTI_SUFFIXES + MGH_SUFFIXES + ITK_SUFFIXES
# These hold the voxels of an image whose header is a file of its own; the header is the image, and names the case.
VOXEL_SUFFIXES = {
    ".img": (".hdr",), ".img.gz": (".hdr.gz", ".hdr"), ".raw": (".mhd", ".nhdr"), ".raw.gz": (".nhdr",),
    ".zraw": (".mhd",),
}  # fmt: skip

_CONVERT = "convert it to .nii.gz"
_ITK = "convert it to .nii.gz (SimpleITK: WriteImage(ReadImage(…), …))"
DICOM = "this is DICOM: make cases of its folder with python -m segan_tl dicom FOLDER OUT"
UNREAD_SUFFIXES = {
    ".nii.zst": "unpack it with zstd -d", ".nii.xz": "unpack it with unxz", ".nii.zip": "unpack it with unzip",
    ".nii.gz.gz": "unpack it with gunzip", ".mha.gz": "unpack it with gunzip", ".nrrd.gz": "unpack it with gunzip",
    ".dcm": DICOM, ".dicom": DICOM, ".ima": DICOM, ".par": "convert it and its .rec to .nii.gz with dcm2niix",
    ".rec": "convert it and its .par to .nii.gz with dcm2niix",
    ".mnc": "convert it to .nii.gz with mnc2nii", ".mnc.gz": "convert it to .nii.gz with mnc2nii",
    ".mif": "convert it to .nii.gz with mrconvert", ".mif.gz": "convert it to .nii.gz with mrconvert",
    ".mih": "convert it to .nii.gz with mrconvert", ".head": "convert it to .nii.gz with 3dAFNItoNIFTI",
    ".brik": "convert it to .nii.gz with 3dAFNItoNIFTI", ".brik.gz": "convert it to .nii.gz with 3dAFNItoNIFTI",
    ".gipl": _ITK, ".gipl.gz": _ITK, ".vtk": _ITK, ".npy": _CONVERT, ".npz": _CONVERT,
    ".h5": _CONVERT, ".hdf5": _CONVERT, ".tif": _CONVERT, ".tiff": _CONVERT, ".analyze": _CONVERT,
}  # fmt: skip
_LONGEST_FIRST = sorted((*SUFFIXES, *UNREAD_SUFFIXES, *VOXEL_SUFFIXES), key=len, reverse=True)


def suffix_of(name: str) -> str | None:
    """Return the suffix of an image, read or not, as it stands in the lists (the longest); None for others."""
    name = name.lower()
    return next((suffix for suffix in _LONGEST_FIRST if name.endswith(suffix)), None)


def header_of(path: Path) -> Path | None:
    """Return the file that is the image where `path` holds only its voxels; None where no such file is there."""
    return next(iter(_beside(path, VOXEL_SUFFIXES.get(suffix_of(path.name), ()))), None)


def voxels_of(path: Path) -> list[Path]:
    """Return the files that may hold the voxels of a header, by its name; empty for other images."""
    header = suffix_of(path.name)
    return _beside(path, [suffix for suffix, headers in VOXEL_SUFFIXES.items() if header in headers])


def _beside(path: Path, suffixes: Iterable[str]) -> list[Path]:
    """Return what lies beside an image under its name with another suffix, in small or capital letters."""
    stem = path.name[: -len(suffix_of(path.name) or path.name)]
    places = [path.with_name(stem + other) for suffix in suffixes for other in (suffix, suffix.upper())]
    return [place for place in places if is_there(place)]


def is_dicom(path: Path) -> bool:
    """Tell by its content whether a file is DICOM, which often comes without a suffix."""
    if not path.is_file():
        return False
    with path.open("rb") as stream:
        return stream.read(132)[128:] == b"DICM"


def unread_remedy(path: Path) -> str | None:
    """Return what to do with an image that is not read; None for one that is, and for what is no image."""
    suffix = suffix_of(path.name)
    if suffix in VOXEL_SUFFIXES:
        headers = " or ".join(VOXEL_SUFFIXES[suffix])
        return None if header_of(path) else f"these are voxels without their header: put the {headers} file beside it"
    return UNREAD_SUFFIXES.get(suffix)
