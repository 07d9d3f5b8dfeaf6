"""Which channel of a source is which of ours: modalities by name, and behind them the planes of a network for any."""

import numpy as np

from segan_tl.config.load import validate
from segan_tl.models.segan import build_segmentor
from segan_tl.train.start.channels import inputs_of, planes_left
from segan_tl.train.start.match import copy_layers
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


def test_planes_of_what_we_have_go_into_the_bias():
    there = {"modalities": ["t1", "flair", "t2"]}
    one = config_of(("flair",), subsets="all", inputs={"flair": "t2"})  # FLAIR begins as T2 did
    assert planes_left(there, one, channels=6) == [5] and planes_left(there, one, channels=3) == []
    assert planes_left(there, config_of(("t1", "flair"), subsets="any"), channels=6) == []


def test_inside_the_head_it_answers_as_it_did():
    """Any → FLAIR: the same numbers where no plane ends."""
    there = {"modalities": ["t1", "flair"]}
    config = config_of(("flair",), subsets="all", inputs={"flair": "flair"})
    source, network = (build_segmentor((None, None, channels), filters=(4, 6)) for channels in (4, 1))
    source.get_layer("enc1_conv").bias.assign([0.1, -0.2, 0.3, 0.0])
    named = {"about": there, "config": config, "channels": 4}
    copy_layers(network, source, inputs=inputs_of(**named), planes=planes_left(**named))
    flair = np.random.default_rng(0).normal(size=(1, 32, 32, 1)).astype(np.float32)
    nothing, inside = np.zeros_like(flair), np.ones_like(flair)
    theirs = source(np.concatenate([nothing, flair, nothing, inside], axis=-1)).numpy()
    ours = network(flair).numpy()
    np.testing.assert_allclose(ours[:, 12:20, 12:20], theirs[:, 12:20, 12:20], atol=1e-5)
    assert abs(ours - theirs).max() > 1e-3  # at the border of the image, where the planes ended
