"""`python -m segan_tl second-look`: learn which answers of a run want to be looked at again."""

import argparse
from pathlib import Path

from segan_tl.console import console, print_table
from segan_tl.errors import UserError
from segan_tl.predict.vote import ENSEMBLES, RULES
from segan_tl.regions import MODALITIES
from segan_tl.workflow.answers import score_plan
from segan_tl.workflow.numbers import weight
from segan_tl.workflow.patients import add_patients_argument
from segan_tl.workflow.second_look import FILE, make_plan
from segan_tl.zoo.find import spell

EPILOG = """examples:
  python -m segan_tl second-look segan/flair                        its validation and test cases: RUN/review.json
  python -m segan_tl second-look nnunet/BraTS2023                   a cross-validation, each case by its own fold
  python -m segan_tl second-look segan/flair --data hospital         labelled cases that the run has not learnt from
  python -m segan_tl second-look zoo:segan_flair --data hospital --out review.json
  python -m segan_tl second-look zoo:segan_t1 zoo:segan_flair --vote majority --data hospital --out review.json

What is seen of an answer without its truth (does the mirrored head get the same one, how sure is the network, is the
scan like those of the training, can the answer be at all) is held against the Dice that it has. What comes out,
review.json, tells predict which Dice to expect: predict RUN PATIENTS OUT --flag-below 0.7. How good that is is said
here, of each patient as the others foresee it; docs/second-look.md says more.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the command."""
    parser.description = "Learn to tell from an answer alone how good it is, so that the bad ones are looked at again."
    parser.epilog = EPILOG
    parser.add_argument("run", nargs="+", metavar="RUN", help="a run, a cross-validation, zoo:NAME, or a zip")
    parser.add_argument("--data", type=Path, metavar="DIR", help="labelled cases to learn from (those it left out)")
    add_patients_argument(parser)
    together = parser.add_mutually_exclusive_group()
    together.add_argument("--vote", choices=RULES, help="as for predict, of several RUNs")
    together.add_argument("--ensemble", choices=ENSEMBLES, help="as for predict, of several RUNs")
    parser.add_argument("--weights", nargs="+", type=weight("RUN", "RUN goes"), metavar="W", help="as for predict")
    parser.add_argument("--modality", choices=MODALITIES, help="image to take, for a run that sees any contrast")
    parser.add_argument("--skip-bad-cases", action="store_true", help="leave out cases that cannot be used")
    parser.add_argument("--out", type=_json, metavar="FILE", help=f"where it goes ({FILE} in the run)")
    parser.add_argument("--runs", type=Path, default=Path("runs"), metavar="DIR", help="where runs are kept (runs)")
    parser.set_defaults(fold=None)


def run(arguments: argparse.Namespace) -> int:
    """Segment, learn, write, and say how good it is."""
    plan = make_plan(arguments)
    _refuse_foreign(plan.out)
    from segan_tl.disk.atomic import write_json
    from segan_tl.report.review.figure import plot_review
    from segan_tl.report.review.learn import (
        choose_signs,
        describe,
        fit,
        foresee,
        judge_foresight,
        require_patients,
    )

    require_patients([case.patient for case in plan.cases], [case.id for case in plan.cases])
    console.print(f"learning from {len(plan.cases)} cases: {plan.origin}", soft_wrap=True)
    cases = score_plan(plan, skip=arguments.skip_bad_cases)
    names = choose_signs(cases)
    foreseen, weights = foresee(cases, names), fit(cases, names)
    quality = judge_foresight(cases, foreseen)
    write_json(plan.out, _about(plan) | describe(cases, weights, foreseen.predicted, quality))
    picture = plan.out.with_suffix(".png")
    dice, title = [case.dice for case in cases], _title(arguments, quality)
    plot_review(dice, foreseen.predicted, foreseen.told, picture, title=title)
    _print(weights, names, quality)
    console.print(f"written {plan.out}, {picture}", soft_wrap=True)
    if weights.weights.any():
        console.print(f"next: {_next(arguments)}", soft_wrap=True)
    return 0


def _json(text: str) -> Path:
    if Path(text).suffix != ".json":
        raise argparse.ArgumentTypeError(f"expected a name that ends in .json; found {text!r}")
    return Path(text)


def _refuse_foreign(out: Path) -> None:
    """Refuse to write over a file that no second look has written."""
    from segan_tl.schemas.reading import read_json
    from segan_tl.schemas.review import Review

    picture, foreign = out.with_suffix(".png"), "is there already, and no second look wrote it; give another --out"
    if picture.exists() and not out.exists():
        raise UserError(f"{picture} {foreign}")
    if out.exists():
        try:
            read_json(out, Review)
        except UserError as error:
            raise UserError(f"{out} {foreign} ({error})") from error


def _about(plan) -> dict:
    """Return whose answers were learnt from."""
    from segan_tl import __version__
    from segan_tl.predict.ensemble import digests_of

    first = plan.sittings[0]
    lead = first.ensemble.lead if first.ensemble else first.members[0]
    return {
        "networks_sha256": digests_of(plan.members),
        "together": plan.together,
        "regions": list(lead.config.data.regions),
        "runs": [spell(member.run.root) for member in plan.members],
        "learnt_from": plan.origin,
        "segan_tl": __version__,
    }


def _title(arguments, quality) -> str:
    patients = f"{quality.patients} patients, each as the others foresee it"
    return f"second look at {', '.join(arguments.run)}: {patients}"


def _next(arguments) -> str:
    """Return the command that uses what was learnt."""
    words = ["python -m segan_tl predict", *arguments.run, "PATIENTS OUT --flag-below 0.7"]
    words += [f"--vote {arguments.vote}"] if arguments.vote else []
    words += [f"--ensemble {arguments.ensemble}"] if arguments.ensemble else []
    return " ".join(words + ([f"--review {arguments.out}"] if arguments.out else []))


def _print(weights, names, quality) -> None:
    """Print what was learnt, and how good it is."""
    from rich.table import Table

    from segan_tl.metrics.selective import FAILURE, REVIEWED
    from segan_tl.predict.signs import SIGNS
    from segan_tl.report.review.learn import FEW, WITHIN

    table = Table(title="what lowers the Dice to expect", title_justify="left")
    for heading in ("sign", "usual", "standard deviation", "Dice for one"):
        table.add_column(heading, justify="left" if heading == "sign" else "right")
    for sign in zip(weights.names, weights.means, weights.stds, weights.weights):
        table.add_row(sign[0], *(f"{number:.3f}" for number in sign[1:]))
    print_table(table)
    if len(names) < len(SIGNS):
        console.print(f"fewer than {FEW} patients: {names[0]} alone, for so few would tell chance", style="yellow")
    if not weights.weights.any():
        console.print("none of the signs tells anything of these answers: the same is expected of all", style="yellow")
    rank = "not defined" if quality.spearman is None else f"{quality.spearman:.3f}"
    area, blind, best = quality.area, quality.blind_area, quality.best_area
    for line in (
        f"{quality.cases} cases of {quality.patients} patients, each as the others foresee it:",
        f"  Spearman's rank correlation {rank}",
        f"  mean absolute error {quality.mae:.3f} ({quality.guess_mae:.3f} by their mean Dice alone); "
        f"{100 * WITHIN:.0f} % within {quality.error:.3f}",
        f"  area under the risk–coverage curve {area:.3f} ({blind:.3f} by chance, {best:.3f} by Dice itself)",
        f"  the worst {100 * REVIEWED:.0f} % hold {quality.caught:.3g} of {quality.failures} answers with a Dice below "
        f"{FAILURE:g} ({quality.could} could be among so many)",
    ):
        console.print(line, soft_wrap=True)
