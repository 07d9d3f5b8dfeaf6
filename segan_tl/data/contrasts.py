"""Contrasts that no scanner has: intensities drawn for every tissue of a synthetic case, anew for every example.

Half of them are near physics: the signal of some sequence at some field strength, with other relaxation times, one in
four of them inverted. The other half is free: every tissue of any brightness, grey matter here like grey matter there.
All are bent by a gamma. Either way a network learns what shape a tumour has, not how bright it is [Billot 2023,
SynthSeg, Medical Image Analysis 86; the ranges here are our choice].

What the preparation of a run makes of such an image is computed, not measured: a contrast's percentiles, or its mean
and deviation, follow from how much of the whole case each tissue fills, so that all patches of one contrast would be
scaled alike, as those of a scan are.
"""

from collections.abc import Sequence

import numpy as np

from segan_tl.config.schema import Config
from segan_tl.data.cache import CachedCase
from segan_tl.data.phantom.sequences import Sequence as Timing
from segan_tl.data.phantom.sequences import signal, with_gadolinium
from segan_tl.data.phantom.tissue_map import CODES, KINDS
from segan_tl.data.phantom.tissues import R1_PER_MMOL_SECOND, R2_PER_MMOL_SECOND, TISSUES
from segan_tl.errors import UserError, some

PHYSICAL, INVERTED, ENHANCED = 0.5, 0.25, 0.5  # shares; of physical ones, of those with a short repetition
LESIONS = ("edema", "rim", "necrosis", "tumour", "plaque")
GREY, WHITE = ("cerebellum", "thalamus", "striatum"), ("stem", "pallidum")
LESION_GAP = (0.1, 0.6)  # between a lesion and white matter, the brightest tissue being 1
CLOSE = 0.05  # of the lesions are nearer than that
NOISE = (0.01, 0.06)  # of the brighter of white and grey matter
BIAS = (0.0, 0.4)  # deviation of its logarithm at a node
BETWEEN_NODES = 0.479365  # of it is left where cubic B-splines smooth it in a plane
BLURRED = 0.5  # share, along one axis
BLUR_STEP_VOXELS, BLUR_STEPS = 0.25, 8  # up to 2 voxels: slices of about 5 voxels
# Kind, whether short (gadolinium is seen), and the ranges of TR, TE, TI in ms and of the flip angle in degrees.
PROTOCOLS = (
    ("spin_echo", True, (400, 800), (8, 20), (0, 0), (90, 90)),
    ("spin_echo", False, (2500, 6500), (70, 130), (0, 0), (90, 90)),
    ("spin_echo", False, (1800, 4000), (10, 40), (0, 0), (90, 90)),
    ("inversion_recovery", False, (7000, 11000), (90, 150), (2200, 2600), (90, 90)),
    ("inversion_recovery", True, (1800, 2500), (2, 5), (800, 1100), (90, 90)),
    ("spoiled_gradient_echo", True, (6, 30), (2, 6), (0, 0), (10, 30)),
)
BANK = 1 << 18  # half of the normal numbers that fields and noise are read from, drawn once
_COLUMN = {name: code - 1 for name, code in CODES.items()}
_QUANTILES = 9  # nodes of a tissue's distribution
_STREAM = 15  # beside seed and epoch: the other draws of an epoch are those of a run with contrast = "physics"


def plan_contrasts(
    cases: Sequence[CachedCase], config: Config, *, epoch: int, case: np.ndarray, is_source: np.ndarray
) -> dict[str, np.ndarray] | None:
    """Draw which examples of an epoch are painted, and with which contrasts; None where none is.

    Args:
        cases: of the target, then of the source.
        case: (N,) index into the cases.
        is_source: (N,) whether an example is of the second cohort.

    Returns:
        What `draw_contrasts` gives; low and scale (M,), of `scale_of`; painted, boolean.

    Raises:
        UserError: a case has no tissue map.
    """
    second = config.source.phantom.painted if config.source else 0.0
    share = np.where(is_source, second, config.phantom.painted)
    if not share.any():
        return None
    lacking = [cases[i].id for i in np.unique(case[share > 0]) if cases[i].tissues is None]
    if lacking:
        raise UserError(
            f"expected a tissue map to paint contrasts on; found none of {some(lacking, 3)}; "
            "set phantom.contrast=physics, or give the case one with add_tissues"
        )
    generator = np.random.default_rng([config.seed, epoch, _STREAM])
    painted = generator.random(len(case)) < share
    drawn = draw_contrasts(
        generator, count=len(case), channels=cases[0].image.shape[-1], patch=config.data.patch
    )
    normalise = config.data.normalise
    voxels = np.stack([_normalised_voxels(one, normalise) for one in cases])
    low, scale = scale_of(drawn, voxels[case], normalise=normalise, percentiles=config.data.percentiles)
    return {**drawn, "low": low, "scale": scale, "painted": painted}


def _normalised_voxels(case: CachedCase, normalise: str) -> np.ndarray:
    """Return how many voxels of each tissue the volume has that is normalised, by code."""
    if case.tissues is None:
        return np.eye(KINDS)[1]  # never painted: any will do
    voxels = np.array(case.tissue_voxels)
    if normalise == "ren":  # the whole volume, not the box of the head
        voxels[0] += case.labels.size * (np.prod(case.box.shape) / np.prod(case.box.size) - 1)
    return voxels


def draw_contrasts(
    generator: np.random.Generator, *, count: int, channels: int, patch: Sequence[int]
) -> dict[str, np.ndarray]:
    """Draw the contrasts of `count` examples, one for each of their channels.

    Args:
        patch: voxels along D, H, W; what is 1 voxel thick is not blurred through it.

    Returns:
        Arrays of `count` rows: mean and spread (T + 1, M), by the code of the tissue, 0 outside the brain; noise and
        bias (M,), deviations; blur (M, 3), in steps of BLUR_STEP_VOXELS along D, H, W; start (M, 4), where the random
        numbers of texture (two of them), bias and noise begin in the bank.
    """
    rows = count * channels
    physical = generator.random((rows, 1)) < PHYSICAL
    mean = np.where(physical, _physical(generator, rows), _free(generator, rows))
    mean = mean ** np.exp(generator.normal(0, 0.3, (rows, 1)).clip(-0.6, 0.6))
    spread = np.array([tissue.spread for tissue in TISSUES.values()]) * generator.uniform(0.3, 1.5, mean.shape)
    matter = np.maximum(mean[:, _COLUMN["wm"]], mean[:, _COLUMN["gm"]])
    axes = np.flatnonzero(np.array(patch) > 1)
    blur = np.zeros((rows, 3), np.int32)
    if len(axes):
        steps = generator.integers(1, BLUR_STEPS + 1, rows) * (generator.random(rows) < BLURRED)
        blur[np.arange(rows), axes[generator.integers(len(axes), size=rows)]] = steps
    drawn = {
        "mean": _by_code(mean, count),
        "spread": _by_code(spread * np.maximum(mean, 0.3), count),
        "noise": (generator.uniform(*NOISE, rows) * matter).reshape(count, channels),
        "bias": generator.uniform(*BIAS, (count, channels)),
    }
    drawn = {name: values.astype(np.float32) for name, values in drawn.items()}
    start = generator.integers(BANK, size=(count, channels, 4))
    return {**drawn, "blur": blur.reshape(count, channels, 3), "start": start}


def _by_code(values: np.ndarray, count: int) -> np.ndarray:
    """Return (count, T + 1, M) of (count · M, T), with 0 for what lies outside."""
    return np.insert(values.reshape(count, -1, values.shape[-1]), 0, 0, axis=2).transpose(0, 2, 1)


def _physical(generator: np.random.Generator, count: int) -> np.ndarray:
    """Return the signal (count, T) that a sequence gives of each tissue, the brightest 1."""
    which, fields = generator.integers(len(PROTOCOLS), size=count), sorted(R1_PER_MMOL_SECOND)
    strong = generator.integers(len(fields), size=(count, 1))
    rows = list(TISSUES.values())

    def times(name: str, jitter: float) -> np.ndarray:
        values = (
            np.where(strong == i, [getattr(row, name)[field] for row in rows], 0) for i, field in enumerate(fields)
        )
        between = jitter + np.array([row.between for row in rows])
        return sum(values) * np.exp(generator.normal(0, 1, (count, len(rows))) * between)

    t1_ms, t2_ms = times("t1_ms", 0.03), times("t2_ms", 0.05)
    dose = generator.uniform(0.3, 1.7, (count, 1)) * (generator.random((count, 1)) < ENHANCED)
    concentration = dose * [row.gadolinium_mmol for row in rows]
    relaxivities = R1_PER_MMOL_SECOND, R2_PER_MMOL_SECOND
    r1, r2 = (np.array([table[field] for field in fields])[strong] for table in relaxivities)
    enhanced = with_gadolinium(t1_ms, t2_ms, concentration_mmol=concentration, r1=r1, r2=r2)
    found = np.empty_like(t1_ms)
    for number, (kind, short, *ranges) in enumerate(PROTOCOLS):
        mine = which == number
        timing = Timing(kind, *(generator.uniform(*limits, (int(mine.sum()), 1)) for limits in ranges))
        t1, t2 = (values[mine] for values in (enhanced if short else (t1_ms, t2_ms)))
        found[mine] = signal(timing, t1_ms=t1, t2_ms=t2, proton_density=np.array([row.proton_density for row in rows]))
    found /= found.max(axis=1, keepdims=True)
    return np.where(generator.random((count, 1)) < INVERTED, 1.05 - found, found)


def _free(generator: np.random.Generator, count: int) -> np.ndarray:
    """Return any brightness (count, T): 0.05 to 1, lesions farther from white matter than LESION_GAP's lower end.

    But for a share CLOSE of the lesions, which hide: on real images some do.
    """
    found = generator.uniform(0.05, 1, (count, len(TISSUES)))
    for names, like in ((GREY, "gm"), (WHITE, "wm")):
        for name in names:
            found[:, _COLUMN[name]] = (found[:, _COLUMN[like]] + generator.normal(0, 0.07, count)).clip(0.05, 1.1)
    white = found[:, _COLUMN["wm"]]
    for name in LESIONS:
        least, most = LESION_GAP
        gap = generator.uniform(least, most, count)
        gap = np.where(generator.random(count) < CLOSE, gap * least / most, gap)
        gap = np.where(generator.random(count) < 0.5, gap, -gap)
        brightness = white + gap
        # What would be darker than air or far brighter than all else goes to the other side.
        found[:, _COLUMN[name]] = np.where((brightness < 0.02) | (brightness > 1.2), white - gap, brightness)
    return found


# === What the preparation would make of such an image ===


def scale_of(
    drawn: dict[str, np.ndarray], voxels: np.ndarray, *, normalise: str, percentiles: Sequence[float] = (2.0, 98.0)
) -> tuple[np.ndarray, np.ndarray]:
    """Return what is subtracted from a contrast, and what it is multiplied by, (N, M) each, as `prepare_volume` would.

    Args:
        drawn: of `draw_contrasts`.
        voxels: (N, T + 1) voxels that each tissue fills of the volume that is normalised, outside first.
        normalise, percentiles: of the configuration.
    """
    mean = drawn["mean"].astype(np.float64)
    variance = np.square(drawn["spread"]) + np.square(drawn["noise"])[:, None]
    variance = variance + np.square(BETWEEN_NODES * drawn["bias"][:, None] * mean)
    if normalise == "zscore":
        weights = voxels[:, 1:, None] / voxels[:, 1:].sum(axis=1)[:, None, None]
        centre = (weights * mean[:, 1:]).sum(axis=1)
        second = (weights * (np.square(mean[:, 1:]) + variance[:, 1:])).sum(axis=1)
        return centre.astype(np.float32), (1 / np.sqrt(second - np.square(centre))).astype(np.float32)
    variance[:, 0] = 0
    low, high = _quantiles(mean, np.sqrt(variance), voxels, (1.0, 99.0) if normalise == "ren" else percentiles)
    return low.astype(np.float32), (1 / np.maximum(high - low, 1e-3)).astype(np.float32)


def _quantiles(mean: np.ndarray, deviation: np.ndarray, voxels: np.ndarray, percentiles: Sequence[float]):
    """Return percentiles (N, M) of a mixture of normal distributions (N, T + 1, M), weighted by voxels (N, T + 1)."""
    from scipy.special import ndtri

    nodes = ndtri((np.arange(_QUANTILES) + 0.5) / _QUANTILES)
    values = np.abs(mean[..., None] + deviation[..., None] * nodes).astype(np.float32)  # a magnitude
    count, tissues, channels, _ = values.shape
    values = values.transpose(0, 2, 1, 3).reshape(count, channels, -1)
    weights = np.repeat(voxels, _QUANTILES, axis=1)[:, None]
    order = np.argsort(values, axis=-1)
    filled = np.cumsum(np.take_along_axis(np.broadcast_to(weights, values.shape), order, axis=-1), axis=-1)
    values = np.take_along_axis(values, order, axis=-1)
    reached = [(filled < percent / 100 * filled[..., -1:]).sum(axis=-1, keepdims=True) for percent in percentiles]
    return [np.take_along_axis(values, np.minimum(at, values.shape[-1] - 1), axis=-1)[..., 0] for at in reached]
