"""Ticks of 1/20 s, whatever rate the container states, with the time of each in the source."""

from pathlib import Path

import numpy as np
import pytest

from env.errors import VideoError
from env.video.encoding import write_video
from env.video.frames import probe, read_ticks
from env.video.ticks import FrameRate
from labelling.video_length import expected_ticks

SIZE = (32, 64)


def numbered(frames: int) -> np.ndarray:
    """Frames whose grey level counts up by 3, so that each can be told from its picture."""
    levels = (20 + 3 * np.arange(frames)).astype(np.uint8)
    return np.broadcast_to(levels[:, None, None, None], (frames, *SIZE, 3)).copy()


@pytest.fixture
def video(tmp_path: Path) -> Path:
    """One second at 30 frames a second."""
    return write_video(tmp_path / "clip.mp4", numbered(30), fps=30)


def read(video: Path, fps: FrameRate) -> tuple[list[int], list[float]]:
    """Which frame each tick shows, and its time."""
    ticks = list(read_ticks(video, fps=fps, size=SIZE))
    return [round((float(tick.picture.mean()) - 20) / 3) for tick in ticks], [tick.seconds for tick in ticks]


def test_auto_follows_the_time_stamps(video: Path) -> None:
    shown, times = read(video, "auto")
    assert shown == [int(tick * 1.5 + 0.5) for tick in range(20)]  # the nearest, of two the later
    assert times == pytest.approx([frame / 30 for frame in shown])


def test_native_takes_every_frame_for_a_tick(video: Path) -> None:
    shown, times = read(video, "native")
    assert shown == list(range(30))
    assert times == pytest.approx(np.arange(30) / 30)


@pytest.mark.parametrize(("fps", "ticks"), [(10.0, 60), (20.0, 30), (40.0, 15), (60.0, 10), (29.97, 21)])
def test_a_number_is_the_true_rate_of_the_frames(video: Path, fps: float, ticks: int) -> None:
    shown, times = read(video, fps)
    assert len(shown) == ticks
    # Of two frames about as near, the later; slow videos hold a frame until half a tick before the next.
    assert shown == [tick // 2 if fps == 10.0 else min(int(tick * fps / 20 + 0.6), 29) for tick in range(ticks)]
    assert times == pytest.approx([frame / 30 for frame in shown])


@pytest.mark.parametrize("fps", ["auto", "native", 10.0, 60.0])
def test_the_ticks_expected_are_those_that_come(video: Path, fps: FrameRate) -> None:
    assert expected_ticks(probe(video), fps=fps) == len(read(video, fps)[0])


def test_what_cannot_be_read_is_a_video_error(tmp_path: Path) -> None:
    (tmp_path / "text.mp4").write_text("no video")
    for video in (tmp_path / "text.mp4", tmp_path / "gone.mp4", tmp_path):
        with pytest.raises(VideoError, match=video.name):
            read(video, "auto")
