"""The synthetic cohort in the cache: a damaged one is made again."""

from argparse import Namespace
from pathlib import Path

import pytest

from segan_tl.commands.cohort import find_cohort
from segan_tl.config import load_config
from segan_tl.data.phantom import write

CONFIG = load_config("quickstart", ["phantom.cases=1", "phantom.shape=[16,16,16]"])


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    """Return a folder with a synthetic cohort of one patient."""
    folder = tmp_path_factory.mktemp("cache")
    find_cohort(Namespace(data=None, cache=folder, jobs=1), CONFIG)
    return folder


@pytest.mark.parametrize(
    "damage",
    [
        lambda folder: (folder / "cohort.json").write_text('{"synthetic": tr'),
        lambda folder: (folder / "participants.tsv").write_bytes(b""),
        lambda folder: next(folder.glob("*/*_t2.nii.gz")).write_bytes(b"\x1f\x8b"),
        lambda folder: next(folder.glob("*/*_seg.nii.gz")).unlink(),
    ],
    ids=["cohort.json", "participants.tsv", "an image", "a mask"],
)
def test_a_damaged_synthetic_cohort_is_made_again(damage, cache, monkeypatch, capsys):
    arguments = Namespace(data=None, cache=cache, jobs=1)
    folder = find_cohort(arguments, CONFIG).folder
    assert not capsys.readouterr().out
    before = contents(folder)
    damage(folder)
    simulated = []
    monkeypatch.setattr(write, "make_case", lambda job: simulated.append(job[2]) or restore(job[0], before))
    find_cohort(arguments, CONFIG)
    assert "damaged" in capsys.readouterr().out and simulated == [0]
    assert contents(folder) == before
    assert [path.name for path in cache.iterdir()] == [folder.name]


def contents(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def restore(folder, before):
    """Put the case where a simulation would; return its row of participants.tsv."""
    for name, content in before.items():
        if "/" in name:
            (Path(folder) / name).parent.mkdir(exist_ok=True)
            (Path(folder) / name).write_bytes(content)
    return tuple(before["participants.tsv"].decode().splitlines()[1].split("\t"))
