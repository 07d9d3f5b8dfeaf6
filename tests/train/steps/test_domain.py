"""The domain game: who learns what, with and without reversal, with and without the target's labels, saved exactly."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from segan_tl.config.schema import Config
from segan_tl.errors import UserError
from segan_tl.models import publish
from segan_tl.models.nnunet import build_nnunet
from segan_tl.runs import Run
from segan_tl.train.checkpoint import restore_last, save_last
from segan_tl.train.loop import Progress
from segan_tl.train.recipes import build_training
from segan_tl.train.steps.domain import BalancedAccuracy, ganin
from segan_tl.train.steps.training import Training


def config(*, regions=("wt",), patch=(1, 16, 16), model=None, train=None, **adversary):
    model = {"family": "nnunet", **(model or {})}
    train = {"optimizer": "adam", "learning_rate": 3e-3, "schedule": "constant", "epochs": 12, **(train or {})}
    softmax = model.get("activation") == "softmax"
    return Config.model_validate({
        "name": "test",
        "data": {"patch": patch, "regions": regions, "modalities": ("t2", "flair")},
        "model": model,
        "train": {"batch_size": 8, **train},
        "predict": {"decision": "largest" if softmax else "threshold"},
        "source": {"share": 0.5},
        "adversary": adversary,
    })


def slices_network(classes=1):
    return build_nnunet(
        (None, None, 2), classes=classes, filters=(8, 16), blocks=(1, 1), decoder_blocks=(1,), deep_supervision=True
    )


def game_of(settings, *, classes=1, steps=25, seed=0):
    keras.utils.set_random_seed(seed)
    network = slices_network(classes)
    published = publish(network, activation=settings.model.activation)
    return Training(network, published, config=settings, replicas=1, steps_per_epoch=steps)


def batch(seed, *, regions=1, target_mask=None):
    """Return eight slices, target and source in turn: bright squares to find, and stripes on the target's alone."""
    generator = np.random.default_rng(seed)
    mask = np.zeros((8, 16, 16, regions), np.float32)
    for i in range(8):
        top, left = generator.integers(0, 10, 2)
        mask[i, top : top + 6, left : left + 6, generator.integers(regions)] = 1
    image = 0.5 * generator.normal(size=(8, 16, 16, 2)).astype(np.float32)
    image[..., 0] += 2 * mask.max(axis=-1)
    domain = np.tile([1, 0], 4).astype(np.float32)
    image[domain == 1, ..., 1] += np.where(np.arange(16) % 2, 1.0, -1.0)
    if target_mask is not None:
        mask[domain == 1] = target_mask
    return {"image": tf.constant(image), "mask": tf.constant(mask), "domain": tf.constant(domain)}


def train(game, *, epochs, steps=25):
    """Train; return the domain accuracy and the segmentor's loss of every epoch."""
    step, rows = tf.function(game.step), []
    for epoch in range(epochs):
        for i in range(steps):
            step(batch(epoch * steps + i))
        rows.append([float(game.metrics[name].result()) for name in ("domain_accuracy", "loss_segmentor")])
        for metric in game.metrics.values():
            metric.reset_state()
    return np.array(rows).T


# === What reversal does ===


def test_with_reversal_the_domains_become_hard_to_tell_and_without_they_do_not():
    hidden, found = train(game_of(config(weight=1, schedule="ganin")), epochs=12)
    shown, _ = train(game_of(config(weight=1, reversal=False)), epochs=6)
    watched, _ = train(game_of(config(weight=1, strength=0)), epochs=6)
    # While lambda is small the classifier is right far more often than chance, then it is not any more.
    assert hidden[0] > 0.6 and 0.3 < hidden[-6:].mean() < 0.7
    assert shown[-3:].mean() > 0.95
    # A classifier that only looks on tells them apart too: it is the reversal that hides them.
    assert watched[-3:].mean() > max(0.7, hidden[-6:].mean() + 0.1)
    assert found[-1] < 0.15 * found[0]  # and the segmentor learns all the same


def test_reversal_turns_the_features_gradient_and_nothing_else():
    plain = {"optimizer": "sgd", "momentum": 0, "weight_decay": 0, "learning_rate": 0.1, "clip_norm": 0}
    moves = {}
    for name, how in (("on", {"strength": 2}), ("blind", {"strength": 0}), ("off", {"reversal": False})):
        game = game_of(config(weight=0.5, train=plain, **how))
        layers = {"features": game.segmentor.get_layer("enc1_conv1"), "head": game.segmentor.get_layer("logits"),
                  "classifier": game.domain.classifier.get_layer("domain1_conv")}  # fmt: skip
        before = {part: layer.get_weights()[0] for part, layer in layers.items()}
        game.step(batch(0))
        moves[name] = {part: layer.get_weights()[0] - before[part] for part, layer in layers.items()}
    domain = moves["off"]["features"] - moves["blind"]["features"]  # -rate · weight · gradient
    assert np.abs(domain).max() > 1e-4
    np.testing.assert_allclose(moves["on"]["features"] - moves["blind"]["features"], -2 * domain, atol=2e-7)
    for part in ("head", "classifier"):
        assert np.array_equal(moves["on"][part], moves["off"][part]) and moves["on"][part].any()


def test_lambda_follows_ganin_and_is_logged():
    # p = 0, 1/4, 1/2, 3/4 of four steps; 2 / (1 + e^(-10 p)) − 1 = 0, 0.84828, 0.98661, 0.99889 [reference, 6.4]
    game = game_of(config(strength=2, schedule="ganin", train={"epochs": 2}), steps=2)
    found = []
    for i in range(4):
        game.step(batch(i))
        found.append(float(game.domain.classifier.get_layer("reversal").strength))
    np.testing.assert_allclose(found, 2 * np.array([0, 0.84828, 0.98661, 0.99889]), atol=1e-5)
    assert float(game.metrics["lambda"].result()) == pytest.approx(np.mean(found), abs=1e-6)
    assert float(ganin(1.0)) == pytest.approx(0.99991, abs=1e-5)


def test_accuracy_is_balanced_over_the_cohorts():
    metric = BalancedAccuracy("accuracy")
    # Source: 3 of 4 right; target: 0 of 1: (0.75 + 0) / 2, where plain accuracy would be 0.6.
    metric.update_state(np.array([0, 0, 0, 0, 1.0]), np.array([[-1], [-2], [-0.1], [3], [-4.0]]))
    assert float(metric.result()) == pytest.approx(0.375)
    metric.reset_state()
    metric.update_state(np.array([1.0]), np.array([[0.5]]))
    assert float(metric.result()) == 1.0


# === The target's labels ===


@pytest.mark.parametrize(
    ("loss", "activation"), [("dice_bce", "sigmoid"), ("multiple_dice_background", "softmax"), ("dice_ce", "softmax")]
)
def test_a_poisoned_target_changes_no_bit(loss, activation):
    regions, softmax = ("ncr", "ed"), activation == "softmax"
    settings = config(
        regions=regions, model={"activation": activation}, train={"loss": loss, "batch_dice": True}, weight=1,
        target_labels=False,
    )  # fmt: skip
    game, results = game_of(settings, classes=2 + softmax), []
    state = [weight for network in game.networks.values() for weight in network.weights] + [*game.variables().values()]
    start, step = [np.array(variable) for variable in state], tf.function(game.step)
    for poison in (0.0, np.nan, -3e30):
        for variable, value in zip(state, start, strict=True):
            variable.assign(value)
        for i in range(3):
            step(batch(i, regions=2, target_mask=poison))
        results.append([np.array(variable) for variable in state])
    assert all(np.isfinite(values).all() for values in results[0])
    assert not np.array_equal(results[0][0], start[0])
    for other in results[1:]:
        assert all(np.array_equal(a, b) for a, b in zip(results[0], other, strict=True))


def test_with_target_labels_they_are_learnt_from():
    one, other = game_of(config()), game_of(config())
    one.step(batch(0))
    other.step(batch(0, target_mask=0.0))
    assert not np.array_equal(one.segmentor.get_weights()[0], other.segmentor.get_weights()[0])


def test_a_batch_of_targets_alone_moves_the_encoder_and_not_the_head():
    game = game_of(config(target_labels=False, weight=1, train={"optimizer": "sgd", "momentum": 0, "weight_decay": 0}))
    before = {name: game.segmentor.get_layer(name).get_weights()[0] for name in ("enc1_conv1", "logits")}
    data = batch(0)
    game.step({name: values[::2] for name, values in data.items()})
    assert np.array_equal(game.segmentor.get_layer("logits").get_weights()[0], before["logits"])
    assert not np.array_equal(game.segmentor.get_layer("enc1_conv1").get_weights()[0], before["enc1_conv1"])
    assert float(game.metrics["loss_domain"].result()) > 0


# === Saved and attached ===


def test_a_restored_game_goes_on_as_if_nothing_had_happened(tmp_path):
    settings = config(weight=1, schedule="ganin", train={"averaging": 0.9})
    whole, run = game_of(settings), Run(tmp_path)
    for i in range(2):
        whole.step(batch(i))
    run.config.touch()  # a run whose configuration is gone was removed
    save_last(run, whole, Progress(step=2), provenance={})
    assert {file.stem for file in run.last.glob("*.keras")} == {"segmentor", "domain_classifier"}
    again = game_of(settings, seed=5)
    assert restore_last(run, again).step == 2
    for i in range(2, 4):
        whole.step(batch(i))
        again.step(batch(i))
    for name, network in whole.networks.items():
        for ours, theirs in zip(network.get_weights(), again.networks[name].get_weights(), strict=True):
            assert np.array_equal(ours, theirs)
    for name, value in whole.variables().items():
        assert np.array_equal(value, again.variables()[name]), name


def test_an_unknown_layer_and_a_small_grid_are_named():
    with pytest.raises(UserError, match="adversary.layer: .*did you mean"):
        game_of(config(layer="enc1_conv9"))
    game_of(config(classifier="goat_repo"))  # 16 × 16 features
    with pytest.raises(UserError, match="found 2 × 2; take larger patches"):
        game_of(config(classifier="goat_repo", patch=(1, 2, 2)))


@pytest.mark.parametrize("layer", ["bottleneck_act1", "enc1_conv1", "dec1_act1"])
def test_any_layer_can_be_watched(layer):
    game = game_of(config(layer=layer))
    game.step(batch(0))
    assert float(game.metrics["loss_domain"].result()) == pytest.approx(np.log(2), abs=0.1)


FAMILIES = {
    "unet3d": {"filters": [4, 6, 8]},
    "cicek": {"filters": [4, 8, 16]},
    "nnunet": {"variant": "resenc_m", "filters": [4, 8], "blocks": [1, 1], "decoder_blocks": [1]},
    "mednext": {"filters": [4, 4, 4, 4, 4], "blocks": [1] * 9},
    "albunet3d": {"deep_supervision": False},
    "albunet2d": {"deep_supervision": False},
}


@pytest.mark.slow
@pytest.mark.parametrize("family", sorted(FAMILIES))
@pytest.mark.parametrize("adversary", [None, {"target_labels": False}])
def test_every_family_learns_from_two_cohorts(family, adversary):
    size = (2, 32, 32) if family.startswith("albunet") else (16, 16, 16)
    size = (1, 32, 32) if family == "albunet2d" else size
    settings = Config.model_validate({
        "name": "test",
        "data": {"patch": size, "modalities": ("t2", "flair")},
        "model": {"family": family, **FAMILIES[family]},
        "train": {"batch_size": 2},
        "source": {},
        "adversary": adversary,
    })
    game = build_training(settings, replicas=1, steps=1)
    shape = size[1:] if family == "albunet2d" else size
    image = np.random.default_rng(0).normal(size=(2, *shape, 2)).astype(np.float32)
    mask = np.repeat(image[..., :1] > 0, 3, axis=-1).astype(np.float32)
    tf.function(game.step)({"image": image, "mask": mask, "domain": np.array([1, 0], np.float32)})
    assert np.isfinite(float(game.metrics["loss_segmentor"].result()))
    assert ("loss_domain" in game.metrics) == (adversary is not None)
