"""Which frame of a video each tick shows."""

import numpy as np
import pytest
from numpy.typing import NDArray

from env.video.held import phase_of
from env.video.ticks import MAX_HOLD, Ticks, ticks_of, turns_per_tick


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
    np.testing.assert_allclose(ticks.late, seconds[ticks.frames] - np.arange(200) / 20)


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
    assert (ticks.late == 0.0).all()


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


def seen(ticks: Ticks, seconds: NDArray[np.float64], speed: float) -> NDArray[np.float32]:
    """(N, 2) what a view of steady speed (degrees a tick) turns from each tick's frame to the next one's."""
    turns = np.diff(seconds[ticks.frames], append=seconds[ticks.frames[-1]] + 0.05) * 20 * speed
    return np.stack([turns, -turns], axis=1).astype(np.float32)


@pytest.mark.parametrize("rate", [15, 24, 25, 30, 50, 144])
def test_an_even_turn_is_as_large_in_each_tick(rate: int) -> None:
    """From frames 33 and 67 ms apart, which show two thirds and four thirds of it."""
    seconds = np.arange(10 * rate) / rate
    ticks = ticks_of(seconds, 10.0)
    turns = turns_per_tick(seen(ticks, seconds, 3.0), late=ticks.late, gaps=ticks.gaps)
    assert turns.dtype == np.float32
    np.testing.assert_allclose(turns[:-2], np.full((198, 2), (3.0, -3.0)), atol=1e-4)


def test_turns_do_not_pass_a_gap() -> None:
    seconds = np.concatenate([np.arange(30) / 30, 100.0 + np.arange(30) / 30])
    ticks = ticks_of(seconds, 101.0)
    camera = np.zeros((len(ticks), 2), np.float32)
    camera[np.flatnonzero(ticks.gaps)[0] + 1 :] = 5.0
    turns = turns_per_tick(camera, late=ticks.late, gaps=ticks.gaps)
    assert (turns[: np.flatnonzero(ticks.gaps)[0] + 1] == 0.0).all()
    assert turns.sum() == pytest.approx(camera.sum(), rel=0.05)


@pytest.mark.parametrize("rate", [20, 40, 60])
def test_turns_between_frames_on_their_ticks_stay(rate: int) -> None:
    ticks = ticks_of(np.round(np.arange(5 * rate) / rate, 3), 5.0)
    camera = np.random.default_rng(4).normal(size=(len(ticks), 2)).astype(np.float32)
    np.testing.assert_array_equal(turns_per_tick(camera, late=ticks.late, gaps=ticks.gaps), camera)
