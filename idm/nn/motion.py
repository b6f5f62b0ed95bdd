"""Fixed motion features: by how much each part of a frame has moved in the next frame, and how surely.

Nothing here is learnt. For each scale the picture's luma is reduced to a few rows and columns and made free of local
brightness and contrast; then, for each tile of a coarse grid, the correlation with the next frame is taken at every
shift within a small range, and summed up in six numbers. Turning the view shifts all tiles alike, walking makes them
flow apart, and the network above learns to read both. Six numbers a tile carry over to unseen play better than the
correlations themselves, and either learns many times more per CPU-second than convolutions that must discover motion.
"""

from dataclasses import dataclass
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from idm.nn.changes import ChangeGrid, cell_changes, mirror_changes
from idm.nn.cursor import CURSOR_FEATURES, cursor_features, mirror_cursor
from idm.nn.flow import PER_CELL, FlowGrid, flow_features, mirror_flow
from idm.nn.phase import PhaseScale, mirror_shifts, phase_shifts

LUMA = (0.299, 0.587, 0.114)
BLUR_RADIUS = 4
"""Pixels around each one that count as its surroundings."""
CONTRAST_FLOOR = 0.02
"""Local contrast below this (of 1) is taken for noise and not amplified."""
SHARPNESS = 40.0
"""How strongly the best match outweighs the others in a tile's mean shift."""
PER_TILE = 6
"""Numbers per tile: best correlation, that in the middle, mean shift down and its spread, the same to the right."""
SPREAD_FLOOR = 1e-3
"""Features that vary by less are not amplified."""


@dataclass(frozen=True, kw_only=True)
class MotionScale:
    """One resolution at which shifts are looked for. All in pixels of that resolution, (vertical, horizontal)."""

    size: tuple[int, int]
    """Rows and columns the frame is reduced to."""
    radius: tuple[int, int]
    """Largest shift up and down, left and right."""
    grid: tuple[int, int] = (4, 4)
    """Tiles; they must divide the rows and columns."""
    follow: bool = False
    """Looks around the shift found at the first scale, instead of around no shift."""

    def __post_init__(self) -> None:
        if any(tiles < 1 or size % tiles for size, tiles in zip(self.size, self.grid, strict=True)):
            raise ValueError(f"a grid of {self.grid} tiles does not divide {self.size} rows and columns")

    @property
    def shifts(self) -> tuple[int, int]:
        """Number of vertical and horizontal shifts."""
        return 2 * self.radius[0] + 1, 2 * self.radius[1] + 1

    @property
    def tiles(self) -> int:
        """Tiles of the grid."""
        return self.grid[0] * self.grid[1]

    @property
    def tile(self) -> tuple[int, int]:
        """Height and width of a tile."""
        return self.size[0] // self.grid[0], self.size[1] // self.grid[1]

    @property
    def features(self) -> int:
        """Numbers per frame."""
        return self.tiles * PER_TILE


class MotionFeatures(nn.Module):
    """How each frame's tiles moved in the next, at several scales; zeros for a window's last frame."""

    luma: Tensor

    def __init__(
        self,
        scales: tuple[MotionScale, ...],
        phase: tuple[PhaseScale, ...] = (),
        changes: tuple[ChangeGrid, ...] = (),
        *,
        flow: tuple[FlowGrid, ...] = (),
        cursor: bool = False,
    ) -> None:
        """`cursor` adds the features of a cursor over a still picture, as the last ones."""
        super().__init__()
        for scale in scales:
            if scale.follow and any(
                b % a for a, b in zip(scales[0].size + scales[0].grid, scale.size + scale.grid, strict=True)
            ):
                raise ValueError("a scale that follows needs a size and a grid that are multiples of the first scale's")
        self.scales = scales
        self.phase = phase
        self.flow = flow
        self.changes = changes
        self.cursor = cursor
        self.shifts = slice(0, sum(scale.features for scale in scales + phase + flow))
        """The features that tell how parts of the picture moved, dense flow last."""
        self.flows = slice(sum(scale.features for scale in scales + phase), self.shifts.stop)
        """Those of dense flow."""
        self.cells = slice(self.shifts.stop, self.shifts.stop + sum(part.features for part in changes))
        """Those that tell how much lighter parts grew; after them come the cursor's."""
        self.features = self.cells.stop + CURSOR_FEATURES * cursor
        self.register_buffer("luma", torch.tensor(LUMA) / 255.0, persistent=False)

    @torch.no_grad()
    def forward(self, frames: Tensor) -> Tensor:
        """frames: uint8 (B, T, H, W, 3) -> (B, T, features)."""
        batch, time = frames.shape[:2]
        luma = frames.flatten(0, 1).float() @ self.luma  # (B * T, H, W)
        found: Tensor | None = None  # (B * (T - 1), tiles, 2) shifts at the first scale
        per_scale = []
        for scale in self.scales:
            images = _normalise(_reduce(luma, scale.size)).view(batch, time, *scale.size)
            now, following = images[:, :-1].flatten(0, 1), images[:, 1:].flatten(0, 1)  # (B * (T - 1), h, w)
            centre = torch.zeros(len(now), scale.tiles, 2, dtype=torch.long, device=frames.device)
            if scale.follow and found is not None:
                centre = _refine(found, self.scales[0], scale)
            correlation = correlate(now, following, scale, centre)
            found = best_shift(correlation, scale) if found is None else found
            per_scale.append(summarise(correlation, centre))
        tiles = [part.view(batch, time - 1, part.shape[1]) for part in per_scale]
        windows = [phase_shifts(_reduce(luma, part.size).view(batch, time, *part.size), part) for part in self.phase]
        flows = [flow_features(_reduce(luma, part.size).view(batch, time, *part.size), part) for part in self.flow]
        parts = [cell_changes(_reduce(luma, part.size).view(batch, time, *part.size), part) for part in self.changes]
        cursor = [cursor_features(luma.view(batch, time, *luma.shape[1:]))] if self.cursor else []
        return F.pad(torch.cat(tiles + windows + flows + parts + cursor, dim=2), (0, 0, 0, 1))

    def mirror(self, motion: Tensor) -> Tensor:
        """The features the mirrored frames would have. (..., features) -> the same shape."""
        scales = self.scales + self.phase + self.flow + self.changes
        parts = torch.split(motion[..., : self.cells.stop], [scale.features for scale in scales], dim=-1)
        mirrored = [_mirror(part, scale) for scale, part in zip(scales, parts, strict=True)]
        if self.cursor:
            mirrored.append(mirror_cursor(motion[..., self.cells.stop :]))
        return torch.cat(mirrored, dim=-1)


def _mirror(motion: Tensor, scale: MotionScale | PhaseScale | FlowGrid | ChangeGrid) -> Tensor:
    if isinstance(scale, PhaseScale):
        return mirror_shifts(motion, scale)
    if isinstance(scale, FlowGrid):
        return mirror_flow(motion, scale)
    return mirror_changes(motion, scale) if isinstance(scale, ChangeGrid) else mirror_tiles(motion, scale)


def correlate(frames: Tensor, following: Tensor, scale: MotionScale, centre: Tensor) -> Tensor:
    """Correlation of each tile with the next frame at each shift around `centre` (N, tiles, 2), in pixels.

    Both images (N, h, w), normalised -> (N, tiles, vertical shifts, horizontal shifts).
    """
    count, height, width = frames.shape
    (vertical, horizontal), (rows, columns) = scale.shifts, scale.grid
    (up, left), (tall, wide) = scale.radius, scale.tile
    tiles = frames.view(count, rows, tall, columns, wide).transpose(2, 3).reshape(-1, tall, wide)  # (tiles, y, x)
    device = frames.device
    top = torch.arange(rows, device=device).repeat_interleave(columns)[:, None] * tall  # (tiles, 1)
    start = torch.arange(columns, device=device).repeat(rows)[:, None] * wide
    y = (centre[..., :1] + top + torch.arange(-up, tall + up, device=device)).clamp(0, height - 1)
    x = (centre[..., 1:] + start + torch.arange(-left, wide + left, device=device)).clamp(0, width - 1)
    frame = torch.arange(count, device=device)[:, None, None, None] * height
    around = following.flatten()[
        (frame + y[..., None]) * width + x[..., None, :]
    ]  # (N, tiles, tall + 2 up, wide + 2 left)
    around = around.flatten(0, 1).unfold(2, wide, 1).reshape(len(tiles), (tall + 2 * up) * horizontal, wide)
    # A product for every pair of rows; a vertical shift sums those along one diagonal.
    products = torch.bmm(tiles, around.transpose(1, 2)).view(len(tiles), tall, tall + 2 * up, horizontal)
    tile_stride, row_stride, other_stride, shift_stride = products.stride()
    diagonals = products.as_strided(
        (len(tiles), tall, vertical, horizontal), (tile_stride, row_stride + other_stride, other_stride, shift_stride)
    )
    return diagonals.sum(1).view(count, rows * columns, vertical, horizontal) / (tall * wide)


def best_shift(correlation: Tensor, scale: MotionScale) -> Tensor:
    """The shift at which each tile and its neighbours match best: (N, tiles, V, H) -> (N, tiles, 2) pixels."""
    (vertical, horizontal), (up, left) = scale.shifts, scale.radius
    by_place = correlation.flatten(2).view(-1, *scale.grid, vertical * horizontal).permute(0, 3, 1, 2)
    by_place = by_place + F.avg_pool2d(by_place, kernel_size=3, stride=1, padding=1, count_include_pad=False)
    best = by_place.flatten(2).argmax(1)  # (N, tiles)
    return torch.stack([best // horizontal - up, best % horizontal - left], dim=-1)


def _refine(shift: Tensor, coarse: MotionScale, fine: MotionScale) -> Tensor:
    """Shifts of the coarse scale's tiles (N, tiles, 2), as shifts of the fine scale's tiles in its pixels."""
    shift = shift.view(-1, *coarse.grid, 2)
    for axis in (0, 1):
        shift = shift.repeat_interleave(fine.grid[axis] // coarse.grid[axis], dim=1 + axis)
    pixels = torch.tensor([fine.size[axis] // coarse.size[axis] for axis in (0, 1)], device=shift.device)
    return (shift * pixels).flatten(1, 2)


def summarise(correlation: Tensor, centre: Tensor) -> Tensor:
    """(N, tiles, V, H) -> (N, tiles * 6): the six numbers of each tile; `centre` is the shift of the middle."""
    weights = (SHARPNESS * correlation.flatten(2)).softmax(2).view_as(correlation)
    vertical, horizontal = correlation.shape[2:]
    down, down_spread = _mean_and_spread(weights.sum(3))
    right, right_spread = _mean_and_spread(weights.sum(2))
    summary = [
        correlation.amax((2, 3)),
        correlation[:, :, vertical // 2, horizontal // 2],
        down + centre[..., 0],
        down_spread,
        right + centre[..., 1],
        right_spread,
    ]
    return torch.stack(summary, dim=2).flatten(1)


def _mean_and_spread(weights: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and variance of the shift, in pixels: weights (N, tiles, shifts) -> (N, tiles) each."""
    count = weights.shape[2]
    shifts = torch.arange(count, device=weights.device, dtype=weights.dtype) - count // 2
    mean = weights @ shifts
    return mean, weights @ shifts.square() - mean.square()


def mirror_tiles(motion: Tensor, scale: MotionScale) -> Tensor:
    """One scale's features of the mirrored frames. (..., features) -> the same shape."""
    signs = torch.tensor([1.0, 1.0, 1.0, 1.0, -1.0, 1.0], device=motion.device, dtype=motion.dtype)
    by_tile = motion.view(*motion.shape[:-1], *scale.grid, PER_TILE)
    return (by_tile.flip(-2) * signs).flatten(-3)  # columns the other way round


class Standardised(nn.Module):
    """Some of the motion features, brought to zero mean and unit spread."""

    offset: Tensor
    gain: Tensor

    def __init__(self, features: slice) -> None:
        super().__init__()
        self.features = features
        count = features.stop - features.start
        self.register_buffer("offset", torch.zeros(count))
        self.register_buffer("gain", torch.ones(count))

    def standardise(self, motion: Tensor) -> None:
        """Learns the features' mean and spread from a sample (N, all features)."""
        spread, mean = torch.std_mean(motion[:, self.features].float(), dim=0)
        self.offset.copy_(mean)
        self.gain.copy_(1.0 / (spread + SPREAD_FLOOR))

    def pick(self, motion: Tensor) -> Tensor:
        """motion: (B, T, all features) -> (B, T, these)."""
        return (motion[..., self.features] - self.offset) * self.gain


class MotionReader(Standardised):
    """A learnt layer on some of the motion features."""

    def __init__(self, features: slice, outputs: int) -> None:
        super().__init__(features)
        self.linear = nn.Linear(features.stop - features.start, outputs)

    def forward(self, motion: Tensor) -> Tensor:
        """motion: (B, T, all features) -> (B, T, outputs)."""
        return F.relu(self.linear(self.pick(motion)))


class FlowReader(Standardised):
    """Learnt convolutions over the cells of dense flow, which look for the same anywhere, beside a layer on cells of
    twice the side: what a place shows by itself.
    """

    def __init__(self, features: slice, grids: tuple[FlowGrid, ...], channels: tuple[int, ...], outputs: int) -> None:
        """Each of `channels` halves the rows and columns of cells. Raises ValueError where they cannot be halved."""
        super().__init__(features)
        self.grids = grids
        shrink = 2 ** len(channels)
        if any(cells % shrink for grid in grids for cells in grid.grid):
            cells = ", ".join(str(grid.grid) for grid in grids)
            raise ValueError(f"flow_channels: cells of {cells} cannot be halved {len(channels)} times")
        self.towers = nn.ModuleList(_tower((PER_CELL, *channels)) for _ in grids)
        count = sum(
            grid.features // 4 + channels[-1] * (grid.grid[0] // shrink) * (grid.grid[1] // shrink) for grid in grids
        )
        self.linear = nn.Linear(count, outputs)

    def forward(self, motion: Tensor) -> Tensor:
        """motion: (B, T, all features) -> (B, T, outputs)."""
        seen = []
        parts = torch.split(self.pick(motion), [grid.features for grid in self.grids], dim=-1)
        for part, grid, tower in zip(parts, self.grids, self.towers, strict=True):
            cells = part.reshape(-1, *grid.grid, PER_CELL).permute(0, 3, 1, 2)  # (B * T, 5, rows, columns)
            seen += [tower(cells).flatten(1), F.avg_pool2d(cells, 2).flatten(1)]
        return F.relu(self.linear(torch.cat(seen, dim=1))).view(*motion.shape[:-1], -1)


def _tower(channels: tuple[int, ...]) -> nn.Sequential:
    layers: list[nn.Module] = []
    for before, after in pairwise(channels):
        layers += [nn.Conv2d(before, after, kernel_size=3, stride=2, padding=1), nn.ReLU()]
    return nn.Sequential(*layers)


def _reduce(luma: Tensor, size: tuple[int, int]) -> Tensor:
    """(N, H, W) -> (N, *size) by averaging."""
    return F.adaptive_avg_pool2d(luma[:, None], size)[:, 0]


def _normalise(images: Tensor) -> Tensor:
    """Takes away the local mean and divides by the local contrast. (N, h, w) -> the same shape."""
    mean = _blur(images)
    contrast = (_blur(images.square()) - mean.square()).clamp_min(0.0)
    return (images - mean) * (contrast + CONTRAST_FLOOR**2).rsqrt()


def _blur(images: Tensor) -> Tensor:
    """The mean of the pixels around each one. A product with two band matrices is far faster here than pooling."""
    rows, columns = (_band(side, images.device) for side in images.shape[1:])
    return rows @ (images @ columns.T)


def _band(side: int, device: torch.device) -> Tensor:
    """(side, side): row i averages the entries within `BLUR_RADIUS` of i."""
    position = torch.arange(side, device=device)
    near = ((position[:, None] - position[None, :]).abs() <= BLUR_RADIUS).float()
    return near / near.sum(1, keepdim=True)
