"""The IMPALA image network in VPT's form (arXiv 2206.11795, appendix D): each frame alone becomes one feature vector.

Layers normalise their input instead of their output, have a bias only where they do not, and start with filters of a
fixed L2 norm. Images lie channels last in memory. Where no gradients are wanted, a CPU computes wide convolutions by
Winograd's scheme and a few images at a time.
"""

import math
from collections.abc import Callable, Sequence
from typing import Self

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from learning.nn import winograd

IMAGES_AT_ONCE = 16
"""Images that pass the network together on a CPU, where no gradients are wanted; elsewhere 128."""
NUMBERS_AT_ONCE = 1 << 22
"""Numbers between two layers, on a CPU without gradients: 16 MB, which caches and the allocator keep at hand."""


def scale_rows_(weight: Tensor, norm: float) -> None:
    """Rescales each output row or filter of `weight` to the L2 norm `norm`, in place."""
    flat = weight.data.flatten(1)  # (outputs, inputs)
    flat *= norm / flat.norm(dim=1, keepdim=True)


def in_parts(network: Callable[[Tensor], Tensor], images: Tensor) -> Tensor:
    """network(images), with a bounded memory where no gradients are wanted: then only a few images pass at once."""
    if torch.is_grad_enabled():
        return network(images)
    at_once = IMAGES_AT_ONCE if images.device.type == "cpu" else 128
    return torch.cat([network(part) for part in torch.split(images, at_once)])


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


class OneGroupNorm(nn.GroupNorm):
    """GroupNorm of a single group: each image is brought to zero mean and unit variance as a whole.

    Without gradients and with `exact`, a CPU sums line by line; torch's own sums over images that lie channels last
    lose ten times as much.
    """

    def __init__(self, channels: int) -> None:
        super().__init__(1, channels)
        self.exact = True

    def forward(self, x: Tensor) -> Tensor:
        """x: (N, C, H, W) -> the same shape."""
        if not self.exact or torch.is_grad_enabled() or x.device.type != "cpu" or x.dtype != torch.float32:
            return super().forward(x)
        scale, shift = self.scale_and_shift(x)
        return torch.addcmul(shift, x, scale)

    def scale_and_shift(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The factor and the summand, (N, C, 1, 1) each, that normalise x."""
        lines = x.permute(0, 2, 3, 1).flatten(2)  # (N, H, W C)
        count = lines[0].numel()
        mean = lines.sum(2).double().sum(1, keepdim=True) / count  # (N, 1)
        square = torch.linalg.vector_norm(lines, dim=2).double().square().sum(1, keepdim=True) / count
        scale = (square - mean.square() + self.eps).rsqrt() * self.weight  # (N, C)
        shift = self.bias - mean * scale
        return scale.float()[:, :, None, None], shift.float()[:, :, None, None]


class FanInConv(nn.Module):
    """Optional GroupNorm (one group) of the input, 3x3 convolution, ReLU."""

    def __init__(self, inputs: int, outputs: int, *, norm: bool = True, init_norm: float = 1.0) -> None:
        super().__init__()
        self.norm = OneGroupNorm(inputs) if norm else None
        self.layer = nn.Conv2d(inputs, outputs, kernel_size=3, padding=1, bias=not norm)
        self.filters = winograd.WinogradFilters()
        scale_rows_(self.layer.weight, init_norm)
        if self.layer.bias is not None:
            nn.init.zeros_(self.layer.bias)

    def forward(self, x: Tensor) -> Tensor:
        """x: (N, inputs, H, W) -> (N, outputs, H, W)."""
        fast = winograd.suits(self.layer, x)
        affine = None
        if self.norm is not None and self.norm.exact and fast:
            affine = self.norm.scale_and_shift(x)
        elif self.norm is not None:
            x = self.norm(x)
        if not fast:
            return F.relu(self.layer(x), inplace=True)
        filters = self.filters.of(self.layer.weight)
        return winograd.convolve(x, filters, affine=affine, bias=self.layer.bias, relu=True)

    def train(self, mode: bool = True) -> Self:
        """Sets training mode or leaves it; the weight may be another afterwards."""
        self.filters.forget()
        return super().train(mode)


class FanInConv3d(nn.Module):
    """A convolution over `kernel` frames, pixel by pixel, then ReLU. Beyond a window's ends it sees black frames.

    Works in two steps: `gather` lays the frames around each frame side by side, on which `forward` is a matrix product.
    """

    def __init__(self, inputs: int, outputs: int, *, kernel: int) -> None:
        super().__init__()
        self.kernel = kernel
        self.layer = nn.Conv3d(inputs, outputs, kernel_size=(kernel, 1, 1), padding=(kernel // 2, 0, 0))
        scale_rows_(self.layer.weight, 1.0)
        assert self.layer.bias is not None
        nn.init.zeros_(self.layer.bias)

    def gather(self, frames: Tensor) -> Tensor:
        """frames: (B, T, H, W, inputs) -> (B, T, H, W, kernel * inputs)."""
        around, time = self.kernel // 2, frames.shape[1]
        padded = F.pad(frames, (0, 0, 0, 0, 0, 0, around, around))
        return torch.cat([padded[:, offset : offset + time] for offset in range(self.kernel)], dim=-1)

    def forward(self, gathered: Tensor) -> Tensor:
        """gathered: (..., kernel * inputs) -> (..., outputs)."""
        weight = self.layer.weight[..., 0, 0].transpose(1, 2).flatten(1)  # (outputs, kernel * inputs)
        return F.relu(F.linear(gathered, weight, self.layer.bias), inplace=True)


class ResidualBlock(nn.Module):
    """Two convolutions beside a shortcut; the branch ends in a ReLU, as VPT's does."""

    def __init__(self, channels: int, *, init_norm: float) -> None:
        super().__init__()
        self.conv0 = FanInConv(channels, channels, init_norm=init_norm)
        self.conv1 = FanInConv(channels, channels, init_norm=init_norm)

    def forward(self, x: Tensor) -> Tensor:
        """x: (N, C, H, W) -> the same shape."""
        branch: Tensor = self.conv1(self.conv0(x))
        return x + branch if torch.is_grad_enabled() else branch.add_(x)


class DownStack(nn.Module):
    """Convolution, max-pool by two, residual blocks: halves the picture."""

    def __init__(self, inputs: int, outputs: int, *, blocks: int, first_norm: bool, block_init_norm: float) -> None:
        super().__init__()
        self.conv = FanInConv(inputs, outputs, norm=first_norm)
        self.norm = OneGroupNorm(outputs)
        self.blocks = nn.Sequential(*(ResidualBlock(outputs, init_norm=block_init_norm) for _ in range(blocks)))

    def forward(self, x: Tensor) -> Tensor:
        """x: (N, inputs, H, W) -> (N, outputs, ceil(H/2), ceil(W/2))."""
        if torch.is_grad_enabled() or x.device.type != "cpu":
            return self._halve(x)
        at_once = max(NUMBERS_AT_ONCE // (self.norm.num_channels * x.shape[2] * x.shape[3]), 1)
        return torch.cat([self._halve(part) for part in torch.split(x, at_once)])

    def _halve(self, x: Tensor) -> Tensor:
        x = F.max_pool2d(self.conv(x), kernel_size=3, stride=2, padding=1)
        out: Tensor = self.blocks(self.norm(x))
        return out


class ImpalaCNN(nn.Module):
    """Down-stacks, then a dense layer to `outputs` features.

    `first_norm` normalises the very first input too (VPT's IDM does, its policies do not). `exact_norm` is about
    rounding: in OpenAI's code the IDM's images lie channels first in memory and are normalised exactly, the policies'
    lie channels last and are not, which moves log-probabilities by up to 2e-4. Theirs are the numbers to give.
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
        exact_norm: bool = True,
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
        for module in self.modules():
            if isinstance(module, OneGroupNorm):
                module.exact = exact_norm

    def forward(self, images: Tensor) -> Tensor:
        """images: float (N, inputs, H, W), 0 to 1 -> features (N, outputs)."""
        x = self.stacks(images)  # (N, C, H / 2^stacks, W / 2^stacks)
        features: Tensor = self.dense(x.flatten(1))
        return features
