"""`doctor` says what there is and what a configuration needs, and ends with 1 where something is amiss."""

import re

import pytest

from segan_tl.__main__ import main
from segan_tl.commands import doctor
from segan_tl.workflow.computer import Fact

TINY = ["--config", "nnunet_small", "--set", "data.patch=[16,16,16]", "--set", "model.filters=[4,8]", "--set",
        "model.blocks=[1,1]", "--set", "model.decoder_blocks=[1]"]  # fmt: skip


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    """Stand in an empty folder."""
    monkeypatch.chdir(tmp_path)


def test_the_computer_alone(capsys, monkeypatch, tmp_path):
    monkeypatch.setenv("TF_CONFIG", "{}")
    assert main(["doctor"]) == 0
    said = capsys.readouterr().out
    assert "TF_CONFIG={} is not heeded" in said and "GPU " in said and "next: " in said
    assert not any(tmp_path.iterdir())  # nothing is made


def test_a_configuration_its_cache_and_its_time(capsys):
    assert main(["phantom", "patients", "--cases", "2", "--shape", "32", "32", "16"]) == 0
    assert main(["doctor", *TINY, "--data", "patients", "--probe", "1"]) == 0
    said = capsys.readouterr().out
    assert re.search(r"network +nnunet_small: [\d,]+ parameters", said)
    assert re.search(r"memory +about [\d.]+ GiB: MiB of weights and their running average \d+, optimizers \d+", said)
    assert "cache      prepared, 2 cases take at most 0.1 GiB" in said
    assert re.search(r"s a step \(median of \d+\)", said) and "epochs of" in said


def test_cases_that_cannot_train_are_amiss(capsys, tmp_path):
    assert main(["phantom", "patients", "--cases", "2", "--shape", "32", "32", "16"]) == 0
    next((tmp_path / "patients").rglob("*0001*t1ce.nii.gz")).unlink()
    next((tmp_path / "patients").rglob("*0002*seg.nii.gz")).unlink()
    assert main(["doctor", *TINY, "--data", "patients"]) == doctor.EXIT_AMISS
    assert "no mask, or not all of t1, t1c, t2, flair: phantom-glioma-3t-0001, phantom" in capsys.readouterr().out


def test_more_than_there_is_is_amiss(capsys, monkeypatch):
    monkeypatch.setattr("segan_tl.environment.free_memory_bytes", lambda: 2**20)
    monkeypatch.setattr("segan_tl.workflow.computer.resident_bytes", lambda: 0)
    assert main(["doctor", *TINY]) == doctor.EXIT_AMISS
    said = capsys.readouterr().out
    assert "a smaller data.patch, or of train.batch_size with train.accumulate beside it" in said
    assert "--set train.checkpointing=true" in said


def test_a_fact_that_is_amiss_has_its_remedy_below(capsys):
    assert doctor._show([Fact("GPU", "one"), Fact("disk", "full", "make room")]) == 1
    assert capsys.readouterr().out.splitlines() == ["GPU        one", "disk       full", f"{'':<10} → make room"]


@pytest.mark.parametrize("words", [["--probe", "3"], ["--data", "x"], ["--set", "a=1"], ["--modality", "t1"]])
def test_what_is_about_a_configuration_wants_one(words, capsys):
    assert main(["doctor", *words]) == 2
    assert f"{words[0]} is about a configuration" in capsys.readouterr().err
