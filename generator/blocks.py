"""Parts that the autoencoder and the diffusion transformer share: attention, MLP, positions, patches."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Attention(nn.Module):
    """Multi-head self-attention over all tokens, without a mask."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        """x: (B, N, D)."""
        batch, tokens, width = x.shape
        qkv = self.qkv(x).view(batch, tokens, 3, self.heads, width // self.heads)
        q, k, v = qkv.permute(2, 0, 3, 1, 4).unbind(0)  # each (B, heads, N, D / heads)
        x = F.scaled_dot_product_attention(q, k, v)
        mixed: Tensor = self.proj(x.transpose(1, 2).reshape(batch, tokens, width))
        return mixed


class MLP(nn.Module):
    """Two linear layers with a GELU between them, wider inside."""

    def __init__(self, width: int, *, ratio: float = 4.0) -> None:
        super().__init__()
        hidden = int(width * ratio)
        self.fc1 = nn.Linear(width, hidden)
        self.fc2 = nn.Linear(hidden, width)

    def forward(self, x: Tensor) -> Tensor:
        """x: (..., D)."""
        mixed: Tensor = self.fc2(F.gelu(self.fc1(x), approximate="tanh"))
        return mixed


def sinusoid(values: Tensor, features: int, *, max_period: float = 10_000.0) -> Tensor:
    """Sinusoidal features of numbers: (...) -> (..., features), cosines first."""
    frequencies = torch.exp(
        -math.log(max_period) * torch.arange(features // 2, device=values.device, dtype=torch.float32) / (features // 2)
    )
    angles = values.float()[..., None] * frequencies
    return torch.cat([angles.cos(), angles.sin()], dim=-1)


def grid_positions(grid: tuple[int, int], width: int) -> Tensor:
    """Fixed positions of a grid's cells, row-major: (rows * columns, width); half the features tell the row."""
    rows, columns = torch.meshgrid(torch.arange(grid[0]), torch.arange(grid[1]), indexing="ij")
    features = [sinusoid(axis.flatten(), width // 2, max_period=100.0) for axis in (rows, columns)]
    return torch.cat(features, dim=-1)


def patchify(x: Tensor, patch: int) -> Tensor:
    """(B, C, H, W) -> (B, H/patch * W/patch, C * patch * patch); a token's numbers run (channel, row, column)."""
    batch, channels, height, width = x.shape
    x = x.view(batch, channels, height // patch, patch, width // patch, patch)
    return x.permute(0, 2, 4, 1, 3, 5).reshape(batch, -1, channels * patch * patch)


def unpatchify(tokens: Tensor, patch: int, grid: tuple[int, int]) -> Tensor:
    """Undoes `patchify`: (B, rows * columns, C * patch * patch) -> (B, C, rows * patch, columns * patch)."""
    batch, channels = tokens.shape[0], tokens.shape[-1] // patch**2
    x = tokens.view(batch, *grid, channels, patch, patch)
    return x.permute(0, 3, 1, 4, 2, 5).reshape(batch, channels, grid[0] * patch, grid[1] * patch)
