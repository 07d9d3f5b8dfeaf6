"""`predict --ensemble` needs the memory of one of its networks, however many there are."""

import subprocess
import sys
from pathlib import Path

import keras
import nibabel
import numpy as np
import pytest

from segan_tl.config.load import validate
from tests.small_runs import make_run, small_config

SHAPE, SEEN = (240, 240, 155), ("flair", "t2", "t1c", "t1")
PREDICT = """
import resource, sys
from segan_tl.__main__ import main
assert main(["predict", *sys.argv[1:]]) == 0
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def write_large_case(folder: Path) -> Path:
    """Write a head of BraTS' size, with a tumour that each of three modalities shows a smaller part of."""
    axes = [(np.arange(size) - size // 2).reshape(np.roll((-1, 1, 1), place)) for place, size in enumerate(SHAPE)]
    distance = sum(axis.astype(np.float32) ** 2 for axis in axes) ** 0.5
    texture = np.random.default_rng(0).integers(80, 120, SHAPE, np.int16)
    place = folder / "BraTS2021_00001"
    place.mkdir(parents=True)
    for modality, radius in (("flair", 30), ("t2", 20), ("t1ce", 12), ("t1", 0)):
        image = np.where(distance < radius, np.int16(1000), texture) * (distance < 75)
        nibabel.save(nibabel.Nifti1Image(image, np.diag([-1, -1, 1, 1.0])), place / f"{place.name}_{modality}.nii.gz")
    return place


def tiny_segmentor() -> keras.Model:
    """Build a network of slices that finds wt, tc, et where the first three of four modalities are bright."""
    image = keras.Input((None, None, 4), name="image")
    logits = keras.layers.Conv2D(3, 1, name="logits")(image)
    model = keras.Model(image, keras.layers.Activation("sigmoid", name="probability")(logits), name="segmentor")
    model.get_layer("logits").set_weights([40 * np.eye(4)[:, :3].reshape(1, 1, 4, 3), np.full(3, -20.0)])
    return model


@pytest.mark.slow
@pytest.mark.parametrize("rule", ["mean", "staple"])
def test_ten_members_need_the_memory_of_one(tmp_path, rule):
    values = small_config(SEEN, ("wt", "tc", "et")).model_dump(mode="json")
    values["data"] |= {"crop": SHAPE, "patch": [1, 64, 64]}
    config, case = validate(values, source="the test"), write_large_case(tmp_path / "cohort")
    runs = [str(make_run(tmp_path / f"run{k}", config, segmentor=tiny_segmentor()).root) for k in range(10)]

    def peak(*words) -> int:
        command = [sys.executable, "-c", PREDICT, *words, str(case), str(tmp_path / f"out{len(words)}")]
        return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()[-1])

    one, ten = peak(runs[0]), peak(*runs, "--ensemble", rule)
    print(f"peak memory: one {one / 1024:.0f} MiB, ten {ten / 1024:.0f} MiB")
    assert ten < 1.1 * one
