"""Play as other people's video would show it: other colours, crops, overlays and compression, with the same labels.

One draw holds for a whole run of frames, so that what moves in it is the play alone. The first six ranges are those of
VPT's inverse dynamics model (arXiv 2206.11795, appendix D); the others are what happens to video on its way to the web.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from env.video.clips import decode_clip, encode_clip
from learning.data import Size

Frames = NDArray[np.uint8]
"""uint8 (T, H, W, 3) RGB."""

AUGMENTATION_VERSION = 1
"""Rises when a draw gives other pixels than before: augmented frames kept on the disk are made anew."""

LUMA = np.array([0.299, 0.587, 0.114])
COARSEST = 4
"""Most times smaller that a picture is made, to blur it."""
FINEST_CRF, COARSEST_CRF = 22, 40
"""x264's loss of quality at strengths of compression of 0 and 1."""
_YIQ = np.array([[0.299, 0.587, 0.114], [0.596, -0.274, -0.322], [0.211, -0.523, 0.312]])


@dataclass(frozen=True, kw_only=True)
class Augmentation:
    """How far a draw may go from the picture as it is; all 0 leaves it as it is.

    A strength is drawn evenly from 0, or from minus it, to its range.
    """

    hue: float = 0.2
    """Turn of the colours either way, in radians; at most pi."""
    saturation: float = 0.5
    """Saturation from 1 - this to 1 + this."""
    brightness: float = 0.5
    """Brightness from 1 - this to 1 + this."""
    contrast: float = 0.5
    """Contrast around the mean of the first frame, from 1 - this to 1 + this."""
    degrees: float = 2.0
    """Rotation and shear either way."""
    scale: float = 0.02
    """Magnification from 1 - this to 1 + this."""
    shift: float = 2.0
    """Pixels either way, down and to the right, of a picture of 128 x 128."""
    gamma: float = 0.3
    """Exponent from 1 / (1 + this) to 1 + this."""
    blur: float = 0.3
    """Share of the draws that are made up to four times smaller and large again."""
    corner: float = 0.3
    """Share with a rectangle in a corner, as of a face camera or a watermark."""
    letterbox: float = 0.2
    """Share with black bars above and below, or left and right; the picture is squeezed between them."""
    compression: float = 0.5
    """Share compressed as H.264."""

    def __post_init__(self) -> None:
        for field in fields(self):
            value, bound = getattr(self, field.name), _BOUNDS.get(field.name, 1.0)
            if not 0.0 <= value <= bound:
                raise ValueError(f"augmentation.{field.name} is {value:g}; expected 0 to {bound:g}")

    def draw(self, rng: np.random.Generator, size: Size) -> "Draw":
        """One draw for frames of `size` (height, width). Equal generators give equal draws."""
        bars = _bars(rng) if rng.random() < self.letterbox else (0.0, 0.0)
        return Draw(
            size=size,
            warp=self._warp(rng, size, bars),
            colours=self._colours(rng),
            contrast=rng.uniform(1.0 - self.contrast, 1.0 + self.contrast),
            gamma=float((1.0 + self.gamma) ** rng.uniform(-1.0, 1.0)),
            corner=_corner(rng, size) if rng.random() < self.corner else None,
            bars=bars,
            coarser=rng.uniform(1.0, COARSEST) if rng.random() < self.blur else 1.0,
            crf=round(rng.uniform(FINEST_CRF, COARSEST_CRF)) if rng.random() < self.compression else None,
        )

    def _colours(self, rng: np.random.Generator) -> NDArray[np.float64]:
        """(3, 3) that turns and stretches RGB colours."""
        turn, brightness = rng.uniform(-self.hue, self.hue), rng.uniform(1.0 - self.brightness, 1.0 + self.brightness)
        saturation = rng.uniform(1.0 - self.saturation, 1.0 + self.saturation)
        rotation = np.array([[1, 0, 0], [0, np.cos(turn), -np.sin(turn)], [0, np.sin(turn), np.cos(turn)]])
        turned = np.linalg.inv(_YIQ) @ rotation @ _YIQ
        grey = np.ones((3, 1)) @ LUMA[None]
        colours: NDArray[np.float64] = brightness * (saturation * turned + (1.0 - saturation) * grey)
        return colours

    def _warp(self, rng: np.random.Generator, size: Size, bars: tuple[float, float]) -> NDArray[np.float64]:
        """(2, 3) affine map of a picture's (x, y) pixels, around its middle."""
        angle, shear = np.deg2rad(rng.uniform(-self.degrees, self.degrees, 2))
        scale = rng.uniform(1.0 - self.scale, 1.0 + self.scale)
        shift = rng.uniform(-self.shift, self.shift, 2) * np.array(size[::-1]) / 128
        rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        within = np.diag([1.0 - 2.0 * bars[1], 1.0 - 2.0 * bars[0]])
        linear = scale * within @ rotation @ np.array([[1.0, np.tan(shear)], [0.0, 1.0]])
        middle = (np.array(size[::-1]) - 1) / 2
        return np.column_stack([linear, middle + shift - linear @ middle])


_BOUNDS = {"hue": np.pi, "degrees": 45.0, "shift": 64.0, "gamma": 4.0}
"""Largest ranges that are not shares of 1."""


class Corner(NamedTuple):
    """A rectangle that lies over the picture."""

    top: int
    left: int
    pixels: Frames  # (height, width, 3)
    opacity: float


@dataclass(frozen=True, eq=False)
class Draw:
    """One way in which video of a size differs; a call gives the frames (T, H, W, 3) as such video would show them."""

    size: Size
    warp: NDArray[np.float64]  # (2, 3)
    colours: NDArray[np.float64]  # (3, 3)
    contrast: float
    gamma: float
    corner: Corner | None
    bars: tuple[float, float]
    """Share of the height above and below, and of the width left and right, that is black."""
    coarser: float
    crf: int | None

    def __call__(self, frames: Frames) -> Frames:
        """uint8 (T, H, W, 3) RGB -> the same shape; the frames given are not changed."""
        if frames.dtype != np.uint8 or frames.shape[1:] != (*self.size, 3):
            raise ValueError(f"frames are {frames.dtype} {frames.shape}; expected uint8 (T, {self.size}, 3)")
        steps: list[Callable[[Frames], Frames]] = []
        if not np.allclose(self.warp, np.eye(2, 3)):
            steps.append(self._warped)
        if not (np.allclose(self.colours, np.eye(3)) and self.contrast == self.gamma == 1.0):
            steps.append(self._coloured)
        if self.corner is not None:
            steps.append(self._covered)
        if any(self.bars):
            steps.append(self._barred)
        if self.coarser > 1.0:
            steps.append(self._blurred)
        if self.crf is not None:
            steps.append(self._compressed)
        if len(frames):
            for step in steps:
                frames = step(frames)
        return frames

    def _warped(self, frames: Frames) -> Frames:
        return _each(
            frames, lambda frame: cv2.warpAffine(frame, self.warp, self.size[::-1], borderMode=cv2.BORDER_REPLICATE)
        )

    def _coloured(self, frames: Frames) -> Frames:
        mean = float((frames[0].reshape(-1, 3).mean(0) @ self.colours.T).mean())
        stretch = np.column_stack([self.contrast * self.colours, np.full(3, (1.0 - self.contrast) * mean)])
        curve = np.rint(255.0 * (np.arange(256) / 255.0) ** self.gamma).astype(np.uint8)
        return _each(frames, lambda frame: cv2.LUT(cv2.transform(frame, stretch), curve))

    def _covered(self, frames: Frames) -> Frames:
        assert self.corner is not None
        top, left, pixels, opacity = self.corner
        covered = frames.copy()
        part = covered[:, top : top + pixels.shape[0], left : left + pixels.shape[1]]
        part[:] = np.rint(part * np.float32(1.0 - opacity) + pixels * np.float32(opacity)).astype(np.uint8)
        return covered

    def _barred(self, frames: Frames) -> Frames:
        rows, columns = (round(share * side) for share, side in zip(self.bars, self.size, strict=True))
        barred = np.zeros_like(frames)
        inside = np.s_[:, rows : self.size[0] - rows, columns : self.size[1] - columns]
        barred[inside] = frames[inside]
        return barred

    def _blurred(self, frames: Frames) -> Frames:
        height, width = (max(1, round(side / self.coarser)) for side in self.size)
        return _each(
            frames,
            lambda frame: cv2.resize(
                cv2.resize(frame, (width, height), interpolation=cv2.INTER_AREA),
                self.size[::-1],
                interpolation=cv2.INTER_LINEAR,
            ),
        )

    def _compressed(self, frames: Frames) -> Frames:
        assert self.crf is not None
        clip = encode_clip(frames, crf=self.crf)
        return decode_clip(clip, 0, len(frames), length=len(frames), size=self.size, name="an augmented clip")


def _each(frames: Frames, change: Callable[[Frames], NDArray[Any]]) -> Frames:
    changed = np.empty_like(frames)
    for target, frame in zip(changed, frames, strict=True):
        target[:] = change(frame)
    return changed


def _bars(rng: np.random.Generator) -> tuple[float, float]:
    """Bars above and below, mostly, or left and right: shares of the height and of the width, on each side."""
    share = rng.uniform(0.02, 0.12)
    return (share, 0.0) if rng.random() < 0.7 else (0.0, share)


def _corner(rng: np.random.Generator, size: Size) -> Corner:
    """A rectangle of a few soft colours in one of the four corners, up to a third of each side; opaque or not."""
    height, width = (max(1, round(side * rng.uniform(0.08, 0.33))) for side in size)
    gap = [round(side * rng.uniform(0.0, 0.05)) for side in size]
    top = gap[0] if rng.random() < 0.5 else size[0] - height - gap[0]
    left = gap[1] if rng.random() < 0.5 else size[1] - width - gap[1]
    pixels = cv2.resize(rng.integers(0, 256, (4, 4, 3), np.uint8), (width, height), interpolation=cv2.INTER_LINEAR)
    opacity = 1.0 if rng.random() < 0.5 else rng.uniform(0.3, 0.9)
    return Corner(max(0, top), max(0, left), np.asarray(pixels, np.uint8), opacity)
