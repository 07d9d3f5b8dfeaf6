"""Settings of other work do not decide what a command computes; a foreign terminal shows what it can."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from segan_tl import environment
from segan_tl.environment import free_memory_bytes, jobs_that_fit, usable_cores

OTHER_WORK = {
    "KERAS_BACKEND": "jax",
    "TF_CONFIG": json.dumps({"cluster": {"worker": ["gone:1", "gone:2"]}, "task": {"type": "worker", "index": 1}}),
    "TF_USE_LEGACY_KERAS": "1",
    "TF_XLA_FLAGS": "--tf_xla_auto_jit=2",
    "KERAS_MAX_EPOCHS": "1",
}


def python(code, *, home, **environment):
    """Run code in a process whose home folder holds another Keras' settings."""
    variables = {name: value for name, value in os.environ.items() if not name.startswith(("KERAS", "TF_", "PYTHON"))}
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, cwd=Path(__file__).parents[1], check=False,
        env=variables | {"HOME": str(home)} | environment,
    )  # fmt: skip


@pytest.mark.parametrize(
    "settings",
    [
        json.dumps({"backend": "torch", "floatx": "float16", "epsilon": 0.1, "image_data_format": "channels_first"}),
        pytest.param("[]", marks=pytest.mark.slow),  # Keras itself ends in a traceback
        pytest.param('{"floatx": "float8"}', marks=pytest.mark.slow),
        pytest.param("{", marks=pytest.mark.slow),
    ],
    ids=["other", "list", "unknown", "cut"],
)
def test_the_settings_of_keras_are_ours(tmp_path, settings):
    file = tmp_path / ".keras" / "keras.json"
    file.parent.mkdir()
    file.write_text(settings)
    code = (
        "from segan_tl.environment import settle; settle(); import keras, os; config = keras.config\n"
        "print(config.backend(), config.floatx(), config.epsilon(), config.image_data_format(), "
        "keras.config.dtype_policy().name, 'TF_CONFIG' in os.environ)"
    )
    answer = python(code, home=tmp_path, **OTHER_WORK)
    assert answer.stdout.decode().split() == ["tensorflow", "float32", "1e-07", "channels_last", "float32", "False"]
    assert file.read_text() == settings
    assert [one.name for one in file.parent.iterdir()] == ["keras.json"]


def test_a_program_of_ones_own_keeps_its_settings(tmp_path):
    code = (
        "import os; before = dict(os.environ)\n"
        "import segan_tl, segan_tl.models, segan_tl.console, segan_tl.config.load, segan_tl.__main__\n"
        "assert dict(os.environ) == before"
    )
    assert python(code, home=tmp_path, **OTHER_WORK).returncode == 0


@pytest.mark.parametrize("encoding", ["iso-8859-1", "ascii"])
def test_a_terminal_that_lacks_letters_gets_replacements(tmp_path, encoding):
    code = "import sys; from segan_tl.__main__ import main; sys.exit(main(['crossval', '--help']))"
    answer = python(code, home=tmp_path, PYTHONIOENCODING=encoding)
    assert answer.returncode == 0 and b"Traceback" not in answer.stderr
    # Whatever it shows, a word with a letter that no such terminal has is only missing that letter.
    code = "from segan_tl.environment import settle; settle(); print('T2 \\u2192 FLAIR')"
    assert python(code, home=tmp_path, PYTHONIOENCODING=encoding).stdout.split() == [b"T2", b"?", b"FLAIR"]


# === The machine ===


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """Return a function that makes a machine of so many cores and so much free memory, some of it in a group."""

    def make(*, cores, free_mib=None, group_mib=None):
        monkeypatch.setattr(environment, "MEMINFO", tmp_path / "meminfo")
        monkeypatch.setattr(environment, "CGROUP", tmp_path)
        monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(cores)), raising=False)
        if free_mib is not None:
            text = f"MemTotal: 999999999 kB\nMemAvailable:   {free_mib * 1024} kB\nHugePages_Total:       0\n"
            (tmp_path / "meminfo").write_text(text)
        if group_mib:
            most, used = (number if number == "max" else number * 2**20 for number in group_mib)
            (tmp_path / "memory.max").write_text(f"{most}\n")
            (tmp_path / "memory.current").write_text(f"{used}\n")

    return make


@pytest.mark.parametrize(
    ("cores", "free_mib", "group_mib", "expected"),
    [
        (16, 64_000, None, 16),  # 32 000 MiB hold 62 jobs of 512
        (16, 8_192, None, 8),  # 4096 / 512
        (16, 100, None, 1),
        (2, None, None, 2),  # nothing tells the memory
        (16, 64_000, (6_144, 2_048), 4),  # the group leaves 4096, half of it holds 4
        (16, 64_000, ("max", 2_048), 16),
        (16, 64_000, (2_048, 4_096), 1),  # more in use than is allowed
    ],
)
def test_as_many_jobs_run_as_cores_and_half_of_the_memory_hold(cores, free_mib, group_mib, expected, machine):
    machine(cores=cores, free_mib=free_mib, group_mib=group_mib)
    assert jobs_that_fit(512) == expected and jobs_that_fit(512, most=3) == min(expected, 3)


def test_the_cores_of_this_process_count_not_those_of_the_machine(machine):
    machine(cores=3)
    assert usable_cores() == 3 and free_memory_bytes() is None


def test_this_machine_tells_its_memory():
    assert jobs_that_fit(1) >= 1
    assert free_memory_bytes() is None or free_memory_bytes() > 2**20
