"""The learning curves on a paper's page, as the command `learning-curve` makes them."""

from collections.abc import Sequence
from typing import NamedTuple

from segan_tl.papers.study import Study
from segan_tl.papers.tables import ABSENT
from segan_tl.workflow.curve import Curve
from segan_tl.workflow.curve_results import PICTURE, read_results, write_files


class Shown(NamedTuple):
    """A learning curve on a page.

    Attributes:
        name: what its files begin with.
        title: of its section.
        curve: all of its trainings.
        folder: inside each run, of a retest whose scores are meant; "" for the run's own.
        regions: that are meant; () for all that are scored.
    """

    name: str
    title: str
    curve: Curve
    folder: str = ""
    regions: tuple[str, ...] = ()


def write_curves(curves: Sequence[Shown], study: Study) -> str:
    """Write the files of learning curves, from whatever runs are there; return their sections of the page."""
    from segan_tl.report.compare.curve_page import LEGEND

    return "\n\n".join([*(_write(shown, study) for shown in curves), LEGEND]) if curves else ""


def _write(shown: Shown, study: Study) -> str:
    """Write one; the table is of its region, or of the mean of several, the picture and the files have all of them."""
    from segan_tl.report.compare.curve_page import write_table, write_verdicts

    heading = f"### {shown.title}"
    results = read_results(shown.curve, folder=shown.folder, regions=shown.regions)
    if results is None:
        return f"{heading}\n\n{ABSENT}"
    prefix, region = f"{shown.name}_", results.answers.regions[0]
    write_files(results, study.out, title=shown.title, prefix=prefix)
    facts = (*results.facts, f"numbers: `{prefix}scores.csv`, `{prefix}gains.csv`")
    parts = (
        heading, write_verdicts(results.answers, results.untouched),
        write_table(results.answers, region, results.untouched.get(region, {})),
        f"![Test Dice by number of training cases]({prefix}{PICTURE})",
        "\n".join(f"- {fact}" for fact in facts),
    )  # fmt: skip
    return "\n\n".join(filter(None, parts))
