"""What moves Dice when few patients train: one change of the configuration at a time, on patients that choose nothing.

    python benchmarks/few_cases.py --data PATIENTS --folds a.json b.json --set train.epochs=10 --out results

Each fold is a file like a run's splits.json (train, validation, test). Every variant is trained on every fold with the
same seed; the table has the mean Dice of the folds' test patients, of their validation patients at the end, and how
much the latter moved over the last five epochs. Divide so that no test patient of what you want to report is in a fold.
"""

import argparse
import csv
import json
from pathlib import Path
from statistics import fmean, stdev

WEAKER = ["augment.gamma_inverted=0", "augment.contrast=0", "augment.noise=0", "augment.gamma_exponent=[0.77,1.3]",
          "augment.brightness_factor=[0.8,1.2]", "augment.gamma_keeps_statistics=false"]  # fmt: skip
PERCENTILES = "data.normalise=percentiles"
FINE = ["data.spacing_mm=1", "data.crop=[192,192,144]", "data.patch=[1,160,160]"]
VARIANTS = {
    "segan_cpu": [],
    "weaker changes of intensity": WEAKER,
    "weaker changes of intensity, percentiles of the crop": [PERCENTILES, *WEAKER],
    "percentiles of the crop": [PERCENTILES],
    "critic as good as off": ["critic.weight=1e-6"],
    "cross-entropy beside Dice": ["train.loss=dice_bce"],
    "a third of the learning rate": ["train.learning_rate=3e-4"],
    "twice the widths": ["model.filters=[32,64,128,256]", "critic.filters=[32,64,128]"],
    "twice the epochs": ["train.epochs=20"],
    "voxels of 1 mm": FINE,
    "flips averaged": ["predict.mirror=true"],
    "threshold 0.3": ["predict.threshold=0.3"],
}
COLUMNS = ("variant", "fold", "test_dice", "validation_dice", "validation_swing", "minutes")


def main():
    """Train what is not there yet; print and write what is."""
    from segan_tl.runs import Run
    from segan_tl.workflow.jobs import run_jobs
    from segan_tl.workflow.trainings import is_trained, training

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--folds", type=Path, nargs="+", required=True, metavar="SPLIT.json")
    parser.add_argument("--modality", default="flair")
    parser.add_argument("--config", default="segan_cpu")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="of every variant")
    parser.add_argument("--variants", nargs="*", default=list(VARIANTS), choices=list(VARIANTS), metavar="NAME")
    parser.add_argument("--at-once", type=int, default=1)
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    parser.add_argument("--cache", type=Path, default=Path("cache"))
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    leaf, jobs = f"{arguments.data.resolve().name}-{arguments.modality}", {}
    for name in arguments.variants:
        for fold in arguments.folds:
            run = Run(arguments.runs / f"few-{list(VARIANTS).index(name)}-{fold.stem}" / leaf)
            words = ("train", "--config", arguments.config, "--modality", arguments.modality, "--split", str(fold))
            jobs[name, fold.stem] = run, training(
                run, words, runs=arguments.runs, cache=arguments.cache, data=arguments.data,
                settings=(*arguments.set, *VARIANTS[name]),
            )  # fmt: skip
    runs = {job.name: run for run, job in jobs.values()}
    run_jobs(
        [job for _, job in jobs.values()], logs=arguments.out / "logs", at_once=arguments.at_once,
        is_done=lambda job: is_trained(job, runs[job.name], config=arguments.config), describe=lambda job: "",
    )  # fmt: skip
    rows = [dict(zip(COLUMNS, (*key, *measure(run)))) for key, (run, _) in jobs.items() if run.summary.is_file()]
    with (arguments.out / "few_cases.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)
    report(rows)


def measure(run):
    """Return test Dice, validation Dice at the end and its deviation over the last five epochs, and the minutes."""
    history = list(csv.DictReader(run.history.open()))
    validation = [float(row["dice"]) for row in history if row["dice"]]
    cases = [float(row["dice"]) for row in csv.DictReader(run.metrics.open())]
    last = validation[-5:]
    minutes = sum(float(row["seconds"]) for row in history) / 60
    assert len(cases) == len(json.loads(run.splits.read_text())["test"])
    return fmean(cases), last[-1], stdev(last) if len(last) > 1 else 0.0, minutes


def report(rows):
    """Print the means over folds as Markdown."""
    print("| change | test Dice | beside segan_cpu | validation Dice at the end | it moves by | minutes |")
    print("|---|---|---|---|---|---|")
    means = {}
    for name in dict.fromkeys(row["variant"] for row in rows):
        found = [row for row in rows if row["variant"] == name]
        means[name] = [fmean(row[column] for row in found) for column in COLUMNS[2:]]
    base = means.get("segan_cpu", [float("nan")])[0]
    for name, (test, end, swing, minutes) in means.items():
        print(f"| {name} | {test:.3f} | {test - base:+.3f} | {end:.3f} | {swing:.3f} | {minutes:.1f} |")


if __name__ == "__main__":
    main()
