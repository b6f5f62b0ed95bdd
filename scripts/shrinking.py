"""What shrinking costs and changes: while a video becomes RGB (as it is read), or afterwards (as was done before).

    python scripts/shrinking.py VIDEO... --size 128 128

The exact picture is computed in floating point from BT.601 video of limited range, 4:2:0. Times are of one processor,
the two ways in turn.
"""

import argparse
import time
from collections import deque
from collections.abc import Callable
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from env.video.decoding import decode
from env.video.pictures import Size, converted, pixels, resize

Shrink = Callable[[Any, Size], NDArray[np.uint8]]
WAYS: dict[str, Shrink] = {
    "afterwards": lambda picture, size: resize(converted(picture, "rgb24"), size),
    "while it becomes RGB": lambda picture, size: pixels(picture, size),
}


def exact(picture: Any, size: Size) -> NDArray[np.float32]:
    """(height, width, 3) of yuv420p, without rounding."""
    height = picture.height
    planes = picture.to_ndarray().astype(np.float32)
    chroma = planes[height:].reshape(2, height // 2, picture.width // 2).repeat(2, axis=1).repeat(2, axis=2)
    luma, (blue, red) = (planes[:height] - 16) * 255 / 219, (chroma - 128) * 255 / 224
    colours = [luma + 1.402 * red, luma - 0.344136 * blue - 0.714136 * red, luma + 1.772 * blue]
    whole = np.clip(np.stack(colours, axis=-1), 0, 255)
    return np.asarray(cv2.resize(whole, size[::-1], interpolation=cv2.INTER_AREA), np.float32)


def decoded(video: Path, frames: int) -> list[Any]:
    """The first pictures of a video."""
    return [picture for _, _, picture in islice(decode(video), frames)]


def milliseconds(work: Callable[[], object], frames: int) -> float:
    """Of processor time, for a frame."""
    began = time.process_time()
    work()
    return 1000 * (time.process_time() - began) / frames


def main() -> None:
    """Prints a line for each video and way."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("videos", nargs="+", type=Path)
    parser.add_argument("--size", nargs=2, type=int, default=(128, 128), metavar=("HEIGHT", "WIDTH"))
    parser.add_argument("--frames", type=int, default=120)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    size: Size = (options.size[0], options.size[1])
    cv2.setNumThreads(1)
    for video in options.videos:
        pictures = decoded(video, options.frames)
        expected = np.stack([exact(picture, size) for picture in pictures])
        times: dict[str, list[float]] = {way: [] for way in ("decoding", *WAYS)}
        for _ in range(options.rounds):
            times["decoding"].append(milliseconds(partial(decoded, video, options.frames), len(pictures)))
            for way, shrink in WAYS.items():
                work: Callable[[], object] = partial(deque, (shrink(picture, size) for picture in pictures), maxlen=0)
                times[way].append(milliseconds(work, len(pictures)))
        print(f"{video.name}: decoding {np.median(times['decoding']):.3f} ms a frame")
        before = np.stack([WAYS["afterwards"](picture, size) for picture in pictures]).astype(np.float32)
        for way, shrink in WAYS.items():
            shrunk = np.stack([shrink(picture, size) for picture in pictures]).astype(np.float32)
            away, change = shrunk - expected, np.abs(shrunk - before)
            print(
                f"  {way}: {np.median(times[way]):.3f} ms; from exact {np.abs(away).mean():.2f} "
                f"(signed {away.mean():+.2f}); from afterwards {change.mean():.2f}, at most {change.max():.0f}"
            )


if __name__ == "__main__":
    main()
