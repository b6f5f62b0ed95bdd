"""Which frame of a video each tick shows."""

import numpy as np
import pytest
from numpy.typing import NDArray

from env.video.held import phase_of
from env.video.ticks import MAX_HOLD, ticks_of


def shown(rate: float, seconds: float = 10.0, *, phase: float = 0.0) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Times (s, in ms steps) of a display's frames, and the game tick whose picture each holds."""
    times = np.arange(int(rate * seconds)) / rate
    return np.round(times, 3), np.floor(20 * times + phase + 1e-6).astype(np.int64)


def changes(pictures: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.float64]:
    """(T - 1,) by how much frames differ that hold these pictures: anything where they do, little where they do not."""
    return np.where(np.diff(pictures) > 0, rng.uniform(1.0, 20.0, len(pictures) - 1), 0.05)


@pytest.mark.parametrize(
    ("rate", "frames"),
    [
        (20, [0, 1, 2, 3, 4, 5, 6, 7]),
        (30, [0, 2, 3, 5, 6, 8, 9, 11]),
        (40, [0, 2, 4, 6, 8, 10, 12, 14]),
        (60, [0, 3, 6, 9, 12, 15, 18, 21]),
        (100, [0, 5, 10, 15, 20, 25, 30, 35]),
        (10, [0, 0, 1, 1, 2, 2, 3, 3]),
        (5, [0, 0, 0, 0, 1, 1, 1, 1]),
    ],
)
def test_a_tick_shows_the_nearest_frame(rate: int, frames: list[int]) -> None:
    seconds, _ = shown(rate)
    ticks = ticks_of(seconds, 10.0)
    assert ticks.frames[:8].tolist() == frames
    assert len(ticks) == 200
    assert not ticks.gaps.any()


def test_unsteady_times_around_the_tick_lose_no_frame() -> None:
    """Frames that come up to a third of a tick early or late are each shown by one tick."""
    seconds = np.arange(200) / 20 + np.random.default_rng(0).uniform(-0.016, 0.016, 200)
    seconds[0] = 0.0
    assert ticks_of(seconds, 10.0).frames.tolist() == list(range(200))


@pytest.mark.parametrize("rate", [24, 25, 29.97, 30, 48, 50, 60, 90, 144])
@pytest.mark.parametrize("phase", [0.0, 0.2, 0.5, 0.77])
def test_of_a_held_picture_each_tick_is_shown_once(rate: float, phase: float) -> None:
    seconds, pictures = shown(rate, phase=phase)
    late = phase_of(seconds, changes(pictures, np.random.default_rng(1)))
    assert late is not None
    ticks = ticks_of(seconds, 10.0, phases=np.full(len(seconds), late))
    kept = pictures[ticks.frames[:198]]
    assert kept.tolist() == list(range(kept[0], kept[0] + 198))


def test_a_game_whose_clock_runs_fast_is_followed() -> None:
    """Its ticks begin earlier and earlier: over a minute, by more than two."""
    times = np.arange(1800) / 30
    pictures = np.floor(20.04 * times + 0.3 + 1e-6).astype(np.int64)
    phases = (-0.3 - 0.04 * times) / 20
    kept = pictures[ticks_of(times, 60.0, phases=phases).frames]
    assert set(np.diff(kept[:-1]).tolist()) == {1}
    assert kept[-2] - kept[0] > 1200


@pytest.mark.parametrize("rate", [24, 30, 60, 144])
def test_a_picture_that_changes_with_every_frame_is_not_held(rate: int) -> None:
    seconds, _ = shown(rate)
    moving = np.random.default_rng(2).uniform(1.0, 20.0, len(seconds) - 1)
    assert phase_of(seconds, moving) is None


@pytest.mark.parametrize("rate", [12, 15, 24])
def test_a_picture_held_at_another_rate_is_not_taken_for_ticks(rate: int) -> None:
    """A film's 15 pictures a second in a video of 60: no phase of 20 ticks a second fits."""
    times = np.arange(600) / 60
    assert phase_of(times, changes(np.floor(rate * times + 1e-6).astype(np.int64), np.random.default_rng(3))) is None


def test_a_gap_is_marked_and_held_for_a_bounded_time() -> None:
    seconds = np.concatenate([np.arange(30) / 30, 100.0 + np.arange(30) / 30])
    ticks = ticks_of(seconds, 101.0)
    hold = round(20 * MAX_HOLD)
    assert np.flatnonzero(ticks.gaps).tolist() == [19 + hold]
    assert ticks.frames[[19 + hold, 20 + hold]].tolist() == [29, 30]
    assert len(ticks) == 20 + hold + 20
