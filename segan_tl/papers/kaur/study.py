"""The runs of the reproduction of Kaur 2019: where they lie, and what they scored."""

from segan_tl.config.strategies import moved_name
from segan_tl.papers.runs import (
    AVERAGE,
    Facts,
    count_parts,
    describe_length,
    describe_seeds,
    read_columns,
    read_rows,
    read_split,
)
from segan_tl.papers.study import Group, only_there
from segan_tl.papers.study import Study as AnyStudy
from segan_tl.report.score.owed import is_scored
from segan_tl.runs import Run, read_json

REGIONS = ("ncr", "ed", "et")
COLUMNS = {AVERAGE: "average", "ncr": "NCR", "ed": "ED", "et": "ET"}
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


class Study(AnyStudy):
    """One pretraining; then every start, on so many training cases of every fold."""

    paper = "kaur-2019"

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
        return self.place("-pretraining", self.source)

    def run(self, cases: int, start: str, *, fold: int) -> Run:
        """Return one run on the target."""
        return self.place(f"-cases{cases}", moved_name(self.source, self.target, start), f"fold{fold}")

    def scored(self, cases: int, start: str) -> dict[int, Run]:
        """Return fold → run of those that are trained and scored, at the operating point too."""
        return only_there({fold: self.run(cases, start, fold=fold) for fold in self.folds}, has_both_points)

    @property
    def target_runs(self) -> list[Run]:
        """Return all runs on the target, there or not."""
        return [self.run(cases, start, fold=fold) for cases in self.cases for fold in self.folds for start in STARTS]


def list_groups(study: Study) -> list[Group]:
    """Return the pretraining, and the runs of every start."""
    starts = {
        start: [study.run(cases, start, fold=fold) for cases in study.cases for fold in study.folds] for start in STARTS
    }
    return [
        Group("the pretraining", [study.pretraining], is_there=has_auc, of_source=True),
        *(Group(STARTS[start], runs, is_there=has_both_points) for start, runs in starts.items()),
    ]


def has_both_points(run: Run) -> bool:
    """Return whether a run on the target is scored at the plain decision and at the operating point."""
    return is_scored(run) and Run(run.root / CHOSEN).summary.is_file()


def has_auc(pretraining: Run) -> bool:
    """Return whether the pretraining is scored with its area under the ROC curve."""
    return is_scored(pretraining) and Run(pretraining.root / AUC).summary.is_file()


def read_areas(study: Study, column: str) -> dict[str, float]:
    """Return test patient of the source → area under the ROC curve; those without a lesion have none."""
    path = study.pretraining.root / AUC / "auc.csv"
    rows = read_rows(path, ("case",), (column,)) if has_auc(study.pretraining) else []
    return {row["case"]: float(row[column]) for row in rows if row[column]}


def scores_of(study: Study, cases: int, start: str, *, point: str = CHOSEN, column: str = AVERAGE) -> dict[str, float]:
    """Return test patient → Dice, over the folds that are there."""
    return read_runs(study.scored(cases, start).values(), point)[column]


def read_runs(runs, point: str) -> dict[str, dict[str, float]]:
    """Return column → test patient → Dice of runs, at the plain decision or at the operating point."""
    files = (run.metrics if point == PLAIN else Run(run.root / CHOSEN).metrics for run in runs)
    return read_columns(files, regions=REGIONS)


def read_point(run: Run) -> dict:
    """Return the operating point of a run that is scored at it: threshold, validation_dice, cases."""
    return read_json(run.root / CHOSEN / "operating_point.json")


def describe(study: Study, runs: list[Run]) -> Facts:
    """Return data, scale, seeds and lengths for the head of the page."""
    number, of = FOLDS[study.scale]
    own, judges = read_split([study.pretraining]), count_parts(read_split(study.target_runs), but="train")
    *most, last = map(str, study.cases)
    few = f"{', '.join(most)} or {last}"
    return Facts(
        own, f"{study.scale}; {number} of {of} folds of the target; seed {describe_seeds(runs)}",
        (
            f"source `{study.source}`: {count_parts(own)}; target `{study.target}`: {few} train, of a fold {judges}",
            f"length: pretraining {describe_length([study.pretraining])}, every training on the target "
            f"{describe_length(study.target_runs)}",
        ),
    )  # fmt: skip
