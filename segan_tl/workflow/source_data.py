"""Which data a transfer learns from, and how they are divided, where its source was trained on them or on others."""

import argparse
from pathlib import Path


def is_own_cohort(arguments, source, config) -> bool:
    """Tell whether a run learns from the cohort that its source has learnt from."""
    recorded = source.data.get("folder")
    if arguments.data is not None:
        return recorded is not None and Path(recorded) == arguments.data.resolve()
    if source.data.get("synthetic"):
        return source.config is None or config.phantom.same_people(source.config.phantom)
    return recorded is not None


def own_folder(arguments, source, config):
    """Return the arguments with the folder of the source as --data, where that was left out and the cohort is the same.

    A synthetic cohort in the cache is left to its configuration.
    """
    from segan_tl.workflow.synthetic import synthetic_folder

    if arguments.data is not None or not is_own_cohort(arguments, source, config) or "folder" not in source.data:
        return arguments
    recorded = Path(source.data["folder"])
    if recorded.name == synthetic_folder(config.phantom, arguments.cache).name:
        return arguments
    return argparse.Namespace(**vars(arguments) | {"data": recorded})


def use_data_of(arguments, source, config) -> None:
    """Set --data, where it was left out, to the folder of the source, if the run is of its cohort.

    Raises:
        UserError: the folder is not there any more.
    """
    from segan_tl.errors import UserError
    from segan_tl.workflow.synthetic import synthetic_folder

    if arguments.data is not None or not is_own_cohort(arguments, source, config):
        return
    recorded = Path(source.data["folder"]) if "folder" in source.data else None
    if recorded is None and source.data.get("synthetic"):
        return  # what comes along names no folder: its configuration simulates the patients
    if recorded is not None and recorded.is_dir():
        arguments.data = recorded
    elif recorded is None or recorded.name != synthetic_folder(config.phantom, arguments.cache).name:
        raise UserError(
            f"the source was trained on {recorded or 'a folder that it does not name'}, which is not there now; say "
            "where it lies with --data DIR"
        )


def with_source_data(arguments, source, config):
    """Return the arguments with the folder that the source has learnt from as the second cohort, unless one is given.

    Raises:
        UserError: the folder of real patients is not there any more, or one cohort would be synthetic, one not.
    """
    from segan_tl.errors import UserError
    from segan_tl.workflow.cohort import check_cohorts

    recorded = Path(source.data["folder"]) if "folder" in source.data else None
    found = argparse.Namespace(**vars(arguments) | {"source_data": recorded})
    is_there = recorded is not None and recorded.is_dir()
    if source.data.get("synthetic") and not (arguments.data or arguments.source_data):
        return found if is_there else arguments
    if source.data.get("synthetic") or arguments.source_data:
        found = arguments
    elif not is_there:
        raise UserError(
            f"the source was trained on {recorded or 'a folder that it does not name'}, which is not there now; say "
            "where it lies with --source-data DIR"
        )
    check_cohorts(found, config)
    return found


def split_as_source(
    cohort, cached, *, source, config, other_patients: bool, skip: bool = False
) -> dict[str, list[str]]:
    """Return the source's own split, so that no test case was seen before; a new one where these are other patients.

    Args:
        cohort: what the run learns from.
        cached: its sound cases by id.
        source: what the run starts from.
        config: the configuration.
        other_patients: the user says that the source never saw them.
        skip: take the split over without the cases that are here and were left out as bad.

    Raises:
        UserError: a part of the source's cases is here and a part is not, or nothing but bad ones is in a part.
    """
    from segan_tl.errors import UserError
    from segan_tl.workflow.splits import choose_split, without_bad

    theirs = {case for part in source.split.values() for case in part} if source.split else set()
    missing = sorted(theirs - set(cached))
    if other_patients or len(missing) == len(theirs):
        return choose_split(cohort, cached, config)
    if skip and {case.id for case in cohort.cases}.issuperset(missing):
        return without_bad(source.split, cohort, cached, of=source.path)
    if missing:
        raise UserError(
            f"{source.path} was trained on other cases: {cohort.folder} lacks {len(missing)} of its {len(theirs)} "
            f"({', '.join(missing[:3])}); give --data {source.data.get('folder', 'DIR')}, or add --other-patients "
            "if these are patients that it never saw"
        )
    return source.split
