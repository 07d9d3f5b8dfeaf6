"""The rules of 2026 beside the challenge's own package, brats-evaluation 0.0.10, in an environment of its own.

It is no dependency: where SEGAN_TL_BRATS_EVALUATION names no Python that has it, these tests skip.

    python -m venv official && official/bin/pip install brats-evaluation==0.0.10
    SEGAN_TL_BRATS_EVALUATION=official/bin/python python -m pytest tests/metrics/test_official_package.py
"""

import csv
import math
import os
import subprocess
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from segan_tl.metrics.challenges import CHALLENGES
from segan_tl.metrics.columns import Plan, score_pair
from segan_tl.report.score.mask_pairs import read_pairs
from segan_tl.report.score.masks import find_predictions, find_truths
from tests.lesion_pairs import random_pair

PYTHON = os.environ.get("SEGAN_TL_BRATS_EVALUATION")
# The package's name of a challenge → ours, its convention, and labels from the outermost to the innermost.
CONFIGURATIONS = {
    "gli": ("brats2026-gli", "brats2023", (2, 1, 3, 4)),
    "mets": ("brats2026-met", "brats2023", (2, 1, 3, 4)),
    "ped": ("brats2026-ped", "brats_ped2024", (4, 2, 3, 1)),
    "MenRT": ("brats2026-men-rt", "lesion", (1,)),
    "MenPre": ("brats2026-men-pre", "brats2023", (2, 1, 3)),
    "GoAT": ("brats2026-goat", "brats2023", (2, 3, 1)),
}
PAIRS = {"gli": 40, "mets": 40, "ped": 30, "MenRT": 30, "MenPre": 30, "GoAT": 30}  # 200
WHOLE = {
    "all_instance_tp": "lesions_matched", "all_instance_fp": "predictions_unmatched",
    "all_instance_fn": "lesions_unmatched", "all_instance_prec": "lesion_precision",
    "all_instance_rec": "lesion_recall", "all_instance_f1": "lesion_f1", "global_dsc": "global_dice",
    "global_nsd": "global_nsd", "global_hd95": "global_hd95_voxels",
}  # fmt: skip
SIZES = {
    f"{size}_instance_{theirs}": f"{size}_lesion{ours}"
    for size in ("large", "small")
    for theirs, ours in (
        ("tp", "s_found"), ("fn", "s_missed"), ("prec", "_precision"), ("rec", "_recall"), ("f1", "_f1"),
    )
}  # fmt: skip


def lesion_names(group: str) -> dict[str, str]:
    """Return the package's columns of lesion-wise means and deviations, and ours of a group of lesions."""
    return {
        f"lesionwise_{theirs}_{kind}": f"{group}_{ours}{'_sd' * (kind == 'std')}{'_mm' * (ours == 'hd95')}"
        for theirs, ours in (("dsc", "dice"), ("nsd", "nsd"), ("hd95", "hd95"))
        for kind in ("mean", "std")
    }


def compare(table: Path, truths: Path, predictions: Path, challenge: str, convention: str, names: dict) -> dict:
    """Hold every cell of the package's table against ours; return its columns with our values, a case each."""
    plan = Plan(CHALLENGES[challenge].regions, hd95=("pooled",), tolerances_mm=(), challenge=challenge,
                upstream_defects=True)  # fmt: skip
    ours, _ = find_truths(truths, meaning=convention)
    found, strangers = find_predictions(predictions, ours, meaning=convention)
    assert not strangers
    columns = {}
    with table.open(newline="") as stream:
        rows = [row for row in csv.DictReader(stream) if row["subject_id"].endswith(".nii.gz")]
    assert len(rows) == len(ours)
    for row in rows:
        case = row["subject_id"].removesuffix("-seg.nii.gz")
        for region, pair in read_pairs(ours[case], found[case], plan.regions).items():
            scores = score_pair(pair, plan)
            for theirs, name in names.items():
                expected = float(row[f"{theirs}_{region}"] or math.nan)
                # Inventions belong to a size where the truth has a lesion of it.
                value = math.nan if "_fp" in theirs and math.isnan(expected) else scores[name]
                assert value == pytest.approx(expected, rel=0, abs=limit_of(name), nan_ok=True), (case, region, name)
                columns.setdefault(f"{theirs}_{region}", []).append(value)
    return columns


def limit_of(name: str) -> float:
    """Return how far a score may lie off."""
    return 1e-6 if "hd95" in name else 1e-9


@pytest.mark.skipif(not PYTHON, reason="SEGAN_TL_BRATS_EVALUATION names no Python with brats-evaluation")
@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_random_pairs_are_scored_as_the_package_scores_them(name, tmp_path):
    challenge, convention, labels = CONFIGURATIONS[name]
    first = sum(list(PAIRS.values())[: list(PAIRS).index(name)])
    for seed in range(first, first + PAIRS[name]):
        *pair, spacing_mm = random_pair(seed, labels)
        affine = np.diag([-spacing_mm[0], -spacing_mm[1], spacing_mm[2], 1])  # as BraTS stores its files
        for folder, ending, volume in zip(("truths", "found"), ("-seg", ""), pair):
            (tmp_path / folder).mkdir(exist_ok=True)
            path = tmp_path / folder / f"BraTS-GLI-{seed:05d}-000{ending}.nii.gz"
            nib.save(nib.Nifti1Image(volume, affine), path)
    table = run_package(name, tmp_path)
    names = WHOLE | (lesion_names("large_lesion") | SIZES if name == "mets" else lesion_names("matched"))
    columns = compare(table, tmp_path / "truths", tmp_path / "found", challenge, convention, names)
    assert len(columns) == len(CHALLENGES[challenge].regions) * len(names)
    assert {len(values) for values in columns.values()} == {PAIRS[name]}


def run_package(name: str, folder: Path) -> Path:
    """Score the masks of a folder by the package's two commands; return its table."""
    programs, summary, table = Path(PYTHON).parent, folder / "summary.json", folder / "table.csv"
    sides = ["--ref_path", folder / "truths", "--pred_path", folder / "found"]
    parse = [programs / "brats-parse-metrics", "mets" if name == "mets" else "seg"]
    for command in (
        [programs / "brats-evaluate", "--config", name, *sides, "--summary_json", summary],
        [*parse, "--json_path", summary, "--output_csv_path", table],
    ):
        subprocess.run(list(map(str, command)), check=True, capture_output=True)
    return table


@pytest.mark.real_data
def test_metastases_of_the_challenge_are_scored_as_its_table_says(real_data):
    folder = real_data.parent / "oracles" / "brats2026_mets"
    if not folder.is_dir():
        pytest.skip(f"{folder} is not there")
    # This table, of May 2026, has the matched large lesions alone where 0.0.10 counts misses and inventions, too.
    with (folder / "expected.csv").open(newline="") as stream:
        header, *_, mean, deviation = csv.reader(stream)
    names = {theirs: ours for theirs, ours in (WHOLE | SIZES).items() if f"{theirs}_et" in header}
    names |= lesion_names("large_matched") | {"small_instance_fp": "predictions_unmatched"}
    columns = compare(folder / "expected.csv", folder / "ref", folder / "pred", "brats2026-met", "brats2023", names)
    assert set(columns) == set(header[1:])
    for name, *cells in zip(header[1:], mean[1:], deviation[1:]):
        values = [value for value in columns[name] if not math.isnan(value)]
        found = [np.mean(values), np.std(values, ddof=1)] if values else [math.nan] * 2
        expected = [float(cell or math.nan) for cell in cells]
        assert found == pytest.approx(expected, rel=0, abs=limit_of(name), nan_ok=True), name
