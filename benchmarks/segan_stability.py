"""Why adversarial training on a few cases swings, and what steadies it: one change at a time.

    python benchmarks/segan_stability.py --data BraTS2021 --unseen other_hospital_1 other_hospital_2 --out docs/results

Trains every variant on the same cases and seed, segments unseen patients every few steps, and writes a table, a CSV and
a plot of their mean Dice. "swing" is the mean absolute change between two measurements in the second half of training.
"""

import argparse
import csv
from pathlib import Path

import numpy as np

PUBLISHED = ["train.averaging=0", "data.foreground=0", "predict.smallest_component=0", "train.schedule=constant"]
PLAIN = [
    *PUBLISHED,
    "augment.flip=0",
    "augment.rotation_degrees=0",
    "augment.scale=0",
    "augment.gamma=0",
    "augment.brightness=0",
]
FASTER = "train.learning_rate=2e-4"
VARIANTS = {
    "published values, literal BatchNorm 0.1": [*PLAIN, "train.learning_rate=2e-5", "model.norm_momentum=0.1"],
    "published values, BatchNorm 0.9": [*PLAIN, "train.learning_rate=2e-5", "model.norm_momentum=0.9"],
    "faster: rate 2e-4": [*PLAIN, FASTER],
    "faster, no weight clipping": [*PLAIN, FASTER, "critic.clip=1000"],
    "faster, averaged weights": [*PLAIN, FASTER, "train.averaging=0.99"],
    "+ augmentation": [*PUBLISHED, FASTER, "train.averaging=0.99"],
    "+ half the slices with tumour, falling rate": ["predict.smallest_component=0"],
    "+ large components only": ["predict.smallest_component=0.5"],
}


def main():
    """Train the variants one after the other; what is in the CSV already is not trained again."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="cohort to train on")
    parser.add_argument("--unseen", type=Path, nargs="*", default=[], help="cohorts to judge on, beside --hold-out")
    parser.add_argument(
        "--hold-out", type=int, default=2, help="cases of --data that are judged on, not trained on (2)"
    )
    parser.add_argument("--config", default="segan_cpu")
    parser.add_argument("--set", action="append", default=[], help="change the configuration of every variant")
    parser.add_argument("--measurements", type=int, default=15)
    parser.add_argument("--steps", type=int, default=40, help="steps between two measurements (40)")
    parser.add_argument("--variants", nargs="*", default=list(VARIANTS))
    parser.add_argument("--cache", type=Path, default=Path("cache"))
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    table = arguments.out / "stability.csv"
    rows = list(csv.DictReader(table.open())) if table.is_file() else []
    for name in arguments.variants:
        if name not in {row["variant"] for row in rows}:
            rows += measure(name, VARIANTS[name], arguments)
            save(rows, table)
    plot(rows, arguments.out / "stability.png")
    report(rows)


def measure(name, overrides, arguments):
    """Train one variant; return a row per measurement."""
    import keras
    import tensorflow as tf

    from segan_tl.config.load import load_config
    from segan_tl.data.batches import make_patches
    from segan_tl.data.cache import prepare_cases
    from segan_tl.data.find.cases import find_cases
    from segan_tl.data.sample import plan_patches
    from segan_tl.metrics.overlap import dice
    from segan_tl.predict.postprocess import binarise
    from segan_tl.predict.segment import segment_slices
    from segan_tl.train.recipes import build_judge, build_training

    changes = [f"train.epochs={arguments.measurements}", f"train.steps_per_epoch={arguments.steps}"]
    config = load_config(arguments.config, [*changes, *arguments.set, *overrides])
    cases, problems = prepare_cases(find_cases(arguments.data).cases, arguments.cache, config=config.data)
    unseen = cases[: arguments.hold_out]
    for folder in arguments.unseen:
        found, more = prepare_cases(find_cases(folder).cases, arguments.cache, config=config.data)
        unseen, problems = unseen + found, problems + more
    assert not problems, problems
    training = cases[arguments.hold_out :]

    keras.utils.set_random_seed(config.seed)
    keras.config.set_dtype_policy(config.train.precision)
    judge = build_judge(config)
    game = build_training(config, replicas=1, steps=arguments.steps)
    step = tf.function(game.step)
    rows = []
    for epoch in range(arguments.measurements):
        plan = plan_patches(training, config, epoch=epoch)
        for batch in make_patches(training, plan, config):
            step(batch)
        for variable, weight in zip(judge.weights, game.best_weights(), strict=True):
            variable.assign(weight)
        scores = []
        for case in unseen:
            probability = segment_slices(judge, case.whole()[0], batch_size=config.predict.batch_size)
            scores.append(dice(case.whole()[1][..., 0], binarise(probability, config.predict)[..., 0]))
        slices = (epoch + 1) * arguments.steps * config.train.batch_size
        rows.append({"variant": name, "slices": slices, "dice": round(float(np.mean(scores)), 4), "cases": len(scores)})
        print(name, rows[-1], flush=True)
    return rows


def save(rows, path):
    """Write the CSV."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def curves(rows):
    """Return variant → (slices seen, Dice)."""
    names = dict.fromkeys(row["variant"] for row in rows)
    return {
        name: np.array([(float(row["slices"]), float(row["dice"])) for row in rows if row["variant"] == name]).T
        for name in names
    }


def plot(rows, path):
    """Draw Dice on unseen patients over training."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 5), layout="constrained")
    axes = figure.add_subplot()
    for name, (slices, scores) in curves(rows).items():
        axes.plot(slices, scores, marker=".", label=name)
    axes.set(xlabel="training slices seen", ylabel=f"mean Dice of {rows[0]['cases']} unseen patients", ylim=(0, 1))
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)
    figure.savefig(path, dpi=110)


def report(rows):
    """Print the Markdown table of docs/scarce-data.md."""
    print(
        "| variant | Dice at the end | second half: mean | lowest | swing |\n|---|---|---|---|---|"
    )
    for name, (_, scores) in curves(rows).items():
        half = scores[len(scores) // 2 :]
        print(
            f"| {name} | {scores[-1]:.3f} | {half.mean():.3f} | {half.min():.3f} | {np.abs(np.diff(half)).mean():.3f} |"
        )


if __name__ == "__main__":
    main()
