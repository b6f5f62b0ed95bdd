"""The frame that is labelled is the frame that is read: in any container, codec and rate, in order and after seeks."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from env.video.decoding import decode
from env.video.frames import FrameReader, read_ticks
from env.video.pictures import pixels
from env.video.table import frame_table
from env.video.ticks import ticks_of
from tests.unit.env.video.clips import MILLISECONDS, irregular, steady, write_clip

FRAMES = 100
HOLDS = {
    "mp4": ("h264", "h264-b", "h264-open", "hevc", "vp9", "av1", "mpeg4-b", "mjpeg"),
    "mov": ("h264-b", "h264-open", "hevc", "mpeg4-b", "mjpeg"),
    "mkv": ("h264", "h264-b", "h264-open", "hevc", "vp9", "av1", "mpeg4-b", "mjpeg"),
    "webm": ("vp9", "av1"),
    "avi": ("h264", "h264-b", "h264-open", "mpeg4", "mpeg4-b", "mjpeg"),
    "ts": ("h264", "h264-b", "h264-open", "hevc", "mpeg2-b"),
    "flv": ("h264", "h264-b", "flv1"),
    "wmv": ("wmv2",),
    "mpg": ("mpeg2-b",),
}
VARIABLE = ("mp4", "mov", "mkv", "webm", "ts", "flv", "wmv")
"""Containers that hold time stamps of their own for each frame."""


def check(path: Path, bars: Any, stamps: list[Fraction]) -> None:
    """The frames are there in order, each at its time, and the same from wherever one starts."""
    table = frame_table(path)
    shown = [(number, seconds, bars.read(pixels(picture))) for number, seconds, picture in decode(path)]
    assert [number for number, _, _ in shown] == list(range(len(stamps)))
    assert [code for _, _, code in shown] == list(range(len(stamps)))
    assert len(table) == len(stamps)
    np.testing.assert_allclose([seconds for _, seconds, _ in shown], np.array(stamps, float), atol=1.5e-3)
    for start in (64, 70, len(stamps) - 17, len(stamps) - 1):
        found = [(number, bars.read(pixels(picture))) for number, _, picture in decode(path, start)]
        assert found == [(number, number) for number in range(start, len(stamps))]
    reader = FrameReader(path)
    for number in np.random.default_rng(0).integers(0, len(stamps), 8):
        assert bars.read(reader.frame(int(number))) == number
    ticks = list(read_ticks(path))
    assert [tick.frame for tick in ticks] == [bars.read(tick.picture) for tick in ticks]
    assert [tick.frame for tick in ticks] == ticks_of(table.seconds, table.end).frames.tolist()


@pytest.mark.parametrize(("container", "coding"), [(name, coding) for name in HOLDS for coding in HOLDS[name]])
def test_every_container_and_codec(container: str, coding: str, bars: Any, tmp_path: Path) -> None:
    stamps = steady(FRAMES, 30)
    path = write_clip(tmp_path / f"clip.{container}", bars.clip(FRAMES), stamps, coding, rate=Fraction(30))
    check(path, bars, stamps)


@pytest.mark.parametrize("rate", [Fraction(24000, 1001), 24, 25, 50, Fraction(60000, 1001), 60, 144])
@pytest.mark.parametrize("container", ["mp4", "mkv", "avi", "ts", "flv", "webm"])
def test_every_rate(container: str, rate: Fraction | int, bars: Any, tmp_path: Path) -> None:
    stamps = steady(FRAMES, rate)
    coding = "vp9" if container == "webm" else "h264-b"
    path = write_clip(tmp_path / f"clip.{container}", bars.clip(FRAMES), stamps, coding, rate=Fraction(rate))
    check(path, bars, stamps)


@pytest.mark.parametrize("container", VARIABLE)
def test_a_variable_rate(container: str, bars: Any, tmp_path: Path) -> None:
    stamps = irregular(FRAMES)
    coding = {"webm": "vp9", "wmv": "wmv2"}.get(container, "h264-b")
    path = tmp_path / f"clip.{container}"
    write_clip(path, bars.clip(FRAMES), stamps, coding, rate=Fraction(1000), time_base=MILLISECONDS)
    check(path, bars, stamps)
