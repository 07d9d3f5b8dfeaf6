"""nnU-Net and MedNeXt in PyTorch, as their authors' libraries build them, for volume_speed.py and jax_speed.py."""

import time
from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import nn

FORMATS = {"contiguous": torch.contiguous_format, "channels_last_3d": torch.channels_last_3d}
OUTPUTS = 4  # supervised of nnU-Net's five; MedNeXt's five all are


class TorchVolumes:
    """One network, its optimizer and one batch, on one device."""

    def __init__(
        self, family: str, image: np.ndarray, mask: np.ndarray, *, state: dict, bfloat16: bool,
        parameters: int | None = None, device: str = "cpu",
    ):  # fmt: skip
        self.device = torch.device(device)
        self.image, self.mask = (
            torch.from_numpy(values).movedim(-1, 1).contiguous().to(self.device) for values in (image, mask)
        )
        self.supervised = OUTPUTS if family == "nnunet" else OUTPUTS + 1
        self.network = build(family, self.image.shape[1], self.mask.shape[1])
        self.bfloat16 = bfloat16
        if state:
            names = {name: name if family == "nnunet" else authors_name(name) for name in self.network.state_dict()}
            tensors = {name: torch.from_numpy(state[own]) for name, own in names.items() if own in state}
            assert len(tensors) == len(state), sorted(set(state) - set(names.values()))
            self.network.load_state_dict(tensors, strict=False)
        elif parameters:
            found = sum(p.numel() for p in self.network.parameters() if p.numel() > 1)  # one is a dummy
            assert found == parameters, f"PyTorch has {found} parameters, segan_tl {parameters}"
        self.network.to(self.device)
        self.optimizer = torch.optim.SGD(self.network.parameters(), lr=1e-2, momentum=0.99, nesterov=True)

    def autocast(self) -> torch.autocast:
        """Return what computes in bfloat16, or as it is."""
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.bfloat16)

    def train_step(self) -> torch.Tensor:
        """Learn from the batch; return the loss, for which the device may not have come to an end."""
        self.network.train()
        self.optimizer.zero_grad(set_to_none=True)
        with self.autocast():
            outputs = self.network(self.image)
        loss = supervise(self.mask, outputs[: self.supervised])
        loss.backward()
        nn.utils.clip_grad_norm_(self.network.parameters(), 12)
        self.optimizer.step()
        return loss.detach()

    def infer(self, patch: Sequence[int], batch_size: int, overlap: float | Sequence[float] = 0.5) -> torch.Tensor:
        """Segment the volume with MONAI's sliding window; return (1, R, D, H, W) on the host."""
        from monai.inferers import sliding_window_inference

        def segment(tiles):
            with self.autocast():
                outputs = self.network(tiles)
            return torch.sigmoid((outputs[0] if isinstance(outputs, list | tuple) else outputs).float())

        self.network.eval()
        with torch.inference_mode():
            return sliding_window_inference(
                self.image, tuple(patch), batch_size, segment, overlap=overlap, mode="gaussian", sigma_scale=0.125
            ).cpu()

    def choose_memory_format(self, run: Callable) -> str:
        """Keep the memory format in which `run` is faster; return its name."""
        seconds = {}
        for name in (*FORMATS, ""):
            best = name or min(seconds, key=seconds.get)
            self.network = self.network.to(memory_format=FORMATS[best])
            self.image = self.image.contiguous(memory_format=FORMATS[best])
            run()
            wait(self.device)
            start = time.perf_counter()
            run()
            wait(self.device)
            seconds.setdefault(best, time.perf_counter() - start)
        return best


def wait(device: torch.device) -> None:
    """Return once the device has done all that it was given; a processor has."""
    if device.type == "cuda":
        torch.cuda.synchronize()


def build(family: str, channels: int, classes: int) -> nn.Module:
    """Build the original: "nnunet", or "mednext_" with s, b, m or l."""
    if family.startswith("mednext"):
        return build_mednext(family.removeprefix("mednext_"), channels, classes)
    from dynamic_network_architectures.architectures.unet import PlainConvUNet

    return PlainConvUNet(
        channels, 6, (32, 64, 128, 256, 320, 320), nn.Conv3d, 3, (1, 2, 2, 2, 2, 2), 2, classes, 2, conv_bias=True,
        norm_op=nn.InstanceNorm3d, norm_op_kwargs={"eps": 1e-5, "affine": True}, nonlin=nn.LeakyReLU,
        nonlin_kwargs={"inplace": True}, deep_supervision=True,
    )  # fmt: skip


def build_mednext(variant: str, channels: int, classes: int) -> nn.Module:
    """Build MONAI's MedNeXt with the authors' down blocks: theirs take the expansion of the stage they lead to."""
    from monai.networks.blocks.mednext_block import MedNeXtDownBlock
    from monai.networks.nets.mednext import create_mednext

    network = create_mednext(variant, 3, channels, classes, 3, True)
    stages = [*network.enc_stages, network.bottleneck]
    for i, (before, after) in enumerate(zip(stages, stages[1:])):
        width, expanded = after[0].conv1.in_channels, after[0].conv2.out_channels
        network.down_blocks[i] = MedNeXtDownBlock(
            before[0].conv1.in_channels, width, expansion_ratio=expanded // width, kernel_size=3,
            use_residual_connection=True, norm_type="group", dim="3d",
        )  # fmt: skip
    return network


def authors_name(name: str) -> str:
    """Return what the authors of MedNeXt call a tensor of MONAI's."""
    part, _, rest = name.partition(".")
    number, _, inside = rest.partition(".")
    if part in ("enc_stages", "down_blocks"):
        return f"{'enc_block' if part == 'enc_stages' else 'down'}_{number}.{inside}"
    if part in ("dec_stages", "up_blocks"):
        return f"{'dec_block' if part == 'dec_stages' else 'up'}_{3 - int(number)}.{inside}"
    return f"out_{4 - int(number)}.{inside}" if part == "out_blocks" else name


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
