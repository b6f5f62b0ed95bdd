"""A sensor for a cursor: where a picture that else stands still has changed, at full resolution.

An open screen stops the world, and the cursor is a few pixels that no tile's shift tells. What it leaves in the
difference of two frames is its old place and its new one: their middle, how far they lie apart, and the line through
them. The order of the two is told by the middles of the ticks before and after.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

CURSOR_FEATURES = 9
"""Whether the picture stands still; middle of the change down and right, its spread down and right and along the
diagonal, and how far down and right of the middle it grew lighter, and how much lighter in all."""
NOISE = 4.0 / 255.0
"""A pixel that changes by less is taken for compression noise."""
STILL = 0.03
"""Share of the pixels that change, below which the picture stands still."""
LAGS = (-2, -1, 1, 2)
"""Ticks whose middle of change is compared with a tick's own."""
PIXELS = 4.0
"""Unit of the distances that are learnt from."""


def cursor_features(luma: Tensor) -> Tensor:
    """What changes from each picture to the next: (B, T, H, W), 0 to 1 -> (B, T - 1, 9), distances in pixels.

    All zeros where nothing changes, or more than STILL of the pixels.
    """
    difference = luma[:, 1:] - luma[:, :-1]
    changed = (difference.abs() - NOISE).clamp_min(0.0)
    share = (changed > 0).float().mean((2, 3))
    still = (share > 0) & (share < STILL)  # (B, T - 1)
    y, x = (torch.arange(side, device=luma.device) - (side - 1) / 2 for side in luma.shape[2:])
    total = changed.sum((2, 3)).clamp_min(1e-6)
    rows, columns = changed.sum(3), changed.sum(2)  # (B, T - 1, H), (B, T - 1, W)
    down, right = rows @ y / total, columns @ x / total
    spread_down = (rows @ y.square() / total - down.square()).clamp_min(0.0).sqrt()
    spread_right = (columns @ x.square() / total - right.square()).clamp_min(0.0).sqrt()
    diagonal = changed @ x @ y / total - down * right
    lighter = changed * difference.sign()
    gain = lighter.sum((2, 3))
    found = [
        torch.ones_like(total),
        down,
        right,
        spread_down,
        spread_right,
        diagonal.sign() * diagonal.abs().sqrt(),
        (lighter.sum(3) @ y - down * gain) / total,
        (lighter.sum(2) @ x - right * gain) / total,
        gain / total,
    ]
    return torch.stack(found, dim=-1) * still[..., None]


def mirror_cursor(features: Tensor) -> Tensor:
    """The features of the mirrored frames. (..., 9) -> the same shape."""
    signs = [1.0, 1.0, -1.0, 1.0, 1.0, -1.0, 1.0, -1.0, 1.0]
    return features * torch.tensor(signs, device=features.device, dtype=features.dtype)


class CursorReader(nn.Module):
    """A learnt layer on the cursor features of a tick and its neighbours."""

    def __init__(self, outputs: int, *, lags: tuple[int, ...] = LAGS) -> None:
        """`lags` are the neighbours, in ticks from the tick itself."""
        super().__init__()
        self.lags = lags
        shape = CURSOR_FEATURES - 3
        self.linear = nn.Linear(1 + shape + len(lags) * (1 + 2 + shape), outputs)

    def forward(self, features: Tensor) -> Tensor:
        """features: (B, T, 9) -> (B, T, outputs)."""
        still, place, shape = _in_units(features)
        parts = [still, shape]
        reach = max(map(abs, self.lags))
        padded = F.pad(features, (0, 0, reach, reach))
        for lag in self.lags:
            other_still, other_place, other_shape = _in_units(padded[:, reach + lag :][:, : features.shape[1]])
            both = still * other_still
            parts += [both, both * (other_place - place), other_shape]
        return F.relu(self.linear(torch.cat(parts, dim=-1)))


def _in_units(features: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """(B, T, 9) -> whether still (B, T, 1), place (B, T, 2) and the rest (B, T, 6), in units of PIXELS."""
    lengths, gain = features[..., 3:-1], features[..., -1:]
    return features[..., :1], features[..., 1:3] / PIXELS, torch.cat([lengths / PIXELS, gain], dim=-1)
