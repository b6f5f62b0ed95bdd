"""Clips in many containers and codecs, and files that are odd in one way each, made from scratch."""

from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import av
import numpy as np
from numpy.typing import NDArray

MILLISECONDS = Fraction(1, 1000)
Packets = Iterable[Any]


class Coding(NamedTuple):
    """An encoder and its options."""

    encoder: str
    options: dict[str, str] = {}  # noqa: RUF012
    b_frames: int = 0


CODINGS = {
    "h264": Coding("libx264", {"preset": "ultrafast", "bf": "0"}),
    "h264-b": Coding(
        "libx264", {"preset": "veryfast", "x264-params": "bframes=3:b-pyramid=normal:b-adapt=0:keyint=30"}
    ),
    "h264-open": Coding("libx264", {"preset": "veryfast", "x264-params": "bframes=3:open-gop=1:keyint=25:b-adapt=0"}),
    "hevc": Coding(
        "libx265",
        {
            "preset": "ultrafast",
            "x265-params": "bframes=3:keyint=30:b-adapt=0:log-level=error:pools=none:frame-threads=1",
        },
    ),
    "vp9": Coding("libvpx-vp9", {"deadline": "realtime", "cpu-used": "8", "g": "30", "auto-alt-ref": "1"}),
    "av1": Coding("libsvtav1", {"preset": "12", "g": "32", "svtav1-params": "lp=1"}),
    "mpeg4": Coding("mpeg4", {"g": "30", "qscale": "3"}),
    "mpeg4-b": Coding("mpeg4", {"g": "30", "qscale": "3"}, b_frames=2),
    "mjpeg": Coding("mjpeg", {"qscale": "3"}),
    "mpeg2-b": Coding("mpeg2video", {"g": "15", "qscale": "3"}, b_frames=2),
    "wmv2": Coding("wmv2", {"g": "30", "qscale": "3"}),
    "flv1": Coding("flv", {"g": "30", "qscale": "3"}),
}


def write_clip(
    path: Path,
    frames: Iterable[NDArray[np.uint8]],
    stamps: Sequence[Fraction],
    coding: str = "h264-b",
    *,
    rate: Fraction | int = 20,
    time_base: Fraction | None = None,
    muxer: dict[str, str] | None = None,
) -> Path:
    """Frames uint8 (H, W, 3) shown at `stamps` (s), in the container that the path's suffix names."""
    encoder, options, b_frames = CODINGS[coding]
    base = time_base or 1 / Fraction(rate)
    frames = list(frames)
    with av.open(str(path), "w", options=muxer or {}) as container:
        stream: Any = container.add_stream(encoder, rate=rate, options=options)
        context: Any = stream.codec_context
        context.time_base = base
        context.height, context.width = frames[0].shape[:2]
        context.options = {**context.options, "threads": "1"}
        if b_frames:
            context.max_b_frames = b_frames
        context.pix_fmt = "yuvj420p" if coding == "mjpeg" else "yuv420p"
        for stamp, frame in zip(stamps, frames, strict=True):
            picture = av.VideoFrame.from_ndarray(frame, format="rgb24")
            picture.pts, picture.time_base = round(stamp / base), base
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    return path


def steady(frames: int, rate: Fraction | float) -> list[Fraction]:
    """Stamps (s) of a constant rate."""
    return [Fraction(number) / Fraction(rate) for number in range(frames)]


def irregular(frames: int) -> list[Fraction]:
    """Stamps (s) in whole milliseconds: between 2 and 90 apart, as a screen recorder under load writes them."""
    steps = np.random.default_rng(3).integers(2, 90, frames)
    return [int(stamp) * MILLISECONDS for stamp in np.cumsum(steps) - steps[0]]


def write_turned(path: Path, frames: NDArray[np.uint8], angle: int) -> Path:
    """Frames encoded on their side, with the display matrix that sets them upright (degrees, counterclockwise)."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=20, options={"preset": "ultrafast", "crf": "10"})
        turned = [np.ascontiguousarray(np.rot90(frame, -angle // 90)) for frame in frames]
        stream.height, stream.width = turned[0].shape[:2]
        stream.set_display_rotation(angle)
        for frame in turned:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode(None))
    return path


def remux(
    source: Path, target: Path, change: Callable[[list[Any]], Packets] = lambda packets: packets, **options: str
) -> Path:
    """The packets of a video, changed but not encoded anew, in another file."""
    with av.open(str(source)) as reader, av.open(str(target), "w", options=options) as writer:
        stream = reader.streams.video[0]
        copy = writer.add_stream_from_template(stream)
        for packet in change([packet for packet in reader.demux(stream) if packet.size]):
            packet.stream = copy
            writer.mux(packet)
    return target


def moved(packets: Packets, by: Callable[[Any], float]) -> Packets:
    """The packets with their time stamps moved by so many seconds."""
    for packet in packets:
        ticks = round(by(packet) / float(packet.time_base))
        packet.pts += ticks
        packet.dts = None if packet.dts is None else packet.dts + ticks
        yield packet


def join(parts: Sequence[Path], target: Path) -> Path:
    """Transport streams one after the other."""
    target.write_bytes(b"".join(part.read_bytes() for part in parts))
    return target


def write_frames_at(path: Path, frames: Sequence[tuple[int, Any]]) -> None:
    """A video of 20 Hz with each frame at its tick, whatever is missing."""
    path.unlink()
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=20, options={"crf": "20"})
        stream.height, stream.width = frames[0][1].shape[:2]
        stream.pix_fmt = "yuv420p"
        for tick, pixels in frames:
            picture = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            picture.pts, picture.time_base = tick, Fraction(1, 20)
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
