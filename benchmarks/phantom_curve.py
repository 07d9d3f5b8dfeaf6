"""Draw learning curves from scratch side by side: of patients, and of the phantom, which is to be as hard.

    python -m segan_tl learning-curve --config segan_cpu --modality t2 --name phantom-t2 --seeds 3 --cases 2 4 8 16 32 \
        --set 'data.split=[0.6,0.1,0.3]' --set train.epochs=8 --set train.steps_per_epoch=75 --starts scratch
    python benchmarks/phantom_curve.py patients=docs/results/few-t2 phantom=results/phantom-t2 --out curve.png

Each LABEL=FOLDER is a page that `learning-curve` made; its scores.csv is read, the start "scratch" alone.
"""

import argparse
import csv
from pathlib import Path
from statistics import fmean, stdev

from matplotlib.figure import Figure

from segan_tl.report.axes import lighten, save


def main() -> None:
    """Print the table, draw the picture."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("curves", nargs="+", metavar="LABEL=FOLDER")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    curves = {label: read(Path(folder)) for label, _, folder in (word.partition("=") for word in arguments.curves)}
    counts = sorted({cases for curve in curves.values() for cases in curve})
    figure = Figure(figsize=(6.0, 4.2), layout="constrained")
    axis = figure.subplots()
    print(f"| from scratch, cases | {' | '.join(map(str, counts))} |\n|---|{'---|' * len(counts)}")
    for label, curve in curves.items():
        print(f"| {label} | {' | '.join(written(curve.get(cases)) for cases in counts)} |")
        places = [counts.index(cases) for cases in curve]
        axis.plot(places, [fmean(seeds) for seeds in curve.values()], marker="o", label=label)
        colour = axis.lines[-1].get_color()
        for place, seeds in zip(places, curve.values()):
            axis.scatter([place] * len(seeds), seeds, s=12, alpha=0.5, color=colour)
    axis.set_xticks(range(len(counts)), map(str, counts))
    axis.set(xlabel="training cases", ylabel="test Dice", ylim=(0, 1))
    axis.legend(frameon=False)
    lighten(axis)
    save(figure, arguments.out, title="From scratch, by number of training cases; a point a seed", synthetic=False)


def read(folder: Path) -> dict[int, list[float]]:
    """Return number of cases → mean test Dice of each seed, of the start from scratch."""
    found = {}
    for row in csv.DictReader((folder / "scores.csv").open()):
        if row["start"] == "scratch":
            found.setdefault(int(row["cases"]), {}).setdefault(row["seed"], []).append(float(row["dice"]))
    return {cases: [fmean(scores) for scores in seeds.values()] for cases, seeds in sorted(found.items())}


def written(seeds: list[float] | None) -> str:
    """Return mean ± standard deviation of the seeds."""
    if not seeds:
        return "–"
    return f"{fmean(seeds):.3f}" + (f" ± {stdev(seeds):.3f}" if len(seeds) > 1 else "")


if __name__ == "__main__":
    main()
