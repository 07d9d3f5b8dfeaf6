"""review.csv: the answers that want a second look, worst first, each with the reasons in words."""

from collections.abc import Mapping
from pathlib import Path

from segan_tl.disk.atomic import write_csv
from segan_tl.errors import some
from segan_tl.predict.signs import SIGNS

FILE = "review.csv"
COLUMNS = ("case", "predicted_dice", "low", "high", "flagged", *SIGNS, "reasons")


def write_review(path: Path, records: Mapping[str, Mapping], *, flag_below: float | None) -> None:
    """Write a row for each case that had a second look, that of which least is expected first; no file for none.

    Args:
        records: case → what predictions.json says of it.
        flag_below: predicted Dice below which a case is flagged ("yes" or "no"); None leaves that empty.
    """
    rows = [
        {"case": case, **record["review"], **record["review"]["signs"]}
        | {"flagged": None if flag_below is None else "yes" if is_flagged(record, flag_below) else "no"}
        | {"reasons": "; ".join(reasons_of(record))}
        for case, record in records.items()
        if record.get("review")
    ]
    if rows or path.exists():
        write_csv(path, COLUMNS, sorted(rows, key=lambda row: (row["predicted_dice"], row["case"])))


def is_flagged(record: Mapping, flag_below: float) -> bool:
    """Return whether less Dice is expected of a case."""
    return record["review"]["predicted_dice"] < flag_below


def reasons_of(record: Mapping) -> list[str]:
    """Return what speaks against an answer: the signs that count, then what is said of it anyway."""
    unlike, doubtful = record.get("unlike_training", ()), record.get("doubtful", ())
    return [*record["review"]["reasons"], *(f"unlike the training: {one}" for one in unlike), *doubtful]


def review_lines(records: Mapping[str, Mapping], path: Path, *, flag_below: float | None) -> list[str]:
    """Say how many cases want to be looked at again, and which; nothing where none had a second look.

    Args:
        records: of this call.
        path: of the table.
    """
    seen = {case: record for case, record in records.items() if record.get("review")}
    if not seen:
        return []
    lines = [f"second look, worst first: {path}"]
    if flag_below is not None:
        worst = sorted(seen, key=lambda case: seen[case]["review"]["predicted_dice"])
        flagged = [case for case in worst if is_flagged(seen[case], flag_below)]
        names = f" ({some(flagged)})" if flagged else ""
        are = "is" if len(flagged) == 1 else "are"
        lines.insert(0, f"{len(flagged)} of {len(seen)} cases {are} flagged: Dice below {flag_below:g} expected{names}")
        if others := [case for case in worst if seen[case].get("doubtful") and case not in flagged]:
            lines.insert(1, f"doubtful by the remarks above, though not flagged: {some(others)}")
    return lines


def is_review(path: Path) -> bool:
    """Return whether a file is a table of ours, which is written anew with the cases of every call."""
    if not path.is_file():
        return False
    with path.open(encoding="utf-8", errors="replace") as file:
        return file.readline(1000).startswith(",".join(COLUMNS[:5]))
