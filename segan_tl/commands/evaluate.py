"""`python -m segan_tl evaluate`: score a folder of masks against the truth, whoever made either."""

import argparse
import time
from pathlib import Path

from segan_tl.console import case_progress, console, print_table
from segan_tl.environment import jobs_that_fit
from segan_tl.errors import UserError
from segan_tl.metrics.challenges import ALIASES, CHALLENGES, by_year, find_challenge
from segan_tl.regions import LABEL_CONVENTIONS, region_values
from segan_tl.workflow.patients import add_patients_argument, count_patients
from segan_tl.workflow.score_plan import HD95

JOB_MIB = 300  # of a process that scores
EPILOG = """examples:
  python -m segan_tl evaluate segan/flair BraTS2021 --out metrics.csv               a run: its test cases
  python -m segan_tl evaluate PREDICTIONS BraTS2023 --out m.csv --challenge brats2026-gli --prediction-labels brats2023
  python -m segan_tl evaluate nnunet_out labelsTr --out m.csv --prediction-labels msd --truth-labels msd
  python -m segan_tl evaluate OURS MS --out m.csv --prediction-labels lesion --hd95 all
  python -m segan_tl evaluate OURS THEIRS NNUNET BraTS2023 --out m.csv --rules brats2023-gli,brats2026-gli

A prediction is named after its case (CASE.nii.gz, CASE_seg.nii.gz or CASE/seg.nii.gz), or has its number (00132-000).
Labels are conventions ({conventions}), a statement such as
1=ED,2=NCR,3=ET, or painted regions such as 1=wt,2=tc,3=et; they are read from the folders where those tell, and never
guessed.

HD95, in mm:
  surface-weighted     larger of the two directed 95th percentiles, surfels weighted by area (BraTS 2023; the default)
  pooled               95th percentile of both directions together, surface voxels (MedPy; BraTS 2026, its default)
  maximum-of-directed  larger of the two directed 95th percentiles, surface voxels (MONAI, Metrics Reloaded)
Both masks empty: overlap 1, HD95 0. One of them empty: overlap 0, HD95 374 mm. By the rules of 2026 a score of nothing
that found nothing is undefined: its cell is empty, and means leave it out.

--rules: every folder of PREDICTIONS by each of the rules. FILE.csv sets them side by side, FILE-SYSTEM-RULES.csv is the
table of each; of several folders, FILE-ranking.csv and .png show how the order of the systems changes."""


class _ListChallenges(argparse.Action):
    """Print the rules there are and end: neither folders nor --out are needed for it."""

    def __call__(self, parser, namespace, values, option_string=None) -> None:
        from rich.table import Table

        table = Table("name", "tumours", "regions", "what a lesion counts")
        for name in by_year():
            rules = CHALLENGES[name]
            table.add_row(name, rules.tumour, ", ".join(rules.regions), rules.rule_in_words)
        print_table(table)
        older = ", ".join(f"{alias} = {name}" for alias, name in ALIASES.items())
        console.print(f"older names: {older}", soft_wrap=True)
        parser.exit()


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the command."""
    parser.description = "Score masks against the truth: overlap, surface distances and, by challenge, single lesions."
    parser.epilog = EPILOG.replace("{conventions}", ", ".join(LABEL_CONVENTIONS))
    parser.add_argument(
        "predictions", metavar="PREDICTIONS", nargs="+", type=Path, help="folder of masks, or a run (test cases)"
    )
    parser.add_argument("truths", metavar="TRUTHS", type=Path, help="folder of cases with label maps, or of label maps")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE.csv", help="one row a case and region")
    parser.add_argument("--challenge", metavar="NAME", help="add the scores of its rules, such as brats2026-gli")
    parser.add_argument("--rules", metavar="A,B", help="the rules of several challenges side by side, and the ranking")
    parser.add_argument("--list-challenges", nargs=0, action=_ListChallenges, help="say which there are, and end")
    parser.add_argument("--regions", metavar="LIST", help="such as wt,tc,et (all that both sides can tell apart)")
    parser.add_argument("--hd95", choices=(*HD95, "all"), help="definition of HD95 (that of the challenge)")
    parser.add_argument("--tolerance-mm", metavar="LIST", help="tolerances of surface Dice, such as 0.5,1 (1)")
    parser.add_argument(
        "--upstream-defects", action="store_true",
        help="take the voxel size as brats-evaluation 0.0.10 does: reversed for lesions, none for whole regions",
    )  # fmt: skip
    parser.add_argument("--prediction-labels", metavar="CONVENTION", help="what the numbers of the predictions mean")
    parser.add_argument("--truth-labels", metavar="CONVENTION", help="what the numbers of the truths mean")
    add_patients_argument(parser, of="TRUTHS")
    parser.add_argument("--allow-missing", action="store_true", help="leave out what has no prediction or no truth")
    parser.add_argument("--skip-bad-cases", action="store_true", help="leave out cases that cannot be scored")
    parser.add_argument("--overwrite", action="store_true", help="replace tables that other masks or settings gave")
    parser.add_argument("--jobs", type=int, metavar="N", help="processes (as cores and memory allow)")
    parser.add_argument("--runs", type=Path, default=Path("runs"), metavar="DIR", help="where runs are kept (runs)")


def run(arguments: argparse.Namespace) -> int:
    """Score everything, write the rows and print what they come to."""
    from segan_tl.report.narrow import print_summary
    from segan_tl.report.score.preflight import prepare_folder
    from segan_tl.report.score.scores import write_scores
    from segan_tl.workflow.score_plan import choose_plan
    from segan_tl.workflow.score_sides import count, find_sides, name_systems, refuse_headers, remarks_on
    from segan_tl.workflow.scored_tables import is_done, job_of, open_journal, record

    # === What can be refused is refused before work begins ===
    names = _check(arguments)
    sides = {name: find_sides(arguments, folder) for name, folder in name_systems(arguments.predictions).items()}
    plans = {system: [choose_plan(arguments, *found[:2], name) for name in names] for system, found in sides.items()}
    faults = {system: refuse_headers(arguments, *found[:2]) for system, found in sides.items()}
    job = job_of(arguments.out, sides, plans, several_rules=bool(arguments.rules))
    if is_done(job) and not arguments.overwrite:
        console.print(f"scored before, and nothing has changed: {arguments.out}", soft_wrap=True)
        return 0
    journal = open_journal(job, overwrite=arguments.overwrite)
    replaced = arguments.out.exists()
    prepare_folder(arguments.out)

    # === Score ===
    started, scored = time.monotonic(), {}
    remarks = {system: remarks_on(*found) for system, found in sides.items()}
    of_all = [line for line in next(iter(remarks.values())) if all(line in found for found in remarks.values())]
    for line in of_all:
        console.print(line, soft_wrap=True)
    for system, (truths, predictions, _) in sides.items():
        for line in (line for line in remarks[system] if line not in of_all):
            console.print(f"{system}: {line}", soft_wrap=True)
        for plan in plans[system]:
            scored[system, plan.challenge] = _score(
                arguments, truths, predictions, plan, faults[system], journal=journal
            )
    seconds = time.monotonic() - started
    if arguments.rules:
        from segan_tl.report.score.rule_sets import report_rules

        report_rules(scored, plans, arguments.out)
    else:
        (plan,), (rows,) = next(iter(plans.values())), scored.values()
        write_scores(arguments.out, rows, plan)
        print_summary(rows, plan)
        _print_notes(plan)
    record(job)
    journal.remove()
    for system, found in faults.items():
        for line in _left_out(found):
            console.print(line, soft_wrap=True)
    several = count_patients({row["case"]: row["patient"] for rows in scored.values() for row in rows})
    number = count(len({row["case"] for rows in scored.values() for row in rows}), "case")
    done = f"scored {number}{several} in {seconds:.1f} s"
    console.print(f"{done}: {'replaced ' * replaced}{arguments.out}", soft_wrap=True)
    return 0


def _score(arguments, truths: dict, predictions: dict, plan, faults: dict[str, str], *, journal) -> list[dict]:
    """Return the rows of one system; what is found to be wrong with its files comes to the faults.

    Raises:
        UserError: a case cannot be scored and may not be skipped, or none can.
    """
    from segan_tl.report.score.preflight import FAULTS_NAMED, refuse_faults
    from segan_tl.report.score.scores import score_cases, scored_before

    most, total = None if arguments.skip_bad_cases else FAULTS_NAMED, len(predictions) + len(faults)
    if before := len(scored_before(truths, predictions, plan, journal)):
        console.print(f"{before} of {len(predictions)} cases were scored before the interruption", soft_wrap=True)
    with case_progress("scoring", total=len(predictions) - before) as advance:
        options = {"plan": plan, "jobs": _jobs(arguments), "progress": advance, "most_faults": most, "journal": journal}
        rows, unreadable = score_cases(truths, predictions, **options)
    faults |= unreadable
    if not (rows and arguments.skip_bad_cases):
        refuse_faults(faults, total=total, all_seen=len(unreadable) != most)
    return rows


def _print_notes(plan) -> None:
    """Say what the columns mean."""
    from segan_tl.metrics.columns import columns_of, definitions

    names = {column.name: column.title for column in columns_of(plan)} | {"empty": "empty masks"}
    notes = [f"{names.get(name, name)}: {text}" for name, text in definitions(plan).items()]
    for note in notes:
        console.print(note, soft_wrap=True)


def _left_out(faults: dict) -> list[str]:
    from segan_tl.workflow.score_sides import count

    lines = [f"left out, cannot be scored: {count(len(faults), 'case')}"] if faults else []
    return lines + [f"  {case_id}: {reason}" for case_id, reason in faults.items()]


def _check(arguments) -> list[str | None]:
    """Refuse arguments that make no sense; return the names of the rules to score by, one or several."""
    from segan_tl.metrics.columns import Plan
    from segan_tl.report.score.preflight import require_table_path
    from segan_tl.workflow.score_plan import tolerances_mm

    for stated in (arguments.truth_labels, arguments.prediction_labels):
        if stated is not None:
            region_values(stated)
    require_table_path(arguments.out)
    tolerances_mm(arguments.tolerance_mm)
    if arguments.jobs is not None and arguments.jobs < 1:
        raise UserError(f"expected --jobs of at least 1; found {arguments.jobs}; leave it out for the default")
    names = _rules(arguments)
    if arguments.upstream_defects and not any(name and Plan((), challenge=name).matches for name in names):
        raise UserError("--upstream-defects are those of the package of 2026; add --challenge brats2026-gli, say")
    return names


def _rules(arguments) -> list[str | None]:
    """Return the names of the rules asked for, None for the scores that need none."""
    if arguments.rules is None:
        if len(arguments.predictions) > 1:
            raise UserError(
                f"expected one folder of predictions; found {len(arguments.predictions)}; several are set side by side "
                "by --rules brats2023-gli,brats2026-gli"
            )
        return [None if arguments.challenge is None else find_challenge(arguments.challenge).name]
    if arguments.challenge is not None:
        raise UserError("--rules names the rules of all challenges; leave --challenge out")
    names = list(dict.fromkeys(find_challenge(word).name for word in arguments.rules.split(",")))
    if len(names) < 2:
        raise UserError(f"expected --rules of two challenges or more; found {arguments.rules}; write A,B")
    return names


def _jobs(arguments) -> int:
    return arguments.jobs or jobs_that_fit(JOB_MIB)
