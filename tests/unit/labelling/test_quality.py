"""Ticks that would teach a policy nonsense are found; a player who walks, looks or waits is left alone."""

import numpy as np
import pytest
from numpy.typing import NDArray

from labelling.quality import FrameMeasures, QualityThresholds

Frames = NDArray[np.uint8]
SIZE = (36, 64)


def scene(seed: int, ticks: int, *, speed: int = 1) -> Frames:
    """A view that turns over a landscape of blotches, `speed` pixels a tick."""
    rng = np.random.default_rng(seed)
    blotches = rng.integers(40, 220, (SIZE[0] // 4, 64, 3), np.uint8)
    landscape = np.tile(blotches.repeat(4, axis=0).repeat(4, axis=1), (1, 2 + ticks * speed // 256, 1))
    return np.stack([landscape[:, tick * speed : tick * speed + SIZE[1]] for tick in range(ticks)])


def reasons(frames: Frames, *, fps: float = 20.0, confidence: float = 0.9) -> list[str]:
    measures = FrameMeasures(QualityThresholds())
    for frame in frames:
        measures.add(frame)
    times = np.arange(len(frames)) / fps
    return list(measures.reasons(times, np.full(len(frames), confidence, np.float32), low=0.5))


@pytest.mark.parametrize("speed", [0, 1, 3, 9])
def test_turning_and_waiting_are_usable(speed: int) -> None:
    assert set(reasons(scene(0, 80, speed=speed))) == {""}


def test_a_long_still_picture_is_frozen() -> None:
    frames = np.concatenate([scene(0, 30), scene(0, 30)[-1:].repeat(150, axis=0)])
    assert reasons(frames)[:30] == [""] * 30
    assert set(reasons(frames)[31:]) == {"frozen"}


def test_black_frames_are_found() -> None:
    frames = scene(0, 40)
    frames[10:20] = 16
    assert [tick for tick, reason in enumerate(reasons(frames)) if reason == "black"] == list(range(10, 20))


@pytest.mark.parametrize("bars", [np.s_[:, [0, 1, 2, -3, -2, -1]], np.s_[:, :, [0, 1, 2, 3, -4, -3, -2, -1]]])
def test_bars_that_stay_are_a_letterbox(bars: tuple[slice, ...]) -> None:
    frames = scene(0, 220)
    frames[bars] = 0
    assert set(reasons(frames)) == {"letterboxed"}
    assert set(reasons(frames[:50])) == {""}


def test_both_sides_of_a_cut_are_marked() -> None:
    frames = np.concatenate([scene(0, 30), scene(1, 30)])
    assert [tick for tick, reason in enumerate(reasons(frames)) if reason == "cut"] == [29, 30]


def test_a_lower_frame_rate_in_disguise_is_found() -> None:
    doubled = scene(0, 40, speed=4).repeat(2, axis=0)
    assert set(reasons(doubled)[10:-10]) == {"duplicated"}


def test_ticks_that_show_one_frame_of_the_source_are_duplicated() -> None:
    measures = FrameMeasures(QualityThresholds())
    for frame in scene(0, 6):
        measures.add(frame)
    times = np.array([0.0, 0.05, 0.1, 0.1, 0.15, 0.2])
    found = measures.reasons(times, np.ones(6, np.float32), low=0.5)
    assert list(found) == ["", "", "duplicated", "duplicated", "", ""]


def test_low_confidence_is_visible() -> None:
    assert set(reasons(scene(0, 10), confidence=0.4)) == {"low confidence"}


def test_an_empty_video_has_no_reasons() -> None:
    assert reasons(np.zeros((0, *SIZE, 3), np.uint8)) == []
