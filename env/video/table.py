"""Which frames a video shows, in which order and when, found from its packets."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, fields
from functools import lru_cache
from itertools import islice, pairwise
from pathlib import Path
from typing import Any, Self

import av
import numpy as np
from numpy.typing import NDArray

from env.errors import VideoError
from env.video.container import PathLike, frame_rate, opened, packets_of, reason_of
from env.video.truncation import ends_early

RESTART = 0.5
"""Time stamps that go back by so much (s) begin anew, as where two files were joined; smaller steps back are jitter."""
MAX_REORDERING = 64
"""Decoders show a frame at most so many packets earlier or later than it stands in the file (16 in H.264 and HEVC)."""
MAX_SEARCH = 2000
"""Packets looked at for a key frame that was sought."""
UNKNOWN = np.iinfo(np.int64).min
"""Stands for None in columns."""
_WITHOUT_STAMPS = {"avi", "h264", "hevc", "m4v", "mpegvideo", "obu"}
"""Formats that store no time of presentation: what FFmpeg says there is a guess, wrong where frames are reordered."""


@dataclass(frozen=True)
class KeyFrame:
    """A frame at which decoding can start."""

    packet: int
    number: int
    """Of the frame, in the order of presentation."""
    identity: tuple[int, int | None]
    """Position in the file and time stamp, by which the packet is known again."""
    stamps: tuple[int, ...]
    """Presentation and decoding time stamps that may be sought, in the stream's time base."""


@dataclass(frozen=True, eq=False)
class FrameTable:
    """The frames that a video shows, T of them, by number: in the order of presentation, from 0."""

    seconds: NDArray[np.float64]
    """(T,) since the first frame, never falling."""
    end: float
    """Seconds until which the last frame is shown."""
    restarts: NDArray[np.int64]
    """Numbers of the frames before which the time stamps begin anew: another recording was joined there."""
    numbers: NDArray[np.int64]
    """(P,) the frame of each of the video's packets, -1 where a packet shows none."""
    decoded: NDArray[np.bool_]
    """(P,) False for packets that belong to a group of pictures whose key frame is missing."""
    discarded: NDArray[np.bool_]
    """(P,) True for packets outside what an edit list shows."""
    keys: tuple[KeyFrame, ...]
    """Rising in packets and in numbers."""
    announced: int
    """How many frames the container says there are, shown or not; 0 where it does not say."""
    cut_off: bool
    """Whether the file ends before its video does."""

    def __len__(self) -> int:
        return len(self.seconds)

    def keys_before(self, frame: int) -> Iterator[KeyFrame]:
        """Key frames from which the frame may be decoded: the last one shown no later than it, then earlier ones."""
        last = int(np.searchsorted([key.number for key in self.keys], frame, side="right")) - 1
        step = 0
        while last - step > 0 and step < 4:
            yield self.keys[last - step]
            step = 2 * step + 1

    def columns(self) -> dict[str, NDArray[Any]]:
        """The table as arrays by name, to be stored; `from_columns` makes it again."""
        keys = [
            (key.packet, key.number, key.identity[0], key.identity[1], key.stamps[0], key.stamps[-1])
            for key in self.keys
        ]
        known = [[UNKNOWN if value is None else value for value in key] for key in keys]
        arrays = {each.name: getattr(self, each.name) for each in fields(self)}
        return {
            **arrays,
            "keys": np.array(known, np.int64).reshape(-1, 6),
            "end": np.array([self.end]),
            "announced": np.array([self.announced]),
            "cut_off": np.array([self.cut_off]),
        }

    @classmethod
    def from_columns(cls, columns: Mapping[str, NDArray[Any]]) -> Self:
        """The table of which these are the columns."""
        keys = []
        for packet, number, position, stamp, first, last in columns["keys"].tolist():
            identity = (position, None if stamp == UNKNOWN else stamp)
            keys.append(KeyFrame(packet, number, identity, tuple(dict.fromkeys((first, last)))))
        single = {"end": float, "announced": int, "cut_off": bool}
        values = {name: kind(columns[name][0]) for name, kind in single.items()}
        return cls(**{**columns, **values, "keys": tuple(keys)})


@dataclass(frozen=True, eq=False)
class _Packets:
    """What the packets (P) of a video stream say without being decoded, in the order of the file."""

    pts: list[int | None]
    dts: list[int | None]
    position: list[int]
    duration: list[int]
    key: NDArray[np.bool_]
    discard: NDArray[np.bool_]
    """Outside what an edit list shows."""
    decoded: NDArray[np.bool_]
    timed: bool
    """Whether the format stores times of presentation."""
    announced: int
    cut_off: bool
    time_base: float

    @property
    def shown(self) -> NDArray[np.int64]:
        """The packets that should show a frame, in the order of the file."""
        return np.flatnonzero(self.decoded & ~self.discard)


def frame_table(path: PathLike) -> FrameTable:
    """The table of a video. Raises `VideoError` for a file without a frame.

    Reads the whole file once, and keeps the last tables. Frames are decoded only where packets do not tell their order:
    in formats without presentation time stamps, and in streams whose stamps begin anew.
    """
    try:
        status = Path(path).stat()
    except (OSError, ValueError):
        return _read_table(path)  # which says what is wrong
    return _kept_table(str(path), status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=32)
def _kept_table(path: str, _modified: int, _size: int) -> FrameTable:
    return _read_table(path)


def _read_table(path: PathLike) -> FrameTable:
    with opened(path) as (container, stream):
        packets = _scan(path, container, stream)
        rate = frame_rate(stream)
        trusted = _stamps_tell_the_order(packets, stream.codec_context)
    if trusted:
        order, stamps = _order_by_stamps(path, packets)
    else:
        order, stamps = _order_by_decoding(path, packets)
    if not len(order):
        raise VideoError(f"{path} holds no frame that can be decoded; expected a video with at least one.")
    seconds, restarts = _timeline(stamps, packets.time_base, rate)
    numbers = np.full(len(packets.pts), -1, np.int64)
    numbers[order] = np.arange(len(order))
    last = packets.duration[int(order[-1])] * packets.time_base
    end = float(seconds[-1]) + (last if 0 < last < RESTART else 1 / rate)
    return FrameTable(
        seconds,
        end,
        restarts,
        numbers,
        packets.decoded,
        packets.discard,
        tuple(_key_frames(packets, numbers)),
        packets.announced,
        packets.cut_off,
    )


def _scan(path: PathLike, container: Any, stream: Any) -> _Packets:
    """Reads all packets of a stream. One that is cut off or damaged gives those before."""
    found = []
    broken = False
    try:
        for packet in packets_of(container, stream):
            found.append((packet.pts, packet.dts, packet.pos, packet.duration, packet.is_keyframe, packet.is_discard))
            broken = packet.is_corrupt
    except av.FFmpegError as error:
        if not found:
            raise VideoError(f"{path} is damaged or cut off ({reason_of(error)}): 0 frames are good.") from error
    if all(discard for *_, discard in found):
        raise VideoError(f"{path} holds no frame; expected a video with at least one.")
    pts, dts, position, duration, key, discard = zip(*found, strict=True)
    time_base = float(stream.time_base)
    decoded = _with_key_frame(dts, key, time_base)
    formats = set(container.format.name.split(","))
    torn = broken and "mpegts" not in formats  # transport streams call packets corrupt for other reasons
    announced = max(int(stream.frames), 0)
    cut_off = (torn or ends_early(path)) and not 0 < announced <= len(found) - torn
    if torn or cut_off:
        decoded[-1] = False  # it may be half a frame
    return _Packets(
        list(pts),
        list(dts),
        list(position),
        [length or 0 for length in duration],
        np.array(key),
        np.array(discard),
        decoded,
        not formats & _WITHOUT_STAMPS,
        announced,
        cut_off,
        time_base,
    )


def _with_key_frame(dts: Sequence[int | None], key: Sequence[bool], time_base: float) -> NDArray[np.bool_]:
    """(P,) False for packets inside a group of pictures whose key frame is missing.

    That is so before the first key frame, and where time stamps begin anew until the next one: a stream was joined
    there that may have been cut anywhere.
    """
    decoded = np.ones(len(key), bool)
    if not any(key):
        return decoded
    waiting, before = True, None
    for index, (stamp, is_key) in enumerate(zip(dts, key, strict=True)):
        if stamp is not None:
            waiting |= before is not None and (stamp - before) * time_base < -RESTART
            before = stamp
        waiting &= not is_key
        decoded[index] = not waiting
    return decoded


def _stamps_tell_the_order(packets: _Packets, codec: Any) -> bool:
    """Whether the frames' order of presentation can be read off the packets' time stamps."""
    shown = packets.shown
    stamps = [packets.pts[index] for index in shown]
    if not stamps:
        return False
    if codec.codec.intra_only:
        return all(stamp is not None for stamp in stamps) and bool((np.diff(np.array(stamps, np.int64)) > 0).all())
    if None in stamps or not packets.timed:
        return False
    pts = np.array(stamps, np.int64)
    order = np.argsort(pts, kind="stable")
    if (np.diff(pts[order]) <= 0).any() or (np.abs(order - np.arange(len(order))) > MAX_REORDERING).any():
        return False
    dts = np.array([stamp for stamp in packets.dts if stamp is not None], np.int64)
    if (np.diff(dts) < 0).any():
        return False
    # Frames are reordered, says the codec, but not their stamps: these may have been made up from the order of packets.
    return not (codec.has_b_frames and len(pts) > 1 and (np.diff(pts) > 0).all())


def _order_by_stamps(path: PathLike, packets: _Packets) -> tuple[NDArray[np.int64], list[int | None]]:
    """The packets in the order their frames are shown, and the stamps of these."""
    shown = packets.shown
    pts = np.array([packets.pts[index] for index in shown], np.int64)
    first = shown[0]
    leading = {int(index) for index, stamp in zip(shown, pts, strict=True) if stamp < pts[0]}
    if leading and packets.key[first] and not packets.discard[: first + 1].any():
        # Pictures shown before the first key frame refer to what came before the file began: some cannot be decoded.
        missing = leading - _decoded_until(path, packets, int(first))
        kept = np.array([int(index) not in missing for index in shown])
        shown, pts = shown[kept], pts[kept]
    order = np.argsort(pts, kind="stable")
    return shown[order], [int(stamp) for stamp in pts[order]]


def _decoded_until(path: PathLike, packets: _Packets, last: int) -> set[int]:
    """The packets whose pictures the decoder gives before that of packet `last`."""
    given: set[int] = set()
    with suppress(av.FFmpegError):  # whoever reads the video meets it again, after the good frames
        for index, _ in decoded_packets(path, packets.decoded):
            if index == last:
                break
            given.add(index)
    return given


def _order_by_decoding(path: PathLike, packets: _Packets) -> tuple[NDArray[np.int64], list[int | None]]:
    """The packets in the order in which the decoder gives their pictures, and the stamps of these."""
    given: list[tuple[int, int | None]] = []
    with suppress(av.FFmpegError):  # whoever reads the video meets it again, after the good frames
        for index, picture in decoded_packets(path, packets.decoded):
            given.append((index, picture.pts))
    order = np.array([index for index, _ in given], np.int64)
    if packets.timed:
        return order, [stamp for _, stamp in given]
    # Without stamps of presentation, the frames are shown at the times of decoding, in order.
    times = sorted(stamp for index in order if (stamp := packets.dts[index]) is not None)
    rising = len(times) == len(order) and all(a < b for a, b in pairwise(times))
    return order, list(times) if rising else [None] * len(order)


def _timeline(stamps: list[int | None], time_base: float, rate: float) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Seconds since the first frame (T,), never falling, and the frames before which the stamps begin anew.

    A frame without a stamp, or with which the stamps begin anew, follows the one before it at the frame rate.
    """
    seconds = np.zeros(len(stamps))
    restarts = []
    origin: float | None = None  # time stamp (s) of second 0
    last = -1 / rate
    for number, stamp in enumerate(stamps):
        if stamp is None:
            seconds[number] = last + 1 / rate
        else:
            if origin is None or stamp * time_base - origin < last - RESTART:
                restarts += [number] if origin is not None else []
                origin = stamp * time_base - (last + 1 / rate)
            seconds[number] = stamp * time_base - origin
        last = seconds[number]
    for start, stop in zip([0, *restarts], [*restarts, len(stamps)], strict=True):
        seconds[start:stop].sort()  # after small steps back: the decoder's order is right, and the set of stamps
    return np.maximum.accumulate(seconds), np.array(restarts, np.int64)


def _key_frames(packets: _Packets, numbers: NDArray[np.int64]) -> Iterator[KeyFrame]:
    """The key frames at which a seek can be told to have arrived."""
    identities = list(zip(packets.position, packets.pts, strict=True))
    counts: dict[tuple[int, int | None], int] = {}
    for identity in identities:
        counts[identity] = counts.get(identity, 0) + 1
    highest = -1
    for index in np.flatnonzero(packets.key & packets.decoded):
        number = int(numbers[index])
        stamps = [stamp for stamp in (packets.pts[index], packets.dts[index]) if stamp is not None]
        if number > highest and stamps and counts[identities[index]] == 1:
            highest = number
            yield KeyFrame(int(index), number, identities[index], tuple(dict.fromkeys(stamps)))


def decoded_packets(
    path: PathLike, decoded: NDArray[np.bool_], start: KeyFrame | None = None
) -> Iterator[tuple[int, Any]]:
    """(packet, PyAV picture) in the order of presentation, decoded from the file's start or from a key frame.

    Nothing comes where seeking does not lead to the key frame. Raises `av.FFmpegError` where the file is damaged.
    """
    with opened(path) as (container, stream):
        packets = enumerate(packets_of(container, stream)) if start is None else _from_key(container, stream, start)
        for index, packet in packets:
            if index < len(decoded) and decoded[index]:
                packet.opaque = [index]  # an object of its own: PyAV finds it again by its identity
                for picture in packet.decode():
                    yield picture.opaque[0], picture
        for picture in stream.codec_context.decode(None):
            yield picture.opaque[0], picture


def _from_key(container: Any, stream: Any, key: KeyFrame) -> Iterator[tuple[int, Any]]:
    """Packets with their indices from a key frame on; none where seeking does not lead to it."""
    for stamp in key.stamps:
        try:
            container.seek(stamp, stream=stream)
        except av.FFmpegError:
            continue
        packets = packets_of(container, stream)
        for packet in islice(packets, MAX_SEARCH):
            if (packet.pos, packet.pts) == key.identity:
                yield key.packet, packet
                yield from enumerate(packets, start=key.packet + 1)
                return
