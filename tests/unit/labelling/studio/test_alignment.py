"""Frame i is shown, action i is taken, frame i + 1 is the result: from the keys that go down to the file."""

import asyncio
from pathlib import Path

import numpy as np

from env import BUTTONS, Recording
from env.recordings.check import check_recording
from tests.unit.labelling.studio.echo import KEYS, Seen, read
from tests.unit.labelling.studio.page import served

TICKS = 24


def known_input(seed: int) -> list[tuple[frozenset[str], int, int]]:
    """Keys held, and pixels that the mouse moves right and down, at each tick; nothing at the first."""
    rng = np.random.default_rng(seed)
    held = rng.random((TICKS, len(KEYS))) < 0.2
    moved = rng.integers(-300, 301, (TICKS, 2)) * (rng.random((TICKS, 1)) < 0.7)
    held[0] = moved[0] = 0
    return [
        (frozenset(name for name, down in zip(KEYS, row, strict=True) if down), int(dx), int(dy))
        for row, (dx, dy) in zip(held, moved, strict=True)
    ]


def test_known_keys_are_recorded_at_the_frames_they_were_pressed_at(tmp_path: Path) -> None:
    """Each frame tells which one it is, and what was pressed at the frame before."""
    known = known_input(seed=1)

    async def play() -> None:
        async with served(tmp_path) as studio, studio.page() as page:
            await page.start()
            for tick in range(1, TICKS):
                await page.frame()
                assert page.head["tick"] == page.picture.tick == tick
                held, dx, dy = known[tick]
                await page.see(*held, dx=dx, dy=dy)
            await page.frame()

    asyncio.run(play())
    (video,) = tmp_path.glob("*.mp4")
    recording = Recording.open(video)
    shown = [read(frame) for frame in recording.frames()]

    assert len(recording) == TICKS
    assert shown[1:] == [Seen(tick + 1, *known[tick]) for tick in range(TICKS - 1)]
    for column, name in enumerate(BUTTONS):
        assert recording.actions.buttons[:, column].tolist() == [name in held for held, _, _ in known], name
    pixels = [(dy, dx) for _, dx, dy in known]
    np.testing.assert_allclose(recording.actions.camera, 0.15 * np.array(pixels), rtol=1e-6)
    assert check_recording(video).verdict == "good"


def test_the_page_shows_what_is_recorded(tmp_path: Path) -> None:
    async def play() -> None:
        async with served(tmp_path) as studio, studio.page() as page:
            await page.start()
            await page.frame()
            await page.see("forward", "attack", dx=20, dy=-40)
            await page.frame()
            assert set(page.head["keys"]) == {"forward", "attack"}
            assert page.head["camera"] == [-6.0, 3.0]
            assert page.head["recorded"] == 2

    asyncio.run(play())
