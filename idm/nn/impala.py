"""The IMPALA image network in VPT's form (arXiv 2206.11795, appendix D): each frame alone becomes one feature vector.

Layers normalise their input instead of their output, have a bias only where they do not, and start with filters of a
fixed L2 norm.
"""

import math
from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor, nn


def scale_rows_(weight: Tensor, norm: float) -> None:
    """Rescales each output row or filter of `weight` to the L2 norm `norm`, in place."""
    flat = weight.data.flatten(1)  # (outputs, inputs)
    flat *= norm / flat.norm(dim=1, keepdim=True)


class FanInLinear(nn.Module):
    """Optional LayerNorm of the input, linear layer, optional ReLU."""

    def __init__(
        self, inputs: int, outputs: int, *, norm: bool = True, activation: bool = True, init_norm: float = 1.0
    ) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(inputs) if norm else nn.Identity()
        self.layer = nn.Linear(inputs, outputs, bias=not norm)
        self.activation = activation
        scale_rows_(self.layer.weight, init_norm)
        if self.layer.bias is not None:
            nn.init.zeros_(self.layer.bias)

    def forward(self, x: Tensor) -> Tensor:
        """x: (..., inputs) -> (..., outputs)."""
        x = self.layer(self.norm(x))
        return F.relu(x) if self.activation else x


class FanInConv(nn.Module):
    """Optional GroupNorm (one group) of the input, 3x3 convolution, ReLU."""

    def __init__(self, inputs: int, outputs: int, *, norm: bool = True, init_norm: float = 1.0) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(1, inputs) if norm else nn.Identity()
        self.layer = nn.Conv2d(inputs, outputs, kernel_size=3, padding=1, bias=not norm)
        scale_rows_(self.layer.weight, init_norm)
        if self.layer.bias is not None:
            nn.init.zeros_(self.layer.bias)

    def forward(self, x: Tensor) -> Tensor:
        """x: (N, inputs, H, W) -> (N, outputs, H, W)."""
        return F.relu(self.layer(self.norm(x)))


class FanInConv3d(nn.Module):
    """A convolution over `kernel` frames, pixel by pixel, then ReLU. Beyond a window's ends it sees black frames."""

    def __init__(self, inputs: int, outputs: int, *, kernel: int) -> None:
        super().__init__()
        self.layer = nn.Conv3d(inputs, outputs, kernel_size=(kernel, 1, 1), padding=(kernel // 2, 0, 0))
        scale_rows_(self.layer.weight, 1.0)
        assert self.layer.bias is not None
        nn.init.zeros_(self.layer.bias)

    def forward(self, x: Tensor) -> Tensor:
        """x: (B, inputs, T, H, W) -> (B, outputs, T, H, W)."""
        return F.relu(self.layer(x))


class ResidualBlock(nn.Module):
    """Two convolutions beside a shortcut; the branch ends in a ReLU, as VPT's does."""

    def __init__(self, channels: int, *, init_norm: float) -> None:
        super().__init__()
        self.conv0 = FanInConv(channels, channels, init_norm=init_norm)
        self.conv1 = FanInConv(channels, channels, init_norm=init_norm)

    def forward(self, x: Tensor) -> Tensor:
        """x: (N, C, H, W) -> the same shape."""
        out: Tensor = x + self.conv1(self.conv0(x))
        return out


class DownStack(nn.Module):
    """Convolution, max-pool by two, residual blocks: halves the picture."""

    def __init__(self, inputs: int, outputs: int, *, blocks: int, first_norm: bool, block_init_norm: float) -> None:
        super().__init__()
        self.conv = FanInConv(inputs, outputs, norm=first_norm)
        self.norm = nn.GroupNorm(1, outputs)
        self.blocks = nn.Sequential(*(ResidualBlock(outputs, init_norm=block_init_norm) for _ in range(blocks)))

    def forward(self, x: Tensor) -> Tensor:
        """x: (N, inputs, H, W) -> (N, outputs, ceil(H/2), ceil(W/2))."""
        x = F.max_pool2d(self.conv(x), kernel_size=3, stride=2, padding=1)
        out: Tensor = self.blocks(self.norm(x))
        return out


class ImpalaCNN(nn.Module):
    """Down-stacks, then a dense layer to `outputs` features.

    `first_norm` normalises the very first input too (VPT's IDM does, its policies do not).
    """

    def __init__(
        self,
        *,
        size: tuple[int, int],
        inputs: int = 3,
        channels: Sequence[int] = (16, 32, 32),
        blocks: int = 2,
        outputs: int = 256,
        first_norm: bool = False,
    ) -> None:
        super().__init__()
        block_init_norm = math.sqrt(math.sqrt(len(channels)) / math.sqrt(max(blocks, 1)))
        stacks: list[nn.Module] = []
        height, width = size
        for index, (before, after) in enumerate(zip([inputs, *channels], channels, strict=False)):
            stacks.append(
                DownStack(
                    before,
                    after,
                    blocks=blocks,
                    first_norm=first_norm or index > 0,
                    block_init_norm=block_init_norm,
                )
            )
            height, width = (height + 1) // 2, (width + 1) // 2
        self.stacks = nn.Sequential(*stacks)
        self.dense = FanInLinear(channels[-1] * height * width, outputs, init_norm=1.4)

    def forward(self, images: Tensor) -> Tensor:
        """images: float (N, inputs, H, W), 0 to 1 -> features (N, outputs)."""
        x = self.stacks(images)  # (N, C, H / 2^stacks, W / 2^stacks)
        features: Tensor = self.dense(x.flatten(1))
        return features
