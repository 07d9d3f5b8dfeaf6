"""Damaged images of every format that is read, from a seed, and what reading each of them gave.

As a program, `python -m tests.fuzz.images FOLDER SEED COUNT` prints one JSON line an image, in a process that may take
1 GiB more than it starts with, and 20 seconds for each.
"""

import bz2
import gzip
import io
import json
import re
import resource
import signal
import sys
import traceback
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import nibabel as nib
import numpy as np
import SimpleITK
from nibabel.orientations import apply_orientation

from segan_tl.data.files.geometry import from_lps
from segan_tl.data.files.images import Source, read_volume
from segan_tl.errors import UserError

SHAPE = (12, 11, 10)
AFFINE = np.array([[-4.0, 0, 0, 10], [0, -5.0, 0, -20], [0, 0, 6.0, 30], [0, 0, 0, 1]])
ALLOWED_BYTES, ALLOWED_SECONDS = 2**30, 20
PACK = {"": bytes, ".gz": lambda content: gzip.compress(content, 6, mtime=0), ".bz2": bz2.compress}
# Suffixes of an image, its own first, and how its content is packed.
NIBABEL = [
    ((".nii",), ""), ((".nii.gz",), ".gz"), ((".nii.bz2",), ".bz2"), ((".hdr", ".img"), ""),
    ((".hdr.gz", ".img.gz"), ".gz"), ((".mgh",), ""), ((".mgz",), ".gz"),
]  # fmt: skip
ITK = [(suffix, is_packed) for suffix in (".mha", ".mhd", ".nrrd", ".nhdr") for is_packed in (False, True)]
NUMBERS = [b"0", b"-1", b"99999", b"2147483648", b"1e308", b"nan", b"-0", b"1e-30", b"12 11", b""]


@dataclass(frozen=True)
class Damaged:
    """One damaged image: the file to read, what was done to it, and whether (voxels as stored, affine) are right."""

    image: Path
    what: str
    is_right: Callable[[np.ndarray, np.ndarray], bool]


def damaged_images(folder: Path, *, seed: int, count: int) -> Iterator[Damaged]:
    """Write `count` damaged images, each in a folder of its own, all formats in turn."""
    kinds = NIBABEL + ITK
    for number in range(count):
        generator, place = np.random.default_rng([seed, number]), folder / f"{number:05d}"
        place.mkdir(parents=True)
        kind = kinds[number % len(kinds)]
        yield (_damage_itk if kind in ITK else _damage_nibabel)(place, kind, generator)


def damage(content: bytes, generator: np.random.Generator, *, header: int) -> tuple[bytes, str]:
    """Damage bytes: half of the times in the first `header` of them, else anywhere."""
    content = bytearray(content)
    end = min(header, len(content)) if generator.random() < 0.5 else len(content)
    place, length = int(generator.integers(end)), int(generator.integers(1, 64))
    how = str(generator.choice(["cut", "bits", "zeros", "noise", "extreme", "number", "insert", "junk"]))
    if how == "cut":
        del content[place:]
    elif how == "bits":
        for where in generator.integers(end, size=generator.integers(1, 4)):
            content[where] ^= 1 << int(generator.integers(8))
    elif how == "zeros":
        content[place : place + length] = bytes(len(content[place : place + length]))
    elif how == "noise":
        content[place : place + length] = generator.bytes(len(content[place : place + length]))
    elif how == "extreme":
        value = int(generator.choice([0, 1, 0x7F, 0x80, 0xFF]))
        content[place : place + 4] = bytes([value]) * len(content[place : place + 4])
    elif how == "number" and (found := list(re.finditer(rb"\d+", content[:end]))):
        chosen = found[int(generator.integers(len(found)))]
        content[chosen.start() : chosen.end()] = NUMBERS[int(generator.integers(len(NUMBERS)))]
    elif how == "insert":
        content[place:place] = generator.bytes(length)
    else:
        content += generator.bytes(length)
    return bytes(content), f"{how} at {place} of {len(content)}"


# === NIfTI, pairs and MGH: nibabel is the judge ===


def _damage_nibabel(place: Path, kind: tuple, generator: np.random.Generator) -> Damaged:
    """Damage a packed stream, whose checksums tell; or the content before it is packed, which may then mean another."""
    suffixes, packing = kind
    is_mgh = suffixes[0].startswith(".mg")
    data = np.random.default_rng(1).integers(-50, 3000, SHAPE).astype(np.float32 if is_mgh else np.int16)
    parts = {"header": nib.FileHolder(fileobj=io.BytesIO()), "image": nib.FileHolder(fileobj=io.BytesIO())}
    versions = [(nib.Nifti1Image, nib.Nifti1Pair), (nib.Nifti2Image, nib.Nifti2Pair)][int(generator.random() < 0.3)]
    make = nib.MGHImage if is_mgh else versions[len(suffixes) - 1]
    make(data, AFFINE).to_file_map(parts)
    contents = [parts[name].fileobj.getvalue() for name in (("header", "image") if len(suffixes) == 2 else ("image",))]
    target = int(generator.integers(len(contents)))
    is_stream = bool(packing) and generator.random() < 0.5
    if not is_stream:
        contents[target], how = damage(contents[target], generator, header=540)
    packed = [PACK[packing](content) for content in contents]
    if is_stream:
        packed[target], how = damage(packed[target], generator, header=30)
    paths = [place / f"a{suffix}" for suffix in suffixes]
    for path, content in zip(paths, packed):
        path.write_bytes(content)
    # The undamaged image is always right: nibabel takes a header for voxels where vox_offset is 0.
    allowed = [(data, AFFINE)] + ([] if is_stream else _by_nibabel(make, contents))
    what = f"{paths[target].name}, {'stream' if is_stream else 'content'}: {how}"
    return Damaged(paths[0], what, lambda voxels, affine: any(_agree(voxels, affine, *one) for one in allowed))


def _by_nibabel(make: type, contents: list[bytes]) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return voxels and affine (mm) as nibabel reads them, nothing where it cannot."""
    parts = {name: nib.FileHolder(fileobj=io.BytesIO(contents[-1])) for name in ("header", "image")}
    parts["header"] = nib.FileHolder(fileobj=io.BytesIO(contents[0]))
    try:
        image = make.from_file_map(parts)
        if np.prod(image.shape, dtype=float) > 1e7:
            return []
        code = 0 if make is nib.MGHImage else int(image.header["xyzt_units"]) & 7
        mm = np.diag([{1: 1000.0, 3: 0.001}.get(code, 1.0)] * 3 + [1.0])
        return [(np.asarray(image.dataobj), mm @ image.affine)]
    except Exception:
        return []


def _agree(voxels: np.ndarray, affine: np.ndarray, expected: np.ndarray, expected_affine: np.ndarray) -> bool:
    if expected.size != voxels.size:
        return False
    expected = expected.reshape(voxels.shape)
    kind = np.float32 if voxels.dtype == np.float32 else expected.dtype  # a scaling is applied in float32
    return np.array_equal(voxels, expected.astype(kind), equal_nan=expected.dtype.kind == "f") and np.allclose(
        affine, expected_affine, atol=1e-3, equal_nan=True
    )


# === MetaImage and NRRD: the voxels are the bytes of the file ===


def _damage_itk(place: Path, kind: tuple, generator: np.random.Generator) -> Damaged:
    suffix, is_packed = kind
    data = np.random.default_rng(1).integers(-50, 3000, SHAPE).astype(np.int16)
    image = SimpleITK.GetImageFromArray(data.transpose(2, 1, 0))
    image.SetSpacing((4, 5, 6))
    image.SetOrigin((-10, 20, 30))
    path = place / f"a{suffix}"
    SimpleITK.WriteImage(image, str(path), useCompression=is_packed)
    files = sorted(place.iterdir())
    target = files[int(generator.integers(len(files)))]
    content, how = damage(target.read_bytes(), generator, header=450)
    target.write_bytes(content)
    held = data.tobytes("F") if is_packed else files[-1 if len(files) == 2 else 0].read_bytes()

    def is_right(voxels: np.ndarray, affine: np.ndarray) -> bool:
        end = held[len(held) - voxels.nbytes :]
        return end in (voxels.tobytes("F"), voxels.byteswap().tobytes("F"))

    return Damaged(path, f"{target.name} {'packed' if is_packed else 'plain'}: {how}", is_right)


# === Reading them ===


def outcome(damaged: Damaged, read: Callable = read_volume) -> str:
    """Return "error", "right", "silent" (a wrong value and no error), or the traceback of anything else."""
    try:
        volume = read(Source(damaged.image))
    except UserError as error:
        return "error" if len(str(error).splitlines()) == 1 else f"several lines: {error}"
    except Exception:
        return traceback.format_exc()
    voxels = apply_orientation(volume.data, from_lps(volume.geometry.affine))
    return "right" if damaged.is_right(voxels, volume.geometry.affine) else "silent"


def main(folder: str, seed: str, count: str) -> None:
    """Read the images of a seed under limits and print what came of each."""
    warnings.simplefilter("ignore")
    in_use = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (in_use + ALLOWED_BYTES,) * 2)
    signal.signal(signal.SIGALRM, signal.SIG_DFL)  # ends the process, whatever C code it is in
    for damaged in damaged_images(Path(folder), seed=int(seed), count=int(count)):
        print(json.dumps({"image": str(damaged.image), "what": damaged.what}), flush=True)
        signal.alarm(ALLOWED_SECONDS)
        print(json.dumps({"outcome": outcome(damaged)}), flush=True)
        signal.alarm(0)


if __name__ == "__main__":
    main(*sys.argv[1:])
