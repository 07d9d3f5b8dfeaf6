"""Which space `prepare` brings patients into: that of a cohort, of a run's cohort, or of an atlas."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Target:
    """Where patients go, and what a network there expects.

    Attributes:
        path: folder of a kept space, or file of an atlas; None where patients stay in the scanner's space.
        digest: of the space, "" without one.
    """

    path: Path | None
    digest: str


def find_expected(like: str | None, runs: Path) -> tuple[tuple[str, ...], dict]:
    """Return what a network expects of patients, before anything is made: its modalities, and a preparation.

    Returns:
        The modalities that the run sees, all of which a patient needs; what run.json says of the preparation of its
        cohort. Both are empty without a run, and where it says nothing.

    Raises:
        UserError: as of `require_like`.
    """
    if like is None:
        return (), {}
    require_like(like, runs)
    return ((), {}) if is_cohort(like) else _expected(_open(like, runs))


def require_extraction(brain: str, prepared: dict, *, without=None, otherwise: str) -> None:
    """Refuse a brain extraction that is not installed.

    Args:
        brain: of `clinical.space.steps.BRAINS`.
        prepared: how the run's cohort was, of `find_expected`.
        without: steps that are left out; None for those that the cohort did not have.
        otherwise: what to type instead, a clause.

    Raises:
        UserError: HD-BET is needed, and there is none.
    """
    from segan_tl.clinical.space.hd_bet import find_weights

    left_out = prepared and "brain" not in prepared["steps"] if without is None else "brain" in without
    if brain == "hd-bet" and not left_out:
        find_weights(otherwise)


def find_target(like: str | None, atlas: Path | None, *, without: bool, runs: Path, cache: Path) -> Target:
    """Return where --like and --atlas say that patients go; a mean image that is not kept yet is made.

    Args:
        without: the step "atlas" is left out.

    Raises:
        UserError: neither says anything, there is no such run, or a mean image cannot be made.
    """
    from segan_tl.disk.reading import require_file
    from segan_tl.errors import UserError

    if without:
        return Target(None, "")
    if atlas is not None:
        from segan_tl.clinical.space.cohort import atlas_space

        return Target(require_file(atlas), atlas_space(atlas).digest)
    if like is None:
        raise UserError(
            "expected where patients are brought to; found neither --like nor --atlas; name a run or a cohort with "
            "--like, an atlas with --atlas, or leave them in the scanner's space with --without atlas"
        )
    folder = _space_of_cohort(Path(like), cache) if is_cohort(like) else _space_of_run(_open(like, runs), like)
    from segan_tl.clinical.space.cohort import read_space

    return Target(folder, read_space(folder).digest)


def require_like(like: str, runs: Path) -> None:
    """Refuse a --like that is neither a run nor a folder of cases, before anything is read or made.

    Raises:
        UserError: it is neither; both are named, for nothing tells which of them was meant.
    """
    from segan_tl.data.find.cases import find_cases
    from segan_tl.errors import UserError
    from segan_tl.zoo.find import is_zoo

    expected = "--like expects a run, or a folder of cases"
    if is_cohort(like):
        try:
            find_cases(like)
        except UserError:
            raise UserError(
                f"{expected}; found neither in {like}: no config.json of a run, and nothing that is a case; name "
                f"another, or see with python -m segan_tl check {like} what is there"
            ) from None
        return
    try:
        _open(like, runs)
    except UserError as error:
        if is_zoo(like) or Path(like).exists():
            raise
        raise UserError(f"{expected}; found no folder {like}, and {error}") from None


def is_cohort(like: str) -> bool:
    """Tell whether --like names a folder of cases, not a run."""
    from segan_tl.zoo.find import is_zoo

    return not is_zoo(like) and Path(like).is_dir() and not (Path(like) / "config.json").is_file()


def _open(like: str, runs: Path):
    from segan_tl.runs import open_run

    return open_run(like, runs=runs)


def _expected(run) -> tuple[tuple[str, ...], dict]:
    """Return the modalities that a run needs, and how its cohort was prepared."""
    from segan_tl.config.load import validate
    from segan_tl.runs import read_json, read_state

    config = validate(read_json(run.config), source=str(run.config))
    needed = () if config.data.any_subset else config.data.modalities
    return needed, read_state(run).get("data", {}).get("prepared") or {}


def _space_of_run(run, like: str) -> Path:
    """Return the folder of the mean image of a run's training cases, kept with the run."""
    from segan_tl.clinical.space.cohort import RECORD
    from segan_tl.data.find.cases import find_cases
    from segan_tl.errors import UserError
    from segan_tl.runs import read_parts, read_state
    from segan_tl.zoo.find import is_entry

    kept = run.root / "space"
    folder = Path(read_state(run).get("data", {}).get("folder") or "")
    if is_entry(run.root) or not folder.name or not folder.is_dir():
        if (kept / RECORD).is_file():
            return kept
        raise UserError(
            f"expected the cases that {like} learnt from, for their mean image; found none; name a cohort in the same "
            "space with --like COHORT, or an atlas with --atlas FILE"
        )
    known = set(read_parts(run).get("train", ()))
    cases = [case for case in find_cases(folder).cases if case.id in known]
    return _keep(cases, kept, name=folder.name)


def _space_of_cohort(folder: Path, cache: Path) -> Path:
    """Return the folder of the mean image of a cohort, kept in the cache."""
    import hashlib

    from segan_tl.data.find.cases import find_cases

    place = hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:16]
    return _keep(list(find_cases(folder).cases), cache / f"space-{place}", name=folder.resolve().name)


def _keep(cases: list, place: Path, *, name: str) -> Path:
    from segan_tl.clinical.space.cohort import take_space
    from segan_tl.console import console, progress_bar

    with progress_bar("mean image of the cohort", total=len(cases)) as advance:
        space, made = take_space(cases, place, name=name, advance=advance)
    if made:
        console.print(f"mean image of {space.cases} cases of {name}, made once, is kept in {place}", soft_wrap=True)
    return place
