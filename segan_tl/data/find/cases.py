"""Cases: found in a folder whatever its layout, and loaded into memory."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from segan_tl.data.files.formats import DICOM, SUFFIXES, is_dicom, unread_remedy
from segan_tl.data.files.geometry import Geometry
from segan_tl.data.files.images import Source
from segan_tl.data.find.bids import is_bids, read_bids
from segan_tl.data.find.case import Case, Cohort, FoundCase, Problem, list_images
from segan_tl.data.find.check import CheckedCase, check_case, check_cohort, read_case
from segan_tl.data.find.datasets import find_description, read_dataset
from segan_tl.data.find.grouping import group_files
from segan_tl.data.find.layouts import parse_name, stem_of
from segan_tl.data.find.sidecars import annotate
from segan_tl.data.find.strangers import find_unread, name_strangers
from segan_tl.data.find.unused import tell
from segan_tl.disk.reading import is_there, require_file
from segan_tl.errors import UserError, some
from segan_tl.regions import MODALITIES

__all__ = [
    "Case", "CheckedCase", "Cohort", "LoadedCase", "Problem", "case_from_file", "check_case", "check_cohort",
    "find_cases", "load_case", "load_labelled", "read_case",
]  # fmt: skip

_SOUGHT = (
    "BraTS 2012-2024 case folders, MSD or nnU-Net (dataset.json beside imagesTr), BIDS (sub-*/anat), or one folder a "
    f"case with FLAIR, T1, T1C, T2 ({', '.join(SUFFIXES)})"
)


@dataclass(frozen=True, eq=False)
class LoadedCase:
    """A case in memory.

    Attributes:
        image: float32 (H, W, D, M), modalities in the order asked for, axes in LPS order.
        labels: canonical uint8 (H, W, D), None where there is no label map.
        geometry: the grid of the first modality's file, for `images.write_volume`.
    """

    image: np.ndarray
    labels: np.ndarray | None
    geometry: Geometry

    @property
    def spacing_mm(self) -> tuple[float, float, float]:
        """Return the voxel size along H, W and D."""
        return self.geometry.in_lps.spacing_mm


def find_cases(folder: Path | str) -> Cohort:
    """Find the cases of a folder and recognise its layout.

    A single case folder gives a cohort of one, and so does a single file whose name tells the modality.

    Raises:
        UserError: nothing was recognised, layouts are mixed, or a case comes twice.

    Example:
        >>> cohort = segan_tl.find_cases("patients")
        >>> cohort.layout, [case.id for case in cohort.cases]
        ('brats2021', ['BraTS2021_00001', 'BraTS2021_00002'])
        >>> sorted(cohort.cases[0].images), cohort.cases[0].mask is not None
        (['flair', 't1', 't1c', 't2'], True)
    """
    folder = Path(folder)
    if folder.is_file():
        return _cohort_of_file(folder)
    if is_there(folder) and not folder.is_dir():
        require_file(folder)
    if not folder.is_dir():
        raise UserError(f"expected a folder of cases; {folder} does not exist; check the path")
    if description := find_description(folder):
        found, unused = read_dataset(description, folder)
    else:
        files = list_images(folder)
        found, unused = read_bids(folder, files) if is_bids(files) else group_files(files, folder)
    if not found:
        _refuse_dicom(unused, folder)
        raise UserError(
            f"expected {_SOUGHT}; found {_glance(folder)} in {folder}; give the folder that holds the cases"
            + "".join(f"\n{line}" for line in tell(unused, folder))
        )
    _refuse_mixture(found)
    found = name_strangers(found, unused)
    unread, unused = find_unread(found, unused, folder)
    found += unread
    _refuse_twins(found)
    cases, settings = annotate(folder, found)
    return Cohort(folder, found[0].layout, tuple(sorted(cases, key=lambda case: case.id)), settings, tuple(unused))


def _refuse_dicom(unused: list, folder: Path) -> None:
    """Say what to do with a folder that a scanner has left; no file is named, for its name may be the patient's."""
    number = sum(file.remedy == DICOM or is_dicom(file.path) for file in unused)
    if number * 2 > len(unused):
        raise UserError(
            f"expected cases as NIfTI; found {number} DICOM files in {folder}; make cases of them with python -m "
            f"segan_tl dicom {folder} PATIENTS and bring these into a model's space with prepare, or do all of it in "
            f"one call: python -m segan_tl predict RUN {folder} OUT --like RUN|COHORT"
        )


def case_from_file(path: Path, modality: str) -> Case:
    """Make a case of a single image file.

    Raises:
        UserError: no such file, not an image, or the modality is unknown.
    """
    path = Path(path)
    if modality not in MODALITIES:
        raise UserError(f"expected a modality out of {', '.join(MODALITIES)}; found {modality!r}; use one of these")
    stem = stem_of(path.name)
    if stem is None or not path.is_file():
        raise UserError(f"expected an image file ({', '.join(SUFFIXES)}); found {path}; check the name")
    if remedy := unread_remedy(path):
        raise UserError(f"expected an image in a format that is read ({', '.join(SUFFIXES)}); found {path}; {remedy}")
    return Case(stem, {modality: Source(path)})


def load_case(
    case: Case, modalities: tuple[str, ...], *, with_mask: bool = True, any_subset: bool = False
) -> LoadedCase:
    """Read a case into memory.

    Args:
        case: of `find_cases`.
        modalities: out of t1, t1c, t2, flair, in the order of the channels.
        with_mask: read the label map where the case has one.
        any_subset: a modality that the case lacks becomes a channel of zeros, as long as it has one of them.

    Raises:
        UserError: those are no modalities, or anything that `check_case` reports.

    Example:
        >>> case = segan_tl.find_cases("patients").cases[0]
        >>> scan = segan_tl.load_case(case, ("flair", "t1c"))
        >>> scan.image.shape, scan.image.dtype, scan.labels.shape, scan.spacing_mm
        ((24, 20, 10, 2), dtype('float32'), (24, 20, 10), (2.0, 2.0, 3.0))
    """
    if isinstance(modalities, str) or not modalities or not set(modalities) <= set(MODALITIES):
        raise UserError(
            f"expected modalities out of {', '.join(MODALITIES)}, such as ('flair',); found {modalities!r}; name those"
        )
    need_mask = with_mask and case.mask is not None
    checked = read_case(case, modalities, need_mask=need_mask, any_subset=any_subset)
    if checked.problems:
        problem = checked.problems[0]
        place = f" ({problem.file})" if problem.file else ""
        raise UserError(f"case {case.id}{place}: {problem.reason}; {problem.remedy}")
    image = np.empty((*checked.geometry.in_lps.shape, len(modalities)), np.float32)
    for channel, modality in enumerate(modalities):
        image[..., channel] = checked.images.get(modality, 0)
    labels = None if checked.labels is None else np.ascontiguousarray(checked.labels)
    return LoadedCase(image, labels, checked.geometry)


def load_labelled(case: Case, modalities: tuple[str, ...], *, any_subset: bool = False) -> LoadedCase:
    """Read a case into memory that is to be scored; arguments as for `load_case`.

    Raises:
        UserError: it has no label map, or anything that `check_case` reports.
    """
    loaded = load_case(case, modalities, any_subset=any_subset)
    if loaded.labels is None:
        raise UserError(f"case {case.id} has no label map to score against; add it")
    return loaded


def _cohort_of_file(path: Path) -> Cohort:
    named = parse_name(path)
    if named is None or named.role not in MODALITIES:
        raise UserError(
            f"expected a folder of cases; found the file {path}, whose name does not tell its modality; "
            "name the modality as well"
        )
    return Cohort(path, "file", (case_from_file(path, named.role),))


def _glance(folder: Path) -> str:
    names = sorted(entry.name for entry in folder.iterdir() if not entry.name.startswith("."))
    return some(names, 5) or "nothing"


def _refuse_mixture(found: list[FoundCase]) -> None:
    examples = {}
    for item in found:
        examples.setdefault(item.layout, item.case.id)
    if len(examples) > 1:
        listed = " and ".join(f"{layout} ({case_id})" for layout, case_id in sorted(examples.items()))
        raise UserError(f"expected one layout; found {listed}; give each dataset's own folder")


def _refuse_twins(found: list[FoundCase]) -> None:
    folders = {}
    for item in found:
        if item.case.id in folders:
            raise UserError(
                f"expected each case once; found {item.case.id} in {folders[item.case.id]} and in {item.folder}; "
                "remove or rename one of the two"
            )
        folders[item.case.id] = item.folder
