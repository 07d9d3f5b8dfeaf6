"""Whether brains come out too small where they are brought to the mean of a cohort, by one way and by both.

    python benchmarks/brain_size.py BraTS2021 BraTS2018 --cases 5

The T1c of the first cases of PATIENTS, whose brains are extracted, onto the mean image of COHORT: registered with the
mean image fixed, and as `prepare` does it (segan_tl/clinical/space/brains.py). Columns: ml of the brain before and
there, its overlap with the mean brain (Dice), correlation with the mean image where it is 20 mm deep in the mean brain
and more, so that no rim counts, and the factors by which the affine transform scales.
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np
from scipy.ndimage import distance_transform_edt

from segan_tl.clinical.space.brains import AROUND_MM, HALF, register_brain
from segan_tl.clinical.space.cohort import take_space
from segan_tl.clinical.space.register import Picture, register
from segan_tl.clinical.space.resample import resample_onto
from segan_tl.data.files.images import read_volume
from segan_tl.data.find.cases import find_cases
from segan_tl.data.intensities import find_background

DEEP_MM = 20.0


def main() -> None:
    """Print two lines a patient."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cohort", metavar="COHORT", type=Path)
    parser.add_argument("patients", metavar="PATIENTS", type=Path)
    parser.add_argument("--cases", type=int, default=5)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        space, _ = take_space(find_cases(arguments.cohort).cases, Path(folder), name=arguments.cohort.name)
    inside, affine, mean = space.brain >= HALF, space.geometry.affine, space.image_for("t1c")
    depth = distance_transform_edt(inside, sampling=space.geometry.spacing_mm)
    around = distance_transform_edt(~inside, sampling=space.geometry.spacing_mm) <= AROUND_MM
    voxel_ml = space.geometry.voxel_volume_mm3 / 1000
    print(f"mean brain of {space.cases} cases: {inside.sum() * voxel_ml:.0f} ml")
    for case in find_cases(arguments.patients).cases[: arguments.cases]:
        volume = read_volume(case.images["t1c"], dtype=np.float32)
        brain = volume.data != find_background(volume.data)
        image = np.where(brain, volume.data, 0)
        one_way = register(Picture(mean, affine, around), Picture(image, volume.affine), kind="affine")
        both = register_brain(image, volume.affine, brain, space, "t1c")
        for name, matrix in (("one way", one_way.matrix), ("both ways", both.matrix)):
            there, seen = (
                resample_onto(data, volume.affine, space.geometry, transform=matrix) for data in (brain, image)
            )
            there, deep = there >= HALF, depth >= DEEP_MM
            overlap = 2 * np.count_nonzero(there & inside) / (there.sum() + inside.sum())
            alike = np.corrcoef(seen[deep], mean[deep])[0, 1]
            scales = " ".join(f"{scale:.3f}" for scale in np.linalg.svd(matrix[:3, :3])[1])
            before = brain.sum() * volume.geometry.voxel_volume_mm3 / 1000
            print(
                f"{case.id} {name:9s} {before:.0f} ml → {there.sum() * voxel_ml:.0f} ml  Dice {overlap:.3f}  "
                f"correlation {alike:.3f}  scales {scales}",
                flush=True,
            )


if __name__ == "__main__":
    main()
