"""Videos that are read at the same time."""

from pathlib import Path
from typing import Any

from env.video.decoding import decode
from env.video.encoding import write_video


def test_readers_do_not_disturb_one_another(bars: Any, tmp_path: Path) -> None:
    """One reader goes past the place where another waits."""
    first, second = (decode(write_video(tmp_path / f"{name}.mp4", bars.clip(60))) for name in "ab")
    numbers: list[list[int]] = [[], []]
    for found, pictures, ticks in ((0, first, 10), (1, second, 30), (0, first, 50), (1, second, 30)):
        numbers[found] += [next(pictures)[0] for _ in range(ticks)]
    assert numbers == [[*range(60)]] * 2
