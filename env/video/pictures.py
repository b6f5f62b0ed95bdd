"""Decoded pictures as players show them, upright and in the colours of an ordinary screen; and the one resize."""

from functools import cache
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

Frame = NDArray[np.uint8]
"""uint8 (H, W, 3) RGB."""
Size = tuple[int, int]
"""(height, width)."""
Interpolation = Literal["linear"] | None
"""How `resize` blends pixels."""

RESIZE_VERSION = 2
"""Rises when `pixels` gives other values than before: pictures kept on the disk are made anew.

From 2 on, luma and chroma are shrunk before they become RGB."""

PQ, HLG = 16, 18
"""Transfer functions of high dynamic range, by their numbers in ITU-T H.273."""
SDR_WHITE = 203.0
"""Luminance (cd/m²) of diffuse white in HDR video (ITU-R BT.2408), which becomes white on an ordinary screen."""
_BT2020_TO_BT709 = np.array(
    [[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]], np.float32
)
"""Linear light of BT.2020's primaries to those of BT.709 (ITU-R BT.2087)."""


def pixels(picture: Any, size: Size | None = None, *, interpolation: Interpolation = None) -> Frame:
    """A decoded PyAV picture as uint8 (H, W, 3) RGB: turned as its display matrix says, resized to `size` if given.

    `interpolation` is that of `resize`. High dynamic range is mapped to the ordinary one; what is brighter than its
    diffuse white stays white.
    """
    transfer, matrix = int(picture.color_trc), display_matrix(picture)
    high_range = transfer in (PQ, HLG)
    if size is not None and interpolation is None and not high_range and _shrinks(shown_size(picture), size):
        return upright(_shrunk(picture, size if matrix is None or not _swaps_axes(matrix) else size[::-1]), matrix)
    frame = _ordinary_range(converted(picture, "rgb48le"), transfer) if high_range else converted(picture, "rgb24")
    frame = upright(frame, matrix)
    return frame if size is None else resize(frame, size, interpolation=interpolation)


def _shrunk(picture: Any, size: Size) -> Frame:
    """The picture at a smaller size, not turned, each pixel the mean of those that fall together; uint8 (H, W, 3) RGB.

    FFmpeg shrinks luma and chroma before it makes RGB of them: a fifth of the work of converting the whole picture.
    Planar RGB has it compute a colour for each pixel; packed RGB, one for two.
    """
    height, width = size
    small = picture.reformat(width=width, height=height, format="gbrp", interpolation="AREA", threads=1)
    frame: Frame = np.ascontiguousarray(small.to_ndarray())
    return frame


def converted(picture: Any, pixel_format: str) -> NDArray[Any]:
    """A decoded PyAV picture in another pixel format, as FFmpeg names them.

    With one thread: a picture that has threads for it cannot be let go in a forked process, which waits for threads
    that only its parent has.
    """
    array: NDArray[Any] = picture.reformat(format=pixel_format, threads=1).to_ndarray()
    return array


def shown_size(picture: Any) -> Size:
    """(height, width) of a decoded PyAV picture when it is upright."""
    matrix = display_matrix(picture)
    size: Size = (picture.height, picture.width)
    return size if matrix is None or not _swaps_axes(matrix) else size[::-1]


def display_matrix(picture: Any) -> NDArray[np.int32] | None:
    """The picture's display matrix, (3, 3) int32 in fixed point (ISO/IEC 14496-12, 6.2.2), or None."""
    if not len(picture.side_data):
        return None
    data = picture.side_data.get("DISPLAYMATRIX")
    return None if data is None else np.frombuffer(bytes(data), np.int32, count=9).reshape(3, 3)


def upright(frame: Frame, matrix: NDArray[np.int32] | None) -> Frame:
    """The frame turned and mirrored by a display matrix; angles between are taken for the nearest quarter turn."""
    if matrix is None:
        return frame
    if _swaps_axes(matrix):
        frame, across, down = frame.transpose(1, 0, 2), matrix[1, 0], matrix[0, 1]
    else:
        across, down = matrix[0, 0], matrix[1, 1]
    return np.ascontiguousarray(frame[:: -1 if down < 0 else 1, :: -1 if across < 0 else 1])


def _swaps_axes(matrix: NDArray[np.int32]) -> bool:
    return bool(
        np.abs(matrix[[0, 1], [1, 0]].astype(np.int64)).sum() > np.abs(np.diag(matrix)[:2].astype(np.int64)).sum()
    )


def resize(frames: NDArray[np.uint8], size: Size, *, interpolation: Interpolation = None) -> NDArray[np.uint8]:
    """uint8 (..., H, W, 3) -> uint8 (..., height, width, 3), the aspect ratio given up.

    Shrinking averages over the pixels that fall together (OpenCV's INTER_AREA), anything else blends neighbours
    (INTER_LINEAR, which OpenAI's models expect also for shrinking: `interpolation="linear"`).
    """
    height, width = size
    if frames.shape[-3:-1] == (height, width):
        return frames
    shrinks = interpolation is None and _shrinks(frames.shape[-3:-1], size)
    method = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    flat = frames.reshape(-1, *frames.shape[-3:])
    resized = np.empty((len(flat), height, width, 3), np.uint8)
    for source, target in zip(flat, resized, strict=True):
        cv2.resize(np.ascontiguousarray(source), (width, height), dst=target, interpolation=method)
    return resized.reshape(*frames.shape[:-3], height, width, 3)


def _shrinks(shape: Size, size: Size) -> bool:
    """Whether a picture of this shape is smaller at `size` in a direction, and larger in none."""
    return shape != size and size[0] <= shape[0] and size[1] <= shape[1]


def _ordinary_range(signal: NDArray[np.uint16], transfer: int) -> Frame:
    """uint16 (H, W, 3) in BT.2020 with a PQ or HLG transfer function -> uint8 (H, W, 3) in sRGB."""
    light = _light_of(transfer)[signal]
    light = np.clip(light @ _BT2020_TO_BT709.T, 0.0, 1.0)
    frame: Frame = _srgb()[np.rint(light * 65535).astype(np.uint16)]
    return frame


@cache
def _light_of(transfer: int) -> NDArray[np.float32]:
    """(65536,) linear light of each 16-bit signal, 1 for diffuse white."""
    signal = np.linspace(0.0, 1.0, 65536)
    if transfer == PQ:  # SMPTE ST 2084
        power = signal ** (1 / 78.84375)
        luminance = 10_000.0 * (np.maximum(power - 0.8359375, 0.0) / (18.8515625 - 18.6875 * power)) ** (
            1 / 0.1593017578125
        )
        return np.asarray(luminance / SDR_WHITE, np.float32)
    # ITU-R BT.2100: diffuse white is a signal of 75 %; the screen's own gamma of 1.2 is left out.
    scene = np.where(signal <= 0.5, signal**2 / 3, (np.exp((signal - 0.55991073) / 0.17883277) + 0.28466892) / 12)
    white = (np.exp((0.75 - 0.55991073) / 0.17883277) + 0.28466892) / 12
    return np.asarray(scene / white, np.float32)


@cache
def _srgb() -> NDArray[np.uint8]:
    """(65536,) the 8-bit sRGB value of each 16-bit step of linear light. IEC 61966-2-1."""
    light = np.linspace(0.0, 1.0, 65536)
    value = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    return np.asarray(np.rint(255 * value), np.uint8)
