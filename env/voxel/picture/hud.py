"""What lies flat over the picture: hotbar, hearts, food, crosshair, the open screen.

Positions are those of a 640 x 360 screen at GUI scale 1.
"""

from functools import cache

import cv2
import numpy as np
from numba import njit
from numpy.typing import NDArray

from env.voxel.picture.icons import item_icon
from env.voxel.picture.layer import Layer, draw_number, paste
from env.voxel.picture.panels import draw_pointer, draw_screen
from env.voxel.picture.sprites import status_icons
from env.voxel.rules.view import ScreenView, View

_HOTBAR_X, _HOTBAR_Y = 229, 338
_STATUS_Y = 321
_EXPERIENCE_Y = 331


class Hud:
    """Keeps the layer for one picture size, and redraws it only when something on it changes."""

    def __init__(
        self, size: tuple[int, int], *, pick: tuple[NDArray[np.int64], NDArray[np.int64]] | None = None
    ) -> None:
        """`size` is (R, C); with `pick`, these rows and columns of the full screen are taken instead of resizing."""
        self._size, self._pick = size, pick
        self._shown: tuple[object, ...] | None = None
        self._pointed: ScreenView | None = None
        self._screen = self._layer = np.zeros((0, 0, 4), np.float32)
        self.crosshair = self._fit(_crosshair())
        """(R, C) how far each pixel is inverted, 0 to 1."""
        self.bare: NDArray[np.bool_] = np.zeros(len(self.crosshair), np.bool_)
        """(R,) the rows of the picture that neither crosshair nor layer touches."""

    def layer(self, view: View) -> Layer:
        """(R, C, 4) the layer, with colours already multiplied by alpha."""
        shown = (
            view.hotbar_items.tobytes(),
            view.hotbar_counts.tobytes(),
            view.hotbar_selected,
            view.health,
            view.food,
            None if view.screen is None else view.screen.below,
        )
        changed = shown != self._shown
        if changed:
            self._shown = shown
            self._screen = _draw(view)
        if changed or view.screen != self._pointed:
            self._pointed = view.screen
            # Only what follows the mouse moves in every frame.
            self._layer = self._fit(self._screen if view.screen is None else draw_pointer(self._screen, view.screen))
            if changed:
                touched = np.logical_or(self.crosshair, self._layer[..., 3])
                self.bare = np.logical_not(touched.any(axis=1))
        return self._layer

    def _fit(self, screen: NDArray[np.float32]) -> NDArray[np.float32]:
        if self._pick is not None:
            return np.ascontiguousarray(screen[np.ix_(*self._pick)])
        height, width = self._size
        method = cv2.INTER_AREA if width <= screen.shape[1] else cv2.INTER_LINEAR
        return np.ascontiguousarray(cv2.resize(screen, (width, height), interpolation=method))


@njit(cache=True)
def lay_over(
    colour: NDArray[np.float32],
    layer: Layer,
    crosshair: NDArray[np.float32],
    bare: NDArray[np.bool_],
    frame: NDArray[np.uint8],
) -> None:
    """Write frame (R, C, 3): the colours, inverted under the crosshair, below the layer.

    On the rows that are `bare` (R,) there is neither crosshair nor layer.
    """
    for row in range(colour.shape[0]):
        if bare[row]:
            _round(colour[row].reshape(-1), frame[row].reshape(-1))
            continue
        for column in range(colour.shape[1]):
            invert = crosshair[row, column]
            through = np.float32(1.0) - layer[row, column, 3]
            for channel in range(3):
                value = min(max(colour[row, column, channel], np.float32(0.0)), np.float32(255.0))
                if invert > 0.0:
                    value = value * (1.0 - invert) + (255.0 - value) * invert
                value = value * through + layer[row, column, channel]
                frame[row, column, channel] = np.uint8(value + 0.5)


@njit(cache=True)
def _round(values: NDArray[np.float32], rounded: NDArray[np.uint8]) -> None:
    """Write the nearest whole number from 0 to 255 of each value, halves rounded up."""
    for i in range(len(values)):
        value = min(max(values[i], np.float32(0.0)), np.float32(255.0))
        whole = np.int32(value)
        rounded[i] = whole + (value - np.float32(whole) >= np.float32(0.5))


def _draw(view: View) -> Layer:
    layer = np.zeros((360, 640, 4), np.float32)
    paste(layer, _hotbar(), _HOTBAR_X, _HOTBAR_Y)
    for slot, (number, count) in enumerate(zip(view.hotbar_items, view.hotbar_counts, strict=True)):
        if number > 0:
            x, y = _HOTBAR_X + 3 + 20 * slot, _HOTBAR_Y + 3
            paste(layer, item_icon(int(number)), x, y)
            if count > 1:
                draw_number(layer, int(count), x + 17, y + 9)
    paste(layer, _selector(), _HOTBAR_X - 1 + 20 * view.hotbar_selected, _HOTBAR_Y - 1)
    paste(layer, _experience_bar(), _HOTBAR_X, _EXPERIENCE_Y)
    icons = status_icons()
    for place in range(10):
        for name, amount, x in (("heart", view.health, _HOTBAR_X + 8 * place), ("food", view.food, 402 - 8 * place)):
            state = "full" if amount >= 2 * place + 2 else "half" if amount == 2 * place + 1 else "empty"
            paste(layer, icons[f"{name}_{state}"], x, _STATUS_Y)
    if view.screen is not None:
        draw_screen(layer, view.screen)
    return layer


@cache
def _hotbar() -> NDArray[np.uint8]:
    """(22, 182, 4) nine dark, half see-through slots in a frame."""
    bar = np.zeros((22, 182, 4), np.uint8)
    bar[:] = (0, 0, 0, 255)
    bar[1:-1, 1:-1] = (144, 144, 144, 210)
    for slot in range(9):
        x = 1 + 20 * slot
        bar[1:21, x : x + 20] = (132, 132, 132, 200)
        bar[2:20, x + 1 : x + 19] = (60, 60, 60, 150)
        bar[2, x + 1 : x + 19] = (36, 36, 36, 170)
        bar[2:20, x + 1] = (36, 36, 36, 170)
    return bar


@cache
def _selector() -> NDArray[np.uint8]:
    """(24, 24, 4) the bright frame around the selected slot."""
    frame = np.zeros((24, 24, 4), np.uint8)
    frame[:, :] = (30, 30, 30, 255)
    frame[1:-1, 1:-1] = (255, 255, 255, 255)
    frame[2:-2, 2:-2] = (196, 196, 196, 255)
    frame[3:-3, 3:-3] = (70, 70, 70, 255)
    frame[4:-4, 4:-4] = 0
    return frame


@cache
def _experience_bar() -> NDArray[np.uint8]:
    """(5, 182, 4) empty: nothing in this world gives experience."""
    bar = np.zeros((5, 182, 4), np.uint8)
    bar[:] = (0, 0, 0, 200)
    bar[1:-1, 1:-1] = (44, 56, 40, 200)
    bar[1, 1:-1] = (70, 84, 62, 200)
    bar[1:-1, 18::18] = (18, 24, 16, 220)
    return bar


def _crosshair() -> NDArray[np.float32]:
    """(360, 640) a thin cross in the middle."""
    mask = np.zeros((360, 640), np.float32)
    mask[180, 316:325] = 1.0
    mask[176:185, 320] = 1.0
    return mask
