"""What to know of one segmented case: a scan unlike the training's, an answer that can hardly be, a head cut off."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from segan_tl.config.data import DataConfig
from segan_tl.config.schema import Config
from segan_tl.data.find.cases import LoadedCase
from segan_tl.data.fingerprint import fingerprint_case, implausible_volume, number, unlike_training
from segan_tl.data.prepare import in_plane
from segan_tl.data.presence import there
from segan_tl.predict.members import Member, resampled_mm
from segan_tl.predict.prepare import segmented_box

LARGEST_SHARE = 1 / 3  # of the head; the largest gliomas of BraTS fill a fifth or so
MOST_IN_AIR = 0.1  # of what was found
MOST_SIDES = 2  # of the image that a tumour touches
MOST_NOT_SEGMENTED = 0.1  # of the head; BraTS' heads reach 4 to 6 % beyond the published crop and window


class Judgement(NamedTuple):
    """Of one case, in plain words.

    Attributes:
        unlike_training: how the scan differs from those of the training.
        doubtful: why the answer can hardly be.
        not_segmented_ml: how much of the head lies outside of the area that is segmented.
    """

    unlike_training: list[str]
    doubtful: list[str]
    not_segmented_ml: float

    @property
    def lines(self) -> list[str]:
        """Return all of it but the last, each with its kind."""
        return remark_lines(self.unlike_training, self.doubtful)


def remark_lines(unlike_training: Sequence[str], doubtful: Sequence[str]) -> list[str]:
    """Return remarks of both kinds, each with its kind."""
    return [f"unlike the training: {remark}" for remark in unlike_training] + [f"doubtful: {one}" for one in doubtful]


def judge(loaded: LoadedCase, prediction: np.ndarray, members: Sequence[Member]) -> Judgement:
    """Hold a case and what was found in it against the training.

    Args:
        prediction: (H, W, D, R) bool.
        members: the one run, or those that have voted, whose modalities are the channels of the image in order.
    """
    unlike = {}
    for member, images in images_of(loaded, members):
        unlike |= dict.fromkeys(compare_with_training(images, loaded.spacing_mm, member.cohort, member.config))
    config, cohort = members[0].config, members[0].cohort
    head = np.any(loaded.image != 0, axis=-1)
    voxel_ml = loaded.geometry.voxel_volume_mm3 / 1000
    outside = count_outside(head, config, spacing_mm=loaded.spacing_mm)
    doubtful = [
        implausible_volume(region, float(prediction[..., i].sum() * voxel_ml), cohort) if cohort else None
        for i, region in enumerate(config.data.regions)
    ]
    doubtful += [_share(prediction, head), _air(prediction, head), _border(prediction), _area(outside, head, config)]
    return Judgement(list(unlike), [remark for remark in doubtful if remark], round(outside * voxel_ml, 3))


def images_of(loaded: LoadedCase, members: Sequence[Member]) -> Iterator[tuple[Member, dict[str, np.ndarray]]]:
    """Yield each member with what it sees of a case: modality → (H, W, D), without those that are missing."""
    channel = 0
    for member in members:
        data = member.config.data
        images = {name: loaded.image[..., channel + i] for i, name in enumerate(data.modalities)}
        channel += len(images)
        if data.any_subset:  # what is missing looks like nothing
            images = {name: images[name] for name in used_modalities(loaded.image, data)}
        yield member, images


def used_modalities(image: np.ndarray, data: DataConfig) -> list[str]:
    """Return which of a run's modalities a case (H, W, D, M) has: those whose channel is not 0 everywhere."""
    return [name for name, is_there in zip(data.modalities, there(image)) if is_there]


def compare_with_training(
    images: Mapping[str, np.ndarray], spacing_mm: Sequence[float], cohort: dict | None, config: Config
) -> list[str]:
    """Say how a scan differs from those of a training; an empty list where the run does not keep how those looked.

    Args:
        images: modality → (H, W, D), air 0.
    """
    if cohort is None:
        return []
    numbers = fingerprint_case(images, spacing_mm=spacing_mm)
    return unlike_training(numbers, cohort, target_mm=resampled_mm(config))


def count_outside(mask: np.ndarray, config: Config, *, spacing_mm: Sequence[float]) -> int:
    """Return how many voxels of (H, W, D) lie outside of the area that is segmented: 0 where the whole head is."""
    box = segmented_box(mask.shape, config, spacing_mm=spacing_mm)
    return 0 if box is None else int(np.count_nonzero(mask) - np.count_nonzero(mask[box.inside]))


def _share(prediction: np.ndarray, head: np.ndarray) -> str | None:
    """Say that what was found is too large for any head."""
    found, whole = np.count_nonzero(prediction.any(axis=-1)), max(np.count_nonzero(head), 1)
    return f"what was found is {100 * found / whole:.0f} % of the head" if found > LARGEST_SHARE * whole else None


def _air(prediction: np.ndarray, head: np.ndarray) -> str | None:
    found = prediction.any(axis=-1)
    share = np.count_nonzero(found & ~head) / max(np.count_nonzero(found), 1)
    return f"{100 * share:.0f} % of what was found lies in air" if share > MOST_IN_AIR else None


def _border(prediction: np.ndarray) -> str | None:
    found = prediction.any(axis=-1)
    sides = [np.take(found, side, axis=axis).any() for axis in range(3) for side in (0, -1)]
    return f"what was found touches {sum(sides)} sides of the image" if sum(sides) > MOST_SIDES else None


def _area(outside: int, head: np.ndarray, config: Config) -> str | None:
    share = outside / max(np.count_nonzero(head), 1)
    if share <= MOST_NOT_SEGMENTED:
        return None
    return f"{100 * share:.0f} % of the head lies outside of the {area_text(config)} that are segmented"


def area_text(config: Config) -> str:
    """Return how large the segmented area is."""
    data, step_mm, size = config.data, config.data.spacing_mm, config.data.crop
    if config.predict.area == "window":
        size = in_plane(size, data.patch[1:], axes=data.axes)
    unit = "voxels" if step_mm is None else f"voxels of {step_mm:g} mm"
    return f"{' × '.join(map(str, size))} {unit}"


def summarise(records: Collection[Mapping], config: Config) -> list[str]:
    """Say of how many cases there is something to say.

    Args:
        records: what predictions.json says of each case.
    """
    of_all, lines = f"of {len(records)} case{'s' * (len(records) != 1)}", []
    if unlike := sum(bool(record["unlike_training"]) for record in records):
        lines.append(f"{unlike} {of_all} {'are' if unlike > 1 else 'is'} unlike what the model was trained on")
    if doubtful := sum(bool(record["doubtful"]) for record in records):
        lines.append(f"the answer for {doubtful} {of_all} is doubtful")
    if any(record["head_not_segmented_ml"] >= 1 for record in records):
        lines.append(f"of the head is not segmented what reaches out of the {area_text(config)} that the run looks at")
    return lines


def not_segmented_text(judgement: Judgement) -> list[str]:
    """Return in a few words how much of the head was not looked at, or nothing."""
    volume_ml = judgement.not_segmented_ml
    return [f"{number(volume_ml)} ml of the head not segmented"] if volume_ml >= 1 else []
