"""One patient from its own grids into a space: bias, registration, one interpolation, brain, intensities, size."""

from collections.abc import Callable, Mapping

import numpy as np

from segan_tl.clinical.space.bias import correct_bias
from segan_tl.clinical.space.brains import HALF, register_brain
from segan_tl.clinical.space.cohort import Space
from segan_tl.clinical.space.finish import finish, judge
from segan_tl.clinical.space.hd_bet import extract_brain
from segan_tl.clinical.space.prepared import Prepared
from segan_tl.clinical.space.quality import fault_of_affine
from segan_tl.clinical.space.register import Picture, register
from segan_tl.clinical.space.resample import isotropic_grid, resample_labels_onto, resample_onto
from segan_tl.clinical.space.steps import Settings, Step, timed
from segan_tl.data.files.geometry import Geometry, find_grid_fault
from segan_tl.data.files.images import Volume
from segan_tl.data.intensities import find_background, find_intensity_fault
from segan_tl.errors import UserError
from segan_tl.regions import MODALITIES

EDGE_MM = 1.0  # of the grid where there is no space
PREFERRED = ("t1c", "t1", "flair", "t2")  # as reference, of sequences that are equally fine


def prepare_patient(
    volumes: Mapping[str, Volume], settings: Settings, space: Space | None, *, mask: Volume | None = None,
    labels: Volume | None = None, tell: Callable[[str], None] | None = None,
) -> Prepared:  # fmt: skip
    """Bring the sequences of a patient into a space; what is found in the end may have failed, and says so.

    Args:
        volumes: modality → image, each on a grid of its own.
        space: where to; None leaves the patient in the scanner's space, on cubic voxels of 1 mm.
        mask: of the brain, on the grid of one of the sequences; with `settings.brain` "mask".
        labels: a label map on the grid of one of the sequences, brought along.
        tell: is called with what is done next, in words.

    Raises:
        UserError: an image is no head, a sequence is missing, or a mask lies on no sequence's grid.
    """
    volumes = {name: volumes[name] for name in MODALITIES if name in volumes}
    substituted = _require(volumes, settings)
    reference = choose_reference(volumes, settings.reference)
    done = Prepared({}, Geometry((1, 1, 1), np.eye(4)), {}, reference, substituted)
    done.tell = tell or done.tell
    for name, volume in volumes.items():
        done.native[name] = volume.geometry
        done.steps.append(Step("orientation", name, {"to": "LPS"}, 0.0))
    mask_of = None if mask is None else (mask, _own_grid(mask, volumes, "mask", reference))
    labels_of = None if labels is None else (labels, _own_grid(labels, volumes, "label map", reference))
    images = {name: _correct(done, name, volume, settings) for name, volume in volumes.items()}
    rigid = _align(done, images, volumes, settings)
    brain = _native_brain(done, images[reference], volumes[reference], settings, mask_of, rigid)
    to_space = _reach(done, images[reference], volumes[reference], brain, settings, space)
    transforms = {name: to_space @ matrix for name, matrix in rigid.items()}
    _resample(done, images, volumes, transforms, settings, space)
    _cut_brain(done, brain, volumes[reference], to_space, settings, space)
    if labels_of:
        own = volumes[labels_of[1]]
        done.labels = resample_labels_onto(labels.data, own.affine, done.geometry, transform=transforms[labels_of[1]])
    done.tell("how well they lie")
    _, done.seconds["judging"] = timed(judge, done, volumes, transforms, settings, space)
    finish(done, settings, space)
    return done


def choose_reference(volumes: Mapping[str, Volume], named: str | None) -> str:
    """Return the sequence that the others are registered to: the named, else that of the smallest voxels.

    Raises:
        UserError: the named one is not there.
    """
    if named is not None and named not in volumes:
        raise UserError(f"expected {named}, which --reference names; found {', '.join(volumes)}; name one of these")
    if named:
        return named
    return min(volumes, key=lambda name: (round(volumes[name].geometry.voxel_volume_mm3, 3), PREFERRED.index(name)))


# === Before ===


def _require(volumes: dict[str, Volume], settings: Settings) -> dict[str, str]:
    """Return which modality stands in for which; refuse what is no head, and a patient that lacks a sequence."""
    if not volumes:
        raise UserError(f"expected one of {', '.join(MODALITIES)}; found none; name the sequences of the files")
    for name, volume in volumes.items():
        data = np.asarray(volume.data)
        if fault := find_intensity_fault(data):
            raise UserError(f"expected a head in {name}; found that {fault[0]}; {fault[1]}")
    substituted = {
        name: other for name, other in settings.substitute.items() if name not in volumes and other in volumes
    }
    if missing := [name for name in settings.required if name not in volumes and name not in substituted]:
        other = next((name for name in ("t1c", "t1", "t2", "flair") if name in volumes))
        raise UserError(
            f"expected {', '.join(settings.required)}; found {', '.join(volumes)}; add {', '.join(missing)}, or let "
            f"another stand in with --substitute {missing[0]}={other}"
        )
    return substituted


def _own_grid(image: Volume, volumes: Mapping[str, Volume], what: str, reference: str) -> str:
    """Return the sequence on whose grid an image lies: the reference where it is one of several."""
    faults = {name: find_grid_fault(volume.geometry, image.geometry, than=name) for name, volume in volumes.items()}
    if fit := [name for name, fault in faults.items() if fault is None]:
        return reference if reference in fit else fit[0]
    raise UserError(
        f"expected a {what} on the grid of {' or '.join(volumes)}; found that {next(iter(faults.values()))}; draw it "
        "on one of them"
    )


# === Steps ===


def _correct(done: Prepared, name: str, volume: Volume, settings: Settings) -> np.ndarray:
    if "bias" in settings.without:
        return np.asarray(volume.data, np.float32)
    how = {"method": settings.bias}
    return done.do("bias", name, how, correct_bias, volume.data, volume.spacing_mm, method=settings.bias).image


def _align(done: Prepared, images, volumes, settings: Settings) -> dict[str, np.ndarray]:
    """Return sequence → (4, 4) from its scanner space to that of the reference."""
    matrices = {done.reference: np.eye(4)}
    if "rigid" in settings.without:
        return {name: np.eye(4) for name in volumes}
    fixed = Picture(images[done.reference], volumes[done.reference].affine)
    for name in volumes:
        if name == done.reference:
            continue
        done.begin("rigid", name)
        found, seconds = timed(register, fixed, Picture(images[name], volumes[name].affine), kind="rigid")
        how = {"onto": done.reference, "metric": "mutual information", "start": found.start}
        done.steps.append(Step("rigid", name, how, seconds, found.matrix))
        matrices[name] = found.matrix
    return matrices


def _native_brain(done: Prepared, image, volume: Volume, settings: Settings, mask_of, rigid) -> np.ndarray | None:
    """Return where the brain is on the reference's grid, where that is known before the cohort's space is reached."""
    if "brain" in settings.without or settings.brain == "cohort":
        return None
    if settings.brain == "stripped":
        return done.do("brain", None, {"from": "the image is nothing else"}, lambda: image != find_background(image))
    if settings.brain == "hd-bet":
        how = {"from": "HD-BET", "sequence": done.reference, "networks": 1}
        return done.do("brain", None, how, extract_brain, image, volume.affine)
    if mask_of is None:
        raise UserError("expected a mask of the brain, as --mask says; found none; name its file")
    mask, own = mask_of
    onto = Geometry(volume.data.shape, volume.affine)
    how = {"from": "a mask that was given", "sequence": own}
    share = done.do("brain", None, how, resample_onto, mask.data != 0, mask.affine, onto, transform=rigid[own])
    return share >= 0.5


def _reach(done: Prepared, image, volume: Volume, brain, settings: Settings, space: Space | None) -> np.ndarray:
    """Return (4, 4) from the reference's scanner space to the cohort's."""
    if "atlas" in settings.without or space is None:
        return np.eye(4)
    done.begin("atlas", done.reference)
    if brain is None:  # the skull must not count: only what the mean image has is looked at
        fixed = Picture(space.image_for(done.reference), space.geometry.affine, space.brain >= HALF)
        found, seconds = timed(register, fixed, Picture(image, volume.affine), kind="affine")
    else:
        found, seconds = timed(register_brain, image, volume.affine, brain, space, done.reference)
    how = {"onto": space.name, "cases": space.cases, "metric": "mutual information", "start": found.start}
    done.steps.append(Step("atlas", done.reference, how, seconds, found.matrix))
    if fault := fault_of_affine(found.matrix):
        done.failed.append(fault)
    return found.matrix


def _resample(done: Prepared, images, volumes, transforms, settings: Settings, space: Space | None) -> None:
    reference = volumes[done.reference]
    if "atlas" in settings.without or space is None:
        done.geometry = isotropic_grid(reference.data.shape, reference.affine, edge_mm=EDGE_MM)
    else:
        done.geometry = space.geometry
    how = {"interpolation": "linear", "edge_mm": list(done.geometry.spacing_mm), "shape": list(done.geometry.shape)}
    for name, image in images.items():
        matrix = transforms[name]
        args = (image, volumes[name].affine, done.geometry)
        done.images[name] = done.do("resample", name, how, resample_onto, *args, transform=matrix)


def _cut_brain(done: Prepared, brain, reference: Volume, to_space, settings: Settings, space: Space | None) -> None:
    """Find where the brain is on the grid of the result."""
    if "brain" in settings.without:
        return
    if brain is not None:
        share = resample_onto(brain, reference.affine, done.geometry, transform=to_space)
        done.brain = share >= 0.5
    elif space is None or "atlas" in settings.without:
        raise UserError("--brain cohort takes the mean brain of the cohort's space; leave --without atlas out")
    else:
        done.steps.append(Step("brain", None, {"from": f"the mean brain of {space.name}"}, 0.0))
        done.brain = space.brain >= 0.5
