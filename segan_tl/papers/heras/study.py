"""The runs of the reproduction of Heras Rivera 2024: where they lie, and what they scored."""

from segan_tl.config.strategies import moved_name
from segan_tl.papers.jobs import IN_A_NEW_WAY
from segan_tl.papers.runs import AVERAGE, Facts, count_parts, describe_length, describe_seeds, read_columns, read_split
from segan_tl.papers.study import Group, only_there
from segan_tl.papers.study import Study as AnyStudy
from segan_tl.report.score.owed import is_scored
from segan_tl.runs import Run, read_json

REGIONS = ("ncr", "ed", "et")
COLUMNS = {"ncr": "NCR", "ed": "ED", "et": "ET", AVERAGE: "average"}
BASELINE = "baseline"
OURS = "new-recipe"  # beside the paper's six
ADVERSARIAL = ("dann", "dann-no-reversal")
APPROACHES = {
    BASELINE: "Baseline",
    "all": "Fine-Tuning",
    OURS: f"Fine-Tuning, {IN_A_NEW_WAY}",
    "frozen-decoder": "Fine-Tuning (Frozen Decoder)",
    "combined": "Combined Dataset Training",
    "dann": "DANN",
    "dann-no-reversal": "DANN without gradient reversal",
}
LEARNING = tuple(approach for approach in APPROACHES if approach != BASELINE)  # from the target
# As `finetune --strategy` calls them.
FINETUNING = {"all": "full", OURS: "full", "frozen-decoder": "freeze-decoder"}
FOLDS = {"quick": 3, "full": 10}
DICE, HD95 = "dice", "hd95_mm"


class Study(AnyStudy):
    """A baseline, and six approaches in every fold of the target, of which one is ours."""

    paper = "heras-rivera-2024"

    @property
    def folds(self) -> int:
        """Return the number of folds of the target."""
        return FOLDS[self.scale]

    @property
    def baseline(self) -> Run:
        """Return the training on the source alone."""
        return self.place(f"-{BASELINE}", self.source)

    @property
    def untouched(self) -> str:
        """Return the folder, inside the baseline's, of its scores on the target."""
        return f"on-{self.target}"

    def fold(self, approach: str, number: int) -> Run:
        """Return one fold of an approach that learns from the target."""
        if approach in FINETUNING:
            name = moved_name(self.source, self.target, FINETUNING[approach])
            return self.place(f"-{OURS}" if approach == OURS else "-finetuning", name, f"fold{number}")
        return self.place(f"-{approach}", f"{self.target}-with-{self.source}", f"fold{number}")

    def scored(self, approach: str) -> dict[int, Run]:
        """Return fold → run of those that are trained and scored."""
        return only_there({number: self.fold(approach, number) for number in range(self.folds)})

    @property
    def fold_runs(self) -> list[Run]:
        """Return the runs of all folds, there or not."""
        return [self.fold(approach, number) for approach in LEARNING for number in range(self.folds)]


def list_groups(study: Study) -> list[Group]:
    """Return the baseline, and the folds of every approach."""
    approaches = {name: [study.fold(name, number) for number in range(study.folds)] for name in LEARNING}
    return [
        Group(APPROACHES[BASELINE], [study.baseline], is_there=lambda _: has_baseline(study), of_source=True),
        *(Group(APPROACHES[name], runs, "folds") for name, runs in approaches.items()),
    ]


def has_baseline(study: Study) -> bool:
    """Return whether the baseline is scored on the target."""
    return is_scored(study.baseline) and Run(study.baseline.root / study.untouched).summary.is_file()


def scores_of(study: Study, approach: str, score: str) -> dict[str, dict[str, float]]:
    """Return column → target patient → score, over the test patients of all folds that are there."""
    if approach == BASELINE:
        untouched = Run(study.baseline.root / study.untouched)
        return read_columns([untouched.metrics] if has_baseline(study) else [], score, regions=REGIONS)
    return read_columns((run.metrics for run in study.scored(approach).values()), score, regions=REGIONS)


def own_scores(study: Study, score: str) -> dict[str, dict[str, float]]:
    """Return column → test patient of the source → score of the baseline."""
    return read_columns([study.baseline.metrics] if is_scored(study.baseline) else [], score, regions=REGIONS)


# === What the page says of them ===


def describe(study: Study, runs: list[Run]) -> Facts:
    """Return data, scale, seed and lengths for the head of the page."""
    own, parts = read_split([study.baseline]), count_parts(read_split(study.fold_runs), but="source")
    lengths = "; ".join(f"{group.name} {describe_length(group.runs)}" for group in list_groups(study))
    return Facts(
        own, f"{study.scale}; {study.folds} folds of the target; seed {describe_seeds(runs)}",
        (
            f"source `{study.source}`: {count_parts(own)} for the baseline, all of it trains where both cohorts do; "
            f"target `{study.target}`, a fold: {parts}",
            f"length: {lengths}",
        ),
    )  # fmt: skip


def place_of_classifier(study: Study) -> str:
    """Return whose output the classifier sees, in words."""
    run = next((run for approach in ADVERSARIAL for run in study.scored(approach).values()), None)
    layer = run and (read_json(run.config).get("adversary") or {}).get("layer")
    place = "the decoder's first upsampling"
    return f"`{layer}`; the paper's that of {place}" if layer else f"{place}, as in the paper"
