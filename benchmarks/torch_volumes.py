"""nnU-Net and MedNeXt-S in PyTorch, as their authors' libraries build them, for volume_speed.py."""

import time
from collections.abc import Callable

import numpy as np
import torch
from torch import nn

FORMATS = {"contiguous": torch.contiguous_format, "channels_last_3d": torch.channels_last_3d}
OUTPUTS = 4  # supervised of nnU-Net's five; MedNeXt's five all are


class TorchVolumes:
    """One network, its optimizer and one batch."""

    def __init__(
        self, family: str, image: np.ndarray, mask: np.ndarray, *, state: dict, bfloat16: bool, parameters: int
    ):
        self.image, self.mask = (torch.from_numpy(values).movedim(-1, 1).contiguous() for values in (image, mask))
        self.supervised = OUTPUTS if family == "nnunet" else OUTPUTS + 1
        self.network = build(family, self.image.shape[1], self.mask.shape[1])
        self.bfloat16 = bfloat16
        if state:
            tensors = {name: torch.from_numpy(values) for name, values in state.items()}
            unexpected = self.network.load_state_dict(tensors, strict=False).unexpected_keys
            assert not unexpected, unexpected
        else:
            found = sum(p.numel() for p in self.network.parameters() if p.numel() > 1)  # one is a dummy
            assert found == parameters, f"PyTorch has {found} parameters, segan_tl {parameters}"
        self.optimizer = torch.optim.SGD(self.network.parameters(), lr=1e-2, momentum=0.99, nesterov=True)

    def train_step(self) -> float:
        """Learn from the batch; return the loss."""
        self.network.train()
        self.optimizer.zero_grad(set_to_none=True)
        with torch.autocast("cpu", torch.bfloat16, enabled=self.bfloat16):
            outputs = self.network(self.image)
        loss = supervise(self.mask, outputs[: self.supervised])
        loss.backward()
        nn.utils.clip_grad_norm_(self.network.parameters(), 12)
        self.optimizer.step()
        return loss.item()

    def infer(self, size: int, batch_size: int) -> None:
        """Segment the volume with MONAI's sliding window."""
        from monai.inferers import sliding_window_inference

        def segment(tiles):
            with torch.autocast("cpu", torch.bfloat16, enabled=self.bfloat16):
                outputs = self.network(tiles)
            return torch.sigmoid((outputs[0] if isinstance(outputs, list | tuple) else outputs).float())

        self.network.eval()
        with torch.inference_mode():
            sliding_window_inference(
                self.image, (size,) * 3, batch_size, segment, overlap=0.5, mode="gaussian", sigma_scale=0.125
            )

    def choose_memory_format(self, run: Callable) -> str:
        """Keep the memory format in which `run` is faster; return its name."""
        seconds = {}
        for name in (*FORMATS, ""):
            best = name or min(seconds, key=seconds.get)
            self.network = self.network.to(memory_format=FORMATS[best])
            self.image = self.image.contiguous(memory_format=FORMATS[best])
            run()
            start = time.perf_counter()
            run()
            seconds.setdefault(best, time.perf_counter() - start)
        return best


def build(family: str, channels: int, classes: int) -> nn.Module:
    """Build the original."""
    if family == "mednext":
        from monai.networks.nets import MedNeXtS

        return MedNeXtS(spatial_dims=3, in_channels=channels, out_channels=classes, deep_supervision=True)
    from dynamic_network_architectures.architectures.unet import PlainConvUNet

    return PlainConvUNet(
        channels, 6, (32, 64, 128, 256, 320, 320), nn.Conv3d, 3, (1, 2, 2, 2, 2, 2), 2, classes, 2, conv_bias=True,
        norm_op=nn.InstanceNorm3d, norm_op_kwargs={"eps": 1e-5, "affine": True}, nonlin=nn.LeakyReLU,
        nonlin_kwargs={"inplace": True}, deep_supervision=True,
    )  # fmt: skip


def supervise(mask: torch.Tensor, outputs: list[torch.Tensor]) -> torch.Tensor:
    """Return the mean over the batch of Dice + BCE over all outputs, 2⁻ⁱ each, as segan_tl computes it."""
    weights = [0.5**i for i in range(len(outputs))]
    total = 0.0
    for weight, logits in zip(weights, outputs, strict=True):
        step = mask.shape[2] // logits.shape[2]
        truth, logits = mask[:, :, ::step, ::step, ::step], logits.float()
        probability = torch.sigmoid(logits)
        overlap = (truth * probability).sum(dim=(2, 3, 4))
        size = (truth + probability).sum(dim=(2, 3, 4))
        dice = (1 - (2 * overlap + 1e-5) / (size + 1e-5)).mean()
        bce = nn.functional.binary_cross_entropy_with_logits(logits, truth)
        total = total + weight / sum(weights) * (dice + bce)
    return total
