"""Measures of pictures: which way content moved, how alike two views are, which frame first shows a change."""

from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from env.conformance.pictures import changed, correlation, detail, first_change, shift

Frame = NDArray[np.uint8]


@pytest.fixture
def view() -> Frame:
    """Blots of random colours, 180 x 320."""
    noise = np.random.default_rng(0).integers(0, 256, (45, 80, 3), np.uint8)
    return cv2.resize(noise, (320, 180), interpolation=cv2.INTER_CUBIC).astype(np.uint8)


@pytest.mark.parametrize(("down", "across"), [(0, 8), (0, -8), (6, 0), (-6, 0)])
def test_shift_tells_how_far_the_content_moved(view: Frame, down: int, across: int) -> None:
    moved = np.roll(view, (down, across), (0, 1))
    found = shift(view, moved)
    assert found[0] == pytest.approx(down / 180, abs=0.003)
    assert found[1] == pytest.approx(across / 320, abs=0.003)


def test_equal_views_correlate_and_others_do_not(view: Frame) -> None:
    noisy = np.clip(view.astype(int) + np.random.default_rng(1).integers(-9, 10, view.shape), 0, 255).astype(np.uint8)
    assert correlation(view, noisy) > 0.95
    assert abs(correlation(view, np.roll(view, 100, 1))) < 0.3


def test_a_bright_sky_over_dark_ground_is_no_likeness(view: Frame) -> None:
    """Two views with nothing in common but the sky's brightness."""
    sky = np.linspace(200, 40, 180)[:, None, None]
    one, other = ((0.2 * each + sky).astype(np.uint8) for each in (view, np.roll(view, 100, 1)))
    assert np.corrcoef(one.ravel(), other.ravel())[0, 1] > 0.9
    assert abs(correlation(one, other)) < 0.3


def test_detail_is_none_where_rows_are_plain(view: Frame) -> None:
    plain = np.broadcast_to(np.linspace(200, 40, 180)[:, None, None], (180, 320, 3)).astype(np.uint8)
    assert detail(plain) < 0.01
    assert correlation(plain, plain) == 0.0
    assert detail(view) > 10.0


def test_changed_is_a_share_of_the_part_that_is_looked_at(view: Frame) -> None:
    after = view.copy()
    after[90:, 160:] = 255 - view[90:, 160:] // 4
    assert changed(view, after, rows=slice(0.0, 0.5)) == 0.0
    assert changed(view, after) == pytest.approx(
        changed(view, after, rows=slice(0.5, 1.0), columns=slice(0.5, 1.0)) / 4
    )


@pytest.mark.parametrize("at", [1, 2, 4])
def test_first_change_looks_past_what_moves_by_itself(view: Frame, at: int) -> None:
    frames: list[Any] = [view.copy() for _ in range(5)]
    for number, frame in enumerate(frames):
        frame[10:20, 10 * number : 10 * number + 10] = 255  # a cloud
    for frame in frames[at:]:
        frame[100:, :] = np.roll(view, 60, 1)[100:, :]
    assert first_change(frames, least=0.02) == at


def test_no_change_is_none(view: Frame) -> None:
    assert first_change([view] * 5, least=0.01) is None
