"""The scores of a retest: written aside, then put in the place of those of an earlier one."""

import contextlib
import shutil

PARTIAL = ".retest.partial"  # in OUT; after an interruption it holds the cases that are done, and their journal


@contextlib.contextmanager
def published(out, cases: list[str]):
    """Yield a folder that lies aside; what is written there takes the place of an earlier retest at the end.

    An interruption leaves in it what `evaluate_run` knows again, for the next call.

    Args:
        out: where the scores go.
        cases: that are tested.

    Raises:
        UserError: somebody else has something of the name of the folder.
        CannotWrite: the disk is full; the earlier retest is still there.
    """
    from segan_tl.disk.leftovers import clear_leftovers
    from segan_tl.errors import CannotWrite, cannot_write
    from segan_tl.runs import Run

    fresh = Run(out.root / PARTIAL)
    _refuse_theirs(fresh)
    try:
        _begin(fresh, cases)
        clear_leftovers(out.root)
        yield fresh
        _publish(fresh, out, cases)
    except (OSError, CannotWrite) as error:
        _forget(fresh)
        raise cannot_write(out.root, error.__cause__ if isinstance(error, CannotWrite) else error) from error
    except Exception:
        _forget(fresh)
        raise
    except BaseException:  # Ctrl-C
        if not _journal(fresh).is_file():
            _forget(fresh)
        raise
    _forget(fresh)


def _refuse_theirs(fresh) -> None:
    from segan_tl.disk.ownership import kind_of
    from segan_tl.errors import UserError

    root = fresh.root
    is_ours = root.is_dir() and not root.is_symlink() and (kind_of(root) == "scores" or not any(root.iterdir()))
    if (root.exists() or root.is_symlink()) and not is_ours:
        raise UserError(f"{root} is there already, and segan_tl did not make it: it would be lost; move it away")


def _begin(fresh, cases: list[str]) -> None:
    """Leave nothing of an interrupted call in the folder but its journal, and the masks of these cases."""
    from segan_tl.disk.ownership import MARKER, mark

    mark(fresh.root, "scores", cases=cases)
    kept = {_journal(fresh).name, MARKER}
    for path in fresh.root.rglob("*"):
        of_case = path.parent == fresh.predictions and path.name.removesuffix(".nii.gz") in cases
        if path.is_file() and not of_case and path.name not in kept:
            path.unlink()


def _publish(fresh, out, cases: list[str]) -> None:
    """Put everything in the place of an earlier retest: results of two must not stand side by side."""
    from segan_tl.disk.ownership import MARKER, kind_of, mark, remove_own
    from segan_tl.runs import read_json

    for case in read_json(fresh.summary)["failed"]:  # which an interrupted call may have segmented
        (fresh.predictions / f"{case}.nii.gz").unlink(missing_ok=True)
    if kind_of(out.root) == "scores":
        remove_own(out.root)
    mark(out.root, "scores", cases=cases)
    out.predictions.mkdir(exist_ok=True)
    # summary.json went first and comes last.
    for path in sorted(fresh.root.rglob("*.*"), key=lambda path: path == fresh.summary):
        if path.name != MARKER:
            path.replace(out.root / path.relative_to(fresh.root))


def _journal(fresh):
    from segan_tl.disk.journal import journal_path

    return journal_path(fresh.metrics)


def _forget(fresh) -> None:
    shutil.rmtree(fresh.root, ignore_errors=True)
