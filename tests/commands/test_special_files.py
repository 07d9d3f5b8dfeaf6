"""FIFOs, sockets, devices and links that lead nowhere, wherever a file is expected: named at once, never waited for."""

import shutil

import pytest

from segan_tl.__main__ import main
from tests.disk.test_reading import make_strangers
from tests.small_masks import write_truths

pytestmark = pytest.mark.timeout(60)
KINDS = ("pipe", "socket", "folder", "dangling", "loop", "device")


def said_of(capsys, *arguments, code=2) -> str:
    assert main([str(argument) for argument in arguments]) == code
    told = capsys.readouterr()
    assert len(told.err.splitlines()) <= 1
    return " ".join((told.out + told.err).split())


@pytest.fixture
def strangers(tmp_path):
    (tmp_path / "odd").mkdir()
    return tmp_path / "odd", make_strangers(tmp_path / "odd")


@pytest.mark.parametrize("kind", KINDS)
def test_an_image_of_a_case(strangers, capsys, tmp_path, kind, monkeypatch):
    monkeypatch.setenv("COLUMNS", "400")
    place, reasons = strangers
    write_truths(tmp_path / "cohort", cases=2)
    name = "BraTS2021_00001"
    mask = tmp_path / "cohort" / name / f"{name}_seg.nii.gz"
    shutil.copytree(tmp_path / "cohort", tmp_path / "predictions")
    mask.unlink()
    (place / kind).rename(mask) if kind != "loop" else mask.symlink_to(mask)
    said = said_of(capsys, "evaluate", tmp_path / "predictions", tmp_path / "cohort", "--out", tmp_path / "m.csv")
    assert reasons[kind] in said.lower().replace("too many levels", "too many") and name in said
    flair = mask.rename(mask.with_name(f"{name}_flair.nii.gz"))
    if kind == "loop":
        flair.unlink()
        flair.symlink_to(flair)
    said = said_of(capsys, "check", tmp_path / "cohort", code=1)
    assert reasons[kind] in said.lower() and flair.name in said


@pytest.mark.parametrize("kind", ["pipe", "loop"])
@pytest.mark.parametrize("name", ["participants.tsv", "cohort.json", "dataset.json"])
def test_a_file_beside_the_cases(strangers, capsys, tmp_path, kind, name):
    place, reasons = strangers
    write_truths(tmp_path / "cohort", cases=2)
    if name == "dataset.json":
        (tmp_path / "cohort" / "imagesTr").mkdir()
    file = tmp_path / "cohort" / name
    (place / kind).rename(file) if kind != "loop" else file.symlink_to(file)
    assert reasons[kind] in said_of(capsys, "check", tmp_path / "cohort").lower()


@pytest.mark.parametrize("kind", ["pipe", "device"])
@pytest.mark.parametrize(
    "arguments",
    [
        ("train-segan", "--modality", "flair", "--config", "x.toml"),
        ("import", "x.pth", "o.keras"),
        ("import", "x.safetensors", "o.keras"),
        ("inspect", "x.keras"),
        ("transfer", "--source", "x.keras", "--target", "t1"),
        ("check", "x.nii.gz"),
    ],
    ids=" ".join,
)
def test_files_of_other_kinds(strangers, capsys, monkeypatch, tmp_path, kind, arguments):
    place, reasons = strangers
    monkeypatch.chdir(tmp_path)
    (place / kind).rename(next(name for name in arguments if name.startswith("x.")))
    assert reasons[kind] in said_of(capsys, *arguments)
