"""What it costs to let one sequence stand in for another that is missing, as Wacker 2020 had T1c for T1.

    python benchmarks/substitution.py zoo:segan_all BraTS2018 BraTS2021
    python benchmarks/substitution.py zoo:segan_all BraTS2018 --substitute t1=t1c --cases 4

Every patient has all sequences of the run. Each is segmented with all of them; with one replaced by another (`prepare
--substitute`); and with that one left empty, which a network that was not trained for subsets has never seen. Printed:
mean Dice of each region over the patients, the mean change against all sequences, in how many patients it is worse, and
the p of Wilcoxon's signed ranks.
"""

import argparse
from pathlib import Path

import numpy as np
from scipy.stats import wilcoxon

import segan_tl
from segan_tl.regions import region_masks

PAIRS = ("t1=t1c", "t1c=t1", "t2=flair", "flair=t2")


def dice(one: np.ndarray, other: np.ndarray) -> float:
    """Return the overlap of two masks; 1 where both are empty."""
    total = np.count_nonzero(one) + np.count_nonzero(other)
    return 2 * np.count_nonzero(one & other) / total if total else 1.0


def variants(image: np.ndarray, modalities: tuple[str, ...], pairs: list[str]):
    """Yield the name of each way to fill the channels, and the image (H, W, D, M)."""
    yield "all sequences", image
    for pair in pairs:
        missing, other = (modalities.index(name) for name in pair.split("="))
        changed = image.copy()
        changed[..., missing] = image[..., other]
        yield pair, changed
    for name in dict.fromkeys(pair.partition("=")[0] for pair in pairs):
        changed = image.copy()
        changed[..., modalities.index(name)] = 0
        yield f"{name} empty", changed


def main() -> None:
    """Print a line a way and region."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", metavar="RUN", help="of several modalities")
    parser.add_argument("cohorts", metavar="COHORT", type=Path, nargs="+", help="folders of cases with label maps")
    parser.add_argument("--substitute", nargs="+", default=list(PAIRS), metavar="T1=T1C", help="(%(default)s)")
    parser.add_argument("--cases", type=int, help="of each cohort at most")
    arguments = parser.parse_args()
    run, scores = segan_tl.open_run(arguments.run), {}
    modalities, regions = run.config.data.modalities, run.config.data.regions
    for cohort in arguments.cohorts:
        for case in segan_tl.find_cases(cohort).cases[: arguments.cases]:
            scan = segan_tl.load_case(case, modalities)
            truth = region_masks(scan.labels, regions)
            for name, image in variants(scan.image, modalities, arguments.substitute):
                masks = run.segment(image, spacing_mm=scan.spacing_mm)
                found = [dice(truth[..., place], masks[..., place]) for place in range(len(regions))]
                scores.setdefault(name, []).append(found)
            print(case.id, {name: np.round(found[-1], 3).tolist() for name, found in scores.items()}, flush=True)
    whole = np.array(scores["all sequences"])
    for name, found in scores.items():
        change = np.array(found) - whole
        words = []
        for place, region in enumerate(regions):
            own = change[:, place]
            p = f", p {wilcoxon(own).pvalue:.3f}" if own.any() else ""
            told = "" if found is scores["all sequences"] else f" ({own.mean():+.3f}, worse in {(own < 0).sum()}{p})"
            words.append(f"{region} {np.mean([row[place] for row in found]):.3f}{told}")
        print(f"{name:14s} {'   '.join(words)}")


if __name__ == "__main__":
    main()
