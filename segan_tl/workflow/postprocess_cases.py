"""The cases that post-processing is tuned on: pairs of masks of a cross-validation or of two folders, their folds."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from segan_tl.errors import UserError, some

FOLDS = 5  # of folders that come without
SEED = 0


@dataclass(frozen=True)
class Tuning:
    """Pairs of masks by case, which fold tests each, and where they are from.

    Attributes:
        truths, predictions: case → `masks.Mask`.
        folds: case → number.
        about: what postprocess.json says of it.
        remarks: lines for the terminal.
    """

    truths: dict
    predictions: dict
    folds: dict[str, int]
    about: dict
    remarks: list[str] = field(default_factory=list)

    @property
    def patients(self) -> dict[str, str]:
        """Return case → patient."""
        return {case_id: self.truths[case_id].patient for case_id in self.predictions}


# === A cross-validation ===


def of_crossval(path: str, arguments) -> Tuning:
    """Find the test predictions of every fold and their truths.

    Raises:
        UserError: there is no such cross-validation, a fold or a mask is missing.
    """
    from segan_tl.report.compare.crossval import find_crossval, open_crossval, require_complete
    from segan_tl.report.score.masks import find_predictions, find_truths, require_pairs

    folder = find_crossval(path, runs=arguments.runs)
    if folder is None:
        raise UserError(
            f"no cross-validation at {path}, nor below {arguments.runs}; expected a folder that holds fold0, fold1, …; "
            "check the path, or give masks with --predictions and --truth"
        )
    crossval = open_crossval(folder)
    require_complete(crossval)
    place = _truth_folder(crossval, arguments)
    truths, _ = find_truths(place, meaning=arguments.truth_labels)
    predictions, folds, patients = {}, {}, {}
    for number, fold in crossval.folds.items():
        _require_truths(fold.cases, truths, place)
        tested = {case_id: truths[case_id] for case_id in fold.cases}
        found, strangers = find_predictions(fold.run.root, tested, meaning=arguments.prediction_labels)
        require_pairs(tested, found, () if arguments.allow_missing else strangers)
        predictions |= found
        folds |= dict.fromkeys(fold.cases, number)
        patients |= fold.patients
    named = {case_id: replace(truths[case_id], patient=patients[case_id]) for case_id in predictions}
    left_out = [f"left out {case} of fold {k}" for k, fold in crossval.folds.items() for case in fold.failed]
    about = {"crossval": crossval.name, "truth": str(place), "synthetic": crossval.synthetic}
    about["segmentors_sha256"] = {str(k): fold.summary.get("segmentor_sha256") for k, fold in crossval.folds.items()}
    return _checked(Tuning(named, predictions, folds, about, left_out), arguments)


def _truth_folder(crossval, arguments) -> Path:
    recorded = crossval.first.data.get("folder")
    if arguments.truth is None and not (recorded and Path(recorded).is_dir()):
        raise UserError(
            f"the data of {crossval.name} is not at {recorded or 'any recorded folder'} any more; say where the truth "
            "is with --truth DIR"
        )
    return arguments.truth or Path(recorded)


def _require_truths(cases, truths: Mapping, place: Path) -> None:
    if missing := [case_id for case_id in cases if case_id not in truths]:
        raise UserError(
            f"expected a truth of every prediction; {place} has none of {some(missing)}; give the folder of the cohort "
            "with --truth DIR"
        )


# === Two folders ===


def of_folders(arguments) -> Tuning:
    """Find the pairs of two folders, whoever made them, and divide their patients into folds.

    Raises:
        UserError: a mask is missing, or the folds do not fit.
    """
    from segan_tl.report.score.masks import find_truths, require_pairs

    truths, unused = find_truths(arguments.truth, meaning=arguments.truth_labels)
    predictions, strangers, folds = _find_predictions(arguments, truths)
    if not arguments.allow_missing:
        require_pairs(truths, predictions, strangers)
    about = {"predictions": str(arguments.predictions), "truth": str(arguments.truth)}
    tuning = _checked(Tuning(truths, predictions, {}, about, unused), arguments)
    if folds and arguments.folds:
        raise UserError(f"{arguments.predictions} holds folds of its own; leave --folds out")
    drawn = not (folds or arguments.folds)
    folds = folds or (_read_folds(arguments.folds, tuning) if arguments.folds else draw_folds(tuning.patients))
    if drawn:
        tuning.remarks.append(f"{len(set(folds.values()))} folds of patients, drawn by seed {SEED}")
    return _two_folds(replace(tuning, folds=folds))


def _find_predictions(arguments, truths: Mapping) -> tuple[dict, list[Path], dict[str, int]]:
    """Return the masks by case, the files of no case, and case → fold where the folder holds fold0/predictions, ….

    Raises:
        UserError: as `find_predictions`, or a case is in two folds.
    """
    from segan_tl.report.compare.crossval import FOLD
    from segan_tl.report.score.masks import find_predictions
    from segan_tl.runs import Run

    meaning, places = arguments.prediction_labels, arguments.predictions.glob("fold*")
    matches = {place: FOLD.match(place.name) for place in places if Run(place).predictions.is_dir()}
    numbers = {int(match[1]): place for place, match in matches.items() if match}
    if not numbers:
        return *find_predictions(arguments.predictions, truths, meaning=meaning), {}
    predictions, strangers, folds = {}, [], {}
    for number, place in sorted(numbers.items()):
        found, unknown = find_predictions(place, truths, meaning=meaning)
        if twice := sorted(found.keys() & folds.keys()):
            raise UserError(
                f"expected every case in one fold of {arguments.predictions}; found {some(twice)} in fold "
                f"{folds[twice[0]]} and in fold {number}; remove one of the two"
            )
        predictions, strangers = predictions | found, strangers + unknown
        folds |= dict.fromkeys(found, number)
    return predictions, strangers, folds


def draw_folds(patients: Mapping[str, str]) -> dict[str, int]:
    """Return case → fold: five, or as many as there are patients, whom they never divide; the same ones every time."""
    import numpy as np

    names = sorted(set(patients.values()))
    order = np.random.default_rng(SEED).permutation(len(names))
    fold_of = {names[place]: rank % FOLDS for rank, place in enumerate(order)}
    return {case_id: fold_of[patient] for case_id, patient in patients.items()}


def _read_folds(path: Path, tuning: Tuning) -> dict[str, int]:
    from segan_tl.schemas.reading import read_json
    from segan_tl.schemas.runs import Folds

    saved = read_json(path, Folds, absent="check the path, or leave --folds out")["test"]
    counted = Counter(case_id for tests in saved.values() for case_id in tests)
    fold_of = {case_id: int(number) for number, tests in saved.items() for case_id in tests}
    wrong = [case_id for case_id in tuning.predictions if counted[case_id] != 1]
    if wrong:
        raise UserError(
            f"expected every case in one fold of {path}; found {some(wrong)} in "
            f"{'several' if counted[wrong[0]] else 'none'}; correct it, or leave --folds out"
        )
    return {case_id: fold_of[case_id] for case_id in tuning.predictions}


# === Both ===


def _checked(tuning: Tuning, arguments) -> Tuning:
    """Say whose the scans are, and refuse labels that do not tell the tissues apart."""
    from segan_tl.data.find.patients import match_patients
    from segan_tl.predict.components import tissue_values

    for mask in (*tuning.truths.values(), *tuning.predictions.values()):
        tissue_values(mask.meaning)
    truths = dict(tuning.truths)
    if arguments.patients:
        for case_id, patient in match_patients(arguments.patients, truths, there=tuning.about["truth"]).items():
            truths[case_id] = replace(truths[case_id], patient=patient)
    tuning = replace(tuning, truths={case_id: truths[case_id] for case_id in tuning.predictions})
    return _two_folds(tuning) if tuning.folds else tuning


def _two_folds(tuning: Tuning) -> Tuning:
    """Refuse fewer than two folds of patients; say where folds divide a patient."""
    folds, patients = tuning.folds, tuning.patients
    if len({folds[case_id] for case_id in tuning.predictions}) < 2:
        raise UserError(
            f"expected cases of at least two folds, so that thresholds are tried on cases that have not chosen them; "
            f"found one, of {len(set(patients.values()))} patient{'s' * (len(set(patients.values())) != 1)}; add cases"
        )
    seen = {}
    for case_id in tuning.predictions:
        seen.setdefault(patients[case_id], set()).add(folds[case_id])
    if divided := sorted(patient for patient, tested in seen.items() if len(tested) > 1):
        tuning.remarks.append(
            f"note: patients in several folds: {len(divided)} ({some(divided)}); the gain flatters"
        )
    return tuning


def read_clusters(path: Path, cases) -> dict[str, str]:
    """Return the cluster of each of the cases, of a table case,cluster or of the .json of radiomics --clusters.

    The latter may lack cases whose features could not be computed; as in `predict --clusters`, these have no cluster.

    Raises:
        UserError: it cannot be understood, names a case twice, has none of the cases, or is a table that lacks one.
    """
    from segan_tl.data.strata import read_groups

    found = read_groups(path, ("cluster",))
    missing = [case_id for case_id in cases if case_id not in found]
    if missing and (path.suffix != ".json" or len(missing) == len(cases)):
        raise UserError(f"expected a cluster of every case in {path}; found none of {some(missing)}; add them")
    return {case_id: found[case_id] for case_id in cases if case_id in found}
