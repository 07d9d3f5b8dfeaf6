"""The cohort of a training: found or simulated, checked, prepared and split."""

from collections import Counter


def find_cohort(arguments, config):
    """Return the cohort at --data, or the synthetic one, which is written first where it is missing."""
    return _find("--data", arguments.data, config.phantom, arguments=arguments, patients=arguments.patients)


def find_source_cohort(arguments, config):
    """Return the second cohort of a training: the one at --source-data, or the synthetic one of config.source."""
    return _find(
        "--source-data", arguments.source_data, config.source.phantom, arguments=arguments,
        patients=arguments.source_patients,
    )  # fmt: skip


def _find(option: str, given, phantom, *, arguments, patients):
    """Return the cohort in the folder that an option gave, else the synthetic one in the cache.

    Args:
        patients: file that says who is who, None to leave it to the data.
    """
    from segan_tl.console import console
    from segan_tl.data.find.cases import find_cases
    from segan_tl.data.find.patients import state_patients
    from segan_tl.data.find.unused import tell_briefly
    from segan_tl.workflow.synthetic import take_synthetic

    if given:
        cohort = find_cases(given)
        if cohort.unused:
            console.print(tell_briefly(cohort.unused, cohort.folder), soft_wrap=True)
        return state_patients(cohort, patients) if patients else cohort
    cohort = find_cases(take_synthetic(option, phantom, cache=arguments.cache, jobs=arguments.jobs))
    return state_patients(cohort, patients) if patients else cohort


def is_synthetic(cohort) -> bool:
    """Return whether a cohort says that no patient is in it."""
    return bool(cohort.settings.get("synthetic", False))


def introduce(cohort) -> str:
    """Return a cohort's folder and what it is."""
    return f"{cohort.folder}: {cohort.layout}{', synthetic' if is_synthetic(cohort) else ''}"


def describe(cohort, split: dict | None = None) -> dict:
    """Return what run.json says of a cohort."""
    counts = {"cases": {part: len(cases) for part, cases in split.items()}} if split else {}
    folder = str(cohort.folder.resolve())
    return {"folder": folder, "layout": cohort.layout, **counts, "synthetic": is_synthetic(cohort)}


def prepare_cohort(arguments, config, find, *, need_mask: bool = True) -> tuple:
    """Return the cohort that `find` finds, its labels fit for the regions, and its prepared cases by id."""
    cohort = find()
    check_regions(cohort, config)
    return cohort, prepare(arguments, config, cohort, need_mask=need_mask)


def check_regions(cohort, config) -> None:
    """Refuse regions that the cohort's labels cannot tell."""
    from segan_tl.errors import UserError

    if found := untold_regions(cohort, config):
        convention, unknown, known = found
        remedy = f"choose with, for example, --set 'data.regions=[{known[0]}]'"
        if getattr(config, "source", None):
            remedy = (
                "both cohorts, of --data and --source-data, need all of data.regions: give cohorts that tell them, or "
                "choose regions that both tell with --set 'data.regions=[…]'"
            )
        raise UserError(
            f"data.regions asks for {', '.join(unknown)}; the labels of {cohort.folder} ({convention}) tell "
            f"{', '.join(known)}; {remedy}"
        )


def untold_regions(cohort, config) -> tuple[str, list[str], tuple[str, ...]] | None:
    """Return a convention of the cohort's labels, the configured regions it cannot tell, and those it tells, if any."""
    from segan_tl.data.find.layouts import UNKNOWN_CONVENTION
    from segan_tl.regions import convention_regions

    stated = {case.convention for case in cohort.cases if case.mask is not None} - {UNKNOWN_CONVENTION}
    for convention in sorted(stated):
        known = convention_regions(convention)
        if unknown := [region for region in config.data.regions if region not in known]:
            return convention, unknown, known
    return None


def prepare(arguments, config, cohort, *, need_mask: bool = True) -> dict:
    """Return case id → cached case; stop at bad cases, such as one without a mask, unless they may be skipped."""
    from segan_tl.console import console
    from segan_tl.data.cache import prepare_cases
    from segan_tl.workflow.bad_cases import handle_problems, modality_hint

    with progress_bar() as bar:
        task = bar.add_task("checking and preparing", total=len(cohort.cases))
        how = {"jobs": arguments.jobs, "advance": lambda: bar.advance(task)}
        cached, problems = prepare_cases(
            cohort.cases, arguments.cache, config=config.data, need_mask=need_mask, **how
        )
    if again := [case.id for case in cached if case.made_again]:
        console.print(f"{arguments.cache} was damaged, made again: {_some(again)}", markup=False, soft_wrap=True)
    hint = modality_hint(arguments, config, cohort)
    handle_problems(problems, cohort, skip=arguments.skip_bad_cases, hint=hint)
    return {case.id: case for case in cached}


def _some(cases: list[str]) -> str:
    """Name up to five cases and count the others."""
    return ", ".join(cases[:5]) + (f" and {len(cases) - 5} more" if len(cases) > 5 else "")


def choose_split(cohort, cached, config) -> dict[str, list[str]]:
    """Split the cases that are sound into train, validation and test."""
    from segan_tl.data.splits import split_cases

    return split_cases([case for case in cohort.cases if case.id in cached], config.data.split, seed=config.seed)


def choose_fold(cohort, cached, *, config, fold: int, folds: int) -> dict[str, list[str]]:
    """Split the sound cases for one fold: it is the test, the rest is divided into training and validation."""
    from segan_tl.data.splits import fold_cases

    cases = [case for case in cohort.cases if case.id in cached]
    return fold_cases(cases, config.data.split, fold=fold, folds=folds, seed=config.seed)


def take_split(run, cohort, cached) -> dict[str, list[str]]:
    """Return the split of another run into train, validation and test; a second cohort of it is not taken over.

    Raises:
        UserError: it holds cases that are not here, or validates or tests on one without a mask.
    """
    from segan_tl.data.splits import PARTS
    from segan_tl.errors import UserError
    from segan_tl.runs import read_json

    split = {part: cases for part, cases in read_json(run.splits).items() if part in PARTS}
    missing = sorted({case for part in split.values() for case in part} - set(cached))
    if missing:
        raise UserError(
            f"{run.root} was trained on cases that {cohort.folder} lacks now ({', '.join(missing[:5])}); give the "
            "--data of that run"
        )
    masked = {case.id for case in cohort.cases if case.mask is not None}
    if without := sorted({*split["validation"], *split["test"]} - masked):
        raise UserError(
            f"{run.root} validates or tests on cases whose masks {cohort.folder} lacks now "
            f"({', '.join(without[:5])}); restore the masks, or start a new split with --set name=another"
        )
    return split


def choose_source(run, cohort, cached, *, split, patients: dict[str, str], resuming: bool) -> list[str]:
    """Return the cases of the second cohort that train: all sound ones, or those that the run has begun with.

    Args:
        cohort: the second one.
        split: of the first.
        patients: case → patient of the first.

    Raises:
        UserError: one of them is missing, or its patient is among those that validate or test.
    """
    from segan_tl.data.learnt import Learnt
    from segan_tl.errors import UserError
    from segan_tl.runs import read_json

    if resuming:
        chosen = read_json(run.splits).get("source", [])
        if missing := sorted(set(chosen) - set(cached)):
            raise UserError(
                f"{run.root} learns from source cases that {cohort.folder} lacks now ({', '.join(missing[:5])}); give "
                "the --source-data that it began with"
            )
        return chosen
    judged = Learnt.of({case: patients[case] for part in ("validation", "test") for case in split[part]})
    if twice := judged.seen({case: patient for case, patient in cohort.patients.items() if case in cached}):
        raise UserError(
            f"the source cohort {cohort.folder} holds {len(twice)} cases of the validation and test patients "
            f"({', '.join(twice[:3])}): their Dice would be no test; take them out, or rename them where they are "
            "other patients"
        )
    return sorted(cached)


def limit_training(split: dict[str, list[str]], config, patients: dict[str, str]) -> dict[str, list[str]]:
    """Keep data.train_cases of the training cases, drawn by the seed: fewer are always among more.

    They are scans, of as many patients as there are: nobody comes twice before everybody has come.

    Raises:
        UserError: there are not so many.
    """
    import numpy as np

    from segan_tl.errors import UserError

    wanted, there = config.data.train_cases, sorted(split["train"])
    if wanted is None:
        return split
    if wanted > len(there):
        raise UserError(
            f"data.train_cases asks for {wanted} cases, the training part has {len(there)}; choose at most that, or "
            "leave it out for all"
        )
    drawn = [there[i] for i in np.random.default_rng(config.seed).permutation(len(there))]
    scans, rounds = Counter(), {}
    for case in drawn:
        rounds[case] = scans[patients[case]]
        scans[patients[case]] += 1
    return split | {"train": sorted(sorted(drawn, key=rounds.get)[:wanted])}


def progress_bar():
    """Return a bar with ETA that goes when it is done."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from segan_tl.console import console

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("ETA"),
        TimeRemainingColumn(),
    )
    return Progress(*columns, console=console, transient=True)
