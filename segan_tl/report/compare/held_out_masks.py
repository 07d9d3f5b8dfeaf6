"""Masks after post-processing, each by thresholds that other folds chose: what a further score can be asked of."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from segan_tl.data.files.images import read_volume, write_volume
from segan_tl.disk.atomic import write_json
from segan_tl.disk.ownership import mark, refuse_foreign
from segan_tl.disk.paths import safe_name
from segan_tl.predict.components import TISSUES, postprocess_labels
from segan_tl.regions import from_canonical
from segan_tl.report.compare.labelled import to_tissues
from segan_tl.report.compare.tune import Tuned
from segan_tl.report.score.masks import Mask

KIND, CONVENTION, MEANING = "held-out masks", "brats2023", "cohort.json"


def require_own_folder(folder: Path, cases: Iterable[str]) -> None:
    """Refuse a folder where somebody else's files have the names of the masks of these cases.

    Raises:
        UserError: there are some.
    """
    refuse_foreign(folder, KIND, [MEANING, *map(_file_of, cases)], remedy="give another --masks")


def write_held_out(folder: Path, tuned: Tuned, predictions: Mapping[str, Mask]) -> None:
    """Write every mask as the thresholds that the other folds chose leave it, in the numbers of BraTS 2023.

    Args:
        folder: of CASE.nii.gz, and of cohort.json, which says what the numbers mean.
        tuned: what was found.
        predictions: case → the mask that it was found on.
    """
    mark(folder, KIND)
    for one in tuned.held_out:
        mask = predictions[one.case.case_id]
        volume, values = read_volume(mask.source), {tissue: (label,) for tissue, label in TISSUES.items()}
        left = postprocess_labels(to_tissues(volume.data, mask.meaning), values, one.thresholds)
        write_volume(folder / _file_of(one.case.case_id), from_canonical(left, CONVENTION), volume.geometry)
    write_json(folder / MEANING, {"label_convention": CONVENTION})


def _file_of(case_id: str) -> str:
    return f"{safe_name(case_id, 'the case')}.nii.gz"
