"""What a transfer is made of, of a source that comes along: nothing is trained."""

import pytest

from segan_tl.commands import transfer
from segan_tl.errors import UserError
from segan_tl.parser import Parser
from segan_tl.runs import read_json
from segan_tl.zoo.find import ZOO
from tests.small_runs import make_run, small_config


def config_of(*words):
    parser = Parser(prog="transfer")
    transfer.add_arguments(parser)
    parser.set_defaults(fold=None, folds=None, stratify=None)
    return transfer.plan_run(parser.parse_args(list(words)))[1]


def test_rehearsal_is_of_the_patients_that_the_source_has_learnt_from(tmp_path):
    """Whether by the option or by its key; what is stated beside it changes them."""
    words = ["--source", "zoo:segan_t2", "--target", "t2", "--config", "segan_cpu", "--data", str(tmp_path)]
    learnt = read_json(ZOO / "segan_t2" / "config.json")["phantom"]
    assert learnt["cases"] == 200 and learnt["variety"] == "hard"
    for more in (["--rehearse"], ["--set", "source.synthetic=true"]):
        source = config_of(*words, *more).source
        assert source.synthetic and source.share == 0.5
        assert source.phantom.model_dump(mode="json") == learnt
    fewer = config_of(*words, "--rehearse", "--set", "source.phantom.cases=40").source.phantom
    assert fewer.model_dump(mode="json") == learnt | {"cases": 40}
    assert config_of(*words).source is None


def test_a_source_of_patients_has_none_to_rehearse(tmp_path):
    run = make_run(tmp_path / "small/flair", small_config(("flair",)), data={"folder": str(tmp_path)})
    with pytest.raises(UserError, match="has learnt from none, or does not tell; leave it out"):
        config_of("--source", str(run.root), "--target", "t2", "--data", str(tmp_path), "--rehearse")


def test_synthetic_patients_that_trained_along_are_there_for_the_next_transfer_too(tmp_path):
    """The source is itself a transfer: its own cohort is of patients, the second one was simulated."""
    words = ("--config", "segan_cpu", "--data", str(tmp_path), "--rehearse", "--target")
    first = config_of("--source", "zoo:segan_t2", *words, "t2")
    about = {"folder": str(tmp_path), "synthetic": False}
    run = make_run(tmp_path / "moved/t2", first, data=about | {"source": {"folder": "cache", "synthetic": True}})
    assert config_of("--source", str(run.root), *words, "flair").source == first.source
    run = make_run(tmp_path / "clinic/t2", first, data=about | {"source": {"folder": "CLINIC", "synthetic": False}})
    with pytest.raises(UserError, match="has learnt from none"):
        config_of("--source", str(run.root), *words, "flair")
