"""What comes along is whole, names no machine and no patient, and is described without TensorFlow."""

import re
import subprocess
import sys
import zipfile

import pytest

from segan_tl.disk.manifest import sha256, verify
from segan_tl.runs import Run, read_json
from segan_tl.zoo.describe import describe_entries, first_sentence, read_card
from segan_tl.zoo.find import CARD, ZOO, entry_names

ALLOWED = {"README.md", "config.json", "run.json", "splits.json", "cohort_fingerprint.json", "best"}


@pytest.mark.parametrize("name", entry_names())
def test_an_entry_is_a_finished_run_of_synthetic_patients_and_nothing_more(name):
    run = Run(ZOO / name)
    assert {path.name for path in run.root.iterdir()} == ALLOWED
    assert {path.name for path in run.best.iterdir()} == {*verify(run.best), "MANIFEST.json"}
    state = read_json(run.state)
    assert state["state"] == "finished" and state["data"]["synthetic"] is True
    assert all(case.startswith("phantom-") for part in read_json(run.splits).values() for case in part)


@pytest.mark.parametrize("name", entry_names())
def test_an_entry_names_no_folder_of_a_machine(name):
    texts = [path.read_text() for path in (ZOO / name).rglob("*") if path.suffix in (".json", ".md")]
    for file in (ZOO / name / "best").glob("*.keras"):
        with zipfile.ZipFile(file) as archive:
            texts.append(archive.read("segan_tl.json").decode())
    for text in texts:
        assert not re.search(r"""(^|[\s"'=(`])(/|~/)\w""", text) and "--cache" not in text


@pytest.mark.parametrize("name", entry_names())
def test_the_card_has_the_sum_of_every_file(name):
    card, folder = read_card(name), ZOO / name
    assert "no patient was seen" in card and "$" not in card.replace("$scores", "")
    for path in folder.rglob("*"):
        if path.is_file() and path.name != CARD:
            assert f"| `{path.relative_to(folder)}` | {path.stat().st_size} | `{sha256(path)}` |" in card


def test_the_table_is_read_of_the_files():
    entry = {one.name: one for one in describe_entries()}["segan_random"]
    assert (entry.family, entry.inputs) == ("segan", "any one") and entry.regions
    assert entry.parameters > 10_000 and entry.size_bytes > 4 * entry.parameters and entry.about.endswith(".")


def test_the_list_needs_no_tensorflow():
    code = (
        "import sys\nfrom segan_tl.__main__ import main\nassert main(['zoo']) == 0\n"
        "assert not {'tensorflow', 'keras', 'scipy', 'h5py', 'matplotlib'} & sys.modules.keys()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "zoo:segan_random" in done.stdout, done.stderr


@pytest.mark.parametrize(
    ("card", "sentence"),
    [
        ("# A\n\n<!-- a note. -->\n\nFor 1.5 T and\n3 T. More.\n\nLast.", "For 1.5 T and 3 T."),
        ("# A\n\nWithout a point\n\nmore.", "Without a point"),
        ("# Only a heading.", ""),
        ("", ""),
    ],
)
def test_the_first_sentence(card, sentence):
    assert first_sentence(card) == sentence
