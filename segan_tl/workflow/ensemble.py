"""The models of an ensemble as they are named on the command line: opened, found to fit, and weighed."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from segan_tl.errors import UserError, some


class Model(NamedTuple):
    """A RUN: one network, or the folds of a cross-validation, which count as one.

    Attributes:
        folder: of a run or of a cross-validation; or zoo:NAME.
        name: what a person calls it.
        networks: the folders of its runs.
        fold: the only one of a cross-validation that answers; None for all.
    """

    folder: Path
    name: str
    networks: tuple[Path, ...]
    fold: int | None = None

    @property
    def is_crossval(self) -> bool:
        """Return whether it has folds."""
        return self.networks != (self.folder,)


def open_ensemble(arguments, *, modality: str | None):
    """Open what RUN… name.

    Args:
        arguments: `run`, `runs`, `ensemble` (the rule), `weights` and `fold`.
        modality: what the user says is to be segmented, for runs that see any contrast.

    Returns:
        `joint.Ensemble`, and remarks for the terminal.

    Raises:
        UserError: they do not answer together, or nothing tells their weights.
    """
    from segan_tl.predict.joint import Ensemble, choose_target
    from segan_tl.predict.members import open_alike

    models = [_find_model(path, runs=arguments.runs) for path in arguments.run]
    if arguments.fold is not None:
        models = [_only_fold(model, arguments.fold) for model in models]
    members = open_alike([path for model in models for path in model.networks], runs=arguments.runs, modality=modality)
    if len(members) < 2:
        raise UserError(
            f"expected several RUNs, or a cross-validation; found {arguments.run[0]} alone; add a RUN, or leave "
            "--ensemble out"
        )
    target = choose_target(members)
    weights, remarks = weigh(models, members, arguments, regions=target.regions)
    owners = [place for place, model in enumerate(models) for _ in model.networks]
    shares = tuple(weights[place] / len(models[place].networks) for place in owners)
    names = tuple(models[place].name for place in owners)
    remarks = [_describe(models, arguments.ensemble, target.regions), *remarks]
    return Ensemble(tuple(members), shares, arguments.ensemble, target, names), remarks


def _find_model(path: str, *, runs: Path) -> Model:
    from segan_tl.data.folds import FILE, read_folds
    from segan_tl.report.compare.crossval import FOLD, find_folds
    from segan_tl.runs import Run, run_name

    folder = find_folds(path, runs=runs)
    if folder is None:
        return Model(Path(path), str(path), (Path(path),))
    saved = read_folds(folder)
    there = [fold for fold in folder.glob("fold*") if FOLD.match(fold.name) and Run(fold).config.is_file()]
    there.sort(key=lambda fold: int(FOLD.match(fold.name)[1]))
    due = [folder / f"fold{number}" for number in range(saved["folds"])] if saved else there
    if absent := [fold.name for fold in due if fold not in there]:
        raise UserError(
            f"expected the {len(due)} folds that {folder / FILE} names; {some(absent)} of {folder} is missing; train "
            "it, or name the folds that are there one by one"
        )
    return Model(folder, run_name(folder), tuple(due))


def _only_fold(model: Model, number: int) -> Model:
    """Return a cross-validation of which one fold answers.

    Raises:
        UserError: it is a single run, or has no such fold.
    """
    if not model.is_crossval:
        raise UserError(f"expected a cross-validation for --fold {number}; {model.name} is one run; leave --fold out")
    if number >= len(model.networks):
        last = len(model.networks) - 1
        raise UserError(f"expected a fold from 0 to {last} of {model.name}; found --fold {number}; give one of them")
    return model._replace(networks=(model.networks[number],), fold=number)


def _describe(models: Sequence[Model], rule: str, regions: Sequence[str]) -> str:
    """Say of what the ensemble is."""
    names = [f"{model.name} ({_which(model)})" if model.is_crossval else model.name for model in models]
    return f"{rule} of {', '.join(names)}; regions: {', '.join(regions)}"


def _which(model: Model) -> str:
    return f"{len(model.networks)} folds" if model.fold is None else f"fold {model.fold}"


def keep_tested(members, cases: list, *, place: Path) -> list:
    """Return the cases that every member was tested on, so that none has learnt from them.

    Args:
        members: of one fold.
        cases: of the input.
        place: of the input.

    Raises:
        UserError: the members were tested on different cases, or one of these is not there.
    """
    from segan_tl.runs import read_json
    from segan_tl.schemas.runs import HeldOut

    tests = [set(read_json(member.run.splits, HeldOut)["test"]) for member in members]
    for member, tested in zip(members, tests):
        if strange := sorted(tested ^ tests[0]):
            raise UserError(
                f"expected folds of the same cases; {some(strange)} is a test case of {members[0].name} or of "
                f"{member.name}, not of both; train both with the same --folds, --stratify and --seed"
            )
    if missing := sorted(tests[0] - {case.id for case in cases}):
        raise UserError(
            f"expected the test cases of {members[0].name} in {place}; {some(missing)} is missing; give the folder of "
            "their cohort"
        )
    return [case for case in cases if case.id in tests[0]]


# === Weights ===


def weigh(models: Sequence[Model], members, arguments, *, regions: Sequence[str]) -> tuple[list[float], list[str]]:
    """Return the weight of each model, together 1, and where they are from: each one's score / the sum of all.

    The score of a cross-validation is the mean over the regions of the mean test Dice of all its folds' cases (where
    one fold answers, of the other folds' cases), that of a run its best validation Dice.

    Args:
        members: of all models, one after the other.
        arguments: `ensemble` (the rule) and `weights`.
        regions: that the ensemble answers in.

    Raises:
        UserError: the given weights are not one a model, or nothing tells a score.
    """
    if arguments.ensemble != "weighted":
        if arguments.weights:
            raise UserError(
                f"--weights go with --ensemble weighted; found --ensemble {arguments.ensemble}; take that, or leave "
                "--weights out"
            )
        return [1 / len(models)] * len(models), []
    given = arguments.weights
    scores, sources = (given, ["as given"] * len(given)) if given else _scores(models, members, regions)
    if len(scores) != len(models) or not 0 < sum(scores) < math.inf:
        raise UserError(
            f"expected {len(models)} weights, one a RUN, of 0 or more and not all 0; found "
            f"{' '.join(f'{score:g}' for score in scores)}; write --weights {' '.join(['W'] * len(models))}"
        )
    weights = [score / sum(scores) for score in scores]
    said = [f"{model.name} {weight:.4f} ({why})" for model, weight, why in zip(models, weights, sources)]
    return weights, [f"weights: {', '.join(said)}"]


def _scores(models: Sequence[Model], members, regions: Sequence[str]) -> tuple[list[float], list[str]]:
    """Return a score of each model, and what it is: test Dice of its folds, or validation Dice of a run."""
    scores, sources, place = [], [], 0
    for model in models:
        score, source = (
            _test_dice(model, regions) if model.is_crossval else (members[place].weight, "best validation Dice")
        )
        scores.append(score)
        sources.append(f"{source} {score:.4f}")
        place += len(model.networks)
    return scores, sources


def _test_dice(model: Model, regions: Sequence[str]) -> tuple[float, str]:
    """Return the mean over the regions of the mean Dice of all test cases, and where it is from."""
    from statistics import fmean

    from segan_tl.report.compare.crossval import open_crossval, require_complete
    from segan_tl.report.record import number

    try:
        crossval = open_crossval(model.folder, folds=len(model.networks) if model.fold is None else None)
        require_complete(crossval)
    except UserError as error:
        raise UserError(f"{error}; or give the weights with --weights") from None
    rows = [row for row in crossval.rows if row["fold"] != model.fold]
    found = {region: [number(row["dice"]) for row in rows if row["region"] == region] for region in regions}
    if lacking := [region for region, values in found.items() if not values or any(map(math.isnan, values))]:
        raise UserError(
            f"expected the test Dice of {', '.join(regions)} in the folds of {model.folder}; {lacking[0]} has none in "
            "metrics.csv; give the weights with --weights"
        )
    which = f"{crossval.number} folds" if model.fold is None else f"the folds but {model.fold}"
    return fmean(fmean(values) for values in found.values()), f"test Dice of {which}"
