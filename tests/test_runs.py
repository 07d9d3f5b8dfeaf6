"""The run directory: safe writing, recovery and verification."""

import json
import os

import pytest

from segan_tl.disk import atomic, ownership
from segan_tl.disk.atomic import atomic_folder, atomic_path, recover, write_json, write_text
from segan_tl.disk.manifest import atomic_checkpoint, verify
from segan_tl.disk.ownership import mark
from segan_tl.errors import CannotWrite, UserError
from segan_tl.runs import Run, open_run, run_name
from tests.disk.test_ownership import CONFIG


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
                monkeypatch.setattr(atomic.os, "replace", replace)
            else:
                monkeypatch.setattr(atomic, "flush", lambda path: kill() if path == tmp_path else None)
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
    with pytest.raises(UserError, match="train-segan"):
        open_run("segan/t2", runs=tmp_path / "nothing")


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


def test_what_a_run_is_called(tmp_path):
    assert run_name(tmp_path / "segan" / "flair") == "segan/flair"
    assert run_name(tmp_path / "nnunet_small" / "glioma-3t" / "fold0") == "nnunet_small/glioma-3t/fold0"
    write_json(Run(tmp_path / "segan" / "flair").config, {})
    assert run_name(tmp_path / "segan" / "flair" / "again") == "segan/flair/again"
    write_json(Run(tmp_path / "net" / "x" / "fold1").config, {})
    assert run_name(tmp_path / "net" / "x" / "fold1" / "again") == "net/x/fold1/again"


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("segan/fliar", "segan/flair"), ("Segan/Flair", "segan/flair"), ("flair", "segan/flair"),
        ("glioma-3t", "nnunet_small/glioma-3t"), ("nnunet/glioma-3t", "nnunet_small/glioma-3t"),
        ("flar", "segan/flair"),
    ],
)  # fmt: skip
def test_a_mistyped_run_is_recognised(tmp_path, monkeypatch, typed, meant):
    monkeypatch.chdir(tmp_path)
    for name in ("segan/flair", "segan/flair/.before", "segan/t2", "nnunet_small/glioma-3t"):
        write_json(Run(tmp_path / "runs" / name).config, {})
    with pytest.raises(UserError, match=f"no run at {typed}: .*; did you mean {meant}\\?$"):
        open_run(typed)
    with pytest.raises(UserError, match=f"did you mean {tmp_path}/runs/{meant}\\?$"):
        open_run(typed, runs=tmp_path / "runs")
    with pytest.raises(UserError, match="found runs/nnunet_small/glioma-3t, runs/segan/flair, runs/segan/t2$"):
        open_run("mednext/xyz")


def test_a_run_that_a_kill_caught_between_two_renames_is_opened(tmp_path):
    write_json(Run(tmp_path / ".net.old").config, CONFIG)
    mark(tmp_path / ".net.old", "run")
    assert open_run("net", runs=tmp_path).config.is_file() and os.listdir(tmp_path) == ["net"]
    (tmp_path / ".mine.old").mkdir()
    with pytest.raises(UserError, match="no run at mine"):
        open_run("mine", runs=tmp_path)
    assert (tmp_path / ".mine.old").is_dir()


@pytest.mark.parametrize("moment", range(3))
def test_a_folder_is_swapped_whole_at_any_moment(tmp_path, moment, monkeypatch):
    folder = tmp_path / "run"
    mark(folder, "run")
    write_json(folder / "config.json", CONFIG)
    (folder / "notes.txt").write_text("theirs")
    real, calls = os.replace, []

    class Killed(BaseException):
        pass

    def replace(*paths):
        calls.append(paths)
        if len(calls) > moment:  # the old one away, the new one there, their file after it
            raise Killed
        real(*paths)

    with pytest.raises(Killed), atomic_folder(folder) as fresh:
        mark(fresh, "run")
        write_json(fresh / "config.json", CONFIG | {"name": "new"})
        monkeypatch.setattr(atomic.os, "replace", replace)
        monkeypatch.setattr(ownership.shutil, "move", replace)
    monkeypatch.undo()
    recover(folder)
    name = json.loads((folder / "config.json").read_text())["name"]
    assert name == ("segan" if moment < 2 else "new")
    assert (folder / "notes.txt").read_text() == "theirs" and os.listdir(tmp_path) == ["run"]


@pytest.mark.parametrize("name", ["net.h5", "net.weights.h5", "net.keras", "saved"])
def test_a_network_that_is_no_run_is_named(tmp_path, name):
    path = tmp_path / name
    if name == "saved":  # a SavedModel is a folder
        path.mkdir()
        path = path / "saved_model.pb"
    path.write_bytes(b"x")
    expected = "give the folder of its run" if name == "net.keras" else "save the whole model as .keras"
    with pytest.raises(UserError, match=expected):
        open_run(tmp_path / name)
