"""`python -m segan_tl tune-postprocess`: thresholds of post-processing, and what they are worth on other cases."""

import argparse
import re
import shlex
import time
from pathlib import Path

from segan_tl.console import case_progress, console, print_table
from segan_tl.errors import UserError, some
from segan_tl.metrics.challenges import find_challenge
from segan_tl.workflow.patients import add_patients_argument, count_patients

FILE = "postprocess.json"
MOST_PLACES = 2_000_000
EPILOG = """examples:
  python -m segan_tl tune-postprocess nnunet/BraTS2023                 a cross-validation: the test cases of its folds
  python -m segan_tl tune-postprocess --predictions OUT --truth BraTS2023 --prediction-labels brats2023 --out post.json
  python -m segan_tl tune-postprocess nnunet/BraTS2023 --clusters clusters.csv --sizes 0:475:25 --ratios 0,0.04
  python -m segan_tl tune-postprocess nnunet/BraTS2023 --challenge brats2026-gli --sizes 0,50,200 --ratios 0,0.04
  python -m segan_tl predict nnunet/BraTS2023/fold0 PATIENTS OUT --postprocess runs/nnunet/BraTS2023/postprocess.json

Of NCR, ED and ET the 26-connected components of fewer voxels than a size become background; then, where ET / WT is
below a ratio, ET becomes NCR. Every combination is scored, each distinct outcome of a case once; of equal ones the
smallest thresholds count. Thresholds for a fold are chosen on the other folds: the gain that is printed, with its
interval over patients, is of cases that have not chosen. The file holds those that all folds choose. --masks writes
what these honest thresholds leave of every mask, in the numbers of BraTS 2023, for evaluate to score in any other way.

Scores are those of metrics.csv. Distances between surfaces, and everything by the rules of 2026, take a look at the
volume for each outcome: name few sizes. What these leave undefined, nothing found of nothing, counts 1, as the best.
Clusters are a table case,cluster, or groups.json of radiomics --clusters. DIR may hold fold0/predictions,
fold1/predictions, …; without these, and without --folds, folders are divided into five folds of patients."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the command."""
    parser.description = "Choose sizes and a ratio below which parts of a predicted tumour are removed."
    parser.epilog = EPILOG
    parser.add_argument("crossval", nargs="?", metavar="CROSSVAL", help="folder of folds, or its name below --runs")
    parser.add_argument("--predictions", type=Path, metavar="DIR", help="masks of any program, instead of CROSSVAL")
    parser.add_argument("--truth", type=Path, metavar="DIR", help="their truth (of CROSSVAL: where it was trained)")
    parser.add_argument("--folds", type=Path, metavar="FILE", help="folds.json for --predictions (drawn)")
    parser.add_argument("--clusters", type=Path, metavar="FILE", help="table case,cluster or groups.json: for each too")
    parser.add_argument(
        "--sizes", type=_sizes, default="0:475:25", metavar="LIST", help="voxels, FROM:TO:STEP or a list (%(default)s)"
    )
    parser.add_argument(
        "--ratios", type=_ratios, default="0:0.95:0.05", metavar="LIST", help="of ET / WT, likewise (%(default)s)"
    )
    parser.add_argument(
        "--objective", metavar="SCORE", help="its mean over ET, TC and WT is tuned (lesion_dice; of 2026 lesion_f1)"
    )
    parser.add_argument(
        "--challenge", default="brats2023-gli", metavar="NAME", help="rules for lesions, as of evaluate (%(default)s)"
    )
    parser.add_argument("--prediction-labels", metavar="CONVENTION", help="what the numbers of the predictions mean")
    parser.add_argument("--truth-labels", metavar="CONVENTION", help="what the numbers of the truths mean")
    add_patients_argument(parser, of="the truth")
    parser.add_argument("--allow-missing", action="store_true", help="leave out what has no prediction or no truth")
    parser.add_argument("--out", type=Path, metavar="FILE.json", help=f"and a .csv beside it (CROSSVAL/{FILE})")
    parser.add_argument(
        "--masks", type=Path, metavar="DIR", help="also write each mask as the thresholds of the other folds leave it"
    )
    parser.add_argument("--runs", type=Path, default=Path("runs"), metavar="DIR", help="where runs are kept (runs)")


def run(arguments: argparse.Namespace) -> int:
    """Find the pairs, score every outcome, search, write and print."""
    from segan_tl.report.compare.outcomes import Grid, objective_of
    from segan_tl.report.compare.held_out_masks import require_own_folder, write_held_out
    from segan_tl.report.compare.tune import tune
    from segan_tl.report.compare.tune_report import describe, require_ours, table_path, write

    # === Everything that can be refused is refused before work begins ===
    _check(arguments)
    grid = Grid(arguments.sizes, arguments.ratios)
    objective = objective_of(arguments.objective, challenge=find_challenge(arguments.challenge).name)
    tuning, out = _find(arguments)
    clusters = _clusters(arguments, tuning)
    require_ours(out)
    if arguments.masks:
        require_own_folder(arguments.masks, tuning.predictions)
    replaced = out.exists()
    for remark in (*tuning.remarks, *_without_cluster(arguments.clusters, clusters, tuning)):
        console.print(remark, soft_wrap=True)

    started = time.monotonic()
    cases, volumes_mm3 = _score(tuning, clusters, grid, objective)
    tuned = tune(cases, grid, better=objective.column.better)
    seconds = time.monotonic() - started
    patients = tuning.patients
    about = tuning.about | {"cases": len(cases), "patients": len(set(patients.values())), "voxel_mm3": volumes_mm3}
    about |= _digest(arguments.clusters) | {"command": arguments.command_line}
    if arguments.masks:
        write_held_out(arguments.masks, tuned, tuning.predictions)
    write(out, describe(tuned, grid, objective, about), tuned)
    _print(tuned, grid, objective, synthetic=tuning.about.get("synthetic", False))
    done = f"tuned on {len(cases)} cases{count_patients(patients)} in {seconds:.1f} s"
    console.print(f"{done}: {'replaced ' * replaced}{out} and {table_path(out)}", soft_wrap=True)
    then = f"predict RUN PATIENTS OUT --postprocess {shlex.quote(str(out))}"
    console.print(f"next: python -m segan_tl {then}", soft_wrap=True)
    return 0


def _check(arguments) -> None:
    from segan_tl.regions import region_values

    if bool(arguments.crossval) == bool(arguments.predictions):
        found = "both" if arguments.crossval else "none"
        expected = "the folder of a cross-validation, or --predictions and --truth"
        raise UserError(f"expected {expected}; found {found}; give one of them")
    if arguments.predictions and not arguments.truth:
        raise UserError("--predictions needs the truth beside it; add --truth DIR")
    if arguments.predictions and not arguments.out:
        raise UserError("--predictions needs to know where the thresholds go; add --out postprocess.json")
    if arguments.crossval and arguments.folds:
        raise UserError("a cross-validation has its own folds; leave --folds out")
    if (places := len(arguments.sizes) ** 3 * len(arguments.ratios)) > MOST_PLACES:
        raise UserError(f"expected at most {MOST_PLACES} combinations; found {places}; give fewer --sizes or --ratios")
    for stated in (arguments.truth_labels, arguments.prediction_labels):
        if stated is not None:
            region_values(stated)


def _find(arguments):
    """Return the pairs and where the thresholds go."""
    from segan_tl.report.compare.crossval import find_crossval
    from segan_tl.workflow.postprocess_cases import of_crossval, of_folders

    if arguments.predictions:
        return of_folders(arguments), arguments.out
    tuning = of_crossval(arguments.crossval, arguments)
    return tuning, arguments.out or find_crossval(arguments.crossval, runs=arguments.runs) / FILE


def _clusters(arguments, tuning) -> dict[str, str]:
    from segan_tl.workflow.postprocess_cases import read_clusters

    return read_clusters(arguments.clusters, tuning.predictions) if arguments.clusters else {}


def _without_cluster(path: Path | None, clusters: dict[str, str], tuning) -> list[str]:
    """Say which cases have no cluster, where others have one."""
    missing = [case_id for case_id in tuning.predictions if case_id not in clusters] if path else []
    return [f"no cluster in {path}, so the thresholds of all cases: {some(missing)}"] * bool(missing)


def _digest(path: Path | None) -> dict[str, str]:
    """Return what tells `predict` later that its clusters are those of the groups.json that was given."""
    from segan_tl.disk.manifest import sha256

    return {"groups_sha256": sha256(path)} if path and path.suffix == ".json" else {}


def _score(tuning, clusters: dict[str, str], grid, objective) -> tuple[list, list[float]]:
    """Score the outcomes of every case, one in memory at a time; return them, and the smallest and largest voxel."""
    from segan_tl.report.compare.outcomes import score_outcomes
    from segan_tl.report.compare.labelled import read_labelled

    cases, volumes_mm3 = [], []
    with case_progress("scoring outcomes", total=len(tuning.predictions)) as advance:
        for case_id, prediction in tuning.predictions.items():
            labelled = read_labelled(
                tuning.truths[case_id], prediction, fold=tuning.folds[case_id], cluster=clusters.get(case_id)
            )
            cases.append(score_outcomes(labelled, grid, objective))
            volumes_mm3.append(labelled.voxel_mm3)
            advance(f"{case_id}  {cases[-1].outcomes} outcomes")
    return cases, [min(volumes_mm3), max(volumes_mm3)]


def _print(tuned, grid, objective, *, synthetic: bool) -> None:
    from segan_tl.report.compare.tune_report import gain_lines, remarks, threshold_table

    print_table(threshold_table(tuned))
    for line in (*gain_lines(tuned, objective), *remarks(tuned, grid)):
        console.print(line, soft_wrap=True)
    if synthetic:
        console.print("note: these patients are SYNTHETIC; thresholds for real ones are others", soft_wrap=True)


# === Lists of numbers ===


def _sizes(text: str) -> tuple[int, ...]:
    found = _numbers(text)
    if not all(one == int(one) and 0 <= one <= 10**9 for one in found):
        raise argparse.ArgumentTypeError(f"expected whole numbers of voxels such as 0:475:25 or 0,50,100, got {text}")
    return tuple(sorted({0, *map(int, found)}))  # 0, which removes nothing, is always among them


def _ratios(text: str) -> tuple[float, ...]:
    found = _numbers(text)
    if not all(0 <= one <= 1 for one in found):
        raise argparse.ArgumentTypeError(f"expected shares from 0 to 1 such as 0:0.95:0.05 or 0,0.04, got {text}")
    return tuple(sorted({0.0, *found}))


def _numbers(text: str) -> list[float]:
    """Return the numbers of a list such as 0,50,100, or of FROM:TO:STEP, with its end."""
    number = r"\d{1,9}(?:\.\d{1,9})?"
    if match := re.fullmatch(rf"({number}):({number}):({number})", text):
        start, end, step = map(float, match.groups())
        count = int((end - start) / step + 1e-9) + 1 if step else 0
        if 0 < count <= MOST_PLACES:
            return [round(start + i * step, 9) for i in range(count)]
    elif re.fullmatch(rf"{number}(,{number})*", text):
        return [float(one) for one in text.split(",")]
    raise argparse.ArgumentTypeError(f"expected numbers with commas between, or FROM:TO:STEP, got {text}")
