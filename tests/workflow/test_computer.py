"""What a computer has, and what is amiss: GPUs of all kinds, full disks, settings of other work."""

import os
import shutil
from collections import namedtuple

import pytest

from segan_tl.config.memory import GIB, memory_bytes
from segan_tl.workflow import computer
from segan_tl.workflow.computer import Fact, describe_computer, describe_gpus, list_nvidia, usable_memory_bytes

BUILD = {"cuda_compute_capabilities": ["sm_80", "compute_90"]}


def found(facts, subject):
    return [fact for fact in facts if fact.subject == subject]


def test_a_sound_computer_has_nothing_amiss(tmp_path):
    facts = describe_computer({"--runs": tmp_path / "not" / "there"}, {})
    assert [fact.subject for fact in facts] == ["versions", "system", "processor", "memory", "disk"]
    cores = len(os.sched_getaffinity(0))
    assert found(facts, "processor")[0].found.startswith(f"{cores} core")
    assert f"--runs {tmp_path}/not/there" in found(facts, "disk")[0].found


def test_what_other_work_has_set_is_named():
    facts = describe_computer({}, {"TF_CONFIG": "{}", "KERAS_BACKEND": "jax"})
    assert [fact.found for fact in found(facts, "setting")] == [
        "TF_CONFIG={} is not heeded", "KERAS_BACKEND=jax is not heeded",
    ]  # fmt: skip


def test_a_full_disk_is_amiss(tmp_path, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(9 * GIB, 8 * GIB, GIB))
    assert "give --cache a folder on another disk" in describe_computer({"--cache": tmp_path}, {})[-1].remedy


def test_a_container_may_have_less_than_the_computer(tmp_path, monkeypatch):
    monkeypatch.setattr(computer, "CGROUP", tmp_path)
    assert usable_memory_bytes() == memory_bytes()
    (tmp_path / "memory.max").write_text("1073741824\n")
    assert usable_memory_bytes() == GIB and "1.0 GiB" in found(describe_computer({}, {}), "memory")[0].found
    (tmp_path / "memory.max").write_text("max\n")
    assert usable_memory_bytes() == memory_bytes()


def test_gpus():
    assert describe_gpus([], BUILD, driver=[]) == [Fact("GPU", "none; trainings take the CPU")]
    (unseen,) = describe_gpus([], BUILD, driver=["NVIDIA A100, 550.54"])
    assert "A100" in unseen.found and ".[gpu]" in unseen.remedy
    known = {"device_name": "NVIDIA A100", "compute_capability": (8, 0)}
    new = {"device_name": "NVIDIA GeForce RTX 5090", "compute_capability": (12, 0)}
    old, blackwell = describe_gpus([known, new], BUILD, driver=[])
    assert old == Fact("GPU", "NVIDIA A100, compute capability 8.0")
    assert "12.0" in blackwell.found and "sm_80, compute_90" in blackwell.found and "container" in blackwell.remedy
    assert describe_gpus([{}], {}, driver=[]) == [Fact("GPU", "GPU, compute capability unknown")]


@pytest.mark.parametrize(
    ("script", "names"),
    [
        ("echo 'NVIDIA A100, 550.54'; echo 'NVIDIA A100, 550.54'", ["NVIDIA A100, 550.54"] * 2),
        ("echo 'NVIDIA-SMI has failed'; exit 9", []),
    ],
)
def test_what_nvidia_lists(tmp_path, monkeypatch, script, names):
    program = tmp_path / "nvidia-smi"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    assert list_nvidia() == names


def test_without_nvidia_there_is_none(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert list_nvidia() == [] and computer.resident_bytes() > 0
