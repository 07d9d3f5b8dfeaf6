"""`python -m segan_tl matrix`: models on every modality, their votes, and one network on every subset of modalities."""

import argparse
from pathlib import Path

from segan_tl.console import case_progress, console, start_tensorflow
from segan_tl.zoo.find import refuse_entry

EPILOG = """examples:
  python -m segan_tl matrix segan/t1 segan/t1c segan/t2 segan/flair          runs below runs/
  python -m segan_tl matrix segan/t2 segan/flair segan/flair-to-t2           two on one modality: no votes
  python -m segan_tl matrix segan/any                                        one network on all 15 subsets
  python -m segan_tl matrix segan/any segan/t1 segan/t1c segan/t2 segan/flair     the same beside votes
  python -m segan_tl matrix segan/any segan/t1 segan/t2 segan/t1-t2          and beside a network for each subset
  python -m segan_tl matrix segan/t2 segan/flair --data BraTS2021 --out DIR  the data has moved

Every model of one modality segments every modality of the test cases without fine-tuning. Where each run has a modality
of its own they also vote, with every subset of the modalities: what to expect of a patient who has only some of them.
Votes count 1 (majority) or the run's best validation Dice (weighted); a tie is settled by the mean probability. Of two
models the better one always wins a weighted vote. A run that was trained with --modality any segments every subset
itself; the votes stand beside it, and so do runs that were trained on several modalities, each on its own subset.

--out gets matrix.csv, matrix_cases.csv, matrix.png, votes.csv, votes.png and matrix.json, with a run of several
modalities subsets.csv, subsets_cases.csv, subsets_cost.csv and subsets.png, too."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the command."""
    parser.description = "Apply single-modality models to every modality, and let them vote; or one to every subset."
    parser.epilog = EPILOG
    parser.add_argument(
        "run", nargs="+", metavar="RUN", help="finished runs tested on one split: of one modality, several, any"
    )
    parser.add_argument("--data", type=Path, metavar="DIR", help="folder of cases (where the first run was trained)")
    parser.add_argument("--part", choices=("test", "validation"), default="test", help="part of the split (test)")
    parser.add_argument("--out", type=Path, metavar="DIR", help="where to write (matrix/ beside the first run)")
    parser.add_argument("--runs", type=Path, default=Path("runs"), metavar="DIR", help="where runs are kept (runs)")


def run(arguments: argparse.Namespace) -> int:
    """Score, write and print."""
    from segan_tl.disk.ownership import FILES, refuse_foreign
    from segan_tl.predict.members import open_members, require_other_subsets, same_modality, weights_of
    from segan_tl.regions import MODALITIES
    from segan_tl.report.compare.matrix_cases import check_finished, common_cases, find_data, shared_modalities

    # === Everything that can be refused is refused before work begins ===
    members = open_members(arguments.run, runs=arguments.runs, several=True)
    for member in members:
        refuse_entry(
            member.run.root,
            "it has no test cases to share with other runs: segment some with python -m segan_tl predict NAME PATIENTS "
            "OUT --modality t2, which prints their Dice",
        )
    check_finished(members)
    ids = common_cases(members, arguments.part)
    cohort = find_data(members, ids, folder=arguments.data)
    cases = cohort.cases
    alone = [member for member in members if len(member.config.data.modalities) == 1]
    of_any = [member for member in members if member.config.data.any_subset]
    fixed = [member for member in members if len(member.config.data.modalities) > 1 and member not in of_any]
    order = list(dict.fromkeys([*(of_any[0].config.data.modalities if of_any else ()), *MODALITIES]))
    if of_any or fixed:  # the subsets of votes are to be called as those of the one network
        alone.sort(key=lambda member: order.index(member.modality))
    if fixed:
        require_other_subsets([*alone, *fixed])
    modalities = shared_modalities(cases, alone)
    no_votes = same_modality(alone) or ("one run is there" if len(alone) == 1 else None)
    if no_votes is None:
        weights_of(alone, "weighted")  # a run that does not tell its weight is refused now
    out = arguments.out or members[0].run.root.resolve().parent / "matrix"
    refuse_foreign(out, "matrix", FILES["matrix"], remedy="give another --out")
    if arguments.part == "validation":
        console.print(
            "note: the validation cases chose each run's epoch and weigh its vote: their Dice flatters", soft_wrap=True
        )

    # === Score ===
    start_tensorflow()
    from segan_tl.predict.voters import load_members
    from segan_tl.report.compare.matrix import Scores, score_matrix
    from segan_tl.report.compare.matrix_report import About, report
    from segan_tl.report.compare.subsets import costs_of, one_each, score_subsets

    models, digests = load_members([*alone, *of_any, *fixed])
    scores = subsets = Scores.empty()
    if alone:
        with case_progress(f"{len(alone)} models on {', '.join(modalities)}", total=len(cases)) as advance:
            scores = score_matrix(
                alone, models[: len(alone)], cases, modalities=modalities, voting=no_votes is None, advance=advance
            )
    several = [*of_any, *fixed]
    if several:
        with case_progress("every subset of modalities", total=len(cases)) as advance:
            subsets = score_subsets(several, models[len(alone) :], cases, order=order, advance=advance)
    if fixed:
        subsets.votes.extend(one_each(scores.cells))

    # === Report ===
    synthetic = bool(cohort.settings.get("synthetic", False)) or members[0].synthetic and arguments.data is None
    about = About(out, arguments.part, str(cohort.folder.resolve()), synthetic, no_votes)
    sizes = [network.model.count_params() for network in models]
    costs = costs_of([*alone, *several], sizes, scores.seconds | subsets.seconds, votes=no_votes is None)
    report(scores, subsets, alone, several, order=order, about=about, digests=digests, costs=costs)
    return 0
