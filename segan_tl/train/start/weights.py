"""The file of weights that a training starts from, by transfer or `model.pretrained`: found, held to what is meant."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from segan_tl.config.schema import Config
from segan_tl.data.learnt import CASES, PATIENTS, Learnt, learnt_by, read_learnt
from segan_tl.disk.manifest import sha256, verify
from segan_tl.disk.reading import is_there, require_file
from segan_tl.errors import UserError
from segan_tl.models.provenance import read_provenance
from segan_tl.runs import Run, read_json
from segan_tl.train.start.source import CRITIC, SEGMENTOR, Source
from segan_tl.zoo.find import folder_of, is_entry, spell

PROVENANCE = ("software", "configuration", "source", "source_sha256", "name", "modalities", "regions", CASES, PATIENTS)


@dataclass(frozen=True)
class Start:
    """What a training starts from, or started from.

    Attributes:
        path: of the segmentor's .keras file; None where the training goes on and the file is not needed any more.
        critic: of the critic's, None where there is none beside it.
        record: what run.json says of it: file, sha256, where it comes from, what is new and what stands still.
        about: provenance of the file.
    """

    path: Path | None
    record: dict
    about: dict = field(default_factory=dict)
    critic: Path | None = None

    @property
    def learnt_from(self) -> Learnt:
        """Return whom it was trained or tuned on, as far as it tells."""
        return read_learnt(self.record) or Learnt()


def find_start(config: Config, run: Run, *, resuming: bool) -> Start | None:
    """Find what `model.pretrained` or `transfer.source` names: a .keras file, or a run or zoo:NAME, verified first.

    Args:
        config: the configuration.
        run: what is to be trained.
        resuming: whether it goes on from its own last checkpoint; the file is not needed then.

    Returns:
        None where nothing is named; for a run that goes on, what its run.json recorded.

    Raises:
        UserError: there is no such file, it is no .keras file, it is not the one that the configuration means, or it
            would be deleted with the run.
    """
    named = config.transfer.source if config.transfer else config.model.pretrained
    if not named:
        return None
    if resuming:
        # What stands still was written down when the run began.
        state = read_json(run.state) if config.transfer or run.state.is_file() else {}
        record = state.get("pretrained", None if config.transfer else {"file": named})
        if record is not None:
            return Start(None, record)
    path = _find_file(folder_of(named), run, place=place_of(config))
    about, digest = read_provenance(path), sha256(path)
    if config.transfer and digest != config.transfer.source_sha256:
        raise UserError(
            f"transfer.source: {path} has sha256 {digest[:12]}…, the configuration means "
            f"{config.transfer.source_sha256[:12]}…: it was trained again since; run the command again"
        )
    origin = {key: about[key] for key in PROVENANCE if key in about}
    parent = Run(path.resolve().parent.parent)
    if CASES not in origin and parent.splits.is_file() and (learnt := learnt_by(parent)):
        origin |= learnt.describe()
    critic = path.with_name(CRITIC) if config.transfer and path.with_name(CRITIC).is_file() else None
    file = spell(parent.root) if is_entry(parent.root) else str(path)
    return Start(path, {"file": file, "sha256": digest, **origin}, about, critic)


def refuse_seen(start: Start | Source | None, test: Mapping[str, str]) -> None:
    """Refuse test cases (case → patient) of patients that the source, or the teacher, has learnt from.

    Raises:
        UserError: there are such.
    """
    seen = start.learnt_from.seen(test) if start else []
    if seen:
        raise UserError(
            f"{start.path} was trained or tuned on the patients of {len(seen)} of the test cases "
            f"({', '.join(seen[:3])}): their Dice would be no test; take over its split with --split RUN, or "
            "remove these cases"
        )


def place_of(config: Config) -> str:
    """Return the name of the value that says what a training starts from."""
    return "transfer.source" if config.transfer else "model.pretrained"


def _find_file(path: Path, run: Run, *, place: str) -> Path:
    """Return the .keras file that is meant, outside of the run that it is to start."""
    if path.is_dir():
        if SEGMENTOR not in verify(Run(path).best):
            raise UserError(f"{place}: {path} holds no best/{SEGMENTOR}; name a run or a .keras file")
        path = Run(path).best / SEGMENTOR
    if is_there(path):
        require_file(path)
    else:
        raise UserError(f"{place}: there is no {path}; give a .keras file, such as `import` writes, or a run")
    if path.suffix != ".keras":
        raise UserError(f"{place}: {path} is no .keras file; type python -m segan_tl import {path} OUT.keras first")
    if path.resolve().is_relative_to(run.root.resolve()):
        raise UserError(f"{place}: {path} lies in the run that is to be trained; copy it elsewhere first")
    return path
