"""What a patch costs the processor: reading, space, intensities; how many patches a core makes, and what a GPU takes.

`pipeline_speed.py --cores N` calls it. Epochs of the same plan take turns; of each kind the least time of a round
counts, as other programs on a computer can only add to it.
"""

import itertools
import math
import os
import time
from functools import partial

# nnU-Net trains on two patches of 128³ a step. How many steps a second is an assumption about GPUs, not measured.
GPU_STEPS_PER_SECOND, GPU_BATCH = (3, 7), 2
MANY_CORES = 16
INTENSITIES = ("noise", "blur", "brightness", "contrast", "low_resolution", "gamma", "gamma_inverted")
SPACE = ("rotation", "scaling", "elastic", "mirror")


def keep_to_cores(count: int) -> None:
    """Stay on the first `count` of the cores that this process may use; before TensorFlow counts them."""
    allowed = sorted(os.sched_getaffinity(0))
    if count > len(allowed):
        raise SystemExit(f"expected --cores of at most {len(allowed)}, as many as this process may use; found {count}")
    os.sched_setaffinity(0, allowed[:count])


def measure_parts(config, cached, *, rounds: int) -> dict[str, list[float]]:
    """Return kind of patches → least seconds of the processor and of the clock, a patch."""
    epoch = typical_epoch(config, cached)
    plain = _with_chances(config, dict.fromkeys((*INTENSITIES, *SPACE), 0.0))
    moved = _with_chances(config, dict.fromkeys(INTENSITIES, 0.0) | dict.fromkeys(("rotation", "scaling"), 1.0))
    kinds = {
        "reading": partial(_read_all, plain, cached, epoch),
        "no augmentation": partial(_make_all, plain, cached, epoch),
        "all turned and scaled": partial(_make_all, moved, cached, epoch),
        "space alone, as for a GPU": partial(_make_all, config, cached, epoch, intensities=False),
        "everything": partial(_make_all, config, cached, epoch),
    }
    for measure in kinds.values():  # traced and compiled before the clock
        measure(batches=1)
    found = [{kind: measure() for kind, measure in kinds.items()} for _ in range(rounds)]
    return {kind: [min(values) for values in zip(*(one[kind] for one in found), strict=True)] for kind in kinds}


def typical_epoch(config, cached, *, among: int = 50) -> int:
    """Return the epoch of which as many patches are turned or scaled as of a mean one: few patches may have none."""
    import numpy as np

    from segan_tl.data.sample import plan_patches

    plans = (plan_patches(cached, config, epoch=epoch) for epoch in range(among))
    shares = np.array([(plan.changes["matrix"] != np.eye(3)).any(axis=(1, 2)).mean() for plan in plans])
    return int(np.argmin(abs(shares - shares.mean())))


def lock_seconds(config, cached, *, patches: int = 200) -> float:
    """Return what reading costs beside the copying, a patch: no more than this can Python's lock be held."""
    from segan_tl.data.sample import plan_patches

    plan = plan_patches(cached, config, epoch=1)
    start = time.process_time()
    for i in range(patches):
        _cut(cached, plan, i % len(plan), (1, 1, 1))
    return (time.process_time() - start) / patches


def print_parts(console, least: dict[str, list[float]], *, cores: int, lock: float) -> None:
    """Print the table of kinds, the shares, what a GPU takes and how far the lock of Python is."""
    from rich.table import Table

    table = Table("patches", "processor s", "a second and core", f"a second, {cores} cores")
    for kind, (processor, clock) in least.items():
        table.add_row(kind, f"{processor:.3f}", f"{1 / processor:.1f}", f"{1 / clock:.1f}")
    console.print(table)
    whole = least["everything"][0]
    edges = [0.0, *(least[kind][0] for kind in ("reading", "no augmentation", "space alone, as for a GPU")), whole]
    names = ("reading", "float32, masks, batches", "space", "intensities")
    shares = (f"{name} {(after - before) / whole:.0%}" for name, before, after in zip(names, edges, edges[1:]))
    console.print("of everything: " + ", ".join(shares))
    low, high = (steps * GPU_BATCH for steps in GPU_STEPS_PER_SECOND)
    for kind in ("everything", "space alone, as for a GPU"):
        processor = least[kind][0]
        console.print(
            f"{kind}: a GPU that takes {low} to {high} patches/s needs {math.ceil(low * processor)} to "
            f"{math.ceil(high * processor)} cores; {MANY_CORES} cores would make {MANY_CORES / processor:.0f}"
        )
    console.print(f"Python's lock: at most {lock * 1e6:.0f} µs a patch, so no limit below {1 / lock:.0f} patches/s")


def _with_chances(config, chances: dict[str, float]):
    return config.model_copy(update={"augment": config.augment.model_copy(update=chances)})


def _read_all(config, cached, epoch: int, *, batches: int | None = None) -> tuple[float, float]:
    from segan_tl.data.sample import plan_patches

    plan = plan_patches(cached, config, epoch=epoch)
    return _timed(len(plan), (_cut(cached, plan, i, config.data.patch) for i in range(len(plan))), batches)


def _cut(cached, plan, i: int, size) -> tuple:
    from segan_tl.data.cache import cut_patch

    case, corner = cached[plan.case[i]], plan.corner[i]
    return cut_patch(case.image, corner, size), cut_patch(case.labels, corner, size)


def _make_all(
    config, cached, epoch: int, *, intensities: bool = True, batches: int | None = None
) -> tuple[float, float]:  # fmt: skip
    from segan_tl.data.batches import make_patches
    from segan_tl.data.sample import plan_patches

    plan = plan_patches(cached, config, epoch=epoch)
    return _timed(len(plan), iter(make_patches(cached, plan, config, intensities=intensities)), batches)


def _timed(patches: int, source, batches: int | None) -> tuple[float, float]:
    """Return seconds of the processor and of the clock, a patch, of going through what makes them, or its beginning."""
    start = time.process_time(), time.perf_counter()
    for _ in itertools.islice(source, batches):
        pass
    return (time.process_time() - start[0]) / patches, (time.perf_counter() - start[1]) / patches
