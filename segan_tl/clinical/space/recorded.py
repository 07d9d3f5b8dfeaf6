"""What a cohort had been given by `prepare`, told by the prepare.json beside its cases."""

from collections.abc import Sequence
from pathlib import Path

from segan_tl.clinical.space.record import RECORD, done_to, read_record
from segan_tl.data.find.case import Case


def record_beside(case: Case) -> dict | None:
    """Return prepare.json beside the images of a case; None where there is none.

    Raises:
        UserError: it is damaged.
    """
    source = next(iter(case.images.values()), None)
    path = None if source is None else Path(source.path).parent / RECORD
    return read_record(path) if path is not None and path.is_file() else None


def failures_of(case: Case) -> list[str]:
    """Return why the preparation of a case failed, whose images --keep-failed kept; empty where it did not.

    Raises:
        UserError: prepare.json is damaged.
    """
    record = record_beside(case)
    return [] if record is None else [f"its preparation failed: {reason}" for reason in record["failed"]]


def common_preparation(cases: Sequence[Case]) -> dict | None:
    """Return what all cases of a cohort had: "steps", "intensity" and "size"; None where a case tells nothing.

    Raises:
        UserError: a prepare.json is damaged.
    """
    records = []
    for case in cases:
        if (record := record_beside(case)) is None:
            return None
        records.append(record)
    if not records:
        return None
    steps = [name for name in done_to(records[0]) if all(name in done_to(record) for record in records)]
    found = {"steps": steps}
    for name, key in (("intensity", "how"), ("size", "size")):
        values = [step["settings"].get(key) for record in records for step in record["steps"] if step["name"] == name]
        if len(values) == len(records) and all(value == values[0] for value in values):
            found[name] = values[0]
    return found


def lacking_steps(case: Case, wanted: Sequence[str]) -> list[str] | None:
    """Return which of the wanted steps a case did not have; None where nothing beside it tells.

    Raises:
        UserError: prepare.json is damaged.
    """
    record = record_beside(case)
    return None if record is None else [name for name in wanted if name not in done_to(record)]
