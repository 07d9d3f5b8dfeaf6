"""Hold the contrast of the synthetic cohort against real MRI.

For every case: white and grey matter are estimated without a segmentation, by k-means with three classes on
the smoothed T1 and T2 of the brain away from the tumour (the class brightest on T2 is fluid; of the other two
the one brighter on T1, relative to T2, is white matter). Then, for edema (ED), enhancing tumour (ET) and
necrosis (NCR) in every modality:

    CNR = (mean of the lesion - mean of the tissue) / standard deviation of the tissue

The same estimator runs on real and on synthetic volumes, and the table says whether the median of the
synthetic cases lies within the range of the real ones.

    python benchmarks/phantom_contrast.py --real DIR_OF_BRATS_CASES [--cases 10] [--cohort glioma-3t]
"""

import argparse
from pathlib import Path

import nibabel
import numpy as np
from scipy import ndimage
from sklearn.cluster import KMeans

MODALITIES = ("t1", "t1c", "t2", "flair")
SUFFIXES = {"t1": "t1", "t1c": "t1ce", "t2": "t2", "flair": "flair"}
LESIONS = {"ED": 2, "ET": 4, "NCR": 1}
LEAST_VOXELS_ML = 0.5
SAFE_MM = 6.0


def tissue_masks(images: dict[str, np.ndarray], labels: np.ndarray, spacing_mm: float) -> dict[str, np.ndarray]:
    """Estimate white and grey matter away from the tumour; returns bool masks "WM" and "GM"."""
    brain = images["t2"] > 0
    away = ndimage.distance_transform_edt(labels == 0, sampling=spacing_mm) > SAFE_MM
    inner = ndimage.binary_erosion(brain, iterations=max(1, round(4.0 / spacing_mm)))
    usable = brain & away & inner
    features = []
    for modality in ("t1", "t2"):
        smooth = ndimage.gaussian_filter(images[modality].astype(np.float32), 0.8 / spacing_mm)[usable]
        low, high = np.percentile(smooth, (2, 98))
        smooth = np.clip(smooth, low, high)
        features.append((smooth - smooth.mean()) / smooth.std())
    features = np.stack(features, axis=1)
    chosen = np.random.default_rng(0).choice(len(features), min(40_000, len(features)), replace=False)
    means = KMeans(3, n_init=3, random_state=0).fit(features[chosen])
    centres = means.cluster_centers_
    fluid = int(np.argmax(centres[:, 1] - centres[:, 0]))
    white = int(np.argmax(centres[:, 0] - centres[:, 1]))
    grey = 3 - fluid - white
    classes = np.full(brain.shape, -1)
    classes[usable] = means.predict(features)
    return {"WM": classes == white, "GM": classes == grey}


def contrasts(images: dict[str, np.ndarray], labels: np.ndarray, spacing_mm: float) -> dict[tuple, float]:
    """Return (modality, lesion, tissue) -> CNR; lesions below `LEAST_VOXELS_ML` are left out."""
    tissues = tissue_masks(images, labels, spacing_mm)
    numbers = {}
    for modality, image in images.items():
        for lesion, value in LESIONS.items():
            inside = labels == value
            if inside.sum() * spacing_mm**3 / 1000.0 < LEAST_VOXELS_ML:
                continue
            for tissue, mask in tissues.items():
                reference = image[mask].astype(np.float64)
                numbers[modality, lesion, tissue] = (image[inside].mean() - reference.mean()) / reference.std()
        white, grey = (image[tissues[name]].astype(np.float64) for name in ("WM", "GM"))
        numbers[modality, "GM", "WM"] = (grey.mean() - white.mean()) / white.std()
    return numbers


def read_case(folder: Path) -> tuple[dict[str, np.ndarray], np.ndarray, float]:
    """Read one BraTS 2021 case folder: images, labels and voxel size in mm."""
    files = {key: folder / f"{folder.name}_{suffix}.nii.gz" for key, suffix in SUFFIXES.items()}
    images = {key: np.asanyarray(nibabel.load(path).dataobj) for key, path in files.items()}
    segmentation = nibabel.load(folder / f"{folder.name}_seg.nii.gz")
    return images, np.asanyarray(segmentation.dataobj), float(segmentation.header.get_zooms()[0])


def real_contrasts(folder: Path) -> list[dict[tuple, float]]:
    """Return the contrasts of every case folder under `folder`."""
    return [contrasts(*read_case(case)) for case in sorted(folder.iterdir()) if case.is_dir()]


def synthetic_contrasts(cohort: str, *, cases: int, shape: tuple, seed: int) -> list[dict[tuple, float]]:
    """Return the contrasts of simulated cases."""
    from segan_tl.data.phantom import simulate_case

    numbers = []
    for index in range(cases):
        case = simulate_case(cohort, case_index=index, shape=shape, seed=seed)
        numbers.append(contrasts(case.images, case.labels, 240.0 / shape[0]))
    return numbers


def gather(numbers: list[dict[tuple, float]], key: tuple) -> np.ndarray:
    """Collect one contrast over the cases that have it."""
    return np.array([case[key] for case in numbers if key in case])


def print_table(synthetic: list[dict[tuple, float]], real: list[dict[tuple, float]]) -> None:
    """Print range and median of every contrast, real and synthetic, and whether the median lies in the real range."""
    print("modality lesion tissue  real: min  median     max   synthetic: min  median     max   inside")
    rows = [(lesion, tissue) for lesion in LESIONS for tissue in ("WM", "GM")] + [("GM", "WM")]
    outside = []
    for key in [(modality, *row) for modality in MODALITIES for row in rows]:
        ours, theirs = gather(synthetic, key), gather(real, key)
        if not len(ours):
            continue
        verdict = ""
        if len(theirs):
            inside = theirs.min() <= np.median(ours) <= theirs.max()
            verdict = "yes" if inside else "NO"
            outside += [] if inside else [" ".join(key)]
        print(f"{key[0]:9}{key[1]:7}{key[2]:7}{three(theirs):>25}{three(ours):>33}   {verdict}")
    if real:
        print(f"medians of the synthetic cases outside the range of the real ones: {', '.join(outside) or 'none'}")


def three(values: np.ndarray) -> str:
    """Format minimum, median and maximum."""
    return "".join(f"{value:8.2f}" for value in np.percentile(values, (0, 50, 100))) if len(values) else ""


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--real", type=Path, help="folder of real BraTS 2021 case folders; without it only phantom")
    parser.add_argument("--cohort", default="glioma-3t")
    parser.add_argument("--cases", type=int, default=10)
    parser.add_argument("--shape", type=int, nargs=3, default=(240, 240, 155))
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    synthetic = synthetic_contrasts(
        arguments.cohort, cases=arguments.cases, shape=tuple(arguments.shape), seed=arguments.seed
    )
    real = real_contrasts(arguments.real) if arguments.real else []
    print(f"CNR, {arguments.cases} synthetic cases of {arguments.cohort}, {len(real)} real cases")
    print_table(synthetic, real)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
