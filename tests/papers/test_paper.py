"""What every paper declares is what its plan comes to."""

import argparse

import pytest

from segan_tl.commands import reproduce
from segan_tl.papers import PAPERS, load_paper
from segan_tl.papers.jobs import MAKES_A_FILE

NOT_TRAINED = ("import", "matrix", "retest", *MAKES_A_FILE)


def read(words):
    parser = argparse.ArgumentParser()
    reproduce.add_arguments(parser)
    return parser.parse_args(words)


@pytest.mark.parametrize("scale", ["quick", "full"])
@pytest.mark.parametrize("name", PAPERS)
def test_as_many_trainings_as_the_help_says_lead_to_the_runs_of_the_page(name, scale, tmp_path):
    paper, weights = load_paper(name), tmp_path / "x.pth"
    weights.write_bytes(b"the plan does not read it")
    words = [word for option in paper.options if not option.choices for word in (f"--{option.name}", str(weights))]
    if scale == "full":  # on patients the quick scale of some has more folds
        words += ["--data", "some/Target", *(["--source-data", "some/Source"] if paper.source else [])]
    arguments = read([name, "--runs", str(tmp_path), *words])
    study = paper.make_study(arguments, scale, tmp_path / "out")
    trained = [study.runs / job.name for job in paper.plan(study, arguments) if job.command[3] not in NOT_TRAINED]
    assert len(trained) == paper.lengths[scale].trainings
    assert sorted(trained) == sorted(run.root for run in paper.runs(study))
    assert paper.name == name == study.paper and study.name == f"{name}-{scale}"
    of_source = paper.runs(study, of_source=True)
    assert len(of_source) == (0 if paper.source is None else 2 if name == "parida-2024" else 1)
    assert len(of_source) + len(paper.runs(study, of_source=False)) == len(trained)


@pytest.mark.parametrize("name", PAPERS)
def test_examples_are_understood(name):
    for words, _ in load_paper(name).examples:
        assert read(words.split()).paper == name
