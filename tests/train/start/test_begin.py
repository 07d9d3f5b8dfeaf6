"""Which channel goes where, which layer comes over, which stands still."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from segan_tl.config.load import validate
from segan_tl.config.strategies import STRATEGIES
from segan_tl.errors import UserError
from segan_tl.models import publish
from segan_tl.models.segan import build_critic, build_segmentor
from segan_tl.runs import Run
from segan_tl.train.start.begin import begin, unchanged_critic
from segan_tl.train.start.channels import map_inputs
from segan_tl.train.start.source import find_source
from segan_tl.train.start.weights import Start, find_start
from segan_tl.train.steps.training import Training
from tests.small_runs import make_run, small_config

FILTERS, CRITIC_FILTERS = (4, 8, 8, 8), (4, 8, 8)
FROZEN = {
    "full": ([], []),
    "critic-init": ([], []),
    "freeze-critic": ([], ["enc1", "enc2", "enc3"]),
    "freeze-critic-first": ([], ["enc1"]),
    "freeze-critic-last": ([], ["enc2", "enc3"]),
    "freeze-encoder": (["enc1", "enc2", "enc3", "enc4"], []),
    "freeze-decoder": (["dec1", "dec2", "dec3", "logits"], []),
    "new-head": ([], []),
    "last-three": (["enc1", "enc2", "enc3", "enc4", "dec3"], []),
    "last-three-decoder": (["enc1", "enc2", "enc3", "enc4"], []),
    "last-three-all": ([], []),
}


def networks(seed, modalities=1, regions=1, filters=FILTERS, critic_input="concatenate"):
    keras.utils.set_random_seed(seed)
    shape = (None, None, modalities)
    return (
        build_segmentor(shape, filters=filters, classes=regions),
        build_critic(shape, filters=CRITIC_FILTERS, classes=regions, critic_input=critic_input),
    )


@pytest.fixture
def make_source(tmp_path):
    def make(modalities=("flair",), regions=("wt",), **options):
        segmentor, critic = networks(1, len(modalities), len(regions), **options)
        for network in (segmentor, critic):  # statistics that differ from those of a fresh network
            for weight in network.weights:
                if "moving" in weight.path:
                    weight.assign(np.random.default_rng(5).uniform(0.5, 2, weight.shape))
        make_run(tmp_path / "source", small_config(modalities, regions), segmentor=segmentor, critic=critic)
        return find_source(str(tmp_path / "source"), runs=tmp_path, names=()), segmentor, critic

    return make


def start(source, *, strategy="full", modalities=("t2",), regions=("wt",), stated=None, **options):
    segmentor, critic = networks(2, len(modalities), len(regions), **options)
    inputs = map_inputs(modalities, source.modalities, stated=stated)
    transfer = {"source": str(source.path), "source_sha256": source.digest, "strategy": strategy, "inputs": inputs}
    data = {"modalities": modalities, "regions": regions}
    config = validate({"transfer": transfer, "data": data}, source="the test")
    found = find_start(config, Run(source.path.parent / "target"), resuming=False)
    lines = begin(segmentor, critic, found, config)
    return segmentor, critic, found, lines


def same(network, other):
    return [np.array_equal(a, b) for a, b in zip(network.weights, other.weights, strict=True)]


@pytest.mark.parametrize(
    ("target", "source", "stated", "expected"),
    [
        (["t2"], ["flair"], {}, {"t2": "flair"}),
        (["t1", "t2"], ["t2"], {}, {"t1": None, "t2": "t2"}),
        (["t2"], ["t1", "t2"], {}, {"t2": "t2"}),
        (["t1", "t2"], ["flair"], {"t1": "flair"}, {"t1": "flair", "t2": None}),
        (["t1", "t2"], ["t2", "t1"], {}, {"t1": "t1", "t2": "t2"}),
    ],
)
def test_inputs_are_mapped(target, source, stated, expected):
    assert map_inputs(target, source, stated=stated) == expected


def test_inputs_that_share_nothing_need_a_word():
    with pytest.raises(UserError, match=r"flair.*t1, t2.*--map t1=flair"):
        map_inputs(["t1", "t2"], ["flair"])
    with pytest.raises(UserError, match="--map t1=t2"):
        map_inputs(["t1"], ["flair"], stated={"t1": "t2"})


def test_everything_comes_over_with_its_statistics(make_source):
    source, segmentor, critic = make_source()
    ours, our_critic, found, lines = start(source)
    assert all(same(ours, segmentor)) and all(same(our_critic, critic))
    assert found.record["new"] == found.record["critic"]["new"] == []
    assert "  input t2 ← flair" in lines and "    frozen: none" in lines


def test_critic_init_leaves_the_segmentor_fresh(make_source):
    source, _, critic = make_source()
    ours, our_critic, found, _ = start(source, strategy="critic-init")
    assert all(same(ours, networks(2)[0])) and all(same(our_critic, critic))
    assert found.record["new"] == [layer.name for layer in ours.layers if layer.weights]


def test_channels_go_where_they_belong(make_source):
    source, segmentor, critic = make_source(("flair", "t1"), ("wt", "et"))
    ours, our_critic, found, _ = start(source, modalities=("t1", "t2", "flair"), regions=("et", "tc"))
    fresh, fresh_critic = networks(2, 3, 2)

    def kernel(network, layer="enc1_conv"):
        return network.get_layer(layer).kernel.numpy()

    for got, new, old in ((ours, fresh, segmentor), (our_critic, fresh_critic, critic)):
        assert np.array_equal(kernel(got)[:, :, 0], kernel(old)[:, :, 1])  # t1 was second
        assert np.array_equal(kernel(got)[:, :, 1], kernel(new)[:, :, 1])  # t2 is new
        assert np.array_equal(kernel(got)[:, :, 2], kernel(old)[:, :, 0])  # flair was first
    # The critic sees the masks after the images: et was channel 3 of 4 and is channel 3 of 5; tc is new.
    assert np.array_equal(kernel(our_critic)[:, :, 3], kernel(critic)[:, :, 3])
    assert np.array_equal(kernel(our_critic)[:, :, 4], kernel(fresh_critic)[:, :, 4])
    assert np.array_equal(kernel(ours, "logits")[..., 0], kernel(segmentor, "logits")[..., 1])
    assert np.array_equal(kernel(ours, "logits")[..., 1], kernel(fresh, "logits")[..., 1])
    assert found.record["new"] == ["enc1_conv", "logits"] and found.record["critic"]["new"] == ["enc1_conv"]


def test_a_frozen_critic_that_came_over_whole_is_published_as_it_was(make_source, tmp_path):
    source, *_ = make_source()
    target = Run(tmp_path / "target")
    for strategy, regions, same in (("freeze-critic", ("wt",), True), ("full", ("wt",), False),
                                    ("freeze-critic", ("et",), False)):  # fmt: skip
        *_, found, _ = start(source, strategy=strategy, regions=regions)
        transfer = {"source": str(source.path), "source_sha256": source.digest, "strategy": strategy}
        config = validate({"transfer": transfer, "data": {"regions": list(regions)}}, source="the test")
        expected = source.critic.read_bytes() if same else None
        assert unchanged_critic(found, target, config) == expected
        # A run that goes on has its own copy, or that of the source.
        assert unchanged_critic(Start(None, found.record), target, config) == expected


def test_other_regions_have_a_head_of_their_own_which_trains(make_source):
    source, *_ = make_source()
    segmentor, critic, found, lines = start(source, strategy="freeze-decoder", regions=("tc",))
    assert "    new: logits (wt there, tc here)" in lines and found.record["new"] == ["logits"]
    assert segmentor.get_layer("logits").trainable and not segmentor.get_layer("dec1_conv").trainable
    assert found.record["critic"]["new"] == ["enc1_conv"]  # whose second channel is the mask


def test_shapes_that_cannot_be_mapped_are_both_named(make_source):
    source, *_ = make_source()
    with pytest.raises(UserError, match=r"enc1_conv.*4 × 4 × 1 × 4.*4 × 4 × 1 × 6"):
        start(source, filters=(6, 8, 8, 8))
    with pytest.raises(UserError, match="dec3_conv is there, not here, and 3 more"):
        start(source, filters=(4, 8, 8))


def test_another_kind_of_critic_is_refused(make_source):
    source, *_ = make_source(critic_input="mask")
    with pytest.raises(UserError, match=r"enc1_conv.*4 × 4 × 1 × 4.*4 × 4 × 2 × 4"):
        start(source)


def test_every_strategy_is_known():
    assert FROZEN.keys() == set(STRATEGIES)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_what_is_frozen_stands_still_to_the_byte_and_the_rest_moves(make_source, strategy):
    source, *_ = make_source()
    segmentor, critic, found, _ = start(source, strategy=strategy)
    config = validate({"train": {"learning_rate": 1e-3, "averaging": 0.9}}, source="the test")
    network = keras.Model(segmentor.input, segmentor.get_layer("logits").output)
    published = publish(network, activation="sigmoid")
    game = Training(network, published, config=config, replicas=1, steps_per_epoch=3, critic=critic)
    before = [[np.array(weight) for weight in network.weights] for network in (segmentor, critic)]
    image = tf.random.stateless_uniform((4, 32, 32, 1), seed=(1, 2))
    for _ in range(3):
        game.step({"image": image, "mask": tf.cast(image > 0.6, tf.float32)})
    records = (found.record, found.record["critic"])
    for network, old, stages, record in zip((segmentor, critic), before, FROZEN[strategy], records, strict=True):
        for weight, value in zip(network.weights, old, strict=True):
            still = weight.path.split("/")[0].split("_")[0] in stages
            assert np.array_equal(weight, value) == still, weight.path
        assert {name.split("_")[0] for name in record["frozen"]} == set(stages)
    # The published average of a frozen weight is the weight itself.
    for average, weight in zip(game.best_weights(), published.weights, strict=True):
        if weight.path.split("/")[0].split("_")[0] in FROZEN[strategy][0]:
            assert np.array_equal(average, weight)


# === Slices with their neighbours ===


def start_with_neighbours(tmp_path, *, there, here, strategy="full"):
    """Return the source, what it started, the record and what was said, of two modalities with planes."""
    modalities, networks_of = ("t1", "flair"), []
    for seed, neighbours in ((1, there), (2, here)):
        keras.utils.set_random_seed(seed)
        networks_of.append(build_segmentor((None, None, 2 * (2 * neighbours + 2)), filters=FILTERS))
    values = small_config(modalities).model_dump(mode="json")
    values["data"] |= {"subsets": "any", "neighbours": there}
    source, ours = networks_of
    critics = [networks(seed, 2)[1] for seed in (1, 2)]
    make_run(tmp_path / "source", validate(values, source="the test"), segmentor=source, critic=critics[0])
    found = find_source(str(tmp_path / "source"), runs=tmp_path, names=())
    values["data"]["neighbours"] = here
    values["transfer"] = {"source": str(found.path), "source_sha256": found.digest, "strategy": strategy,
                          "inputs": {name: name for name in modalities}}  # fmt: skip
    config = validate(values, source="the test")
    begun = find_start(config, Run(tmp_path / "target"), resuming=False)
    lines = begin(ours, critics[1], begun, config)
    assert all(same(critics[1], critics[0]))  # which sees the slice in the middle, whatever stands beside it
    return source, ours, begun.record, lines


def seen(slab, neighbours):
    """Return slices (B, 5, h, w, M) as a network with so many neighbours sees them, planes of ones behind."""
    beside = slab[:, 2 - neighbours : 3 + neighbours].transpose(0, 2, 3, 1, 4)
    return np.concatenate([beside.reshape(*beside.shape[:3], -1), np.ones_like(slab[:, 0])], axis=-1)


@pytest.mark.parametrize(("there", "here"), [(0, 1), (0, 2), (1, 2), (1, 1)])
def test_more_neighbours_begin_with_the_answers_of_fewer(tmp_path, there, here):
    source, ours, record, lines = start_with_neighbours(tmp_path, there=there, here=here)
    slab = np.random.default_rng(0).normal(size=(2, 5, 32, 32, 2)).astype(np.float32)
    np.testing.assert_allclose(ours(seen(slab, here)), source(seen(slab, there)), atol=1e-6)
    said = [line for line in lines if "slices of a modality" in line]
    if there == here:
        assert not said and record["new"] == []
    else:
        assert said == [
            f"  slices of a modality: {2 * there + 1} there, {2 * here + 1} here; those in the middle come over, the "
            f"{2 * (here - there)} beyond start at zero"
        ]
        assert record["new"] == ["enc1_conv"] and "    new in part: enc1_conv" in lines


def test_slices_that_start_at_zero_learn_in_an_encoder_that_stands_still(tmp_path):
    _, ours, record, _ = start_with_neighbours(tmp_path, there=0, here=1, strategy="freeze-encoder")
    assert ours.get_layer("enc1_conv").trainable and "enc2_conv" in record["frozen"]


def test_without_neighbours_the_middle_comes_over(tmp_path):
    source, ours, record, lines = start_with_neighbours(tmp_path, there=1, here=0)
    theirs, kernel = (network.get_layer("enc1_conv").kernel.numpy() for network in (source, ours))
    assert np.array_equal(kernel, theirs[:, :, [2, 3, 6, 7]]) and record["new"] == []
    assert "  slices of a modality: 3 there, 1 here; those in the middle come over, 2 are left out" in lines
