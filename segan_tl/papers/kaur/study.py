"""The runs of the reproduction of Kaur 2019: where they lie, and what they scored."""

from dataclasses import dataclass
from pathlib import Path

from segan_tl.papers.runs import is_scored, mean_over, read_column, read_rows
from segan_tl.papers.tables import Published
from segan_tl.runs import Run, read_json

PAPER = "kaur-2019"
REGIONS = ("ncr", "ed", "et")
MEAN = "average"  # of the regions of a patient
COLUMNS = {MEAN: "average", "ncr": "NCR", "ed": "ED", "et": "ET"}
# As `finetune --strategy` calls them → as the paper does.
STARTS = {
    "scratch": "from scratch",
    "last-three": "FT_LastThree",
    "last-three-decoder": "FT_Decoder",
    "last-three-all": "FT_All",
}
CASES = {"quick": (4, 8, 16, 32), "full": (20, 50, 100, 150)}  # training cases
FOLDS = {"quick": (2, 4), "full": (4, 4)}  # how many are run, of how many
# Folders inside a run: its scores at the operating point, and the area under the ROC curve.
CHOSEN, AUC = "operating_point", "auc"
PLAIN = "plain"  # the most probable class
AUC_PUBLISHED = Published(0.77)


@dataclass(frozen=True)
class Study:
    """All runs of one scale.

    Attributes:
        runs: folder where runs are kept.
        scale: "quick" or "full".
        out: folder of the results page.
        target: name of the target's folder, glioma.
        source: name of the source's folder, multiple sclerosis.
    """

    runs: Path
    scale: str
    out: Path
    target: str
    source: str

    @property
    def cases(self) -> tuple[int, ...]:
        """Return the numbers of training cases, fewest first."""
        return CASES[self.scale]

    @property
    def folds(self) -> range:
        """Return the folds that are run."""
        return range(FOLDS[self.scale][0])

    @property
    def pretraining(self) -> Run:
        """Return the training on the source."""
        return Run(self.runs / f"{PAPER}-{self.scale}-pretraining" / self.source)

    def name(self, cases: int) -> str:
        """Return the configuration name of the runs on so many training cases."""
        return f"{PAPER}-{self.scale}-cases{cases}"

    def run(self, cases: int, start: str, *, fold: int) -> Run:
        """Return one run on the target."""
        return Run(self.runs / self.name(cases) / f"{self.source}-to-{self.target}-{start}" / f"fold{fold}")

    def scored(self, cases: int, start: str) -> dict[int, Run]:
        """Return fold → run of those that are trained and scored, at the operating point too."""
        runs = {fold: self.run(cases, start, fold=fold) for fold in self.folds}
        return {
            fold: run for fold, run in runs.items() if is_scored(run) and Run(run.root / CHOSEN).summary.is_file()
        }

    @property
    def target_runs(self) -> list[Run]:
        """Return all runs on the target, there or not."""
        return [self.run(cases, start, fold=fold) for cases in self.cases for fold in self.folds for start in STARTS]


def has_auc(study: Study) -> bool:
    """Return whether the pretraining is scored with its area under the ROC curve."""
    return is_scored(study.pretraining) and Run(study.pretraining.root / AUC).summary.is_file()


def read_areas(study: Study, column: str) -> dict[str, float]:
    """Return test patient of the source → area under the ROC curve; those without a lesion have none."""
    path = study.pretraining.root / AUC / "auc.csv"
    rows = read_rows(path, ("case",), (column,)) if has_auc(study) else []
    return {row["case"]: float(row[column]) for row in rows if row[column]}


def scores_of_run(run: Run, point: str) -> dict[str, dict[str, float]]:
    """Return column → test patient → Dice of one run, at the plain decision or at the operating point."""
    metrics = run.metrics if point == PLAIN else Run(run.root / CHOSEN).metrics
    found = {region: read_column(metrics, "dice", region=region) for region in REGIONS}
    return {MEAN: mean_over(list(found.values()))} | found


def scores_of(study: Study, cases: int, start: str, *, point: str = CHOSEN, column: str = MEAN) -> dict[str, float]:
    """Return test patient → Dice, over the folds that are there."""
    scored = study.scored(cases, start).values()
    return {case: value for run in scored for case, value in scores_of_run(run, point)[column].items()}


def read_point(run: Run) -> dict:
    """Return the operating point of a run that is scored at it: threshold, validation_dice, cases."""
    return read_json(run.root / CHOSEN / "operating_point.json")
