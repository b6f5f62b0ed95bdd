"""Whether a video file ends before its own structure says it does."""

import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

PathLike = str | os.PathLike[str]

_MAX_BOXES = 100_000
"""More boxes on the top level of a file are not looked at: hostile files may hold billions."""


def ends_early(path: PathLike) -> bool:
    """Whether the container states a size that goes beyond the end of the file.

    Known of MP4 and MOV (boxes), Matroska and WebM (the segment), AVI (RIFF chunks) and ASF/WMV. The others state no
    size, and neither do recordings that were streamed: of these nobody can tell.
    """
    size = Path(path).stat().st_size
    with Path(path).open("rb") as file:
        head = file.read(32)
        if head[4:8] in (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"moof", b"styp"):
            return any(end > size for kind, end in _boxes(file, size) if kind in (b"mdat", b"moof"))
        if head[:4] == b"RIFF":
            return any(end > size for end in _riff_chunks(file, size))
        if head[:4] == b"\x1a\x45\xdf\xa3":
            return _matroska_end(file) > size
        if head[:16] == b"\x30\x26\xb2\x75\x8e\x66\xcf\x11\xa6\xd9\x00\xaa\x00\x62\xce\x6c":
            return _asf_end(file) > size
    return False


def _boxes(file: BinaryIO, size: int) -> Iterator[tuple[bytes, int]]:
    """Type and end (bytes) of each box on the top level of an MP4 file. ISO/IEC 14496-12, section 4.2."""
    start = 0
    for _ in range(_MAX_BOXES):
        file.seek(start)
        header = file.read(16)
        if len(header) < 8:
            return
        length, kind = struct.unpack(">I4s", header[:8])
        if length == 1 and len(header) == 16:
            length = struct.unpack(">Q", header[8:])[0]
        if length == 0:  # up to the end of the file
            return
        yield kind, start + length
        start += max(length, 8)
        if start >= size:
            return


def _riff_chunks(file: BinaryIO, size: int) -> Iterator[int]:
    """The end (bytes) of each RIFF chunk; large AVI files hold several."""
    start = 0
    for _ in range(_MAX_BOXES):
        file.seek(start)
        header = file.read(8)
        if len(header) < 8 or header[:4] != b"RIFF":
            return
        length = struct.unpack("<I", header[4:])[0]
        if length == 0:  # not filled in: the recorder never finished the file, or streamed it
            return
        yield start + 8 + length
        start += 8 + length + length % 2
        if start >= size:
            return


def _matroska_end(file: BinaryIO) -> int:
    """The end (bytes) of the first segment; 0 where its size is not stated. RFC 8794, section 5; RFC 9559."""
    file.seek(4)
    header = _variable_integer(file)
    if header is None:
        return 0
    file.seek(header, os.SEEK_CUR)
    if file.read(4) != b"\x18\x53\x80\x67":
        return 0
    length = _variable_integer(file)
    return 0 if length is None else file.tell() + length


def _variable_integer(file: BinaryIO) -> int | None:
    """An EBML element's size; None where it is unknown or unreadable."""
    first = file.read(1)
    if not first or not first[0]:
        return None
    width = 9 - first[0].bit_length()
    rest = file.read(width - 1)
    if len(rest) < width - 1:
        return None
    value = int.from_bytes(bytes([first[0] & (0xFF >> width)]) + rest, "big")
    return None if value == (1 << 7 * width) - 1 else value


def _asf_end(file: BinaryIO) -> int:
    """The end (bytes) of header and data object; 0 where the data's size is not stated. ASF specification 1.2, 2."""
    file.seek(16)
    header = int.from_bytes(file.read(8), "little")
    file.seek(header)
    identity, length = file.read(16), int.from_bytes(file.read(8), "little")
    is_data = identity == b"\x36\x26\xb2\x75\x8e\x66\xcf\x11\xa6\xd9\x00\xaa\x00\x62\xce\x6c"
    return header + length if is_data and length > 50 else 0
