"""The end of a preparation: how good the registrations are, and brain, intensities and size of what is handed on."""

import numpy as np

from segan_tl.clinical.space.cohort import Space
from segan_tl.clinical.space.intensity import normalise
from segan_tl.clinical.space.prepared import Prepared
from segan_tl.clinical.space.quality import fault_of_likeness, fit_of, likeness
from segan_tl.clinical.space.resample import covered
from segan_tl.clinical.space.steps import Settings, Step
from segan_tl.data.files.geometry import Geometry
from segan_tl.data.prepare import Box, centred


def judge(done: Prepared, volumes, transforms, settings: Settings, space: Space | None) -> None:
    """Measure the registrations, and say which cannot be believed."""
    stripped = settings.brain == "stripped" and "brain" not in settings.without
    place = {
        name: covered(volume.data.shape, volume.affine, done.geometry, transform=transforms[name])
        for name, volume in volumes.items()
    }
    fits = {}
    for name, image in done.images.items():
        if name == done.reference:
            continue
        both = place[name] & place[done.reference]
        fit = fit_of(
            image, done.images[done.reference], both, edge_mm=done.geometry.spacing_mm[0], stripped=stripped
        )
        fits[name] = {key: round(value, 4) for key, value in fit._asdict().items()}
        if fault := fit.fault(name, done.reference):
            done.failed.append(fault)
    done.quality = {"onto_reference": fits}
    if space is None or "atlas" in settings.without:
        return
    inside = space.brain >= 0.5
    like = {}
    for name in (name for name in done.images if name in space.images):
        image = done.images[name] if done.brain is None else np.where(done.brain, done.images[name], 0)
        found = likeness(image, space.images[name], inside, edge_mm=done.geometry.spacing_mm[0])
        like[name] = {key: round(value, 4) for key, value in found.items()}
    done.quality["like_the_mean"] = like
    if done.brain is not None and settings.brain != "cohort":
        both = 2 * np.count_nonzero(inside & done.brain)
        total = max(np.count_nonzero(inside) + np.count_nonzero(done.brain), 1)
        done.quality["brain_over_the_mean"] = round(both / total, 4)
    if fault := fault_of_likeness(like):
        done.failed.append(fault)


def finish(done: Prepared, settings: Settings, space: Space | None) -> None:
    """Cut the brain out, change the intensities, fill in what is missing, crop or pad."""
    if done.brain is not None:
        done.images = {name: np.where(done.brain, image, 0) for name, image in done.images.items()}
    if settings.intensity != "none":
        inside = done.brain if done.brain is not None else np.any([i > 0 for i in done.images.values()], axis=0)
        how = {"how": settings.intensity}
        options = {"how": settings.intensity, "landmarks": space.landmarks if space else None}
        done.images = done.do("intensity", None, how, normalise, done.images, inside, **options)
    for name, other in done.substituted.items():
        done.images[name] = done.images[other].copy()
        done.steps.append(Step("substitute", name, {"by": other}, 0.0))
    if settings.size is not None:
        _resize(done, settings.size)


def _resize(done: Prepared, size: tuple[int, int, int]) -> None:
    box = Box(centred(done.geometry.shape, size), tuple(size), done.geometry.shape)

    def cut(array):
        return np.ascontiguousarray(np.moveaxis(box.cut(array), 0, 2))

    done.images = {name: cut(image) for name, image in done.images.items()}
    done.brain = None if done.brain is None else cut(done.brain)
    done.labels = None if done.labels is None else cut(done.labels)
    affine = done.geometry.affine.copy()
    affine[:3, 3] = (affine @ [*box.start, 1])[:3]
    done.geometry = Geometry(tuple(size), affine)
    done.steps.append(Step("size", None, {"size": list(size), "start": list(box.start)}, 0.0))
