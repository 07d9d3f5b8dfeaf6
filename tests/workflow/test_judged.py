from pathlib import Path

import pytest

from segan_tl.data.phantom.write import case_name
from segan_tl.errors import UserError
from segan_tl.predict.members import open_member
from segan_tl.workflow.judged import require_unseen


def people(**seed):
    names = [case_name("glioma-3t", index, **seed) for index in range(12)]
    return {name: name for name in names}


def test_synthetic_people_of_another_seed_are_strangers_to_the_networks_that_come_along():
    run = open_member("zoo:segan_flair").run  # trained on the 200 people of seed 2020, hard
    with pytest.raises(UserError, match="zoo:segan_flair was trained .*phantom-glioma-3t-0001.*; .* --seed 7"):
        require_unseen(run, people(seed=2020, variety="hard"), place=Path("data"), why="they would promise too much")
    assert require_unseen(run, people(seed=7), place=Path("data"), why="") is None
    assert require_unseen(run, people(seed=7, variety="hard"), place=Path("data"), why="") is None


def test_patients_are_to_be_taken_out():
    run = open_member("zoo:segan_flair").run
    seen = {"BraTS2021_00001": "phantom-glioma-3t-0001"}
    with pytest.raises(UserError, match="take them out$"):
        require_unseen(run, seen, place=Path("data"), why="they would promise too much")
