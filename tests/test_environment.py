"""Settings of other work do not decide what a command computes; a foreign terminal shows what it can."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

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
