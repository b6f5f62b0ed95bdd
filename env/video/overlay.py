"""Draws the keys and the mouse of a tick, so that people can watch what was pressed or inferred."""

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from env.actions import BUTTONS

Colour = tuple[int, int, int]

BACKGROUND: Colour = (24, 26, 31)
KEY: Colour = (47, 51, 61)
KEY_TEXT: Colour = (139, 147, 163)
PRESSED: Colour = (92, 200, 130)
PRESSED_TEXT: Colour = (16, 26, 20)
WRONG: Colour = (240, 92, 92)

_SCALE = 2  # drawn larger, then averaged down, for smooth edges


class _Key(NamedTuple):
    """A key cap in a panel 320 units wide and 62 high."""

    button: str
    text: str
    x: int
    y: int
    width: int


# Where the hands find them: movement on the left, modifiers beneath, the number row on top, the mouse on the right.
_KEYS = (
    *(_Key(f"hotbar.{n}", str(n), 66 + 16 * (n - 1), 4, 14) for n in range(1, 10)),
    _Key("drop", "Q", 66, 22, 16),
    _Key("forward", "W", 84, 22, 16),
    _Key("inventory", "E", 102, 22, 16),
    _Key("left", "A", 66, 40, 16),
    _Key("back", "S", 84, 40, 16),
    _Key("right", "D", 102, 40, 16),
    _Key("sneak", "sneak", 124, 40, 34),
    _Key("sprint", "sprint", 124, 22, 34),
    _Key("jump", "jump", 161, 40, 49),
    _Key("attack", "attack", 226, 22, 38),
    _Key("use", "use", 226, 40, 38),
)
_MOUSE_CENTRE, _MOUSE_RADIUS = (292, 31), 24
_KEY_HEIGHT = 16
_WIDTH, _HEIGHT = 320, 62


def draw_controls(
    buttons: NDArray[np.bool_],
    camera: NDArray[np.floating],
    *,
    width: int = 640,
    title: str = "",
    truth: NDArray[np.bool_] | None = None,
    max_degrees: float = 10.0,
) -> NDArray[np.uint8]:
    """Draws a strip of key caps and the mouse's movement: uint8 RGB (width * 62 / 320 made even, width, 3).

    `buttons` is (20,) in the order of `BUTTONS`; `camera` is (pitch, yaw) in degrees. Where `truth` is given, keys that
    differ from it get a red frame.
    """
    scale = width / _WIDTH * _SCALE
    canvas = np.full((round(_HEIGHT * scale), round(_WIDTH * scale), 3), BACKGROUND, np.uint8)
    pressed = dict(zip(BUTTONS, buttons, strict=True))
    expected = pressed if truth is None else dict(zip(BUTTONS, truth, strict=True))
    for key in _KEYS:
        _draw_key(canvas, key, scale, bool(pressed[key.button]), bool(pressed[key.button] != expected[key.button]))
    _draw_mouse(canvas, camera, scale, max_degrees)
    for row, line in enumerate(title.split("\n")):
        _put_text(canvas, line, (6, 20 + 13 * row), scale, KEY_TEXT, 0.36)
    height = 2 * round(_HEIGHT * scale / _SCALE / 2)
    return np.asarray(cv2.resize(canvas, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


def _draw_key(canvas: NDArray[np.uint8], key: _Key, scale: float, pressed: bool, wrong: bool) -> None:
    corner = round(key.x * scale), round(key.y * scale)
    opposite = round((key.x + key.width) * scale), round((key.y + _KEY_HEIGHT - 1) * scale)
    cv2.rectangle(canvas, corner, opposite, PRESSED if pressed else KEY, -1)
    if wrong:
        cv2.rectangle(canvas, corner, opposite, WRONG, max(1, round(1.2 * scale)))
    size = 0.36 if len(key.text) == 1 else 0.32
    (text_width, _), _ = cv2.getTextSize(key.text, cv2.FONT_HERSHEY_SIMPLEX, size, 1)
    position = key.x + (key.width - text_width) / 2, key.y + 11
    _put_text(canvas, key.text, position, scale, PRESSED_TEXT if pressed else KEY_TEXT, size)


def _draw_mouse(canvas: NDArray[np.uint8], camera: NDArray[np.floating], scale: float, max_degrees: float) -> None:
    centre = round(_MOUSE_CENTRE[0] * scale), round(_MOUSE_CENTRE[1] * scale)
    cv2.circle(canvas, centre, round(_MOUSE_RADIUS * scale), KEY, -1, cv2.LINE_AA)
    pitch, yaw = (float(np.clip(angle / max_degrees, -1.0, 1.0)) for angle in camera)
    reach = (_MOUSE_RADIUS - 3) * scale
    # The square root spreads small movements, which are most of them.
    length = float(np.hypot(pitch, yaw))
    stretch = reach / max(length, 1e-6) * min(1.0, length) ** 0.5
    tip = round(centre[0] + yaw * stretch), round(centre[1] + pitch * stretch)
    cv2.line(canvas, centre, tip, PRESSED, max(1, round(2.2 * scale)), cv2.LINE_AA)
    cv2.circle(canvas, tip, round(3.2 * scale), PRESSED, -1, cv2.LINE_AA)


def _put_text(
    canvas: NDArray[np.uint8], text: str, at: tuple[float, float], scale: float, colour: Colour, size: float
) -> None:
    position = round(at[0] * scale), round(at[1] * scale)
    cv2.putText(
        canvas, text, position, cv2.FONT_HERSHEY_SIMPLEX, size * scale, colour, max(1, round(0.5 * scale)), cv2.LINE_AA
    )
