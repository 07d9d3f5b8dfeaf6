"""The runs of the reproduction of Kaur 2019: where they lie, and what they scored."""

from segan_tl.papers.curve import Shown
from segan_tl.papers.jobs import IN_A_NEW_WAY, NEW_RECIPE
from segan_tl.papers.runs import Facts, count_parts, describe_length, describe_seeds, read_rows, read_split
from segan_tl.papers.study import Group
from segan_tl.papers.study import Study as AnyStudy
from segan_tl.report.score.owed import is_scored
from segan_tl.runs import Run
from segan_tl.workflow.curve import Curve
from segan_tl.workflow.starts import SCRATCH, Start

REGIONS = ("ncr", "ed", "et")  # the runs are scored for WT and TC, too
CONFIGS = {"quick": "kaur_quick", "full": "kaur"}
PRETRAINING = "pretraining"
LAST_THREE, DECODER, ALL = "FT_LastThree", "FT_Decoder", "FT_All"  # as the paper calls them
STARTS = (
    Start(SCRATCH, SCRATCH),
    Start(LAST_THREE, PRETRAINING, "last-three"),
    Start(DECODER, PRETRAINING, "last-three-decoder"),
    Start(ALL, PRETRAINING, "last-three-all"),
    Start(f"{ALL}, {IN_A_NEW_WAY}", PRETRAINING, "last-three-all", NEW_RECIPE),
)
CASES = {"quick": (4, 8, 16, 32), "full": (20, 50, 100, 150)}  # training cases
FOLDS = {"quick": (2, 4), "full": (4, 4)}  # how many are run, of how many
# Folders inside a run: its scores at the operating point, and the area under the ROC curve.
CHOSEN, AUC = "operating_point", "auc"
PLAIN = ""  # the most probable class: the run's own scores


class Study(AnyStudy):
    """One pretraining; then every start, on so many training cases of every fold."""

    paper = "kaur-2019"

    @property
    def pretraining(self) -> Run:
        """Return the training on the source."""
        return self.place(f"-{PRETRAINING}", self.source)

    @property
    def curve(self) -> Curve:
        """Return the trainings on the target; a division of the patients is a fold."""
        divisions = tuple(self.out / f"division{fold}.json" for fold in range(FOLDS[self.scale][0]))
        return Curve(
            self.name, CONFIGS[self.scale], "all", self.data, STARTS, CASES[self.scale], (0,), divisions, self.runs,
            self.cache, sources={PRETRAINING: self.pretraining},
        )  # fmt: skip


def list_groups(study: Study) -> list[Group]:
    """Return the pretraining, and the runs of every start."""
    runs: dict[str, list[Run]] = {}
    for cell in study.curve.cells():
        runs.setdefault(cell.start.label, []).append(cell.run)
    return [
        Group("the pretraining", [study.pretraining], is_there=has_auc, of_source=True),
        *(Group(label, found, is_there=has_both_points) for label, found in runs.items()),
    ]


def show_curves(study: Study) -> list[Shown]:
    """Return the learning curve, twice: at the operating point, and at the plain decision."""
    return [
        Shown("operating-point", "At the operating point", study.curve, CHOSEN, REGIONS),
        Shown("plain", "At the plain decision: the most probable class", study.curve, PLAIN, REGIONS),
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


def read_scores_at(study: Study, point: str) -> dict[tuple[str, int], dict[str, float]]:
    """Return (start, training cases) → test patient of all folds that are there → Dice, the mean over the regions."""
    from segan_tl.report.compare.curve import MEAN, gather

    curve = study.curve
    labels = [start.label for start in curve.starts]
    answers = gather(curve.cells(), starts=labels, cases=curve.cases, folder=point, regions=REGIONS)
    return {
        (label, cases): {case: dice for (case, _, _), dice in answers.of(label, cases, MEAN).items()}
        for label in labels for cases in curve.cases
    }  # fmt: skip


def describe(study: Study, runs: list[Run]) -> Facts:
    """Return data, scale, seeds and lengths for the head of the page."""
    number, of = FOLDS[study.scale]
    target_runs = [cell.run for cell in study.curve.cells()]
    own, judges = read_split([study.pretraining]), count_parts(read_split(target_runs), but="train")
    *most, last = map(str, study.curve.cases)
    few = f"{', '.join(most)} or {last}"
    return Facts(
        own, f"{study.scale}; {number} of {of} folds of the target; seed {describe_seeds(runs)}",
        (
            f"source `{study.source}`: {count_parts(own)}; target `{study.target}`: {few} train, of a fold {judges}",
            f"length: pretraining {describe_length([study.pretraining])}, every training on the target "
            f"{describe_length(target_runs)}",
        ),
    )  # fmt: skip
