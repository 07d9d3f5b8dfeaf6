"""Lines of sbatch: which are ours, which a user's, by hand."""

import pytest

from segan_tl.workflow.sbatch_lines import ASKED, WARNED, sbatch_lines


def script(name: str, *changes: tuple[str, str]) -> str:
    asked = ASKED.format(name=name)
    text = f"#!/bin/bash\n# Its jobs are named {name}.\n#\n{asked}\n# Why.\n{WARNED}\n\necho\n#SBATCH --mem=1G\n"
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    return text


@pytest.mark.parametrize("earlier", [None, "", "#!/bin/bash\n", "echo\n#SBATCH --mem=1G\n", script("a"), script("b")])
def test_lines_that_nobody_edited_are_ours(earlier):
    assert sbatch_lines("a", earlier=earlier) == sbatch_lines("a")
    assert sbatch_lines("a").asked.splitlines()[:2] == ["#SBATCH --job-name=a", "#SBATCH --output=a-%A_%a.out"]


def test_a_changed_an_added_and_a_removed_line_stay_so():
    edited = script(
        "a", ("##SBATCH --partition=gpu", "#SBATCH -p a100  \r"), ("#SBATCH --nodes=1\n", ""), ("@120", "@300"),
        ("#SBATCH --requeue", "##SBATCH --requeue\n#SBATCH --qos=long\n#SBATCHED or not"),
    )  # fmt: skip
    lines = sbatch_lines("a", earlier=edited)
    assert lines.edited and lines.asked.splitlines() == [
        "#SBATCH --job-name=a", "#SBATCH --output=a-%A_%a.out", "#SBATCH --time=24:00:00", "#SBATCH --ntasks=1",
        "#SBATCH --cpus-per-task=8", "#SBATCH --mem=64G", "#SBATCH --gres=gpu:1", "#SBATCH -p a100",
        "##SBATCH --account=project", "#SBATCH --qos=long",
    ]  # fmt: skip
    assert lines.warned.splitlines() == [
        "#SBATCH --signal=B:USR1@300", "##SBATCH --requeue", "#SBATCH --open-mode=append",
    ]  # fmt: skip


def test_names_follow_the_training_unless_they_were_edited():
    # Written for b, now for a: the output was edited, the name of the jobs was not.
    lines = sbatch_lines("a", earlier=script("b", ("--output=b-", "--output=logs/b-")))
    assert lines.edited
    assert lines.asked.splitlines()[:2] == ["#SBATCH --job-name=a", "#SBATCH --output=logs/b-%A_%a.out"]
