"""The synthetic cohort: equal bytes, sound labels, tissues ranked as in MRI."""

import gzip
import json

import nibabel
import numpy as np
import pytest

from segan_tl.data.find.cases import find_cases
from segan_tl.data.find.patients import patient_of
from segan_tl.data.phantom import COHORTS, simulate_case, write_cohort
from segan_tl.data.phantom.anatomy import Subject, ventricles
from segan_tl.data.phantom.glioma import draw_glioma
from segan_tl.data.phantom.write import CASE_FOLDER, case_name, is_whole, remove_cohort
from segan_tl.errors import UserError

TINY = (48, 48, 31)
SMALL = (96, 96, 62)


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """Two glioma cases written by one worker."""
    folder = tmp_path_factory.mktemp("phantom")
    return folder, write_cohort(folder, "glioma-3t", cases=2, shape=TINY, seed=5, jobs=1)


@pytest.fixture(scope="module")
def gliomas():
    """Two high-grade cases and a low-grade one at 2.5 mm."""
    return [simulate_case("glioma-3t", case_index=index, shape=SMALL, seed=0) for index in (1, 2, 5)]


def test_same_seed_gives_same_bytes_on_any_number_of_workers(written, tmp_path):
    folder, names = written
    assert write_cohort(tmp_path, "glioma-3t", cases=2, shape=TINY, seed=5, jobs=2) == names
    files = sorted(path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    assert len(files) == 2 * 5 + 4  # README.txt, two tables, the marker
    assert files == sorted(path.relative_to(tmp_path) for path in tmp_path.rglob("*") if path.is_file())
    for file in files:
        assert (folder / file).read_bytes() == (tmp_path / file).read_bytes(), file


def test_another_seed_gives_another_person():
    first, second = (simulate_case("glioma-3t", case_index=0, shape=TINY, seed=seed) for seed in (0, 1))
    assert (first.images["t2"] != second.images["t2"]).any()
    assert (first.labels != second.labels).any()


@pytest.mark.parametrize(
    ("seed", "variety", "name"),
    [
        (0, "plain", "phantom-ms-0003"),
        (2019, "hard", "phantom-ms-0003"),
        (2020, "hard", "phantom-ms-0003"),
        (2024, "plain", "phantom-ms-0003"),
        (7, "plain", "phantom-ms-seed7-0003"),
        (7, "hard", "phantom-ms-seed7-hard-0003"),
        (20200, "plain", "phantom-ms-seed20200-0003"),
    ],
)
def test_people_of_another_seed_have_names_of_their_own(seed, variety, name):
    assert case_name("ms", 2, seed=seed, variety=variety) == name
    assert CASE_FOLDER.fullmatch(name) and not CASE_FOLDER.fullmatch(name.replace("seed", "site") + "x")
    assert patient_of(name) == name == patient_of(f"{name}_flair")


def test_another_seed_replaces_a_cohort_whole(tmp_path):
    write_cohort(tmp_path, "ms", cases=2, shape=(24, 24, 16), seed=0)
    names = write_cohort(tmp_path, "ms", cases=1, shape=(24, 24, 16), seed=7)
    assert names == ["phantom-ms-seed7-0001"] == [path.name for path in tmp_path.iterdir() if path.is_dir()]
    assert is_whole(tmp_path) and [case.id for case in find_cases(tmp_path).cases] == names
    assert write_cohort(tmp_path, "ms", cases=1, shape=(24, 24, 16), seed=0) == ["phantom-ms-0001"]
    assert [path.name for path in tmp_path.iterdir() if path.is_dir()] == ["phantom-ms-0001"]


def test_cohorts_of_one_seed_share_no_person():
    at_3t = simulate_case("glioma-3t", case_index=0, shape=TINY, seed=0)
    at_low_field = simulate_case("glioma-1.5t", case_index=0, shape=TINY, seed=0)
    assert ((at_3t.images["t2"] > 0) != (at_low_field.images["t2"] > 0)).any()


def test_files_are_brats_style(written):
    folder, names = written
    assert names[0] == "phantom-glioma-3t-seed5-0001"
    for suffix in ("t1", "t1ce", "t2", "flair", "seg"):
        image = nibabel.load(folder / names[0] / f"{names[0]}_{suffix}.nii.gz")
        # 240 mm over 48 voxels: 5 mm; the second axis starts 47 * 5 = 235 mm behind the origin.
        expected = np.array([[-5, 0, 0, 0], [0, -5, 0, 235], [0, 0, 5, 0], [0, 0, 0, 1]], dtype=float)
        np.testing.assert_array_equal(image.affine, expected)
        assert nibabel.aff2axcodes(image.affine) == ("L", "P", "S")
        assert image.shape == TINY
        assert image.get_data_dtype() == (np.uint8 if suffix == "seg" else np.int16)
        assert b"SYNTHETIC" in bytes(image.header["descrip"])
    packed = (folder / names[0] / f"{names[0]}_t1.nii.gz").read_bytes()
    assert packed[4:8] == bytes(4), "gzip time stamp"
    assert gzip.decompress(packed)[344:347] == b"n+1"


def test_tables_say_synthetic(written):
    folder, names = written
    lines = (folder / "participants.tsv").read_text().splitlines()
    assert lines[0].split("\t") == ["participant_id", "grade", "site", "field_strength", "age", "synthetic"]
    assert [line.split("\t")[0] for line in lines[1:]] == names
    assert all(line.split("\t")[1] in ("HGG", "LGG") and line.split("\t")[3] == "3" for line in lines[1:])
    facts = json.loads((folder / "cohort.json").read_text())
    assert facts["synthetic"] is True
    assert facts["label_convention"] == "brats2017"
    assert facts["shape"] == list(TINY) and facts["seed"] == 5
    assert "SYNTHETIC" in (folder / "README.txt").read_text()


def test_smaller_cohort_replaces_larger(tmp_path):
    write_cohort(tmp_path, "ms", cases=2, shape=(24, 24, 16), seed=0)
    (tmp_path / "mine").mkdir()
    assert write_cohort(tmp_path, "ms", cases=1, shape=(24, 24, 16), seed=0) == ["phantom-ms-0001"]
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_dir()) == ["mine", "phantom-ms-0001"]


def test_labels_lie_inside_the_brain(gliomas):
    for case in gliomas:
        brain = case.images["t2"] > 0
        assert set(np.unique(case.labels)) <= {0, 1, 2, 4}
        assert not (case.labels[~brain] > 0).any()
        for image in case.images.values():
            assert image.dtype == np.int16
            np.testing.assert_array_equal(image > 0, brain)
        # A brain without skull has 1.0 to 2.0 litres; voxels of 2.5 mm.
        assert 1000 < brain.sum() * 2.5**3 / 1000 < 2000


def test_edema_respects_fluid(gliomas):
    # Fluid is the brightest on T2 and the darkest on FLAIR: hardly a voxel labelled edema may look like that.
    for case in gliomas:
        t2, flair = (case.images[name].astype(float) for name in ("t2", "flair"))
        brain = t2 > 0
        fluid = (t2 > np.percentile(t2[brain], 97)) & (flair < np.percentile(flair[brain], 5))
        edema = case.labels == 2
        assert fluid.any() and edema.any()
        assert (fluid & edema).sum() < 0.01 * edema.sum()


def test_tumour_volumes_vary_like_real_ones():
    volumes = np.array([
        draw_glioma(0, index, low_grade_share=0.3, late_stage=1.0).whole_ml for index in range(200)
    ])  # fmt: skip
    assert volumes.min() >= 10 and volumes.max() <= 210
    assert 60 < np.median(volumes) < 95
    late = [draw_glioma(0, index, low_grade_share=0.3, late_stage=1.35).whole_ml for index in range(200)]
    assert np.median(late) > 1.2 * np.median(volumes)


def test_low_grades_are_spread_evenly():
    grades = [draw_glioma(3, index, low_grade_share=0.3, late_stage=1.0).high_grade for index in range(20)]
    assert 5 <= grades.count(False) <= 7


def test_low_grade_hardly_enhances(gliomas):
    assert {case.grade for case in gliomas} == {"HGG", "LGG"}
    for case in gliomas:
        share = (case.labels == 4).sum() / (case.labels > 0).sum()
        assert share <= 0.05 if case.grade == "LGG" else share > 0.02


def test_every_site_of_the_low_field_cohort_is_at_low_field():
    assert {site.field_tesla for site in COHORTS["glioma-1.5t"].sites} == {1.5}
    thin = min(scan.slice_mm for site in COHORTS["glioma-1.5t"].sites for scan in site.scans.values())
    thick = max(scan.slice_mm for site in COHORTS["glioma-3t"].sites for scan in site.scans.values())
    assert thin > thick


def test_lesions_of_ms_are_small_and_beside_the_ventricles():
    from scipy import ndimage

    case = simulate_case("ms", case_index=0, shape=SMALL, seed=0)
    assert set(np.unique(case.labels)) == {0, 1}
    pieces, count = ndimage.label(case.labels)
    assert count >= 3
    sizes_ml = ndimage.sum(case.labels, pieces, range(1, count + 1)) * 2.5**3 / 1000
    assert np.median(sizes_ml) < 1.0 and sizes_ml.sum() < 40
    flair = case.images["flair"].astype(float)
    assert flair[case.labels == 1].mean() > 1.15 * np.median(flair[flair > 0])


def test_same_person_on_a_coarser_grid():
    fine = simulate_case("glioma-3t", case_index=1, shape=(80, 80, 52), seed=0)
    coarse = simulate_case("glioma-3t", case_index=1, shape=(40, 40, 26), seed=0)
    whole = (fine.labels > 0).reshape(40, 2, 40, 2, 26, 2).mean((1, 3, 5)) > 0.5
    same = coarse.labels > 0
    assert 2 * (whole & same).sum() / (whole.sum() + same.sum()) > 0.85
    assert fine.grade == coarse.grade and fine.site == coarse.site


def test_ventricles_have_an_inside():
    subject = Subject(0, 0)
    # The body of the left lateral ventricle and a place in the white matter beside it, atlas mm.
    points = np.array([[8.0, 2.0, 19.0], [30.0, 2.0, 30.0]], dtype=np.float32).T
    inner, outer = ventricles(points, subject)
    assert inner < 0 < outer


@pytest.mark.parametrize(
    ("cohort", "change", "words"),
    [
        ("glioma-7t", {}, "glioma-3t"),
        ("ms", {"cases": 0}, "at least one case"),
        ("ms", {"shape": (48, 48, 3)}, "16 voxels"),
        ("ms", {"shape": (48, 48)}, "16 voxels"),
        ("ms", {"seed": -1}, "seed"),
        ("ms", {"jobs": 0}, "job"),
    ],
)
def test_impossible_requests_are_refused(tmp_path, cohort, change, words):
    request = {"cases": 1, "shape": TINY, "seed": 0, "jobs": 1} | change
    with pytest.raises(UserError, match=words):
        write_cohort(tmp_path / "out", cohort, **request)
    assert not (tmp_path / "out").exists()


def test_a_folder_that_is_not_ours_is_left_alone(tmp_path):
    for name in ("README.txt", "participants.tsv", "cohort.json"):
        folder = tmp_path / name
        folder.mkdir()
        (folder / name).write_text('{"label_convention": "msd"}')
        (folder / "photos").mkdir()
        with pytest.raises(UserError, match=f"{name} is there already, and segan_tl did not make it"):
            write_cohort(folder, "ms", cases=1, shape=(24, 24, 16))
        assert sorted(path.name for path in folder.iterdir()) == sorted([name, "photos"])


def test_files_of_somebody_else_outlast_a_cohort_that_is_replaced(tmp_path):
    write_cohort(tmp_path, "ms", cases=2, shape=(24, 24, 16))
    for theirs in ("notes.txt", "phantom-ms-0001/mine_seg.nii.gz", "phantom-ms-0002/notes.txt"):
        (tmp_path / theirs).write_text("theirs")
    write_cohort(tmp_path, "ms", cases=1, shape=(24, 24, 16), seed=2020)
    assert (tmp_path / "notes.txt").exists() and (tmp_path / "phantom-ms-0001" / "mine_seg.nii.gz").exists()
    assert [path.name for path in (tmp_path / "phantom-ms-0002").iterdir()] == ["notes.txt"]
    assert len(list((tmp_path / "phantom-ms-0001").iterdir())) == 6 and is_whole(tmp_path)
    with pytest.raises(UserError, match=r"segan_tl did not make .*notes.txt.* in it: move it away"):
        remove_cohort(tmp_path)
    assert (tmp_path / "phantom-ms-0001" / "mine_seg.nii.gz").read_text() == "theirs"
