"""The cases that a page shows: read again, cut to the head, in 8 bits, and small enough to be mailed."""

import base64
import gzip
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import nibabel as nib
import numpy as np
from skimage.transform import downscale_local_mean

from segan_tl.data.files.geometry import Geometry, find_grid_fault
from segan_tl.data.files.images import Source, read_volume
from segan_tl.data.find.cases import Case, find_cases, load_case
from segan_tl.errors import UserError
from segan_tl.metrics.distances import bounding_box
from segan_tl.predict.labels import label_scheme
from segan_tl.regions import MODALITIES, REGIONS, region_masks
from segan_tl.report.html.cases import Plan, make_plan
from segan_tl.report.record import FinishedRun, shared_regions
from segan_tl.report.shown import shown_modality

MARGIN_VOXELS = 2
BRIGHTEST_PERCENTILE = 99.9
SAMPLE = 200_000
MISSING = "missing"
# Share of the brightest below which a voxel is taken for air.
DARK = 0.05


@dataclass(frozen=True, eq=False)
class ShownCase:
    """One case on one grid, LPS order.

    Attributes:
        role: why it is shown: "best", "median", …; "" for another one.
        images: modality → (h, w, d) uint8, 0 to BRIGHTEST_PERCENTILE of the brain; first what a run sees.
        truth: (h, w, d) uint8; bit r tells whether a voxel lies in region r.
        predictions: one a run, likewise; None where there is none that could be shown.
        problems: why not, one a run: "missing", "damaged", "on another grid"; "" where there is one.
        affine: (4, 4), voxel index to RAS+ mm.
        first_slice: index in the whole volume of the first axial slice.
        slices: axial slices of the whole volume.
        factor: voxels averaged along each axis.
    """

    id: str
    role: str
    images: dict[str, np.ndarray]
    truth: np.ndarray
    predictions: list[np.ndarray | None]
    problems: list[str]
    affine: np.ndarray
    first_slice: int
    slices: int
    factor: int

    @property
    def spacing_mm(self) -> tuple[float, ...]:
        """Return the voxel size along h, w and d."""
        return tuple(float(length) for length in np.linalg.norm(self.affine[:3, :3], axis=0))


def load_shown(
    runs: Sequence[FinishedRun], chosen: Sequence[tuple[str, str]], *, data: Path | None, budget_bytes: float
) -> tuple[list[ShownCase], list[str]]:
    """Read the chosen cases, their truth and every run's prediction; return them and what there is to remark.

    A case that cannot be read is left out with a remark: a page without pictures is better than no page.

    Args:
        data: folder of the cases; where the first run was trained if None.

    Raises:
        UserError: `data` is given, and the cases are not there.
    """
    folder = data or Path(runs[0].state.get("data", {}).get("folder") or "")
    if data is None and not (folder.name and folder.is_dir()):
        place = folder if folder.name else "any recorded folder"
        return [], [f"No pictures: the images are not at {place} any more; say where they are with --data DIR."]
    try:
        found = {case.id: case for case in find_cases(folder).cases}
    except UserError as error:
        if data is not None:
            raise
        return [], [f"No pictures: {error}."]
    if data is not None and not any(case_id in found for case_id, _ in chosen):
        raise UserError(
            f"expected the cases of {runs[0].name} in {folder}, such as {chosen[0][0]}; found "
            f"{', '.join(list(found)[:3])}{' and more' if len(found) > 3 else ''}; give their folder with --data"
        )
    shown, remarks, plan = [], [], None
    for case_id, role in chosen:
        if plan and len(shown) == plan.cases:
            break
        try:
            if case_id not in found:
                raise UserError(f"{folder} does not hold it")
            whole = _load(runs, found[case_id], role=role)
        except UserError as error:
            remarks.append(f"{case_id} is not shown: {error}.")
            continue
        needed = [name for name in whole.images if any(name in one.modalities for one in runs)]
        plan = plan or make_plan(
            whole.truth.size, cases=len(chosen), needed=len(needed), available=len(whole.images),
            budget_bytes=budget_bytes, bytes_a_voxel=_bytes_a_voxel(whole),
        )  # fmt: skip
        shown.append(_reduce(whole, list(whole.images) if plan.all_modalities else needed, plan.factor))
    return shown, remarks + _tell_plan(plan, shown, asked=len(chosen), whole=len(runs[0].cases))


def _tell_plan(plan: Plan | None, shown: list[ShownCase], *, asked: int, whole: int) -> list[str]:
    """Say what of the images was reduced for this page."""
    if not shown:
        return []
    grid = "at full resolution" if plan.factor == 1 else f"{plan.factor} voxels averaged into one along each axis"
    lines = [
        f"Embedded images: {len(shown)} of {whole} cases, cut to the head, {grid}, 8 bits from 0 to "
        f"percentile {BRIGHTEST_PERCENTILE}. Scores are from the original images."
    ]
    if plan.cases < asked:
        lines.append(f"{asked - plan.cases} of the cases asked for are left out to keep the file small.")
    if not plan.all_modalities:
        lines.append("Modalities that the network does not see are left out to keep the file small.")
    return lines


# === One case ===


def _load(runs: Sequence[FinishedRun], case: Case, *, role: str) -> ShownCase:
    """Read a case at full resolution, cut to the head."""
    needed = [name for name in MODALITIES if any(_sees(one, name, case) for one in runs)]
    loaded = load_case(case, tuple(needed))
    if loaded.labels is None:
        raise UserError(f"case {case.id} has no label map any more")
    images = dict(zip(needed, np.moveaxis(loaded.image, -1, 0)))
    for name in MODALITIES:
        if name not in images and name in case.images:
            try:
                images[name] = load_case(case, (name,), with_mask=False).image[..., 0]
            except UserError:
                continue  # nothing was learnt from it, so nothing is missing without it
            if images[name].shape != loaded.labels.shape:
                del images[name]
    regions = shared_regions(runs)
    shown = shown_modality([name for name in runs[0].modalities if name in images], regions)
    images = {shown: images[shown], **images}
    truth = _pack(region_masks(loaded.labels, tuple(regions)))
    found = [read_prediction(one, case, regions=regions, geometry=loaded.geometry) for one in runs]
    predictions, problems = ([pair[place] for pair in found] for place in range(2))
    limits = {name: _limits(image) for name, image in images.items()}
    low, high = limits[needed[0]]
    inside = images[needed[0]] > low + DARK * (high - low)
    for marked in (truth, *(one for one in predictions if one is not None)):
        inside |= marked > 0
    if not inside.any():
        inside[:] = True
    box = bounding_box(inside, margin_voxels=MARGIN_VOXELS)
    lps = loaded.geometry.in_lps
    affine = lps.affine.copy()
    affine[:3, 3] += affine[:3, :3] @ [part.start for part in box]
    return ShownCase(
        case.id, role, {name: _to_bytes(image[box], *limits[name]) for name, image in images.items()}, truth[box],
        [None if one is None else one[box] for one in predictions], problems, affine, box[2].start, lps.shape[2], 1,
    )  # fmt: skip


def _sees(one: FinishedRun, modality: str, case: Case) -> bool:
    """Return whether a run has seen a modality of a case: one that lacks it is no fault where any subset will do."""
    return modality in one.modalities and (modality in case.images or not one.any_subset)


def read_prediction(
    one: FinishedRun, case: Case, *, regions: Sequence[str], geometry: Geometry
) -> tuple[np.ndarray | None, str]:
    """Return (H, W, D) uint8 with bit r where a run found region r, and ""; None, and what is wrong, otherwise."""
    path = one.run.predictions / f"{case.id}.nii.gz"
    if not path.exists():
        return None, MISSING
    try:
        volume = read_volume(Source(path))
    except UserError:
        return None, "damaged"
    if find_grid_fault(geometry, volume.geometry):
        return None, "on another grid"
    values = label_scheme(one.regions, case.convention).values
    masks = []
    for region in regions:
        inside = [values[other] for other in one.regions if set(REGIONS[other]) <= set(REGIONS[region])]
        masks.append(np.isin(volume.data, inside))
    return _pack(np.stack(masks, axis=-1)), ""


def _pack(masks: np.ndarray) -> np.ndarray:
    """Turn (..., R) bool into one bit a region."""
    bits = np.zeros(masks.shape[:-1], np.uint8)
    for r in range(masks.shape[-1]):
        bits |= masks[..., r].astype(np.uint8) << r
    return bits


def _limits(image: np.ndarray) -> tuple[float, float]:
    """Return what becomes black and what white; the percentile is that of a sample, which is as good."""
    low = float(image.min())
    bright = image[image > low]
    sample = bright[:: max(bright.size // SAMPLE, 1)]
    return low, float(np.percentile(sample, BRIGHTEST_PERCENTILE)) if bright.size else low + 1


def _to_bytes(image: np.ndarray, low: float, high: float) -> np.ndarray:
    return np.round(np.clip((image - low) / max(high - low, 1e-6), 0, 1) * 255).astype(np.uint8)


def _reduce(case: ShownCase, modalities: Sequence[str], factor: int) -> ShownCase:
    """Keep some modalities and average blocks of factor³ voxels; of a mask the majority remains."""
    affine = case.affine.copy()
    affine[:3, 3] += affine[:3, :3] @ np.full(3, (factor - 1) / 2)
    affine[:3, :3] *= factor
    images = {name: np.round(_blocks(case.images[name], factor)).astype(np.uint8) for name in modalities}
    masks = [_reduce_bits(bits, factor) for bits in (case.truth, *case.predictions)]
    return ShownCase(
        case.id, case.role, images, masks[0], masks[1:], case.problems, affine, case.first_slice, case.slices, factor
    )


def _reduce_bits(bits: np.ndarray | None, factor: int) -> np.ndarray | None:
    if bits is None or factor == 1:
        return bits
    return _pack(np.stack([_blocks((bits >> r) & 1, factor) >= 0.5 for r in range(8)], axis=-1))


def _blocks(array: np.ndarray, factor: int) -> np.ndarray:
    return array if factor == 1 else downscale_local_mean(array, (factor,) * 3)


def _bytes_a_voxel(case: ShownCase) -> float:
    """Return how much a voxel of a modality takes on the page, its share of the masks included."""
    volumes = [*case.images.values(), case.truth, *(one for one in case.predictions if one is not None)]
    return sum(len(encode(one, case.affine)) for one in volumes) / (case.truth.size * len(case.images))


def encode(volume: np.ndarray, affine: np.ndarray) -> str:
    """Return a volume as compressed NIfTI in base64."""
    image = nib.Nifti1Image(np.ascontiguousarray(volume, np.uint8), affine)
    image.header.set_xyzt_units("mm")
    return base64.b64encode(gzip.compress(image.to_bytes(), 6, mtime=0)).decode()
