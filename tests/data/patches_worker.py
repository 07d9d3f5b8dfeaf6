"""Print the sum of every example that one process with N replicas sees, in order; started by test_patches."""

import sys

import tensorflow as tf

from segan_tl.data.batches import make_patches
from segan_tl.data.sample import plan_patches
from tests.data.published_augmentation import NNUNET
from tests.data.test_patches import settings, volume
from tests.small_tissues import painted_volumes, tissue_case

# Scans, and painted ones among them.
EPOCHS = (
    ([volume((9, 14, 12), 0), volume((8, 10, 13), 1)], settings(augment=NNUNET)),
    ([tissue_case(0, channels=2), tissue_case(1, channels=2)], painted_volumes("both")),
)


def main(replicas: int) -> None:
    """Go through one epoch under MirroredStrategy."""
    device = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(device, [tf.config.LogicalDeviceConfiguration()] * replicas)
    strategy = tf.distribute.MirroredStrategy([f"CPU:{i}" for i in range(replicas)])
    for cases, config in EPOCHS:
        batches = make_patches(cases, plan_patches(cases, config, epoch=0), config)
        for batch in strategy.experimental_distribute_dataset(batches):
            for part in strategy.experimental_local_results(batch["image"]):
                assert part.shape[0] == config.train.batch_size // replicas
                print(*tf.reduce_sum(part, axis=(1, 2, 3, 4)).numpy())


if __name__ == "__main__":
    main(int(sys.argv[1]))
