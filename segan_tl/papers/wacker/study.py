"""The runs of the reproduction of Wacker 2020: where they lie, what they scored, and what the paper published."""

from dataclasses import dataclass
from pathlib import Path

from segan_tl.papers.tables import Published
from segan_tl.report.score.owed import is_scored
from segan_tl.runs import Run

PAPER = "wacker-2020"
REGION_NAMES = {"et": "ET", "wt": "WT", "tc": "TC"}
NETWORKS = {"albunet3d": "AlbuNet3D", "albunet2d": "AlbuNet2D"}
STARTS = {"imagenet": "pretrained", "random": "random"}
SEEDS = (1, 2, 3, 4, 5)


@dataclass(frozen=True)
class Study:
    """All runs of one scale.

    Attributes:
        runs: folder where runs are kept.
        scale: "quick" or "full".
        out: folder of the results page.
        folder: name of a run's folder, that of its data.
    """

    runs: Path
    scale: str
    out: Path
    folder: str

    def run_name(self, network: str, start: str, *, seed: int) -> str:
        """Return the configuration name of a run."""
        return f"{PAPER}-{self.scale}-{network}-{start}-seed{seed}"

    def run(self, network: str, start: str, *, seed: int) -> Run:
        """Return one run."""
        return Run(self.runs / self.run_name(network, start, seed=seed) / self.folder)

    def scored(self, network: str, start: str) -> dict[int, Run]:
        """Return seed → run of those that are trained and scored."""
        runs = {seed: self.run(network, start, seed=seed) for seed in SEEDS}
        return {seed: run for seed, run in runs.items() if is_scored(run)}

    @property
    def all_runs(self) -> list[Run]:
        """Return every run, there or not."""
        return [self.run(network, start, seed=seed) for network in NETWORKS for start in STARTS for seed in SEEDS]


def method_name(network: str, start: str) -> str:
    """Return how the paper's Table 1 calls a method."""
    return NETWORKS[network] + (" - pretrained" if start == "imagenet" else "")


# === Table 1: validation data of BraTS '20, average over 5 runs; ET, WT, TC ===
def _row(*values: float) -> dict[str, Published]:
    return {region: Published(value) for region, value in zip(REGION_NAMES, values, strict=True)}


DICE_MEAN = {
    ("albunet3d", "imagenet"): _row(0.7187, 0.8851, 0.7822),
    ("albunet3d", "random"): _row(0.7048, 0.8808, 0.7926),
    ("albunet2d", "imagenet"): _row(0.6849, 0.8786, 0.7527),
    ("albunet2d", "random"): _row(0.6842, 0.8733, 0.7447),
}
DICE_MEDIAN = {
    ("albunet3d", "imagenet"): _row(0.8382, 0.9127, 0.8830),
    ("albunet3d", "random"): _row(0.8321, 0.9079, 0.8775),
    ("albunet2d", "imagenet"): _row(0.8222, 0.9043, 0.8700),
    ("albunet2d", "random"): _row(0.8182, 0.9041, 0.8622),
}
HAUSDORFF_MEAN_MM = {
    ("albunet3d", "imagenet"): _row(31.5322, 5.9929, 15.6479),
    ("albunet3d", "random"): _row(39.0381, 7.5833, 14.0151),
    ("albunet2d", "imagenet"): _row(40.3850, 7.9363, 17.6747),
    ("albunet2d", "random"): _row(38.6672, 8.7802, 19.4597),
}
