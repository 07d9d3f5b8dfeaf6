"""What Nyul's standard scale does to two scanners: how far their histograms lie apart, and Dice across them.

    python benchmarks/nyul.py --cases 12
    python benchmarks/nyul.py --cases 2 --shape 60 60 39 --without-network

Synthetic patients of glioma-3t and glioma-1.5t, none of whom the network has seen. The standard landmarks are learnt on
other patients of 3 T, as `prepare --intensity nyul --like COHORT` learns them; then every patient is brought to them by
the brain alone. Apart: half the L1 distance of the mean normalised histograms inside the brain (0: one and the same, 1:
nothing in common), and the Wasserstein distance in standard deviations of the brains of 3 T. Both for intensities as
they are scanned, divided by the brain's mean, as z-scores of the brain, and on the standard scale.
"""

import argparse

import numpy as np
from scipy.stats import wasserstein_distance

from segan_tl.clinical.space.intensity import landmarks_of, learn_standard, to_standard
from segan_tl.data.phantom import simulate_case
from segan_tl.regions import MODALITIES, REGIONS

SCANNERS = ("glioma-3t", "glioma-1.5t")
BINS, TAKEN = 100, 20_000
SEED = 1717  # of no cohort that a network of the zoo has seen


def brains_of(cohort: str, first: int, number: int, shape: tuple[int, int, int]) -> list[tuple]:
    """Return images, brain and labels of patients of one scanner."""
    found = []
    for index in range(first, first + number):
        case = simulate_case(cohort, case_index=index, shape=shape, seed=SEED)
        found.append((case.images, np.any([image > 0 for image in case.images.values()], axis=0), case.labels))
    return found


def scales(values: np.ndarray, standard: list[float]) -> dict[str, np.ndarray]:
    """Return the intensities of a brain on every scale."""
    return {
        "as scanned": values, "divided by the mean": values / values.mean(),
        "z-scores": (values - values.mean()) / values.std(), "Nyul": to_standard(values, standard),
    }  # fmt: skip


def apart(one: list[np.ndarray], other: list[np.ndarray]) -> tuple[float, float]:
    """Return half the L1 distance of the mean histograms of two groups of brains, and their Wasserstein distance."""
    rng = np.random.default_rng(0)
    together = np.concatenate([values[:: max(len(values) // TAKEN, 1)] for values in (*one, *other)])
    edges = np.linspace(*np.percentile(together, (0.1, 99.9)), BINS + 1)
    means, pooled = [], []
    for group in (one, other):
        shares = [np.histogram(np.clip(values, edges[0], edges[-1]), edges)[0] / len(values) for values in group]
        means.append(np.mean(shares, axis=0))
        pooled.append(np.concatenate([rng.choice(values, TAKEN) for values in group]))
    return float(np.abs(means[0] - means[1]).sum() / 2), float(wasserstein_distance(*pooled) / pooled[0].std())


def dice(one: np.ndarray, other: np.ndarray) -> float:
    """Return the overlap of two masks; 1 where both are empty."""
    total = np.count_nonzero(one) + np.count_nonzero(other)
    return 2 * np.count_nonzero(one & other) / total if total else 1.0


def dice_of(network, patients: list[tuple], standard: list[float] | None, spacing_mm: float) -> list[float]:
    """Return Dice of the whole tumour of each patient, on the standard scale where there is one."""
    scores = []
    for images, brain, labels in patients:
        image = np.where(brain, images["flair"], 0).astype(np.float32)
        if standard is not None:
            standardised = to_standard(image[brain], standard)
            # The least must stay above the air, which is 0.
            image[brain] = standardised - min(float(standardised.min()), 0.0) + 1e-3
        mask = network.segment(image[..., None], spacing_mm=(spacing_mm,) * 3)[..., 0]
        scores.append(dice(np.isin(labels, REGIONS["wt"]), mask))
    return scores


def main() -> None:
    """Print a table of histograms, and one of Dice."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=12, help="patients of each scanner, and to learn landmarks from")
    parser.add_argument("--shape", type=int, nargs=3, default=(120, 120, 77), help="grid; the first spans 240 mm")
    parser.add_argument("--network", metavar="RUN", default="zoo:segan_flair", help="a run of FLAIR (%(default)s)")
    parser.add_argument("--without-network", action="store_true", help="histograms alone")
    arguments = parser.parse_args()
    shape, number = tuple(arguments.shape), arguments.cases
    learnt = brains_of(SCANNERS[0], number, number, shape)
    patients = {name: brains_of(name, 0, number, shape) for name in SCANNERS}
    standards = {
        name: learn_standard([landmarks_of(images[name][brain]) for images, brain, _ in learnt]) for name in MODALITIES
    }
    print(f"{number} patients of each, apart: half of L1, Wasserstein distance in deviations of 3 T")
    for name in MODALITIES:
        found = (patients[scanner] for scanner in SCANNERS)
        groups = [[scales(images[name][brain], standards[name]) for images, brain, _ in group] for group in found]
        words = (
            f"{scale} {half:.3f} {far:.3f}" for scale in groups[0][0]
            for half, far in [apart(*([found[scale] for found in group] for group in groups))]
        )  # fmt: skip
        print(f"{name:6s} {'   '.join(words)}", flush=True)
    if arguments.without_network:
        return
    import segan_tl

    network, spacing_mm = segan_tl.open_run(arguments.network), 240 / shape[0]
    for name, found in patients.items():
        plain, standard = (dice_of(network, found, scale, spacing_mm) for scale in (None, standards["flair"]))
        change = np.subtract(standard, plain)
        print(
            f"Dice of the whole tumour, {name}: {np.mean(plain):.3f} (lowest {min(plain):.3f}); on the standard scale "
            f"{np.mean(standard):.3f} ({min(standard):.3f}); change {change.mean():+.4f}, from {change.min():+.4f} to "
            f"{change.max():+.4f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
