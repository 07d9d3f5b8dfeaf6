"""The runs of the reproduction of Giacomello 2020: where they lie, and what they scored."""

from pathlib import Path

from segan_tl.config.strategies import moved_name
from segan_tl.papers.runs import Facts, read_rows, read_split
from segan_tl.papers.study import Group
from segan_tl.papers.study import Study as AnyStudy
from segan_tl.report.score.owed import is_scored
from segan_tl.runs import Run, read_json

REGION = "wt"
SCORES = ("dice", "precision", "sensitivity")
MODALITY_NAMES = {"t1": "T1", "t1c": "T1c", "t2": "T2", "flair": "FLAIR"}
VARIANT_NAMES = {"segan": "SegAN", "segan-no-dice": "SegAN without Dice loss", "segan-cat": "SegAN-CAT"}
STRATEGY_NAMES = {"scratch": "from scratch", "full": "full", "frozen": "segmentor only"}
SINGLE = tuple(MODALITY_NAMES)
SOURCE, TARGETS = "flair", ("t1", "t1c", "t2")
COMMANDED = {"full": "full", "frozen": "freeze-critic"}  # as `transfer --strategy` calls them
STRATEGIES = tuple(COMMANDED)
# Learning curves: from which modality to which. The first is part of the reproduction, others are run when asked for.
CURVES = {"flair-to-t2": ("flair", "t2"), "t1c-to-t1": ("t1c", "t1")}
FIRST_CURVE = "flair-to-t2"
CURVE_CASES = (2, 4, 8, None)  # training cases of the target; None: all
CURVE_SEEDS = (0, 1, 2)
CURVE_STRATEGIES = ("scratch", *STRATEGIES)


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

    def curve(self, cases: int | None, seed: int, *, strategy: str, curve: str = FIRST_CURVE) -> Run:
        """Return one run of a learning curve."""
        source, target = CURVES[curve]
        leaf = target if strategy == "scratch" else moved_name(source, target, COMMANDED[strategy])
        return self.place(f"-cases{cases or 'all'}-seed{seed}", leaf)

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
        return [
            self.curve(cases, seed, strategy=strategy, curve=curve)
            for cases in CURVE_CASES for seed in CURVE_SEEDS for strategy in CURVE_STRATEGIES
        ]  # fmt: skip

    @property
    def curve_runs(self) -> list[Run]:
        """Return the runs of all learning curves to show."""
        return [run for curve in self.curves for run in self.runs_of(curve)]


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
