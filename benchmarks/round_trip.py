"""Synthetic patients as a scanner leaves them, brought back into the space they came from: what is lost on the way.

    python benchmarks/round_trip.py --cases 20
    python benchmarks/round_trip.py --cases 2 --shape 120 120 77 --network zoo:segan_flair

Each patient gets a skull, is moved (up to 12 degrees and 15 mm, 3 degrees and 4 mm more between the sequences), sliced
at 1 x 1 x 5 mm with slices tilted by up to 12 degrees, and shaded (segan_tl/data/phantom/unprocessed.py). The space is
the patient's own untouched image, on voxels of 1 mm, so that the true transform is known. Columns: error of the points
of the brain, mean and largest, of T1c (affine) and FLAIR (rigid, then affine); correlation of the logarithms of the
found and the true bias field inside the brain; Dice of the truth (whole tumour, core) carried there and back on FLAIR's
own grid; with --network, Dice of its whole tumour on the prepared FLAIR against that on the untouched one.
"""

import argparse
import time

import numpy as np

from segan_tl.clinical.space.back import restore
from segan_tl.clinical.space.bias import correct_bias
from segan_tl.clinical.space.chain import prepare_patient
from segan_tl.clinical.space.cohort import Space
from segan_tl.clinical.space.record import as_geometry
from segan_tl.clinical.space.resample import isotropic_grid, resample_onto
from segan_tl.clinical.space.steps import Settings
from segan_tl.data.files.images import Volume
from segan_tl.data.phantom.unprocessed import simulate_unprocessed

MODALITIES = ("t1c", "flair")


def own_space(case, *, edge_mm: float) -> Space:
    """Return the untouched patient as a space."""
    grid = isotropic_grid(case.geometry.shape, case.geometry.affine, edge_mm=edge_mm)
    brain = np.any([image > 0 for image in case.images.values()], axis=0)
    images = {}
    for name in MODALITIES:
        image = case.images[name] / np.percentile(case.images[name][brain], 99)
        images[name] = resample_onto(np.where(brain, image, 0).clip(0, 1.5), case.geometry.affine, grid)
    return Space("itself", "", images, resample_onto(brain, case.geometry.affine, grid), grid, {}, 1)


def error_mm(found: np.ndarray, case, name: str) -> tuple[float, float]:
    """Return the mean and the largest distance of the brain's points under the found and the true transform."""
    points = np.argwhere(case.brains[name])[::20]
    points = np.c_[points, np.ones(len(points))] @ case.volumes[name].affine.T
    distances = np.linalg.norm((points @ (found - case.transforms[name]).T)[:, :3], axis=1)
    return float(distances.mean()), float(distances.max())


def dice(one: np.ndarray, other: np.ndarray) -> float:
    """Return the overlap of two masks; 1 where both are empty."""
    total = np.count_nonzero(one) + np.count_nonzero(other)
    return 2 * np.count_nonzero(one & other) / total if total else 1.0


def round_trip(index: int, shape: tuple[int, int, int], cohort: str, network) -> dict[str, float]:
    """Return the numbers of one patient."""
    case = simulate_unprocessed(cohort, case_index=index, shape=shape, seed=0, modalities=MODALITIES)
    space, found, volumes = own_space(case, edge_mm=1.0), {}, {}
    for name, volume in case.volumes.items():
        corrected, inside = correct_bias(volume.data, volume.spacing_mm), case.brains[name]
        logs = np.log(corrected.field[inside]), np.log(case.biases[name][inside])
        found[f"bias {name}"] = float(np.corrcoef(*logs)[0, 1])
        volumes[name] = Volume(corrected.image, volume.affine, volume.geometry)
    labels = Volume(case.labels["flair"], volumes["flair"].affine, volumes["flair"].geometry)
    settings = Settings(without=("bias",), brain="cohort", reference="t1c")
    prepared = prepare_patient(volumes, settings, space, labels=labels)
    record = {
        "case": "phantom", "steps": [step.as_json() for step in prepared.steps],
        "grid": {"shape": prepared.geometry.shape, "affine": prepared.geometry.affine},
        "native": {n: {"shape": g.shape, "affine": g.affine} for n, g in prepared.native.items()},
    }  # fmt: skip
    from segan_tl.clinical.space.record import transform_of

    for name in MODALITIES:
        found[f"mm {name}"], found[f"worst mm {name}"] = error_mm(transform_of(record, name), case, name)
    back, truth = restore(prepared.labels, record, "flair"), case.labels["flair"]
    found["back wt"], found["back tc"] = dice(back > 0, truth > 0), dice(np.isin(back, (1, 4)), np.isin(truth, (1, 4)))
    found["failed"] = float(len(prepared.failed))
    if network is not None:
        untouched = resample_onto(case.images["flair"], case.geometry.affine, as_geometry(record["grid"]))
        masks = [network.segment(image[..., None], spacing_mm=(1.0, 1.0, 1.0))[..., 0]
                 for image in (prepared.images["flair"], untouched)]  # fmt: skip
        found["network"] = dice(*masks)
    return found


def main() -> None:
    """Print a row a patient, and what they come to."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=20, help="synthetic patients")
    parser.add_argument("--first", type=int, default=0, help="index of the first")
    parser.add_argument("--shape", type=int, nargs=3, default=(80, 80, 52), help="grid of the phantom")
    parser.add_argument("--cohort", default="glioma-3t")
    parser.add_argument("--network", metavar="RUN", help="a run of FLAIR to segment with")
    arguments = parser.parse_args()
    network = None
    if arguments.network:
        import segan_tl

        network = segan_tl.open_run(arguments.network)
    rows = []
    for index in range(arguments.first, arguments.first + arguments.cases):
        started = time.process_time()
        rows.append(round_trip(index, tuple(arguments.shape), arguments.cohort, network))
        words = "  ".join(f"{name} {value:.3f}" for name, value in rows[-1].items())
        print(f"{index}  {words}  {time.process_time() - started:.0f} CPU s", flush=True)
    for name in rows[0]:
        values = np.array([row[name] for row in rows])
        print(f"{name:16s} mean {values.mean():.3f}  least {values.min():.3f}  largest {values.max():.3f}")


if __name__ == "__main__":
    main()
