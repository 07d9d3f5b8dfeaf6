"""The side of jax_speed.py that PyTorch computes, by the networks of torch_volumes.py and torch_segan.py."""

import time

import numpy as np
import torch
from jax_rows import NETWORKS, Row, config_of, make_batch, make_case, sizes_of
from torch_segan import TorchSide
from torch_volumes import TorchVolumes, wait

GIB = 2**30


class TorchRow:
    """One row: its network, and what is done with it again and again."""

    def __init__(self, row: Row, *, size: int | None, batch_size: int | None, device: str):
        self.row, self.config, self.device = row, config_of(row.network), torch.device(device)
        self.sizes = sizes_of(row.network, self.config, size=size, batch_size=batch_size)
        torch.backends.cudnn.benchmark = True
        torch.set_float32_matmul_precision("high")  # TensorFloat-32, which cuDNN's convolutions take anyway
        image, mask = make_batch(self.config, self.sizes)
        if row.kind == "inference":
            image = make_case(self.config, self.sizes)
            image = image if self.sizes.flat else image[None]
            mask = np.zeros((*image.shape[:-1], self.config.classes), np.float32)
        self.batch = image, mask

    def start(self, weights: dict | None) -> dict:
        """Take the weights of the other side (its own without) and the first steps; return what is known then."""
        begun = time.perf_counter()
        side, memory_format = self._side(weights), "channels_last"
        training = self.row.kind == "training"
        if self.config.critic:
            step = side.train_step if training else lambda: side.segment(self.sizes.tiles)
        else:
            patch, tiles, overlap = self.sizes.patch, self.sizes.tiles, self.sizes.overlap
            step = side.train_step if training else lambda: side.infer(patch, tiles, overlap)
        self.step, first = step, step()
        if not self.config.critic:
            memory_format = side.choose_memory_format(step)
        if self.device.type == "cuda":
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats()
        self.run(1)
        first = first if isinstance(first, tuple) else [first]
        return {
            "check": [float(value.mean()) for value in first], "memory_format": memory_format,
            "warm_up_seconds": time.perf_counter() - begun,
            "device": torch.cuda.get_device_name() if self.device.type == "cuda" else "cpu",
        }  # fmt: skip

    def run(self, steps: int) -> float:
        """Return the seconds of some steps, or of as many cases, each fetched."""
        begun = time.perf_counter()
        for _ in range(steps):
            self.step()
        wait(self.device)
        return time.perf_counter() - begun

    def peak_gib(self) -> float | None:
        """Return the most that was allocated on the device after the trials."""
        return torch.cuda.max_memory_allocated() / GIB if self.device.type == "cuda" else None

    def _side(self, weights: dict | None):
        """Return the network on the device."""
        options = {"bfloat16": self.row.precision == "bfloat16", "device": self.device.type}
        if not self.config.critic:
            family = NETWORKS[self.row.network].config
            return TorchVolumes(family, *self.batch, state=weights or {}, **options)
        widths = {"filters": self.config.model.filters, "critic_filters": self.config.critic.filters}
        return TorchSide(*self.batch, weights=weights, clip=self.config.critic.clip, **widths, **options)
