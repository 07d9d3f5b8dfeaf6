"""What a transfer says of the number that it lacks."""

from argparse import Namespace

import pytest

from segan_tl.workflow import worth

COMPARISON = {
    "synthetic": False, "run": "runs/a-to-b", "source": "runs/a", "strategy": "full", "cases": 2, "scratch": None,
    "regions": {"wt": {"source": 0.5, "source_adapted": None, "scratch": None, "transferred": 0.75}},
}  # fmt: skip


@pytest.fixture
def said(monkeypatch, capsys, tmp_path):
    """Return (answer to --scratch, --distributed, a fault of the place) → what is printed under the table."""
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "comparison.json").write_text("{}")
    this_run = Namespace(comparison=tmp_path / "run" / "comparison.json", state=tmp_path / "run.json")

    def ask(scratch, distributed=None, fault=None) -> str:
        monkeypatch.setattr(worth, "fault_of_scratch", lambda *_: fault)
        monkeypatch.setattr(worth, "_train_from_scratch", lambda *_, **__: 0)
        monkeypatch.setattr("segan_tl.runs.read_json", lambda *_: COMPARISON)
        arguments = Namespace(scratch=scratch, distributed=distributed, target=None, no_report=True)
        summary = Namespace(summary=tmp_path / "there is none")
        assert worth.compare_with_scratch(arguments, None, summary, this_run, source=None, find_cohort=None) == 0
        return capsys.readouterr().out

    return ask


@pytest.mark.parametrize(
    ("cases", "synthetic", "of"),
    [(1, False, "1 test case"), (2, False, "2 test cases"), (1, True, "1 SYNTHETIC test case")],
)
def test_the_title_counts_the_cases(capsys, cases, synthetic, of):
    worth.print_comparison(COMPARISON | {"cases": cases, "synthetic": synthetic})
    title = " ".join(capsys.readouterr().out.partition("┏")[0].split())
    assert title == f"runs/a-to-b, from runs/a, strategy full: mean Dice of {of}"


def test_advice_for_the_number_that_is_missing(said):
    assert said(None).splitlines()[-1] == "from scratch: not trained; add --scratch to the same command"


def test_no_advice_for_those_who_have_left_it_out(said):
    assert said(False).splitlines()[-1] == "from scratch: not trained"
    assert said(False, "slurm").splitlines()[-1] == "from scratch: not trained"
    assert said(False, fault="somebody else's").splitlines()[-1] == "from scratch: not trained"


def test_no_advice_that_cannot_be_followed(said):
    assert said(None, "slurm").splitlines()[-1] == f"from scratch: not trained; {worth.ON_ONE_MACHINE}"
    assert said(None, fault="it is trained").splitlines()[-1] == "from scratch: not trained; it is trained"


def test_a_fault_is_said_once(said):
    text = said(True, fault="it is trained")
    assert text.count("it is trained") == 1 and text.splitlines()[-1] == "from scratch: not trained"
