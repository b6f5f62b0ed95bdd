"""The arrow drawn into contractors' frames."""

import numpy as np
import pytest
from numpy.typing import NDArray

from env.video.cursor import CURSOR_SIZE, draw_cursor


def drawn(x: float, y: float, size: tuple[int, int] = (360, 640)) -> NDArray[np.bool_]:
    frame = np.full((*size, 3), 110, np.uint8)
    draw_cursor(frame, x, y)
    different: NDArray[np.bool_] = (frame != 110).any(axis=2)
    return different


def test_the_tip_is_in_the_pixel_of_the_place() -> None:
    rows, columns = np.nonzero(drawn(100.9, 50.2))
    assert (rows.min(), columns.min()) == (50, 100)
    assert rows.max() < 50 + CURSOR_SIZE
    assert columns.max() < 100 + CURSOR_SIZE


def test_it_is_white_with_a_dark_rim() -> None:
    frame = np.full((360, 640, 3), 110, np.uint8)
    draw_cursor(frame, 100, 50)
    assert (frame[50, 100] < 80).all()
    assert (frame.max(axis=(0, 1)) > 240).all()


@pytest.mark.parametrize("place", [(-5, 30), (30, -9.5), (-3, -3), (635, 30), (30, 355.5), (639, 359), (-0.5, 100)])
def test_a_cursor_partly_outside_shows_its_part_inside(place: tuple[float, float]) -> None:
    """It is the picture of the whole arrow, cut: no wrapping to the other side."""
    x, y = place
    framed = np.zeros((400, 680), bool)
    whole = drawn(x + 20, y + 20, (360, 640))  # the arrow away from the left and top edges
    if x < 600 and y < 300:
        np.testing.assert_array_equal(drawn(x, y)[:300, :600], whole[20:320, 20:620])
    else:
        framed[:360, :640] = drawn(x - 100, y - 100)
        np.testing.assert_array_equal(drawn(x, y)[200:, 500:], framed[100:260, 400:540])
    assert drawn(x, y).any()


@pytest.mark.parametrize("place", [(-16, 100), (640, 100), (100, 360), (100, -30), (1e7, 1e7), (-1e7, 5)])
def test_a_cursor_outside_is_not_drawn(place: tuple[float, float]) -> None:
    assert not drawn(*place).any()


def test_it_grows_with_the_picture() -> None:
    assert drawn(100, 100, (720, 1280)).sum() == pytest.approx(4 * drawn(50, 50).sum(), rel=0.15)
