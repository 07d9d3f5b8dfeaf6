"""The test of a finished run: its best checkpoint segments the test cases; scores, a table and pictures."""

import statistics
from collections.abc import Callable, Sequence
from pathlib import Path

import keras
from rich.table import Table

from segan_tl.config.schema import Config
from segan_tl.console import case_progress, console, print_table
from segan_tl.data.find.cases import Case, load_labelled
from segan_tl.disk.atomic import write_json
from segan_tl.disk.journal import Journal, journal_path
from segan_tl.environment import versions
from segan_tl.errors import UserError
from segan_tl.metrics.columns import Column, Plan, columns_of, definitions, plan_of_run
from segan_tl.metrics.unions import unions
from segan_tl.predict.crew import Crew
from segan_tl.predict.members import Member
from segan_tl.predict.network import as_network
from segan_tl.predict.postprocess import binarise, settle
from segan_tl.predict.segment import load_segmentor, segment_case
from segan_tl.report.figures import Panel, choose_panels, plot_overlays
from segan_tl.report.score.challenges import choose_challenge
from segan_tl.report.score.remarks import print_remarks
from segan_tl.report.score.scores import defined, dice_text, write_scores
from segan_tl.report.score.tested import Tested, key_of_test, pack, score_prediction, tested_before
from segan_tl.report.shown import shown_modality
from segan_tl.runs import Run, read_state, run_name

ROWS_SHOWN = 24
FEW_PATIENTS = 3  # with fewer in the test part its means are hardly more than an example


def evaluate_run(
    run: Run,
    *,
    cases: Sequence[Case],
    config: Config,
    into: Run | None = None,
    left_out: dict[str, str] | None = None,
) -> dict:
    """Segment and score the test cases, a few in memory at a time; write metrics.csv, summary.json and the pictures.

    Args:
        run: a run with a best checkpoint; it is verified before it is loaded.
        cases: cases with a label map. One that cannot be read is left out and named in summary.json.
        into: where everything is written; the run itself where None.
        left_out: case → why it is not among the cases, for summary.json.

    Returns:
        What summary.json says.

    Raises:
        UserError: the checkpoint is absent or damaged, or no case could be read.
    """
    segmentor, digest = load_segmentor(run, config)
    state = read_state(run)
    config = settle(config, state)
    into = into or run
    regions = (*config.data.regions, *unions(config.data.regions))
    challenge = choose_challenge(config.data.regions, {case.convention for case in cases if case.mask})
    plan = plan_of_run(regions, challenge)
    member = Member(run, run.root.name, config, {})
    journal = Journal(journal_path(into.metrics))
    tested, failed = _test(into, segmentor, cases, member=member, plan=plan, digest=digest, journal=journal)
    rows = [row for one in tested for row in one.rows]
    remarks = {one.panel.case_id: one.remarks for one in tested}
    if cases and not rows:
        tested = f"{len(cases)} test case{'s' * (len(cases) > 1)}"
        raise UserError(f"of {tested} none could be read; the first: {next(iter(failed.values()))}")
    write_scores(into.metrics, rows, plan, more=("seconds",))
    summary = _summarise(rows, plan) | {
        "definitions": definitions(plan),
        "challenge": challenge,
        "failed": (left_out or {}) | failed,
        "remarks": remarks,
        "segmentor_sha256": digest,
        "predict": config.predict.model_dump(mode="json"),
        "run": state,
        "versions": versions(),
    }
    if tested:
        modality = shown_modality(config.data.modalities, config.data.regions)
        _plot(run, [one.panel for one in tested], path=into.overlays, modality=modality, state=state)
    # Last: a run without summary.json is evaluated again.
    write_json(into.summary, summary)
    journal.remove()
    _print_table(rows, summary, plan)
    print_remarks(remarks, member)
    return summary


def _test(
    into: Run,
    segmentor: keras.Model,
    cases: Sequence[Case],
    *,
    member: Member,
    plan: Plan,
    digest: str,
    journal: Journal,
) -> tuple[list[Tested], dict[str, str]]:
    """Return what was found in the cases, now or before an interruption, and case → why it could not be read."""
    keys = {case.id: key_of_test(case, member, plan, digest=digest) for case in cases}
    before = tested_before(into, keys, journal)
    if before:
        console.print(f"{len(before)} of {len(cases)} test cases were scored before the interruption", soft_wrap=True)
    with case_progress("segmenting test cases", total=len(cases) - len(before)) as advance:

        def keep(case_id: str, tested: Tested) -> None:
            journal.add(keys[case_id], pack(tested))
            advance(f"{case_id}  {dice_text(tested.rows)}")

        left = [case for case in cases if case.id not in before]
        found, failed = _score_cases(into, segmentor, left, member=member, plan=plan, keep=keep, advance=advance)
    found |= before
    return [found[case.id] for case in cases if case.id in found], failed


def _score_cases(
    run: Run,
    segmentor: keras.Model,
    cases: Sequence[Case],
    *,
    member: Member,
    plan: Plan,
    keep: Callable[[str, Tested], None],
    advance: Callable[[str], None],
) -> tuple[dict[str, Tested], dict[str, str]]:
    """Return case → what was found in it, and case → why it could not be read."""
    scored, failed, crew = {}, {}, Crew()
    network, data = crew.share(as_network(segmentor)), member.config.data

    def test(case: Case) -> Tested | UserError:
        try:
            loaded = load_labelled(case, data.modalities, any_subset=data.any_subset)
        except UserError as error:
            return error
        probability = segment_case(network, loaded.image, member.config, spacing_mm=loaded.spacing_mm, case=case.id)
        tested = score_prediction(run, case, binarise(probability, member.config.predict), loaded, member, plan)
        for row in tested.rows:
            row["seconds"] = round(crew.seconds(), 3)
        return tested

    for case, found in crew.results(cases, test):
        if isinstance(found, UserError):
            failed[case.id] = str(found)
            advance(f"{case.id}  left out: {found}")
        else:
            scored[case.id] = found
            keep(case.id, found)
    return scored, failed


def _summarise(rows: list[dict], plan: Plan) -> dict:
    scores = [column.name for column in columns_of(plan) if column.unit != "ml"]
    by_region = {region: [row for row in rows if row["region"] == region] for region in plan.regions}
    seconds = [row["seconds"] for row in by_region[plan.regions[0]]]
    return {
        "cases": len(seconds),
        "patients": len({row["patient"] for row in rows}),
        "seconds_per_case": statistics.fmean(seconds) if seconds else None,
        "regions": {
            region: {"truth_is_empty": sum(row["truth_ml"] == 0 for row in found)}
            | {score: describe([row[score] for row in found]) for score in scores}
            for region, found in by_region.items()
        },
    }


def describe(values: Sequence[float]) -> dict:
    """Return n, mean, std (n - 1 in the denominator), median, min and max; None where the numbers do not give it.

    Scores that are not defined are left out, which n shows.
    """
    values = defined(values)
    if not values:
        return {"n": 0, "mean": None, "std": None, "median": None, "min": None, "max": None}
    return {
        "n": len(values),
        "mean": statistics.fmean(values),
        "std": statistics.stdev(values) if len(values) > 1 else None,
        "median": statistics.median(values),
        "min": min(values),
        "max": max(values),
    }


def _plot(run: Run, panels: list[Panel], *, path: Path, modality: str, state: dict) -> None:
    name = run_name(run.root)
    synthetic = bool(state.get("data", {}).get("synthetic", False))
    plot_overlays(choose_panels(panels), path, name=name, modality=modality, synthetic=synthetic)


def _print_table(rows: list[dict], summary: dict, plan: Plan) -> None:
    if not rows:
        console.print("There are no test cases: nothing was scored.")
        return
    patients = summary["patients"]
    several = f", of {patients} patient{'s' * (patients > 1)}" if patients < summary["cases"] else ""
    table = Table(title=f"test cases: {summary['cases']}{several}", title_justify="left")
    table.add_column("case", no_wrap=True)
    table.add_column("region")
    shown = [column for column in columns_of(plan) if column.short]
    for column in shown:
        table.add_column(column.short, justify="right")
    if len(rows) <= ROWS_SHOWN:
        for row in rows:
            table.add_row(row["case"], row["region"], *(f"{row[column.name]:.{column.digits}f}" for column in shown))
        table.add_section()
    for region, found in summary["regions"].items():
        for line in ("mean", "median", "std"):
            if found["dice"][line] is not None:
                table.add_row(line, region, *(_cell(found.get(column.name), line, column) for column in shown))
    print_table(table)
    lesions = f"; lesions: lesion-wise Dice as {summary['challenge']}" if summary["challenge"] else ""
    console.print(f"HD95 in mm, {summary['definitions']['hd95_mm']}{lesions}", markup=False, soft_wrap=True)
    if patients < FEW_PATIENTS:
        number = f"{patients} test patient{'s' * (patients > 1)}"
        console.print(f"{number} cannot say which network is better; crossval tests every patient", soft_wrap=True)
    for case_id, reason in summary["failed"].items():
        console.print(f"left out {case_id}: {reason}", style="yellow", soft_wrap=True)


def _cell(described: dict | None, line: str, column: Column) -> str:
    """Return one statistic of a score; nothing of a volume, which has none."""
    return "" if described is None else f"{described[line]:.{column.digits}f}"
