"""What an earlier start of the same command left in the folder of a run."""

import contextlib
import json
from collections.abc import Iterator

from segan_tl.runs import read_json, read_state
from segan_tl.train.machines.link import ALONE

ANEW = "add --overwrite to train it anew, or --set name=another to keep both"


def is_finished(this_run, config, *, remedy: str = ANEW) -> bool:
    """Compare with the configuration that the run was trained with; return whether its training is complete.

    Args:
        this_run: there or not.
        config: what it would be trained with now.
        remedy: what to do where it cannot go on.

    Raises:
        UserError: the run has other settings, or has lost the checkpoint that it would go on from.
    """
    from segan_tl.disk.atomic import recover
    from segan_tl.errors import UserError

    for checkpoint in (this_run.last, this_run.best):
        recover(checkpoint)
    if not has_begun(this_run):
        return False
    if different := differences(this_run, config):
        more = f"; and {len(different) - 3} more" if len(different) > 3 else ""
        raise UserError(
            f"{this_run.root} was trained {_on_what(this_run)}with other settings ({'; '.join(different[:3])}{more}); "
            f"{remedy}"
        )
    if read_state(this_run).get("state") == "finished":
        return True
    if not this_run.last.is_dir():
        raise UserError(
            f"{this_run.root} is not finished and has lost {this_run.last.name}/, from which it would go on: put it "
            f"back; {remedy}"
        )
    return False


def _on_what(this_run) -> str:
    """Return what a run says of its data, to stand before its settings; nothing where it says nothing."""
    data = read_state(this_run).get("data", {})
    if data.get("synthetic"):
        return "on synthetic patients and "
    return f"on {data['folder']} and " if "folder" in data else ""


def has_begun(this_run) -> bool:
    """Return whether there is more than what a start that was killed before its first checkpoint leaves behind."""
    if not this_run.config.is_file():
        return False
    if this_run.last.is_dir() or this_run.summary.is_file():
        return True
    if read_state(this_run).get("state") in ("finished", "interrupted"):
        return True
    # The first epoch publishes best/, then writes its row, then last/.
    epochs = len(this_run.history.read_text(encoding="utf-8").splitlines()) - 1 if this_run.history.is_file() else 0
    return epochs > 1


def differences(this_run, config) -> list[str]:
    """Return what a configuration changes in the one that a run was trained with, such as "train.epochs 2 → 3"."""
    from segan_tl.config.load import comparable

    wanted = json.loads(config.model_dump_json())
    return sorted(_differences(comparable(read_json(this_run.config)), comparable(wanted)))


def refuse_foreign_run(this_run, *, remedy: str = "train under another name with --set name=another") -> None:
    """Refuse a folder where somebody else's files have the names of a run's; others there are left alone.

    Raises:
        UserError: it names the first of them.
    """
    from segan_tl.disk.ownership import RUN_FILES, RUN_FOLDERS, refuse_foreign

    refuse_foreign(this_run.root, "run", (*RUN_FILES, *RUN_FOLDERS), remedy=f"move it away, or {remedy}")


def start_anew(this_run, config, split, patients: dict[str, dict[str, str]]) -> bool:
    """Set an earlier run aside until there is a checkpoint, mark the folder, and write what it is of.

    Returns:
        Whether there was an earlier one.
    """
    from segan_tl.disk.atomic import write_json
    from segan_tl.disk.ownership import mark, set_aside

    kept = set_aside(this_run.root)
    mark(this_run.root, "run")
    write_json(this_run.config, json.loads(config.model_dump_json()))
    write_json(this_run.patients, patients)
    write_json(this_run.splits, split)
    return kept


@contextlib.contextmanager
def old_run_kept(this_run, link=ALONE) -> Iterator[None]:
    """Put the earlier run back where the new one fails before it has a checkpoint.

    Args:
        this_run: that is trained.
        link: to workers on other machines, whose end waits for that.
    """
    from segan_tl.console import console
    from segan_tl.disk.ownership import BEFORE, put_back

    try:
        yield
    except BaseException:
        if (this_run.root / BEFORE).is_dir():
            with link.writing:
                put_back(this_run.root)
            console.print(f"{this_run.root} holds the earlier run again", soft_wrap=True)
        raise


def _differences(found: dict, wanted: dict, prefix: str = "") -> list[str]:
    lines = []
    for key in found.keys() | wanted.keys():
        old, new = found.get(key), wanted.get(key)
        if isinstance(old, dict) and isinstance(new, dict):
            lines += _differences(old, new, f"{prefix}{key}.")
        elif old != new:
            lines.append(f"{prefix}{key} {old} → {new}")
    return lines
