"""Several runs that are to work on the same patients, of one modality each or all of the same: opened, found to fit.

A portable artefact is a run whose files are in a zip.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from segan_tl.config.load import validate
from segan_tl.config.predict import PredictConfig
from segan_tl.config.schema import Config
from segan_tl.disk.paths import require_once
from segan_tl.errors import UserError
from segan_tl.portable.artefact import is_artefact, open_artefact
from segan_tl.predict.member import Member
from segan_tl.predict.postprocess import settle
from segan_tl.runs import Run, open_run, read_json, read_state, run_name


def seeing(config: Config, modality: str | None) -> Config:
    """Return the configuration of a run that sees any contrast with the modality that it is to segment now.

    Args:
        config: of the run; one that was trained on images of a modality keeps it.
        modality: what the user says; None for the run's own.
    """
    if modality is None or not config.any_contrast:
        return config
    return config.model_copy(update={"data": config.data.model_copy(update={"modalities": (modality,)})})


def resampled_mm(config: Config) -> float | None:
    """Return the edge of the voxels that a run resamples its images to; None where it takes them as they are."""
    return config.data.spacing_mm


def open_member(path: Path | str, *, runs: Path | str = "runs") -> Member:
    """Open one run, of however many modalities, or the zip of one.

    Raises:
        UserError: there is no such run, or no such artefact.
    """
    if is_artefact(path):
        artefact = open_artefact(Path(path))
        return Member(Run(artefact.path), artefact.path.name, artefact.config, artefact.about, artefact)
    run = open_run(path, runs=runs)
    state = read_state(run)
    config = settle(validate(read_json(run.config), source=str(run.config)), state)
    return Member(run, run_name(run.root), config, state)


def open_members(paths: Sequence[Path | str], *, runs: Path | str = "runs", several: bool = False) -> list[Member]:
    """Open runs and see that each has one modality, all have the same regions and none comes twice.

    Args:
        several: runs of several modalities are welcome, too.

    Raises:
        UserError: they do not, or there is no such run.
    """
    members = _open_each(paths, runs=runs)
    for member in members:
        if len(member.config.data.modalities) != 1 and not several:
            raise UserError(
                f"expected runs of one modality each; {member.run.root} was trained on "
                f"{', '.join(member.config.data.modalities)}; leave it out"
            )
    _require_same_regions(members)
    return members


def open_alike(paths: Sequence[Path | str], *, runs: Path | str = "runs", modality: str | None = None) -> list[Member]:
    """Open runs that see the same images, so that they can answer together.

    They may see slices of different planes, with neighbours or without, voxels of another size, and be of different
    families; whether their regions come together, `joint.choose_target` says.

    Args:
        modality: what the user says is to be segmented, for runs that see any contrast.

    Raises:
        UserError: they do not, one comes twice, or there is no such run.
    """
    members = _open_each(paths, runs=runs)
    members = [replace(member, config=seeing(member.config, modality)) for member in members]
    first = members[0].config.data
    for member in members[1:]:
        data = member.config.data
        for name, here, there in (
            ("images", sorted(first.modalities), sorted(data.modalities)),
            ("data.subsets", [first.subsets], [data.subsets]),
        ):
            if here != there:
                raise UserError(
                    f"expected runs of the same {name}, which answer together; {members[0].run.root} has "
                    f"{', '.join(here)} and {member.run.root} {', '.join(there)}; leave one out"
                )
    return members


def _open_each(paths: Sequence[Path | str], *, runs: Path | str) -> list[Member]:
    """Open runs, none of them twice, each of a name of its own."""
    members = [open_member(path, runs=runs) for path in paths]
    require_once(member.run.root for member in members)
    names = [member.name for member in members]
    return [
        member if names.count(member.name) == 1 else replace(member, name=str(member.run.root.resolve()))
        for member in members
    ]


def _require_same_regions(members: Sequence[Member]) -> None:
    first = members[0]
    for member in members[1:]:
        if member.config.data.regions != first.config.data.regions:
            raise UserError(
                f"expected runs of the same regions; {first.run.root} segments {', '.join(first.config.data.regions)} "
                f"and {member.run.root} {', '.join(member.config.data.regions)}; leave one out"
            )


def require_other_subsets(members: Sequence[Member]) -> None:
    """See that no two runs see the same set of modalities, for the one network of that subset.

    Raises:
        UserError: two do.
    """
    seen = {}
    for member in members:
        other = seen.setdefault(frozenset(member.config.data.modalities), member)
        if other is not member:
            raise UserError(
                f"expected one run for each set of modalities; {other.run.root} and {member.run.root} were both "
                f"trained on {', '.join(member.config.data.modalities)}; leave one out"
            )


def same_modality(members: Sequence[Member]) -> str | None:
    """Say which two runs were trained on the same modality, so that they cannot vote side by side; None where none."""
    seen = {}
    for member in members:
        if member.modality in seen:
            return f"{seen[member.modality].name} and {member.name} were both trained on {member.modality}"
        seen[member.modality] = member
    return None


def joint_settings(voters: Sequence[Member]) -> PredictConfig:
    """Return the settings of a vote: the mean of the voters' thresholds, the largest of their smallest components.

    Runs of one configuration share both; one voter alone keeps its own.
    """
    settings = [voter.config.predict for voter in voters]
    return settings[0].model_copy(
        update={
            "threshold": sum(one.threshold for one in settings) / len(settings),
            "smallest_component": max(one.smallest_component for one in settings),
        }
    )


def weights_of(voters: Sequence[Member], rule: str) -> list[float] | None:
    """Return the voters' validation Dice where the rule weighs votes, None where all count the same."""
    return [voter.weight for voter in voters] if rule == "weighted" else None
