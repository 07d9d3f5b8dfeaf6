"""Prepare and read as many cases as there are in a folder, with the options of a configuration, where few files may be
open; print how many cases were read, and the most files that were open."""

import os
import resource
import sys
from pathlib import Path

LIMIT = 256


def main(folder: Path, file: str, overrides: list[str]) -> None:
    """Prepare the cohort, read every case, and the batches of an epoch."""
    import numpy as np

    from segan_tl.config.load import load_config
    from segan_tl.data.batches import make_patches
    from segan_tl.data.cache import prepare_cases
    from segan_tl.data.find.cases import find_cases
    from segan_tl.data.sample import plan_patches

    resource.setrlimit(resource.RLIMIT_NOFILE, (LIMIT, LIMIT))
    config, cases = load_config(file, overrides), find_cases(folder).cases
    cached, problems = prepare_cases(cases, folder.parent / "cache", config=config.data)
    assert not problems and len(cached) == len(cases), problems
    assert all(np.isfinite(case.whole()[0]).all() for case in cached)
    plan, most = plan_patches(cached, config, epoch=0), 0
    for batch in make_patches(cached, plan, config):
        assert np.isfinite(batch["image"].numpy()).all()
        most = max(most, len(os.listdir("/proc/self/fd")))
    print(len(np.unique(plan.case)), most)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], sys.argv[3:])
