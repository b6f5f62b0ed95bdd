"""Videos that repeat each tick's picture until the next, read as ticks."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from env.video.encoding import write_video
from env.video.frames import read_ticks
from env.video.held import tick_phases
from env.video.table import frame_table


def held_clip(bars: Any, path: Path, *, rate: int, phase: float, ticks: int = 60) -> Path:
    """The pictures of a game's ticks as a display of that rate shows them, the game being `phase` ticks ahead."""
    times = np.arange(int((ticks - 1) / 20 * rate)) / rate
    pictures = np.floor(20 * times + phase + 1e-6).astype(np.int64)
    return write_video(path, bars.clip(ticks)[pictures], rate)


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
@pytest.mark.parametrize(("rate", "phase"), [(30, 0.0), (30, 0.5), (25, 0.3), (24, 0.7), (60, 0.1)])
def test_each_picture_is_read_once(bars: Any, tmp_path: Path, rate: int, phase: float, suffix: str) -> None:
    path = held_clip(bars, tmp_path / f"clip{suffix}", rate=rate, phase=phase)
    shown = [bars.read(tick.picture) for tick in read_ticks(path)][:57]
    assert shown == list(range(shown[0], shown[0] + 57))
    assert shown[0] <= 1


def test_a_picture_that_changes_with_every_frame_is_live(bars: Any, tmp_path: Path) -> None:
    path = write_video(tmp_path / "clip.mkv", bars.clip(180), 60)
    assert tick_phases(path, frame_table(path).seconds) is None
    assert [bars.read(tick.picture) for tick in read_ticks(path)] == list(range(0, 180, 3))


def test_a_still_picture_tells_nothing(bars: Any, tmp_path: Path) -> None:
    path = write_video(tmp_path / "clip.mkv", np.repeat(bars.clip(1), 90, axis=0), 30)
    assert tick_phases(path, frame_table(path).seconds) is None
    assert len(list(read_ticks(path))) == 60


def test_video_at_the_rate_of_the_game_is_not_looked_into(bars: Any, tmp_path: Path) -> None:
    path = write_video(tmp_path / "clip.mp4", bars.clip(40), 20)
    seconds = frame_table(path).seconds
    path.unlink()
    assert tick_phases(path, seconds) is None
