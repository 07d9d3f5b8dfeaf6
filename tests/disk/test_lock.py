import os
import shutil
import subprocess
import sys

import pytest

from segan_tl.disk.lock import training_lock
from segan_tl.errors import UserError


def test_only_one_process_trains_a_run(tmp_path):
    code = (
        "import sys; from pathlib import Path; from segan_tl.disk.lock import training_lock\n"
        "with training_lock(Path(sys.argv[1])): print('held', flush=True); input()"
    )
    run = tmp_path / "run"
    options = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen([sys.executable, "-c", code, str(run)], **options) as other:
        assert other.stdout.readline() == "held\n"
        with pytest.raises(UserError, match=f"is being trained by process {other.pid}"), training_lock(run):
            pass
        other.communicate("\n")
    with training_lock(run):
        pass


def test_what_is_refused_leaves_no_empty_folder(tmp_path):
    (tmp_path / "runs").mkdir()
    for runs_folder in (tmp_path / "runs", tmp_path / "a" / "b"):
        with pytest.raises(UserError), training_lock(runs_folder / "net" / "flair"):
            raise UserError
    assert os.listdir(tmp_path) == ["runs"] and not os.listdir(tmp_path / "runs")


def test_a_run_removed_while_it_is_trained_is_no_second_error(tmp_path):
    with pytest.raises(UserError, match="^gone$"), training_lock(tmp_path / "net" / "flair"):
        shutil.rmtree(tmp_path / "net")
        raise UserError("gone")
