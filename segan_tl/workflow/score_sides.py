"""The two sides that `evaluate` compares: whose masks, whose truth, and what is said of files that are neither."""

from dataclasses import replace
from pathlib import Path

from segan_tl.errors import some


def name_systems(folders: list[Path]) -> dict[str, Path]:
    """Return what each folder of predictions is called: its name, with its parent's where two are alike."""
    from segan_tl.disk.paths import require_once

    require_once(folders)
    names = [folder.resolve().name for folder in folders]
    return {
        name if names.count(name) == 1 else f"{folder.resolve().parent.name}-{name}": folder
        for name, folder in zip(names, folders)
    }


def find_sides(arguments, folder: Path) -> tuple[dict, dict, list[str]]:
    """Return truths and predictions by case, and what is said of the files of none."""
    from segan_tl.data.find.patients import match_patients
    from segan_tl.report.score.masks import find_predictions, find_truths, require_pairs
    from segan_tl.report.score.run_cases import find_run, tested_cases

    folder, of_run = find_run(folder, runs=arguments.runs)
    truths, unused = find_truths(arguments.truths, meaning=arguments.truth_labels)
    if arguments.patients:
        for case_id, patient in match_patients(arguments.patients, truths, there=str(arguments.truths)).items():
            truths[case_id] = replace(truths[case_id], patient=patient)
    if of_run is not None:
        truths = tested_cases(of_run, truths)
    predictions, strangers = find_predictions(folder, truths, meaning=arguments.prediction_labels)
    if not arguments.allow_missing:
        require_pairs(truths, predictions, strangers)
    without = f"left out, no truth: {count(len(strangers), 'file')} ({some([path.name for path in strangers], 5)})"
    return truths, predictions, [*([without] if strangers else []), *unused]


def refuse_headers(arguments, truths: dict, predictions: dict) -> dict[str, str]:
    """Return case → why it cannot be scored, by its headers; such cases are taken out of both sides.

    Raises:
        UserError: there are some, and they may not be skipped.
    """
    from segan_tl.report.score.preflight import check_headers, refuse_faults

    faults = check_headers(truths, predictions)
    if not arguments.skip_bad_cases:
        refuse_faults(faults, total=len(predictions))
    for side in (truths, predictions):
        for case_id in faults:
            del side[case_id]
    return faults


def remarks_on(truths: dict, predictions: dict, left_over: list[str]) -> list[str]:
    """Say what the numbers were taken to mean, and what is left out."""
    from segan_tl.data.find.layouts import stem_of

    sides = {"truth": truths, "prediction": predictions}
    remarks = [
        f"labels of the {side}: {', '.join(sorted({mask.meaning for mask in masks.values()}))}"
        for side, masks in sides.items()
    ]
    paths = {case_id: mask.source.path for case_id, mask in predictions.items()}
    by_number = [path.name for case_id, path in paths.items() if case_id not in (path.parent.name, stem_of(path.name))]
    if by_number := [name for name in by_number if not name.startswith(tuple(predictions))]:
        files = f"{count(len(by_number), 'file')} ({some(by_number, 5)})"
        remarks.append(f"matched by the numbers in their names: {files}")
    missing = [case_id for case_id in truths if case_id not in predictions]
    if missing:
        remarks.append(f"left out, no prediction: {len(missing)} of {len(truths)} cases ({some(missing, 5)})")
    return remarks + left_over


def count(number: int, noun: str) -> str:
    """Return how many there are, in words."""
    return f"{number} {noun}{'s' * (number != 1)}"
