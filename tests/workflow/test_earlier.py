"""What an earlier start left: a finished run stays, what is of value is not trained over, what failed is undone."""

import json
import shutil

import pytest

from segan_tl.__main__ import main
from segan_tl.config.load import load_config
from segan_tl.disk.atomic import write_json
from segan_tl.disk.ownership import BEFORE
from segan_tl.runs import Run
from segan_tl.workflow.earlier import has_begun, old_run_kept, start_anew
from segan_tl.workflow.worth import fault_of_scratch
from tests.disk.test_ownership import THEIRS, content, make

COMMAND = ["train-segan", "--modality", "flair", "--config", "quickstart", "--data", "nowhere"]


@pytest.fixture
def run(tmp_path):
    """Return a finished run of COMMAND with files of somebody else in it; nothing of it is loaded here."""
    made = make(tmp_path / "runs" / "segan" / "flair")
    config = load_config("quickstart", ["data.modalities=['flair']"])
    write_json(made.config, json.loads(config.model_dump_json()))
    write_json(made.state, {"state": "finished", "epochs": 6})
    made.metrics.write_text("case,region,dice\nc,wt,0.5\n")
    made.history.write_text("epoch,dice\n" + "".join(f"{epoch},0.5\n" for epoch in range(1, 7)))
    return made


def train(tmp_path, *more) -> int:
    return main([*COMMAND, "--runs", str(tmp_path / "runs"), "--cache", str(tmp_path / "cache"), *more])


@pytest.mark.parametrize("lost", [(), ("last",), ("last", "report.html", ".segan_tl")])
def test_a_finished_run_is_finished_without_what_it_went_on_from(run, tmp_path, capsys, lost):
    for name in lost:
        path = run.root / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    before = content(run.root)
    assert train(tmp_path) == 0
    assert "is trained and scored already" in capsys.readouterr().out
    assert content(run.root) | {".lock": ""} == before | {".lock": ""}


@pytest.mark.parametrize("state", ["training", "interrupted"])
@pytest.mark.parametrize("kept", [("best",), ("history.csv",)])
def test_an_unfinished_run_that_has_lost_its_last_checkpoint_is_refused(run, tmp_path, capsys, state, kept):
    write_json(run.state, {"state": state})
    for name in {"last", "summary.json", "metrics.csv", "predictions", "best"} - set(kept):
        path = run.root / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    before = content(run.root)
    assert train(tmp_path) == 2
    error = capsys.readouterr().err
    assert "is not finished and has lost last/" in error and "--overwrite" in error and error.count("\n") == 1
    assert content(run.root) | {".lock": ""} == before | {".lock": ""}


def test_what_a_kill_in_the_first_epoch_leaves_is_no_run_to_lose(run):
    shutil.rmtree(run.last)
    for path in (run.summary, run.metrics):
        path.unlink()
    write_json(run.state, {"state": "training"})
    assert has_begun(run)
    run.history.write_text("epoch,dice\n1,0.5\n")  # best/ and history.csv are written before last/
    assert not has_begun(run)
    run.config.unlink()
    assert not has_begun(run)


@pytest.mark.parametrize("name", ["config.json", "metrics.csv", "best", "predictions", "report.html"])
def test_a_folder_of_another_program_is_refused(tmp_path, capsys, name):
    folder = tmp_path / "runs" / "segan" / "flair"
    if "." in name:
        write_json(folder / name, {"name": "bert", "model": {}})
    else:
        (folder / name).mkdir(parents=True)
    for more in ((), ("--overwrite",)):
        assert train(tmp_path, *more) == 2
        error = capsys.readouterr().err
        assert f"{folder / name} is there already, and segan_tl did not make it" in error and error.count("\n") == 1
    assert [path.name for path in folder.iterdir()] == [name]


@pytest.mark.parametrize("more", [(), ("--config", "nothing"), ("--set", "train.epoch=3"), ("--devices", "gpu:9")])
def test_mistakes_leave_no_empty_folder(tmp_path, capsys, more):
    (tmp_path / "data").mkdir()
    for data in ("nowhere", str(tmp_path / "data")):
        assert train(tmp_path, "--data", data, *more) == 2
        assert "Traceback" not in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


def test_a_training_that_fails_before_its_first_checkpoint_leaves_the_old_run(run, capsys):
    before, config = content(run.root), load_config("quickstart", ["seed=1"])
    assert start_anew(run, config, {"train": [], "validation": [], "test": ["c"]}, {})
    assert json.loads(run.config.read_text())["seed"] == 1 and not (run.best / "segmentor.keras").exists()
    with pytest.raises(MemoryError), old_run_kept(run):
        raise MemoryError
    assert "holds the earlier run again" in capsys.readouterr().out.replace("\n", " ")
    assert content(run.root) == before and not (run.root / BEFORE).exists()
    assert set(THEIRS) <= set(before)


def test_a_comparison_from_scratch_never_costs_a_run(run, tmp_path):
    config = load_config("quickstart", ["data.modalities=['flair']"])
    assert fault_of_scratch(Run(tmp_path / "absent"), config) is None
    shutil.rmtree(run.last)
    assert fault_of_scratch(run, config) is None  # finished: it is left as it is
    other = config.model_copy(update={"seed": 5})
    assert "other settings (seed 0 → 5); leave the comparison out with --no-scratch" in fault_of_scratch(run, other)
    (tmp_path / "theirs" / "best").mkdir(parents=True)
    assert "segan_tl did not make it" in fault_of_scratch(Run(tmp_path / "theirs"), config)
