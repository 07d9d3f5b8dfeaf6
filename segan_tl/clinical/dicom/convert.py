"""The chosen series of a folder as cases of NIfTI that `find_cases` understands."""

from collections.abc import Callable
from pathlib import Path

from segan_tl.clinical.dicom.choose import Chosen
from segan_tl.clinical.dicom.reference import reference_of, write_references
from segan_tl.clinical.dicom.volume import read_series
from segan_tl.data.files.images import write_volume
from segan_tl.errors import UserError


def write_cases(out: Path, chosen: dict[str, Chosen], *, tell: Callable[[str], None] = lambda line: None) -> list[Path]:
    """Write every chosen series to OUT/<case>/<case>_<modality>.nii.gz on its own grid, and OUT/series.json.

    Args:
        chosen: of `choose_series`.
        tell: called with one line a file.

    Returns:
        The images.

    Raises:
        UserError: a series cannot be read, or an image is there already that another call wrote.
    """
    images = {
        (case, modality): out / case / f"{case}_{modality}.nii.gz"
        for case, choice in chosen.items()
        for modality in choice.series
    }
    if there := [path for path in images.values() if path.exists()]:
        raise UserError(f"{there[0]} is there already; give another OUT, or remove it")
    for case, choice in chosen.items():
        # All of a case, before the first one is written.
        volumes = {modality: read_series(series) for modality, series in choice.series.items()}
        for modality, volume in volumes.items():
            path = images[case, modality]
            write_volume(path, volume.data, volume.geometry)
            shape = "×".join(map(str, volume.data.shape))
            tell(f"{case} {modality}: series {choice.series[modality].name}, {shape}, {path}")
        write_references(out, {case: {name: reference_of(series) for name, series in choice.series.items()}})
    return list(images.values())
