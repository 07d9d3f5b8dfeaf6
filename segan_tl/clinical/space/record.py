"""prepare.json: written beside a prepared patient, and read again by what needs to know what was done to it."""

import json
from pathlib import Path

import numpy as np

from segan_tl import __version__
from segan_tl.clinical.space.prepared import Prepared
from segan_tl.clinical.space.picture import draw_quality
from segan_tl.clinical.space.steps import timed
from segan_tl.data.files.geometry import Geometry
from segan_tl.data.files.images import write_volume
from segan_tl.disk.atomic import write_text
from segan_tl.errors import UserError
from segan_tl.schemas.prepared import PreparedJson
from segan_tl.schemas.reading import read_json

RECORD, PICTURE = "prepare.json", "quality.png"
MASK = "seg"


def image_path(folder: Path, case: str, name: str) -> Path:
    """Return the file of a modality, or of the label map (MASK), of a prepared case."""
    return folder / f"{case}_{name}.nii.gz"


def write_prepared(
    folder: Path, case: str, prepared: Prepared, *, key: str, mean: np.ndarray | None, keep: bool
) -> None:
    """Write images, picture and, last, prepare.json; of a failed registration the images only with `keep`.

    Args:
        folder: of the case.
        key: digest of what it was made of.
        mean: (H, W, D) of the cohort, for the picture; None without one, or where its grid was cropped.
    """
    (folder / RECORD).unlink(missing_ok=True)
    prepared.tell("files and picture")
    options = {"mean": mean, "keep": keep or not prepared.failed}
    _, prepared.seconds["files and picture"] = timed(_write_images, folder, case, prepared, **options)
    write_record(folder / RECORD, case, prepared, key=key)


def _write_images(folder: Path, case: str, prepared: Prepared, *, mean: np.ndarray | None, keep: bool) -> None:
    for path in _images_in(folder, case):
        path.unlink()
    if keep:
        for name, image in prepared.images.items():
            write_volume(image_path(folder, case, name), image, prepared.geometry, dtype=np.float32)
        if prepared.labels is not None:
            write_volume(image_path(folder, case, MASK), prepared.labels, prepared.geometry)
    shown = {name: image for name, image in prepared.images.items() if name not in prepared.substituted}
    if mean is not None and mean.shape == prepared.geometry.shape:
        shown["mean of the cohort"] = mean
    title = f"{case}: edges of {prepared.reference}" + "".join(f"\nFAILED: {reason}" for reason in prepared.failed)
    draw_quality(folder / PICTURE, shown, prepared.reference, brain=prepared.brain, title=title)


def write_record(path: Path, case: str, prepared: Prepared, *, key: str) -> None:
    """Write prepare.json, one line a step."""
    about = {
        "segan_tl": __version__,
        "case": case,
        "key": key,
        "reference": prepared.reference,
        "grid": _grid(prepared.geometry),
        "native": {name: _grid(geometry) for name, geometry in prepared.native.items()},
        "substituted": prepared.substituted,
        "quality": prepared.quality,
        "failed": prepared.failed,
        "seconds": prepared.seconds_of_each(),
    }
    lines = [f"  {json.dumps(name)}: {json.dumps(value)}," for name, value in about.items()]
    steps = ",\n".join(f"    {json.dumps(step.as_json())}" for step in prepared.steps)
    write_text(path, "{\n" + "\n".join(lines) + f'\n  "steps": [\n{steps}\n  ]\n' + "}\n")


def read_record(path: Path) -> dict:
    """Read prepare.json of a case, or of its folder.

    Raises:
        UserError: there is none, or it is damaged.
    """
    path = Path(path)
    file = path / RECORD if path.is_dir() else path
    if not file.is_file():
        raise UserError(f"expected a prepared case; {file} is missing; give the folder that prepare wrote for the case")
    return read_json(file, PreparedJson)


def transform_of(record: dict, sequence: str) -> np.ndarray:
    """Return (4, 4) from the scanner space of a sequence to that of the prepared images, RAS+ mm.

    Raises:
        UserError: the patient had no such sequence.
    """
    native_grid(record, sequence)
    matrix = np.eye(4)
    for step in record["steps"]:
        if step["name"] == "rigid" and step["sequence"] == sequence or step["name"] == "atlas":
            matrix = np.array(step["transform"]) @ matrix
    return matrix


def native_grid(record: dict, sequence: str) -> Geometry:
    """Return the grid that a sequence had, as stored.

    Raises:
        UserError: the patient had no such sequence.
    """
    if sequence not in record["native"]:
        raise UserError(
            f"expected a sequence that {record['case']} has: {', '.join(record['native'])}; found {sequence}; name one "
            "of these"
        )
    return as_geometry(record["native"][sequence])


def as_geometry(grid: dict) -> Geometry:
    """Return a grid of prepare.json."""
    return Geometry(tuple(grid["shape"]), np.array(grid["affine"]))


def done_to(record: dict) -> list[str]:
    """Return the names of the steps that were done to a patient, each once, in order."""
    return list(dict.fromkeys(step["name"] for step in record["steps"]))


def _grid(geometry: Geometry) -> dict:
    return {"shape": list(map(int, geometry.shape)), "affine": np.asarray(geometry.affine, float).tolist()}


def _images_in(folder: Path, case: str) -> list[Path]:
    from segan_tl.regions import MODALITIES

    paths = (image_path(folder, case, name) for name in (*MODALITIES, MASK))
    return [path for path in paths if path.is_file()]
