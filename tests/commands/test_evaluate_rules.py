"""Several rule sets side by side, several systems, and the files of a challenge: through the front door."""

import csv
import math

import numpy as np
import pytest

from segan_tl.__main__ import main
from segan_tl.metrics.columns import Plan
from segan_tl.report.score.rule_sets import common_text, mean_ranks, tau_text
from tests.small_masks import small_truth, write_mask, write_truths

STATED = ("--prediction-labels", "brats2023")
BOTH = ("--rules", "brats2023-met,brats2026-met")


def read(path) -> list[dict]:
    """Return the rows of a CSV file."""
    with path.open(newline="") as stream:
        return list(csv.DictReader(stream))


@pytest.fixture
def places(tmp_path):
    """Two cases and three systems: one exact, one that misses the enhancing tumour, one that finds nothing."""
    write_truths(tmp_path / "truths", cases=2)
    for system, labels in (("exact", small_truth(3)), ("core", small_truth(1)), ("nothing", 0 * small_truth())):
        for case in range(2):
            write_mask(tmp_path / system / f"BraTS2021_{case:05d}.nii.gz", labels)
    return tmp_path


def run(places, *systems, options=(), out="m.csv", stated=STATED):
    words = [str(places / system) for system in systems]
    return main(["evaluate", *words, str(places / "truths"), "--out", str(places / out), *stated, *options])


def test_the_list_needs_no_folders(capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["evaluate", "--list-challenges"])
    printed = capsys.readouterr().out
    assert not stopped.value.code and "brats2026-men-rt" in printed and "brats-gli = brats2023-gli" in printed


def test_side_by_side_and_the_ranking(places, capsys):
    assert run(places, "nothing", "exact", "core", options=BOTH) == 0
    lines = read(places / "m.csv")
    found = {(line["system"], line["region"], line["score"], line["rules"]): line for line in lines}
    # The four enhancing voxels of 2 mm3 are missed: 0 for both; small in 2026, where nothing large is there to score.
    old, new = (found["core", "et", "lesion-wise Dice", rules] for rules in BOTH[1].split(","))
    assert (old["mean"], old["undefined"]) == ("0.0", "0")
    assert (new["mean"], new["undefined"], new["column"]) == ("", "2", "large_lesion_dice")
    assert found["core", "et", "lesions missed", "brats2026-met"]["mean"] == "1.0"
    places_of = {(line["rules"], line["system"]): line["place"] for line in read(places / "m-ranking.csv")}
    assert [places_of[BOTH[1].split(",")[0], system] for system in ("exact", "core", "nothing")] == ["1", "2", "3"]
    assert (places / "m-ranking.png").stat().st_size > 5000
    assert {row["region"] for row in read(places / "m-core-brats2026-met.csv")} == {"wt", "tc", "et"}
    printed = capsys.readouterr().out
    assert "Kendall's tau of brats2023-met and brats2026-met: 1.000 (3 systems" in printed
    assert "that all 3 systems have: brats2023-met wt, tc, et; brats2026-met" in printed
    assert printed.count("labels of the truth:") == 1  # what is the same of all systems is said once
    assert "MedPy" not in printed and "docs/scores.md" in printed  # definitions of 40 columns are not printed
    assert "undefined" in printed and "scored 2 cases" in printed


def test_one_system_has_no_ranking(places):
    assert run(places, "core", options=BOTH) == 0
    assert not (places / "m-ranking.csv").exists() and (places / "m-core-brats2023-met.csv").exists()


def test_undefined_scores_are_empty_cells_and_compare_leaves_them_out(places, capsys):
    options = ("--challenge", "brats2026-men-pre")
    write_mask(places / "truths" / "BraTS2021_00001" / "BraTS2021_00001_seg.nii.gz", small_truth(1))
    assert run(places, "core", options=options, out="core.csv") == 0
    assert "1 undefined" in capsys.readouterr().out
    assert run(places, "exact", options=options, out="exact.csv") == 0
    rows = {(row["case"], row["region"]): row for row in read(places / "core.csv")}
    nothing = rows["BraTS2021_00001", "et"]
    assert (nothing["matched_dice"], nothing["global_hd95_mm"], nothing["dice"]) == ("", "", "1.0")
    assert rows["BraTS2021_00000", "et"]["matched_hd95_mm"] == "inf"
    tables = [str(places / "core.csv"), str(places / "exact.csv"), "--metric", "matched_dice", "--regions", "wt,et"]
    assert main(["compare", *tables]) == 2
    assert "found none of BraTS2021_00001, et" in capsys.readouterr().err
    assert main(["compare", *tables, "--allow-missing", "--out", str(places / "c.csv")]) == 0
    assert [(row["region"], row["patients"]) for row in read(places / "c.csv")] == [("wt", "2"), ("et", "1")]
    assert main(["compare", *tables[:2], "--metric", "matched_hd95_mm"]) == 2
    assert "expected finite scores" in capsys.readouterr().err


def test_regions_are_called_as_the_challenge_calls_them(places):
    assert run(places, "exact", options=("--challenge", "BraTS2026-GLI", "--truth-labels", "brats2017")) == 0
    assert [row["region"] for row in read(places / "m.csv")][:5] == ["wt", "tc", "et", "netc", "snfh"]


def test_cystic_components_of_children_count_apart(places):
    labels = small_truth(1)
    labels[5, 1:3, 1] = 3
    for folder, ending in (("children", "-seg"), ("found", "")):
        write_mask(places / folder / f"BraTS-PED-00001-000{ending}.nii.gz", labels)
    words = [str(places / "found"), str(places / "children"), "--out", str(places / "p.csv")]
    options = ("--challenge", "brats2026-ped", "--truth-labels", "brats_ped2024")
    assert main(["evaluate", *words, *options, "--prediction-labels", "brats_ped2024"]) == 0
    rows = {row["region"]: row for row in read(places / "p.csv")}
    assert list(rows) == ["wt", "tc", "et", "netc", "cc", "ed"]
    assert (rows["cc"]["truth_ml"], rows["cc"]["matched_dice"]) == ("0.004", "1.0")
    # Labels that hold cystic components within the core tell no core without them.
    options = (*options, "--overwrite", "--prediction-labels", "1=ET,2=NCR,3=NCR,4=ED,5=RC")
    assert main(["evaluate", *words, *options]) == 0
    assert [row["region"] for row in read(places / "p.csv")] == ["wt", "tc", "et", "ed"]


def test_masks_are_matched_by_their_numbers(tmp_path, capsys):
    for name in ("BraTS-MET-00132-000", "BraTS-MET-00217-001"):
        write_mask(tmp_path / "truths" / f"{name}-seg.nii.gz", small_truth(3))
    for name in ("00132-000", "SEG-00217-001"):
        write_mask(tmp_path / "out" / f"{name}.nii.gz", small_truth(3))
    stated = (*STATED, "--truth-labels", "brats2023")
    assert run(tmp_path, "out", stated=stated) == 0
    assert "matched by the numbers in their names: 2 files (00132-000.nii.gz" in capsys.readouterr().out
    assert {row["case"] for row in read(tmp_path / "m.csv")} == {"BraTS-MET-00132-000", "BraTS-MET-00217-001"}
    # Another cohort's case of that number is another patient.
    (tmp_path / "out" / "00132-000.nii.gz").rename(tmp_path / "out" / "BraTS-SSA-00132-000.nii.gz")
    assert run(tmp_path, "out", stated=stated) == 2
    assert "found none of BraTS-MET-00132-000" in capsys.readouterr().err


@pytest.mark.parametrize(
    "systems, options, message",
    [
        (("exact", "core"), (), "expected one folder of predictions; found 2"),
        (("exact",), ("--rules", "brats2026-gli"), "expected --rules of two challenges or more"),
        (("exact",), ("--rules", "brats-gli,brats2023-gli"), "expected --rules of two challenges or more"),
        (("exact",), (*BOTH, "--challenge", "brats-met"), "leave --challenge out"),
        (("exact",), ("--challenge", "brats2026-gl"), "did you mean brats2026-gli?"),
        (("exact",), ("--challenge", "brats-gli", "--upstream-defects"), "of the package of 2026"),
        (("exact", "exact"), BOTH, "is named twice"),
    ],
)
def test_mistakes_are_answered_in_a_sentence(places, capsys, systems, options, message):
    assert run(places, *systems, options=options) == 2
    assert message in capsys.readouterr().err and not (places / "m.csv").exists()


def test_surface_dice_at_two_tolerances(places):
    assert run(places, "core", options=("--tolerance-mm", "0.5,1", "--challenge", "brats2026-goat")) == 0
    assert {"surface_dice_0.5mm", "surface_dice_1mm"} <= read(places / "m.csv")[0].keys()


# === Ranks ===


def test_mean_ranks_by_hand():
    # Matched Dice 0.9, 0.8 and nothing to find; NSD alike; HD95 1 and 2; F1 of both 1. Ranks of a: 1, 1.5, 1, 1.5.
    # In the second case a is undefined, nothing to find and nothing found; b has invented something: 1 and 2.
    plan = Plan(("wt",), challenge="brats2026-gli")
    names = ("matched_dice", "matched_nsd", "matched_hd95_mm", "lesion_f1")

    def rows(first, second):
        return [{"case": case, "region": "wt"} | dict(zip(names, found)) for case, found in zip("xy", (first, second))]

    a, b = rows((0.9, 0.5, 1, 1), [math.nan] * 4), rows((0.8, 0.5, 2, 1), (0, 0, math.inf, 0))
    assert mean_ranks({"a": a, "b": b}, [plan, plan]) == {"a": (5 + 4) / 8, "b": (7 + 8) / 8}


def test_tau_by_hand():
    # Orders 1 2 3 and 1 3 2: of three pairs two agree and one does not, (2 − 1) / 3.
    ranks = {"A": dict(x=1, y=2, z=3), "B": dict(x=1, y=3, z=2)}
    assert tau_text(ranks, "A", "B").startswith("Kendall's tau of A and B: 0.333 (3 systems")
    alike = {"A": dict(x=1, y=1), "B": dict(x=1, y=2)}
    assert "not defined" in tau_text(alike, "A", "B")


def test_what_is_matched_is_not_lost_among_many(tmp_path):
    truths = [f"BraTS-MET-{number:05d}-000" for number in range(40)]
    for name in truths:
        write_mask(tmp_path / "truths" / f"{name}-seg.nii.gz", small_truth(3))
        write_mask(tmp_path / "out" / f"{name[10:]}.nii.gz", np.zeros_like(small_truth()))
    assert run(tmp_path, "out", stated=(*STATED, "--truth-labels", "brats2023")) == 0
    assert len({row["case"] for row in read(tmp_path / "m.csv")}) == 40


def test_the_ranking_says_which_regions_it_goes_by():
    plans = {
        "ours": [Plan(("wt", "tc", "et"), challenge="brats2023-gli"), Plan(("wt", "tc"), challenge="brats2026-gli")],
        "theirs": [Plan(("wt", "tc"), challenge="brats2023-gli"), Plan(("wt", "tc"), challenge="brats2026-gli")],
    }
    expected = "brats2023-gli wt, tc (not et, which not every system has); brats2026-gli wt, tc"
    assert common_text(plans) == f"ranked by the cases and regions that all 2 systems have: {expected}"
