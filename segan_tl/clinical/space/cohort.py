"""The space of a cohort: the mean image of its cases, where their brains lie, its grid, and what its intensities are.

It is made once and kept, so that no atlas of others is needed; one that the user has is taken in its place.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from segan_tl.clinical.space.intensity import landmarks_of, learn_standard
from segan_tl.data.files.geometry import Geometry, find_grid_fault
from segan_tl.data.files.images import Source, read_volume, write_volume
from segan_tl.data.find.case import Case
from segan_tl.data.intensities import MOST_BRAIN, find_background
from segan_tl.disk.atomic import write_json
from segan_tl.errors import UserError
from segan_tl.schemas.prepared import SpaceJson
from segan_tl.schemas.reading import read_json

MOST_CASES = 40  # that the mean is taken of, evenly among all
ATLAS, BRAIN, RECORD = "atlas", "brain", "space.json"


@dataclass(frozen=True, eq=False)
class Space:
    """Where patients are brought to.

    Attributes:
        name: of the cohort's folder, or the file of the atlas.
        digest: of the cases that it was made of.
        images: modality, or ATLAS → (H, W, D) float32 mean image, the brain about 0 to 1, nothing around it.
        brain: (H, W, D) float32, the share of the cases whose brain is there.
        geometry: the grid, axes in LPS order.
        landmarks: modality → Nyúl's standard landmarks.
        cases: how many it is the mean of.
    """

    name: str
    digest: str
    images: dict[str, np.ndarray]
    brain: np.ndarray
    geometry: Geometry
    landmarks: dict[str, list[float]]
    cases: int

    def image_for(self, modality: str) -> np.ndarray:
        """Return the mean image that is most like a modality."""
        return self.images.get(modality, next(iter(self.images.values())))


def take_space(
    cases: Sequence[Case], folder: Path, *, name: str, advance: Callable[[], None] | None = None
) -> tuple[Space, bool]:
    """Return the space of these cases as it is kept in `folder`; make it, and keep it there, where it is not.

    Returns:
        The space, and whether it was made now.

    Raises:
        UserError: as `make_space`, or what is kept is damaged.
    """
    chosen = _some(cases)
    digest = _digest(chosen)
    if (folder / RECORD).is_file() and (space := read_space(folder)).digest == digest:
        return space, False
    space = make_space(chosen, name=name, digest=digest, advance=advance)
    keep_space(space, folder)
    return space, True


def make_space(
    cases: Sequence[Case], *, name: str, digest: str, advance: Callable[[], None] | None = None
) -> Space:
    """Average the cases of a cohort.

    Raises:
        UserError: they lie on several grids, their brains are not extracted, or an image cannot be read.
    """
    sums, counts, landmarks, brain, geometry = {}, {}, {}, None, None
    for case in cases:
        volumes = {modality: read_volume(source, dtype=np.float32) for modality, source in _modalities(case).items()}
        first = next(iter(volumes.values())).geometry
        geometry = geometry or first
        for volume in volumes.values():
            if fault := find_grid_fault(geometry, volume.geometry, than=f"that of {cases[0].id}"):
                raise UserError(
                    f"expected a cohort on one grid for its mean image; found case {case.id}: {fault}; prepare the "
                    "cohort first, or give an atlas by --atlas"
                )
        inside = np.any([volume.data != find_background(volume.data) for volume in volumes.values()], axis=0)
        if not 0 < inside.mean() < MOST_BRAIN:
            raise UserError(
                f"expected a cohort whose brains are extracted; found case {case.id} with {inside.mean():.0%} of its "
                "volume not empty; give another cohort, or an atlas by --atlas"
            )
        brain = inside.astype(np.float32) if brain is None else brain + inside
        for modality, volume in volumes.items():
            marks = landmarks_of(volume.data[inside])
            landmarks.setdefault(modality, []).append(marks)
            scaled = np.where(inside, (volume.data - marks[0]) / max(marks[-1] - marks[0], 1e-8), 0).clip(0, 1.5)
            sums[modality] = sums.get(modality, 0) + scaled
            counts[modality] = counts.get(modality, 0) + 1
        if advance:
            advance()
    images = {modality: (total / counts[modality]).astype(np.float32) for modality, total in sums.items()}
    learnt = {modality: learn_standard(rows) for modality, rows in landmarks.items()}
    return Space(name, digest, images, brain / len(cases), geometry.in_lps, learnt, len(cases))


def atlas_space(path: Path) -> Space:
    """Return the space of an atlas that the user has, such as SRI24's T1: a brain with nothing around it.

    Raises:
        UserError: the file cannot be read, or a head is around the brain.
    """
    volume = read_volume(Source(path), dtype=np.float32)
    inside = volume.data != find_background(volume.data)
    if not 0 < inside.mean() < MOST_BRAIN:
        raise UserError(
            f"expected an atlas of a brain alone; found {path} with {inside.mean():.0%} of its volume not empty; give "
            "one whose skull is stripped"
        )
    high = max(float(np.percentile(volume.data[inside], 99)), 1e-8)
    image = np.where(inside, volume.data / high, 0).clip(0, 1.5).astype(np.float32)
    digest = hashlib.sha256(image.tobytes()).hexdigest()
    return Space(path.name, digest, {ATLAS: image}, inside.astype(np.float32), volume.geometry.in_lps, {}, 1)


# === Kept on disk ===


def keep_space(space: Space, folder: Path) -> None:
    """Write the mean images, the brain and what is known of them; space.json comes last."""
    (folder / RECORD).unlink(missing_ok=True)
    for name, image in {**space.images, BRAIN: space.brain}.items():
        write_volume(folder / f"{name}.nii.gz", image, space.geometry, dtype=np.float32)
    about = {"name": space.name, "digest": space.digest, "cases": space.cases, "images": list(space.images)}
    write_json(folder / RECORD, about | {"landmarks": space.landmarks})


def read_space(folder: Path) -> Space:
    """Read what `keep_space` wrote.

    Raises:
        UserError: it is damaged.
    """
    about = read_json(folder / RECORD, SpaceJson)
    brain = read_volume(Source(folder / f"{BRAIN}.nii.gz"), dtype=np.float32)
    images = {
        name: read_volume(Source(folder / f"{name}.nii.gz"), dtype=np.float32).data for name in about["images"]
    }
    return Space(
        about["name"], about["digest"], images, brain.data, brain.geometry.in_lps, about["landmarks"], about["cases"]
    )


def _some(cases: Sequence[Case]) -> list[Case]:
    """Return at most MOST_CASES of the cases, evenly among all."""
    if len(cases) <= MOST_CASES:
        return list(cases)
    return [cases[place] for place in np.linspace(0, len(cases) - 1, MOST_CASES).round().astype(int)]


def _digest(cases: Sequence[Case]) -> str:
    """Return what tells whether the files of these cases are what they were: names, sizes and times."""
    lines = [
        f"{case.id} {modality} {(found := source.path.stat()).st_size} {found.st_mtime_ns}"
        for case in cases
        for modality, source in _modalities(case).items()
    ]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _modalities(case: Case) -> dict[str, Source]:
    from segan_tl.regions import MODALITIES

    return {modality: case.images[modality] for modality in MODALITIES if modality in case.images}
