"""What grows with the cohort, and how fast: time, memory, open files and disk of the commands that see every case.

Cohorts of any size are made of a few real or synthetic cases by hard links under new names, so that they take no room
but for the cache. Each step is a process of its own:

    check      python -m segan_tl check
    cold       find, check and prepare all cases, plan an epoch, make its first batch; nothing is cached
    warm       the same, with everything cached
    evaluate   python -m segan_tl evaluate: the mask of each case against that of the next
    compare    python -m segan_tl compare: these scores against those moved on by one case
    train      python -m segan_tl train: from the start to the scores of a test eighth, with three epochs of one step,
               the last validated; FLAIR. What each of its parts takes is said as well
    other      the same for T2, which matrix needs; nothing of T2 is prepared before
    crossval   python -m segan_tl crossval --prepare: what a fold's job waits for, everything cached
    report     python -m segan_tl report of that run
    matrix     python -m segan_tl matrix of the two runs, over the test eighth
    vote       python -m segan_tl predict --vote of two networks that come along, over all cases

    python benchmarks/cohort_growth.py --data BraTS2021 --cases 8 160 1251 --work DISK/growth
    python benchmarks/cohort_growth.py --data BraTS2021 --cases 8 160 --work DISK/growth --steps train other matrix

An exponent of 1 is time that grows as the cohort does; the start of Python, the same for any size, makes it smaller.
Processor seconds are those of all cores together: they say what a busy computer would have taken had it been quiet.
Links share their bytes: a few cases come from memory, so the reading of as many different files from a disk is not in
the numbers of check and cold. --work is to be on the disk of --data: copies, which are made elsewhere, are compared
byte for byte by check, as no cohort of as many patients is. What stands in --work is left there, 30 MB a case, and the
cache of an earlier call counts where cold is not asked for.
"""

import argparse
import csv
import math
import os
import re
import shutil
import sys
from pathlib import Path

from process_cost import Cost, measure, training_phases

STEPS = (
    "check", "cold", "warm", "evaluate", "compare", "train", "other", "crossval", "report", "matrix", "vote",
)  # fmt: skip
SHORT = (
    "data.split=[0.75,0.125,0.125]", "train.epochs=3", "train.validate_every=3", "train.steps_per_epoch=1",
    "train.batch_size=4", "train.averaging=0",
)  # fmt: skip
WHERE = {"train": "flair/cohort-flair", "other": "t2/cohort-t2"}  # the runs, in --runs
VOTERS = ("zoo:segan_flair", "zoo:segan_t2")


# === A cohort of any size ===


def link_cohort(data: Path, folder: Path, count: int) -> None:
    """Make a cohort of hard links; copies where the disks differ."""
    places = sorted(path for path in data.iterdir() if path.is_dir() and not path.name.startswith("."))
    for number in range(count):
        place = places[number % len(places)]
        name = re.sub(r"\d+$", "", place.name) + f"{number:05d}"
        (folder / name).mkdir(parents=True, exist_ok=True)
        for file in place.iterdir():
            _link(file, folder / name / file.name.replace(place.name, name))
    if (data / "cohort.json").is_file():
        shutil.copyfile(data / "cohort.json", folder / "cohort.json")


def link_predictions(cohort: Path, folder: Path) -> None:
    """Make a folder of masks in which every case has that of the next."""
    folder.mkdir(parents=True, exist_ok=True)
    masks = {place.name: next(place.glob("*seg.nii*")) for place in sorted(cohort.iterdir()) if place.is_dir()}
    names = list(masks)
    for name, other in zip(names, names[1:] + names[:1]):
        _link(masks[other], folder / f"{name}.nii.gz")


def _link(source: Path, target: Path) -> None:
    if target.exists():
        return
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def move_scores(scores: Path, moved: Path) -> None:
    """Write a table in which every case has the scores of the next, and its own truth."""
    with scores.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    regions = len({row["region"] for row in rows})
    others = rows[regions:] + rows[:regions]
    whose = [name for name in rows[0] if name in ("case", "patient", "region") or name.startswith("truth")]
    with moved.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        for row, other in zip(rows, others):
            writer.writerow(other | {name: row[name] for name in whose})


# === Measuring ===


def disk_mib(folder: Path) -> float:
    """Return what the files in a folder hold."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 2**20


def commands(arguments, place: Path) -> dict[str, list[str]]:
    """Return step → what is run for it."""
    program, cohort = [sys.executable, "-m", "segan_tl"], str(place / "cohort")
    start = [sys.executable, __file__, "--start", cohort, "--cache", str(place / "cache"), "--config", arguments.config]
    start += [word for change in arguments.set for word in ("--set", change)]
    labels = ["--prediction-labels", arguments.labels]
    scores, moved = str(place / "scores.csv"), str(place / "moved.csv")
    kept, voted = ["--runs", str(place / "runs")], str(place / "voted")
    train = ["train", "--config", arguments.config, "--data", cohort, "--cache", str(place / "cache"), *kept]
    train += [word for change in [*SHORT, *arguments.set] for word in ("--set", change)]
    flair, other = WHERE.values()
    return {
        "check": [*program, "check", cohort, "--modality", *arguments.modality],
        "cold": start,
        "warm": start,
        "evaluate": [*program, "evaluate", str(place / "masks"), cohort, "--out", scores, "--overwrite", *labels],
        "compare": [*program, "compare", scores, moved, "--out", str(place / "compared.csv")],
        "train": [*program, *train, "--modality", "flair", "--set", "name=flair", "--no-report", "--overwrite"],
        "other": [*program, *train, "--modality", "t2", "--set", "name=t2", "--no-report", "--overwrite"],
        "crossval": [*program, "crossval", "--prepare", "--", *train, "--modality", "flair", "--set", "name=folds"],
        "report": [*program, "report", flair, *kept],
        "matrix": [*program, "matrix", flair, other, *kept],
        "vote": [*program, "predict", *VOTERS, cohort, voted, "--vote", "majority", "--overwrite"],
    }


def measure_all(arguments, count: int) -> tuple[dict[str, Cost], float]:
    """Make a cohort of so many cases; return step → what it took, and the MiB of the cache. Say it all at once, too."""
    place = arguments.work / f"{count}"
    link_cohort(arguments.data, place / "cohort", count)
    link_predictions(place / "cohort", place / "masks")
    if "cold" in arguments.steps:
        shutil.rmtree(place / "cache", ignore_errors=True)
    costs = {}
    for step, command in commands(arguments, place).items():
        if step not in arguments.steps:
            continue
        if step == "compare":
            move_scores(place / "scores.csv", place / "moved.csv")
        cost = costs[step] = measure(command, log=place / f"{step}.log")
        took = f"{cost.seconds:.1f} s, of processors {cost.processor_seconds:.1f}, {cost.peak_mib:.0f} MiB"
        print(f"{count} cases  {step}  {took}, {cost.descriptors} open files", flush=True)
        if step in WHERE:
            phases = training_phases(place / "runs" / WHERE[step], cost)
            told = (f"{name} {clock:.1f} ({processor:.1f})" for name, (clock, processor) in phases.items())
            print("  " + ", ".join(told), flush=True)
    return costs, disk_mib(place / "cache")


def start(arguments) -> None:
    """Do what a training does before its first step."""
    from segan_tl.config.load import load_config
    from segan_tl.console import start_tensorflow
    from segan_tl.workflow.arguments import preparation_jobs

    start_tensorflow()
    from segan_tl.data.batches import make_patches
    from segan_tl.data.cache import prepare_cases
    from segan_tl.data.find.cases import find_cases
    from segan_tl.data.sample import plan_patches

    config = load_config(arguments.config, arguments.set)
    cases = find_cases(arguments.start).cases
    cached, problems = prepare_cases(cases, arguments.cache, config=config.data, jobs=preparation_jobs())
    if problems:
        raise SystemExit(f"{problems[0].case_id}: {problems[0].reason}")
    next(iter(make_patches(cached, plan_patches(cached, config, epoch=0), config)))


# === The table ===


def exponent(few: int, many: int, *, before: float, after: float) -> float:
    """Return k where what took `before` for few cases takes `after` for many: (many / few) to the power of k."""
    return math.log(after / before) / math.log(many / few)


def print_table(found: dict[int, tuple[dict[str, Cost], float]]) -> None:
    """Print a row a step and size, and how its time, of the clock and of processors, grows from the smallest cohort."""
    sizes = sorted(found)
    heads = ("step", "cases", "seconds", "of processors", "peak MiB", "open files", "exponent", "of processors")
    print(f"\n| {' | '.join(heads)} |\n|{'---|' * len(heads)}")
    for step, before in found[sizes[0]][0].items():
        for size in sizes:
            cost, powers = found[size][0][step], ("", "")
            times, least = (cost.seconds, cost.processor_seconds), (before.seconds, before.processor_seconds)
            if size == sizes[-1] > sizes[0]:
                powers = (f"{exponent(sizes[0], size, before=few, after=many):.2f}" for few, many in zip(least, times))
            numbers = (*(f"{value:.1f}" for value in times), f"{cost.peak_mib:.0f}", str(cost.descriptors), *powers)
            print(f"| {' | '.join((step, str(size), *numbers))} |")
    print("\n" + "; ".join(f"cache of {size} cases: {found[size][1]:,.0f} MiB" for size in sizes))


def main() -> None:
    """Measure every size and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="a folder of cases, such as BraTS2021")
    parser.add_argument("--cases", type=int, nargs="+", default=[8, 160, 1251], help="sizes of the cohort")
    parser.add_argument("--work", type=Path, default=Path("growth"), help="where cohorts and caches are made")
    parser.add_argument("--config", default="segan_cpu", help="of the training that would start")
    parser.add_argument("--set", action="append", default=[], help="change one value of the config")
    parser.add_argument("--modality", nargs="+", default=["all"], help="what check reads")
    parser.add_argument("--labels", default="brats2017", help="what the numbers of the masks mean")
    parser.add_argument("--steps", nargs="+", choices=STEPS, default=STEPS, help="which of them (all)")
    parser.add_argument("--start", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--cache", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.start:
        start(arguments)
        return
    if arguments.data is None:
        parser.error("--data DIR: a folder of cases")
    print_table({count: measure_all(arguments, count) for count in sorted(arguments.cases)})


if __name__ == "__main__":
    main()
