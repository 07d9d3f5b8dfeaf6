"""The tables and the JSON of a checkpoint."""

import json

import numpy as np
import pytest

from segan_tl.errors import UserError
from segan_tl.report.inspect.networks import as_json, changes_as_json, inspect_target, weight_statistics
from segan_tl.report.inspect.tables import print_changes
from tests.small_runs import make_run, small_config, small_networks


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Two runs: the critic is the same, the segmentor another; the second's critic is frozen."""
    root = tmp_path_factory.mktemp("inspect")
    segmentor, critic = small_networks(seed=1)
    make_run(root / "segan" / "flair", small_config(), segmentor=segmentor, critic=critic, replicas=1)
    critic.trainable = False
    make_run(root / "segan" / "frozen", small_config(), segmentor=small_networks(seed=2)[0], critic=critic)
    return root


def test_a_run_by_its_name(runs):
    inspected = inspect_target("segan/flair", runs=runs)
    assert list(inspected.networks) == ["segmentor", "critic"]
    assert all(network.verified for network in inspected.networks.values())
    value = json.loads(json.dumps(as_json(inspected), allow_nan=False))
    segmentor = small_networks(seed=1)[0]
    assert value["networks"]["segmentor"]["parameters"] == segmentor.count_params()
    assert value["networks"]["segmentor"]["dangers"] == []
    assert value["state"]["best_epoch"] == 3
    kernel = next(layer for layer in value["networks"]["segmentor"]["layers"] if layer["name"] == "enc2_conv")[
        "weights"
    ]["kernel"]
    own = segmentor.get_layer("enc2_conv").kernel.numpy()
    assert kernel["shape"] == [4, 4, 4, 8] and kernel["std"] == pytest.approx(own.std(), rel=1e-5)


def test_what_moved_between_two_runs(runs):
    against = changes_as_json(inspect_target("segan/frozen", runs=runs), inspect_target("segan/flair", runs=runs))
    critic, segmentor = against["networks"]["critic"], against["networks"]["segmentor"]
    assert critic["weights_identical"] and not critic["files_identical"]
    assert critic["summary"] == "critic: byte-identical in all 3 layers"
    # 8 convolutions differ; 6 normalisations start alike
    assert segmentor["summary"] == "segmentor: 8 of 14 layers moved" and not segmentor["weights_identical"]


def test_frozen_critic_has_no_trainable_parameters(runs):
    value = as_json(inspect_target("segan/frozen", runs=runs))["networks"]
    assert value["critic"]["trainable_parameters"] == 0 and value["segmentor"]["trainable_parameters"] > 0


def test_a_critic_that_stood_still_is_frozen_though_its_file_is_the_source(tmp_path):
    """freeze-critic publishes the very file it came from, whose flags are those of the source's training."""
    segmentor, critic = small_networks(seed=1)
    for strategy, frozen in (("freeze-critic", True), ("full", False)):
        run = make_run(
            tmp_path / strategy, small_config(), segmentor=segmentor, critic=critic,
            transfer={"source": "segan/flair", "strategy": strategy},
        )  # fmt: skip
        value = as_json(inspect_target(str(run.root), runs=tmp_path))["networks"]
        assert (value["critic"]["trainable_parameters"] == 0) is frozen
        assert all(not layer["trainable"] for layer in value["critic"]["layers"]) is frozen
        assert value["segmentor"]["trainable_parameters"] > 0


def test_files_with_nothing_in_common_are_refused(runs):
    one = inspect_target(str(runs / "segan/flair/best/critic.keras"), runs=runs)
    two = inspect_target(str(runs / "segan/flair/best/segmentor.keras"), runs=runs)
    with pytest.raises(UserError, match="nothing to compare"):
        print_changes(one, two)


def test_statistics_leave_out_what_is_not_finite():
    # 1, 3: mean 2, deviations 1 and 1
    found = weight_statistics(np.array([1.0, np.nan, 3.0, np.inf], np.float32))
    assert found == {"mean": 2, "std": 1, "min": 1, "max": 3, "non_finite": 2}
    assert weight_statistics(np.array([np.nan])) == {
        "mean": None,
        "std": None,
        "min": None,
        "max": None,
        "non_finite": 1,
    }
