"""benchmarks/make_zoo.py takes a finished run of synthetic patients, and leaves behind what is of its machine."""

import hashlib
import json
import runpy
import zipfile
from pathlib import Path

import pytest

from segan_tl.disk.atomic import write_json
from segan_tl.disk.manifest import sha256, verify, write_manifest
from segan_tl.errors import UserError
from segan_tl.models.weights import load_network, save_network
from segan_tl.runs import Run, read_json
from tests.small_runs import make_run, small_config, small_networks

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "make_zoo.py"
COMMAND = "python -m segan_tl train --config own --set seed=3 --runs /home/me/runs --cache=/scratch --jobs 4"
CARD = "# $name\n\nFor a test. More.\n\n$inputs\n\n$training\n\n$scores\n\n$files\n"
LENGTHS = {f"{kind}_mm.{axis}": 1.0 for kind in ("spacing", "extent") for axis in "hwd"}


@pytest.fixture(scope="module")
def make_entry():
    """Return the function of the script."""
    return runpy.run_path(str(SCRIPT))["make_entry"]


@pytest.fixture
def run(tmp_path):
    """Return a finished run with two networks whose files name a folder."""
    config = small_config()
    segmentor, critic = small_networks()
    about = {"epochs": 4, "command": COMMAND, "data": {"folder": "/home/me/cohort", "synthetic": True}}
    made = make_run(tmp_path / "runs" / "small", config, segmentor=segmentor, critic=critic, **about)
    values = read_json(made.config)
    write_json(made.config, values | {"phantom": values["phantom"] | {"contrast": "random"}})
    numbers = LENGTHS | {"head_ml": 1.0, "head_share": 0.5, "flair.quartile": 0.6, "flair.below_air": 0.0}
    spread = {name: dict.fromkeys(("lowest", "low", "high", "highest"), value) for name, value in numbers.items()}
    write_json(made.fingerprint, {"cases": 2, "quantities": spread})
    for name, network in (("segmentor", segmentor), ("critic", critic)):
        save_network(network, made.best / f"{name}.keras", read_json(made.state) | {"network": name})
    write_manifest(made.best)
    (made.root / "predictions").mkdir()
    made.last.mkdir()
    return made


def test_an_entry_has_the_weights_and_no_folder(run, make_entry, tmp_path):
    made = Run(tmp_path / "zoo" / "mine")
    make_entry(run, made.root, card=CARD, scores="| T2 |\n|---|\n| 0.5 |")
    names = {"README.md", "best", "cohort_fingerprint.json", "config.json", "run.json", "splits.json"}
    assert {path.name for path in made.root.iterdir()} == names and set(verify(made.best)) == set(verify(run.best))
    state = read_json(made.state)
    assert state["data"] == {"synthetic": True} and state["command"].endswith("--config own --set seed=3")
    for name in ("segmentor.keras", "critic.keras"):
        with zipfile.ZipFile(made.best / name) as new, zipfile.ZipFile(run.best / name) as old:
            assert new.read("model.weights.h5") == old.read("model.weights.h5")
            assert json.loads(new.read("segan_tl.json"))["data"] == {"synthetic": True}
    assert load_network(made.best / "segmentor.keras").count_params() == state["parameters"]["segmentor"]
    quantities = read_json(made.fingerprint)["quantities"]  # of a contrast that was never learnt from
    assert "flair.quartile" not in quantities and "flair.below_air" in quantities
    card = (made.root / "README.md").read_text()
    assert card.startswith("# mine\n") and "| 0.5 |" in card and "/home" not in card and "train --config own" in card
    with zipfile.ZipFile(made.best / "critic.keras") as new:
        assert hashlib.sha256(new.read("model.weights.h5")).hexdigest() in card
    assert sha256(made.best / "critic.keras") in card and "any modality" in card


def test_an_entry_is_replaced_whole_and_keeps_a_place_for_scores(run, make_entry, tmp_path):
    for card in ("# $name\n\nOld.\n", CARD):
        make_entry(run, tmp_path / "zoo" / "mine", card=card)
    assert [path.name for path in (tmp_path / "zoo").iterdir()] == ["mine"]
    card = (tmp_path / "zoo" / "mine" / "README.md").read_text()
    assert "<!-- scores: to be filled by make_zoo.py --scores FILE -->" in card and "Old." not in card


@pytest.mark.parametrize(
    ("state", "config", "said"),
    [
        ({"data": {"synthetic": False}}, {}, "has learnt from patients"),
        ({"state": "training"}, {}, "is not finished"),
        ({}, {"transfer": {"source": "runs/other", "source_sha256": "0"}}, "has transfer, expected a run that began"),
        ({"note": "/home/me/other"}, {}, "run.json names a path of this machine"),
    ],
)
def test_what_may_not_come_along_is_refused(state, config, said, run, make_entry, tmp_path):
    write_json(run.state, read_json(run.state) | state)
    write_json(run.config, read_json(run.config) | config)
    with pytest.raises(UserError, match=said):
        make_entry(run, tmp_path / "zoo" / "mine", card=CARD)
    assert not (tmp_path / "zoo" / "mine").exists()
