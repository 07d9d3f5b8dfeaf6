"""The cohort of a training: found or simulated, checked, prepared and split."""


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


def check_cohorts(arguments, config) -> None:
    """Refuse a folder of cases beside a synthetic cohort that would stand in for the one that was not given.

    Raises:
        UserError: it names the option that is missing.
    """
    from segan_tl.errors import UserError

    if not config.source or bool(arguments.data) == bool(arguments.source_data):
        return
    if arguments.data and config.source.synthetic:
        return
    given, missing = ("--data", "--source-data") if arguments.data else ("--source-data", "--data")
    wish = "; if that is meant, add --set source.synthetic=true" if arguments.data else ""
    which = "second cohort, of [source]," if arguments.data else "first cohort, which is tested,"
    raise UserError(
        f"{given} names cases for one of two cohorts; the {which} would be a synthetic one: add {missing} DIR, or "
        f"leave {given} out, too, to try both with synthetic patients{wish}"
    )


def cohort_name(arguments, config) -> str:
    """Return how a run is named after its data: <cohort>[-with-<second cohort>][-<modality>, or -any].

    Raises:
        UserError: a run cannot be named after a folder of cases.
    """
    from segan_tl.disk.paths import folder_name

    cohort = folder_name(arguments.data, "the folder of --data") if arguments.data else config.phantom.cohort
    if config.source:
        source = arguments.source_data
        second = folder_name(source, "the folder of --source-data") if source else config.source.phantom.cohort
        cohort += f"-with-{second}"
    one = config.data.modalities[0] if len(config.data.modalities) == 1 else None
    return "-".join(filter(None, (cohort, "any" if config.data.any_subset else one)))


def is_synthetic(cohort) -> bool:
    """Return whether a cohort says that no patient is in it."""
    return bool(cohort.settings.get("synthetic", False))


def introduce(cohort) -> str:
    """Return a cohort's folder and what it is."""
    return f"{cohort.folder}: {cohort.layout}{', synthetic' if is_synthetic(cohort) else ''}"


def describe(cohort, split: dict | None = None) -> dict:
    """Return what run.json says of a cohort."""
    from segan_tl.clinical.space.recorded import common_preparation

    counts = {"cases": {part: len(cases) for part, cases in split.items()}} if split else {}
    folder = str(cohort.folder.resolve())
    prepared = common_preparation(cohort.cases)
    found = {"folder": folder, "layout": cohort.layout, **counts, "synthetic": is_synthetic(cohort)}
    return found | ({"prepared": prepared} if prepared else {})


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
    from segan_tl.data.find.case import UNKNOWN_CONVENTION
    from segan_tl.regions import convention_regions

    stated = {case.convention for case in cohort.cases if case.mask is not None} - {UNKNOWN_CONVENTION}
    for convention in sorted(stated):
        known = convention_regions(convention)
        if unknown := [region for region in config.data.regions if region not in known]:
            return convention, unknown, known
    return None


def prepare(arguments, config, cohort, *, need_mask: bool = True) -> dict:
    """Return case id → cached case; stop at bad cases, such as one without a mask, unless they may be skipped."""
    from segan_tl.console import console, progress_bar
    from segan_tl.data.cache import prepare_cases
    from segan_tl.data.find.missing import count_missing
    from segan_tl.errors import some
    from segan_tl.workflow.bad_cases import handle_problems, modality_hint

    with progress_bar("checking and preparing", total=len(cohort.cases)) as advance:
        cached, problems = prepare_cases(
            cohort.cases, arguments.cache, config=config.data, need_mask=need_mask, jobs=arguments.jobs, advance=advance
        )
    if again := [case.id for case in cached if case.made_again]:
        console.print(f"{arguments.cache} was damaged, made again: {some(again, 5)}", markup=False, soft_wrap=True)
    hint = modality_hint(arguments, config, cohort)
    handle_problems(problems, cohort, skip=arguments.skip_bad_cases, hint=hint)
    cached = {case.id: case for case in cached}
    if config.data.any_subset:
        good = [case for case in cohort.cases if case.id in cached]
        if sentence := count_missing(good, config.data.modalities):
            console.print(f"{cohort.folder}: {sentence}", markup=False, soft_wrap=True)
    return cached
