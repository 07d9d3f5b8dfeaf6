"""zoo:NAME is understood wherever a run is named, and called so whatever folder it is."""

import pytest

from segan_tl.errors import UserError
from segan_tl.runs import Run, open_run, run_name
from segan_tl.train.start.source import find_source
from segan_tl.zoo.find import ZOO, entry_names, find_entry, folder_of, is_entry, refuse_entry, spell

NAME = "segan_random"


def test_a_network_is_found_with_and_without_its_prefix():
    assert NAME in entry_names()
    assert find_entry(f"zoo:{NAME}") == find_entry(NAME) == find_entry(f"zoo:{NAME}/") == ZOO / NAME
    assert open_run(f"zoo:{NAME}", runs="nowhere") == Run(ZOO / NAME)
    assert folder_of(f"zoo:{NAME}") == ZOO / NAME and folder_of("runs/segan/flair").parts[0] == "runs"


def test_it_is_called_by_its_name_whatever_the_folder(tmp_path, monkeypatch):
    link = tmp_path / "link"
    link.symlink_to(ZOO)
    for folder in (ZOO / NAME, link / NAME):
        assert is_entry(folder) and spell(folder) == run_name(folder) == f"zoo:{NAME}"
    assert not is_entry(ZOO) and not is_entry(ZOO / NAME / "best") and not is_entry(tmp_path)
    assert spell(tmp_path) == str(tmp_path)


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("zoo:segan_randm", "no network zoo:segan_randm comes along; did you mean zoo:segan_random\\?"),
        ("zoo:Segan_Random", "did you mean zoo:segan_random"),
        ("zoo:", "expected one of .*zoo:segan_random.*; python -m segan_tl zoo lists them"),
        ("zoo:../find.py", "no network zoo:../find.py comes along; expected one of"),
        (NAME, "no run at segan_random: .*; did you mean zoo:segan_random\\?"),
    ],
)
def test_what_does_not_come_along_is_one_sentence(word, said, tmp_path):
    with pytest.raises(UserError, match=said):
        open_run(word, runs=tmp_path)


def test_a_run_is_no_entry_and_an_entry_is_told_what_to_type():
    refuse_entry(Run(ZOO.parent).root, "never said")
    with pytest.raises(UserError, match="^zoo:segan_random comes along as it is, .*; type predict zoo:segan_random$"):
        refuse_entry(ZOO / NAME, "type predict NAME")


def test_a_source_that_comes_along_is_called_by_its_name(tmp_path):
    source = find_source(f"zoo:{NAME}", runs=tmp_path)
    assert source.named == f"zoo:{NAME}" and source.critic.is_file() and len(source.modalities) == 1
    assert source.data["synthetic"] and "folder" not in source.data
    assert source.learnt_from and all(case.startswith("phantom-") for case in source.learnt_from.cases)
