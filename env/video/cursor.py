"""The mouse's arrow, which the recorder of VPT's contractors left out of the video."""

from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

CURSOR_SIZE = 16
"""Side of the arrow's square in a picture of 360 lines."""
_SHAPE = np.array([(0, 0), (0, 12), (2.8, 9.6), (5, 14.6), (7.2, 13.6), (5, 8.8), (8.6, 8.6)])
"""(7, 2) outline (x, y) of the arrow in that square; its tip points at (0, 0)."""
_RIM = 1.3
"""Width of the arrow's rim."""
_FINER = 16  # drawn larger, then averaged down


def draw_cursor(frame: NDArray[np.uint8], x: float, y: float) -> None:
    """Draws an arrow into a frame, uint8 (H, W, 3), its tip in the pixel that holds (x, y).

    What falls outside the frame is cut off, on any side.
    """
    height, width = frame.shape[:2]
    colour, alpha = arrow(max(1, round(CURSOR_SIZE * height / 360)))
    side = len(colour)
    if not (-side <= x < width and -side <= y < height):
        return
    left, top = int(np.floor(x)), int(np.floor(y))
    rows, columns = slice(max(top, 0), min(top + side, height)), slice(max(left, 0), min(left + side, width))
    part = slice(rows.start - top, rows.stop - top), slice(columns.start - left, columns.stop - left)
    below = frame[rows, columns]
    frame[rows, columns] = np.rint(below + (colour[part] - below) * alpha[part]).astype(np.uint8)


@cache
def arrow(side: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Colour (side, side, 1) and alpha (side, side, 1), 0 to 1: white with a black rim, smooth at the edges."""
    fine = side * _FINER
    outline = np.rint((_SHAPE + _RIM / 2) * fine / CURSOR_SIZE).astype(np.int32)
    rim = max(1, round(_RIM * fine / CURSOR_SIZE))
    shape, white = np.zeros((fine, fine), np.float32), np.zeros((fine, fine), np.float32)
    for layer, rim_value in ((shape, 1.0), (white, 0.0)):
        cv2.fillPoly(layer, [outline], 1.0)
        cv2.polylines(layer, [outline], True, rim_value, rim)
    alpha, light = (cv2.resize(layer, (side, side), interpolation=cv2.INTER_AREA) for layer in (shape, white))
    colour = 255.0 * light / np.maximum(alpha, 1e-6)
    return colour[..., None].astype(np.float32), alpha[..., None].astype(np.float32)
