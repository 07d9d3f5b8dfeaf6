"""What is ours in a folder: only that is set aside, put back, replaced or removed."""

import json
import os
from pathlib import Path

import pytest

from segan_tl.config.load import load_config
from segan_tl.disk.atomic import write_json
from segan_tl.disk.manifest import atomic_checkpoint
from segan_tl.disk.ownership import (
    BEFORE,
    MARKER,
    RUN_FILES,
    RUN_FOLDERS,
    carry_over,
    forget,
    kind_of,
    mark,
    own_files,
    put_back,
    refuse_foreign,
    remove_own,
    set_aside,
)
from segan_tl.errors import UserError
from segan_tl.runs import Run

CONFIG = json.loads(load_config("quickstart").model_dump_json())
THEIRS = (
    "notes.txt", "best/notes.txt", "predictions/mine.nii.gz", "tensorboard/figure.png", "photos/1.jpg", "again/x.txt",
)  # fmt: skip


def content(folder: Path) -> dict[str, str]:
    """Return every file below a folder with what it holds, but for markers."""
    files = (path for path in folder.rglob("*") if path.is_file() and path.name != MARKER)
    return {path.relative_to(folder).as_posix(): path.read_text() for path in files}


def put(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def make(root: Path, *, text: str = "old", theirs=THEIRS, marked: bool = True) -> Run:
    """Write a finished run with a retest in it, and files of somebody else between ours."""
    run = Run(root)
    for name in RUN_FILES:
        put(root / name, text)
    write_json(run.config, CONFIG | {"name": text})
    write_json(run.splits, {"train": ["a"], "validation": ["b"], "test": ["c", "../../victim", "/etc/passwd", 5]})
    for folder in (run.best, run.last):
        with atomic_checkpoint(folder) as fresh:
            put(fresh / "segmentor.keras", text)
    put(run.predictions / "c.nii.gz", text)
    put(run.tensorboard / "events.out.tfevents.1", text)
    again = Run(root / "again")
    put(again.metrics, f"case,dice\nd,{text}\n")
    put(again.predictions / "d.nii.gz", text)
    write_json(again.summary, dict.fromkeys(
        ("cases", "regions", "definitions", "segmentor_sha256", "predict", "versions")))  # fmt: skip
    if marked:
        mark(root, "run")
        mark(again.root, "scores", cases=["d"])
    for name in theirs:
        put(root / name, "theirs")
    return run


def test_every_name_in_a_run_is_known():
    names = {getattr(Run(Path("x")), key).name for key, value in vars(Run).items() if isinstance(value, property)}
    assert names == {*RUN_FILES, *RUN_FOLDERS}


@pytest.mark.parametrize("marked", [True, False], ids=["marked", "of an older version"])
def test_a_run_is_set_aside_and_put_back_without_what_is_not_ours(tmp_path, marked):
    run = make(tmp_path / "run", marked=marked)
    before = content(run.root)
    assert set_aside(run.root)
    assert {name for name in content(run.root) if not name.startswith(BEFORE)} == set(THEIRS)
    put(run.config, "new")
    assert not set_aside(run.root)  # killed before its first checkpoint, and started again: the old one stays
    put(run.config, "newer")
    put_back(run.root)
    assert content(run.root) == before and not (run.root / BEFORE).exists()


def test_a_run_that_is_set_aside_goes_without_what_is_not_ours(tmp_path):
    run = make(tmp_path / "run")
    set_aside(run.root)
    put(run.root / BEFORE / "thesis.txt", "theirs")
    forget(run.root)
    assert content(run.root) == dict.fromkeys((*THEIRS, "thesis.txt"), "theirs")
    forget(run.root)  # nothing is kept any more


@pytest.mark.parametrize("marked", [True, False], ids=["marked", "of an older version"])
def test_only_our_files_are_removed(tmp_path, marked):
    run = make(tmp_path / "run", marked=marked)
    put(tmp_path / "victim.nii.gz", "theirs")
    remove_own(run.root)
    assert content(run.root) == dict.fromkeys(THEIRS, "theirs")
    assert (tmp_path / "victim.nii.gz").exists()
    assert not [path for path in own_files(run.root) if path.name != MARKER]


def test_a_folder_of_another_program_is_not_ours(tmp_path):
    others = {
        "config.json": {"name": "bert", "data": {}, "model": {}, "train": {}, "seed": 1},
        "summary.json": {"cases": 3, "regions": []},
        "matrix.json": {"matrix": []},
        "cohort.json": {"label_convention": "brats2017"},
        ".segan_tl": {},
    }
    for name, found in others.items():
        folder = tmp_path / name.replace(".", "-")
        write_json(folder / name, found)
        (folder / "best").mkdir()
        expected = None if name != ".segan_tl" else "{}"
        assert kind_of(folder) == expected and own_files(folder) == []
    for text in ("", "[1]", "nonsense", "\udcff"):
        (tmp_path / "config.json").write_text(text, errors="surrogateescape")
        assert kind_of(tmp_path) is None
    with pytest.raises(UserError, match=r"config.json is there already, and segan_tl did not make it.*; go elsewhere"):
        refuse_foreign(tmp_path, "run", RUN_FILES, remedy="go elsewhere")


def test_files_of_other_names_do_not_stand_in_the_way(tmp_path):
    put(tmp_path / "run" / "thesis.txt", "theirs")
    refuse_foreign(tmp_path / "run", "run", (*RUN_FILES, *RUN_FOLDERS), remedy="")
    refuse_foreign(tmp_path / "absent", "run", RUN_FILES, remedy="")
    for name in (*RUN_FILES, *RUN_FOLDERS):
        os.symlink("nowhere", tmp_path / "run" / name)
        with pytest.raises(UserError, match=f"{name} is there already"):
            refuse_foreign(tmp_path / "run", "run", (*RUN_FILES, *RUN_FOLDERS), remedy="")
        (tmp_path / "run" / name).unlink()


def test_a_folder_of_theirs_where_the_old_run_would_be_kept(tmp_path):
    run = make(tmp_path / "run")
    put(run.root / BEFORE / "diary.txt", "theirs")
    with pytest.raises(UserError, match="before is there already"):
        set_aside(run.root)
    assert content(run.root)[f"{BEFORE}/diary.txt"] == "theirs" and run.summary.is_file()


def test_links_are_not_followed_when_a_folder_goes(tmp_path):
    put(tmp_path / "elsewhere" / "photo.jpg", "theirs")
    make(tmp_path / "old", theirs=())
    os.symlink(tmp_path / "elsewhere", tmp_path / "old" / "photos")
    make(tmp_path / "new", text="new", theirs=())
    carry_over(tmp_path / "old", tmp_path / "new")
    assert not (tmp_path / "old").exists() and (tmp_path / "elsewhere" / "photo.jpg").exists()
    assert (tmp_path / "new" / "photos").is_symlink()


def test_their_file_in_a_checkpoint_moves_to_the_next_one(tmp_path):
    for text in ("one", "two"):
        with atomic_checkpoint(tmp_path / "best") as fresh:
            put(fresh / "segmentor.keras", text)
            if text == "two":
                put(fresh / "critic.keras", text)
        put(tmp_path / "best" / "critic.keras", "theirs") if text == "one" else None
        put(tmp_path / "best" / "notes" / "a.txt", text)
    found = content(tmp_path / "best")
    assert found["segmentor.keras"] == found["critic.keras"] == "two" and found["critic.keras.before"] == "theirs"
    assert os.listdir(tmp_path) == ["best"]
