"""The folds of a training command: --fold and --folds, checked, and saved by the first fold that runs."""

FOLDS = 5  # where --folds is left out


def check_fold(arguments, this_run, *, seed: int) -> None:
    """Refuse a fold that there is not, or of other folds than those beside it.

    Args:
        arguments: with `fold`, None for no cross-validation, and `folds`.
        this_run: where the fold goes; its folder stands beside those of the others.
        seed: of the folds.

    Raises:
        UserError: it says which folds there are.
    """
    from segan_tl.data.folds import require_folds
    from segan_tl.errors import UserError

    folds = FOLDS if arguments.folds is None else arguments.folds
    if arguments.fold is None:
        if arguments.folds is not None:
            raise UserError(f"--folds {folds} needs --fold K beside it; add --fold 0, or run them all with crossval")
        return
    if folds < 2:
        raise UserError(f"--folds expects at least 2; got {folds}")
    if not 0 <= arguments.fold < folds:
        raise UserError(f"--fold expects 0 to {folds - 1} with --folds {folds}; got {arguments.fold}")
    require_folds(this_run.root.parent, folds=folds, seed=seed)


def choose_saved_fold(cohort, cached, *, config, fold: int, folds: int, run) -> dict[str, list[str]]:
    """Split the sound cases for one fold; its folds are saved beside it, or held to those that are.

    Raises:
        UserError: cases have come or gone since the first fold ran.
    """
    from segan_tl.data.folds import keep_folds, plan_folds
    from segan_tl.workflow.cohort import choose_fold

    cases = [case for case in cohort.cases if case.id in cached]
    planned = plan_folds(cases, config.data.split, folds=folds, seed=config.seed)
    keep_folds(run.root.parent, planned, cohort=cohort.folder)
    return choose_fold(cohort, cached, config=config, fold=fold, folds=folds)
