"""How bright a labelled region is, beside the healthy brain of the same patient.

    python benchmarks/label_brightness.py BraTS2018 BraTS2021 --modality t1c --region et

Columns: ml of the region, the mean of the modality there in standard deviations of the brain, and the share of the
healthy brain's voxels that are darker than this mean. Enhancing tumour is what lights up on T1c: where its label is no
brighter than half of the healthy brain, a network that looks for enhancement does not find it.
"""

import argparse
from pathlib import Path

import numpy as np

import segan_tl
from segan_tl.data.intensities import find_background
from segan_tl.regions import region_masks


def brightness(image: np.ndarray, region: np.ndarray, tumour: np.ndarray) -> tuple[float, float]:
    """Return a region's mean in standard deviations of the brain, and the share of healthy voxels that are darker.

    Args:
        image: one modality (H, W, D).
        region, tumour: (H, W, D), bool; healthy is the brain without the tumour.
    """
    brain = image != find_background(image)
    mean, healthy = image[region].mean(), image[brain & ~tumour]
    return float((mean - image[brain].mean()) / image[brain].std()), float((healthy < mean).mean())


def main() -> None:
    """Print a line a case."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cohorts", metavar="COHORT", type=Path, nargs="+", help="folders of cases with label maps")
    parser.add_argument("--modality", default="t1c", help="(%(default)s)")
    parser.add_argument("--region", default="et", help="(%(default)s)")
    arguments = parser.parse_args()
    for cohort in arguments.cohorts:
        for case in segan_tl.find_cases(cohort).cases:
            scan = segan_tl.load_case(case, (arguments.modality,))
            region, tumour = np.moveaxis(region_masks(scan.labels, (arguments.region, "wt")), -1, 0)
            if not region.any():
                print(f"{case.id:24s}   no {arguments.region}")
                continue
            deviations, darker = brightness(scan.image[..., 0], region, tumour)
            volume_ml = region.sum() * np.prod(scan.spacing_mm) / 1000
            print(f"{case.id:24s} {volume_ml:6.1f} ml  mean {deviations:+.2f}  brighter than {darker:.0%}", flush=True)


if __name__ == "__main__":
    main()
