"""Measures of pictures that bear with what moves by itself in Minecraft: clouds, animals, leaves."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from env.video.pictures import Frame

Grey = NDArray[np.float32]
"""(H, W), 0 to 255."""

CHANGED = 12.0
"""Grey levels by which a pixel differs that counts as changed."""
_SMALL = (45, 80)
"""Height and width at which two views are compared."""
_WORLD = slice(0.05, 0.65)
"""Share of the rows without the health bars, the hotbar and most of the hand."""


def grey(frame: Frame) -> Grey:
    """The picture's luminance."""
    values: Grey = cv2.cvtColor(np.ascontiguousarray(frame), cv2.COLOR_RGB2GRAY).astype(np.float32)
    return values


def changed(before: Frame, after: Frame, *, rows: slice | None = None, columns: slice | None = None) -> float:
    """Share of the pixels that changed, in all of the picture or in a part given in shares of its sides."""
    difference = np.abs(grey(after) - grey(before))
    return float((part(difference, rows=rows, columns=columns) > CHANGED).mean())


def part(values: Grey, *, rows: slice | None = None, columns: slice | None = None) -> Grey:
    """A part of a picture, given in shares of its height and width."""
    return values[_pixels(rows, values.shape[0]), _pixels(columns, values.shape[1])]


def _pixels(shares: slice | None, length: int) -> slice:
    return slice(None) if shares is None else slice(round(shares.start * length), round(shares.stop * length))


def correlation(first: Frame, second: Frame) -> float:
    """Likeness of two views, -1 to 1: correlation of small grey pictures, without HUD and hand.

    Each row's mean is taken out: a bright sky over dark ground makes any two views alike.
    """
    one, other = (_view(frame) for frame in (first, second))
    if min(one.std(), other.std()) < 0.01:  # nothing but rows of one colour, and rounding
        return 0.0
    return float((one * other).sum() / (np.linalg.norm(one) * np.linalg.norm(other)))


def detail(frame: Frame) -> float:
    """How much there is to be seen in a view: grey levels of deviation from each row's mean."""
    return float(_view(frame).std())


def _view(frame: Frame) -> Grey:
    small = cv2.resize(part(grey(frame), rows=_WORLD), _SMALL[::-1], interpolation=cv2.INTER_AREA).astype(np.float32)
    view: Grey = small - small.mean(axis=1, keepdims=True)
    return view


def shift(before: Frame, after: Frame) -> tuple[float, float, float]:
    """By how much the view's content moved, in shares of the picture's height and width (down, right); how surely.

    Phase correlation; the last number is the height of its peak, from 0 to 1.
    """
    one, other = (part(grey(frame), rows=_WORLD) for frame in (before, after))
    window = cv2.createHanningWindow(one.shape[::-1], cv2.CV_32F)
    (across, down), response = cv2.phaseCorrelate(np.ascontiguousarray(one), np.ascontiguousarray(other), window)
    height, width = before.shape[:2]
    return down / height, across / width, float(response)


def first_change(
    frames: Sequence[Frame], *, least: float, rows: slice | None = None, columns: slice | None = None
) -> int | None:
    """The number of the first frame that shows what changed: half as much as the most that any differs from frame 0.

    None where no frame differs from frame 0 in a share `least` of the pixels.
    """
    differences = [changed(frames[0], frame, rows=rows, columns=columns) for frame in frames]
    most = max(differences)
    return None if most < least else next(number for number, each in enumerate(differences) if each > most / 2)
