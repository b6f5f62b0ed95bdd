"""Every tick is answered once, and from the middle of what the model saw."""

import pytest

from env.errors import GhostkeysError
from labelling.windows import Window, WindowPlanner, plan_windows

LENGTHS = [1, 5, 31, 63, 64, 65, 127, 128, 129, 191, 192, 193, 300, 6000]


@pytest.mark.parametrize("ticks", LENGTHS)
def test_every_tick_is_kept_exactly_once(ticks: int) -> None:
    kept = [tick for window in plan_windows(ticks) for tick in range(window.keep_start, window.keep_stop)]
    assert kept == list(range(ticks))


@pytest.mark.parametrize("ticks", LENGTHS)
def test_only_the_ends_of_the_video_are_answered_from_the_edge_of_a_window(ticks: int) -> None:
    for window in plan_windows(ticks):
        assert 0 <= window.start <= window.keep_start < window.keep_stop <= window.stop <= ticks
        assert window.keep_start - window.start >= 32 or window.start == 0
        assert window.stop - window.keep_stop >= 32 or window.stop == ticks


@pytest.mark.parametrize("ticks", LENGTHS)
def test_every_window_is_full_unless_the_video_is_shorter(ticks: int) -> None:
    assert {len(window) for window in plan_windows(ticks)} == {min(ticks, 128)}


@pytest.mark.parametrize("ticks", LENGTHS)
@pytest.mark.parametrize("chunk", [1, 7, 64, 1000])
def test_a_stream_gives_the_same_windows_as_a_video_of_known_length(ticks: int, chunk: int) -> None:
    planner = WindowPlanner(128)
    windows: list[Window] = []
    for known in range(chunk, ticks + 1, chunk):
        needed = planner.first_needed
        fresh = list(planner.ready(known))
        assert all(window.start >= needed for window in fresh)
        windows += fresh
    needed = planner.first_needed
    windows += planner.ready(ticks, last=True)
    assert windows[-1].start >= needed
    assert windows == plan_windows(ticks, 128)


def test_an_empty_video_has_no_windows() -> None:
    assert plan_windows(0) == []


@pytest.mark.parametrize("length", [0, 2, 6, -128])
def test_a_window_without_a_middle_half_is_refused(length: int) -> None:
    with pytest.raises(GhostkeysError, match="multiple of 4"):
        WindowPlanner(length)
