"""The run directory: safe writing, recovery and verification."""

import os
import subprocess
import sys

import pytest

from segan_tl import runs
from segan_tl.errors import CannotWrite, UserError
from segan_tl.runs import (
    Run,
    atomic_checkpoint,
    atomic_path,
    open_run,
    recover,
    training_lock,
    verify,
    write_json,
    write_text,
)


def test_atomic_path_keeps_the_old_file_when_writing_fails(tmp_path):
    target = tmp_path / "file.txt"
    target.write_text("old")
    with pytest.raises(RuntimeError), atomic_path(target) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert target.read_text() == "old"
    assert os.listdir(tmp_path) == ["file.txt"]


def test_a_full_disk_is_one_sentence_and_keeps_the_old_file(tmp_path):
    target = tmp_path / "file.txt"
    target.write_text("old")
    with pytest.raises(UserError, match="No space left"), atomic_path(target):
        raise OSError(28, "No space left on device")
    assert target.read_text() == "old"


def test_a_disk_that_fills_up_keeps_the_old_file_and_the_old_checkpoint(small_disk):
    disk = small_disk(256)
    write_text(disk / "file.txt", "old")
    write_checkpoint(disk / "best", "one")
    for write in (write_text, write_checkpoint):
        target = disk / ("file.txt" if write is write_text else "best")
        with pytest.raises(CannotWrite, match=f"^the disk is full: cannot write {target} .*; free some space and run "):
            write(target, "x" * 300_000)
    assert (disk / "file.txt").read_text() == "old" and verify(disk / "best")
    assert (disk / "best" / "weights").read_text() == "one"
    assert sorted(os.listdir(disk)) == ["best", "file.txt"]


def write_checkpoint(folder, text):
    with atomic_checkpoint(folder) as fresh:
        (fresh / "weights").write_text(text)


def test_checkpoint_is_replaced_as_a_whole(tmp_path):
    write_checkpoint(tmp_path / "best", "one")
    write_checkpoint(tmp_path / "best", "two")
    assert (tmp_path / "best" / "weights").read_text() == "two"
    assert os.listdir(tmp_path) == ["best"]
    # sha256("two"), from coreutils' sha256sum
    assert verify(tmp_path / "best") == {"weights": "3fc4ccfe745870e2c0d99f71f30ff0656c8dedd41cc1d7d3d376b0dbe685e2f3"}


@pytest.mark.parametrize("moment", ["while filling", "between the two renames", "before the old one is deleted"])
def test_a_kill_at_any_moment_leaves_a_whole_checkpoint(tmp_path, moment, monkeypatch):
    folder = tmp_path / "last"
    write_checkpoint(folder, "one")

    class Killed(BaseException):
        pass

    def kill(*_args, **_options):
        raise Killed

    real_replace, calls = os.replace, []

    def replace(source, target):
        calls.append(target)
        if os.path.basename(target) == "last":
            raise Killed
        real_replace(source, target)

    with pytest.raises(Killed):
        with atomic_checkpoint(folder) as fresh:
            (fresh / "weights").write_text("two")
            if moment == "while filling":
                raise Killed
            if moment == "between the two renames":
                monkeypatch.setattr(runs.os, "replace", replace)
            else:
                monkeypatch.setattr(runs, "_flush", lambda path: kill() if path == tmp_path else None)
    monkeypatch.undo()
    recover(folder)
    verify(folder)
    expected = "two" if moment == "before the old one is deleted" else "one"
    assert (folder / "weights").read_text() == expected
    assert os.listdir(tmp_path) == ["last"]


@pytest.mark.parametrize("damage", [b"", b"longer than before", b"onx"])
def test_verify_names_a_changed_file(tmp_path, damage):
    write_checkpoint(tmp_path / "best", "one")
    (tmp_path / "best" / "weights").write_bytes(damage)
    with pytest.raises(UserError, match="weights is not what the run saved"):
        verify(tmp_path / "best")


def test_verify_without_manifest(tmp_path):
    with pytest.raises(UserError, match="no complete checkpoint"):
        verify(tmp_path)


def test_open_run_by_name_and_path(tmp_path):
    write_json(Run(tmp_path / "segan" / "flair").config, {})
    assert open_run("segan/flair", runs=tmp_path).root == tmp_path / "segan" / "flair"
    assert open_run(tmp_path / "segan" / "flair").root == tmp_path / "segan" / "flair"


def test_open_run_names_the_runs_that_exist(tmp_path):
    write_json(Run(tmp_path / "segan" / "flair").config, {})
    with pytest.raises(UserError, match="segan/flair"):
        open_run("segan/t2", runs=tmp_path)
    with pytest.raises(UserError, match=r"train_segan\.py"):
        open_run("segan/t2", runs=tmp_path / "nothing")


def test_only_one_process_trains_a_run(tmp_path):
    code = (
        "import sys; from pathlib import Path; from segan_tl.runs import Run, training_lock\n"
        "with training_lock(Run(Path(sys.argv[1]))): print('held', flush=True); input()"
    )
    run = Run(tmp_path / "run")
    options = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen([sys.executable, "-c", code, str(run.root)], **options) as other:
        assert other.stdout.readline() == "held\n"
        with pytest.raises(UserError, match=f"is being trained by process {other.pid}"), training_lock(run):
            pass
        other.communicate("\n")
    with training_lock(run):
        pass


def test_reading_a_run_leaves_what_a_trainer_is_writing(tmp_path):
    run = Run(tmp_path / "run")
    write_json(run.config, {})
    fresh = run.root / ".best.fresh"
    fresh.mkdir()
    open_run(run.root)
    assert fresh.is_dir()


@pytest.mark.parametrize("name", ["../outside", "/etc/passwd", "a/b", "..", ""])
def test_a_manifest_names_files_of_its_own_folder(tmp_path, name):
    write_checkpoint(tmp_path / "best", "one")
    (tmp_path / "outside").write_text("one")
    write_json(tmp_path / "best" / "MANIFEST.json", {"files": {name: {"bytes": 3, "sha256": "0"}}})
    with pytest.raises(UserError, match="MANIFEST.json .* cannot name a file"):
        verify(tmp_path / "best")
