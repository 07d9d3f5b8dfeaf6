"""Two replicas against one: the same weights, the same losses [DESIGN: synchronized BatchNormalization]."""

import subprocess
import sys
from pathlib import Path

import numpy as np

WORKER = Path(__file__).with_name("replicas_worker.py")


def test_two_replicas_give_the_weights_of_one(tmp_path, tiny_config):
    results = []
    for devices in ("cpu", "cpu:2"):
        target = tmp_path / f"{devices[3:]}.npz"
        subprocess.run([sys.executable, WORKER, devices, target, tiny_config], check=True, capture_output=True)
        with np.load(target) as saved:
            results.append([saved[name] for name in saved.files])
    one, two = results
    assert len(one) == len(two)
    # RMSprop divides by the gradient's own size, so rounding shows in proportion to the learning rate: the
    # paper's 2e-5. Moving variances are larger than 1, hence relative to the larger of 1 and the value.
    assert max((np.abs(a - b) / np.maximum(1, np.abs(a))).max() for a, b in zip(one, two)) <= 1e-6
