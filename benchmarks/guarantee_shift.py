"""What a guarantee and a calibration are worth on other patients, and what a few labelled ones of them mend.

    python benchmarks/guarantee_shift.py --run zoo:segan_flair --work shift --patients 48 36
    python benchmarks/guarantee_shift.py --run zoo:segan_flair --work shift --first glioma-3t/plain --patients 40 36

Two synthetic cohorts, of other people than those of the training: by default 3 T and 1.5 T, both of the hard variety.
Every patient is segmented once; then both cohorts are divided by chance, 1000 times: 30 patients of the first
calibrate, and what was promised is held against the other ones of the first and of the second, before and after it is
made anew. The scores stay in WORK, so that another call divides them without segmenting again.
"""

import argparse
from pathlib import Path

import numpy as np

from segan_tl.metrics.calibration import Reliability, fit_temperature
from segan_tl.metrics.conformal import differences, reach, risk_bound, safest
from segan_tl.schemas.trust import KINDS

SEEDS = {"glioma-3t": 7, "glioma-1.5t": 8}  # of the cohorts: the networks that come along have 2020
SHAPE = (120, 120, 77)
CALIBRATING, FEW, WEIGHT = 30, (3, 5, 9, 15), 10.0
TIMES = 1000


def main() -> None:
    """Simulate, segment, divide, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", default="zoo:segan_flair", help="a run of one region")
    parser.add_argument("--work", type=Path, default=Path("shift"), metavar="WORK")
    parser.add_argument("--first", default="glioma-3t/hard", metavar="COHORT/VARIETY", help="calibrates")
    parser.add_argument("--second", default="glioma-1.5t/hard", metavar="COHORT/VARIETY")
    parser.add_argument("--patients", type=int, nargs=2, default=(48, 36), metavar=("N", "M"), help="of each")
    parser.add_argument("--alpha", type=float, default=0.1)
    arguments = parser.parse_args()
    source, target = map(scores_of, [arguments] * 2, (arguments.first, arguments.second), arguments.patients)
    print_promises(source, target, arguments.alpha)
    print_alarms(source, target)
    print_calibration(source, target)


def scores_of(arguments, cohort: str, cases: int) -> dict[str, np.ndarray]:
    """Return the scores of a cohort; those of an earlier call where they are there."""
    file = arguments.work / f"{cohort.replace('/', '-')}.npz"
    if not file.is_file():
        found = score(arguments, *cohort.split("/"), cases)
        np.savez_compressed(file, **found)
    with np.load(file) as held:
        return dict(held)


def score(arguments, cohort: str, variety: str, cases: int) -> dict[str, np.ndarray]:
    """Return losses (N, G), errors (N,) and voxels of the brain (N, V) of the patients of a cohort."""
    from segan_tl.console import start_tensorflow
    from segan_tl.data.find.cases import find_cases
    from segan_tl.data.phantom import write_cohort

    folder = arguments.work / f"{cohort}-{variety}"
    if not (folder / "cohort.json").is_file():
        write_cohort(folder, cohort, cases=cases, shape=SHAPE, seed=SEEDS[cohort], variety=variety)
    start_tensorflow()
    from segan_tl.predict.members import open_member
    from segan_tl.predict.voters import load_members
    from segan_tl.report.score.calibration import brain_voxels
    from segan_tl.report.score.guarantee import score_case

    member = open_member(arguments.run)
    (network,), _ = load_members([member])
    (region,) = member.config.data.regions
    rows = []
    for number, case in enumerate(find_cases(folder).cases):
        scores = score_case(network, member, case)[region]
        voxels = brain_voxels(network, case, member.config, most=2**16, seed=number)
        rows.append((*scores, voxels.probability[:, 0], voxels.truth[:, 0], voxels.near[:, 0]))
        at_half = ", ".join(f"{kind} {getattr(scores, kind)[len(scores.missed) // 2]:.3f}" for kind in KINDS)
        print(f"{cohort}, {variety} {number + 1}/{cases}  {at_half}", flush=True)
    return dict(zip(("missed", "false", "error", "probability", "truth", "near"), map(np.array, zip(*rows))))


# === Promises ===


def print_promises(source: dict, target: dict, alpha: float) -> None:
    """Print what became of promises: made by the first cohort, by the second, and by both together."""
    ways = {"the first, held against the first": None, "the first, held against the second": (True, 0)}
    ways |= {f"{few} of the second": (False, few) for few in FEW}
    ways |= {f"{few} of the second, weight {WEIGHT:g}, beside the first": (True, few) for few in FEW}
    print(f"\nalpha {alpha:g}, {CALIBRATING} patients of the first, {TIMES} divisions; in brackets how often empty\n")
    print("| calibrated on | missed | then false | false | then missed | volumes covered | interval |")
    print("|---|---|---|---|---|---|---|")
    for name, way in ways.items():
        print(f"| {name} | {' | '.join(judge(source, target, way, alpha))} |")


def judge(source: dict, target: dict, way: tuple[bool, int] | None, alpha: float) -> list[str]:
    """Return the cells of a row: means over divisions, of the patients that did not calibrate.

    Args:
        way: whether patients of the first calibrate, and how many of the second; None to judge by the first.
    """
    draw = np.random.default_rng(0)
    found = {name: [] for name in ("missed", "missed, price", "false", "false, price", "covered", "factor")}
    for _ in range(TIMES):
        first, second = draw.permutation(len(source["error"])), draw.permutation(len(target["error"]))
        stay, few = (True, 0) if way is None else way
        own, new = first[: CALIBRATING * stay], second[:few]
        held, rest = (source, first[CALIBRATING:]) if way is None else (target, second[max(FEW) :])
        weights, next_one = [1.0] * len(own) + [WEIGHT if stay else 1.0] * few, WEIGHT if stay and few else 1.0
        for kind, other in zip(KINDS, reversed(KINDS)):
            losses = np.concatenate([source[kind][own], target[kind][new]])
            place = safest(risk_bound(losses, weights=weights, own=next_one), alpha, rising=kind == "missed")
            found[kind].append(np.nan if place is None else held[kind][rest, place].mean())
            found[f"{kind}, price"].append(np.nan if place is None else held[other][rest, place].mean())
        errors = np.abs(np.concatenate([source["error"][own], target["error"][new]]))
        farthest = reach(errors, alpha, weights=weights, own=next_one)
        found["covered"].append(np.mean(np.abs(held["error"][rest]) <= farthest) if np.isfinite(farthest) else np.nan)
        found["factor"].append(np.exp(farthest) if np.isfinite(farthest) else np.nan)
    return [say(np.array(values), factor=name == "factor") for name, values in found.items()]


def say(values: np.ndarray, *, factor: bool) -> str:
    """Return the mean of what is not empty, and how often it was."""
    empty = np.isnan(values).mean()
    values = np.asarray(values, float)
    text = "–" if empty == 1 else f"{'× ' * factor}{np.nanmedian(values) if factor else np.nanmean(values):.3f}"
    return f"{text} ({empty:.0%})" if 0 < empty < 1 else text


def print_alarms(source: dict, target: dict) -> None:
    """Print how often `--check` warns, of patients of either cohort."""
    draw, middle = np.random.default_rng(1), source["missed"].shape[1] // 2
    print("\n| patients that are checked | warned of the second | of the first, where nothing is wrong |")
    print("|---|---|---|")
    most = len(source["error"]) - CALIBRATING
    for few in (few for few in FEW if few <= most):
        alarms = {"second": 0, "first": 0}
        for _ in range(TIMES):
            first, second = draw.permutation(len(source["error"])), draw.permutation(len(target["error"]))
            own = kinds(source, first[:CALIBRATING], middle)
            for name, other in (("second", kinds(target, second[:few], middle)),
                                ("first", kinds(source, first[CALIBRATING : CALIBRATING + few], middle))):  # fmt: skip
                alarms[name] += min(differences(own, other).values()) < 0.05
        print(f"| {few} | {alarms['second'] / TIMES:.1%} | {alarms['first'] / TIMES:.1%} |")


def kinds(scores: dict, chosen: np.ndarray, middle: int) -> dict[str, np.ndarray]:
    """Return the scores that `--check` compares."""
    return {kind: scores[kind][chosen, middle] for kind in KINDS} | {"volume": scores["error"][chosen]}


# === Calibration ===


def print_calibration(source: dict, target: dict) -> None:
    """Print the calibration error of patients that fitted nothing, of both cohorts, before and after."""
    import functools

    from segan_tl.predict.temperature import Temperatures, logit

    def pairs(scores, chosen):
        """Return truth and logits of what was segmented."""
        some = [(scores["truth"][i], scores["probability"][i]) for i in chosen]
        return [(truth[found > 0], logit(found[found > 0])) for truth, found in some]

    @functools.cache
    def fitted(own: int, few: int) -> float:
        return fit_temperature(pairs(source, range(own)) + pairs(target, range(few)))

    own, most = CALIBRATING // 2, max(FEW)
    print("\n| temperature of | T | held against | ECE, brain | ECE, border | Brier, border |")
    print("|---|---|---|---|---|---|")
    rows = [("none", 1.0), (f"{own} of the first", fitted(own, 0))]
    rows += [(f"{few} of the second", fitted(0, few)) for few in FEW[:2]]
    for name, temperature in rows:
        for where, scores, first in (("the first", source, own), ("the second", target, most)):
            brain, border = Reliability(), Reliability()
            for truth, found, near in list(zip(*(scores[key] for key in ("truth", "probability", "near"))))[first:]:
                said = Temperatures((temperature,), False).calibrate(found[:, None])[:, 0]
                brain.add(truth, said)
                border.add(truth[near], said[near])
            scores_of = (brain.calibration_error, border.calibration_error, border.brier)
            print(f"| {name} | {temperature:.3f} | {where} | {' | '.join(f'{one:.4f}' for one in scores_of)} |")


if __name__ == "__main__":
    main()
