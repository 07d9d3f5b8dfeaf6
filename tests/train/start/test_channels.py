"""Which channel of a source is which of ours: modalities by name, and behind them the planes of a network for any."""

from segan_tl.config.load import validate
from segan_tl.train.start.channels import inputs_of
from tests.small_runs import small_config


def config_of(modalities, *, subsets, inputs=None):
    values = small_config(modalities, ("wt",)).model_dump(mode="json")
    values["data"]["subsets"] = subsets
    if inputs:
        values["transfer"] = {"source": "x", "source_sha256": "0" * 64, "strategy": "full", "inputs": inputs}
    return validate(values, source="the test")


def test_planes_come_over_where_the_source_has_some():
    any_subset = config_of(("t1", "flair"), subsets="any")
    there = {"modalities": ["flair", "t1"]}
    assert inputs_of(there, any_subset, channels=4) == [1, 0, 3, 2]
    assert inputs_of(there, any_subset, channels=2) == [1, 0, None, None]
    assert inputs_of(there, config_of(("t1", "flair"), subsets="all"), channels=4) == [1, 0]


def test_a_network_of_one_modality_grows_to_any():
    config = config_of(("t1", "flair"), subsets="any", inputs={"t1": None, "flair": "flair"})
    assert inputs_of({"modalities": ["flair"]}, config, channels=1) == [None, 0, None, None]


def test_names_that_do_not_tell():
    config = config_of(("t1", "flair"), subsets="any")
    assert inputs_of({"modalities": ["t2"]}, config, channels=1) is None and inputs_of({}, config, channels=1) is None
