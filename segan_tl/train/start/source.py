"""What a transfer starts from: a finished run or a single .keras file, found, verified and understood."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from segan_tl.config.load import validate
from segan_tl.config.schema import Config
from segan_tl.data.learnt import Learnt, learnt_by, read_learnt
from segan_tl.data.splits import PARTS
from segan_tl.disk.manifest import sha256, verify
from segan_tl.disk.paths import SHOWN, run_folder
from segan_tl.disk.reading import is_there, require_file
from segan_tl.errors import UserError, nearest
from segan_tl.models.provenance import read_provenance
from segan_tl.regions import MODALITIES, REGIONS
from segan_tl.runs import Run, open_run, read_json, read_state, require_finished
from segan_tl.zoo.find import is_zoo, spell

SEGMENTOR, CRITIC = "segmentor.keras", "critic.keras"


@dataclass(frozen=True)
class Source:
    """Networks to start from, and what is known of them.

    Attributes:
        path: what the user named, as a run folder or a file.
        segmentor: file of the segmentor.
        critic: file of the critic, None where there is none beside a single segmentor.
        digest: sha256 of the segmentor's file.
        modalities: what its input channels are, in order.
        regions: what its output channels are, in order.
        config: the run's configuration, None for a single file.
        split: the run's train, validation and test cases, None for a single file.
        learnt_from: whom it was trained or tuned on, None where nobody wrote that down.
        data: what the run says of its data: folder, layout, synthetic.
    """

    path: Path
    segmentor: Path
    critic: Path | None
    digest: str
    modalities: tuple[str, ...]
    regions: tuple[str, ...]
    config: Config | None
    split: dict[str, list[str]] | None
    learnt_from: Learnt | None
    data: dict

    @property
    def named(self) -> str:
        """Return what a configuration calls it: its path; zoo:NAME, on whatever machine, of what comes along."""
        return spell(self.path)


def label_of(modalities: Iterable[str], *, subsets: str = "all") -> str:
    """Return the folder name of a set of modalities: "flair", "all", "t1+t2"; "any" where any subset will do."""
    modalities = tuple(modalities)
    whole = set(modalities) == set(MODALITIES)
    return subsets if whole else "+".join((*(["any"] if subsets == "any" else []), *modalities))


def find_source(name: str, *, runs: Path, names: Iterable[str] = (), data: Path | None = None) -> Source:
    """Find, check and verify the source of a transfer.

    Args:
        name: a modality (the run of that modality below `runs`/<one of names>), a run, zoo:NAME, or a .keras file.
        runs: where runs are kept.
        names: configuration names to look under, first come first served; without any a modality is no source.
        data: the folder of cases; a run that was trained on it comes before the others.

    Raises:
        UserError: there is none, it is not finished, or it is damaged.
    """
    if is_zoo(name):
        return read_run(open_run(name))
    path = Path(name)
    if path.suffix == ".keras":
        if path.is_file() and read_provenance(path).get("network") == "encoder":
            return Source(path, path, None, sha256(path), (), (), None, None, Learnt(), {})  # of natural images
        return _read_file(path)
    if names and name in (*MODALITIES, "all", "any"):
        places = [run_folder(runs, folder, name) for folder in names]
        if there := [Run(place) for place in places if Run(place).config.is_file()]:
            return read_run(next((run for run in there if data and _is_of(run, data)), there[0]))
        raise UserError(
            f"there is no trained model of {name}: expected the run {places[0]}; train it first with: "
            f"python -m segan_tl train-segan --modality {name}{_where(runs)}, or give --source a run's folder or a "
            ".keras file"
        )
    if "/" not in name and not Path(name).exists():
        if near := nearest(name, (*MODALITIES, "all", "any")):
            raise UserError(f"there is no run {name}; did you mean the modality: --source {near}")
    return read_run(open_run(name, runs=runs))


def read_run(run: Run) -> Source:
    """Read a finished run.

    Raises:
        UserError: it is not finished, damaged, or was written by a version whose configuration is not understood.
    """
    values = read_json(run.config)
    try:
        config = validate(values, source=str(run.config))
    except UserError as error:
        raise UserError(
            f"the source was made by another version of segan_tl ({error}); give its networks and their settings, "
            f"{run.best / SEGMENTOR} as the source and --config FILE, or train it again with --overwrite"
        ) from None
    state = require_finished(run, otherwise=resume_command(config))
    digests = verify(run.best)
    split = read_json(run.splits) if run.splits.is_file() else None  # an imported network has none
    return Source(
        run.root, run.best / SEGMENTOR, run.best / CRITIC if CRITIC in digests else None, digests[SEGMENTOR],
        config.data.modalities, config.data.regions, config, {part: split[part] for part in PARTS} if split else None,
        learnt_by(run), state.get("data", {}),
    )  # fmt: skip


def _is_of(run: Run, data: Path) -> bool:
    """Return whether a run was trained on a folder of cases."""
    folder = read_state(run).get("data", {}).get("folder")
    return folder is not None and Path(folder) == data.resolve()


def _where(runs: Path) -> str:
    """Return the option that says where runs are kept, nothing for the default."""
    return "" if runs == Path("runs") else f" --runs {runs}"


def resume_command(config: Config) -> str:
    """Return the command that goes on with a run, as far as its configuration tells."""
    name, data = f" --set name={config.name}", config.data
    if config.transfer:
        return f"python -m segan_tl transfer --source {config.transfer.source} ...{name}"
    if config.model.family == "segan":
        return f"python -m segan_tl train-segan --modality {label_of(data.modalities, subsets=data.subsets)}{name}"
    return f"python -m segan_tl train ...{name}"


def _read_file(segmentor: Path) -> Source:
    """Read a .keras file; the critic is the one beside it, where there is one."""
    if is_there(segmentor):
        require_file(segmentor)
    else:
        raise UserError(f"no file {segmentor}; the source is the folder of a run, or a .keras file that is there")
    provenance = read_provenance(segmentor)
    if "modalities" not in provenance:
        raise UserError(
            f"{segmentor} does not say which modalities it sees (no provenance of segan_tl in it); give the run it "
            "comes from, or train a network of your own first: python -m segan_tl train --config own_network --set "
            f"model.file={segmentor}"
        )
    for key, known in (("modalities", MODALITIES), ("regions", tuple(REGIONS))):
        found = provenance.get(key)
        if not (isinstance(found, list) and found and all(name in known for name in found)):
            raise UserError(
                f"{segmentor} says that its {key} are {str(found)[:SHOWN]}, expected some of {', '.join(known)}; no "
                "version of segan_tl saves such a file: do not trust it, and give the run that it comes from"
            )
    if provenance.get("network", "segmentor") != "segmentor":
        raise UserError(f"{segmentor} is a {provenance['network']}; give the file of the segmentor beside it")
    critic = segmentor.with_name(CRITIC)
    learnt, run = read_learnt(provenance), Run(segmentor.resolve().parent.parent)
    if learnt is None and run.splits.is_file():  # a run's file that does not say it itself
        learnt = learnt_by(run)
    return Source(
        segmentor, segmentor, critic if critic.is_file() else None, sha256(segmentor),
        tuple(provenance["modalities"]), tuple(provenance["regions"]), None, None,
        learnt, provenance.get("data", {}),
    )  # fmt: skip
