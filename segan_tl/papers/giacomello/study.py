"""The runs of the reproduction of Giacomello 2020: where they lie, and what they scored."""

from dataclasses import dataclass
from pathlib import Path

from segan_tl.papers.runs import is_scored, read_rows
from segan_tl.runs import Run

PAPER = "giacomello-2020"
REGION = "wt"
SCORES = ("dice", "precision", "sensitivity")
SINGLE = ("t1", "t1c", "t2", "flair")
SOURCE, TARGETS = "flair", ("t1", "t1c", "t2")
STRATEGIES = ("full", "frozen")
# Learning curves: from which modality to which. The first is part of the reproduction, others are run when asked for.
CURVES = {"flair-to-t2": ("flair", "t2"), "t1c-to-t1": ("t1c", "t1")}
FIRST_CURVE = "flair-to-t2"
CURVE_CASES = (2, 4, 8, None)  # training cases of the target; None: all
CURVE_SEEDS = (0, 1, 2)
CURVE_STRATEGIES = ("scratch", *STRATEGIES)


@dataclass(frozen=True)
class Study:
    """All runs of one scale.

    Attributes:
        runs: folder where runs are kept.
        scale: "quick" or "full".
        out: folder of the results page.
    """

    runs: Path
    scale: str
    out: Path

    @property
    def name(self) -> str:
        """Return the configuration name of the main runs; all others begin with it."""
        return f"{PAPER}-{self.scale}"

    @property
    def variants(self) -> dict[str, Run]:
        """Return the three networks of Table I, on four modalities."""
        names = {"segan": "-segan", "segan-no-dice": "-segan-no-dice", "segan-cat": ""}
        return {variant: Run(self.runs / f"{self.name}{suffix}" / "all") for variant, suffix in names.items()}

    def single(self, modality: str) -> Run:
        """Return SegAN-CAT trained on one modality."""
        return Run(self.runs / self.name / modality)

    def transfer(self, target: str, strategy: str) -> Run:
        """Return the transfer from FLAIR."""
        return Run(self.runs / self.name / _transfer_folder(target, strategy))

    def curve_name(self, cases: int | None, seed: int) -> str:
        """Return the configuration name of the runs on so many training cases."""
        return f"{self.name}-cases{cases or 'all'}-seed{seed}"

    def curve(self, cases: int | None, seed: int, *, strategy: str, curve: str = FIRST_CURVE) -> Run:
        """Return one run of a learning curve."""
        source, target = CURVES[curve]
        leaf = target if strategy == "scratch" else _transfer_folder(target, strategy, source=source)
        return Run(self.runs / self.curve_name(cases, seed) / leaf)

    @property
    def matrix(self) -> Path:
        """Return the folder that `segan_tl matrix` writes to."""
        return self.out / "matrix"

    @property
    def tables_runs(self) -> list[Run]:
        """Return the runs behind the paper's tables and figures."""
        transfers = [self.transfer(target, strategy) for target in TARGETS for strategy in STRATEGIES]
        return [*self.variants.values(), *(self.single(modality) for modality in SINGLE), *transfers]

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


def _transfer_folder(target: str, strategy: str, *, source: str = SOURCE) -> str:
    return f"{source}-to-{target}" + ("-frozen" if strategy == "frozen" else "")


def read_matrix(study: Study) -> dict[tuple[str, str], dict[str, float]]:
    """Return (trained on, seen on) → test case → Dice."""
    cells = {}
    for row in read_rows(study.matrix / "matrix_cases.csv", ("trained_on", "modality", "case", "region"), ("dice",)):
        if row["region"] == REGION:
            cells.setdefault((row["trained_on"], row["modality"]), {})[row["case"]] = float(row["dice"])
    return cells
