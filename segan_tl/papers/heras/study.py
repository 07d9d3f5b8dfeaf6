"""The runs of the reproduction of Heras Rivera 2024: where they lie, what they scored, and what the paper published."""

from dataclasses import dataclass
from pathlib import Path

from segan_tl.papers.runs import is_scored, mean_over, read_column, read_scores
from segan_tl.papers.tables import Published
from segan_tl.runs import Run

PAPER = "heras-rivera-2024"
REGIONS = ("ncr", "ed", "et")
MEAN = "average"  # of the regions of a patient
COLUMNS = {"ncr": "NCR", "ed": "ED", "et": "ET", MEAN: "average"}
BASELINE = "baseline"
ADVERSARIAL = ("dann", "dann-no-reversal")
APPROACHES = {
    BASELINE: "Baseline",
    "all": "Fine-Tuning",
    "frozen-decoder": "Fine-Tuning (Frozen Decoder)",
    "combined": "Combined Dataset Training",
    "dann": "DANN",
    "dann-no-reversal": "DANN without gradient reversal",
}
FINETUNING = ("all", "frozen-decoder")  # as `finetune --strategy` calls them
FOLDS = {"quick": 3, "full": 10}
DICE, HD95 = "dice", "hd95_mm"


@dataclass(frozen=True)
class Study:
    """All runs of one scale.

    Attributes:
        runs: folder where runs are kept.
        scale: "quick" or "full".
        out: folder of the results page.
        target: name of the target's folder, of few patients.
        source: name of the source's folder.
    """

    runs: Path
    scale: str
    out: Path
    target: str
    source: str

    @property
    def folds(self) -> int:
        """Return the number of folds of the target."""
        return FOLDS[self.scale]

    def name(self, approach: str) -> str:
        """Return the configuration name of an approach."""
        return f"{PAPER}-{self.scale}-{'finetuning' if approach in FINETUNING else approach}"

    @property
    def baseline(self) -> Run:
        """Return the training on the source alone."""
        return Run(self.runs / self.name(BASELINE) / self.source)

    @property
    def untouched(self) -> str:
        """Return the folder, inside the baseline's, of its scores on the target."""
        return f"on-{self.target}"

    def fold(self, approach: str, number: int) -> Run:
        """Return one fold of an approach that learns from the target."""
        second = f"{self.target}-with-{self.source}"
        leaf = f"{self.source}-to-{self.target}-{approach}" if approach in FINETUNING else second
        return Run(self.runs / self.name(approach) / leaf / f"fold{number}")

    def scored(self, approach: str) -> dict[int, Run]:
        """Return fold → run of those that are trained and scored."""
        runs = {number: self.fold(approach, number) for number in range(self.folds)}
        return {number: run for number, run in runs.items() if is_scored(run)}

    @property
    def fold_runs(self) -> list[Run]:
        """Return the runs of all folds, there or not."""
        learning = [approach for approach in APPROACHES if approach != BASELINE]
        return [self.fold(approach, number) for approach in learning for number in range(self.folds)]


def has_baseline(study: Study) -> bool:
    """Return whether the baseline is scored on the target."""
    return is_scored(study.baseline) and Run(study.baseline.root / study.untouched).summary.is_file()


def scores_of(study: Study, approach: str, score: str) -> dict[str, dict[str, float]]:
    """Return column → target patient → score, over the test patients of all folds that are there."""
    if approach == BASELINE:
        metrics = Run(study.baseline.root / study.untouched).metrics
        found = {region: read_column(metrics, score, region=region) for region in REGIONS}
        if not has_baseline(study):
            found = {region: {} for region in REGIONS}
    else:
        runs = study.scored(approach).values()
        found = {
            region: {case: value for run in runs for case, value in read_scores(run, score, region=region).items()}
            for region in REGIONS
        }
    return found | {MEAN: mean_over(list(found.values()))}


def own_scores(study: Study, score: str) -> dict[str, dict[str, float]]:
    """Return column → test patient of the source → score of the baseline."""
    found = {region: read_scores(study.baseline, score, region=region) for region in REGIONS}
    return found | {MEAN: mean_over(list(found.values()))}


# === Table 2: 10-fold cross-validation on BraTS SSA; NCR, ED, ET, average ===
def _row(*values: float) -> dict[str, Published]:
    return {column: Published(value) for column, value in zip(COLUMNS, values, strict=True)}


PUBLISHED = {
    DICE: {
        BASELINE: _row(0.519, 0.726, 0.701, 0.649),
        "all": _row(0.829, 0.896, 0.879, 0.867),
        "frozen-decoder": _row(0.792, 0.881, 0.860, 0.845),
        "combined": _row(0.836, 0.899, 0.879, 0.871),
        "dann": _row(0.847, 0.897, 0.893, 0.879),
        "dann-no-reversal": _row(0.842, 0.902, 0.892, 0.878),
    },
    HD95: {
        BASELINE: _row(17.019, 15.791, 13.672, 15.494),
        "all": _row(3.851, 3.454, 4.257, 3.854),
        "frozen-decoder": _row(4.483, 3.931, 6.886, 5.100),
        "combined": _row(3.135, 2.606, 3.393, 3.045),
        "dann": _row(3.076, 3.828, 3.219, 3.374),
        "dann-no-reversal": _row(4.951, 2.345, 4.421, 3.906),
    },
}
# Section 3: first, second, score, and the p of the paired t-test where the paper has one.
TESTS = (
    ("dann", "combined", DICE, 0.0506),
    ("dann", "combined", HD95, 0.0236),
    ("dann-no-reversal", "combined", DICE, 0.0519),
    *((approach, BASELINE, DICE, None) for approach in APPROACHES if approach != BASELINE),
)
