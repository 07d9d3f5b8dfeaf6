"""Which program reads which DICOM series right: this package, highdicom, SimpleITK and dcm2niix.

Two sets: every folder of DATA that holds DICOM files and the NIfTI that they should become (icometrix/dicom2nifti's
test data is laid out like that), and series that are simulated here with what hospitals' exports have: a tilted
gantry, a missing slice, two echoes under one series, a slice sent twice, a scaling of each slice, compression.

    pip install -e '.[clinical]' dcm2niix
    python benchmarks/dicom_readers.py DATA [--csv FILE]

"right" is every voxel equal (scaled ones within 2e-7 of themselves) and no corner of the grid farther than 1e-3 mm from
where it should be. Where no volume can be right, refusing is.
"""

import argparse
import csv
import shutil
import subprocess
import tempfile
from pathlib import Path

import nibabel as nib
import numpy as np
import pydicom
from nibabel.orientations import apply_orientation

from segan_tl.clinical.dicom.series import find_series
from segan_tl.clinical.dicom.simulate import write_series
from segan_tl.clinical.dicom.volume import read_series
from segan_tl.data.files.geometry import Geometry, corner_shift_mm, to_lps
from segan_tl.data.files.images import Volume

LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
GEOMETRY_MM, VOXELS = 1e-3, 2e-7


# === Readers: folder → [(array of voxel axes, affine to RAS mm)] ===


def by_segan_tl(folder: Path) -> list:
    volumes = [read_series(series) for series in find_series(folder).series]
    return [(volume.data, volume.affine) for volume in volumes]


def by_highdicom(folder: Path) -> list:
    import highdicom

    files = [pydicom.dcmread(path) for path in sorted(folder.glob("*.dcm"))]
    if "PerFrameFunctionalGroupsSequence" in files[0]:
        volume = highdicom.Image.from_dataset(files[0]).get_volume()
    else:
        volume = highdicom.get_volume_from_series(files)
    return [(volume.array, LPS_TO_RAS @ volume.affine)]


def by_simpleitk(folder: Path) -> list:
    import SimpleITK as sitk

    sitk.ProcessObject.SetGlobalWarningDisplay(False)
    found = []
    for uid in sitk.ImageSeriesReader.GetGDCMSeriesIDs(str(folder)):
        names = sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(folder), uid)
        image = sitk.ReadImage(names[0] if len(names) == 1 else names)
        affine = np.eye(4)
        affine[:3, :3] = np.reshape(image.GetDirection(), (3, 3)) * image.GetSpacing()
        affine[:3, 3] = image.GetOrigin()
        found.append((sitk.GetArrayFromImage(image).T, LPS_TO_RAS @ affine))
    return found


def by_dcm2niix(folder: Path) -> list:
    with tempfile.TemporaryDirectory() as out:
        command = ["dcm2niix", "-z", "n", "-b", "n", "-f", "%s_%e", "-o", out, str(folder)]
        subprocess.run(command, capture_output=True, check=True)
        images = [nib.load(path) for path in sorted(Path(out).glob("*.nii"))]
        return [(np.asanyarray(image.dataobj), image.affine) for image in images]


READERS = {"segan_tl": by_segan_tl, "highdicom": by_highdicom, "SimpleITK": by_simpleitk, "dcm2niix": by_dcm2niix}


# === Cases: name → (folder, volumes that it should become) ===


def real_cases(data: Path) -> dict[str, tuple[Path, list[Volume]]]:
    cases = {}
    for folder in sorted(path for path in data.iterdir() if path.is_dir()):
        truths = sorted(folder.glob("*ground_truth.nii*"))
        if truths:
            image = nib.load(truths[0])
            cases[folder.name] = folder, [in_lps(np.asanyarray(image.dataobj), image.affine)]
    return cases


def simulated_cases(root: Path) -> dict[str, tuple[Path, list[Volume]]]:
    oblique = np.array([[-0.9, 0.1, 0.2, 10], [0.12, 0.88, -0.3, -20], [0.1, 0.25, 5.0, 5], [0, 0, 0, 1]])
    oblique[:3, :3] = np.linalg.qr(oblique[:3, :3])[0] @ np.diag([-0.9, 0.9, 5])
    tilted = np.array([[-1.0, 0, 0, 5], [0, -1, 0.8, 7], [0, 0, 4, 9], [0, 0, 0, 1]])
    cases = {}

    def case(name, affine, seed=0):
        volume = noise(affine, seed)
        folder = root / name.replace(" ", "_")
        cases[name] = folder, [volume]
        return write_series(folder, volume, "t2", study=name), volume

    case("oblique", oblique)
    case("tilted gantry", tilted)
    paths, volume = case("slope of each slice", oblique)
    change(paths, lambda values, place: setattr(values, "RescaleSlope", str(1 + place / 10)))
    scaled = volume.data * np.float64(1 + np.arange(8) / 10)
    cases["slope of each slice"] = paths[0].parent, [Volume(scaled, volume.affine, volume.geometry)]
    paths, _ = case("slice missing", oblique)
    paths[3].unlink()
    cases["slice missing"] = paths[0].parent, []
    paths, _ = case("no positions", oblique)
    change(paths, lambda values, place: delattr(values, "ImagePositionPatient"))
    cases["no positions"] = paths[0].parent, []
    paths, volume = case("slice sent twice", oblique)
    values = pydicom.dcmread(paths[2])
    values.SOPInstanceUID = values.file_meta.MediaStorageSOPInstanceUID = "1.2.3"
    values.save_as(paths[0].parent / "again.dcm")
    paths, first = case("two echoes", oblique)
    second = noise(oblique, 1)
    others = write_series(paths[0].parent, second, "t2", number=2, study="two echoes")
    uid = pydicom.dcmread(paths[0]).SeriesInstanceUID

    def as_second(values, place):
        values.SeriesInstanceUID, values.SeriesNumber, values.EchoTime, values.EchoNumbers = uid, 1, 20, 2

    change(others, as_second)
    cases["two echoes"] = paths[0].parent, [first, second]
    for syntax in ("JPEGLosslessProcess14_1", "JPEG2000Lossless", "RLELossless"):
        paths, _ = case(syntax, oblique)
        for path in paths:
            transcode(path, syntax)
    return cases


def noise(affine: np.ndarray, seed: int) -> Volume:
    geometry = Geometry((32, 24, 8), affine)
    data = np.random.default_rng(seed).integers(0, 3000, geometry.in_lps.shape).astype(np.int16)
    return Volume(data, geometry.in_lps.affine, geometry)


def change(paths: list[Path], how) -> None:
    for place, path in enumerate(paths):
        values = pydicom.dcmread(path)
        how(values, place)
        values.save_as(path)


def transcode(path: Path, syntax: str) -> None:
    import gdcm

    reader, convert, writer = gdcm.ImageReader(), gdcm.ImageChangeTransferSyntax(), gdcm.ImageWriter()
    reader.SetFileName(str(path))
    reader.Read()
    convert.SetTransferSyntax(gdcm.TransferSyntax(getattr(gdcm.TransferSyntax, syntax)))
    convert.SetInput(reader.GetImage())
    convert.Change()
    writer.SetFileName(str(path))
    writer.SetFile(reader.GetFile())
    writer.SetImage(convert.GetOutput())
    writer.Write()


# === Comparison ===


def in_lps(array: np.ndarray, affine: np.ndarray) -> Volume:
    array = array.reshape(array.shape[:3]) if array.ndim > 3 and array.shape[3:] == (1,) else array
    geometry = Geometry(array.shape[:3], affine)
    return Volume(apply_orientation(array, to_lps(affine)), geometry.in_lps.affine, geometry)


def judge(read, folder: Path, truths: list[Volume]) -> str:
    """Return "right", "refused", or what is wrong."""
    try:
        found = [in_lps(*one) for one in read(folder)]
    except Exception as error:  # a program may raise what it likes
        return "right (refused)" if not truths else f"refused ({type(error).__name__})"
    if not found:
        return "right (refused)" if not truths else "read nothing"
    if not truths:
        return "wrong: read as a volume"
    if len(found) != len(truths):
        return f"wrong: {len(found)} volumes of {len(truths)}"
    return max((judge_one(one, truths) for one in found), key=len)


def judge_one(found: Volume, truths: list[Volume]) -> str:
    fitting = [truth for truth in truths if truth.data.shape == found.data.shape]
    if not fitting:
        return f"wrong: grid {'×'.join(map(str, found.data.shape))}"
    equal = [truth for truth in fitting if np.allclose(found.data, truth.data, rtol=VOXELS, atol=0)]
    if not equal:
        return "wrong: voxels"
    shift_mm = corner_shift_mm(found.geometry, equal[0].geometry)
    return "right" if shift_mm < GEOMETRY_MM else f"wrong: {shift_mm:.2g} mm off"


def main() -> None:
    """Read everything by every program, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", metavar="DATA", type=Path)
    parser.add_argument("--csv", type=Path)
    arguments = parser.parse_args()
    if shutil.which("dcm2niix") is None:  # else every series would count as refused, some of them rightly
        parser.error("expected the program dcm2niix on the path; found none; pip install dcm2niix")
    with tempfile.TemporaryDirectory() as folder:
        cases = real_cases(arguments.data) | simulated_cases(Path(folder))
        rows = [
            {"series": name, **{reader: judge(read, *case) for reader, read in READERS.items()}}
            for name, case in cases.items()
        ]
    print(f"| {' | '.join(rows[0])} |")
    print(f"|{'---|' * len(rows[0])}")
    for row in rows:
        print(f"| {' | '.join(row.values())} |")
    if arguments.csv:
        with arguments.csv.open("w", newline="") as stream:
            writer = csv.DictWriter(stream, rows[0])
            writer.writeheader()
            writer.writerows(rows)


if __name__ == "__main__":
    main()
