"""What a trained run owes: scores, pictures, a page; a kill between two of them leaves the rest to the next start."""

from segan_tl.runs import Run, read_state
from segan_tl.schemas.tables import read_metrics


def is_complete(run: Run, *, page: bool) -> bool:
    """Return whether training is complete and everything is there that it leads to.

    Args:
        run: there or not.
        page: whether report.html belongs to it.
    """
    return _is_trained(run) and has_scores(run) and run.curves.is_file() and (has_page(run) or not page)


def is_scored(run: Run) -> bool:
    """Return whether training is complete and the test cases are scored."""
    return run.summary.is_file() and _is_trained(run)


def has_scores(run: Run) -> bool:
    """Return whether the test cases need not be segmented and scored again: everything of `evaluate_run` is there."""
    if not (run.summary.is_file() and run.metrics.is_file()):
        return False
    cases = {row["case"] for row in read_metrics(run.metrics)}
    predicted = all((run.predictions / f"{case}.nii.gz").is_file() for case in cases)
    return predicted and (run.overlays.is_file() or not cases)


def has_page(run: Run) -> bool:
    """Return whether report.html is there and not older than the scores and the comparison that it shows."""
    shown = [path.stat().st_mtime_ns for path in (run.summary, run.comparison) if path.is_file()]
    return run.report.is_file() and run.report.stat().st_mtime_ns >= max(shown, default=0)


def _is_trained(run: Run) -> bool:
    return read_state(run).get("state") == "finished"
