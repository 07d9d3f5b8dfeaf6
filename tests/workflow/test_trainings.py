"""Whether a fine-tuned run began with what its source is now: a run, one below --runs, a file, one that comes along."""

import pytest

from segan_tl.config.load import load_config
from segan_tl.disk.atomic import write_json
from segan_tl.disk.manifest import sha256
from segan_tl.runs import Run
from segan_tl.workflow.trainings import is_trained, starts_from_source, training
from segan_tl.zoo.find import ZOO
from tests.small_runs import make_run, small_config


@pytest.mark.parametrize("origin", ["{root}/segan/all", "segan/all", "{root}/file.keras", "zoo:segan_random"])
def test_a_run_began_with_what_its_source_is_now(origin, tmp_path):
    source = make_run(tmp_path / "segan" / "all", small_config())
    file = tmp_path / "file.keras"
    file.write_bytes((source.best / "segmentor.keras").read_bytes())
    write_json(source.summary, {"segmentor_sha256": sha256(file)})
    now = sha256(ZOO / "segan_random" / "best" / "segmentor.keras" if origin.startswith("zoo:") else file)
    run = Run(tmp_path / "curve" / "t2")
    words = ("transfer", "--from", origin.format(root=tmp_path), "--strategy", "full")
    job = training(run, words, runs=tmp_path, cache=tmp_path / "cache")
    for recorded, same in ((now, True), ("0" * 64, False)):
        write_json(run.config, {"transfer": {"source": origin, "source_sha256": recorded}})
        assert starts_from_source(job, run) is same


@pytest.mark.parametrize("origin", ["{root}/segan/all", "{root}/nowhere.keras"])
def test_a_source_that_is_being_trained_or_is_gone_is_no_beginning(origin, tmp_path):
    make_run(tmp_path / "segan" / "all", small_config())
    run = Run(tmp_path / "curve" / "t2")
    job = training(run, ("transfer", "--from", origin.format(root=tmp_path)), runs=tmp_path, cache=tmp_path)
    write_json(run.config, {"transfer": {"source": origin, "source_sha256": "0"}})
    assert not starts_from_source(job, run)


@pytest.mark.parametrize(
    ("more", "same"),
    [
        ([], True),
        (["source.phantom.cases=7"], True),  # as it was trained
        (["source.phantom.cases=8"], False),
        (["train.epochs=9"], False),
    ],
)
def test_synthetic_patients_that_train_along_are_those_of_the_source(more, same, tmp_path):
    settings = ["transfer.source=a/run", "transfer.source_sha256=ab", "source.synthetic=true", "train.epochs=3"]
    # The source has learnt from seven synthetic patients, the configuration of the curve has another number.
    config = load_config("segan_cpu", [*settings, "source.phantom.cases=7", "name=curve", "seed=0"])
    run = make_run(tmp_path / "curve" / "t2", config)
    run.summary.touch()
    write_json(run.state, {"state": "finished"})
    words = ("transfer", "--from", "a/run", "--strategy", "full")
    job = training(
        run, words, runs=tmp_path, cache=tmp_path / "cache", settings=("source.synthetic=true", "train.epochs=3", *more)
    )
    assert is_trained(job, run, config="segan_cpu") is same
