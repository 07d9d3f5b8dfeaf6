"""Which files in a folder are ours: only they are ever set aside, replaced or removed, whatever else lies there."""

import json
import os
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path

from segan_tl.disk.leftovers import temporary_path
from segan_tl.disk.paths import fault_of_name
from segan_tl.errors import UserError

# In every folder that we may empty: what it is, and below, the cases whose predictions lie there if no split tells.
MARKER = ".segan_tl"
MANIFEST = "MANIFEST.json"
BEFORE = ".before"  # in a run that is trained anew, until it has a checkpoint: the files of the run before
RUN_FILES = (
    "config.json", "splits.json", "patients.json", "digests.json", "cohort_fingerprint.json", "run.json",
    "history.csv", "metrics.csv", "summary.json", "comparison.json", "curves.png", "overlays.png", "report.html",
    "calibration.json", "reliability.png", "guarantee.json",
    "review.json", "review.png",
)  # fmt: skip
CHECKPOINTS = ("best", "last")
RUN_FOLDERS = (*CHECKPOINTS, "predictions", "tensorboard")
FILES = {
    "run": RUN_FILES,
    "scores": ("summary.json", "metrics.csv", "overlays.png", "auc.csv", "operating_point.json"),
    "matrix": (
        "matrix.json", "matrix.csv", "matrix_cases.csv", "matrix.png", "votes.csv", "votes.png",
        "subsets.csv", "subsets_cases.csv", "subsets_cost.csv", "subsets.png",
    ),
}
# Folders of versions that left no marker: a file, and keys of it that no other program writes together.
_OLDER = {
    "run": ("config.json", {"name", "seed", "phantom", "data", "model", "train", "predict"}),
    "scores": ("summary.json", {"cases", "regions", "definitions", "segmentor_sha256", "predict", "versions"}),
    "matrix": ("matrix.json", {"runs", "regions", "votes_settings", "matrix", "versions"}),
    "cohort": ("cohort.json", {"synthetic", "label_convention", "voxel_mm", "seed", "software"}),
}


# === Whose is it? ===


def mark(folder: Path, kind: str, *, cases: Sequence[str] = ()) -> None:
    """Mark a folder, which is made if need be, as one of a kind that we make.

    Args:
        folder: what is not ours in it stays whatever happens to the rest.
        kind: "run", "scores", "matrix", "cohort" or "page".
        cases: whose predictions it will hold, where no splits.json tells.
    """
    folder.mkdir(parents=True, exist_ok=True)
    temporary = temporary_path(folder / MARKER)
    try:
        temporary.write_text("\n".join((kind, *cases)) + "\n", encoding="utf-8")
        os.replace(temporary, folder / MARKER)
    finally:
        temporary.unlink(missing_ok=True)  # of a full disk


def kind_of(folder: Path) -> str | None:
    """Return what a folder is that we made, by its marker or, of an older version, by a file of ours; else None."""
    if lines := _lines(folder / MARKER):
        return lines[0]
    return next((kind for kind, (file, keys) in _OLDER.items() if keys <= _read(folder / file).keys()), None)


def refuse_foreign(folder: Path, kind: str, names: Iterable[str], *, remedy: str) -> None:
    """Refuse a folder where files of somebody else have the names of those that are to be written.

    Args:
        folder: there or not.
        kind: what it is where we made it.
        names: of files and folders in it that a command replaces or removes.
        remedy: what to do instead.

    Raises:
        UserError: it names the first of them.
    """
    if kind_of(folder) == kind:
        return
    if taken := next((folder / name for name in names if os.path.lexists(folder / name)), None):
        raise UserError(f"{taken} is there already, and segan_tl did not make it: it would be lost; {remedy}")


def own_files(folder: Path) -> list[Path]:
    """Return the files in a folder that we wrote there, but for its marker; those of a run's retests with theirs."""
    kind = kind_of(folder)
    names = [*FILES.get(kind, ()), *_manifest_names(folder)]
    if kind in ("run", "scores"):
        names += [f"predictions/{case}.nii.gz" for case in _tested(folder)]
        names += [f"{part}/{name}" for part in CHECKPOINTS for name in _manifest_names(folder / part)]
        names += [f"tensorboard/{file.name}" for file in (folder / "tensorboard").glob("events.out.tfevents.*")]
    found = [folder / name for name in names]
    if kind == "run":
        retests = [path for path in folder.iterdir() if path.is_dir() and kind_of(path) == "scores"]
        found += [file for path in retests for file in (*own_files(path), path / MARKER)]
    return [path for path in dict.fromkeys(found) if path.is_file() or path.is_symlink()]


# === What becomes of it ===


def remove_own(folder: Path) -> None:
    """Remove our files from a folder, and the folders in it that are empty then; the marker stays."""
    for path in own_files(folder):
        path.unlink()
        _remove_empty(path.parent, below=folder)


def set_aside(folder: Path) -> bool:
    """Move our files of a run to BEFORE in it; where those of an earlier one are kept there, they are, and these go.

    Returns:
        Whether there were any to keep.

    Raises:
        UserError: somebody else has something of that name there.
    """
    own, before = own_files(folder), folder / BEFORE
    kept = (before / MARKER).is_file()
    if os.path.lexists(before) and not kept:
        raise UserError(f"{before} is there already, and segan_tl did not make it; move it away")
    if not own:
        return False
    for place in (folder, before):
        mark(place, "run")
    for path in own:
        target = before / path.relative_to(folder)
        if os.path.lexists(target):
            path.unlink()
        else:
            _move(path, target)
        _remove_empty(path.parent, below=folder)
    return not kept


def put_back(folder: Path) -> None:
    """Undo `set_aside`: what was begun since goes."""
    before = folder / BEFORE
    remove_own(folder)
    for path in [path for path in before.rglob("*") if not path.is_dir() and path != before / MARKER]:
        _move(path, folder / path.relative_to(before))
    shutil.rmtree(before)


def forget(folder: Path) -> None:
    """Remove what `set_aside` kept, if there is any: the new run has a checkpoint."""
    if (folder / BEFORE / MARKER).is_file():
        carry_over(folder / BEFORE, folder)


def carry_over(old: Path, new: Path) -> None:
    """Remove a folder that another has replaced; what somebody else has put into it moves to the same place there."""
    own = {old / MARKER, *own_files(old)}
    for folder, inside, files in os.walk(old):
        links = [name for name in inside if os.path.islink(os.path.join(folder, name))]
        for path in (Path(folder, name) for name in (*files, *links)):
            if path not in own:
                target = new / path.relative_to(old)
                _move(path, target.with_name(f"{target.name}.before") if os.path.lexists(target) else target)
    if old.is_symlink():
        old.unlink()
    else:
        shutil.rmtree(old, ignore_errors=True)


def _move(path: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.move(path, target)  # a folder may be a link to another disk


def _remove_empty(folder: Path, *, below: Path) -> None:
    """Remove a folder, and those around it, as long as they are empty and lie in another one."""
    while folder != below and not folder.is_symlink() and not any(folder.iterdir()):
        folder.rmdir()
        folder = folder.parent


# === What our files say ===


def _manifest_names(folder: Path) -> list[str]:
    """Return the names of a checkpoint's files, and of what lists them."""
    files = _read(folder / MANIFEST).get("files")
    return [MANIFEST, *_names(files)] if isinstance(files, dict) else []


def _tested(folder: Path) -> list[str]:
    """Return the cases whose predictions a run, or a retest, has written or was about to write."""
    stated = _names(_read(folder / "splits.json").get("test")) or _names(_lines(folder / MARKER)[1:])
    return stated or _names(dict.fromkeys(line.partition(",")[0] for line in _lines(folder / "metrics.csv")[1:]))


def _names(found: object) -> list[str]:
    """Return what can name a file in its folder, and nothing elsewhere."""
    names = found if isinstance(found, list | dict) else ()
    return [name for name in names if isinstance(name, str) and fault_of_name(name) is None]


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    except UnicodeDecodeError:
        return []


def _read(path: Path) -> dict:
    """Return the object in a JSON file, {} where it holds none: then it is no file of ours."""
    try:
        found = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    except (ValueError, OSError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
