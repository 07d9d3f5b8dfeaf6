"""Which channel of a source is which of ours: modalities by name, and behind them the planes of a network for any."""

import numpy as np

from segan_tl.config.load import validate
from segan_tl.models.segan import build_segmentor
from segan_tl.train.start.channels import ZERO, inputs_of, planes_left, slices_of
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


# === Slices with their neighbours ===


def with_neighbours(config, neighbours):
    values = config.model_dump(mode="json")
    values["data"]["neighbours"] = neighbours
    return validate(values, source="the test")


def test_inputs_tell_how_many_slices_and_whether_planes():
    two = {"modalities": ["t1", "flair"]}
    assert [slices_of(two, channels=n) for n in (2, 4, 6, 8)] == [(1, False), (1, True), (3, False), (3, True)]
    assert slices_of(two, channels=5) == slices_of({}, channels=3) == (1, False)


def test_slices_begin_as_those_as_far_from_the_middle():
    there, config = {"modalities": ["flair", "t1"]}, config_of(("t1", "flair"), subsets="all")
    one, two = (with_neighbours(config, n) for n in (1, 2))
    assert inputs_of(there, one, channels=2) == [ZERO, ZERO, 1, 0, ZERO, ZERO]  # slices alone there
    assert inputs_of(there, one, channels=6) == [1, 0, 3, 2, 5, 4]
    assert inputs_of(there, two, channels=6) == [ZERO, ZERO, 1, 0, 3, 2, 5, 4, ZERO, ZERO]
    assert inputs_of(there, one, channels=10) == [3, 2, 5, 4, 7, 6]
    assert inputs_of(there, config, channels=6) == [3, 2]  # the middle of three


def test_a_new_modality_is_new_in_every_slice():
    config = config_of(("t1", "flair"), subsets="any", inputs={"t1": None, "flair": "flair"})
    assert inputs_of({"modalities": ["flair"]}, with_neighbours(config, 1), channels=1) == [
        None, ZERO, None, 0, None, ZERO, None, None
    ]  # fmt: skip


def test_planes_stand_behind_all_slices():
    there = {"modalities": ["t1", "flair"]}
    same = with_neighbours(config_of(("t1", "flair"), subsets="any"), 1)
    assert inputs_of(there, same, channels=8) == list(range(8))
    assert inputs_of(there, same, channels=4) == [ZERO, ZERO, 0, 1, ZERO, ZERO, 2, 3]
    assert inputs_of(there, same, channels=6)[-2:] == [None, None]
    assert planes_left(there, config_of(("t1", "flair"), subsets="all"), channels=8) == [6, 7]


def test_slices_find_their_places_without_names():
    config = with_neighbours(config_of(("t2",), subsets="all"), 1)
    assert inputs_of({"modalities": ["flair"]}, config, channels=1) == [ZERO, 0, ZERO]
    assert inputs_of({"modalities": ["flair"]}, config, channels=3) is None  # as they are
