"""What every voxel of a synthetic patient is made of: its two largest tissues, and their shares.

Two tissues say nearly all: what comes third fills about 1 % of the brain at 2 mm. So a border keeps its partial volume,
and edema, which is water among healthy white matter, its uneven strength. A voxel's composition is one number, the row
of the tables FIRST, SECOND and SHARE; 0 lies outside the brain.
"""

from collections.abc import Callable

import numpy as np

from segan_tl.data.phantom.subject import draw_person
from segan_tl.data.phantom.tissues import TISSUES
from segan_tl.data.resample import resample_image

CODES = {name: code for code, name in enumerate(TISSUES, start=1)}
KINDS = len(CODES) + 1  # outside is one of them
LEVELS = 8  # of the larger share, 1/2 … 1: a fourteenth apart
FIRST, SECOND, _LEVEL = (part.ravel() for part in np.indices((KINDS, KINDS, LEVELS)))
SHARE = 0.5 + 0.5 * _LEVEL / (LEVELS - 1)
# Which part of each composition a tissue is, (KINDS, compositions).
PARTS = np.stack([
    np.where(FIRST == code, SHARE, 0) + np.where(SECOND == code, 1 - SHARE, 0) for code in range(KINDS)
]).astype(np.float32)  # fmt: skip


def draw_tissues(
    cohort: str, *, case_index: int, shape: tuple[int, int, int], seed: int, variety: str = "plain"
) -> tuple[np.ndarray, np.ndarray]:
    """Draw a person as `simulate_case` does, without a scan.

    Returns:
        The tissues (H, W, D) uint16, see `compose`, and the labels (H, W, D) uint8 as in the files.
    """
    person = draw_person(cohort, case_index=case_index, shape=shape, seed=seed, variety=variety)
    shares = {CODES[name]: share for name, share in person.drawing.shares.items()}
    return person.on_grid(compose(shares.get)), person.on_grid(person.drawing.labels)


def compose(share_of: Callable[[int], np.ndarray | None]) -> np.ndarray:
    """Return the composition of every voxel: its two largest tissues, the first one's part of both to a fourteenth.

    Args:
        share_of: code → its share of every voxel, any shape; None where there is none of it. One of them is there.

    Returns:
        uint16 rows of the tables; 0 where nothing is. A voxel of one tissue has it twice.
    """
    shares = {code: share for code in CODES.values() if (share := share_of(code)) is not None}
    shape = next(iter(shares.values())).shape
    first, second = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
    code, runner_up = np.zeros(shape, np.int32), np.zeros(shape, np.int32)
    for new, share in shares.items():
        leads, follows = share > first, share > second
        runner_up = np.where(leads, code, np.where(follows, new, runner_up))
        second = np.where(leads, first, np.where(follows, share, second))
        code, first = np.where(leads, new, code), np.where(leads, share, first)
    part = first / np.maximum(first + second, 1e-6)
    level = np.rint((2 * part - 1) * (LEVELS - 1)).astype(np.int32)
    found = (code * KINDS + np.where(runner_up == 0, code, runner_up)) * LEVELS + level
    return np.where(code > 0, found, 0).astype(np.uint16)


def resample_tissues(tissues: np.ndarray, shape: tuple[int, int, int]) -> np.ndarray:
    """Bring a map (d, h, w) to another grid over the same field of view: the share of each tissue, linearly."""
    if tuple(shape) == tissues.shape:
        return tissues
    used = np.unique(tissues)
    present = {*FIRST[used].tolist(), *SECOND[used].tolist()} - {0}

    def share_of(code: int) -> np.ndarray | None:
        return resample_image(PARTS[code][tissues][..., None], shape)[..., 0] if code in present else None

    return compose(share_of)


def count_voxels(tissues: np.ndarray) -> np.ndarray:
    """Return how many voxels of a map each tissue fills, (KINDS,) float64; those outside come first."""
    return PARTS.astype(np.float64) @ np.bincount(tissues.ravel(), minlength=len(FIRST))
