"""Tissue maps of prepared synthetic cases: drawn again from the cohort's seed, and kept in the cache beside the images.

The folder of a cohort holds what a hospital would send, and no more. Who is in it follows from cohort.json, so a cohort
of any age gets its maps; the labels that are drawn along prove that a map is of the patient in the files.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from segan_tl.data.arrays import Made, name_hash, read_arrays, write_arrays
from segan_tl.data.cache import CachedCase
from segan_tl.data.cache_use import touch
from segan_tl.data.phantom.tissue_map import count_voxels, draw_tissues, resample_tissues
from segan_tl.data.phantom.write import in_processes
from segan_tl.data.prepare import Box
from segan_tl.data.resample import resample_labels
from segan_tl.data.turn import turn
from segan_tl.disk.paths import safe_name
from segan_tl.errors import UserError
from segan_tl.regions import to_canonical

VERSION = 1
NAMES = ("tissues", "tissue_voxels")
FACTS = ("name", "shape", "seed", "label_convention", "sha256")  # that only our own cohort.json states together


def add_tissues(
    cases: Sequence[CachedCase],
    cohort: Mapping,
    folder: Path,
    *,
    jobs: int = 2,
    advance: Callable[[], None] = lambda: None,
) -> list[CachedCase]:
    """Return the cases with their tissue maps, which are drawn where the cache lacks them.

    Args:
        cases: prepared cases of one synthetic cohort.
        cohort: what its cohort.json says, with name, shape, seed and label_convention; variety, unless it is plain.
        folder: where the cache lies.
        jobs: processes that draw.
        advance: called after each case.

    Raises:
        UserError: the cohort was made by a version that drew other people.
    """
    paths = {case.id: _paths(case, cohort, folder) for case in cases}
    found = {case.id: read_arrays(paths[case.id]) for case in cases}
    work = [
        (case.id, dict(cohort), case.box, case.labels, case.sources["labels"], paths[case.id], case.plane)
        for case in cases
        if found[case.id] is None
    ]
    for _ in range(len(cases) - len(work)):
        advance()
    for name, same in in_processes(_make, work, jobs=jobs):
        if not same:
            raise UserError(
                f"expected the patient that this version draws as {name} of seed {cohort['seed']}; found another in "
                "the files, which another version made: move the cohort's folder away, and let it be made anew"
            )
        found[name] = read_arrays(paths[name])
        advance()
    touch(path for files in paths.values() for path in files.values())
    maps = (found[case.id].maps for case in cases)
    return [
        replace(case, tissues=arrays["tissues"], tissue_voxels=np.array(arrays["tissue_voxels"]))
        for case, arrays in zip(cases, maps)
    ]


def _paths(case: CachedCase, cohort: Mapping, folder: Path) -> dict[str, Path]:
    """Return the files of a case's map: they follow the person, the crop, the grid, the plane and the labels."""
    who = [cohort["name"], cohort["seed"], list(cohort["shape"]), *([cohort["variety"]] if "variety" in cohort else [])]
    where = [list(case.box.start), list(case.box.size), list(case.labels.shape)]
    where += [case.plane] if case.plane != "axial" else []
    key = name_hash("tissues", VERSION, who, where, case.sources["labels"], sources=())
    return {name: folder / safe_name(case.id, "the case") / f"{name}-{key}.npy" for name in NAMES}


def _make(job: tuple) -> tuple[str, bool]:
    """Draw one map and write it; return the case, and whether its labels are those of the person drawn."""
    name, cohort, box, labels, digest, paths, plane = job
    labels = turn(np.asarray(labels), plane)
    index = int(name.rpartition("-")[2]) - 1
    tissues, drawn = draw_tissues(
        cohort["name"], case_index=index, shape=tuple(cohort["shape"]), seed=cohort["seed"],
        variety=cohort.get("variety", "plain"),
    )  # fmt: skip
    drawn = resample_labels(box.cut(to_canonical(drawn, cohort["label_convention"])), labels.shape)
    if not np.array_equal(drawn, labels):
        return name, False
    write_arrays(paths, prepare_tissues(tissues, box, labels.shape, digest=digest, plane=plane))
    return name, True


def prepare_tissues(
    tissues: np.ndarray, box: Box, shape: tuple[int, int, int], *, digest: str, plane: str = "axial"
) -> Made:
    """Crop, resample and turn a map (H, W, D) as its images were; return the arrays to keep.

    Args:
        box: of the prepared case.
        shape: its voxels along D, H, W.
        digest: of the labels, 64 letters.
        plane: whose slices come first in the prepared case.
    """
    cut = np.ascontiguousarray(turn(resample_tissues(box.cut(tissues), shape), plane))
    return {"tissues": (cut, digest), "tissue_voxels": (count_voxels(cut), digest)}
