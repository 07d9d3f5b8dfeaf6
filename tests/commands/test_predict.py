"""The predict command, through the front door, with a segmentor that sees the tumour."""

import csv
import json
import shutil

import nibabel
import numpy as np
import pytest
from nibabel.orientations import axcodes2ornt, io_orientation, ornt_transform

from segan_tl.__main__ import main
from segan_tl.data.fingerprint import fingerprint_case, fingerprint_cohort
from segan_tl.disk.atomic import write_json
from segan_tl.predict import voters
from tests.small_runs import SPACING_MM, make_run, small_config, small_labels, write_case


@pytest.fixture(scope="module")
def places(tmp_path_factory):
    """Runs for FLAIR, T2 and three modalities, and a folder of two cases, the second without label map."""
    root = tmp_path_factory.mktemp("predict")
    make_run(root / "runs" / "small" / "flair", small_config())
    make_run(root / "runs" / "small" / "t2", small_config(("t2",), ("tc",)))
    make_run(root / "runs" / "small" / "all", small_config(("flair", "t2", "t1c"), ("wt", "tc", "et")))
    write_case(root / "cohort", "BraTS2021_00001", small_labels())
    write_case(root / "cohort", "BraTS2021_00002", small_labels(3), with_mask=False)
    return root


def predict(places, run, source, out, *options):
    return main(["predict", run, str(source), str(out), "--runs", str(places / "runs"), *options])


def voxels(path):
    return np.asarray(nibabel.load(path).dataobj)


def test_a_folder_of_cases(places, tmp_path, capsys):
    assert predict(places, "small/flair", places / "cohort", tmp_path / "out") == 0
    np.testing.assert_array_equal(voxels(tmp_path / "out" / "BraTS2021_00001.nii.gz"), small_labels() > 0)
    np.testing.assert_array_equal(voxels(tmp_path / "out" / "BraTS2021_00002.nii.gz"), small_labels(3) > 0)
    printed = capsys.readouterr().out
    assert printed.count("Dice 1.000") == 1  # only the first has a label map
    assert printed.strip().endswith(str(tmp_path / "out")) and "segmented 2 of 2 cases" in printed
    assert "1 = wt" in printed
    record = json.loads((tmp_path / "out" / "predictions.json").read_text())
    tumour_ml = (small_labels(3) > 0).sum() * np.prod(SPACING_MM) / 1000
    assert record["cases"]["BraTS2021_00002"]["volume_ml"]["wt"] == pytest.approx(tumour_ml)
    assert record["cases"]["BraTS2021_00002"]["dice"] == {} and record["cases"]["BraTS2021_00001"]["dice"] == {
        "wt": 1.0
    }
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "BraTS2021_00001.nii.gz", "BraTS2021_00002.nii.gz", "predictions.json", "volumes.csv",
    ]  # fmt: skip


def test_cases_the_run_has_learnt_from_are_pointed_out(places, tmp_path, capsys):
    run = make_run(tmp_path / "run", small_config())
    write_json(run.splits, {"train": ["BraTS2021_00001"], "validation": [], "test": []})
    assert predict(places, str(run.root), places / "cohort", tmp_path / "out") == 0
    printed = capsys.readouterr().out
    expected = "1 of these cases carry names of patients that the run was trained or tuned on (BraTS2021_00001)"
    assert f"{expected}: their Dice is no test" in printed


def test_other_time_points_of_its_patients_are_pointed_out(tmp_path, capsys):
    run = make_run(tmp_path / "run", small_config())
    write_json(run.splits, {"train": ["BraTS-GLI-00008-000"], "validation": [], "test": []})
    for case in ("BraTS-GLI-00008-001", "BraTS-GLI-00009-001"):
        write_case(tmp_path / "cohort", case, small_labels())
    assert main(["predict", str(run.root), str(tmp_path / "cohort"), str(tmp_path / "out")]) == 0
    expected = "1 of these cases carry names of patients that the run was trained or tuned on (BraTS-GLI-00008-001)"
    assert expected in capsys.readouterr().out


@pytest.mark.parametrize("axes", ["LPS", "RAS", "LAS", "PIR", "SAL"])
def test_the_result_lies_on_the_grid_of_the_input_whatever_its_axes(places, tmp_path, axes):
    original = nibabel.load(places / "cohort" / "BraTS2021_00001" / "BraTS2021_00001_flair.nii.gz")
    turn = ornt_transform(io_orientation(original.affine), axcodes2ornt(tuple(axes)))
    turned = original.as_reoriented(turn)
    nibabel.save(turned, tmp_path / "scan.nii.gz")
    assert predict(places, "small/flair", tmp_path / "scan.nii.gz", tmp_path / "out.nii.gz", "--modality", "flair") == 0
    written = nibabel.load(tmp_path / "out.nii.gz")
    np.testing.assert_allclose(written.affine, turned.affine, atol=1e-6)
    np.testing.assert_array_equal(np.asarray(written.dataobj), np.asarray(turned.dataobj) == 1000)


@pytest.mark.real_data
@pytest.mark.parametrize("folder", ["brats2021", "ms"])
def test_real_scans_keep_their_grid(real_data, tmp_path, folder):
    # The segmentor marks what is brighter than half of the maximum; on the file's own grid that is one comparison.
    config = small_config()
    config = config.model_copy(update={"data": config.data.model_copy(update={"crop": (256, 256, 192)})})
    run = make_run(tmp_path / "run", config)
    source = sorted(path for path in (real_data / folder).rglob("*.nii.gz") if "flair" in path.name.lower())[0]
    assert main(["predict", str(run.root), str(source), str(tmp_path / "out.nii.gz"), "--modality", "flair"]) == 0
    image, written = nibabel.load(source), nibabel.load(tmp_path / "out.nii.gz")
    np.testing.assert_allclose(written.affine, image.affine, atol=1e-5)
    voxels = np.asarray(image.dataobj, np.float32)
    low, high = min(voxels.min(), 0), max(voxels.max(), 0)  # the crop is larger than the scan: zeros around it
    scaled = (voxels - low) / (high - low)
    sure = np.abs(scaled - 0.5) > 1e-5
    np.testing.assert_array_equal(np.asarray(written.dataobj)[sure], (scaled > 0.5)[sure])


def test_a_case_folder_into_a_file(places, tmp_path):
    source = places / "cohort" / "BraTS2021_00001"
    assert predict(places, "small/flair", source, tmp_path / "tumour.nii.gz") == 0
    written = nibabel.load(tmp_path / "tumour.nii.gz")
    np.testing.assert_array_equal(written.affine, nibabel.load(source / "BraTS2021_00001_flair.nii.gz").affine)
    assert written.get_data_dtype() == np.uint8 and (tmp_path / "tumour.json").is_file()


def test_several_regions_in_the_numbers_of_the_cohort(places, tmp_path, capsys):
    source = places / "cohort" / "BraTS2021_00001"
    assert predict(places, "small/all", source, tmp_path, "--probabilities") == 0
    np.testing.assert_array_equal(voxels(tmp_path / "BraTS2021_00001.nii.gz"), small_labels())
    assert "1 = NCR, 2 = ED, 4 = ET" in capsys.readouterr().out
    probability = voxels(tmp_path / "BraTS2021_00001_probability.nii.gz")
    assert probability.shape == (*small_labels().shape, 3) and probability.dtype == np.float32


def test_probabilities_and_threshold(places, tmp_path):
    source = places / "cohort" / "BraTS2021_00001"
    assert predict(places, "small/flair", source, tmp_path, "--probabilities", "--threshold", "1e-20") == 0
    probability = voxels(tmp_path / "BraTS2021_00001_probability.nii.gz")
    assert probability.shape == small_labels().shape and 0.999 < probability.max() <= 1
    # a threshold next to nothing takes the whole crop (20, 18, 8) and nothing outside
    assert voxels(tmp_path / "BraTS2021_00001.nii.gz").sum() == 20 * 18 * 8


@pytest.mark.parametrize(("asked", "kept"), [((), True), (("0",), True), (("0.5",), False), (("1",), False)])
def test_small_parts_go_where_they_are_asked_to(asked, kept, places, tmp_path):
    """Eight voxels beside a sphere of some four hundred: the run keeps all, a share of a half the sphere alone."""
    labels = small_labels()
    sphere = labels > 0
    labels[2:4, 2:4, 2:4] = 2
    write_case(tmp_path / "cohort", "BraTS2021_00009", labels)
    option = ("--smallest-component", *asked) if asked else ()
    assert predict(places, "small/flair", tmp_path / "cohort", tmp_path / "OUT", *option) == 0
    found = voxels(tmp_path / "OUT" / "BraTS2021_00009.nii.gz") > 0
    np.testing.assert_array_equal(found, labels > 0 if kept else sphere)


def test_a_single_file_whose_name_tells_the_modality(places, tmp_path, capsys):
    source = places / "cohort" / "BraTS2021_00001" / "BraTS2021_00001_flair.nii.gz"
    assert predict(places, "small/flair", source, tmp_path / "out") == 0
    np.testing.assert_array_equal(voxels(tmp_path / "out" / "BraTS2021_00001_flair.nii.gz"), small_labels() > 0)
    assert "taken as" not in capsys.readouterr().out


def test_a_single_file_whose_name_tells_nothing_is_taken_as_the_runs_modality(places, tmp_path, capsys):
    source = tmp_path / "scan.nii.gz"
    source.write_bytes((places / "cohort" / "BraTS2021_00001" / "BraTS2021_00001_flair.nii.gz").read_bytes())
    assert predict(places, "small/flair", source, tmp_path / "out") == 0
    assert "scan.nii.gz does not name its modality: taken as flair" in capsys.readouterr().out
    assert predict(places, "small/flair", source, tmp_path / "out2", "--modality", "flair") == 0
    assert "taken as" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("run", "source", "options", "message"),
    [
        (
            "small/flair",
            "BraTS2021_00001/BraTS2021_00001_t2.nii.gz",
            (),
            "is a t2 image by its name, this run segments flair",
        ),
        ("small/flair", "BraTS2021_00001/BraTS2021_00001_seg.nii.gz", (), "is a label map by its name"),
        ("small/flair", "BraTS2021_00001/BraTS2021_00001_flair.nii.gz", ("--modality", "t1"), "as --modality says"),
        ("small/all", "BraTS2021_00001/BraTS2021_00001_flair.nii.gz", (), "this run needs flair, t2, t1c"),
        ("small/flair", "nothing", (), "does not exist"),
        ("small/none", "BraTS2021_00001", (), "no run at small/none"),
    ],
)
def test_what_is_refused_in_one_sentence(places, tmp_path, capsys, run, source, options, message):
    assert predict(places, run, places / "cohort" / source, tmp_path / "out", *options) == 2
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1 and "Traceback" not in error
    assert not (tmp_path / "out").exists()


def test_a_missing_modality_stops_before_any_work_or_is_skipped(places, tmp_path, capsys):
    write_case(tmp_path / "cohort", "BraTS2021_00001", small_labels())
    write_case(tmp_path / "cohort", "BraTS2021_00003", small_labels(), modalities=("t1", "t2"))
    assert predict(places, "small/flair", tmp_path / "cohort", tmp_path / "out") == 2
    error = capsys.readouterr().err
    assert "case BraTS2021_00003 has no flair (it has t1, t2)" in error and "--skip-bad-cases" in error
    assert not (tmp_path / "out").exists()
    assert predict(places, "small/flair", tmp_path / "cohort", tmp_path / "out", "--skip-bad-cases") == 0
    printed = capsys.readouterr().out
    assert "left out: case BraTS2021_00003" in printed and "segmented 1 of 2 cases" in printed
    reasons = json.loads((tmp_path / "out" / "predictions.json").read_text())["left_out"]
    assert list(reasons) == ["BraTS2021_00003"] and "has no flair" in reasons["BraTS2021_00003"]


def test_a_damaged_file_stops_or_is_skipped(places, tmp_path, capsys):
    write_case(tmp_path / "cohort", "BraTS2021_00001", small_labels())
    broken = write_case(tmp_path / "cohort", "BraTS2021_00002", small_labels()) / "BraTS2021_00002_flair.nii.gz"
    sound = broken.read_bytes()
    broken.write_bytes(sound[:-30])
    assert predict(places, "small/flair", tmp_path / "cohort", tmp_path / "out") == 2
    assert "BraTS2021_00002" in capsys.readouterr().err
    record = tmp_path / "out" / "predictions.json"
    options = ("--skip-bad-cases", "--overwrite")
    assert predict(places, "small/flair", tmp_path / "cohort", tmp_path / "out", *options) == 0
    assert f"left out: BraTS2021_00002; {record} says why" in capsys.readouterr().out.splitlines()[-1]
    assert "BraTS2021_00002_flair.nii.gz" in json.loads(record.read_text())["left_out"]["BraTS2021_00002"]
    # Mended: the whole cohort is refused, as one mask is there; the case alone joins it.
    broken.write_bytes(sound)
    assert predict(places, "small/flair", tmp_path / "cohort", tmp_path / "out") == 2
    assert "or BraTS2021_00002 alone as INPUT" in capsys.readouterr().err
    assert predict(places, "small/flair", broken.parent, tmp_path / "out") == 0
    told = json.loads(record.read_text())
    assert "left_out" not in told and list(told["cases"]) == ["BraTS2021_00001", "BraTS2021_00002"]


def test_a_bad_label_map_does_not_stop_prediction(places, tmp_path, capsys):
    place = write_case(tmp_path / "cohort", "BraTS2021_00001", small_labels())
    (place / "BraTS2021_00001_seg.nii.gz").write_bytes(b"nothing")
    assert predict(places, "small/flair", tmp_path / "cohort", tmp_path / "out") == 0
    assert "Dice" not in capsys.readouterr().out


def test_existing_predictions_are_not_replaced_unless_asked(places, tmp_path, capsys):
    source = places / "cohort" / "BraTS2021_00001"
    (tmp_path / "BraTS2021_00001.nii.gz").write_bytes(b"precious")
    assert predict(places, "small/flair", source, tmp_path) == 2
    assert "--overwrite" in capsys.readouterr().err
    assert (tmp_path / "BraTS2021_00001.nii.gz").read_bytes() == b"precious"
    assert predict(places, "small/flair", source, tmp_path, "--overwrite") == 0
    assert voxels(tmp_path / "BraTS2021_00001.nii.gz").any()


def test_another_network_is_not_mixed_into_the_tables_of_one(places, tmp_path, capsys):
    one, two = (places / "cohort" / f"BraTS2021_0000{number}" for number in (1, 2))
    assert predict(places, "small/flair", one, tmp_path / "out") == 0
    before = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    capsys.readouterr()
    for more in ((), ("--overwrite",)):
        assert predict(places, "small/t2", two, tmp_path / "out", *more) == 2
        said = " ".join(capsys.readouterr().err.split())
        assert "small/t2 alone" in said and "found BraTS2021_00001 of" in said and "give another OUT" in said
    assert {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()} == before
    assert predict(places, "small/flair", two, tmp_path / "out") == 0  # of the same network
    assert predict(places, "small/t2", places / "cohort", tmp_path / "out", "--overwrite") == 0  # all of them anew
    with (tmp_path / "out" / "volumes.csv").open() as file:
        assert [row["region"] for row in csv.DictReader(file)] == ["tc", "tc"]


def test_what_a_killed_call_left_is_replaced_by_the_same_command(places, tmp_path, monkeypatch, capsys):
    class Killed(BaseException):
        pass

    def die(*_arguments, **_options):
        raise Killed

    arguments = (places, "small/flair", places / "cohort" / "BraTS2021_00001", tmp_path / "out", "--probabilities")
    monkeypatch.setattr("segan_tl.predict.outputs.write_volume", die)  # of the probabilities
    with pytest.raises(Killed):
        predict(*arguments)
    monkeypatch.undo()
    assert (tmp_path / "out" / "BraTS2021_00001.nii.gz").is_file()
    assert predict(*arguments) == 0
    assert "unfinished" not in json.loads((tmp_path / "out" / "predictions.json").read_text())
    assert predict(*arguments) == 2
    assert "--overwrite" in capsys.readouterr().err


@pytest.mark.parametrize("change", ["nothing", "threshold", "gone"])
def test_a_killed_call_goes_on_behind_the_last_case(change, places, tmp_path, monkeypatch, capsys):
    """Killed in the second of two cases; where nothing has changed, the first is not segmented again."""
    asked, segment, kills = [], voters.segment_input, [True]

    def die_in_the_second(members, models, case, **options):
        asked.append(case.id)
        if case.id == "BraTS2021_00002" and kills:
            raise KeyboardInterrupt
        return segment(members, models, case, **options)

    whole, out = tmp_path / "whole", tmp_path / "out"
    assert predict(places, "small/flair", places / "cohort", whole) == 0
    monkeypatch.setattr(voters, "segment_input", die_in_the_second)
    assert predict(places, "small/flair", places / "cohort", out) == 130
    kills.clear()
    asked.clear()
    if change == "gone":
        (out / "BraTS2021_00001.nii.gz").unlink()
    capsys.readouterr()
    options = ("--threshold", "0.4") if change == "threshold" else ()
    assert predict(places, "small/flair", places / "cohort", out, *options) == 0
    goes_on = "1 of 2 cases were segmented before the interruption" in capsys.readouterr().out
    assert goes_on == (change == "nothing") and len(asked) == (1 if goes_on else 2)
    assert sorted(path.name for path in out.iterdir()) == sorted(path.name for path in whole.iterdir())
    if goes_on:
        records = [json.loads((place / "predictions.json").read_text()) for place in (whole, out)]
        for record in (case for found in records for case in found["cases"].values()):
            del record["seconds"]
        assert records[0] == records[1] and list(records[0]["cases"]) == list(records[1]["cases"])
        for name in ("BraTS2021_00001.nii.gz", "BraTS2021_00002.nii.gz", "volumes.csv"):
            assert (out / name).read_bytes() == (whole / name).read_bytes()


def test_a_full_disk_is_one_sentence_and_no_bad_case(places, small_disk, capsys):
    disk = small_disk(64)
    assert predict(places, "small/flair", places / "cohort" / "BraTS2021_00001", disk) == 0
    before = (disk / "BraTS2021_00001.nii.gz").read_bytes()
    with pytest.raises(OSError, match="No space left"):
        (disk / "others").write_bytes(bytes(1 << 17))
    capsys.readouterr()
    assert predict(places, "small/flair", places / "cohort", disk, "--overwrite", "--skip-bad-cases") == 2
    said = capsys.readouterr()
    assert said.err.startswith(f"error: the disk is full: cannot write {disk}/") and said.err.count("\n") == 1
    assert "left out" not in said.out and (disk / "BraTS2021_00001.nii.gz").read_bytes() == before


def test_an_input_is_never_replaced(places, tmp_path, capsys):
    image = write_case(tmp_path / "cohort", "BraTS2021_00001", small_labels()) / "BraTS2021_00001_flair.nii.gz"
    before = image.read_bytes()
    assert predict(places, "small/flair", image, image.parent, "--overwrite") == 2
    assert "is an input" in capsys.readouterr().err and image.read_bytes() == before


@pytest.mark.parametrize("name", ["out.nii", "out.nrrd", "out.nii.gz"])
def test_out_must_suit_the_cases(places, tmp_path, capsys, name):
    assert predict(places, "small/flair", places / "cohort", tmp_path / name) == 2
    assert "give a folder" in capsys.readouterr().err


@pytest.mark.parametrize("option", [("--batch-size", "0"), ("--threshold", "1.5"), ("--threshold", "half")])
def test_senseless_numbers_are_refused(places, tmp_path, option):
    with pytest.raises(SystemExit) as error:
        predict(places, "small/flair", places / "cohort", tmp_path / "out", *option)
    assert error.value.code == 2


def test_batch_size_does_not_change_the_result(places, tmp_path):
    source = places / "cohort" / "BraTS2021_00002"
    for size in ("1", "3", "64"):
        assert predict(places, "small/flair", source, tmp_path / size, "--batch-size", size) == 0
        np.testing.assert_array_equal(voxels(tmp_path / size / "BraTS2021_00002.nii.gz"), small_labels(3) > 0)


def test_a_damaged_checkpoint_is_refused(places, tmp_path, capsys):
    run = make_run(tmp_path / "run", small_config())
    content = bytearray((run.best / "segmentor.keras").read_bytes())
    content[500] ^= 1
    (run.best / "segmentor.keras").write_bytes(content)
    assert predict(places, str(run.root), places / "cohort", tmp_path / "out") == 2
    assert "sha256" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["g\nx", "-rf", "x\x1b[31m"])
def test_a_case_that_no_file_can_be_named_after_is_refused_by_name(places, tmp_path, capsys, name):
    image = places / "cohort" / "BraTS2021_00001" / "BraTS2021_00001_flair.nii.gz"
    for folder in (tmp_path / "in" / "good (1)", tmp_path / "in" / name):
        folder.mkdir(parents=True)
        shutil.copy(image, folder / "flair.nii.gz")
    assert predict(places, "small/flair", tmp_path / "in", tmp_path / "out") == 2
    error = capsys.readouterr().err
    assert f"case {name!r} cannot name a file" in error and error.count("\n") == 1
    assert not (tmp_path / "out").exists()
    assert predict(places, "small/flair", tmp_path / "in", tmp_path / "out", "--skip-bad-cases") == 0
    assert repr(name) in capsys.readouterr().out
    assert [path.name for path in (tmp_path / "out").glob("*.nii.gz")] == ["good (1).nii.gz"]


def test_two_outputs_of_one_name_are_refused(places, tmp_path, capsys):
    for name in ("x", "x_probability"):
        write_case(tmp_path / "in", name, small_labels(), modalities=("flair",))
    assert predict(places, "small/flair", tmp_path / "in", tmp_path / "out", "--probabilities") == 2
    assert "two outputs would have the name" in capsys.readouterr().err and not (tmp_path / "out").exists()


def test_what_is_not_needed_stops_nothing_and_what_is_not_used_is_said(places, tmp_path, capsys):
    folder = write_case(tmp_path / "cohort", "P1", small_labels())
    shutil.copy(folder / "P1_t2.nii.gz", folder / "P1_t2.mha")
    (folder / "P1_seg.nii").write_bytes(b"damaged")
    (folder / "P1_adc.nii.gz").write_bytes(b"")
    assert predict(places, "small/flair", tmp_path / "cohort", tmp_path / "out") == 0
    np.testing.assert_array_equal(voxels(tmp_path / "out" / "P1.nii.gz"), small_labels() > 0)
    assert "3 image files of" in capsys.readouterr().out
    assert predict(places, "small/t2", tmp_path / "cohort", tmp_path / "other") == 2
    assert "there are two files for t2: P1_t2.mha and P1_t2.nii.gz; keep one" in capsys.readouterr().err


@pytest.mark.parametrize("theirs", ['{"RepetitionTime": 2}', "[1]", "no JSON"])
def test_a_table_of_another_program_is_not_replaced(places, tmp_path, capsys, theirs):
    case = places / "cohort" / "BraTS2021_00001"
    folder, file = tmp_path / "out", tmp_path / "a.nii.gz"
    for out, record in (
        (folder, "out/predictions.json"), (file, "a.json"), (folder, "out/volumes.csv"), (file, "a_volumes.csv")
    ):  # fmt: skip
        (tmp_path / record).parent.mkdir(exist_ok=True)
        (tmp_path / record).write_text(theirs)
        for more in ((), ("--overwrite",)):
            assert predict(places, "small/flair", case, out, *more) == 2
            assert f"{tmp_path / record} is there already, and no predict" in capsys.readouterr().err
        assert (tmp_path / record).read_text() == theirs
        (tmp_path / record).unlink()


def test_a_scan_unlike_the_training_is_pointed_out_in_terminal_table_and_record(places, tmp_path, capsys):
    run = make_run(tmp_path / "run", small_config())
    usual = fingerprint_case({"flair": np.full((100, 100, 60), 7)}, spacing_mm=SPACING_MM, labels=np.full((9, 9, 9), 2))
    write_json(run.fingerprint, fingerprint_cohort([usual], regions=("wt",)))
    write_case(tmp_path / "cohort", "BraTS2021_00001", np.zeros_like(small_labels()), with_mask=False)
    source = places / "cohort" / "BraTS2021_00002"
    assert predict(places, str(run.root), source, tmp_path / "out") == 0  # said, written, and no failure
    printed = capsys.readouterr().out
    covers = "unlike the training: the image covers 48 × 40 × 30 mm (training: 200 × 200 × 180)"
    assert covers in printed and "1 of 1 case is unlike what the model was trained on" in printed
    assert predict(places, str(run.root), tmp_path / "cohort", tmp_path / "out") == 0
    assert "the answer for 1 of 1 case is doubtful" in capsys.readouterr().out
    with (tmp_path / "out" / "volumes.csv").open() as file:
        rows = {row["case"]: row for row in csv.DictReader(file)}
    assert covers in rows["BraTS2021_00002"]["remarks"] and rows["BraTS2021_00002"]["region"] == "wt"
    volume_ml = (small_labels(3) > 0).sum() * np.prod(SPACING_MM) / 1000
    assert float(rows["BraTS2021_00002"]["ml"]) == pytest.approx(volume_ml, abs=1e-3)
    assert "doubtful: 35 % of the head lies outside of the 20 × 18 × 8 voxels" in rows["BraTS2021_00001"]["remarks"]
    record = json.loads((tmp_path / "out" / "predictions.json").read_text())["cases"]["BraTS2021_00002"]
    assert record["unlike_training"][0].startswith("the image covers")
    # The crop takes rows 2 to 21, columns 1 to 18 and slices 1 to 8 of the 22 × 20 × 10 voxels that are not 0.
    assert record["head_not_segmented_ml"] == pytest.approx((22 * 20 * 10 - 20 * 18 * 8) * 12 / 1000)


def test_a_run_that_keeps_nothing_of_its_training_says_so_once(places, tmp_path, capsys):
    assert predict(places, "small/flair", places / "cohort", tmp_path / "out") == 0
    assert capsys.readouterr().out.count("keeps no cohort_fingerprint.json") == 1


def test_a_damaged_fingerprint_is_one_sentence_before_any_work(places, tmp_path, capsys):
    run = make_run(tmp_path / "run", small_config())
    run.fingerprint.write_text("{}")
    assert predict(places, str(run.root), places / "cohort", tmp_path / "out") == 2
    assert "cohort_fingerprint.json is damaged" in capsys.readouterr().err and not (tmp_path / "out").exists()
