"""Error and seconds of rigid and affine registration by SimpleITK, elastix and ANTs, in turns on the same heads.

    python benchmarks/registration_turns.py --cases 3
    pip install itk-elastix antspyx        # those that are not installed are left out

Synthetic patients as a scanner leaves them: a skull, slices of 5 mm, a bias field, each sequence tilted and moved by a
known transform (segan_tl/data/phantom/unprocessed.py). Rigid: T2 and FLAIR onto T1c. Affine: T1c onto the patient's own
brain, nothing around it, as the mean image of a cohort is. The error is that of the points of the brain, in mm.
"""

import argparse
import importlib.util
import os
import tempfile
import time
from pathlib import Path

import numpy as np

from segan_tl.clinical.space.register import Picture, register
from segan_tl.data.files.geometry import Geometry
from segan_tl.data.files.images import write_volume
from segan_tl.data.phantom.unprocessed import simulate_unprocessed

FLIP = np.diag([-1.0, -1.0, 1.0, 1.0])


def by_simpleitk(fixed: Picture, moving: Picture, kind: str) -> np.ndarray:
    """Return the matrix from the moving to the fixed space, RAS+ mm, as the toolkit finds it."""
    return register(fixed, moving, kind=kind).matrix


def by_elastix(fixed: Picture, moving: Picture, kind: str) -> np.ndarray:
    """Return it by elastix, its default parameter maps: rigid, then affine; started at the centres of mass."""
    import itk

    with tempfile.TemporaryDirectory() as folder:
        paths = _write(Path(folder), fixed, moving)
        images = {name: itk.imread(str(path), itk.UC if "mask" in name else itk.F) for name, path in paths.items()}
        maps = itk.ParameterObject.New()
        for name in ("rigid", "affine")[: 2 if kind == "affine" else 1]:
            chosen = maps.GetDefaultParameterMap(name)
            chosen["AutomaticTransformInitialization"] = ["true"]
            chosen["AutomaticTransformInitializationMethod"] = ["CenterOfGravity"]
            if fixed.mask is not None:
                chosen["ErodeMask"] = ["false"]
            maps.AddParameterMap(chosen)
        masks = {"fixed_mask": images["fixed_mask"]} if fixed.mask is not None else {}
        _, found = itk.elastix_registration_method(
            images["fixed"], images["moving"], parameter_object=maps, number_of_threads=1, **masks
        )
    total = np.eye(4)
    for index in range(found.GetNumberOfParameterMaps()):
        total = _elastix_matrix(found.GetParameterMap(index)) @ total  # from the fixed to the moving space
    return np.linalg.inv(FLIP @ total @ FLIP)


def _elastix_matrix(found) -> np.ndarray:
    from scipy.spatial.transform import Rotation

    values = np.array([float(value) for value in found["TransformParameters"]])
    centre = np.array([float(value) for value in found["CenterOfRotationPoint"]])
    if len(values) == 6:
        x, y, z = values[:3]  # ITK's order: Rz Rx Ry
        linear = Rotation.from_euler("ZXY", [z, x, y]).as_matrix()
    else:
        linear = values[:9].reshape(3, 3)
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = linear, centre + values[-3:] - linear @ centre
    return matrix


def by_ants(fixed: Picture, moving: Picture, kind: str) -> np.ndarray:
    """Return it by ANTs' own "Rigid" or "Affine"."""
    import ants

    with tempfile.TemporaryDirectory() as folder:
        paths = _write(Path(folder), fixed, moving)
        images = {name: ants.image_read(str(path)) for name, path in paths.items()}
        masks = {"mask": images["fixed_mask"]} if fixed.mask is not None else {}
        found = ants.registration(
            images["fixed"], images["moving"], type_of_transform="Rigid" if kind == "rigid" else "Affine",
            random_seed=1, **masks,
        )  # fmt: skip
        transform = ants.read_transform(found["fwdtransforms"][0])
        corners = np.array([[0, 0, 0], [100, 0, 0], [0, 100, 0], [0, 0, 100]], float)
        moved = np.array([transform.apply_to_point(corner.tolist()) for corner in corners])
    matrix = np.eye(4)
    matrix[:3, :3] = ((moved[1:] - moved[0]) / 100).T
    matrix[:3, 3] = moved[0]
    return np.linalg.inv(FLIP @ matrix @ FLIP)


def _write(folder: Path, fixed: Picture, moving: Picture) -> dict[str, Path]:
    paths = {}
    for name, picture in (("fixed", fixed), ("moving", moving)):
        geometry = Geometry(picture.data.shape, picture.affine)
        paths[name] = folder / f"{name}.nii.gz"
        write_volume(paths[name], picture.data, geometry, dtype=np.float32)
        if picture.mask is not None:
            paths[f"{name}_mask"] = folder / f"{name}_mask.nii.gz"
            write_volume(paths[f"{name}_mask"], picture.mask, geometry, dtype=np.uint8)
    return paths


def error_mm(found: np.ndarray, true: np.ndarray, brain: np.ndarray, affine: np.ndarray) -> tuple[float, float]:
    """Return the mean and the largest distance of the brain's points under two transforms."""
    points = np.argwhere(brain)[::20]
    points = np.c_[points, np.ones(len(points))] @ affine.T
    distances = np.linalg.norm((points @ (found - true).T)[:, :3], axis=1)
    return float(distances.mean()), float(distances.max())


def pairs(case):
    """Yield name, kind, fixed, moving, true matrix and the sequence that moves."""
    t1c = case.volumes["t1c"]
    for name in ("t2", "flair"):
        true = np.linalg.inv(case.transforms["t1c"]) @ case.transforms[name]
        moving = case.volumes[name]
        yield f"{name} onto t1c", "rigid", (t1c.data, t1c.affine, None), (moving.data, moving.affine), true, name
    own = case.images["t1c"]
    fixed = own.astype(np.float32), case.geometry.affine, own > 0
    yield "t1c onto the brain", "affine", fixed, (t1c.data, t1c.affine), case.transforms["t1c"], "t1c"


def main() -> None:
    """Run every engine on every pair in turns, and print a row an engine and kind."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=3, help="synthetic patients")
    parser.add_argument("--shape", type=int, nargs=3, default=(80, 80, 52), help="grid of the phantom")
    arguments = parser.parse_args()
    os.environ["ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS"] = "1"  # before a library is imported: ANTs takes all cores
    engines = {"SimpleITK": by_simpleitk}
    engines |= {"elastix": by_elastix} if importlib.util.find_spec("itk") else {}
    engines |= {"ANTs": by_ants} if importlib.util.find_spec("ants") else {}
    rows = {}
    for index in range(arguments.cases):
        options = {"case_index": index, "shape": tuple(arguments.shape), "seed": 0}
        case = simulate_unprocessed("glioma-3t", modalities=("t1c", "t2", "flair"), **options)
        for what, kind, fixed, moving, true, name in pairs(case):
            for engine, find in engines.items():
                started = time.process_time()
                try:
                    found = find(Picture(*fixed), Picture(*moving), kind)
                except Exception as error:  # a library that fails is a result of this comparison
                    print(f"{index} {what} {engine}: {type(error).__name__}: {error}", flush=True)
                    continue
                seconds = time.process_time() - started
                mean, worst = error_mm(found, true, case.brains[name], case.volumes[name].affine)
                print(f"{index} {what:20s} {engine:10s} {mean:6.2f} {worst:6.2f} mm {seconds:6.1f} s", flush=True)
                rows.setdefault((kind, engine), []).append((mean, worst, seconds))
    for (kind, engine), found in rows.items():
        means, worst, seconds = np.array(found).T
        print(
            f"{kind:7s} {engine:10s} mean {means.mean():.2f} mm, median {np.median(means):.2f}, worst point "
            f"{worst.max():.2f}, {seconds.mean():.1f} CPU s, {len(found)} registrations"
        )


if __name__ == "__main__":
    main()
