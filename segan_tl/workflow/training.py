"""What all trainings share: the way from a folder of MRI to a trained, scored run."""

from collections.abc import Callable
from pathlib import Path

from segan_tl.disk.ownership import BEFORE
from segan_tl.interrupt import EXIT_GOES_ON, Terminated, signals_as_interrupts
from segan_tl.train.machines.link import ALONE
from segan_tl.workflow.cohort import describe, introduce, prepare_cohort
from segan_tl.workflow.contrast import give_tissues, refuse_without_tissues
from segan_tl.workflow.earlier import is_finished, old_run_kept, refuse_foreign_run, start_anew
from segan_tl.workflow.finish import write_what_is_missing
from segan_tl.workflow.machines import follow, join_workers, train_prepared
from segan_tl.workflow.patients import count_patients, name_patients, remarks
from segan_tl.workflow.splits import choose_source, limit_training, take_split
from segan_tl.workflow.unchanged import record, require_unchanged


def train_and_score(
    arguments,
    config,
    this_run,
    *,
    find_cohort: Callable,
    choose_split: Callable,
    find_source_cohort: Callable | None = None,
) -> int:
    """Train a run, or go on with it, and score its test cases; return the exit code.

    Args:
        arguments: what `add_training_arguments` declares.
        config: the run's configuration.
        this_run: where everything goes; a finished run of the same configuration is left as it is.
        find_cohort: () → the cohort.
        choose_split: (cohort, case id → prepared case) → part → case ids, for a run that has none yet.
        find_source_cohort: () → the second cohort, for a configuration with the section `source`.
    """
    from segan_tl.console import error_console

    try:
        with signals_as_interrupts():  # while it trains, they end it after a step
            return _join_and_train(
                arguments, config, this_run, find_cohort=find_cohort, choose_split=choose_split,
                find_source_cohort=find_source_cohort,
            )  # fmt: skip
    except Terminated as said:
        words = "Interrupted; what is written stays. Run the same command again to go on."
        error_console.print(str(said) or words, soft_wrap=True)
        return EXIT_GOES_ON


def _join_and_train(arguments, config, this_run, *, find_cohort, choose_split, find_source_cohort) -> int:
    """Meet the other workers, and do the work, or follow the one who does it."""
    from segan_tl.disk.lock import training_lock

    with join_workers(arguments, config, this_run) as link:
        if not link.is_chief:
            return follow(
                arguments, config, this_run, link, find_cohort=find_cohort, find_source_cohort=find_source_cohort
            )
        refuse_foreign_run(this_run)
        with training_lock(this_run.root):
            code = _train_and_score(
                arguments, config, this_run, link, find_cohort=find_cohort, choose_split=choose_split,
                find_source_cohort=find_source_cohort,
            )  # fmt: skip
        return link.end(code)


def _train_and_score(arguments, config, this_run, link, *, find_cohort, choose_split, find_source_cohort) -> int:
    """Do the work while no other process may, but for the workers who follow this one."""
    from segan_tl.console import console, start_tensorflow
    from segan_tl.models.archive import require_network
    from segan_tl.report.score.owed import has_scores
    from segan_tl.train.start.teacher import find_teacher
    from segan_tl.train.start.weights import find_start, refuse_seen
    from segan_tl.workflow.unlabelled import divide, needs_masks, remark

    finished = not arguments.overwrite and is_finished(this_run, config)
    link.gather("plan", not finished)
    if finished and has_scores(this_run):
        console.print(
            f"{this_run.root} is trained and scored already: {this_run.summary}; --overwrite starts anew.",
            soft_wrap=True,
        )
        write_what_is_missing(this_run, page=not arguments.no_report)
        return 0
    # A mistyped folder, or a file of weights that is none, is told before TensorFlow is imported.
    find_cohort = _found(find_cohort, "--data", arguments.data, config.phantom)
    if config.source:
        folder = getattr(arguments, "source_data", None)
        find_source_cohort = _found(find_source_cohort, "--source-data", folder, config.source.phantom)
    started = finished or (this_run.last.is_dir() and not arguments.overwrite)
    start = find_start(config, this_run, resuming=started)
    teacher = None if finished else find_teacher(config, this_run, resuming=started)
    if config.model.file:
        require_network(Path(config.model.file), option="model.file")
    start_tensorflow()
    from segan_tl.train.recipes import check_networks
    from segan_tl.train.steps.parts import check_batch
    from segan_tl.train.strategy import make_strategy

    strategy = make_strategy(arguments.devices, ALONE if finished else link)
    if not finished:
        check_batch(config, strategy.num_replicas_in_sync, devices=arguments.devices, workers=link.count)
        check_networks(config)
    _warn_of_slow_device(config)

    # === Data ===
    cohort, cached = prepare_cohort(arguments, config, find_cohort, need_mask=needs_masks(config))
    split = take_split(this_run, cohort, cached) if started else divide(cohort, cached, choose_split)
    if not started:
        split = limit_training(split, config, cohort.patients)
        for known in (start, teacher):
            refuse_seen(known, {case: cohort.patients[case] for case in split["test"]})
    parts = {part: [cached[case] for case in cases] for part, cases in split.items()}
    unlabelled = remark(cohort, cached, split)
    second = None
    if config.source:
        second, cached = prepare_cohort(arguments, config, find_source_cohort)
        split["source"] = choose_source(
            this_run, second, cached, split=split, patients=cohort.patients, resuming=started
        )
        parts["source"] = [cached[case] for case in split["source"]]
    if not started:
        # Not before the new run is known to have its configuration, devices and data.
        kept = start_anew(this_run, config, split, name_patients(split, cohort, second))
        if kept and arguments.overwrite:
            console.print(f"the earlier run is kept in {this_run.root / BEFORE} until there is a checkpoint")
        record(this_run, parts)
    else:
        require_unchanged(this_run, parts)
    _keep_fingerprint(this_run, [*parts["train"], *parts.get("source", ())], config)
    counts = ", ".join(f"{len(cases)} {part}" for part, cases in split.items())
    found = introduce(cohort) + (f"; source {introduce(second)}" if second else "")
    whose = name_patients(split, cohort, second)
    people = count_patients({case: patient for cases in whose.values() for case, patient in cases.items()})
    console.print(f"{found}, {counts} cases{people}; run {this_run.root}", soft_wrap=True)
    for line in [*([unlabelled] if unlabelled else []), *remarks(cohort, split)]:
        console.print(line, soft_wrap=True)

    # === Training ===
    if not finished:
        parts["train"] = give_tissues(arguments, config.phantom, cohort, parts["train"])
        if second:
            parts["source"] = give_tissues(arguments, config.source.phantom, second, parts["source"])
        data = describe(cohort, split) | ({"source": describe(second)} if second else {})
        link.gather("prepared")
        with old_run_kept(this_run, link):
            complete = train_prepared(
                arguments, config, data=data, parts=parts, this_run=this_run, strategy=strategy, link=link
            )
        if not complete:
            console.print("Interrupted and saved. Run the same command again to go on.", soft_wrap=True)
            return EXIT_GOES_ON
        _warn_of_nothing_learnt(this_run, config)

    # === Evaluation ===
    from segan_tl.report.score.evaluate import evaluate_run

    test = [case for case in cohort.cases if case.id in set(split["test"])]
    try:
        evaluate_run(this_run, cases=test, config=config)
    except KeyboardInterrupt:
        words = "Interrupted while scoring; the training is saved. Run the same command again to go on."
        console.print(words, soft_wrap=True)
        return EXIT_GOES_ON
    console.print(
        f"scores {this_run.metrics}, pictures {this_run.overlays} and {this_run.curves}, model {this_run.best}/",
        soft_wrap=True,
    )
    write_what_is_missing(this_run, page=not arguments.no_report)
    return 0


def _found(find: Callable, option: str, folder: Path | None, phantom) -> Callable:
    """Return what gives the cohort in a folder, which is searched now; a synthetic one is simulated when asked for."""
    if folder is None:
        return find
    cohort = find()
    refuse_without_tissues(option, phantom, cohort)
    return lambda: cohort


def _keep_fingerprint(this_run, training, config) -> None:
    """Write what the cases of the training look like, unless the run keeps it."""
    from segan_tl.data.fingerprint import fingerprint_cohort
    from segan_tl.disk.atomic import write_json

    if not this_run.fingerprint.is_file():
        cases = [case.fingerprint for case in training]
        write_json(this_run.fingerprint, fingerprint_cohort(cases, regions=config.data.regions))


def _warn_of_nothing_learnt(this_run, config) -> None:
    """Say so when every validation case scored 0: too short a training, or one that has lost its gradient."""
    from segan_tl.console import console
    from segan_tl.runs import read_json

    if read_json(this_run.state).get("best_dice") == 0:
        averaging = config.train.averaging
        short = f"; the running average of train.averaging {averaging:g} lags behind, too" if averaging else ""
        console.print(
            "Validation Dice was 0 in every epoch. Where the loss in curves.png still falls, the training was too "
            f"short: more train.epochs or train.steps_per_epoch{short}."
            " Where it stands still, the segmentor says 'no tumour' "
            f"everywhere: try a lower rate, --set train.learning_rate={config.train.learning_rate / 10:g} "
            "--set name=slower",
            style="yellow",
            soft_wrap=True,
        )


def _warn_of_slow_device(config) -> None:
    """Point a computer without GPU that is to train the published widths to the configuration sized for it."""
    import tensorflow as tf

    from segan_tl.console import console

    gpus = tf.config.list_physical_devices("GPU")
    if config.train.precision == "mixed_float16" and not gpus:
        console.print(
            "No GPU: a processor computes float16 many times slower than float32; --set "
            "train.precision=mixed_bfloat16 is the half precision for it.",
            style="yellow",
            soft_wrap=True,
        )
    wide = config.model.family == "segan" and max(config.model.filters or [512]) >= 512
    if wide and not gpus:
        console.print(
            "No GPU: the published configuration takes weeks on a CPU; --config segan_cpu takes "
            "minutes. Ctrl-C saves and stops.",
            style="yellow",
            soft_wrap=True,
        )
