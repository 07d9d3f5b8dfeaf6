"""The features of many cases: read, computed several at a time, and why a case has none."""

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from segan_tl import __version__
from segan_tl.data.arrays import name_hash
from segan_tl.data.find.case import Case
from segan_tl.data.find.cases import LoadedCase, load_case
from segan_tl.data.find.layouts import UNKNOWN_CONVENTION
from segan_tl.data.intensities import find_background
from segan_tl.disk.journal import Journal, key_of
from segan_tl.errors import UserError
from segan_tl.radiomics.discretise import Discretisation
from segan_tl.radiomics.extract import extract
from segan_tl.report.score.mask_pairs import read_region, require_one_grid
from segan_tl.report.score.masks import Mask, find_predictions
from segan_tl.runs import Run

REGIONS = ("wt", "lesion")  # masks of lesions do not tell a tumour


@dataclass(frozen=True)
class Task:
    """A case whose features are asked for; `mask` says where its tumour is, None where there is none."""

    case: Case
    mask: Mask | None
    modalities: tuple[str, ...]
    how: Discretisation


def find_masks(
    folder: Path, truths: dict[str, Mask], *, meaning: str | None
) -> tuple[dict[str, Mask], list[Path]]:
    """Find predictions as `find_predictions`; of a cross-validation those of the test cases of each fold there is.

    Raises:
        UserError: as `find_predictions`.
    """
    folds = sorted(place for place in folder.glob("fold*") if Run(place).predictions.is_dir())
    found = [find_predictions(place, truths, meaning=meaning) for place in folds or [folder]]
    masks = {case_id: mask for masks, _ in found for case_id, mask in masks.items()}
    return masks, [path for _, strangers in found for path in strangers]


def keys_of(tasks: Sequence[Task]) -> dict[str, str]:
    """Return case → what its features are made of: its files, and how they are computed."""
    return {task.case.id: _key(task) for task in tasks}


def _key(task: Task) -> str:
    images = [task.case.images.get(name) for name in task.modalities]
    files = [source and name_hash(sources=[source]) for source in (*images, task.mask and task.mask.source)]
    return key_of(__version__, files, task.case.id, task.modalities, task.mask and task.mask.meaning, repr(task.how))


def compute(
    tasks: Sequence[Task], *, jobs: int, progress: Callable[[str], None], journal: Journal, keys: dict[str, str]
) -> tuple[dict[str, dict[str, float]], dict[str, str]]:
    """Return case → features, and case → why it has none, both in the order of the tasks.

    Args:
        jobs: processes, each of one thread.
        progress: called with one line when a case is done.
        journal: of what was computed before an interruption; it gets what is computed now.
        keys: of `keys_of`.
    """
    answers = {case: journal.found[key] for case, key in keys.items() if key in journal.found}
    left = [task for task in tasks if task.case.id not in answers]
    found = {case: answer for case, answer in answers.items() if not isinstance(answer, str)}
    faults = {case: answer for case, answer in answers.items() if isinstance(answer, str)}
    for case_id, answer in _run(left, jobs=min(jobs, len(left))):
        (faults if isinstance(answer, str) else found)[case_id] = answer
        journal.add(keys[case_id], answer)
        progress(f"{case_id}  {'left out' if isinstance(answer, str) else f'{len(answer)} features'}")
    order = [task.case.id for task in tasks]
    return {name: found[name] for name in order if name in found}, {n: faults[n] for n in order if n in faults}


def _run(tasks: Sequence[Task], *, jobs: int) -> Iterator[tuple[str, dict[str, float] | str]]:
    if jobs < 2:
        for task in tasks:
            yield task.case.id, features_of(task)
        return
    pool = ProcessPoolExecutor(jobs, mp_context=multiprocessing.get_context("spawn"))
    try:
        futures = {pool.submit(features_of, task): task.case.id for task in tasks}
        for future in as_completed(futures):
            yield futures[future], future.result()
    finally:
        # After an error or Ctrl-C nobody waits for the cases that have not begun.
        pool.shutdown(cancel_futures=True)


def features_of(task: Task) -> dict[str, float] | str:
    """Return the features of a case, computed in one thread; a sentence where it has none."""
    from threadpoolctl import threadpool_limits

    try:
        with threadpool_limits(1):  # processes would get into each other's way, and sums depend on their order
            return _features(task)
    except UserError as error:
        return str(error).removeprefix(f"case {task.case.id}").lstrip(": ")  # the caller names the case


def _features(task: Task) -> dict[str, float]:
    if task.mask is None:
        raise UserError("there is no mask of its tumour")
    if task.mask.meaning == UNKNOWN_CONVENTION:
        raise UserError("nothing says what the numbers of its mask mean")
    loaded = load_case(task.case, task.modalities, with_mask=False)
    mask, geometry = read_region(task.mask, REGIONS)
    require_one_grid(task.case.id, task.mask.source.path, loaded.geometry, geometry)
    return describe(loaded, mask, task.modalities, task.how)


def describe(
    loaded: LoadedCase, mask: np.ndarray, modalities: tuple[str, ...], how: Discretisation
) -> dict[str, float]:
    """Return the features of a tumour (H, W, D) in a case that was read.

    Args:
        modalities: the channels of the image, in their order.

    Raises:
        UserError: as `extract`.
    """
    images = {name: loaded.image[..., channel] for channel, name in enumerate(modalities)}
    return extract(images, mask, spacing_mm=loaded.spacing_mm, head=find_head(loaded), how=how)


def find_head(loaded: LoadedCase) -> np.ndarray:
    """Return (H, W, D) bool: voxels where any modality is not its background."""
    channels = np.moveaxis(loaded.image, -1, 0)
    return np.any([channel != find_background(channel) for channel in channels], axis=0)
