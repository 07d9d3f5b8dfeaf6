"""`python -m segan_tl dicom`: the table, the cases that it writes, and that nobody's identity leaves the files."""

import gzip
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pydicom = pytest.importorskip("pydicom", reason="the extra clinical is not installed")
highdicom = pytest.importorskip("highdicom", reason="the extra clinical is not installed")

from pydicom.datadict import DicomDictionary  # noqa: E402

from segan_tl.__main__ import main  # noqa: E402
from segan_tl.clinical.dicom.choose import choose_series  # noqa: E402
from segan_tl.clinical.dicom.reference import read_reference  # noqa: E402
from segan_tl.clinical.dicom.report import volumes_ml, write_volumes_report  # noqa: E402
from segan_tl.clinical.dicom.segmentation import write_segmentation  # noqa: E402
from segan_tl.clinical.dicom.series import find_series  # noqa: E402
from segan_tl.clinical.dicom.simulate import IDENTITY, write_series  # noqa: E402
from segan_tl.data.files.images import Source, read_volume  # noqa: E402
from segan_tl.data.find.cases import check_cohort, find_cases  # noqa: E402
from segan_tl.regions import MODALITIES  # noqa: E402
from tests.small_dicom import edit, small_volume, write_study  # noqa: E402


def said(capsys):
    output = capsys.readouterr()
    return " ".join(output.out.split()), " ".join(output.err.split())


def test_the_table_alone_writes_nothing(tmp_path, capsys, monkeypatch):
    write_study(tmp_path / "in")
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    assert main(["dicom", "in"]) == 0
    out, _ = said(capsys)
    assert "patient-1 4 12×10×6 1×1×5 flair the description says so; TR 9000 ms, TE 110 ms, TI 2500 ms null" in out
    assert "patient-1: t1 = 1, t1c = 2, t2 = 3, flair = 4" in out and "nothing written" in out
    assert sorted(tmp_path.rglob("*")) == before


def test_a_narrow_terminal_gets_lines(tmp_path, capsys, monkeypatch):
    from segan_tl.console import PlainConsole

    monkeypatch.setattr("segan_tl.console.console", PlainConsole(width=80, force_terminal=True, no_color=True))
    write_study(tmp_path / "in")
    assert main(["dicom", str(tmp_path / "in")]) == 0
    lines = capsys.readouterr().out.splitlines()
    place = lines.index("patient-1  series 4: flair, 12×10×6, 1×1×5 mm")
    assert lines[place + 1].startswith("    the description says so; TR 9000 ms")


def test_cases_that_the_other_commands_understand(tmp_path, capsys):
    write_study(tmp_path / "in" / "a", study="a")
    write_study(tmp_path / "in" / "b", ("t1", "flair"), study="b", attributes=IDENTITY | {"PatientID": "B"})
    assert main(["dicom", str(tmp_path / "in"), str(tmp_path / "out")]) == 0
    cohort = find_cases(tmp_path / "out")
    assert {case.id: sorted(case.images) for case in cohort.cases} == {
        "patient-1": ["flair", "t1", "t1c", "t2"], "patient-2": ["flair", "t1"]
    }  # fmt: skip
    assert cohort.patients == {"patient-1": "patient-1", "patient-2": "patient-2"}
    good, problems = check_cohort(cohort, MODALITIES[:1], need_mask=False)
    assert len(good) == 2 and not problems
    for place, modality in enumerate(("t1", "t1c", "t2", "flair"), 1):
        volume = read_volume(Source(tmp_path / "out" / "patient-1" / f"patient-1_{modality}.nii.gz"))
        np.testing.assert_array_equal(volume.data, small_volume(seed=place).data)
    assert sorted(json.loads((tmp_path / "out" / "series.json").read_text())["cases"]) == ["patient-1", "patient-2"]
    capsys.readouterr()


def test_two_studies_are_two_cases_of_one_patient(tmp_path):
    write_study(tmp_path / "in" / "a", ("t1",), study="a")
    write_study(tmp_path / "in" / "b", ("t1",), study="b", attributes=IDENTITY | {"StudyDate": "20210101"})
    for name, options in (("patient-1", []), ("P07", ["--id", "P07"])):
        assert main(["dicom", str(tmp_path / "in"), str(tmp_path / name), *options]) == 0
        assert find_cases(tmp_path / name).patients == {f"{name}_study-1": name, f"{name}_study-2": name}


def test_statements_and_names(tmp_path, capsys):
    write_study(tmp_path / "in")
    out = tmp_path / "out"
    assert main(["dicom", str(tmp_path / "in"), str(out), "--series", "flair=3", "t2=4", "--id", "P07"]) == 0
    volume = read_volume(Source(out / "P07" / "P07_flair.nii.gz"))
    np.testing.assert_array_equal(volume.data, small_volume(seed=3).data)
    assert "stated by --series" in said(capsys)[0]
    assert main(["dicom", str(tmp_path / "in"), str(out), "--id", "P07"]) == 2
    assert "P07_t1.nii.gz is there already; give another OUT, or remove it" in said(capsys)[1]
    assert main(["dicom", str(tmp_path / "in"), str(out), "--id", "../P07"]) == 2
    assert "cannot name a file or folder" in said(capsys)[1]


def test_a_case_is_written_whole_or_not_at_all(tmp_path, capsys):
    paths = write_study(tmp_path / "in")["flair"]
    paths[2].write_bytes(paths[2].read_bytes()[:-20])
    assert main(["dicom", str(tmp_path / "in"), str(tmp_path / "out")]) == 2
    sentence = "series 4 of patient-1 cannot be read: the file of instance 3 is cut off: 220 of 240 bytes"
    assert sentence in said(capsys)[1]
    assert not (tmp_path / "out").exists()


BAD = {
    "two patients": (lambda paths: edit(paths[:3], PatientName="Zz^Secret"), "found slices of 2 patients in series 1"),
    "no positions": (lambda paths: edit(paths, ImagePositionPatient=None), "6 of its 6 slices state no place in space"),
    "a CT": (lambda paths: edit(paths, Modality="CT"), "expected MR images in"),
    "no DICOM": (lambda paths: [path.write_text("text") for path in paths], "found 6 files of other kinds"),
    "empty": (lambda paths: [path.unlink() for path in paths], "found no file"),
    "cut off": (lambda paths: paths[2].write_bytes(paths[2].read_bytes()[:-9]), "instance 3 is cut off: 231 of 240"),
    "all cut off": (lambda paths: [path.write_bytes(path.read_bytes()[:300]) for path in paths], "damaged or cut"),
    "a slice missing": (lambda paths: paths[2].unlink(), "1 slice is missing between slices 2 and 3"),
    "nothing sought": (lambda paths: edit(paths, SeriesDescription="DWI"), "found series 1, diffusion; state one"),
    "a wrong statement": (lambda paths: None, "there is no 7 for --series flair=7"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_one_sentence(tmp_path, capsys, name):
    change, sentence = BAD[name]
    (paths,) = write_study(tmp_path / "in", ("t1",)).values()
    change(paths)
    stated = ["--series", "flair=7"] if name == "a wrong statement" else []
    assert main(["dicom", str(tmp_path / "in"), str(tmp_path / "out"), *stated]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ") and len(error.splitlines()) == 1 and sentence in error
    assert not (tmp_path / "out").exists()


def test_help_is_quick_and_imports_no_pydicom(tmp_path):
    code = (
        "import sys; from segan_tl.__main__ import main\n"
        "try: main(['dicom', '--help'])\nexcept SystemExit: pass\n"
        "assert not {'pydicom', 'highdicom', 'numpy', 'nibabel'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def test_without_the_extra_it_says_what_to_install(tmp_path):
    write_study(tmp_path, ("t1",))
    code = (
        "import sys; sys.modules['pydicom'] = None; from segan_tl.__main__ import main\n"
        f"sys.exit(main(['dicom', {str(tmp_path)!r}]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "pydicom, which reads DICOM; it is not installed; type: pip install -e '.[clinical]'" in done.stderr


# === Nobody's identity ===

NAME, NUMBER, BIRTH = "ZQXWHUBERTUS", "7706650443", "19310229"
TEXTS = ("PN", "LO", "SH", "ST", "LT", "UT", "UC", "AE", "AS")
KEPT = ("SequenceName",)  # the sequence is recognised by it and the descriptions, which are planted, too
SECRETS = [NAME.lower(), NUMBER, BIRTH, "1888-11-05", "18881105"]


def plant(values, place):
    """Put a name, a number or a date into every text and date of the dictionary, the private part of a maker too."""
    for tag, (vr, _, _, retired, keyword) in DicomDictionary.items():
        if not keyword or retired or keyword in KEPT or tag >> 16 in (0x0000, 0x0002, 0x0004, 0x0028, 0x5400):
            continue
        if vr in TEXTS:
            text = {"PN": f"{NAME}^Anna", "SH": f"{NAME[:8]}{NUMBER[:8]}"[:16], "AE": NAME, "AS": "095Y"}
            setattr(values, keyword, text.get(vr, f"{NAME} {NUMBER} {BIRTH}"))
        elif vr == "DA":
            setattr(values, keyword, "18881105")
    number = values.SeriesNumber
    values.SeriesDescription = f"{NAME} {('T1', 'T1 +C', 'T2', 'T2 FLAIR')[number - 1]} {NUMBER}"
    values.PatientName, values.PatientID, values.PatientBirthDate = f"{NAME}^Anna", NUMBER, BIRTH
    values.ImageComments = f"{NAME} {NUMBER}"
    values.ContrastBolusAgent = NAME if number == 2 else ""
    block = values.private_block(0x0029, "SIEMENS CSA HEADER", create=True)
    block.add_new(0x10, "OB", f"{NAME} {NUMBER} {BIRTH}".encode())
    block.add_new(0x20, "OB", f"{NAME} {NUMBER} {BIRTH}".encode())


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """Return a study of a patient with a name, under paths that hold it, too."""
    folder = tmp_path_factory.mktemp("planted") / "export"
    for paths in write_study(folder / f"{NAME}_{NUMBER}").values():
        edit(paths, plant)
        for path in paths:
            path.rename(path.with_name(f"{NAME}{path.name}"))
    return folder


def leaks(text: str) -> list[str]:
    return [secret for secret in (*SECRETS, NAME[:8].lower()) if secret in text.lower()]


def contents(path: Path) -> str:
    content = path.read_bytes()
    content = gzip.decompress(content) if path.suffix == ".gz" else content
    return content.decode("latin-1")


def run(*words):
    done = subprocess.run(
        [sys.executable, "-m", "segan_tl", *map(str, words)], capture_output=True, text=True, check=False,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2]), "COLUMNS": "200"},
    )  # fmt: skip
    return done.returncode, done.stdout, done.stderr


def test_what_is_planted_is_found_in_the_source(source):
    path = next(source.rglob("*.dcm"))
    assert leaks(path.name) and set(leaks(contents(path))) >= {NAME.lower(), NUMBER, BIRTH, "18881105"}


def test_no_identity_in_any_output(tmp_path, source):
    out = tmp_path / "out"
    code, stdout, stderr = run("dicom", source, out)
    assert code == 0 and "patient-1: t1 = 1, t1c = 2, t2 = 3, flair = 4" in stdout, stderr
    assert not leaks(stdout + stderr)
    found = find_series(source)
    series = choose_series(found)["patient-1"].series["flair"]
    volume = read_volume(Source(out / "patient-1" / "patient-1_flair.nii.gz"))
    masks = {"wt": volume.data > 1000}
    reference = read_reference(out, "patient-1", "flair")
    seg = write_segmentation(out / "seg.dcm", masks, volume.geometry, reference, case="patient-1")
    write_volumes_report(out / "sr.dcm", volumes_ml(masks, volume.geometry), seg)
    files = [path for path in out.rglob("*") if path.is_file()]
    assert len(files) == 7
    for path in files:
        assert not leaks(contents(path)), path.name
        assert not leaks(str(path.relative_to(out)))
    assert not leaks(f"{found} {series!r} {reference!r}")
    # The identifiers of the study are in one file for the reader, and in the two that refer to it.
    holding = {path.name for path in files if series.study_uid in contents(path)}
    assert holding == {"series.json", "seg.dcm", "sr.dcm"}


def compress_unheard(values, place):
    values.file_meta.TransferSyntaxUID = f"1.2.{NUMBER}"


@pytest.mark.parametrize(
    "change",
    [
        lambda paths: edit(paths[:2], PatientID="Q1", PatientName=f"{NAME}^Berta"),
        lambda paths: edit(paths, ImagePositionPatient=None),
        lambda paths: edit(paths, Modality="CT"),
        lambda paths: edit(paths, Modality=NAME),
        lambda paths: paths[2].unlink(),
        lambda paths: paths[2].write_bytes(paths[2].read_bytes()[:-9]),
        lambda paths: paths[2].write_bytes(paths[2].read_bytes()[:400]),
        lambda paths: edit(paths, lambda values, place: setattr(values, "StudyInstanceUID", NAME)),
        lambda paths: edit(paths, lambda values, place: values.add_new("EchoTime", "DS", "12")),
        lambda paths: edit(paths, compress_unheard),
        lambda paths: [
            path.write_bytes(path.read_bytes().replace(b"\x20\x00\x32\x00DS", b"\x20\x00\x32\x00ZZ")) for path in paths
        ],
    ],
    ids=range(11),
)
def test_no_identity_in_any_error(tmp_path, source, change, capsys):
    folder = tmp_path / "export" / f"{NAME}_{NUMBER}"
    shutil.copytree(source / f"{NAME}_{NUMBER}" / "t1", folder)
    change(sorted(folder.iterdir()))
    capsys.readouterr()
    code = main(["dicom", str(tmp_path / "export"), str(tmp_path / "out")])
    output = capsys.readouterr()
    assert code in (0, 2) and not leaks(output.out + output.err)


def test_a_phantom_goes_in_as_dicom_and_comes_out_as_it_was(tmp_path):
    from segan_tl.data.phantom import write_cohort

    write_cohort(tmp_path / "phantom", "glioma-3t", cases=1, shape=(24, 24, 16), seed=3, jobs=1)
    (case,) = find_cases(tmp_path / "phantom").cases
    volumes = {modality: read_volume(source) for modality, source in case.images.items()}
    for number, (modality, volume) in enumerate(volumes.items(), 1):
        write_series(tmp_path / "in" / modality, volume, modality, number=number)
    assert main(["dicom", str(tmp_path / "in"), str(tmp_path / "out"), "--id", case.id]) == 0
    (back,) = find_cases(tmp_path / "out").cases
    assert back.id == case.id and sorted(back.images) == sorted(case.images)
    for modality, volume in volumes.items():
        found = read_volume(back.images[modality])
        low, high = float(volume.data.min()), float(volume.data.max())
        step = 0 if volume.data.dtype.kind in "iu" and high < 2**15 else (high - low) / 65535
        assert np.abs(found.data.astype(float) - volume.data).max() <= 0.51 * step
        np.testing.assert_allclose(found.affine, volume.affine, atol=1e-5)
