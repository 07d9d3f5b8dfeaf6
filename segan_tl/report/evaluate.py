"""The test of a finished run: its best checkpoint segments the test cases; scores, a table and pictures."""

import csv
import io
import statistics
import time
from collections.abc import Callable, Sequence
from importlib.metadata import version

import keras
import numpy as np
from rich.table import Table

from segan_tl.config import Config
from segan_tl.console import console
from segan_tl.data.cases import Case, LoadedCase, load_case
from segan_tl.data.images import write_volume
from segan_tl.errors import UserError
from segan_tl.metrics import Counts, counts
from segan_tl.predict.labels import label_scheme, paint_labels
from segan_tl.predict.postprocess import binarise
from segan_tl.predict.segment import load_segmentor, segment_case
from segan_tl.regions import region_masks
from segan_tl.report.figures import Panel, choose_panels, cut_panel, plot_overlays
from segan_tl.report.terminal import case_progress, print_table
from segan_tl.runs import Run, read_json, write_json, write_text

SCORES = ("dice", "precision", "sensitivity")
COLUMNS = ("case", "region", *SCORES, "truth_ml", "prediction_ml", "seconds")
ROWS_SHOWN = 24


def evaluate_run(
    run: Run, *, cases: Sequence[Case], config: Config, progress: Callable[[str], None] | None = None
) -> dict:
    """Segment and score the test cases, one in memory at a time; write metrics.csv, summary.json and the pictures.

    Args:
        run: a run with a best checkpoint; it is verified before it is loaded.
        cases: cases with a label map. One that cannot be read is left out and named in summary.json.
        progress: called with one line a case; a bar of our own where None.

    Returns:
        What summary.json says.

    Raises:
        UserError: the checkpoint is absent or damaged, or no case could be read.
    """
    segmentor, digest = load_segmentor(run, config)
    if progress is None:
        with case_progress("segmenting test cases", total=len(cases)) as advance:
            rows, panels, failed = _score_cases(run, segmentor, cases, config=config, advance=advance)
    else:
        rows, panels, failed = _score_cases(run, segmentor, cases, config=config, advance=progress)
    if cases and not rows:
        raise UserError(f"none of the {len(cases)} test cases could be read; the first: {next(iter(failed.values()))}")
    _write_metrics(run, rows)
    state = read_json(run.state) if run.state.is_file() else {}
    summary = _summarise(rows, config) | {
        "failed": failed,
        "segmentor_sha256": digest,
        "predict": config.predict.model_dump(mode="json"),
        "run": state,
        "versions": {name: version(name) for name in ("segan_tl", "tensorflow", "keras", "numpy")},
    }
    if panels:
        synthetic = bool(state.get("data", {}).get("synthetic", False))
        shown = config.data.modalities[0]
        plot_overlays(choose_panels(panels), run.overlays, name=_run_name(run), modality=shown, synthetic=synthetic)
    # Last: a run without summary.json is evaluated again.
    write_json(run.summary, summary)
    _print_table(rows, summary)
    return summary


def score_regions(truth: np.ndarray, prediction: np.ndarray, regions: Sequence[str]) -> dict[str, Counts]:
    """Compare two stacks of region masks (H, W, D, R); return region → counts."""
    return {region: counts(truth[..., i], prediction[..., i]) for i, region in enumerate(regions)}


def _score_cases(
    run: Run, segmentor: keras.Model, cases: Sequence[Case], *, config: Config, advance: Callable[[str], None]
) -> tuple[list[dict], list[Panel], dict[str, str]]:
    rows, panels, failed = [], [], {}
    for case in cases:
        started = time.monotonic()
        try:
            loaded = load_case(case, config.data.modalities)
            if loaded.labels is None:
                raise UserError(f"case {case.id} has no label map to score against; add it")
        except UserError as error:
            failed[case.id] = str(error)
            advance(f"{case.id}  left out: {error}")
            continue
        found, panel = _score_case(run, segmentor, case, loaded=loaded, config=config)
        for row in found:
            row["seconds"] = round(time.monotonic() - started, 3)
        rows += found
        panels.append(panel)
        advance(f"{case.id}  " + "  ".join(f"{row['region']} Dice {row['dice']:.3f}" for row in found))
    return rows, panels, failed


def _score_case(
    run: Run, segmentor: keras.Model, case: Case, *, loaded: LoadedCase, config: Config
) -> tuple[list[dict], Panel]:
    regions = config.data.regions
    prediction = binarise(segment_case(segmentor, loaded.image, config), config.predict)
    labels = paint_labels(prediction, regions, label_scheme(regions, case.convention))
    write_volume(run.predictions / f"{case.id}.nii.gz", labels, loaded.geometry)
    truth = region_masks(loaded.labels, regions)
    voxel_ml = loaded.geometry.voxel_volume_mm3 / 1000
    rows = [
        {"case": case.id, "region": region}
        | {name: getattr(found, name) for name in SCORES}
        | {"truth_ml": found.truth_voxels * voxel_ml, "prediction_ml": found.prediction_voxels * voxel_ml}
        for region, found in score_regions(truth, prediction, regions).items()
    ]
    scores = {row["region"]: row["dice"] for row in rows}
    panel = cut_panel(
        case.id, loaded.image[..., 0], truth, prediction=prediction, scores=scores, spacing_mm=loaded.spacing_mm
    )
    return rows, panel


def _write_metrics(run: Run, rows: list[dict]) -> None:
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({key: f"{value:.6g}" if isinstance(value, float) else value for key, value in row.items()})
    write_text(run.metrics, text.getvalue())


def _summarise(rows: list[dict], config: Config) -> dict:
    by_region = {region: [row for row in rows if row["region"] == region] for region in config.data.regions}
    seconds = [row["seconds"] for row in by_region[config.data.regions[0]]]
    return {
        "cases": len(seconds),
        "seconds_per_case": statistics.fmean(seconds) if seconds else None,
        "regions": {
            region: {"truth_is_empty": sum(row["truth_ml"] == 0 for row in found)}
            | {score: describe([row[score] for row in found]) for score in SCORES}
            for region, found in by_region.items()
        },
    }


def describe(values: Sequence[float]) -> dict:
    """Return n, mean, std (n - 1 in the denominator), median, min and max; None where the numbers do not give it."""
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


def _run_name(run: Run) -> str:
    return "/".join(run.root.resolve().parts[-2:])


def _print_table(rows: list[dict], summary: dict) -> None:
    if not rows:
        console.print("There are no test cases: nothing was scored.")
        return
    table = Table(title=f"test cases: {summary['cases']}", title_justify="left")
    table.add_column("case", no_wrap=True)
    table.add_column("region")
    for heading in ("Dice", "prec.", "sens.", "truth ml", "found ml"):
        table.add_column(heading, justify="right")
    if len(rows) <= ROWS_SHOWN:
        for row in rows:
            volumes = (f"{row[name]:.1f}" for name in ("truth_ml", "prediction_ml"))
            table.add_row(row["case"], row["region"], *(f"{row[score]:.3f}" for score in SCORES), *volumes)
        table.add_section()
    for region, scores in summary["regions"].items():
        for name in ("mean", "median"):
            table.add_row(name, region, *(f"{scores[score][name]:.3f}" for score in SCORES), "", "")
        if scores["dice"]["std"] is not None:
            table.add_row("std", region, *(f"{scores[score]['std']:.3f}" for score in SCORES), "", "")
    print_table(table)
    for case_id, reason in summary["failed"].items():
        console.print(f"[yellow]left out {case_id}[/]: {reason}")
