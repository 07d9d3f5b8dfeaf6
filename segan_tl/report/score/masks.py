"""Two folders of masks, whoever made them: which file belongs to which case, and what its numbers mean."""

import itertools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from segan_tl.data.files.images import Source
from segan_tl.data.find.cases import Cohort, find_cases
from segan_tl.data.find.layouts import MASK, UNKNOWN_CONVENTION, parse_name, recognise_layout
from segan_tl.data.find.patients import patient_of
from segan_tl.data.find.sidecars import read_cohort_json
from segan_tl.data.find.unused import ANOTHER_IS_USED, OTHER, tell
from segan_tl.errors import UserError, some
from segan_tl.predict.labels import label_scheme
from segan_tl.predict.outputs import RECORD
from segan_tl.regions import LABEL_CONVENTIONS, region_values
from segan_tl.report.score.mask_names import loose_masks, match_names, possible_names
from segan_tl.runs import Run, read_json, read_state


@dataclass(frozen=True)
class Mask:
    """A label file: where it is and what its numbers mean (`regions.region_values`); a truth says whose it is, too."""

    case_id: str
    source: Source
    meaning: str
    patient: str | None = None


# === Which files ===


def find_truths(
    folder: Path, *, meaning: str | None, otherwise: str | None = None
) -> tuple[dict[str, Mask], list[str]]:
    """Find the label maps of a cohort, or of a folder of label maps that are named after their cases.

    Args:
        meaning: what the numbers mean, when the user says so.
        otherwise: what they mean when nothing beside the files tells.

    Returns:
        Masks by case, and what is said of image files that were not used.

    Raises:
        UserError: there are none, a case has two, or nothing tells what the numbers mean.
    """
    _require_folder(folder, "truths")
    if cohort := _try_cohort(folder):
        found = {case.id: (case.mask, case.convention) for case in cohort.cases if case.mask}
        patients = cohort.patients
        doubtful = [problem for case in cohort.cases for problem in case.problems if problem.role == MASK]
        if doubtful:
            raise UserError(f"case {doubtful[0].case_id}: {doubtful[0].reason}; {doubtful[0].remedy}")
        unused = tell([file for file in cohort.unused if file.reason not in (OTHER, ANOTHER_IS_USED)], folder)
    else:
        found, unused, patients = _bare_truths(folder), [], {}
    if not found:
        raise UserError(f"expected label maps in {folder}; found none; give the folder that holds the truth")
    masks = {
        case_id: Mask(
            case_id, source, meaning or _known(stated) or otherwise or _unknown(folder, "--truth-labels"),
            patients.get(case_id) or patient_of(case_id),
        )
        for case_id, (source, stated) in found.items()
    }  # fmt: skip
    return masks, unused


def _bare_truths(folder: Path) -> dict[str, tuple[Source, str]]:
    """Return every label map of a folder without images, by case, and the convention that is known of it."""
    places = (folder, folder.resolve().parent)
    stated = next((said for place in places if (said := _stated(place))), None)
    found = {}
    for path in loose_masks(folder)[0]:
        case_id = possible_names(path)[-1]
        if case_id in found:
            raise UserError(
                f"expected each case once; found {case_id} as {found[case_id][0].path} and as {path}; remove or rename "
                "one of the two"
            )
        found[case_id] = Source(path), stated or _named_meaning(path) or UNKNOWN_CONVENTION
    return found


def _stated(folder: Path) -> str | None:
    return read_cohort_json(folder / "cohort.json").get("label_convention")


def find_predictions(
    folder: Path, truths: dict[str, Mask], *, meaning: str | None, otherwise: str | None = None
) -> tuple[dict[str, Mask], list[Path]]:
    """Find the masks of a folder that belong to the cases of the truth.

    A mask is named after its case, as CASE.nii.gz, CASE_seg.nii.gz or CASE/seg.nii.gz; where no case has its name, the
    numbers at the end of both names tell, as BraTS matches them: SEG-00217-000 is of BraTS-MET-00217-000.

    Args:
        folder: a folder of masks, or a run.
        meaning: what the numbers mean, when the user says so.
        otherwise: what they mean when nothing beside the files tells.

    Returns:
        Masks by case, and the files that belong to no case.

    Raises:
        UserError: none belongs to a case, a case has two, or nothing tells what the numbers mean.
    """
    _require_folder(folder, "predictions")
    if Run(folder).predictions.is_dir():
        folder = Run(folder).predictions
    files, strangers = match_names(folder, truths)
    known = {} if meaning else _recorded_meanings(folder, truths)
    masks = {}
    for case_id, path in files.items():
        stated = meaning or known.get(case_id) or _named_meaning(path) or otherwise
        masks[case_id] = Mask(case_id, Source(path), stated or _unknown(folder, "--prediction-labels"))
    return masks, strangers


def find_masks(folder: Path, *, meaning: str | None) -> dict[str, Mask]:
    """Find the masks of a folder by their own names, and what their numbers mean; arguments as of `find_predictions`.

    Raises:
        UserError: there are none, a case has two, or nothing tells what the numbers mean.
    """
    _require_folder(folder, "masks")
    place = Run(folder).predictions if Run(folder).predictions.is_dir() else folder
    names = {possible_names(path)[-1] for path in loose_masks(place)[0]}
    if not names:
        raise UserError(f"expected masks in {place}, such as CASE.nii.gz; found none; give the folder that holds them")
    # What a run's own predictions mean hangs on its cohort's convention, which is not known here.
    if meaning is None and not (place / RECORD).is_file() and read_state(Run(place.parent)).get("regions"):
        _unknown(place, "--labels")
    unknown = {name: Mask(name, Source(place), UNKNOWN_CONVENTION) for name in sorted(names)}
    try:
        return find_predictions(place, unknown, meaning=meaning)[0]
    except UserError as error:
        raise UserError(str(error).replace("--prediction-labels", "--labels")) from None


def require_pairs(truths: Iterable[str], predictions: Iterable[str], strangers: Sequence[Path]) -> None:
    """Refuse cases without a prediction, and predictions of no case of the truth.

    Leaving out what failed makes a model look better than it is.

    Args:
        strangers: the files of predictions that belong to no case.

    Raises:
        UserError: it names the first of them.
    """
    found = set(predictions)
    if missing := [case_id for case_id in truths if case_id not in found]:
        raise UserError(
            f"expected a prediction of every case; found none of {some(missing)}; add it, or leave such cases out "
            "with --allow-missing"
        )
    if strangers:
        raise UserError(
            f"expected a truth of every prediction; found none of {some([path.name for path in strangers])}; add it, "
            "or leave such files out with --allow-missing"
        )


def _try_cohort(folder: Path) -> Cohort | None:
    """Return the cohort that a folder holds; None for a folder of bare label maps, not all named as a cohort's."""
    try:
        cohort = find_cases(folder)
    except UserError:
        if loose_masks(folder)[1]:
            raise
        return None
    return cohort if any(case.images for case in cohort.cases) or not cohort.unused else None


def _require_folder(folder: Path, what: str) -> None:
    if not folder.is_dir():
        raise UserError(f"expected a folder of {what}; {folder} is none; check the path")


# === What the numbers mean ===


def _recorded_meanings(folder: Path, truths: dict[str, Mask]) -> dict[str, str]:
    """Read what stands beside the predictions: the record of `predict`, a run's own, or cohort.json."""
    if (folder / RECORD).is_file():
        cases = read_json(folder / RECORD).get("cases", {})
        return {case_id: _statement(record["labels"]) for case_id, record in cases.items() if record.get("labels")}
    if regions := read_state(Run(folder.parent)).get("regions"):
        return {
            case_id: _statement(label_scheme(tuple(regions), truth.meaning).meanings)
            for case_id, truth in truths.items()
        }
    stated = _stated(folder)
    return dict.fromkeys(truths, stated) if stated else {}


def _statement(meanings: dict) -> str:
    return ",".join(f"{value}={name}" for value, name in meanings.items())


def _named_meaning(path: Path) -> str | None:
    named = parse_name(path)
    return None if named is None else _known(recognise_layout([named])[1])


def _known(convention: str) -> str | None:
    return None if convention == UNKNOWN_CONVENTION else convention


def _unknown(folder: Path, option: str) -> str:
    raise UserError(
        f"expected to know what the numbers of the masks in {folder} mean; found nothing that tells; add {option} with "
        f"one of {', '.join(LABEL_CONVENTIONS)}, or a statement such as 1=ED,2=NCR,3=ET or 1=wt,2=tc,3=et"
    )


def common_regions(
    truths: dict[str, Mask], predictions: dict[str, Mask], *, values: Callable[[str], dict] = region_values
) -> tuple[str, ...]:
    """Return the regions that every truth and every prediction can tell apart.

    Args:
        values: `regions.region_values`, or `scored_values` with what challenges call them, too.
    """
    meanings = {mask.meaning for mask in itertools.chain(truths.values(), predictions.values())}
    tables = [values(meaning) for meaning in sorted(meanings)]
    return tuple(region for region in tables[0] if all(region in table for table in tables))
