"""What was found in prepared patients, on their own grids: masks, a picture, DICOM SEG and SR, and volumes.csv."""

import time
from pathlib import Path
from typing import NamedTuple

from segan_tl.console import console

COLUMNS = ("case", "region", "ml", "parts", "largest_ml", "onto", "sequences", "reference", "remarks")

# Patients that calibrated were never segmented this way, and what the affine transform does to a volume is not in them.
NO_INTERVAL = (
    "no interval of these volumes: the guarantee is of masks decided in the cohort's space, as those of {}, whose "
    "volumes are not the patient's own (docs/trust.md)"
)


class Found(NamedTuple):
    """What was found in a case.

    Attributes:
        masks: region → bool (H, W, D), axes in LPS order.
        painted: the label map of them.
        meanings: number in it → region.
        geometry: of the sequence it lies on.
        onto: that sequence.
    """

    masks: dict
    painted: object
    meanings: dict[int, str]
    geometry: object
    onto: str


def bring_back(
    arguments, member, patients: Path, *, prepared: Path, answered: Path, dicom_seconds: float
) -> None:
    """Write masks, pictures, DICOM SEG and SR, and volumes.csv, of every case on the grid of one of its own sequences.

    Args:
        arguments: of `predict`, with `like`.
        member: the run that answered.
        patients: folder of the cases; with series.json where they came as DICOM.
        prepared, answered: folders of the prepared cases, and of what was found in them.
        dicom_seconds: that it took to read DICOM.
    """
    from segan_tl.clinical.space.record import read_record
    from segan_tl.data.find.cases import find_cases
    from segan_tl.disk.atomic import write_csv
    from segan_tl.predict.outputs import Outputs

    said, rows, meanings = Outputs(answered).read_record().get("cases", {}), [], {}
    for case in find_cases(patients).cases:  # not of those of an earlier call
        probability, started = Outputs(answered).probability(case.id), time.monotonic()
        if not probability.is_file() or (record := read_record(prepared / case.id))["failed"]:
            continue
        found = find_on_own_grid(arguments, member, record, probability)
        meanings |= found.meanings
        _write(arguments, found, case, series=patients)
        rows += _rows(found, record, remarks=_remarks(said.get(case.id, {})))
        if not arguments.probabilities:
            probability.unlink()
        spent = {"dicom": dicom_seconds} if dicom_seconds else {}
        spent |= {name: seconds for name, seconds in record.get("seconds", {}).items() if name != "all"}
        spent |= {"segmenting": said.get(case.id, {}).get("seconds", 0.0), "back": time.monotonic() - started}
        _tell(case.id, rows, record, spent)
    write_csv(arguments.out / "volumes.csv", COLUMNS, rows)
    if member.promise is not None:
        console.print(NO_INTERVAL.format(answered / "volumes.csv"), soft_wrap=True)
    numbers = ", ".join(f"{number} = {name}" for number, name in sorted(meanings.items()))
    console.print(f"numbers in the masks: {numbers}, the smallest region a voxel lies in", soft_wrap=True)
    console.print(
        f"masks on the patients' own grids, pictures and volumes.csv: {arguments.out}", soft_wrap=True
    )


def find_on_own_grid(arguments, member, record: dict, probability: Path) -> Found:
    """Return what was found in a prepared case, decided by the run's settings on the grid of one of its sequences."""
    from segan_tl.clinical.space.back import restore
    from segan_tl.clinical.space.record import native_grid
    from segan_tl.data.find.layouts import UNKNOWN_CONVENTION
    from segan_tl.predict.labels import label_scheme, paint_labels, painted_masks
    from segan_tl.predict.postprocess import binarise
    from segan_tl.workflow.restoring import read_result
    from segan_tl.workflow.segmenting import decided_otherwise

    onto, regions = _sequence(arguments, member, record), member.config.data.regions
    config = member.config.predict.model_copy(update=decided_otherwise(arguments))
    found = restore(read_result(probability, record), record, onto)
    masks = binarise(found if found.ndim == 4 else found[..., None], config)
    scheme = label_scheme(regions, UNKNOWN_CONVENTION)
    painted = paint_labels(masks, regions, scheme)
    masks = painted_masks(painted, regions, scheme)  # what is counted is what is in the file
    named = {region: masks[..., place] for place, region in enumerate(regions)}
    return Found(named, painted, scheme.meanings, native_grid(record, onto), onto)


def _sequence(arguments, member, record: dict) -> str:
    """Return the sequence on whose grid a case's mask is wanted: --onto, else FLAIR or the run's first one there is."""
    if arguments.onto:
        return arguments.onto
    seen = [name for name in ("flair", *member.config.data.modalities) if name in member.config.data.modalities]
    return next((name for name in seen if name in record["native"]), record["reference"])


# === Written ===


def _write(arguments, found: Found, case, *, series: Path) -> None:
    """Write the mask and its picture and, where the series came as DICOM, SEG and SR."""
    import numpy as np

    from segan_tl.clinical.space.result_picture import draw_result
    from segan_tl.data.files.images import read_volume, write_volume

    write_volume(arguments.out / f"{case.id}.nii.gz", found.painted, found.geometry)
    image = read_volume(case.images[found.onto], dtype=np.float32)
    title = f"{case.id}: {found.onto}, as it was scanned"
    draw_result(arguments.out / f"{case.id}.png", image.data, found.masks, spacing_mm=image.spacing_mm, title=title)
    if (series / "series.json").is_file():
        _write_dicom(arguments, found, case.id, series=series)


def _write_dicom(arguments, found: Found, case: str, *, series: Path) -> None:
    from segan_tl.clinical.dicom.reference import read_reference
    from segan_tl.clinical.dicom.report import volumes_ml, write_volumes_report
    from segan_tl.clinical.dicom.segmentation import write_segmentation

    reference, segmentation = read_reference(series, case, found.onto), arguments.out / f"{case}_seg.dcm"
    model = Path(arguments.run[0]).name
    write_segmentation(segmentation, found.masks, found.geometry, reference, case=case, model=model)
    volumes = volumes_ml(found.masks, found.geometry)
    write_volumes_report(arguments.out / f"{case}_volumes.dcm", volumes, segmentation)


# === Said ===


def _rows(found: Found, record: dict, *, remarks: str) -> list[dict]:
    """Return a row of volumes.csv for each region: its volume, and of how many parts it is (26 neighbours)."""
    import numpy as np

    from segan_tl.metrics.components import number_components

    rows, voxel_ml = [], found.geometry.voxel_volume_mm3 / 1000
    about = {"case": record["case"], "onto": found.onto, "sequences": "+".join(record["native"])}
    for region, mask in found.masks.items():
        numbers, parts = number_components(mask)
        largest = int(np.bincount(numbers.ravel())[1:].max()) if parts else 0
        volumes = {"ml": round(int(mask.sum()) * voxel_ml, 3), "largest_ml": round(largest * voxel_ml, 3)}
        rows.append(about | {"region": region, "parts": parts} | volumes)
    return [row | {"reference": record["reference"], "remarks": remarks} for row in rows]


def _remarks(record: dict) -> str:
    """Return what there is to say of a case, in words."""
    from segan_tl.predict.plausibility import remark_lines

    return "; ".join(remark_lines(record.get("unlike_training", ()), record.get("doubtful", ())))


def _tell(case: str, rows: list[dict], record: dict, spent: dict[str, float]) -> None:
    """Print the volumes of a case, what they hang on, and the seconds of each step."""
    from segan_tl.workflow.preparing import seconds_in_words

    own = [row for row in rows if row["case"] == case]
    told = "  ".join(f"{row['region']} {row['ml']:.1f} ml in {_count(row)}" for row in own)
    console.print(f"{case}  on the grid of {own[0]['onto']}  {told}", soft_wrap=True)
    console.print(
        f"    prepared from {own[0]['sequences']}, {record['reference']} onto the cohort{_scaled(record)}; other "
        "sequences or another reference give somewhat other volumes",
        soft_wrap=True,
    )
    spent = {name: round(seconds, 1) for name, seconds in spent.items()}
    console.print(f"    {seconds_in_words(spent | {'all': sum(spent.values())})}", soft_wrap=True)


def _count(row: dict) -> str:
    return "1 part" if row["parts"] == 1 else f"{row['parts']} parts, the largest {row['largest_ml']:.1f} ml"


def _scaled(record: dict) -> str:
    """Return by how much the affine transform changed volumes, in words; nothing where there was none."""
    import numpy as np

    matrices = [np.array(step["transform"]) for step in record["steps"] if step["name"] == "atlas"]
    return "".join(f", volumes ×{abs(np.linalg.det(matrix[:3, :3])):.2f} there" for matrix in matrices)
