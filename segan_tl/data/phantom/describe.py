"""What a synthetic cohort says of itself: participants.tsv, README.txt and cohort.json."""

import json
from pathlib import Path

from segan_tl import __version__
from segan_tl.data.phantom.cohorts import COHORTS
from segan_tl.data.phantom.subject import FIELD_OF_VIEW_MM
from segan_tl.disk.manifest import sha256

RECORD, TABLE, NOTES = "cohort.json", "participants.tsv", "README.txt"
COLUMNS = ("participant_id", "grade", "site", "field_strength", "age", "synthetic")
README = """These images are SYNTHETIC. They show no patient.

Cohort {cohort}: {cases} cases, grid {shape}, seed {seed}, made by the MR simulator of segan_tl {version}.
Command: python -m segan_tl phantom OUT --cohort {cohort} --cases {cases} --shape {shape} --seed {seed}{option}
Labels: {labels}.
{variety}A result obtained on these images says something about software, not about medicine.
"""
HARD = """Variety hard: no label for cavities, white matter disease and infarcts; blood in a tumour belongs to its part.
"""


def describe(
    folder: Path, cohort: str, rows: list[tuple], *, shape: tuple[int, int, int], seed: int, variety: str
) -> None:
    """Write participants.tsv, README.txt and cohort.json."""
    glioma = COHORTS[cohort].disease == "glioma"
    labels = "1 necrosis or non-enhancing core, 2 edema, 4 enhancing tumour" if glioma else "1 lesion"
    facts = {
        "name": cohort,
        "synthetic": True,
        "label_convention": "brats2017" if glioma else "lesion",
        "labels": labels,
        "cases": len(rows),
        "shape": list(shape),
        "voxel_mm": FIELD_OF_VIEW_MM / shape[0],
        "seed": seed,
        "software": f"segan_tl {__version__}",
    }
    if variety != "plain":  # of which cohort.json has never said anything
        facts["variety"] = variety
    shape_text = " ".join(map(str, shape))
    table = "\n".join("\t".join(row) for row in (COLUMNS, *rows)) + "\n"
    readme = README.format(
        cohort=cohort, cases=len(rows), shape=shape_text, seed=seed, version=__version__, labels=labels,
        option="" if variety == "plain" else f" --variety {variety}", variety=HARD if variety == "hard" else "",
    )  # fmt: skip
    (folder / TABLE).write_text(table, encoding="utf-8")
    (folder / NOTES).write_text(readme, encoding="utf-8")
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    facts["sha256"] = {str(path.relative_to(folder)): sha256(path) for path in files}
    (folder / RECORD).write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
