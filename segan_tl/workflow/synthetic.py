"""The synthetic cohort of a configuration: in the cache, and made there where it is missing or damaged."""

import os
import shutil
from pathlib import Path


def synthetic_folder(phantom, cache: Path) -> Path:
    """Return where a synthetic cohort lies in the cache.

    Args:
        phantom: what a configuration says of it.
        cache: folder of all prepared data.
    """
    shape = "x".join(str(size) for size in phantom.shape)
    variety = "" if phantom.variety == "plain" else f"-{phantom.variety}"
    return cache / f"phantom-{phantom.cohort}-{phantom.cases}-{shape}-seed{phantom.seed}{variety}"


def take_synthetic(option: str, phantom, *, cache: Path, jobs: int) -> Path:
    """Return the folder of a synthetic cohort, whole; say so where it had to be made.

    Args:
        option: which would have named a cohort.
        phantom: what a configuration says of it.
        cache: folder of all prepared data.
        jobs: patients simulated at a time.
    """
    from segan_tl.console import console
    from segan_tl.data.phantom.write import is_whole

    folder = synthetic_folder(phantom, cache)
    if not is_whole(folder):
        why = "damaged, or of another version" if folder.exists() else f"No {option}"
        console.print(f"{why}: making {phantom.cases} synthetic patients in {folder}", soft_wrap=True)
        _simulate(phantom, folder, jobs=jobs)
    return folder


def _simulate(phantom, folder: Path, *, jobs: int) -> None:
    """Write a synthetic cohort; several processes may do so at the same time."""
    from segan_tl.console import progress_bar
    from segan_tl.data.phantom.write import is_whole, remove_cohort, write_cohort
    from segan_tl.disk.leftovers import clear_leftovers, temporary_path

    fresh = temporary_path(folder)
    try:
        with progress_bar("synthetic MRI", total=phantom.cases) as advance:
            write_cohort(
                fresh, phantom.cohort, cases=phantom.cases, shape=phantom.shape, seed=phantom.seed, jobs=jobs,
                variety=phantom.variety, progress=lambda *_: advance(),
            )  # fmt: skip
        clear_leftovers(folder.parent)
        try:
            os.rename(fresh, folder)
        except OSError:
            if not is_whole(folder):  # else another process has put the same one there meanwhile
                remove_cohort(folder)
                os.rename(fresh, folder)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
