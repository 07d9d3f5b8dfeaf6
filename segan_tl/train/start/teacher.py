"""The finished run whose answers a training is to learn from, beside the masks: found, and held to what is meant."""

from segan_tl.config.schema import Config
from segan_tl.errors import UserError
from segan_tl.runs import Run, read_json
from segan_tl.train.start.source import Source, read_run
from segan_tl.zoo.find import folder_of

PREPARATION = ("normalise", "percentiles", "crop", "spacing_mm", "plane")


def find_teacher(config: Config, run: Run, *, resuming: bool) -> Source | None:
    """Find the run that `train.teacher` names; None where it names none.

    Args:
        config: the configuration.
        run: what is to be trained.
        resuming: whether it goes on from its own last checkpoint: the teacher must be the same, then.

    Raises:
        UserError: there is no such run, it is not finished, its images or answers are others, nobody knows whom it has
            learnt from, or it was trained again since this run began.
    """
    if not config.train.teacher:
        return None
    folder = folder_of(config.train.teacher)
    if not (folder / "config.json").is_file():
        raise UserError(
            f"train.teacher: expected the folder of a finished run; there is none at {folder}; give its whole path, "
            "such as --set train.teacher=runs/segan/all"
        )
    if folder.resolve() == run.root.resolve():
        raise UserError(f"train.teacher: {folder} is the run that is to be trained; name another one")
    teacher = read_run(Run(folder))
    if fault := _misfit(teacher, config):
        raise UserError(f"train.teacher: {folder} {fault}")
    if resuming and run.state.is_file():
        known = read_json(run.state).get("teacher", {}).get("sha256", teacher.digest)
        if known != teacher.digest:
            raise UserError(
                f"train.teacher: {folder} has sha256 {teacher.digest[:12]}…, this run began with {known[:12]}…: it was "
                "trained again since; put it back, or start anew with --overwrite"
            )
    return teacher


def _misfit(teacher: Source, config: Config) -> str | None:
    """Return why a run cannot teach this training; None where it can."""
    theirs = teacher.config
    for key, there, here in (
        ("data.modalities", sorted(teacher.modalities), sorted(config.data.modalities)),
        ("data.regions", sorted(teacher.regions), sorted(config.data.regions)),
        ("model.activation", theirs.model.activation, config.model.activation),
        *((f"data.{key}", getattr(theirs.data, key), getattr(config.data, key)) for key in PREPARATION),
    ):
        if there != here:
            return f"has {key} {there}, expected {here}; train a teacher with the settings of this configuration"
    if theirs.data.neighbours > config.data.neighbours:
        return (
            f"has data.neighbours {theirs.data.neighbours}, expected at most {config.data.neighbours}, those of this "
            "configuration; raise them here, or train a teacher that sees as many"
        )
    if (theirs.data.patch[0] == 1) != (config.data.patch[0] == 1):
        return f"sees patches {list(theirs.data.patch)}, expected slices for slices and volumes for volumes"
    if fault := theirs.model_copy(update={"data": config.data, "critic": None}).misfit():
        return f"cannot take the patches of this configuration: {fault}"
    if teacher.learnt_from is None:
        return "does not tell whom it has learnt from; name a run that was trained here"
    return None
