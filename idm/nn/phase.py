"""Fixed motion features of large windows: by how much a whole part of the picture has shifted in the next frame.

Phase correlation (Kuglin and Hines 1975) finds the shift of a window's content with one Fourier transform, over a wide
range and to a fraction of a pixel. Far scenery fills most of the picture and moves with the view alone, so the highest
peak of a large window tells how the view turned even while near ground rushes by, as when jumping; the second peak
often is that ground.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

PEAKS = 2
PER_PEAK = 3
"""Shift down, shift to the right, height."""
DAMPING = 12.0
"""How strongly high spatial frequencies are damped, where a codec leaves little to compare."""
WHITENING_FLOOR = 1e-3
"""Frequencies weaker than this share of the strongest one are not amplified to full strength."""
PEAK_HALF_WIDTH = 2
"""Pixels around a peak in which no second one is looked for."""


@dataclass(frozen=True, kw_only=True)
class PhaseScale:
    """A set of overlapping windows, all in pixels of `size`, (vertical, horizontal)."""

    size: tuple[int, int] = (128, 128)
    """Rows and columns the frame is reduced to."""
    window: tuple[int, int] = (64, 64)
    step: tuple[int, int] = (32, 32)
    """From one window to the next."""
    radius: tuple[int, int] = (24, 16)
    """Largest shift up and down, left and right."""

    def __post_init__(self) -> None:
        for size, window, step, radius in zip(self.size, self.window, self.step, self.radius, strict=True):
            if step < 1 or window > size or (size - window) % step or 2 * radius >= window:
                raise ValueError(
                    f"windows of {window} pixels every {step}, with shifts up to {radius}, do not fill {size} pixels: "
                    "size - window must be a multiple of step, and a shift less than half a window"
                )

    @property
    def grid(self) -> tuple[int, int]:
        """Windows down and across."""
        rows, columns = ((s - w) // d + 1 for s, w, d in zip(self.size, self.window, self.step, strict=True))
        return rows, columns

    @property
    def features(self) -> int:
        """Numbers per frame."""
        return self.grid[0] * self.grid[1] * PEAKS * PER_PEAK


def phase_shifts(images: Tensor, scale: PhaseScale) -> Tensor:
    """The strongest shifts of each window between consecutive images: (B, T, H, W) -> (B, T - 1, features)."""
    if images.shape[1] < 2:  # no pair: MKL has no Fourier transform of nothing
        return images.new_zeros((len(images), 0, scale.features))
    (height, width), (down, right) = scale.window, scale.radius
    windows = images.unfold(2, height, scale.step[0]).unfold(3, width, scale.step[1])  # (B, T, rows, columns, h, w)
    taper = _hann(height, images)[:, None] * _hann(width, images)
    spectrum = torch.fft.rfft2((windows - windows.mean((-2, -1), keepdim=True)) * taper)
    product = spectrum[:, 1:] * spectrum[:, :-1].conj()
    strength = product.abs()
    whitened = product / (strength + WHITENING_FLOOR * strength.amax((-2, -1), keepdim=True) + 1e-6)
    frequency = (
        torch.fft.fftfreq(height, device=images.device)[:, None],
        torch.fft.rfftfreq(width, device=images.device),
    )
    smooth = torch.exp(-DAMPING * (frequency[0] ** 2 + frequency[1] ** 2))
    surface = torch.fft.irfft2(whitened * smooth, s=scale.window).roll((down, right), (-2, -1))
    surface = surface[..., : 2 * down + 1, : 2 * right + 1].flatten(0, 3)  # (N, V, H)
    peaks = _peaks(surface) - torch.tensor([float(down), float(right), 0.0], device=images.device)
    return peaks.view(*windows[:, 1:].shape[:4], -1).flatten(2)


def _hann(length: int, like: Tensor) -> Tensor:
    return torch.hann_window(length, periodic=False, device=like.device)


def _peaks(surface: Tensor) -> Tensor:
    """The highest peaks: (N, V, H) -> (N, PEAKS, 3) row and column, to a fraction, and height times ten."""
    rows, columns = surface.shape[1:]
    surface = surface.clone()
    vertical = torch.arange(rows, device=surface.device)[:, None]
    horizontal = torch.arange(columns, device=surface.device)
    found = []
    for _ in range(PEAKS):
        height, place = surface.flatten(1).max(1)
        row, column = place // columns, place % columns

        def at(y: Tensor, x: Tensor) -> Tensor:
            index = y.clamp(0, rows - 1) * columns + x.clamp(0, columns - 1)
            return surface.flatten(1).gather(1, index[:, None])[:, 0]

        along_y = _vertex(at(row - 1, column), height, at(row + 1, column))
        along_x = _vertex(at(row, column - 1), height, at(row, column + 1))
        found.append(torch.stack([row + along_y, column + along_x, 10.0 * height], 1))
        near_row = (vertical - row[:, None, None]).abs() <= PEAK_HALF_WIDTH
        near_column = (horizontal - column[:, None, None]).abs() <= PEAK_HALF_WIDTH
        surface.masked_fill_(near_row & near_column, -1.0)
    return torch.stack(found, 1)


def _vertex(before: Tensor, top: Tensor, after: Tensor) -> Tensor:
    """Where the parabola through three neighbours has its vertex, -1 to 1 from the middle one."""
    return ((before - after) / (2.0 * (before - 2.0 * top + after) - 1e-6)).clamp(-1.0, 1.0)


def mirror_shifts(features: Tensor, scale: PhaseScale) -> Tensor:
    """The features the mirrored frames would have. (..., features) -> the same shape."""
    signs = torch.tensor([1.0, -1.0, 1.0], device=features.device, dtype=features.dtype)
    by_window = features.view(*features.shape[:-1], *scale.grid, PEAKS, PER_PEAK)
    return (by_window.flip(-3) * signs).flatten(-4)  # columns of windows the other way round
