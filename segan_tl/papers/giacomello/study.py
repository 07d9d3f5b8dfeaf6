"""The runs of the reproduction of Giacomello 2020: where they lie, and what they scored."""

from pathlib import Path

from segan_tl.config.strategies import moved_name
from segan_tl.papers.curve import Shown
from segan_tl.papers.jobs import IN_A_NEW_WAY, NEW_RECIPE
from segan_tl.papers.runs import Facts, read_rows, read_split
from segan_tl.papers.study import Group
from segan_tl.papers.study import Study as AnyStudy
from segan_tl.report.score.owed import is_scored
from segan_tl.runs import Run, read_json
from segan_tl.workflow.curve import Curve
from segan_tl.workflow.starts import SCRATCH, Start

REGION = "wt"
SCORES = ("dice", "precision", "sensitivity")
MODALITY_NAMES = {"t1": "T1", "t1c": "T1c", "t2": "T2", "flair": "FLAIR"}
VARIANT_NAMES = {"segan": "SegAN", "segan-no-dice": "SegAN without Dice loss", "segan-cat": "SegAN-CAT"}
STRATEGY_NAMES = {"full": "full", "frozen": "segmentor only"}
SINGLE = tuple(MODALITY_NAMES)
SOURCE, TARGETS = "flair", ("t1", "t1c", "t2")
COMMANDED = {"full": "full", "frozen": "freeze-critic"}  # as `transfer --strategy` calls them
STRATEGIES = tuple(COMMANDED)
CONFIGS = {"quick": "giacomello_quick", "full": "segan_cat"}
# Learning curves: from which modality to which. The first is part of the reproduction, others are run when asked for.
CURVES = {"flair-to-t2": ("flair", "t2"), "t1c-to-t1": ("t1c", "t1")}
FIRST_CURVE = "flair-to-t2"
CURVE_CASES = (2, 4, 8, None)  # training cases of the target; None: all
CURVE_SEEDS = (0, 1, 2)
# The learning curve is 48 trainings: each is shorter than those of the tables.
CURVE_SETTINGS = {
    "quick": ("train.batch_size=16", "train.epochs=6", "train.steps_per_epoch=75"),
    "full": ("train.epochs=100", "train.steps_per_epoch=100"),
}


class Study(AnyStudy):
    """Three networks, four modalities, six transfers, and the learning curves."""

    paper = "giacomello-2020"

    @property
    def variants(self) -> dict[str, Run]:
        """Return the three networks of Table I, on four modalities."""
        suffixes = {"segan": "-segan", "segan-no-dice": "-segan-no-dice", "segan-cat": ""}
        return {variant: self.place(suffix, "all") for variant, suffix in suffixes.items()}

    def single(self, modality: str) -> Run:
        """Return SegAN-CAT trained on one modality."""
        return self.place("", modality)

    def transfer(self, target: str, strategy: str) -> Run:
        """Return the transfer from FLAIR."""
        return self.place("", moved_name(SOURCE, target, COMMANDED[strategy]))

    def curve(self, name: str) -> Curve:
        """Return a learning curve, which begins with the source of the tables and its division of the patients."""
        origin, target = CURVES[name]
        source = self.single(origin)
        starts = (
            Start(SCRATCH, SCRATCH),
            *(Start(STRATEGY_NAMES[strategy], origin, COMMANDED[strategy]) for strategy in STRATEGIES),
            Start(f"full, {IN_A_NEW_WAY}", origin, "full", NEW_RECIPE),
        )
        return Curve(
            f"{self.name}-{name}", CONFIGS[self.scale], target, self.data, starts, CURVE_CASES, CURVE_SEEDS,
            (source.splits,), self.runs, self.cache, CURVE_SETTINGS[self.scale], sources={origin: source}, weight=0.5,
        )  # fmt: skip

    @property
    def matrix(self) -> Path:
        """Return the folder that `segan_tl matrix` writes to."""
        return self.out / "matrix"

    @property
    def tables_runs(self) -> list[Run]:
        """Return the runs behind the paper's tables and figures."""
        return [run for group in table_groups(self) for run in group.runs]

    @property
    def curves(self) -> list[str]:
        """Return the learning curves to show: the first one, and others of which a run is there."""
        return [name for name in CURVES if name == FIRST_CURVE or any(is_scored(run) for run in self.runs_of(name))]

    def runs_of(self, curve: str) -> list[Run]:
        """Return the runs of a learning curve."""
        return [cell.run for cell in self.curve(curve).cells()]


def table_groups(study: Study) -> list[Group]:
    """Return the runs behind the paper's tables and figures."""
    return [
        Group("Table I", list(study.variants.values()), "networks"),
        Group("Table II", [study.single(modality) for modality in SINGLE], "networks"),
        Group("Table III", [study.transfer(target, name) for target in TARGETS for name in STRATEGIES], "transfers"),
    ]


def list_groups(study: Study) -> list[Group]:
    """Return these, and the learning curves to show."""
    curves = [Group(f"the learning curve {curve}", study.runs_of(curve)) for curve in study.curves]
    return table_groups(study) + curves


def show_curves(study: Study) -> list[Shown]:
    """Return the learning curves to show."""
    titles = {curve: " to ".join(MODALITY_NAMES[modality] for modality in ends) for curve, ends in CURVES.items()}
    return [Shown(curve, f"From {titles[curve]}", study.curve(curve)) for curve in study.curves]


def read_matrix(study: Study) -> dict[tuple[str, str], dict[str, float]]:
    """Return (trained on, seen on) → test case → Dice."""
    cells = {}
    for row in read_rows(study.matrix / "matrix_cases.csv", ("trained_on", "modality", "case", "region"), ("dice",)):
        if row["region"] == REGION:
            cells.setdefault((row["trained_on"], row["modality"]), {})[row["case"]] = float(row["dice"])
    return cells


def describe(study: Study, runs: list[Run]) -> Facts:
    """Return data, scale and seeds for the head of the page."""
    seed = read_json(runs[0].state).get("seed", "?") if runs else 0
    curve_seeds = ", ".join(map(str, CURVE_SEEDS))
    scale = f"{study.scale}; seed of initialisation: {seed} (the learning curve: {curve_seeds})"
    return Facts(read_split(study.tables_runs), scale)
