"""Small pictures of a case for the page, which also show in print: the slice with most tumour, plain and painted."""

import base64
import io
from collections.abc import Sequence
from html import escape

import numpy as np
from matplotlib.image import imsave

from segan_tl.report.html.volumes import ShownCase

# What both mark, what only the prediction marks, what only the truth marks, and the truth where nothing is compared
# with it: Okabe and Ito's palette.
COLOURS = {"both": (0, 158, 115), "prediction": (230, 159, 0), "missed": (86, 180, 233), "truth": (204, 121, 167)}
MEANINGS = {
    "both": "found (true positive)",
    "prediction": "too much (false positive)",
    "missed": "missed (false negative)",
    "truth": "truth",
}
STRENGTH = 0.55
SMALLEST_PIXELS = 220


def cards(cases: Sequence[ShownCase], runs: Sequence[str], *, scores: dict[str, list[list[float | None]]]) -> str:
    """Return one <figure> a case with a role: the plain slice, and the difference to the truth of every run.

    Args:
        runs: names of the runs, in the order of the predictions.
        scores: case → run → the Dice of every region; the first region is painted.
    """
    return "".join(_card(case, runs, scores[case.id]) for case in cases if case.role)


def _card(case: ShownCase, runs: Sequence[str], dice: list[list[float | None]]) -> str:
    index = largest_slice(case)
    modality = next(iter(case.images))
    grey = case.images[modality][:, :, index]
    pictures = [_picture(grey, case, alt=f"{modality}, slice {index}")]
    for name, prediction, problem in zip(runs, case.predictions, case.problems):
        found = None if prediction is None else prediction[:, :, index] & 1
        painted = paint(grey, case.truth[:, :, index] & 1, found)
        what = "difference to the truth" if prediction is not None else f"prediction {problem}, truth only"
        pictures.append(_picture(painted, case, alt=f"{name}: {what}"))
    numbers = ", ".join(
        (f"{escape(name)} " if len(runs) > 1 else "") + _dice(values)
        for name, values in zip(runs, dice)
    )
    lacks = "".join(
        f"<br>{f'{escape(name)}: ' if len(runs) > 1 else ''}prediction {problem}, truth only"
        for name, problem in zip(runs, case.problems) if problem
    )  # fmt: skip
    place = case.first_slice + index * case.factor
    size = " many" if len(pictures) > 2 else ""
    return (
        f'<figure class="card{size}"><figcaption><b>{escape(case.role)}</b> {escape(case.id)}<br>'
        f"Dice {numbers} · {escape(modality)}, axial slice {place}{lacks}</figcaption>"
        f'<div class="pictures">{"".join(pictures)}</div></figure>'
    )


def _dice(values: list[float | None]) -> str:
    """Return the Dice of the first region and, of several, their mean: cases are chosen by it."""
    known = [value for value in values if value is not None]
    first = "–" if values[0] is None else f"{values[0]:.3f}"
    return f"{first} (all regions {np.mean(known):.3f})" if len(values) > 1 and known else first


def largest_slice(case: ShownCase) -> int:
    """Return the axial slice with most truth; of the first prediction, then the middle, where there is none."""
    for mask in (case.truth, *case.predictions):
        if mask is not None and mask.any():
            return int((mask > 0).sum(axis=(0, 1)).argmax())
    return case.truth.shape[2] // 2


def paint(grey: np.ndarray, truth: np.ndarray, prediction: np.ndarray | None) -> np.ndarray:
    """Return (H, W, 3) uint8: a slice with agreement and the two kinds of error in colour, or with the truth alone."""
    truth = truth.astype(bool)
    picture = np.repeat(grey[..., None], 3, axis=-1).astype(np.float32)
    if prediction is None:
        places = {"truth": truth}
    else:
        prediction = prediction.astype(bool)
        places = {"both": truth & prediction, "prediction": prediction & ~truth, "missed": truth & ~prediction}
    for name, mask in places.items():
        picture[mask] = (1 - STRENGTH) * picture[mask] + STRENGTH * np.array(COLOURS[name], np.float32)
    return picture.round().astype(np.uint8)


def _picture(picture: np.ndarray, case: ShownCase, *, alt: str) -> str:
    """Return an <img>: anterior up, the patient's right on the left."""
    upright = picture.swapaxes(0, 1)
    factor = -(-SMALLEST_PIXELS // max(upright.shape[:2]))
    upright = upright.repeat(factor, axis=0).repeat(factor, axis=1)
    file = io.BytesIO()
    imsave(file, upright, format="png", **({"cmap": "gray", "vmin": 0, "vmax": 255} if upright.ndim == 2 else {}))
    code = base64.b64encode(file.getvalue()).decode()
    ratio = upright.shape[1] * case.spacing_mm[0] / (upright.shape[0] * case.spacing_mm[1])
    return f'<img alt="{escape(alt)}" style="aspect-ratio: {ratio:.3f}" src="data:image/png;base64,{code}">'
