"""TF_CONFIG: who trains together, and what is refused."""

import json

import pytest

from segan_tl.errors import UserError
from segan_tl.train.machines.roster import Roster, read_roster

TWO = {"cluster": {"worker": ["a:1000", "b:1007"]}, "task": {"type": "worker", "index": 1}}


def read(value) -> Roster:
    return read_roster("tf_config", {"TF_CONFIG": value if isinstance(value, str) else json.dumps(value)})


def test_two_workers():
    roster = read(TWO)
    assert roster == Roster(("a:1000", "b:1007"), 1)
    assert roster.count == 2 and not roster.is_chief and roster.meeting == ("a", 1008)
    assert roster.name(1) == "worker 1 (b:1007)"


def test_a_chief_stands_first():
    cluster = {"worker": ["b:1", "c:1"], "chief": ["a:1"]}
    assert read({"cluster": cluster, "task": {"type": "worker", "index": 1}}) == Roster(("a:1", "b:1", "c:1"), 2)
    assert read({"cluster": cluster, "task": {"type": "chief", "index": 0}, "environment": "cloud"}).is_chief


def test_an_address_of_ipv6():
    found = read({"cluster": {"worker": ["[::1]:5", "[::1]:6"]}, "task": {"type": "worker", "index": 0}})
    assert found.meeting == ("::1", 7)


def test_slurm():
    environment = {
        "SLURM_PROCID": "0", "SLURM_NTASKS": "2", "SLURM_STEP_ID": "0", "SLURM_JOB_ID": "0",
        "SLURM_STEP_NODELIST": "n[1-2]",
    }  # fmt: skip
    assert read_roster("slurm", environment) == Roster(("n1:12000", "n2:12001"), 0)


def changed(**sections):
    return TWO | sections


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("", "expected the variable TF_CONFIG; found none; set it to"),
        ("{", "TF_CONFIG is damaged: not JSON"),
        ("[]", "TF_CONFIG is damaged: no JSON object"),
        ({"cluster": TWO["cluster"]}, "expected task, which is missing"),
        (changed(cluster={}), "expected one of 0 of type worker"),
        (changed(cluster={"worker": []}), "cluster.worker"),
        (changed(cluster={"worker": ["a:1", "b:1"], "ps": ["c:1"]}), "cluster.ps"),
        (changed(cluster={"worker": ["a:1", "a:1"]}), "a:1 stands there twice"),
        (changed(cluster={"worker": ["a:1", "b"]}), "cluster.worker.1 = 'b'"),
        (changed(cluster={"worker": ["a:1", "b:0"]}), "ports from 1 to 65535, found b:0"),
        (changed(cluster={"worker": ["a:1", "b:65535"]}), "expected ports below 65535"),
        (changed(cluster={"worker": ["a:1", "-o x:1"]}), "cluster.worker.1"),
        (changed(task={"type": "worker", "index": 2}), "expected one of 2 of type worker, found index 2"),
        (changed(task={"type": "evaluator", "index": 0}), "task.type = 'evaluator'"),
        (changed(task={"type": "worker", "index": "1"}), "task.index = '1': expected a whole number"),
    ],
)
def test_what_is_refused(value, said):
    with pytest.raises(UserError, match=said) as error:
        read(value)
    assert "\n" not in str(error.value)
