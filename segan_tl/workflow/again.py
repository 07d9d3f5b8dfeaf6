"""The scores of a retest: written aside, then put in the place of those of an earlier one."""

import contextlib
import shutil


@contextlib.contextmanager
def published(out, cases: list[str]):
    """Yield a folder of a temporary name; what is written there takes the place of an earlier retest at the end.

    Args:
        out: where the scores go.
        cases: that are tested.

    Raises:
        CannotWrite: the disk is full; the earlier retest is still there.
    """
    from segan_tl.disk.leftovers import clear_leftovers, temporary_path
    from segan_tl.disk.ownership import kind_of, mark, remove_own
    from segan_tl.errors import CannotWrite, cannot_write
    from segan_tl.runs import Run

    fresh = Run(temporary_path(out.root / "scores"))
    try:
        fresh.root.mkdir(parents=True)
        clear_leftovers(out.root)
        yield fresh
        # Results of two must not stand side by side; summary.json goes first and comes last.
        if kind_of(out.root) == "scores":
            remove_own(out.root)
        mark(out.root, "scores", cases=cases)
        out.predictions.mkdir(exist_ok=True)
        for path in sorted(fresh.root.rglob("*.*"), key=lambda path: path == fresh.summary):
            path.replace(out.root / path.relative_to(fresh.root))
    except (OSError, CannotWrite) as error:
        raise cannot_write(out.root, error.__cause__ if isinstance(error, CannotWrite) else error) from error
    finally:
        shutil.rmtree(fresh.root, ignore_errors=True)
