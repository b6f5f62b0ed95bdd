"""Pictures shrunk while they become RGB look like pictures shrunk afterwards."""

from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from env.video.frames import FrameReader, read_frames
from env.video.pictures import converted, pixels, resize
from tests.unit.env.video.clips import write_turned


@pytest.fixture(scope="module")
def scene() -> NDArray[np.uint8]:
    """uint8 (360, 640, 3), coloured blots."""
    noise = np.random.default_rng(0).integers(0, 256, (23, 41, 3), np.uint8)
    return np.asarray(cv2.resize(noise, (640, 360), interpolation=cv2.INTER_CUBIC), np.uint8)


def picture_of(frame: NDArray[np.uint8], pixel_format: str, *, matrix: int = 5, span: int = 1) -> Any:
    """A picture as a decoder gives it: BT.709 or BT.601 (matrix 1 or 5), limited or full range (span 1 or 2)."""
    picture: Any = av.VideoFrame.from_ndarray(frame, format="rgb24")
    picture = picture.reformat(format=pixel_format, dst_colorspace=matrix, dst_color_range=span)
    picture.colorspace, picture.color_range = matrix, span
    return picture


@pytest.mark.parametrize("size", [(128, 128), (90, 160), (360, 5), (2, 3)])
@pytest.mark.parametrize(
    ("pixel_format", "matrix", "span"),
    [
        ("yuv420p", 5, 1),
        ("yuv420p", 1, 1),
        ("yuv420p", 1, 2),
        ("yuvj420p", 5, 2),
        ("yuv422p", 1, 1),
        ("yuv444p", 5, 2),
        ("yuv420p10le", 1, 1),
        ("nv12", 5, 1),
        ("rgb24", 5, 1),
        ("bgra", 5, 1),
    ],
)
def test_all_pixel_formats_keep_their_colours(
    scene: NDArray[np.uint8], pixel_format: str, matrix: int, span: int, size: tuple[int, int]
) -> None:
    """A wrong matrix or range would be off by 10 levels and more."""
    picture = picture_of(scene, pixel_format, matrix=matrix, span=span)
    small = pixels(picture, size)
    assert small.shape == (*size, 3)
    assert small.dtype == np.uint8
    assert small.flags.c_contiguous
    away = small.astype(float) - resize(scene, size)
    assert np.abs(away).mean() < 1.1
    assert abs(away.mean()) < 0.5 * span
    assert np.abs(away - away.mean()).max() < 7


def test_the_smallest_and_the_longest_pictures(scene: NDArray[np.uint8]) -> None:
    for height, width, size in ((2, 2, (1, 1)), (8, 640, (1, 1)), (8, 640, (7, 3)), (8, 8, (8, 7))):
        part = np.ascontiguousarray(scene[:height, :width])
        away = pixels(picture_of(part, "yuv444p"), size).astype(float) - resize(part, size)
        assert np.abs(away).max() <= 4, (height, width, size)


@pytest.mark.parametrize("size", [(360, 640), (400, 700), (400, 128), None])
def test_what_is_not_shrunk_is_as_before(scene: NDArray[np.uint8], size: tuple[int, int] | None) -> None:
    picture = picture_of(scene, "yuv420p")
    whole = converted(picture, "rgb24")
    np.testing.assert_array_equal(pixels(picture, size), whole if size is None else resize(whole, size))


def test_linear_shrinking_is_that_of_the_whole_picture(scene: NDArray[np.uint8]) -> None:
    picture = picture_of(scene, "yuv420p")
    expected = resize(converted(picture, "rgb24"), (128, 128), interpolation="linear")
    np.testing.assert_array_equal(pixels(picture, (128, 128), interpolation="linear"), expected)


@pytest.mark.parametrize("angle", [90, 180, 270])
def test_turned_videos_shrink_upright(scene: NDArray[np.uint8], tmp_path: Path, angle: int) -> None:
    frames = np.stack([scene[:, :480]] * 3)
    path = write_turned(tmp_path / "turned.mp4", frames, angle)
    shown = np.stack([frame for _, frame in read_frames(path, size=(60, 100))])
    assert np.abs(shown.astype(float) - resize(frames, (60, 100))).mean() < 4
    np.testing.assert_array_equal(FrameReader(path).read(np.arange(3), size=(60, 100)), shown)
