"""Slurm's variables: lists of nodes and of tasks by hand, and what is refused."""

import pytest

from segan_tl.errors import UserError
from segan_tl.train.machines.slurm import expand_counts, expand_nodelist, read_slurm

STEP = {
    "SLURM_PROCID": "2", "SLURM_NTASKS": "3", "SLURM_STEP_ID": "0", "SLURM_JOB_ID": "1251", "SLURM_NODEID": "1",
    "SLURM_STEP_NODELIST": "gpu[09-10]", "SLURM_STEP_TASKS_PER_NODE": "2,1", "SLURM_JOB_NODELIST": "gpu[01-20]",
}  # fmt: skip


@pytest.mark.parametrize(
    ("text", "hosts"),
    [
        ("login", ["login"]),
        ("a,b-2.cluster.org", ["a", "b-2.cluster.org"]),
        ("gpu[1-3]", ["gpu1", "gpu2", "gpu3"]),
        ("gpu[01-03,7],login", ["gpu01", "gpu02", "gpu03", "gpu7", "login"]),  # zeros as the range has them
        ("n[098-101]", ["n098", "n099", "n100", "n101"]),
        ("n[9-10]-ib", ["n9-ib", "n10-ib"]),
        ("r[0-1]n[2,5]", ["r0n2", "r0n5", "r1n2", "r1n5"]),  # the last bracket turns fastest
    ],
)
def test_lists_of_nodes(text, hosts):
    assert expand_nodelist(text) == hosts


@pytest.mark.parametrize(
    "text",
    ["", ",", "a,", "a,,b", "gpu[", "gpu]", "gpu[1-3", "gpu[3-1]", "gpu[a-b]", "gpu[]", "gpu[1-3]]", "gpu[[1]]", "a b",
     "gpu[1-999999999]", "r[0-999]n[0-999]", "-a", "a;reboot"],
)  # fmt: skip
def test_what_is_no_list_of_nodes(text):
    with pytest.raises(UserError, match="a list of nodes such as|at most 10000 hosts") as error:
        expand_nodelist(text)
    assert "\n" not in str(error.value)


def test_tasks_of_every_node():
    assert expand_counts("2(x3),1") == [2, 2, 2, 1] and expand_counts("4") == [4]
    for text in ("", "2(x)", "x3", "2(3)", "2(x99999)"):
        with pytest.raises(UserError, match="tasks a node such as"):
            expand_counts(text)


def test_every_task_of_a_step_has_a_port_of_its_own():
    # 1251 mod 1250 = 1, times 16: the ports begin at 12016; tasks 0 and 1 are on the first node.
    addresses = ("gpu09:12016", "gpu09:12017", "gpu10:12018")
    assert read_slurm(STEP) == (addresses, 2)
    assert read_slurm(STEP | {"SLURM_STEP_ID": "1"})[0][0] == "gpu09:12032"  # beside it, in the same job
    old = {"SLURM_STEPID": "0", "SLURM_JOBID": "1251"} | {
        key: value for key, value in STEP.items() if key not in ("SLURM_STEP_ID", "SLURM_JOB_ID")
    }
    assert read_slurm(old) == (addresses, 2)


def test_without_counts_there_is_a_task_on_every_node():
    plain = {key: value for key, value in STEP.items() if not key.endswith("TASKS_PER_NODE")}
    plain |= {"SLURM_STEP_NODELIST": "a[1-3]", "SLURM_NODEID": "2"}
    assert read_slurm(plain) == (("a1:12016", "a2:12017", "a3:12018"), 2)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"SLURM_PROCID": None}, "expected the variable SLURM_PROCID; found none; start every process"),
        ({"SLURM_STEP_ID": None}, "expected the variable SLURM_STEP_ID; found none"),  # not by srun
        ({"SLURM_STEP_NODELIST": None, "SLURM_JOB_NODELIST": None}, "expected the variable SLURM_STEP_NODELIST"),
        ({"SLURM_PROCID": "one"}, "expected a whole number in the variable SLURM_PROCID; found 'one'"),
        ({"SLURM_PROCID": "3"}, "SLURM_PROCID is 3 of 3 tasks"),
        ({"SLURM_NTASKS": "4"}, "expected 4 tasks on 2 nodes; Slurm says 2,1"),
        ({"SLURM_STEP_TASKS_PER_NODE": "3"}, "expected 3 tasks on 2 nodes; Slurm says 3"),
        ({"SLURM_STEP_TASKS_PER_NODE": None}, "expected 3 tasks on 2 nodes; Slurm says nothing"),
        ({"SLURM_NODEID": "0"}, "expected task 2 on node 1, found it on node 0: .* --distribution=block"),
        ({"SLURM_JOB_ID": "7_3"}, "expected a whole number in the variable SLURM_JOB_ID"),
    ],
)
def test_what_is_refused(changes, said):
    environment = {key: value for key, value in (STEP | changes).items() if value is not None}
    with pytest.raises(UserError, match=said) as error:
        read_slurm(environment)
    assert "\n" not in str(error.value)
