"""The folds of a training command: --fold and --folds, checked, and saved by the first fold that runs."""


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

    if arguments.fold is None:
        return
    if arguments.folds < 2:
        raise UserError(f"--folds expects at least 2; got {arguments.folds}")
    if not 0 <= arguments.fold < arguments.folds:
        raise UserError(
            f"--fold expects 0 to {arguments.folds - 1} with --folds {arguments.folds}; got {arguments.fold}"
        )
    require_folds(this_run.root.parent, folds=arguments.folds, seed=seed)


def choose_saved_fold(cohort, cached, *, config, fold: int, folds: int, run) -> dict[str, list[str]]:
    """Split the sound cases for one fold; its folds are saved beside it, or held to those that are.

    Raises:
        UserError: cases have come or gone since the first fold ran.
    """
    from segan_tl.commands.cohort import choose_fold
    from segan_tl.data.folds import keep_folds, plan_folds

    cases = [case for case in cohort.cases if case.id in cached]
    planned = plan_folds(cases, config.data.split, folds=folds, seed=config.seed)
    keep_folds(run.root.parent, planned, cohort=cohort.folder)
    return choose_fold(cohort, cached, config=config, fold=fold, folds=folds)
