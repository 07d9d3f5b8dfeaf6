"""Which channel goes where, which layer comes over, which stands still."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from segan_tl.config.adaptation import CRITIC_STRATEGIES, StartConfig
from segan_tl.config.load import validate
from segan_tl.errors import UserError
from segan_tl.models import publish
from segan_tl.models.segan import build_critic, build_segmentor
from segan_tl.train.start.source import find_source, map_inputs
from segan_tl.train.start.transfer import describe_moves, start_from
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
    settings = StartConfig(
        source="s", source_sha256=source.digest, strategy=strategy,
        inputs=map_inputs(modalities, source.modalities, stated=stated),
    )  # fmt: skip
    moved = start_from(
        segmentor, critic, source=source, settings=settings, modalities=modalities, regions=regions
    )
    return segmentor, critic, moved, settings


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
    ours, our_critic, moved, settings = start(source)
    assert all(same(ours, segmentor)) and all(same(our_critic, critic))
    assert [network.whole for network in moved] == [True, True]
    text = "\n".join(describe_moves(moved, settings))
    assert "input t2 ← flair" in text and "frozen: none" in text


def test_critic_init_leaves_the_segmentor_fresh(make_source):
    source, _, critic = make_source()
    ours, our_critic, moved, _ = start(source, strategy="critic-init")
    assert all(same(ours, networks(2)[0])) and all(same(our_critic, critic))
    assert moved[0].fresh and not moved[0].copied


def test_channels_go_where_they_belong(make_source):
    source, segmentor, critic = make_source(("flair", "t1"), ("wt", "et"))
    ours, our_critic, moved, _ = start(source, modalities=("t1", "t2", "flair"), regions=("et", "tc"))
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
    assert moved[0].partly == ("enc1_conv", "logits") and moved[1].partly == ("enc1_conv",)
    assert not moved[1].whole


def test_shapes_that_cannot_be_mapped_are_both_named(make_source):
    source, *_ = make_source()
    with pytest.raises(UserError, match=r"enc1_conv.*4 × 4 × 1 × 4.*4 × 4 × 1 × 6"):
        start(source, filters=(6, 8, 8, 8))
    with pytest.raises(UserError, match="enc4_conv"):
        start(source, filters=(4, 8, 8))
    with pytest.raises(UserError, match="share none"):
        start(source, regions=("tc",))


def test_another_kind_of_critic_is_refused(make_source):
    source, *_ = make_source(critic_input="mask")
    with pytest.raises(UserError, match=r"enc1_conv.*4 × 4 × 1 × 4.*4 × 4 × 2 × 4"):
        start(source)


def test_every_strategy_is_known():
    assert FROZEN.keys() == set(CRITIC_STRATEGIES)


@pytest.mark.parametrize("strategy", CRITIC_STRATEGIES)
def test_what_is_frozen_stands_still_to_the_byte_and_the_rest_moves(make_source, strategy):
    source, *_ = make_source()
    segmentor, critic, moved, _ = start(source, strategy=strategy)
    config = validate({"train": {"learning_rate": 1e-3, "averaging": 0.9}}, source="the test")
    network = keras.Model(segmentor.input, segmentor.get_layer("logits").output)
    published = publish(network, activation="sigmoid")
    game = Training(network, published, config=config, replicas=1, steps_per_epoch=3, critic=critic)
    before = [[np.array(weight) for weight in network.weights] for network in (segmentor, critic)]
    image = tf.random.stateless_uniform((4, 32, 32, 1), seed=(1, 2))
    for _ in range(3):
        game.step({"image": image, "mask": tf.cast(image > 0.6, tf.float32)})
    for network, old, stages, report in zip((segmentor, critic), before, FROZEN[strategy], moved, strict=True):
        for weight, value in zip(network.weights, old, strict=True):
            still = weight.path.split("/")[0].split("_")[0] in stages
            assert np.array_equal(weight, value) == still, weight.path
        assert {name.split("_")[0] for name in report.frozen} == set(stages)
        assert report.trainable == sum(int(np.prod(w.shape)) for w in network.trainable_weights)
    # The published average of a frozen weight is the weight itself.
    for average, weight in zip(game.best_weights(), published.weights, strict=True):
        if weight.path.split("/")[0].split("_")[0] in FROZEN[strategy][0]:
            assert np.array_equal(average, weight)
