"""What `prepare` does with a folder of patients: whose turn it is, several at a time, and what became of each."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

PREPARATION = 4  # version of what a preparation gives; another one is made anew


@dataclass(frozen=True)
class Task:
    """A patient to prepare.

    Attributes:
        case: of `find_cases`.
        out: the folder of the result.
        settings: `clinical.space.steps.Settings`.
        space: folder of a kept space, or the file of an atlas; None without one.
        mask: file of the brain mask, None without one.
        keep_failed: write the images of a failed registration, too.
        key: what it is made of; equal keys give equal results.
    """

    case: object
    out: Path
    settings: object
    space: Path | None
    mask: Path | None
    keep_failed: bool
    key: str = ""


@dataclass
class Outcome:
    """What became of the patients: names of those that are done, and of those that were before; case → reason."""

    done: list[str] = field(default_factory=list)
    before: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)


def prepare_all(tasks: list[Task], *, jobs: int, space_digest: str) -> Outcome:
    """Prepare patient after patient; what is done and unchanged is not done again."""
    from segan_tl.console import stage_progress
    from segan_tl.workflow.patient_pool import each_patient

    outcome, waiting = Outcome(), []
    for task in tasks:
        task = with_key(task, space_digest)
        found = find_done(task)
        if found is None:
            waiting.append(task)
        elif found:
            outcome.failed[task.case.id] = found[0]
        else:
            outcome.before.append(task.case.id)
    with stage_progress("preparing", total=len(waiting)) as (advance, tell):
        for case_id, kind, text in each_patient(waiting, jobs=jobs, tell=tell):
            {"done": outcome.done.append, "failed": lambda name: outcome.failed.update({name: text})}.get(
                kind, lambda name: outcome.left_out.update({name: text})
            )(case_id)
            advance(f"{case_id}  {text if kind == 'done' else f'{kind}: {text}'}")
    return outcome


def with_key(task: Task, space_digest: str) -> Task:
    """Return a task with the digest of its images, settings and space; an unreadable image is found out later."""
    import hashlib
    from dataclasses import asdict, replace

    from segan_tl.disk.manifest import sha256

    files = [*task.case.images.values(), *([task.case.mask] if task.case.mask else [])]
    paths = [source.path for source in files] + ([task.mask] if task.mask else [])
    sums = [sha256(path) if Path(path).is_file() else "" for path in paths]
    told = (PREPARATION, sorted(task.case.images), sums, sorted(asdict(task.settings).items()), space_digest)
    return replace(task, key=hashlib.sha256(repr(told).encode()).hexdigest())


def find_done(task: Task) -> list[str] | None:
    """Return why an earlier preparation of the same failed, [] where it did not; None where there is none."""
    from segan_tl.clinical.space.record import RECORD, image_path, read_record
    from segan_tl.errors import UserError

    try:
        record = read_record(task.out / RECORD)
    except UserError:
        return None
    names = [*record["native"], *record["substituted"]]
    written = all(image_path(task.out, task.case.id, name).is_file() for name in names)
    wanted = not record["failed"] or task.keep_failed
    return record["failed"] if record["key"] == task.key and (written or not wanted) else None


def prepare_one(task: Task, tell: Callable[[str, str], None]) -> tuple[str, str, str]:
    """Prepare one patient in one thread; return its name, "done", "failed" or "left out", and a sentence.

    Args:
        tell: is called with the patient's name and what is done next.
    """
    from threadpoolctl import threadpool_limits

    from segan_tl.errors import CannotWrite, UserError

    try:
        with threadpool_limits(1):
            return task.case.id, *_prepare(task, lambda stage: tell(task.case.id, stage))
    except CannotWrite:
        raise
    except UserError as error:
        return task.case.id, "left out", str(error)


def _prepare(task: Task, tell: Callable[[str], None]) -> tuple[str, str]:
    import time

    from segan_tl.clinical.space.chain import prepare_patient
    from segan_tl.clinical.space.record import write_prepared

    started = time.monotonic()
    _refuse_problems(task.case)
    tell("reading")
    volumes, labels, mask = _read(task)
    space = open_space(task.space)
    reading = time.monotonic() - started
    prepared = prepare_patient(volumes, task.settings, space, mask=mask, labels=labels, tell=tell)
    prepared.seconds["reading"] = reading
    mean = None if space is None else space.image_for(prepared.reference)
    write_prepared(task.out, task.case.id, prepared, key=task.key, mean=mean, keep=task.keep_failed)
    if prepared.failed:
        return "failed", "; ".join(prepared.failed)
    return "done", "  ".join((*_told(prepared), seconds_in_words(prepared.seconds_of_each())))


def _read(task: Task) -> tuple:
    """Return the sequences by name, the label map and the brain mask, None where there are none."""
    import numpy as np

    from segan_tl.data.files.images import Source, read_volume
    from segan_tl.regions import MODALITIES

    sources = {name: source for name, source in task.case.images.items() if name in MODALITIES}
    volumes = {name: read_volume(source, dtype=np.float32) for name, source in sources.items()}
    labels = read_volume(task.case.mask) if task.case.mask else None
    return volumes, labels, read_volume(Source(task.mask)) if task.mask else None


def seconds_in_words(spent: dict[str, float]) -> str:
    """Return how long a patient took, and what of it the steps of a second and more took: 40 s (bias 30, brain 9)."""
    parts = sorted((item for item in spent.items() if item[0] != "all" and item[1] >= 1), key=lambda item: -item[1])
    told = ", ".join(f"{name} {seconds:.0f}" for name, seconds in parts)
    return f"{spent['all']:.0f} s" + (f" ({told})" if told else "")


def _told(prepared) -> list[str]:
    """Return the numbers of a preparation in words."""
    parts = [f"{'+'.join(prepared.native)} onto {prepared.reference}"]
    parts += [f"{other} stands in for {name}" for name, other in prepared.substituted.items()]
    fits, like = prepared.quality["onto_reference"], prepared.quality.get("like_the_mean", {})
    if fits:
        parts.append(f"heads overlap by {min(fit['overlap'] for fit in fits.values()):.2f} at least")
    if like:
        parts.append(f"like the mean {max(found['here'] for found in like.values()):.2f}")
    return parts


def _refuse_problems(case) -> None:
    from segan_tl.errors import UserError

    if case.problems:
        problem = case.problems[0]
        raise UserError(f"{problem.reason}; {problem.remedy}")


def open_space(path: Path | None):
    """Return the space in a folder, or that of an atlas file; None without one."""
    from segan_tl.clinical.space.cohort import atlas_space, read_space

    if path is None:
        return None
    return read_space(path) if path.is_dir() else atlas_space(path)
