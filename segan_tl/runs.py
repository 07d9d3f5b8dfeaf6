"""The run directory: the only place that knows the file names inside it."""

import re
from dataclasses import dataclass
from pathlib import Path

from segan_tl.disk.atomic import recover, siblings
from segan_tl.disk.ownership import kind_of
from segan_tl.errors import UserError, nearest
from segan_tl.schemas import reading as schemas
from segan_tl.schemas.reading import Schema
from segan_tl.schemas.runs import FILES, Splits
from segan_tl.zoo.find import PREFIX, entry_names, find_entry, is_entry, is_zoo, spell

FOLD = re.compile(r"fold\d+")
ABSENT = "the run is incomplete; train it again with --overwrite"


@dataclass(frozen=True)
class Run:
    """Names of everything inside one run directory."""

    root: Path

    @property
    def config(self) -> Path:
        """Return the validated configuration, JSON."""
        return self.root / "config.json"

    @property
    def splits(self) -> Path:
        """Return the case ids of train, validation and test, JSON."""
        return self.root / "splits.json"

    @property
    def patients(self) -> Path:
        """Return part → case id → patient of the cases in splits.json, JSON."""
        return self.root / "patients.json"

    @property
    def digests(self) -> Path:
        """Return the digests of every case's images and mask as the run began with them, JSON."""
        return self.root / "digests.json"

    @property
    def fingerprint(self) -> Path:
        """Return what the training cases looked like, to hold a new scan against, JSON."""
        return self.root / "cohort_fingerprint.json"

    @property
    def state(self) -> Path:
        """Return what the run is and how far it got, JSON."""
        return self.root / "run.json"

    @property
    def history(self) -> Path:
        """Return one row per epoch, CSV."""
        return self.root / "history.csv"

    @property
    def tensorboard(self) -> Path:
        """Return the folder of TensorBoard's event files."""
        return self.root / "tensorboard"

    @property
    def best(self) -> Path:
        """Return the checkpoint with the best validation Dice: segmentor.keras, critic.keras."""
        return self.root / "best"

    @property
    def last(self) -> Path:
        """Return the checkpoint to resume from: networks, both optimizers, counters."""
        return self.root / "last"

    @property
    def predictions(self) -> Path:
        """Return the folder of segmented test cases, NIfTI."""
        return self.root / "predictions"

    @property
    def metrics(self) -> Path:
        """Return the scores, one row per case and region, CSV."""
        return self.root / "metrics.csv"

    @property
    def summary(self) -> Path:
        """Return mean scores and provenance, JSON."""
        return self.root / "summary.json"

    @property
    def review(self) -> Path:
        """Return what a second look has learnt of the run's answers, JSON; of a cross-validation for all folds."""
        return self.root / "review.json"

    @property
    def review_picture(self) -> Path:
        """Return how well that foresees the Dice, PNG."""
        return self.root / "review.png"

    @property
    def comparison(self) -> Path:
        """Return what a transfer was worth: Dice of the source, from scratch, transferred, JSON."""
        return self.root / "comparison.json"

    @property
    def curves(self) -> Path:
        """Return the learning curves, PNG."""
        return self.root / "curves.png"

    @property
    def overlays(self) -> Path:
        """Return pictures of the best, median and worst test case, PNG."""
        return self.root / "overlays.png"

    @property
    def calibration(self) -> Path:
        """Return the temperatures that make its probabilities mean what they say, JSON."""
        return self.root / "calibration.json"

    @property
    def reliability(self) -> Path:
        """Return the picture of its probabilities beside how often they came true, PNG."""
        return self.root / "reliability.png"

    @property
    def guarantee(self) -> Path:
        """Return thresholds and volume intervals that hold for new patients on average, JSON."""
        return self.root / "guarantee.json"

    @property
    def report(self) -> Path:
        """Return the page that shows the run in a browser, HTML in one file."""
        return self.root / "report.html"


def run_name(folder: Path) -> str:
    """Return what a person calls a run: segan/flair, nnunet/BraTS2021/fold0, segan/flair/again of a retest in it.

    One that comes along is called zoo:NAME.
    """
    if is_entry(folder):
        return spell(folder)
    folder, depth = folder.resolve(), 2
    outer = folder
    while outer.name and (FOLD.fullmatch(outer.name) or Run(outer.parent).config.is_file()):
        outer, depth = outer.parent, depth + 1
    return "/".join(folder.parts[-depth:])


def open_run(path: Path | str, *, runs: Path | str = "runs") -> Run:
    """Return the run at `path`, or at `runs`/`path` where that is the run directory; zoo:NAME is one that comes along.

    Raises:
        UserError: there is no run; the one that was probably meant, or those that exist, are named.
    """
    if is_zoo(path):
        return Run(find_entry(str(path)))
    places = (Path(path), Path(runs) / path)
    for place in places:
        if not place.exists() and kind_of(siblings(place)[1]) == "run":
            recover(place)
        if Run(place).config.is_file():
            return Run(place)
    if folds := [fold for place in places for fold in find_runs(place) if FOLD.fullmatch(fold.name)]:
        raise UserError(
            f"{folds[0].parent} is a cross-validation of {len(folds)} folds, not one run: name one of them, such as "
            f"{folds[0]}; all together they can be given to report, compare and predict --ensemble mean"
        )
    _refuse_network(Path(path))
    raise UserError(f"no run at {path}: expected a folder with config.json; {_known_runs(path, Path(runs))}")


def _refuse_network(path: Path) -> None:
    """Say what to give instead where somebody names a network."""
    if path.is_file() and path.suffix == ".zip":
        raise UserError(
            f"{path} is no run: a portable artefact segments and nothing else (python -m segan_tl predict); give the "
            "folder of the run that it was exported from"
        )
    if path.is_file() and path.suffix == ".keras":
        raise UserError(f"{path} is a network; give the folder of its run, which knows how images were prepared")
    if path.is_file() or (path / "saved_model.pb").is_file():
        raise UserError(f"{path} is no run; only Keras reads it: open it there, and save the whole model as .keras")


def find_runs(folder: Path, *, below: bool = False) -> list[Path]:
    """Return the runs that lie in a folder, sorted; with `below`, at any depth. What is hidden is none."""
    found = (file.parent for file in folder.glob("**/config.json" if below else "*/config.json"))
    return sorted(run for run in found if not any(part.startswith(".") for part in run.relative_to(folder).parts))


def _known_runs(path: Path | str, runs: Path) -> str:
    """Return which run was probably meant, or which there are."""
    found = {folder.relative_to(runs).as_posix(): folder for folder in find_runs(runs, below=True)}
    wanted = str(path).removeprefix(f"{runs}/").rstrip("/")
    ends = {name.rpartition("/")[2]: name for name in reversed(found)}  # flair for segan/flair
    near = nearest(wanted, found) or ends.get(nearest(wanted.rpartition("/")[2], ends))
    if wanted in entry_names():
        return f"did you mean {PREFIX}{wanted}?"
    if near:
        return f"did you mean {near if runs == Path('runs') else found[near]}?"
    return "found " + (", ".join(map(str, list(found.values())[:8])) or (
        f"none in {runs.absolute()}; say where runs are with --runs DIR, or train one, for example with: python -m "
        "segan_tl train-segan --modality flair"
    ))  # fmt: skip


def read_json(path: Path, schema: type[Schema] | None = None) -> dict:
    """Read a JSON file of a run directory; its name says what it has to hold, unless a schema is given.

    Raises:
        UserError: the file is missing, damaged or of another shape.
    """
    return schemas.read_json(path, schema or FILES[path.name], absent=ABSENT)


def read_parts(run: Run) -> dict[str, list[str]]:
    """Return part → case ids of a run's splits.json, without what newer versions may write beside them.

    Raises:
        UserError: as `read_json`.
    """
    return {part: cases for part, cases in read_json(run.splits).items() if part in Splits.model_fields}


def read_state(run: Run) -> dict:
    """Return what run.json says; nothing where the run has none yet."""
    return read_json(run.state) if run.state.is_file() else {}


def require_finished(run: Run, *, otherwise: str = "the command that started it") -> dict:
    """Return the run.json of a run that is trained to its end.

    Args:
        otherwise: what goes on with it where the run does not say.

    Raises:
        UserError: it is not trained to its end; the command that goes on with it is named.
    """
    state = read_state(run)
    if state.get("state") != "finished":
        progress = f"run.json: {state.get('state', 'missing')}, epoch {state.get('epochs', 0)}"
        raise UserError(f"{run.root} is not finished ({progress}); go on with: {state.get('command') or otherwise}")
    return state


def is_imported(run: Run) -> bool:
    """Return whether `import` wrote the run, which then never had a split; one that is lost is no such case."""
    state = read_state(run)  # `import` says what file the network was, a training on which cases
    return "source_sha256" in state and "data" not in state and not run.splits.exists()
