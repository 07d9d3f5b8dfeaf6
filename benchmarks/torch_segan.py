"""SegAN-CAT written plainly in PyTorch: the yardstick of `segan_speed.py` and `jax_speed.py`, no part of segan_tl.

The same layers, initial weights and update as segan_tl's: bilinear upsampling, batch normalisation over the batch,
RMSprop with epsilon outside the square root, kernels of the critic clipped after each step, one backward pass for both
players.
"""

import time

import torch
from torch import nn
from torch_volumes import wait

SLOPE, NORM_EPSILON = 0.2, 1e-5


def _encoder_stage(channels: int, width: int, *, first: bool) -> nn.Sequential:
    layers = [nn.Conv2d(channels, width, 4, stride=2, padding=1, bias=first)]
    if not first:
        layers.append(nn.BatchNorm2d(width, eps=NORM_EPSILON))
    return nn.Sequential(*layers, nn.LeakyReLU(SLOPE, inplace=True))


def _decoder_stage(channels: int, width: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Upsample(scale_factor=2, mode="bilinear", align_corners=False),
        nn.Conv2d(channels, width, 3, padding=1, bias=False),
        nn.BatchNorm2d(width, eps=NORM_EPSILON),
        nn.ReLU(inplace=True),
    )


class Encoder(nn.Module):
    """The strided half that segmentor and critic share in kind."""

    def __init__(self, channels: int, filters: tuple[int, ...]):
        super().__init__()
        widths = (channels, *filters)
        self.stages = nn.ModuleList(
            _encoder_stage(widths[i], widths[i + 1], first=i == 0) for i in range(len(filters))
        )

    def forward(self, x):
        features = []
        for stage in self.stages:
            x = stage(x)
            features.append(x)
        return features


class Segmentor(nn.Module):
    """Encoder, decoder with added skips, sigmoid in float32."""

    def __init__(self, channels: int, filters: tuple[int, ...], classes: int = 1):
        super().__init__()
        self.encoder = Encoder(channels, filters)
        deep = filters[::-1]
        self.decoder = nn.ModuleList(_decoder_stage(deep[i], deep[i + 1]) for i in range(len(filters) - 1))
        self.logits = nn.Sequential(
            nn.Upsample(scale_factor=2, mode="bilinear", align_corners=False),
            nn.Conv2d(filters[0], classes, 3, padding=1),
        )

    def forward(self, image):
        *skips, x = self.encoder(image)
        for stage, skip in zip(self.decoder, reversed(skips), strict=True):
            x = stage(x) + skip
        return torch.sigmoid(self.logits(x).float())


class Critic(nn.Module):
    """Features of image and mask at every scale, the merged input first."""

    def __init__(self, channels: int, filters: tuple[int, ...], classes: int = 1):
        super().__init__()
        self.encoder = Encoder(channels + classes, filters)

    def forward(self, image, mask):
        merged = torch.cat([image, mask], 1)
        return [merged, *self.encoder(merged)]


def multi_scale_l1(truth_features, prediction_features):
    """Return the mean absolute difference over the elements of all maps."""
    pairs = list(zip(truth_features, prediction_features, strict=True))
    total = sum((truth - prediction).abs().sum(dtype=torch.float32) for truth, prediction in pairs)
    return total / sum(truth.numel() for truth, _ in pairs)


def dice_loss(truth, probability, smooth: float = 1e-6):
    """Return 1 − smooth Dice with squares in the denominator, the mean over examples and classes."""
    overlap = (truth * probability).sum((2, 3))
    size = truth.square().sum((2, 3)) + probability.square().sum((2, 3))
    return (1 - (2 * overlap + smooth) / (size + smooth)).mean()


class TorchSide:
    """Train or infer on one fixed batch, on one device, and say how long it took."""

    def __init__(
        self, image, mask, *, filters, critic_filters, weights: dict | None, bfloat16: bool, clip: float,
        device: str = "cpu",
    ):  # fmt: skip
        """Take NHWC arrays and Keras' initial weights: "segmentor" and "critic" → list in the order of the layers;
        None for PyTorch's."""
        self.device = torch.device(device)
        self.image, self.mask = (
            torch.from_numpy(array).permute(0, 3, 1, 2).contiguous(memory_format=torch.channels_last).to(self.device)
            for array in (image, mask)
        )
        channels = image.shape[-1]
        self.segmentor, self.critic = Segmentor(channels, filters), Critic(channels, critic_filters)
        for name, network in (("segmentor", self.segmentor), ("critic", self.critic)):
            if weights:
                _set_weights(network, weights[name])
            network.to(self.device, memory_format=torch.channels_last)
        options = {"lr": 2e-5, "alpha": 0.9, "eps": 1e-7, "foreach": True}
        self.optimizers = [
            torch.optim.RMSprop(self.segmentor.parameters(), **options),
            torch.optim.RMSprop(self.critic.parameters(), maximize=True, **options),
        ]
        self.kernels = [parameter for parameter in self.critic.parameters() if parameter.ndim == 4]
        self.bfloat16, self.clip = bfloat16, clip

    def autocast(self) -> torch.autocast:
        """Return what computes in bfloat16, or as it is."""
        return torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=self.bfloat16)

    def train_step(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Play one batch: one backward pass of L1 + Dice; the critic climbs it, for Dice does not depend on it."""
        for optimizer in self.optimizers:
            optimizer.zero_grad(set_to_none=True)
        with self.autocast():
            probability = self.segmentor(self.image)
            l1 = multi_scale_l1(self.critic(self.image, self.mask), self.critic(self.image, probability))
            dice = dice_loss(self.mask, probability)
        (l1 + dice).backward()
        for optimizer in self.optimizers:
            optimizer.step()
        with torch.no_grad():
            torch._foreach_clamp_min_(self.kernels, -self.clip)
            torch._foreach_clamp_max_(self.kernels, self.clip)
        return l1.detach(), dice.detach()

    def time_training(self, steps: int) -> tuple[float, float]:
        """Return the seconds of `steps` steps, on the clock and of the processor."""
        self.segmentor.train()
        self.critic.train()
        start = time.perf_counter(), time.process_time()
        for _ in range(steps):
            self.train_step()
        wait(self.device)
        return time.perf_counter() - start[0], time.process_time() - start[1]

    def time_inference(self, steps: int) -> tuple[float, float]:
        """Return the seconds of `steps` passes of the segmentor, on the clock and of the processor."""
        self.segmentor.eval()
        start = time.perf_counter(), time.process_time()
        with torch.inference_mode(), self.autocast():
            for _ in range(steps):
                self.segmentor(self.image)
        wait(self.device)
        return time.perf_counter() - start[0], time.process_time() - start[1]

    def segment(self, batch_size: int) -> torch.Tensor:
        """Return the probabilities of all slices, (B, R, H, W) on the host."""
        self.segmentor.eval()
        with torch.inference_mode(), self.autocast():
            return torch.cat([self.segmentor(part) for part in self.image.split(batch_size)]).cpu()


def _set_weights(network: nn.Module, weights: list) -> None:
    """Copy Keras' trainable weights: kernels (h, w, in, out) become (out, in, h, w)."""
    parameters = list(network.parameters())
    with torch.no_grad():
        for parameter, array in zip(parameters, weights, strict=True):
            tensor = torch.from_numpy(array)
            parameter.copy_(tensor.permute(3, 2, 0, 1) if tensor.ndim == 4 else tensor)
