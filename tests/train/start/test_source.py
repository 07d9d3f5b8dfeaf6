"""What a transfer may start from, and what it says of everything else."""

import json
import zipfile

import pytest

from segan_tl.disk.manifest import atomic_checkpoint, sha256
from segan_tl.errors import UserError
from segan_tl.models.weights import save_network
from segan_tl.train.start.source import find_source, label_of
from tests.small_runs import make_run, small_config, small_networks


@pytest.fixture
def run(tmp_path):
    segmentor, critic = small_networks()
    return make_run(tmp_path / "runs" / "segan" / "flair", small_config(), segmentor=segmentor, critic=critic)


def find(name, runs, names=("segan",)):
    return find_source(str(name), runs=runs, names=names)


def test_a_modality_names_its_run(run, tmp_path):
    source = find("flair", tmp_path / "runs", names=("other", "segan"))
    assert source.path == run.root
    assert source.digest == sha256(run.best / "segmentor.keras")
    assert source.modalities == ("flair",) and source.regions == ("wt",)
    assert source.learnt_from.cases == {"a", "b"} and source.split["test"] == ["c"]


def test_a_path_and_a_file_work_too(run, tmp_path):
    assert find(run.root, tmp_path / "runs").path == run.root
    source = find(run.best / "segmentor.keras", tmp_path / "runs")
    assert source.modalities == ("flair",) and source.config is None and source.split is None
    assert source.critic == run.best / "critic.keras"
    assert source.learnt_from.cases == {"a", "b"}  # from the run around it
    alone = tmp_path / "alone.keras"
    alone.write_bytes((run.best / "segmentor.keras").read_bytes())
    assert find(alone, tmp_path / "runs").learnt_from is None  # it was saved without the names of its cases


def test_a_run_has_learnt_from_what_its_own_source_had(run, tmp_path):
    segmentor, _ = small_networks()
    with atomic_checkpoint(run.best) as folder:
        save_network(segmentor, folder / "segmentor.keras", {"learnt_from": ["a", "b", "earlier"]})
    source = find(run.root, tmp_path / "runs")
    assert source.learnt_from.cases == {"a", "b", "earlier"} and source.critic is None


def test_an_imported_run_has_no_cases(run, tmp_path):
    run.splits.unlink()
    source = find(run.root, tmp_path / "runs")
    assert source.split is None and source.learnt_from is None


def test_labels():
    assert label_of(["t1"]) == "t1"
    assert label_of(["flair", "t1", "t2", "t1c"]) == "all"
    assert label_of(["t1", "t2"]) == "t1+t2"


def test_a_source_that_is_not_there_says_how_to_train_it(tmp_path):
    with pytest.raises(UserError, match="python -m segan_tl train-segan --modality t1"):
        find("t1", tmp_path / "runs")


def test_an_interrupted_source_says_how_to_go_on(run, tmp_path):
    state = json.loads(run.state.read_text())
    run.state.write_text(json.dumps(state | {"state": "interrupted"}))
    with pytest.raises(UserError, match=r"interrupted, epoch 4.*python -m segan_tl train-segan --modality flair"):
        find("flair", tmp_path / "runs")


def test_a_source_of_another_version_says_what_is_unknown(run, tmp_path):
    config = json.loads(run.config.read_text())
    config["train"]["learning_rates"] = config["train"].pop("learning_rate")
    run.config.write_text(json.dumps(config))
    with pytest.raises(UserError, match=r"another version.*learning_rates.*--config FILE"):
        find("flair", tmp_path / "runs")


def test_a_damaged_source_is_refused(run, tmp_path):
    with (run.best / "segmentor.keras").open("ab") as file:
        file.write(b"x")
    with pytest.raises(UserError, match="damaged"):
        find("flair", tmp_path / "runs")


def test_a_flipped_byte_in_a_file_is_one_sentence(run, tmp_path):
    damaged = bytearray((run.best / "segmentor.keras").read_bytes())
    damaged[len(damaged) // 2] ^= 0xFF
    (tmp_path / "damaged.keras").write_bytes(damaged)
    with pytest.raises(UserError, match=r"not a readable .keras file \(.*CRC"):
        find(tmp_path / "damaged.keras", tmp_path)


def test_a_misspelt_modality_is_recognised(tmp_path):
    with pytest.raises(UserError, match="--source flair"):
        find("flare", tmp_path / "runs")


def test_an_interrupted_source_names_the_command_that_it_was(run, tmp_path):
    state = json.loads(run.state.read_text())
    run.state.write_text(json.dumps(state | {"state": "interrupted", "command": "python transfer.py --this --that"}))
    with pytest.raises(UserError, match="python transfer.py --this --that"):
        find("flair", tmp_path / "runs")


def test_files_that_are_no_segmentor_of_ours(run, tmp_path):
    with pytest.raises(UserError, match="no file"):
        find(tmp_path / "nowhere.keras", tmp_path)
    segmentor, critic = small_networks()
    segmentor.save(tmp_path / "bare.keras")
    with pytest.raises(UserError, match="which modalities"):
        find(tmp_path / "bare.keras", tmp_path)
    save_network(critic, tmp_path / "critic.keras", {"modalities": ["t1"], "regions": ["wt"], "network": "critic"})
    with pytest.raises(UserError, match="is a critic"):
        find(tmp_path / "critic.keras", tmp_path)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("modalities", ["/home/victim/x"]), ("modalities", ["../../victim"]), ("modalities", ["flair", "t2/.."]),
        ("modalities", "flair"), ("modalities", []), ("modalities", {"flair": 1}), ("modalities", [["flair"]]),
        ("modalities", [5]), ("regions", ["../wt"]), ("regions", None),
    ],
)  # fmt: skip
def test_a_file_that_names_what_no_network_of_ours_sees(key, value, tmp_path):
    gift = tmp_path / "gift.keras"
    about = {"modalities": ["flair"], "regions": ["wt"], "data": {}} | {key: value}
    with zipfile.ZipFile(gift, "w") as archive:
        for name, text in (("segan_tl.json", json.dumps(about)), ("config.json", "{}"), ("model.weights.h5", "")):
            archive.writestr(name, text)
    with pytest.raises(UserError, match=rf"gift.keras.* (its|damaged:) {key}.*do not trust"):
        find(gift, tmp_path)


def test_names_of_configurations_stay_below_the_runs(run, tmp_path):
    with pytest.raises(UserError, match=r"the run '\.\./segan' cannot name"):
        find("flair", tmp_path / "runs", names=("../segan",))
