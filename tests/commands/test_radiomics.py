"""The table of features of a folder of cases."""

import csv
import json
import sys

import nibabel
import numpy as np
import pytest

from segan_tl.__main__ import main
from segan_tl.radiomics.clusters import load
from segan_tl.radiomics.features import columns
from tests.small_runs import small_labels, write_case

LABELS = small_labels()


@pytest.fixture(scope="module")
def cohort(tmp_path_factory):
    """Three sound cases of T1 and FLAIR, and three without features."""
    folder = tmp_path_factory.mktemp("radiomics") / "cohort"
    for number, shift in enumerate((0, 1, 2), start=1):
        write_case(folder, f"BraTS2021_0000{number}", np.roll(LABELS, shift, axis=1), modalities=("t1", "flair"))
    write_case(folder, "BraTS2021_00004", np.zeros_like(LABELS), modalities=("t1", "flair"))
    two = np.zeros_like(LABELS)
    two[10, 10, 4:6] = 2
    write_case(folder, "BraTS2021_00005", two, modalities=("t1", "flair"))
    write_case(folder, "BraTS2021_00006", LABELS, modalities=("t1",))
    return folder


def run(cohort, out, *words) -> int:
    return main(["radiomics", str(cohort), str(out), "--modalities", "flair", "t1", *words])


def write_four(folder):
    """Write two small tumours and two large ones, FLAIR alone."""
    for number, radius in enumerate((2.5, 2.6, 5.0, 5.1), start=1):
        write_case(folder, f"BraTS2021_0000{number}", small_labels(radius), modalities=("flair",))
    return folder


def read(path) -> list[dict]:
    with path.open() as file:
        return list(csv.DictReader(file))


@pytest.fixture
def mirp():
    return pytest.importorskip("mirp", reason="MIRP is not installed: pip install -e '.[radiomics]'")


def test_a_row_for_each_case_and_a_reason_for_the_others(cohort, tmp_path, capsys, mirp):
    assert run(cohort, tmp_path / "a.csv", "--jobs", "1") == 0
    rows = read(tmp_path / "a.csv")
    assert list(rows[0]) == ["case", *columns(("t1", "flair"))] and len(rows[0]) == 1 + 14 + 2 * 93
    assert [row["case"] for row in rows] == ["BraTS2021_00001", "BraTS2021_00002", "BraTS2021_00003"]
    # The tumour is moved, nothing else.
    assert rows[0]["shape_VoxelVolume"] == rows[1]["shape_VoxelVolume"]
    assert all(np.isfinite(float(value)) for row in rows for name, value in row.items() if name != "case")
    said = capsys.readouterr().out
    assert "left out, BraTS2021_00004: there is no tumour" in said
    assert "left out, BraTS2021_00005: its largest piece has 2 voxels (1 × 1 × 2)" in said
    assert "left out, BraTS2021_00006: " in said and "flair" in said and "case BraTS2021_00006" not in said
    assert "200 features of 3 cases" in said and "6/6" in said
    # Several processes write the same bytes.
    assert run(cohort, tmp_path / "b.csv", "--jobs", "2") == 0
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()


def test_no_table_is_replaced_unasked(cohort, tmp_path, capsys, mirp):
    out, groups = tmp_path / "a.csv", tmp_path / "groups.npz"
    assert run(cohort, out, "--jobs", "1") == 0
    written = (out.stat().st_mtime_ns, out.read_bytes())
    capsys.readouterr()
    assert run(cohort, out, "--jobs", "1") == 0
    assert capsys.readouterr().out.strip() == f"computed before, and nothing has changed: {out}"
    for other in (["--discretisation", "authors"], ["--clusters", str(groups)]):
        assert run(cohort, out, "--jobs", "1", *other) == 2
        said = capsys.readouterr().err
        assert "a.csv exists already, and is not what this command would write; add --overwrite" in said
        assert "give another OUT.csv" in said
    assert (out.stat().st_mtime_ns, out.read_bytes()) == written and not groups.exists()
    assert run(cohort, out, "--jobs", "1", "--discretisation", "authors", "--overwrite") == 0
    assert out.read_bytes() != written[1]
    out.write_text("mine")  # of somebody else
    assert run(cohort, out, "--jobs", "1", "--discretisation", "authors") == 2 and out.read_text() == "mine"


def test_an_interrupted_call_goes_on(cohort, tmp_path, capsys, mirp, monkeypatch):
    from segan_tl.radiomics import cohort as module

    assert run(cohort, tmp_path / "whole.csv", "--jobs", "1") == 0
    computed, real = [], module.features_of

    def interrupted(task):
        if len(computed) == 2:
            raise KeyboardInterrupt
        computed.append(task.case.id)
        return real(task)

    monkeypatch.setattr(module, "features_of", interrupted)
    assert run(cohort, tmp_path / "a.csv", "--jobs", "1") == 130 and not (tmp_path / "a.csv").exists()
    monkeypatch.setattr(module, "features_of", lambda task: (computed.append(task.case.id), real(task))[1])
    assert run(cohort, tmp_path / "a.csv", "--jobs", "1") == 0
    assert "2 of 6 cases were computed before the interruption" in capsys.readouterr().out
    assert len(computed) == len(set(computed)) == 6
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "whole.csv").read_bytes()
    assert not list(tmp_path.glob(".*.partial"))


def test_predictions_instead_of_the_truth(cohort, tmp_path, capsys, mirp):
    masks, place = tmp_path / "masks", cohort / "BraTS2021_00001"
    masks.mkdir()
    truth = nibabel.load(place / "BraTS2021_00001_seg.nii.gz")
    smaller = np.where(small_labels(3.0) > 0, 1, 0).astype(np.uint8)
    nibabel.save(nibabel.Nifti1Image(smaller, truth.affine), masks / "BraTS2021_00001.nii.gz")
    moved = truth.affine.copy()
    moved[:3, 3] += 50
    nibabel.save(nibabel.Nifti1Image(smaller, moved), masks / "BraTS2021_00002.nii.gz")
    words = ("--predictions", str(masks), "--prediction-labels", "wt", "--jobs", "1")
    assert run(cohort, tmp_path / "a.csv", *words, "--discretisation", "authors") == 0
    (row,) = read(tmp_path / "a.csv")
    assert float(row["shape_VoxelVolume"]) == pytest.approx(smaller.sum() * np.prod(truth.header.get_zooms()))
    assert float(row["t1_glcm_JointAverage"]) <= 2
    said = capsys.readouterr().out
    assert "BraTS2021_00002: expected the prediction" in said
    assert "left out, BraTS2021_00003: there is no mask of its tumour" in said


def test_groups_of_alike_tumours(cohort, tmp_path, capsys, mirp):
    path = tmp_path / "groups.npz"
    words = ("--modalities", "flair", "--clusters", str(path), "--jobs", "1")
    four = write_four(tmp_path / "four")
    assert main(["radiomics", str(four), str(tmp_path / "a.csv"), *words]) == 0
    settings = json.loads(path.with_suffix(".json").read_text())
    assert settings["cases"]["BraTS2021_00004"] in (0, 1)
    said = capsys.readouterr().out
    assert "2 clusters of 2 2 cases" in said and path.with_suffix(".png").is_file()
    rows = {row.pop("case"): {name: float(value) for name, value in row.items()} for row in read(tmp_path / "a.csv")}
    chain = load(path)
    assert {case: chain.assign(row) for case, row in rows.items()} == settings["cases"]
    # What tells them apart is printed as it is saved: five features of each cluster, here by its definition.
    for number in (0, 1):
        inside = [case for case, cluster in settings["cases"].items() if cluster == number]
        assert len(settings["distinctive"][str(number)]) == 5
        for feature, difference in settings["distinctive"][str(number)].items():
            values = {case: row[feature] for case, row in rows.items()}
            mean = np.mean([values[case] for case in inside])
            others = np.mean([value for case, value in values.items() if case not in inside])
            assert difference == pytest.approx((mean - others) / np.std(list(values.values())))
            assert any(feature in line and f"{difference:+.1f}" in line for line in said.splitlines())

    # === The same cases, and a new one, given to the clusters that were saved ===
    write_case(four, "BraTS2021_00009", small_labels(5.05), modalities=("flair", "t1"))
    write_case(four, "BraTS2021_00010", np.zeros_like(LABELS), modalities=("flair",))
    assert main(["radiomics", str(four), str(tmp_path / "b.csv"), "--assign", str(path), "--jobs", "2"]) == 0
    assigned = read(tmp_path / "b.csv")
    assert list(assigned[0]) == ["case", "cluster", *columns(("flair",))]
    found = {row["case"]: int(row["cluster"]) for row in assigned}
    assert found == settings["cases"] | {"BraTS2021_00009": settings["cases"]["BraTS2021_00004"]}
    said = capsys.readouterr().out
    assert "cases in clusters 0 to 1" in said and "left out, BraTS2021_00010: there is no tumour" in said

    # === What does not fit the clusters is refused ===
    for more, words in (
        (["--modalities", "t1", "flair"], "expected --modalities flair, as"),
        (["--discretisation", "authors"], "expected --discretisation 32-levels, as"),
        (["--clusters", str(tmp_path / "c.npz")], "leave one of them out"),
    ):
        assert main(["radiomics", str(four), str(tmp_path / "c.csv"), "--assign", str(path), *more]) == 2
        assert words in capsys.readouterr().err and not (tmp_path / "c.csv").exists()
    path.with_suffix(".json").write_text(json.dumps(settings | {"columns": ["x", *settings["columns"][1:]]}))
    assert main(["radiomics", str(four), str(tmp_path / "c.csv"), "--assign", str(path)]) == 2
    assert "found x; make the clusters again" in capsys.readouterr().err and not (tmp_path / "c.csv").exists()


def test_nothing_can_be_computed(cohort, tmp_path, capsys, mirp):
    bad = tmp_path / "bad"
    (bad / "BraTS2021_00004").parent.mkdir()
    (bad / "BraTS2021_00004").symlink_to(cohort / "BraTS2021_00004")
    assert run(bad, tmp_path / "a.csv") == 2 and [path.name for path in tmp_path.iterdir()] == ["bad"]
    assert "found none of 1: BraTS2021_00004: there is no tumour" in capsys.readouterr().err


def test_mirp_is_not_installed(cohort, tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "mirp", None)
    assert run(cohort, tmp_path / "a.csv") == 2
    assert "type: pip install -e '.[radiomics]'" in capsys.readouterr().err and not (tmp_path / "a.csv").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nowhere", "a.csv"], "nowhere does not exist"),
        (["cohort", "a.txt"], "expected OUT.csv to name a file that ends in .csv"),
        (["cohort", "a.csv", "--predictions", "nowhere"], "expected a folder of predictions; nowhere is none"),
        (["cohort", "a.csv", "--clusters", "a.txt"], "expected --clusters to name a file that ends in .npz"),
        (["cohort/BraTS2021_00001", "a.csv", "--clusters", "a.npz"], "at least 4 cases for --clusters; found 1"),
        (["cohort", "a.csv", "--assign", "a.npz"], "a.json is missing; make the clusters again"),
        (["cohort", "a.csv", "--predictions", "empty"], "expected predictions named after the cases"),
    ],
)
def test_mistakes(cohort, tmp_path, monkeypatch, capsys, words, said):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "cohort").symlink_to(cohort)
    (tmp_path / "empty").mkdir()
    assert main(["radiomics", *words]) == 2
    assert said in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cohort", "empty"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--modalities", "t3"], "t3"),
        (["--discretisation", "64"], "64"),
        (["--jobs", "0"], "at least 1"),
    ],
)
def test_arguments_that_mean_nothing(words, said, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["radiomics", "cohort", "a.csv", *words])
    assert stopped.value.code == 2 and said in capsys.readouterr().err
