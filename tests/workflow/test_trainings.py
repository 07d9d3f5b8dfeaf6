"""Whether a fine-tuned run began with what its source is now: a run, one below --runs, a file, one that comes along."""

import pytest

from segan_tl.disk.atomic import write_json
from segan_tl.disk.manifest import sha256
from segan_tl.runs import Run
from segan_tl.workflow.trainings import starts_from_source, training
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
