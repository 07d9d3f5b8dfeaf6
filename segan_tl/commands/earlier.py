"""What an earlier start of the same command left in the folder of a run."""

import json
import re
import shutil

# In the folder of a run may lie the cross-validation of the same configuration and data.
KEPT = re.compile(r"\.lock$|fold\d+$|folds\.json$|logs$|crossval\.\w+$")


def is_finished(this_run, config) -> bool:
    """Compare with the configuration that the run was trained with; return whether its training is complete."""
    from segan_tl.errors import UserError
    from segan_tl.runs import read_json, recover

    for checkpoint in (this_run.last, this_run.best):
        recover(checkpoint)
    if not this_run.last.is_dir():
        return False
    if different := differences(this_run, config):
        raise UserError(
            f"{this_run.root} was trained with other settings ({'; '.join(different[:3])}); add --overwrite to "
            "train it anew, or --set name=another to keep both"
        )
    return this_run.state.is_file() and read_json(this_run.state).get("state") == "finished"


def differences(this_run, config) -> list[str]:
    """Return what a configuration changes in the one that a run was trained with, such as "train.epochs 2 → 3"."""
    from segan_tl.config_base import comparable
    from segan_tl.runs import read_json

    wanted = json.loads(config.model_dump_json())
    return sorted(_differences(comparable(read_json(this_run.config)), comparable(wanted)))


def start_anew(this_run, config, split, patients: dict[str, dict[str, str]]) -> None:
    """Empty the run directory, but for the lock and a cross-validation, and write configuration, split and patients."""
    from segan_tl.runs import write_json

    for entry in [entry for entry in this_run.root.iterdir() if not KEPT.match(entry.name)]:
        if entry.is_dir():
            shutil.rmtree(entry)
        else:
            entry.unlink()
    write_json(this_run.config, json.loads(config.model_dump_json()))
    write_json(this_run.patients, patients)
    write_json(this_run.splits, split)


def _differences(found: dict, wanted: dict, prefix: str = "") -> list[str]:
    lines = []
    for key in found.keys() | wanted.keys():
        old, new = found.get(key), wanted.get(key)
        if isinstance(old, dict) and isinstance(new, dict):
            lines += _differences(old, new, f"{prefix}{key}.")
        elif old != new:
            lines.append(f"{prefix}{key} {old} → {new}")
    return lines
