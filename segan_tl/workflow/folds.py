"""The folds of a training command: --fold, --folds and --stratify, checked, and saved by the first fold that runs."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

FOLDS = 5  # where --folds is left out


def check_fold(arguments, this_run, *, seed: int) -> None:
    """Refuse a fold that there is not, or of other folds than those beside it.

    Args:
        arguments: with `fold`, None for no cross-validation, `folds` and `stratify`.
        this_run: where the fold goes; its folder stands beside those of the others.
        seed: of the folds.

    Raises:
        UserError: it says which folds there are.
    """
    from segan_tl.data.folds import require_folds
    from segan_tl.data.strata import read_strata
    from segan_tl.errors import UserError

    folds = FOLDS if arguments.folds is None else arguments.folds
    if arguments.fold is None:
        if arguments.folds is not None:
            raise UserError(f"--folds {folds} needs --fold K beside it; add --fold 0, or run them all with crossval")
        if arguments.stratify is not None:
            raise UserError(
                f"--stratify {arguments.stratify} needs --fold K beside it; add --fold 0, or run them all with crossval"
            )
        return
    if folds < 2:
        raise UserError(f"--folds expects at least 2; got {folds}")
    if not 0 <= arguments.fold < folds:
        raise UserError(f"--fold expects 0 to {folds - 1} with --folds {folds}; got {arguments.fold}")
    kind = read_strata(arguments.stratify).kind
    require_folds(this_run.root.parent, folds=folds, seed=seed, stratify=kind)


def choose_saved_fold(cohort, cached, *, config, fold: int, folds: int, strata, run) -> dict[str, list[str]]:
    """Split the sound cases for one fold; its folds are saved beside it, or held to those that are.

    Raises:
        UserError: cases have come or gone since the first fold ran, or one has no group.
    """
    from segan_tl.data.folds import keep_folds, plan_folds
    from segan_tl.workflow.splits import choose_fold, sound_groups

    cases, groups = sound_groups(cohort, cached, strata=strata, folds=folds)
    planned = plan_folds(cases, folds=folds, seed=config.seed, groups=groups, stratify=strata.kind)
    keep_folds(run.root.parent, planned, cohort=cohort.folder)
    return choose_fold(cohort, cached, config=config, fold=fold, folds=folds, strata=strata)


def plan_fold(arguments, folder, config):
    """Return the run in a folder, or below it that of the fold which the arguments name.

    Raises:
        UserError: there is no such fold, or a split is named as well.
    """
    from segan_tl.errors import UserError
    from segan_tl.runs import Run

    if arguments.fold is not None and arguments.split:
        raise UserError("--fold and --split both choose the test cases; leave one of them out")
    this_run = Run(folder if arguments.fold is None else folder / f"fold{arguments.fold}")
    check_fold(arguments, this_run, seed=config.seed)
    return this_run


def choose_stated(arguments, config, this_run) -> Callable | None:
    """Return what splits the cases as --split or --fold say, (cohort, sound cases) → part → case ids; None without."""
    if arguments.split:
        return split_of(arguments)
    if arguments.fold is None:
        return None
    from segan_tl.data.strata import read_strata

    return partial(
        choose_saved_fold, config=config, fold=arguments.fold, folds=arguments.folds or FOLDS,
        strata=read_strata(arguments.stratify), run=this_run,
    )  # fmt: skip


def split_of(arguments) -> Callable:
    """Return what splits the cases as the run, or the file, at --split has them, but for bad ones that are skipped.

    Raises:
        UserError: there is none.
    """
    from segan_tl.errors import UserError
    from segan_tl.runs import open_run, read_json
    from segan_tl.schemas.runs import Splits
    from segan_tl.workflow.splits import hold_split, take_split

    skip = arguments.skip_bad_cases
    if Path(arguments.split).suffix == ".json" and not Path(arguments.split).is_file():
        raise UserError(f"expected a file of cases at --split {arguments.split}; there is none")
    if Path(arguments.split).is_file():
        return partial(hold_split, read_json(Path(arguments.split), Splits), of=arguments.split, skip=skip)
    return partial(take_split, open_run(arguments.split, runs=arguments.runs), skip=skip)


def prepare_folds(training) -> None:
    """Find or simulate the cohort, prepare all of it once for all folds, and see that it can be divided into them.

    Args:
        training: `wrapped.Training`.

    Raises:
        UserError: cases that cannot be used, or fewer patients than folds need.
    """
    from segan_tl.workflow.cohort import find_cohort, find_source_cohort, prepare
    from segan_tl.workflow.splits import choose_fold
    from segan_tl.workflow.unlabelled import divide, needs_masks

    config, arguments = training.plan(0)[1], training.arguments
    cohort = find_cohort(arguments, config)
    cached = prepare(arguments, config, cohort, need_mask=needs_masks(config))
    by = {"config": config, "folds": training.folds, "strata": training.strata}
    divide(cohort, cached, partial(choose_fold, fold=0, **by))
    # Where --data comes alone, `finetune --strategy combined` knows the folder of the source.
    if config.source and bool(arguments.data) == bool(arguments.source_data):
        prepare(arguments, config, find_source_cohort(arguments, config))
