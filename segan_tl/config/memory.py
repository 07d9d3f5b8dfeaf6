"""What a configuration needs of the computer's memory at least: sizes that no computer holds are refused at once."""

import math
import os

from segan_tl.config.schema import Config

GIB = 2**30
FLOAT_BYTES = 4
COPIES = 3  # of a case while it is prepared: read, cropped, scaled
LARGEST_ACCELERATOR_GIB = 192


def memory_bytes() -> int:
    """Return the memory of this computer."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def lack_of_memory(config: Config) -> str | None:
    """Return what to change where a case or a batch cannot fit into memory; None where both may.

    A bound from below: of a batch, its images and the features of the network's first stage.
    """
    here_gib = memory_bytes() / GIB
    voxels, width = config.train.batch_size * math.prod(config.data.patch), (config.model.filters or (16,))[0]
    if config.data.crop:
        case_gib = COPIES * math.prod(config.data.crop) * len(config.data.modalities) * FLOAT_BYTES / GIB
        if case_gib > here_gib:
            return (
                f"data.crop {list(config.data.crop)} needs {case_gib:,.0f} GiB of memory for a case; expected at most "
                f"the {here_gib:,.0f} GiB of this computer; give a smaller crop"
            )
    batch_gib = voxels * (config.channels + width) * FLOAT_BYTES / GIB
    if batch_gib > (most := max(here_gib, LARGEST_ACCELERATOR_GIB)):
        return (
            f"data.patch with train.batch_size {config.train.batch_size} needs {batch_gib:,.0f} GiB of memory for a "
            f"batch; expected at most {most:,.0f} GiB; give a smaller one"
        )
    return None
