"""Short runs of frames as H.264 in memory, any of which is reached at the cost of a few others."""

from io import BytesIO
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from env.errors import VideoError
from env.video.container import reason_of
from env.video.pictures import Size, converted
from env.video.ticks import TICKS_PER_SECOND

KEY_FRAME_EVERY = 20
"""Frames from one key frame to the next: at most so many are decoded to reach one."""
CRF = 14
"""Loss of quality, in x264's units."""
PIXEL_FORMAT = "yuv444p"
"""All colours are kept: in small pictures half of them are lines and items one pixel wide."""


def encode_clip(frames: NDArray[np.uint8], *, crf: int = CRF) -> bytes:
    """uint8 (T, H, W, 3) RGB -> an .mp4 of H.264 with a key frame every `KEY_FRAME_EVERY` frames."""
    if frames.ndim != 4 or frames.dtype != np.uint8 or frames.shape[-1] != 3 or 0 in frames.shape:
        raise VideoError(f"a clip of {frames.dtype} {frames.shape}; expected uint8 (T, H, W, 3).")
    options = {
        "crf": str(crf),
        "preset": "veryfast",
        "threads": "1",
        "g": str(KEY_FRAME_EVERY),
        "keyint_min": str(KEY_FRAME_EVERY),
        "sc_threshold": "0",
        "bf": "0",
    }
    file = BytesIO()
    with av.open(file, "w", format="mp4") as container:
        stream: Any = container.add_stream("libx264", rate=int(TICKS_PER_SECOND), options=options)
        stream.height, stream.width = frames.shape[1:3]
        stream.pix_fmt = PIXEL_FORMAT
        for number, frame in enumerate(frames):
            picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format="rgb24")
            picture.pts = number
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    return file.getvalue()


def decode_clip(clip: bytes, start: int, stop: int, *, length: int, size: Size, name: str) -> NDArray[np.uint8]:
    """Frames `start` to `stop` of a clip of `length` frames, uint8 (T, H, W, 3) RGB.

    Nothing is decoded that is not H.264 of `size` (height, width). Raises `VideoError`, which says `name`, for
    whatever is no such clip.
    """
    try:
        opened: Any = av.open(BytesIO(clip), format="mp4")
        with opened as container:
            if len(container.streams.video) != 1:
                raise VideoError(f"{name} has {len(container.streams.video)} video streams; expected one.")
            stream = container.streams.video[0]
            codec = stream.codec_context
            if codec is None or codec.name != "h264" or (codec.height, codec.width) != size:
                found = "an unknown codec" if codec is None else f"{codec.name} of {codec.height}x{codec.width}"
                raise VideoError(f"{name} is {found}; expected h264 of {size[0]}x{size[1]}.")
            codec.thread_count = 1
            codec.options = {**codec.options, "max_pixels": str((size[0] + 16) * (size[1] + 16))}
            packets = [packet for packet in container.demux(stream) if packet.size]
            if len(packets) != length:
                raise VideoError(f"{name} has {len(packets)} frames; expected {length}.")
            return _decode(codec, packets, start, stop, size, name)
    except (av.FFmpegError, ValueError, IndexError) as error:
        if isinstance(error, VideoError):
            raise
        raise VideoError(f"{name} cannot be decoded ({reason_of(error)}); expected H.264 in an .mp4.") from error


def _decode(codec: Any, packets: list[Any], start: int, stop: int, size: Size, name: str) -> NDArray[np.uint8]:
    """Decodes from the last key frame before `start`. Without B-frames packets are in the order of frames."""
    key = max((number for number in range(start + 1) if packets[number].is_keyframe), default=0)
    frames = np.empty((stop - start, *size, 3), np.uint8)
    number = key
    for packet in [*packets[key:stop], None]:
        for picture in codec.decode(packet):
            if number >= stop or (picture.height, picture.width) != size:
                raise VideoError(f"{name} changes its size or has too many frames; expected {size[0]}x{size[1]}.")
            if number >= start:
                frames[number - start] = converted(picture, "rgb24")
            number += 1
    if number != stop:
        raise VideoError(f"{name} is damaged: frame {number} cannot be decoded; expected {len(packets)} frames.")
    return frames
