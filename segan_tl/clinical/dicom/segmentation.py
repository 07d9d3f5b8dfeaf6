"""A mask as DICOM SEG: frames on the grid of its source series, each region coded, for any viewer."""

import hashlib
import warnings
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from nibabel.orientations import apply_orientation

from segan_tl.clinical.dicom.files import quiet, require_highdicom
from segan_tl.clinical.dicom.reference import Reference
from segan_tl.clinical.dicom.source import KEPT_METHOD, source_images
from segan_tl.clinical.dicom.terms import BRAIN, CATEGORY, TERMS
from segan_tl.data.files.geometry import Geometry, find_grid_fault, from_lps
from segan_tl.disk.atomic import atomic_path
from segan_tl.errors import UserError
from segan_tl.regions import LABEL_NAMES, REGIONS

MAKER = "segan_tl"
SERIES_NUMBERS = {"SEG": 9001, "SR": 9002}
RESEARCH_ONLY = "for research only"


def masks_of_labels(labels: np.ndarray) -> dict[str, np.ndarray]:
    """Return one mask for each tissue that canonical labels hold, ncr, ed and et even where they are empty."""
    known = ("ncr", "ed", "et") if set(np.unique(labels)) <= {0, 1, 2, 3} else ()
    return {
        region: labels == LABEL_NAMES[region.upper()]
        for region in REGIONS
        if region.upper() in LABEL_NAMES and (region in known or (labels == LABEL_NAMES[region.upper()]).any())
    }


def write_segmentation(
    path: Path,
    masks: Mapping[str, np.ndarray],
    geometry: Geometry,
    reference: Reference,
    *,
    case: str,
    model: str = "",
    identity: Mapping[str, object] | None = None,
) -> Path:
    """Write regions as a DICOM SEG that refers to its source series.

    The file appears whole or not at all. Frames without a voxel are left out, as DICOM has it.

    Args:
        path: ends in .dcm.
        masks: region out of `regions.REGIONS` → (H, W, D) bool in LPS order; they may overlap, and be empty.
        geometry: the grid of the masks, `Volume.geometry` of the source series.
        reference: of `reference_of` or `read_reference`.
        case: the patient's pseudonym, PatientName and PatientID of the file.
        model: the name of the run that made the masks, for AlgorithmName.
        identity: of `identity_of`, to be filed in the hospital's own archive; the pseudonym alone where None.

    Returns:
        The path.

    Raises:
        UserError: the masks lie on another grid than the series, highdicom is not installed, or the disk is full.
        ValueError: no region, or an unknown one.
    """
    highdicom = require_highdicom()
    if not masks or not set(masks) <= set(TERMS):
        raise ValueError(f"expected regions out of {', '.join(TERMS)}; got {', '.join(masks)}")
    if fault := find_grid_fault(reference.geometry, geometry, than="the series"):
        raise UserError(f"expected masks on the grid of the series; {fault}; bring them back to that grid first")
    regions = [region for region in TERMS if region in masks]
    frames = np.stack([_frames(masks[region], reference) for region in regions], axis=-1)
    sources = source_images(reference, case, identity)
    uid = _uid("SEG", reference, regions, frames)
    with quiet(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        segmentation = highdicom.seg.Segmentation(
            source_images=sources[:1] if reference.planes[0].frame else sources,
            further_source_images=sources[1:] if reference.planes[0].frame else None,
            pixel_array=frames,
            segmentation_type="BINARY",
            segment_descriptions=[_describe(place, region, model) for place, region in enumerate(regions, 1)],
            series_instance_uid=_uid("series of SEG", reference, regions, frames),
            series_number=SERIES_NUMBERS["SEG"],
            sop_instance_uid=uid,
            instance_number=1,
            content_label="TUMOUR",
            content_description=RESEARCH_ONLY,
            series_description=f"{MAKER} tumour regions, {RESEARCH_ONLY}",
            **_places(reference),
            **_maker(),
        )
        finish(segmentation, identity)
        with atomic_path(path) as temporary:
            segmentation.save_as(temporary)
    return path


def finish(values, identity: Mapping[str, object] | None) -> None:
    """Say in a file that it names nobody, where it does not."""
    if identity is None:
        values.PatientIdentityRemoved = "YES"
        values.DeidentificationMethod = KEPT_METHOD


def _frames(mask: np.ndarray, reference: Reference) -> np.ndarray:
    """Return a mask as (slices, rows, columns) uint8, in the order of the planes."""
    stored = apply_orientation(np.asarray(mask, bool), from_lps(reference.geometry.affine))
    return np.ascontiguousarray(stored.T).astype(np.uint8)


def _places(reference: Reference) -> dict[str, object]:
    """Return where the frames lie: the planes' own positions, which are those of the source to the last digit."""
    from highdicom import PixelMeasuresSequence, PlaneOrientationSequence, PlanePositionSequence

    return {
        "plane_positions": [PlanePositionSequence("PATIENT", list(one.position_mm)) for one in reference.planes],
        "plane_orientation": PlaneOrientationSequence("PATIENT", list(reference.orientation)),
        "pixel_measures": PixelMeasuresSequence(
            list(reference.spacing_mm), reference.thickness_mm, reference.spacing_between_mm
        ),
    }


def _maker() -> dict[str, object]:
    import segan_tl

    return {
        "manufacturer": MAKER, "manufacturer_model_name": MAKER, "software_versions": segan_tl.__version__,
        "device_serial_number": segan_tl.__version__,
    }  # fmt: skip


def _describe(place: int, region: str, model: str):
    from highdicom import AlgorithmIdentificationSequence
    from highdicom.color import CIELabColor
    from highdicom.seg import SegmentDescription
    from highdicom.sr import CodedConcept
    from pydicom.sr.codedict import codes

    import segan_tl

    term = TERMS[region]
    return SegmentDescription(
        segment_number=place,
        segment_label=term.label,
        segmented_property_category=CodedConcept(*CATEGORY),
        segmented_property_type=CodedConcept(term.code, term.scheme, term.meaning),
        algorithm_type="AUTOMATIC",
        algorithm_identification=AlgorithmIdentificationSequence(
            name=f"{MAKER} {model}".strip()[:64],
            family=codes.DCM.ArtificialIntelligence,
            version=segan_tl.__version__,
        ),
        anatomic_regions=[CodedConcept(*BRAIN)],
        display_color=CIELabColor.from_rgb(*term.colour),
    )


def _uid(what: str, reference: Reference, regions: list[str], frames: np.ndarray) -> str:
    """Return the same identifier for the same content, so that a second call replaces a file and adds none."""
    from pydicom.uid import generate_uid

    digest = hashlib.sha256(np.packbits(frames).tobytes()).hexdigest()
    return generate_uid(entropy_srcs=[MAKER, what, reference.series_uid, ",".join(regions), digest])
