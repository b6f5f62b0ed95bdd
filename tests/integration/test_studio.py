"""`ghostkeys record --player human` as people use it: the real command, a real browser, real keys and a real mouse."""

import asyncio
import json
import re
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from env import Recording
from env.recordings.check import check_recording
from tests.unit.labelling.studio.cdp import CHROMIUM, Page, browser
from tests.unit.labelling.studio.echo import ENV_ID

TIMEOUT = 120
TICKS_A_SECOND = 20
needs_browser = pytest.mark.skipif(CHROMIUM is None, reason="no chromium or google-chrome on the PATH")


@dataclass
class Recorder:
    """The command, under way."""

    process: asyncio.subprocess.Process
    printed: list[str]
    """Lines, up to the address."""
    address: str

    async def stop(self, number: signal.Signals) -> str:
        """Sends a signal, and gives what was printed until the end."""
        self.process.send_signal(number)
        output, _ = await asyncio.wait_for(self.process.communicate(), TIMEOUT)
        return output.decode()


@asynccontextmanager
async def recorder(folder: Path, *options: str) -> AsyncIterator[Recorder]:
    command = [sys.executable, "-m", "ghostkeys", "record", "--player", "human", "--output", str(folder), *options]
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    assert process.stdout is not None
    printed: list[str] = []
    try:
        async with asyncio.timeout(TIMEOUT):
            while not printed or not printed[-1].startswith("Open "):
                line = (await process.stdout.readline()).decode()
                assert line, printed
                printed.append(line.rstrip())
        found = re.search(r"http://\S+", printed[-1])
        assert found is not None
        yield Recorder(process, printed, found[0])
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def ticks(page: Page, number: int) -> None:
    """Waits while the page draws so many frames."""
    await page.until(f"drawn >= {await page.js('drawn') + number}")


async def tap(page: Page, code: str) -> None:
    await page.key("keyDown", code)
    await page.key("keyUp", code)
    await ticks(page, 3)


async def play(page: Page) -> None:
    """Looks, turns the wheel, uses the inventory, then walks and digs; W and the mouse's left button stay down."""
    x, y = await page.js("[innerWidth / 3, innerHeight / 2]")
    await page.mouse("mouseMoved", x, y)
    await ticks(page, 3)
    await page.mouse("mouseMoved", x + 60, y - 20)
    await ticks(page, 3)
    await page.mouse("mouseWheel", x, y, deltaX=0, deltaY=120)
    await ticks(page, 3)
    await tap(page, "KeyE")
    await page.mouse("mouseMoved", x + 30, y)
    await ticks(page, 3)
    await tap(page, "KeyE")
    await page.key("keyDown", "KeyW")
    await ticks(page, 3)
    await page.mouse("mousePressed", x + 30, y, button="left", clickCount=1)
    await ticks(page, 12)


@dataclass
class Killed:
    """What was left of a recording whose server was killed, and is there after the next start."""

    video: Path
    recording: Recording
    lines: list[dict[str, Any]]
    frames: np.ndarray
    """int16 (T, H, W, 3)"""
    played: int
    """Ticks whose result the page had drawn before the end."""
    message: str
    """Of the page, after the end."""

    def only_tick(self, button: str) -> int:
        (tick,) = np.flatnonzero(self.recording.actions.button(button))
        return int(tick)

    def change(self, tick: int) -> float:
        """How much the frame after a tick differs from the one before it, in grey levels."""
        return float(np.abs(self.frames[tick + 1] - self.frames[tick]).mean())


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Killed:
    """A person plays in a browser, the server is killed, and started again."""
    folder = tmp_path_factory.mktemp("studio")

    async def run() -> tuple[int, str, str]:
        options = ("--size", "180", "320", "--seed", "3")
        async with browser(folder / "profile") as page:
            async with recorder(folder / "play", *options) as first:
                await page.open(first.address)
                await page.until("state === 'paused' && drawn > 0")
                drawn = await page.js("drawn")
                await page.click("#start")
                await page.until("state === 'playing'")
                await play(page)
                played = await page.js("drawn") - drawn
                await first.stop(signal.SIGKILL)
            await page.until("state === 'connecting'")
            message = await page.js("document.getElementById('message').textContent")
        async with recorder(folder / "play", *options) as second:
            recovered = next(line for line in second.printed if line.startswith("recovered "))
            summary = await second.stop(signal.SIGINT)
            assert second.process.returncode == 0
            assert summary.startswith("1 recordings, ")
        return played, message, recovered

    played, message, recovered = asyncio.run(run())
    video = Path(recovered.removeprefix("recovered "))
    recording = Recording.open(video)
    lines = [json.loads(line) for line in video.with_suffix(".jsonl").read_text().splitlines()]
    return Killed(video, recording, lines, recording.frames().astype(np.int16), played, message)


@needs_browser
def test_a_killed_server_loses_a_second_at_most(killed: Killed) -> None:
    assert killed.played > 30
    assert killed.played - TICKS_A_SECOND <= len(killed.recording) <= killed.played + 1
    assert check_recording(killed.video).verdict == "good"
    assert "What you played is kept" in killed.message


@needs_browser
def test_mouse_movement_is_recorded_where_the_view_turns(killed: Killed) -> None:
    """Pixel for pixel; the picture stands still until the tick after, and so does the yaw."""
    moved = np.array([(line["mouse"]["dx"], line["mouse"]["dy"]) for line in killed.lines])
    gui = np.array([line["isGuiOpen"] for line in killed.lines])
    (tick,) = np.flatnonzero((moved == (60, -20)).all(axis=1)).tolist()
    assert (moved == moved.round()).all()
    assert killed.change(tick) > 5 * killed.change(tick - 1)
    assert killed.change(tick) > 5 * killed.change(tick + 1)
    yaw = np.array([line["yaw"] for line in killed.lines])
    turned = (np.diff(yaw) + 180) % 360 - 180
    np.testing.assert_allclose(turned[~gui[:-1]], 0.15 * moved[:-1][~gui[:-1], 0], atol=1e-3)
    assert moved[gui].sum(axis=0).tolist() == [-30, 20]


@needs_browser
def test_the_inventory_opens_in_the_frame_after_its_key_and_its_cursor_moves(killed: Killed) -> None:
    opened, closed = np.flatnonzero(killed.recording.actions.button("inventory")).tolist()
    gui = [line["isGuiOpen"] for line in killed.lines]
    assert np.flatnonzero(gui).tolist() == list(range(opened + 1, closed + 1))
    for tick in (opened, closed):
        assert killed.change(tick) > 10 * killed.change(tick - 1)
    cursor = [(line["mouse"]["x"], line["mouse"]["y"]) for line in killed.lines]
    assert cursor[opened + 1] == (640, 360)
    assert cursor[closed] == (640 - 60, 360 + 40)  # of a window twice as large as the mouse's pixels


@needs_browser
def test_the_wheel_and_held_keys_are_recorded(killed: Killed) -> None:
    actions, hotbar = killed.recording.actions, [line["hotbar"] for line in killed.lines]
    tick = killed.only_tick("hotbar.2")
    assert hotbar[: tick + 2] == [0] * (tick + 1) + [1]
    for button, ticks in (("forward", 10), ("attack", 8)):
        first = int(np.flatnonzero(actions.button(button))[0])
        assert actions.button(button)[first:].all()
        assert killed.played - first >= ticks
    assert not actions.button("use").any()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_server_says_how_much_was_recorded(tmp_path: Path, number: signal.Signals) -> None:
    """With any environment that has MineRL's actions, also one without a page yet."""

    async def run() -> None:
        async with recorder(tmp_path, "--env", ENV_ID, "--own-size") as command:
            printed = await command.stop(number)
            assert command.process.returncode == 0
            assert printed == f"0 recordings, 0.0 minutes, in {tmp_path}\n"

    asyncio.run(run())
