"""Frames written as H.264 through PyAV."""

from contextlib import ExitStack
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import av
import numpy as np
from numpy.typing import NDArray

from env.errors import VideoError
from env.files import atomic_path
from env.video.container import MAX_SIDE, PathLike
from env.video.pictures import Frame, Size
from env.video.ticks import TICKS_PER_SECOND

CONTAINERS = {".mp4": "mp4", ".mkv": "matroska", ".ts": "mpegts"}
"""Formats that are written, by the suffix of the file."""


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


class VideoWriter:
    """Writes H.264 (yuv420p) frame by frame; the file appears, whole, when the `with` block ends well.

    The height and width of `size` must be even. `threads` is the encoder's; one is right where many videos are
    written at once.
    """

    def __init__(
        self, path: PathLike, size: Size, fps: float = TICKS_PER_SECOND, *, crf: int = 20, threads: int = 1
    ) -> None:
        self.path = Path(path)
        self.size = size
        check_size(self.path, size)
        if self.path.suffix not in CONTAINERS:
            raise VideoError(
                f"{self.path}: cannot write a video of this kind; expected a name in {', '.join(CONTAINERS)}."
            )
        self._fps = fps
        self._options = {"crf": str(crf), "preset": "veryfast", "threads": str(threads)}
        self._files = ExitStack()
        self._encoder: Encoder | None = None

    @property
    def frames(self) -> int:
        """How many were written so far."""
        return self._encoder.frames if self._encoder else 0

    def __enter__(self) -> Self:
        temporary = self._files.enter_context(atomic_path(self.path))
        container = CONTAINERS[self.path.suffix]
        self._encoder = Encoder(
            temporary, self.size, fps=self._fps, format=container, options=self._options, name=self.path
        )
        return self

    def write(self, frame: Frame) -> None:
        """Append one frame, uint8 (H, W, 3) RGB."""
        assert self._encoder is not None, "frames are written inside the `with` block"
        self._encoder.write(frame)

    def finish(self) -> None:
        """Flush the encoder and close the file, which waits under its temporary name for the block to end."""
        if self._encoder is not None:
            self._encoder.finish()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self.finish()
            elif self._encoder is not None:
                self._encoder.close()
        except BaseException as failure:
            self._files.__exit__(type(failure), failure, failure.__traceback__)
            raise
        self._files.__exit__(kind, error, trace)


def write_video(path: PathLike, frames: NDArray[np.uint8], fps: float = TICKS_PER_SECOND, *, crf: int = 20) -> Path:
    """Write uint8 (T, H, W, 3) RGB as H.264."""
    with VideoWriter(path, frames.shape[1:3], fps, crf=crf) as writer:
        for frame in frames:
            writer.write(frame)
    return writer.path
