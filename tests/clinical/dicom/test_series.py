"""Folders as hospitals export them, sorted by headers alone: patients, studies, series, and what else lies about."""

import shutil

import pytest

pydicom = pytest.importorskip("pydicom", reason="the extra clinical is not installed")

from segan_tl.clinical.dicom.files import holds_dicom  # noqa: E402
from segan_tl.clinical.dicom.series import find_series  # noqa: E402
from segan_tl.clinical.dicom.simulate import IDENTITY, write_series  # noqa: E402
from segan_tl.errors import UserError  # noqa: E402
from tests.small_dicom import edit, siemens_mosaic, small_volume, write_study  # noqa: E402

OTHER_PATIENT = IDENTITY | {"PatientName": "Other^Person", "PatientID": "OTHER"}


def sequences(found):
    return [(one.case, one.name, one.sequence) for one in found.series]


def test_a_study_in_one_heap_under_meaningless_names(tmp_path):
    files = [path for paths in write_study(tmp_path / "source").values() for path in paths]
    for place, path in enumerate(reversed(files)):
        heap = tmp_path / "export" / f"{place % 3}" / "deep"
        heap.mkdir(parents=True, exist_ok=True)
        shutil.move(path, heap / f"I{place:07d}")
    (tmp_path / "export" / "report.pdf").write_bytes(b"%PDF")
    (tmp_path / "export" / "notes").write_text("no DICOM")
    (tmp_path / "export" / ".DS_Store").write_bytes(b"hidden")
    found = find_series(tmp_path / "export")
    assert sequences(found) == [
        ("patient-1", "1", "t1"), ("patient-1", "2", "t1c"), ("patient-1", "3", "t2"), ("patient-1", "4", "flair")
    ]  # fmt: skip
    assert [len(one.slices) for one in found.series] == [6] * 4 and not any(one.fault for one in found.series)
    assert (found.copies, found.damaged, found.others) == (0, 0, 2)


def test_a_dicomdir_with_its_files(tmp_path):
    from pydicom.fileset import FileSet

    files = FileSet()
    for paths in write_study(tmp_path / "source", ("t2",)).values():
        for path in paths:
            files.add(path)
    files.write(tmp_path / "disc")
    found = find_series(tmp_path / "disc")
    assert (tmp_path / "disc" / "DICOMDIR").is_file() and found.damaged == 0
    assert sequences(found) == [("patient-1", "1", "t2")]


def test_files_without_a_preamble_are_read(tmp_path):
    from pydicom.filebase import DicomBytesIO
    from pydicom.filewriter import write_dataset

    (paths,) = write_study(tmp_path, ("t1",)).values()
    for path in paths:
        stream = DicomBytesIO()
        stream.is_implicit_VR, stream.is_little_endian = True, True
        write_dataset(stream, pydicom.dcmread(path))
        path.with_suffix("").write_bytes(stream.getvalue())
        path.unlink()
    assert holds_dicom(tmp_path) and sequences(find_series(tmp_path)) == [("patient-1", "1", "t1")]


def test_holds_dicom(tmp_path):
    assert not holds_dicom(tmp_path) and not holds_dicom(tmp_path / "nothing")
    (tmp_path / "a.txt").write_text("text")
    (tmp_path / "b.nii.gz").write_bytes(b"x" * 200)
    (tmp_path / "README").write_text("this is no DICOM")
    assert not holds_dicom(tmp_path)
    (paths,) = write_study(tmp_path / "deep" / "er", ("t1",)).values()
    assert holds_dicom(tmp_path) and holds_dicom(paths[0])


def test_patients_are_called_in_the_order_of_paths_and_studies_in_that_of_time(tmp_path):
    write_study(tmp_path / "a", ("t1",), study="one", attributes=OTHER_PATIENT)
    later = IDENTITY | {"StudyDate": "20210304"}
    write_study(tmp_path / "b" / "1", ("t1",), study="two", attributes=later)
    write_study(tmp_path / "b" / "2", ("t1", "t2"), study="three")  # of 2020
    found = find_series(tmp_path)
    assert found.cases == ("patient-1", "patient-2_study-1", "patient-2_study-2")
    assert sequences(found) == [
        ("patient-1", "patient-1/1", "t1"), ("patient-2_study-1", "patient-2_study-1/1", "t1"),
        ("patient-2_study-1", "2", "t2"), ("patient-2_study-2", "patient-2_study-2/1", "t1"),
    ]  # fmt: skip
    with pytest.raises(UserError, match="expected one patient to call P7; found 2"):
        find_series(tmp_path, name="P7")
    assert find_series(tmp_path / "b", name="P7").cases == ("P7_study-1", "P7_study-2")


def test_a_name_in_two_spellings_is_one_patient(tmp_path):
    write_study(tmp_path / "a", ("t1",), study="one")
    write_study(tmp_path / "b", ("t1",), study="two", attributes=IDENTITY | {"PatientName": "SIMULATED^Patient^^Dr"})
    assert find_series(tmp_path).cases == ("patient-1_study-1", "patient-1_study-2")
    nameless = IDENTITY | {"PatientID": ""}
    write_study(tmp_path / "c", ("t1",), study="three", attributes=nameless)
    write_study(tmp_path / "d", ("t1",), study="four", attributes=nameless | {"PatientName": "Another"})
    assert len(set(one.patient for one in find_series(tmp_path).series)) == 3


def test_copies_count_once(tmp_path):
    write_study(tmp_path / "a", ("t1",))
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    found = find_series(tmp_path)
    assert found.copies == 6 and [len(one.slices) for one in found.series] == [6]


def test_one_number_for_two_series_gives_them_parts(tmp_path):
    write_series(tmp_path / "a", small_volume(), "t1", number=5)
    paths = write_series(tmp_path / "b", small_volume(seed=1), "t2", number=6)
    edit(paths, SeriesNumber=5)
    found = find_series(tmp_path).series
    assert [one.name for one in found] == ["5.1", "5.2"] and {one.sequence for one in found} == {"t1", "t2"}


def test_two_echoes_under_one_series_are_two_volumes(tmp_path):
    first = write_series(tmp_path / "a", small_volume(), "t2", number=3)
    second = write_series(tmp_path / "b", small_volume(seed=1), "t2", number=4)
    uid = pydicom.dcmread(first[0]).SeriesInstanceUID
    edit(second, SeriesInstanceUID=uid, SeriesNumber=3, EchoTime=15, InstanceNumber=20, SeriesDescription="PD T2")
    found = find_series(tmp_path)
    assert [(one.name, one.sequence, one.fault) for one in found.series] == [("3.1", "t2", ""), ("3.2", "t2", "")]
    assert [one.slices[0].marks[0] for one in found.series] == [100, 15]


def test_what_is_no_mr_image_is_set_aside(tmp_path):
    write_study(tmp_path, ("t1",))
    for number, change in enumerate(
        (
            {"Modality": "CT", "SOPClassUID": "1.2.840.10008.5.1.4.1.1.2"},
            {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.7"},
            {"Modality": "SR", "SOPClassUID": "1.2.840.10008.5.1.4.1.1.88.33"},
            {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.4.2"},
            {"SamplesPerPixel": 3},
            {"Modality": "MUELLER"},
        ),
        2,
    ):
        paths = write_series(tmp_path / f"{number}", small_volume(), "t2", number=number)
        edit(paths, **change)
    aside = [one.aside for one in find_series(tmp_path).series]
    assert aside == [
        "", "no MR image (CT)", "a secondary capture", "no MR image (SR)",
        "no image (spectroscopy, raw data or a presentation)", "a picture in colour", "no MR image (another kind)",
    ]  # fmt: skip


def test_a_mosaic_of_siemens_is_a_stack(tmp_path):
    siemens_mosaic().save_as(tmp_path / "mosaic.dcm")
    (series,) = find_series(tmp_path).series
    assert series.geometry.shape == (128, 128, 48) and series.fault == ""
    assert series.aside == "diffusion"  # which it is


# === What is refused ===


def test_slices_of_two_patients_in_one_series(tmp_path):
    (paths,) = write_study(tmp_path, ("t1",)).values()
    edit(paths[:2], PatientName="Secret^Name", PatientID="SECRET-ID")
    with pytest.raises(UserError) as error:
        find_series(tmp_path)
    assert "found slices of 2 patients in series 1" in str(error.value) and "SECRET" not in str(error.value).upper()


@pytest.mark.parametrize("name", ["PatientID", "PatientBirthDate"])
def test_a_patient_is_told_by_more_than_the_name(tmp_path, name):
    (paths,) = write_study(tmp_path, ("t1",)).values()
    edit(paths[:1], **{name: "19991231"})
    with pytest.raises(UserError, match="2 patients"):
        find_series(tmp_path)


def test_a_ct_alone(tmp_path):
    (paths,) = write_study(tmp_path, ("t1",)).values()
    edit(paths, Modality="CT")
    with pytest.raises(UserError, match=r"expected MR images in .*; found files 6 of CT; give the folder of the MR"):
        find_series(tmp_path)


def test_folders_without_dicom(tmp_path):
    with pytest.raises(UserError, match=r"expected DICOM files in .*; found no file; give"):
        find_series(tmp_path)
    (tmp_path / "a.txt").write_text("text")
    with pytest.raises(UserError, match="found 1 file of other kinds; give"):
        find_series(tmp_path)
    with pytest.raises(UserError, match="does not exist; check the path"):
        find_series(tmp_path / "nowhere")


def test_a_header_that_is_cut_off_is_counted(tmp_path):
    (paths,) = write_study(tmp_path, ("t1",)).values()
    paths[3].write_bytes(paths[3].read_bytes()[:200])
    found = find_series(tmp_path)
    assert found.damaged == 1 and "1 slice is missing" in found.series[0].fault
    for path in paths:
        path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(UserError, match="6 begin as DICOM and are damaged or cut off"):
        find_series(tmp_path)


def test_damaged_bytes_never_end_in_a_traceback(tmp_path):
    import random

    (paths,) = write_study(tmp_path, ("t1",)).values()
    whole = [path.read_bytes() for path in paths]
    chance = random.Random(0)
    for _ in range(40):
        for path, content in zip(paths, whole, strict=True):
            damaged = bytearray(content)
            for _ in range(chance.randrange(1, 20)):
                damaged[chance.randrange(132, 1200)] = chance.randrange(256)
            path.write_bytes(damaged)
        try:
            find_series(tmp_path)
        except UserError as error:
            assert len(str(error).splitlines()) == 1
