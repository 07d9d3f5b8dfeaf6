"""Folders of masks that are to be brought together: found, held against one another, decided case by case."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from segan_tl.errors import UserError, some

# Those that labels add up to, before the labels themselves: a vote on ed or ncr alone leaves holes.
USUAL = ("wt", "tc", "et", "rc", "lesion")


@dataclass(frozen=True)
class Masks:
    """Masks of the same cases.

    Attributes:
        folders: case → `masks.Mask`, one a folder.
        cases: those that come out, `Case`.
        regions: that are decided.
        remarks: lines for the terminal.
    """

    folders: Sequence[dict]
    cases: Sequence
    regions: tuple[str, ...]
    remarks: list[str]


def open_masks(folders: Sequence[Path], *, meaning: str | None, allow_missing: bool) -> Masks:
    """Find the masks of every folder, and the regions that all of them tell.

    Raises:
        UserError: a case lacks one, nothing tells what the numbers mean, or they have no region in common.
    """
    from segan_tl.data.find.case import Case
    from segan_tl.report.score.masks import common_regions, find_masks

    found = [find_masks(folder, meaning=meaning) for folder in folders]
    everyone = sorted(set().union(*found))
    shared = [name for name in everyone if all(name in masks for masks in found)]
    missing = [name for name in everyone if name not in shared]
    if missing and not (allow_missing and shared):
        lacking = next(folder for folder, masks in zip(folders, found) if missing[0] not in masks)
        hint = "add it, or leave such cases out with --allow-missing" if shared else "give folders of the same cases"
        raise UserError(f"expected a mask of every case in every folder; {lacking} has none of {some(missing)}; {hint}")
    possible = common_regions({(place, name): masks[name] for place, masks in enumerate(found) for name in shared}, {})
    regions = tuple(region for region in USUAL if region in possible) or possible
    if not regions:
        meanings = " and ".join(sorted({mask.meaning for masks in found for mask in masks.values()}))
        raise UserError(f"expected masks that tell the same regions; found {meanings}; leave a folder out")
    cases = [Case(name, {}, found[0][name].source) for name in shared]
    remarks = [f"regions: {', '.join(regions)}"] + [f"left out, not in every folder: {some(missing)}"] * bool(missing)
    return Masks(found, cases, regions, remarks)


def plan(found: Masks, arguments):
    """Return where everything is written, `outputs.Outputs`.

    Raises:
        UserError: OUT is a file, something would be replaced, or OUT holds masks that others have decided.
    """
    from segan_tl.data.files.formats import suffix_of
    from segan_tl.predict.decider import refuse_others
    from segan_tl.predict.outputs import plan_outputs

    if suffix_of(arguments.out.name):
        raise UserError(f"expected a folder to write masks to; found {arguments.out}; give one")
    maps = {"probabilities": False, "agreement": arguments.agreement}
    outputs = plan_outputs(arguments.out, found.cases, **maps, overwrite=arguments.overwrite)
    refuse_others(outputs, _about(arguments), {case.id for case in found.cases})
    return outputs


def require_one_grid(found: Masks) -> None:
    """Read the headers of all masks, and refuse a case whose masks do not lie on one grid.

    Raises:
        UserError: they do not, or a header is damaged.
    """
    from segan_tl.data.files.images import read_header

    for case in found.cases:
        first, *others = [(masks[case.id], read_header(masks[case.id].source)) for masks in found.folders]
        for mask, geometry in others:
            _hold_against(first[1], mask, geometry)


def _hold_against(first, mask, geometry) -> None:
    from segan_tl.data.files.geometry import find_grid_fault

    if fault := find_grid_fault(first, geometry):
        raise UserError(
            f"expected the masks of {mask.case_id} on one grid; {mask.source.path}: {fault}; resample it to the grid "
            "of the first folder with nearest neighbour"
        )


def combine(found: Masks, case, arguments, outputs) -> dict:
    """Decide a case and write it; return what predictions.json says of it.

    Raises:
        UserError: a mask is damaged or lies on another grid.
    """
    from statistics import fmean

    import numpy as np

    from segan_tl.data.files.images import write_volume
    from segan_tl.predict.agreement import agreement, tumour_share
    from segan_tl.predict.labels import label_scheme, paint_labels

    members, geometry = _read(found, case)
    shape = geometry.in_lps.shape
    decided = [_decide([bits[place] for bits in members], shape, arguments) for place in range(len(found.regions))]
    scheme = label_scheme(found.regions, found.folders[0][case.id].meaning)
    write_volume(outputs.labels(case.id), paint_labels(np.stack(decided, axis=-1), found.regions, scheme), geometry)
    readers = [lambda bits=bits: bits for bits in members]
    if arguments.agreement:
        write_volume(outputs.agreement(case.id), tumour_share(readers, shape), geometry, dtype=np.float32)
    agreed = dict(zip(found.regions, agreement(readers), strict=True))
    voxel_ml = geometry.voxel_volume_mm3 / 1000
    volumes_ml = {region: float(mask.sum() * voxel_ml) for region, mask in zip(found.regions, decided)}
    record = {"file": outputs.labels(case.id).name, "labels": scheme.meanings, "volume_ml": volumes_ml}
    return record | {"agreement": {"mean": fmean(agreed.values())} | agreed}


def write_record(found: Masks, arguments, outputs, records: dict) -> None:
    """Write predictions.json, which `evaluate` reads, and volumes.csv."""
    from segan_tl import __version__

    about = _about(arguments) | ({"weights": arguments.weights} if arguments.weights else {})
    outputs.finish(found.cases, about | {"regions": list(found.regions), "segan_tl": __version__}, records)


def _about(arguments) -> dict:
    """Return what tells this ensemble from another one."""
    return {"ensemble": arguments.rule, "folders": [str(folder) for folder in arguments.folders]}


def _read(found: Masks, case) -> tuple[list, object]:
    """Return the masks of a case as bits (`agreement.pack`), one a folder, and the grid of the first."""
    from segan_tl.predict.agreement import pack
    from segan_tl.report.score.mask_pairs import read_regions

    members, first = [], None
    for masks in found.folders:
        try:
            regions, geometry = read_regions(masks[case.id], found.regions)
        except UserError as error:  # in the words of `evaluate`
            raise UserError(str(error).replace("--truth-labels or --prediction-labels", "--labels")) from None
        first = first or geometry
        _hold_against(first, masks[case.id], geometry)
        members.append(pack(regions))
    return members, first


def _decide(bits: Sequence, shape: Sequence[int], arguments):
    """Return where the masks of one region say tumour together, (H, W, D) bool."""
    import numpy as np

    from segan_tl.predict.agreement import unpack
    from segan_tl.predict.staple import CERTAIN, staple
    from segan_tl.predict.vote import TIE, vote_shares

    if arguments.rule == "staple":
        return staple([unpack(one, shape) for one in bits]) >= CERTAIN
    share = np.zeros(shape)
    for one, weight in zip(bits, vote_shares(arguments.weights, models=len(bits))):
        share += weight * unpack(one, shape)
    return share >= 0.5 - TIE
