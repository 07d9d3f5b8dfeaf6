"""What the images and masks of a run were when it began: going on with others would give a result of neither."""


def record(this_run, parts: dict[str, list]) -> None:
    """Write the digests of all images and masks that a run begins with.

    Args:
        this_run: the run.
        parts: "train", "validation", "test" and perhaps "source" → prepared cases.
    """
    from segan_tl.disk.atomic import write_json

    write_json(this_run.digests, _digests(parts))


def require_unchanged(this_run, parts: dict[str, list]) -> None:
    """Refuse to go on where an image or a mask is not what it was; a file that was touched or copied is.

    Raises:
        UserError: one changed.
    """
    from segan_tl.errors import UserError
    from segan_tl.runs import read_json

    if not this_run.digests.is_file():  # begun before there were digests
        return record(this_run, parts)
    before, now = read_json(this_run.digests), _digests(parts)
    changed = [
        (case, name)
        for part, cases in now.items()
        for case, digests in cases.items()
        for name in _compared(before.get(part, {}).get(case), digests)
        if before.get(part, {}).get(case, {}).get(name) != digests[name]
    ]
    if changed:
        case, name = changed[0]
        what = {"labels": "the mask", "image": "an image"}.get(name, f"the {name} image")
        others = len({case for case, _ in changed}) - 1
        more = f", and so did images or masks of {others} more" if others else ""
        raise UserError(
            f"{what} of case {case} changed since {this_run.root} began{more}; restore it, or train on what is there "
            "now: anew with --overwrite, or beside it with --set name=another"
        )


def _compared(before: dict[str, str] | None, now: dict[str, str]) -> list[str]:
    """Return the names whose digests tell: an older version kept one of each modality, not of all images together."""
    return [name for name in now if before is None or name in before or "image" in before]


def _digests(parts: dict[str, list]) -> dict[str, dict[str, dict[str, str]]]:
    return {part: {case.id: case.sources for case in cases} for part, cases in parts.items()}
