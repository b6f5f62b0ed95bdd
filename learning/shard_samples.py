"""The form of one sample of a shard: a stretch of a recording as raw bytes, nothing of which is ever unpickled."""

import struct
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from env.actions import BUTTONS, Actions
from env.errors import RecordingError

MAGIC = b"GKS1"
MAX_TICKS = 10_000
"""Of one sample: more is taken for damage."""
_HEADER = struct.Struct("<4sIIIIBI")  # magic, recording, start, ticks, features, whether a GUI is told, bytes of video


@dataclass(frozen=True)
class Sample:
    """Ticks `start` to `start + len(sample)` of one recording."""

    recording: int
    start: int
    actions: Actions
    usable: NDArray[np.bool_]  # (T,)
    gui: NDArray[np.bool_] | None  # (T,)
    motion: NDArray[np.float16] | None  # (T, F)
    video: bytes
    """The frames, as `encode_clip` gives them."""

    def __len__(self) -> int:
        return len(self.actions)


def pack(sample: Sample) -> bytes:
    """A sample as bytes: a header, then buttons and flags as bits, camera as float32, motion as float16, video."""
    features = 0 if sample.motion is None else sample.motion.shape[1]
    has_gui = sample.gui is not None
    header = _HEADER.pack(MAGIC, sample.recording, sample.start, len(sample), features, has_gui, len(sample.video))
    parts = [header, _bits(sample.actions.buttons), sample.actions.camera.astype("<f4").tobytes(), _bits(sample.usable)]
    if sample.gui is not None:
        parts.append(_bits(sample.gui))
    if sample.motion is not None:
        parts.append(sample.motion.astype("<f2").tobytes())
    return b"".join([*parts, sample.video])


def unpack(data: bytes, *, name: str) -> Sample:
    """The opposite of `pack`. Raises `RecordingError`, which says `name`, for whatever is no sample."""
    if len(data) < _HEADER.size or data[:4] != MAGIC:
        raise RecordingError(f"{name} is no sample of a shard; expected one that `ghostkeys data shard` wrote.")
    _, recording, start, ticks, features, has_gui, video = _HEADER.unpack_from(data)
    sizes = [
        _bit_bytes(ticks * len(BUTTONS)),
        ticks * 8,
        _bit_bytes(ticks),
        _bit_bytes(ticks) if has_gui else 0,
        ticks * features * 2,
        video,
    ]
    expected = _HEADER.size + sum(sizes)
    if not 0 < ticks <= MAX_TICKS or len(data) != expected:
        raise RecordingError(
            f"{name} has {len(data)} bytes and tells of {ticks} ticks; expected {expected} bytes and 1 to {MAX_TICKS} "
            "ticks. It is cut off or damaged: write the shards again."
        )
    ends = np.cumsum([_HEADER.size, *sizes])
    buttons, camera, usable, gui, motion, clip = (data[begin:end] for begin, end in pairwise(ends))
    turns = np.frombuffer(camera, "<f4").reshape(ticks, 2).astype(np.float32)
    if not np.isfinite(turns).all():
        raise RecordingError(f"{name} has turns of the camera that are no numbers; expected degrees.")
    return Sample(
        recording,
        start,
        Actions(_unpack_bits(buttons, ticks * len(BUTTONS)).reshape(ticks, len(BUTTONS)), turns),
        _unpack_bits(usable, ticks),
        _unpack_bits(gui, ticks) if has_gui else None,
        np.frombuffer(motion, "<f2").reshape(ticks, features).astype(np.float16) if features else None,
        clip,
    )


def _bits(flags: NDArray[np.bool_]) -> bytes:
    return np.packbits(flags).tobytes()


def _unpack_bits(data: bytes, count: int) -> NDArray[np.bool_]:
    return np.unpackbits(np.frombuffer(data, np.uint8), count=count).astype(np.bool_)


def _bit_bytes(flags: int) -> int:
    return (flags + 7) // 8
