"""Who trains, who validates, who tests: drawn anew, for a fold, or as another run has it."""

from collections import Counter


def choose_split(cohort, cached, config) -> dict[str, list[str]]:
    """Split the cases that are sound into train, validation and test."""
    from segan_tl.data.splits import split_cases

    return split_cases([case for case in cohort.cases if case.id in cached], config.data.split, seed=config.seed)


def choose_fold(cohort, cached, *, config, fold: int, folds: int, strata=None) -> dict[str, list[str]]:
    """Split the sound cases for one fold: it is the test, the rest is divided into training and validation.

    Args:
        strata: what the folds are stratified by; None for the grade.
    """
    from segan_tl.data.splits import fold_cases

    cases, groups = sound_groups(cohort, cached, strata=strata, folds=folds)
    return fold_cases(cases, config.data.split, fold=fold, folds=folds, seed=config.seed, groups=groups)


def sound_groups(cohort, cached, *, strata=None, folds: int) -> tuple:
    """Return the sound cases, and case → group.

    Raises:
        UserError: a case has no group.
    """
    from segan_tl.data.strata import Strata

    cases = [case for case in cohort.cases if case.id in cached]
    groups = (strata or Strata()).groups(cases, lambda case: _tumour_ml(cached[case].fingerprint), folds=folds)
    return cases, groups


def _tumour_ml(fingerprint: dict) -> float:
    """Return the volume of the whole tumour, or of the lesions where labels tell no tumour."""
    return max(fingerprint.get("wt.ml", 0.0), fingerprint.get("lesion.ml", 0.0))


def take_split(run, cohort, cached, *, skip: bool = False) -> dict[str, list[str]]:
    """Return the split of another run into train, validation and test; a second cohort of it is not taken over.

    Raises:
        UserError: as `hold_split`.
    """
    from segan_tl.runs import read_json

    return hold_split(read_json(run.splits), cohort, cached, of=run.root, skip=skip)


def hold_split(split: dict, cohort, cached, *, of, skip: bool = False) -> dict[str, list[str]]:
    """Return train, validation and test of a split that the cases here can serve.

    Args:
        split: part → case ids.
        cohort: what there is.
        cached: its sound cases by id.
        of: the run, or the file, that the split is from.
        skip: take it over without those of its cases that were left out as bad; a run that goes on keeps all it has.

    Raises:
        UserError: it holds cases that are not here, or validates or tests on one without a mask.
    """
    from segan_tl.data.splits import PARTS
    from segan_tl.errors import UserError

    split = {part: cases for part, cases in split.items() if part in PARTS}
    split = without_bad(split, cohort, cached, of=of) if skip else split
    missing = sorted({case for part in split.values() for case in part} - set(cached))
    if missing:
        raise UserError(
            f"{of} holds cases that {cohort.folder} lacks now ({', '.join(missing[:5])}); give the --data that it was "
            "made of"
        )
    masked = {case.id for case in cohort.cases if case.mask is not None}
    if without := sorted({*split["validation"], *split["test"]} - masked):
        raise UserError(
            f"{of} validates or tests on cases whose masks {cohort.folder} lacks now ({', '.join(without[:5])}); "
            "restore the masks, or start a new split with --set name=another"
        )
    return split


def without_bad(split: dict[str, list[str]], cohort, cached, *, of) -> dict[str, list[str]]:
    """Return a split without the cases that are here and cannot be used, which are named.

    Args:
        split: part → case ids.
        cohort: what there is.
        cached: its sound cases by id.
        of: the run, or the file, that the split is from.

    Raises:
        UserError: nothing else is in a part.
    """
    from segan_tl.console import console
    from segan_tl.errors import UserError, some

    bad = {case.id for case in cohort.cases} - set(cached)
    gone = {part: sorted(bad.intersection(cases)) for part, cases in split.items() if bad.intersection(cases)}
    if not gone:
        return split
    if emptied := next((part for part, cases in gone.items() if bad.issuperset(split[part])), None):
        raise UserError(
            f"{of}: all of its {emptied} cases are left out as bad ({some(gone[emptied], 5)}); mend them as said "
            f"above, or give --split FILE, like its splits.json, that has others for {emptied}"
        )
    told = ", ".join(f"{case} of {part}" for part, cases in gone.items() for case in cases)
    console.print(f"the split of {of} without the cases left out as bad: {told}", style="yellow", soft_wrap=True)
    return {part: [case for case in cases if case not in bad] for part, cases in split.items()}


def keep_division(path, cohort, cached, *, draw, skip: bool = False) -> dict[str, list[str]]:
    """Return the split that a file holds, which the cases here can serve; where there is none, draw and write it.

    Args:
        path: like a run's splits.json.
        cohort: what there is.
        cached: its sound cases by id.
        draw: () → the split.
        skip: as for `hold_split`.

    Raises:
        UserError: as `hold_split`.
    """
    from segan_tl.disk.atomic import write_json
    from segan_tl.runs import read_json
    from segan_tl.schemas.runs import Splits

    if path.is_file():
        return hold_split(read_json(path, Splits), cohort, cached, of=path, skip=skip)
    split = draw()
    write_json(path, split)
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
