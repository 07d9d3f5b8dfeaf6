"""Fixtures shared by all tests."""

import os
import signal
import subprocess
from pathlib import Path

import pytest

# The files that take longest begin first, so that no process works alone at the end.
LONG = (
    "test_machines", "test_transfer", "test_train", "test_finetune", "test_replicas", "test_train_domains", "test_fit",
    "test_strategies",
)  # fmt: skip

# A suite begun in a shell's background inherits "ignore Ctrl-C", one under nohup "ignore the end of the terminal", and
# so would every program that a test interrupts.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


def pytest_collection_modifyitems(items):
    items.sort(key=lambda item: LONG.index(item.path.stem) if item.path.stem in LONG else len(LONG))


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Return the folder of real MRI named by SEGAN_TL_REAL_DATA, or skip."""
    folder = Path(os.environ.get("SEGAN_TL_REAL_DATA", Path(__file__).parents[2] / "shared" / "data"))
    if not (folder / "brats2021").is_dir():
        pytest.skip(f"no real MRI at {folder}; set SEGAN_TL_REAL_DATA to the folder that holds brats2021/")
    return folder


@pytest.fixture
def small_disk(tmp_path):
    """Return a function that mounts a disk of so many kilobytes, or skip where that is not allowed."""
    mounted = []

    def mount(kilobytes: int) -> Path:
        folder = tmp_path / f"disk{len(mounted)}"
        folder.mkdir()
        command = ["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", str(folder)]
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False)
        except FileNotFoundError:
            pytest.skip("there is no mount here")
        if done.returncode:
            pytest.skip(f"a small disk cannot be mounted here: {done.stderr.strip()}")
        mounted.append(folder)
        return folder

    yield mount
    for folder in mounted:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


TINY_CONFIG = """
name = "segan"

[data]
modalities = ["flair"]
regions = ["wt"]
normalise = "percentiles"
crop = [48, 48, 16]
patch = [1, 32, 32]
sampling = "slices"
foreground = 0.0
split = [0.5, 0.25, 0.25]

[augment]
mirror = 0.5
mirror_axes = ["H"]
rotation = 1.0
rotation_degrees = 10
noise = 1.0
noise_std = [0.02, 0.02]

[model]
family = "segan"
filters = [4, 4, 8, 8]
deep_supervision = false

[critic]
filters = [4, 4, 8]

[train]
batch_size = 8
epochs = 3
steps_per_epoch = 4
loss = "squared_dice"
dice_smooth = 1e-6
optimizer = "rmsprop"
learning_rate = 1e-3
schedule = "constant"
clip_norm = 0
averaging = 0.9

[predict]
whole_slices = true
mirror = false
batch_size = 8
"""


@pytest.fixture(scope="session")
def tiny_cohort(tmp_path_factory) -> Path:
    """Return a folder of eight synthetic patients on a coarse grid."""
    from segan_tl.data.phantom import write_cohort

    folder = tmp_path_factory.mktemp("cohort") / "tiny"
    write_cohort(folder, "glioma-3t", cases=8, shape=(48, 48, 31), seed=7, jobs=2)
    return folder


@pytest.fixture(scope="session")
def tiny_config(tmp_path_factory) -> Path:
    """Return a configuration that trains in seconds."""
    path = tmp_path_factory.mktemp("config") / "tiny.toml"
    path.write_text(TINY_CONFIG)
    return path
