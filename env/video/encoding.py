"""Frames into an open H.264 file through PyAV."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from env.errors import VideoError
from env.video.container import MAX_SIDE


class Encoder:
    """Encodes frames, one after the other, as H.264 (yuv420p) into a file that is there from the start.

    `name` is what messages call the file. `options` are x264's, `container` the muxer's. Raises `VideoError` for a size
    that cannot be encoded.
    """

    def __init__(
        self,
        path: Path,
        size: tuple[int, int],
        *,
        fps: float,
        format: str,  # noqa: A002  # PyAV's word
        options: dict[str, str],
        container: dict[str, str] | None = None,
        name: Path | None = None,
    ) -> None:
        self.name = name or path
        self.size = size
        self.frames = 0
        """How many were written so far."""
        check_size(self.name, size)
        self._rate = Fraction(fps).limit_denominator(1001)
        self._container: Any = av.open(str(path), "w", format=format, container_options=container or {})
        self._stream = self._container.add_stream("libx264", rate=self._rate, options=options)
        self._stream.height, self._stream.width = size
        self._stream.pix_fmt = "yuv420p"

    def write(self, frame: NDArray[np.uint8]) -> None:
        """Append one frame, uint8 (H, W, 3) RGB."""
        if frame.shape != (*self.size, 3) or frame.dtype != np.uint8:
            raise VideoError(
                f"{self.name}: frame {self.frames} is {frame.dtype} {frame.shape}; expected uint8 {(*self.size, 3)}."
            )
        picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format="rgb24")
        picture.pts = self.frames
        picture.time_base = 1 / self._rate
        self._container.mux(self._stream.encode(picture))
        self.frames += 1

    def finish(self) -> None:
        """Flush what the encoder still holds, and close the file. Once is enough; more does no harm."""
        if self._container is not None:
            self._container.mux(self._stream.encode(None))
            self.close()

    def close(self) -> None:
        """Close the file as it is."""
        if self._container is not None:
            container, self._container = self._container, None
            container.close()


def check_size(name: Path, size: tuple[int, int]) -> None:
    """Raises `VideoError` for a (height, width) that H.264 in yuv420p cannot hold."""
    height, width = size
    if height % 2 or width % 2 or not (0 < height <= MAX_SIDE and 0 < width <= MAX_SIDE):
        raise VideoError(
            f"{name}: cannot write frames of {height}x{width}; "
            f"H.264 in yuv420p needs an even height and width, 2 to {MAX_SIDE}."
        )


def copy_frames(source: Path, target: Path, *, frames: int) -> None:
    """Copies the first frames of an H.264 file without B-frames into an .mp4 with an index, not encoding them anew."""
    with av.open(str(source)) as reader, av.open(str(target), "w", format="mp4") as writer:
        stream = reader.streams.video[0]
        copy = writer.add_stream_from_template(stream)
        for number, packet in enumerate(reader.demux(stream)):
            if number == frames:
                break
            packet.stream = copy
            writer.mux(packet)


def whole_frames(path: Path) -> int:
    """How many frames of a file without B-frames are there to their last byte; 0 where nothing can be read."""
    frames = 0
    try:
        with av.open(str(path)) as reader:
            for packet in reader.demux(video=0):
                if packet.is_corrupt or not packet.size:
                    break
                frames += 1
    except (av.FFmpegError, OSError, IndexError):
        pass  # the file ends in the middle of something: what was counted before it is whole
    return frames
