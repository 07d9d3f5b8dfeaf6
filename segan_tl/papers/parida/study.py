"""The runs of the reproduction of Parida 2024: where they and what is made of them lie, and what they scored."""

from pathlib import Path

from segan_tl.config.strategies import moved_name
from segan_tl.papers.runs import AVERAGE, Facts, count_parts, describe_length, describe_seeds, read_columns, read_split
from segan_tl.papers.study import Group
from segan_tl.papers.study import Study as AnyStudy
from segan_tl.runs import Run, read_json
from segan_tl.schemas import reading
from segan_tl.schemas.radiomics import ClustersJson

FAMILIES = {"nnunet": "nnU-Net", "mednext": "MedNeXt"}
CONFIGS = {
    "quick": {"nnunet": "parida_nnunet_quick", "mednext": "parida_mednext_quick"},
    "full": {"nnunet": "nnunet", "mednext": "mednext_m"},
}
FOLDS = {"quick": 3, "full": 5}
FOLDS_OF_PATIENTS = 5  # at any scale, as in the paper
REGIONS = ("et", "tc", "wt")
COLUMNS = {"et": "ET", "tc": "TC", "wt": "WT", AVERAGE: "average"}
DICE, HD95 = "lesion_dice", "lesion_hd95_surface_weighted_mm"  # of `evaluate --challenge`
SCRATCH, PRETRAINED, FINETUNED = "scratch", "pretrained", "finetuned"
STARTS = {SCRATCH: "from scratch", PRETRAINED: "pretrained only", FINETUNED: "fine-tuned"}
ENSEMBLE, FINAL = "ensemble", "postprocessed"
ROWS = {f"{start}-{family}": f"{name}, {how}" for start, how in STARTS.items() for family, name in FAMILIES.items()}
ROWS |= {ENSEMBLE: "ensemble of the fine-tuned", FINAL: "ensemble, post-processed"}


class Study(AnyStudy):
    """Two networks, each pretrained on the source once, and trained on every fold of the target from two starts."""

    paper = "parida-2024"

    @property
    def folds(self) -> range:
        """Return the numbers of the folds of the target."""
        return range(FOLDS_OF_PATIENTS if self.data else FOLDS[self.scale])

    def pretraining(self, family: str) -> Run:
        """Return the training on the source."""
        return self.place(f"-{family}-source", self.source)

    def crossval(self, start: str, family: str) -> Path:
        """Return the folder of all folds from scratch, or from the pretraining."""
        name = self.target if start == SCRATCH else self.move
        return self.place(f"-{family}-{start}", name).root

    def fold(self, start: str, family: str, number: int) -> Run:
        """Return one of them."""
        return Run(self.crossval(start, family) / f"fold{number}")

    @property
    def move(self) -> str:
        """Return how the way from source to target is called."""
        return moved_name(self.source, self.target, "full")

    # === What is no training: tables and masks, in one folder ===

    def file(self, *parts: str) -> Path:
        """Return a file, or a folder, of what is made of the runs."""
        return self.place("-made", self.move).root.joinpath(*parts)

    def answers(self, fold: int) -> Path:
        """Return the folder of the ensemble's masks of the cases that a fold tests."""
        return self.file(ENSEMBLE, f"fold{fold}", "predictions")

    def scores(self, row: str, fold: int | None = None) -> Path:
        """Return the table of scores of a row of Table 3, or of one of its folds."""
        return self.file("scores", f"{row}.csv" if fold is None else f"{row}-fold{fold}.csv")

    def tables(self, row: str) -> list[Path]:
        """Return all tables of a row, there or not."""
        if row == FINAL or row.startswith(PRETRAINED):
            return [self.scores(row)]
        return [self.scores(row, fold) for fold in self.folds]


def list_groups(study: Study) -> list[Group]:
    """Return the pretrainings, and the folds of each network from both starts."""
    return [
        *(Group(f"{FAMILIES[one]} on the source", [study.pretraining(one)], of_source=True) for one in FAMILIES),
        *(
            Group(ROWS[f"{start}-{family}"], [study.fold(start, family, number) for number in study.folds], "folds")
            for start in (SCRATCH, FINETUNED)
            for family in FAMILIES
        ),
    ]


def scores_of(study: Study, row: str, score: str) -> dict[str, dict[str, float]]:
    """Return column → target case → score, over the tables of a row that are there."""
    return read_columns([path for path in study.tables(row) if path.is_file()], score, regions=REGIONS)


def shares_of(study: Study) -> dict[int, dict[str, float]]:
    """Return fold → network → its share in the ensemble, of the folds that are there."""
    found = {}
    for fold in study.folds:
        record = study.answers(fold) / "predictions.json"
        runs = read_json(record).get("runs", ()) if record.is_file() else ()
        if runs:
            found[fold] = dict(zip(FAMILIES, (run["share"] for run in runs), strict=True))
    return found


# === What the page says of them ===


def describe(study: Study, runs: list[Run]) -> Facts:
    """Return data, scale, seed and lengths for the head of the page."""
    own = read_split([study.pretraining(family) for family in FAMILIES])
    parts = count_parts(read_split(study.fold(SCRATCH, family, k) for family in FAMILIES for k in study.folds))
    lengths = "; ".join(f"{group.name} {describe_length(group.runs)}" for group in list_groups(study))
    scored = sum(all(path.is_file() for path in study.tables(row)) for row in ROWS)
    return Facts(
        own, f"{study.scale}; {len(study.folds)} folds of the target; seed {describe_seeds(runs)}",
        (
            f"source `{study.source}`: {count_parts(own)}, one network of each kind; target `{study.target}`, a fold: "
            f"{parts}",
            f"length: {lengths}",
            f"{scored} of {len(ROWS)} rows of Table 3 scored in full",
        ),
    )  # fmt: skip


def describe_clusters(study: Study) -> str:
    """Return how many clusters there are, of the truth and of the ensemble's masks."""
    whose = {"truth": "of the truth, for the folds", "predicted": "of the ensemble's masks, for the post-processing"}
    return "; ".join(f"{what}: {_count_clusters(study.file(f'{name}.json'))}" for name, what in whose.items())


def _count_clusters(path: Path) -> str:
    if not path.is_file():
        return "not run"
    found = reading.read_json(path, ClustersJson)
    cases = list(found["cases"].values())
    sizes = ", ".join(str(cases.count(number)) for number in sorted(set(cases)))
    return f"{len(set(cases))} clusters of {sizes} cases, by {len(found['explained'])} components"
