"""What `predict` had segmented when it was interrupted, of the same files with the same settings: not done again."""

from segan_tl.disk.journal import Journal, journal_path, key_of


def open_journal(outputs) -> Journal:
    """Return the journal beside the record of the predictions."""
    return Journal(journal_path(outputs.record))


def keys_of(arguments, cases, about: dict, *, reviewer=None) -> dict[str, str]:
    """Return case → what its prediction is made of: its files, who decides, and what is asked of the command line.

    Args:
        about: what predictions.json says of who decides.
        reviewer: who takes a second look.
    """
    from segan_tl.data.arrays import name_hash
    from segan_tl.disk.manifest import sha256

    given = (arguments.postprocess, arguments.clusters, reviewer and reviewer.path)
    files = [path and sha256(path) for path in given]
    how = (about, files, arguments.probabilities, arguments.agreement, arguments.guarantee)
    return {case.id: key_of(how, case.id, case.convention, _files(case, name_hash)) for case in cases}


def _files(case, name_hash) -> list:
    sources = dict(sorted(case.images.items())) | ({"mask": case.mask} if case.mask else {})
    return [(name, name_hash(sources=[source])) for name, source in sources.items()]


def records_before(arguments, journal: Journal, keys: dict[str, str], *, outputs) -> dict[str, dict]:
    """Return case → what is recorded of it, where all of its files are there."""
    wanted = [outputs.labels]
    wanted += [outputs.probability] if arguments.probabilities else []
    wanted += [outputs.agreement] if arguments.agreement else []
    wanted += [lambda case_id: outputs.promised(case_id, arguments.guarantee)] if arguments.guarantee else []
    found = {}
    for case_id, key in keys.items():
        if key in journal.found and all(path(case_id).is_file() for path in wanted):
            record = journal.found[key]
            # JSON has no numbers for keys.
            found[case_id] = record | {"labels": {int(number): name for number, name in record["labels"].items()}}
    return found
