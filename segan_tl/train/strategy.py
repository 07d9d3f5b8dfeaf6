"""Devices: one, all GPUs, several logical CPUs or machines, each through the tf.distribute strategy that fits."""

import re
from functools import cache

import tensorflow as tf

from segan_tl.environment import MOST_CPUS
from segan_tl.errors import UserError
from segan_tl.train.machines.link import ALONE

DEVICES = re.compile(r"(cpu)(?::([0-9]{1,3}))?|(gpu)(?::([0-9]{1,3}(?:,[0-9]{1,3})*))?")


def make_strategy(devices: str | None = None, link=ALONE) -> tf.distribute.Strategy:
    """Return the strategy for `devices`.

    Args:
        devices: None takes all GPUs, else the CPU. "cpu", "cpu:2" (two logical CPUs), "gpu" (all), "gpu:0,2".
        link: to the workers on other machines; each of them makes this strategy, for its own devices.

    Raises:
        UserError: no such device, or other numbers of them on other machines.
    """
    if devices is None:
        devices = "gpu" if tf.config.list_physical_devices("GPU") else "cpu"
    match = DEVICES.fullmatch(devices)
    if not match:
        raise UserError(f"--devices expects cpu, cpu:2, gpu or gpu:0,1; got {devices!r}")
    names = _logical_cpus(int(match[2] or 1)) if match[1] else _gpus(match[4])
    if link.count > 1:
        return _over_machines(names, link, on_gpus=not match[1])
    return tf.distribute.OneDeviceStrategy(names[0]) if len(names) == 1 else _mirrored(tuple(names))


@cache
def _mirrored(names: tuple[str, ...]) -> tf.distribute.MirroredStrategy:
    """Return the strategy of these devices, one for the whole process.

    Another would number its reductions from the beginning again, and TensorFlow, which remembers the shape of each,
    refuses a second training of other layers: "Shape mismatch in the collective instance".
    """
    return tf.distribute.MirroredStrategy(list(names))


def _logical_cpus(count: int) -> list[str]:
    if not 1 <= count <= MOST_CPUS:
        raise UserError(f"--devices cpu:N expects N of at least 1 and at most {MOST_CPUS}; got {count}")
    if count > 1:
        try:
            tf.config.set_logical_device_configuration(
                tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * count
            )
        except RuntimeError:
            if len(tf.config.list_logical_devices("CPU")) < count:
                raise UserError(f"--devices cpu:{count}: TensorFlow has already started; use a new process") from None
    return [f"/cpu:{i}" for i in range(count)]


def _gpus(listed: str | None) -> list[str]:
    available = len(tf.config.list_physical_devices("GPU"))
    wanted = [int(number) for number in listed.split(",")] if listed else list(range(available))
    if len(set(wanted)) < len(wanted):
        raise UserError(f"--devices expects every GPU once; got gpu:{listed}")
    if not wanted or max(wanted) >= available:
        raise UserError(
            f"--devices asks for GPU {listed or '(any)'}; TensorFlow sees {available} GPUs; leave --devices out for "
            "what there is, or install CUDA's libraries with: pip install -e '.[gpu]'"
        )
    return _take(wanted)


def _take(wanted: list[int]) -> list[str]:
    """Hide the other GPUs, whose memory TensorFlow would take too: they belong to the training beside this one."""
    gpus = tf.config.list_physical_devices("GPU")
    try:
        tf.config.set_visible_devices([gpus[number] for number in wanted], "GPU")
    except RuntimeError:  # TensorFlow has started, and holds all of them
        return [f"/gpu:{number}" for number in wanted]
    return [f"/gpu:{place}" for place in range(len(wanted))]  # those that are seen are counted from 0


def _over_machines(names: list[str], link, *, on_gpus: bool) -> tf.distribute.Strategy:
    """Return the strategy over the devices of all workers, once each of them has come here."""
    found = link.gather("devices", len(names))
    if set(found) != {len(names)}:
        counts = ", ".join(f"{link.roster.name(i)} has {count}" for i, count in enumerate(found))
        raise UserError(f"expected as many devices on every machine; {counts}; choose as many with --devices on each")
    if not on_gpus:
        tf.config.set_visible_devices([], "GPU")  # the strategy would take them
    cluster = tf.train.ClusterSpec({"worker": list(link.roster.addresses)})
    resolver = tf.distribute.cluster_resolver.SimpleClusterResolver(
        cluster, task_type="worker", task_id=link.index, rpc_layer="grpc"
    )
    try:
        return tf.distribute.MultiWorkerMirroredStrategy(resolver)
    except RuntimeError:
        raise UserError("--distributed: TensorFlow has already started; use a new process") from None
    except tf.errors.OpError as error:
        raise UserError(
            f"TensorFlow cannot listen at {link.roster.addresses[link.index]} ({error.message.splitlines()[0]}): "
            "another program may use the port; wait for it, or choose other ports"
        ) from None
