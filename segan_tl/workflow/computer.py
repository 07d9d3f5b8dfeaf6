"""What a computer has for a training, and what stands in its way: each a fact, and what to do where it is amiss."""

import os
import platform
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

from segan_tl.config.memory import GIB, memory_bytes
from segan_tl.environment import CGROUP, free_memory_bytes, usable_cores, version_line

# Of the wheel's CUDA code none runs on these; it is compiled anew for each, and XLA's compiler knows none of them.
NEW_CAPABILITY = (12, 0)
LITTLE_DISK_GIB = 5


class Fact(NamedTuple):
    """One line of the answer; `remedy` is "" where nothing is amiss."""

    subject: str
    found: str
    remedy: str = ""


def describe_computer(folders: dict[str, Path], set_aside: dict[str, str]) -> list[Fact]:
    """Return processor, memory, disk and settings; nothing heavy is imported.

    Args:
        folders: option → folder that it names, there or not.
        set_aside: of the user's environment what a command does not take over, see `environment.settle`.
    """
    cores, all_cores = usable_cores(), os.cpu_count()
    of_all = f" of {all_cores}, the others are not for this process" if cores < all_cores else ""
    free = free_memory_bytes()
    left = "" if free is None else f", {free / GIB:.1f} free"
    return [
        Fact("versions", version_line()),
        Fact("system", f"{platform.system()} {platform.release()}, {platform.machine()}"),
        Fact("processor", f"{cores} core{'s' * (cores > 1)}{of_all}"),
        Fact("memory", f"{usable_memory_bytes() / GIB:.1f} GiB{left}"),
        *(_disk(option, folder) for option, folder in folders.items()),
        *(Fact("setting", f"{name}={value} is not heeded") for name, value in set_aside.items()),
    ]


def usable_memory_bytes() -> int:
    """Return the memory that this process may have: of the computer, or of its container where that is less."""
    limit = CGROUP / "memory.max"
    text = limit.read_text(encoding="ascii").strip() if limit.is_file() else ""
    return min(memory_bytes(), int(text)) if text.isdigit() else memory_bytes()


def _disk(option: str, folder: Path) -> Fact:
    there, free_gib = _nearest(folder), free_bytes(folder) / GIB
    found = f"{free_gib:.0f} GiB free for {option} {folder}"
    if not os.access(there, os.W_OK):
        return Fact("disk", found, f"{there} cannot be written to: give {option} another folder")
    lack = f"little is left: give {option} a folder on another disk" if free_gib < LITTLE_DISK_GIB else ""
    return Fact("disk", found, lack)


def free_bytes(folder: Path) -> int:
    """Return what is free on the disk that a folder is on, or will be."""
    return shutil.disk_usage(_nearest(folder)).free


def resident_bytes() -> int:
    """Return the memory that this process holds by now; 0 where the system does not say."""
    status = Path("/proc/self/statm")
    return int(status.read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE") if status.is_file() else 0


def _nearest(folder: Path) -> Path:
    """Return the folder, or the one above it that is there."""
    folder = folder.absolute()
    return folder if folder.exists() else _nearest(folder.parent)


# === GPUs ===


def describe_gpus(seen: list[dict], build: dict, *, driver: list[str]) -> list[Fact]:
    """Return what TensorFlow can do with the GPUs that there are.

    Args:
        seen: of each GPU that TensorFlow sees "device_name" and "compute_capability", as it describes them.
        build: `tf.sysconfig.get_build_info()`.
        driver: names of the GPUs that nvidia-smi lists.
    """
    if not seen and not driver:
        return [Fact("GPU", "none; trainings take the CPU")]
    if not seen:
        return [
            Fact(
                "GPU", f"{', '.join(driver)} by nvidia-smi; TensorFlow sees none",
                "install CUDA's libraries: pip install -e '.[gpu]', and unset CUDA_VISIBLE_DEVICES",
            )
        ]  # fmt: skip
    return [_judge_gpu(one, tuple(build.get("cuda_compute_capabilities", ()))) for one in seen]


def _judge_gpu(gpu: dict, built_for: tuple[str, ...]) -> Fact:
    capability = tuple(gpu.get("compute_capability", ()))
    name = f"{gpu.get('device_name', 'GPU')}, compute capability {'.'.join(map(str, capability)) or 'unknown'}"
    if capability >= NEW_CAPABILITY:
        return Fact(
            "GPU", f"{name}; this TensorFlow has code for {', '.join(built_for) or 'others'}",
            "its kernels are compiled at the first start, which takes long, and XLA fails: take NVIDIA's container of "
            "TensorFlow, and install segan_tl in it",
        )  # fmt: skip
    return Fact("GPU", name)


def list_nvidia() -> list[str]:
    """Return the names of the GPUs that NVIDIA's own program lists, without it none."""
    if not shutil.which("nvidia-smi"):
        return []
    command = ["nvidia-smi", "--query-gpu=name,driver_version", "--format=csv,noheader"]
    try:
        answer = subprocess.run(command, capture_output=True, encoding="utf-8", timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return []
    return [line.strip() for line in answer.stdout.splitlines() if line.strip()] if answer.returncode == 0 else []
