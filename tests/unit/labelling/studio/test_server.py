"""The page's server: who is let in, and what happens when a page is slow, silent, gone, or not alone."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path

import aiohttp
import pytest

from env import Recording, find_recordings
from labelling.studio.server import MAX_MESSAGE, TAKEN_OVER
from tests.unit.labelling.studio.echo import Echo
from tests.unit.labelling.studio.page import TOKEN, Page, Served, served


def held_at(folder: Path, button: str) -> list[list[bool]]:
    """For each recording, the oldest first, the ticks at which a button was held."""
    recordings = sorted(find_recordings([folder]), key=lambda path: path.stat().st_mtime_ns)
    return [Recording.open(path).actions.button(button).tolist() for path in recordings]


def lengths(folder: Path) -> list[int]:
    return [len(ticks) for ticks in held_at(folder, "forward")]


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        (f"/{TOKEN}/", {}, 200),
        (f"/{TOKEN}/", {"Origin": "{here}"}, 200),
        ("/", {}, 404),
        ("/wrong/", {}, 404),
        ("/wrong/studio.js", {}, 404),
        (f"/{TOKEN}%00/", {}, 404),
        ("/%ff%fe/", {}, 404),
        (f"/{TOKEN}/server.py", {}, 404),
        (f"/{TOKEN}/..%2fserver.py", {}, 404),
        (f"/{TOKEN}/", {"Host": "evil.example"}, 403),
        (f"/{TOKEN}/", {"Host": "127.0.0.1.evil.example"}, 403),
        (f"/{TOKEN}/", {"Origin": "http://evil.example"}, 403),
        (f"/{TOKEN}/", {"Origin": "null"}, 403),
    ],
)
def test_only_who_knows_the_token_sees_the_page(
    tmp_path: Path, path: str, headers: dict[str, str], status: int
) -> None:
    async def ask() -> None:
        async with served(tmp_path) as studio, aiohttp.ClientSession() as client:
            sent = {name: value.format(here=studio.address) for name, value in headers.items()}
            async with client.get(studio.address + path, headers=sent) as answer:
                assert answer.status == status

    asyncio.run(ask())


@pytest.mark.parametrize(
    ("path", "origin", "status"),
    [
        ("/wrong/socket", "{here}", 404),
        (f"/{TOKEN}/socket", "http://evil.example", 403),
        (f"/{TOKEN}/socket", "http://127.0.0.1:1", 403),
        (f"/{TOKEN}/socket", None, 403),
    ],
)
def test_no_other_site_can_speak_to_the_game(tmp_path: Path, path: str, origin: str | None, status: int) -> None:
    async def ask() -> None:
        async with served(tmp_path) as studio, aiohttp.ClientSession() as client:
            headers = {} if origin is None else {"Origin": origin.format(here=studio.address)}
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                await client.ws_connect(studio.address + path, headers=headers)
            assert refused.value.status == status

    asyncio.run(ask())


def test_the_page_is_whole_and_loads_nothing_from_elsewhere(tmp_path: Path) -> None:
    async def ask() -> None:
        async with served(tmp_path) as studio, aiohttp.ClientSession() as client:
            for name, kind in (("", "text/html"), ("studio.css", "text/css"), ("studio.js", "text/javascript")):
                async with client.get(f"{studio.address}/{TOKEN}/{name}") as answer:
                    text = await answer.text()
                    assert answer.content_type == kind
                    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
                    assert "http" not in text.replace("/^http/", "")

    asyncio.run(ask())


def test_a_session_of_play(tmp_path: Path) -> None:
    """Start, pause, go on, finish, new world: what the buttons do, and the list of recordings."""

    async def play() -> None:
        async with served(tmp_path) as studio, studio.page() as page:
            await page.start()
            for _ in range(3):
                await page.frame()
                await page.see("forward")
            await page.do("pause")
            await page.state("paused")
            recorded = page.status["recorded"]
            assert page.status["recordings"] == []
            await page.silence()
            await page.do("start")
            await page.state("playing")
            await page.frame()
            assert page.head["recorded"] == recorded + 1
            await page.do("finish")
            await page.state("paused")
            assert page.status["recorded"] == 0
            assert [each["seconds"] for each in page.status["recordings"]] == [(recorded + 1) / 20]
            await page.do("new world")
            await page.state("waiting")
            await page.state("paused")
            assert (page.head["tick"], page.head["recorded"]) == (0, 0)

    asyncio.run(play())
    (ticks,) = held_at(tmp_path, "forward")
    assert ticks[1:3] == [True, True]
    assert ticks[-1] is False  # what was held before the pause is not held after it


def test_the_end_of_an_episode_is_told_and_a_new_world_goes_on(tmp_path: Path) -> None:
    async def play() -> None:
        async with served(tmp_path, Echo(length=3)) as studio, studio.page() as page:
            await page.start()
            await page.state("over")
            assert [each["seconds"] for each in page.status["recordings"]] == [0.15]
            await page.do("pause")  # as the page does when the mouse is let go
            await page.receive()
            assert page.status["state"] == "over"
            await page.do("start")
            await page.state("playing")
            await page.frame()
            assert page.picture.tick == 1

    asyncio.run(play())
    assert lengths(tmp_path) == [3, 1]


def test_a_slow_page_slows_the_world(tmp_path: Path) -> None:
    """A tick is played only when the frame before was seen: one for each, however late it comes."""

    async def play() -> None:
        async with served(tmp_path) as studio, studio.page() as page:
            await page.start()
            for tick in range(1, 4):
                await page.frame()
                assert page.picture.tick == tick
                await page.silence()
                await page.see("forward")
            await page.frame()

    asyncio.run(play())
    assert held_at(tmp_path, "forward") == [[False, True, True, True]]


def test_input_alone_is_no_word_of_a_frame_seen(tmp_path: Path) -> None:
    async def play() -> None:
        async with served(tmp_path) as studio, studio.page() as page:
            await page.start()
            await page.frame()
            for seen in (0, page.head["frame"] - 1):
                await page.socket.send_json({"held": ["jump"], "seen": seen})
            await page.silence()

    asyncio.run(play())
    assert lengths(tmp_path) == [1]


def test_the_world_pauses_when_the_page_does_not_answer(tmp_path: Path) -> None:
    async def play() -> None:
        async with served(tmp_path, patience=0.2) as studio, studio.page() as page:
            await page.start()
            await page.frame()
            await page.see("forward", dx=40)
            while page.status["state"] == "playing":
                await page.receive()
            assert page.status["state"] == "paused"
            assert "did not answer" in page.status["message"]
            assert page.picture.tick == 2
            # Word that comes late changes nothing.
            await page.see("forward")
            await page.silence()
            await page.do("start")
            await page.state("playing")
            await page.frame()
            assert page.picture.keys == frozenset()

    asyncio.run(play())
    assert held_at(tmp_path, "forward") == [[False, True, False]]


Leave = Callable[[Page], Awaitable[object]]


async def close_tab(page: Page) -> None:
    await page.socket.close()


async def lose_connection(page: Page) -> None:
    await page.drop()


async def say_nonsense(page: Page) -> None:
    await page.socket.send_str("nonsense")
    assert await page.closed() == aiohttp.WSCloseCode.POLICY_VIOLATION


@pytest.mark.parametrize("leave", [close_tab, lose_connection, say_nonsense])
def test_a_page_that_goes_away_leaves_a_finished_recording_and_no_key_down(tmp_path: Path, leave: Leave) -> None:
    async def play() -> None:
        async with served(tmp_path) as studio:
            async with studio.page() as page:
                await page.start()
                await page.frame()
                await page.see("forward")
                await page.frame()
                await page.see("forward", "attack", dx=400)
                await leave(page)
            await until_finished(studio, 1)
            async with studio.page() as page:
                await page.welcome()
                assert page.status["state"] == "paused"
                await page.silence()
                tick = page.picture.tick
                await page.do("start")
                await page.state("playing")
                await page.frame()
                assert (page.picture.tick, page.picture.keys, page.picture.dx) == (tick + 1, frozenset(), 0)

    asyncio.run(play())
    first, second = held_at(tmp_path, "forward")
    assert first[:2] == [False, True]
    assert len(first) <= 3
    assert second == [False]


async def until_finished(studio: Served, recordings: int) -> None:
    async with asyncio.timeout(30):
        while len(studio.session.finished()) < recordings:
            await asyncio.sleep(0.01)


def test_a_second_tab_takes_over_and_the_keys_of_the_first_are_let_go(tmp_path: Path) -> None:
    async def play() -> None:
        async with served(tmp_path) as studio, studio.page() as first:
            await first.start()
            await first.frame()
            await first.see("forward")
            await first.frame()
            await first.socket.send_json({"held": ["forward", "attack"], "dx": 400})
            async with studio.page() as second:
                assert await first.closed() == TAKEN_OVER
                await second.welcome()
                assert second.status["state"] == "paused"
                await second.silence()
                tick = second.picture.tick
                await second.do("start")
                await second.state("playing")
                await second.frame()
                assert (second.picture.tick, second.picture.keys, second.picture.dx) == (tick + 1, frozenset(), 0)

    asyncio.run(play())
    (ticks,) = held_at(tmp_path, "forward")
    assert ticks == [False, True, False]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nonsense",
        "[]",
        "1" * 5000,
        "[" * 4000,
        json.dumps({"held": ["format_disk"]}),
        json.dumps({"do": "format the disk"}),
        json.dumps({"do": ["start"]}),
        json.dumps({"seen": 1000}),
        json.dumps({"seen": "1"}),
        json.dumps({"held": [], "padding": "x" * MAX_MESSAGE}),
        b'{"held": []}',
    ],
)
def test_what_no_page_says_closes_the_connection_and_nothing_else(tmp_path: Path, text: str | bytes) -> None:
    async def speak() -> None:
        async with served(tmp_path) as studio:
            async with studio.page() as page:
                await page.welcome()
                await (page.socket.send_str(text) if isinstance(text, str) else page.socket.send_bytes(text))
                assert await page.closed() in (
                    aiohttp.WSCloseCode.POLICY_VIOLATION,
                    aiohttp.WSCloseCode.MESSAGE_TOO_BIG,
                )
            async with studio.page() as page:
                await page.start()
                await page.frame()

    asyncio.run(speak())


def test_a_failure_of_the_game_ends_the_clock_and_keeps_what_was_played(tmp_path: Path) -> None:
    async def play() -> None:
        async with served(tmp_path, Echo(fails_at=2)) as studio, studio.page() as page:
            await page.start()
            for _ in range(2):
                await page.frame()
                await page.see("forward")
            with pytest.raises(OSError, match="No space"):
                await studio.clock

    asyncio.run(play())
    assert held_at(tmp_path, "forward") == [[False, True]]


def test_closing_finishes_the_recording(tmp_path: Path) -> None:
    async def play() -> None:
        async with served(tmp_path) as studio, studio.page() as page:
            await page.start()
            await page.frame()

    asyncio.run(play())
    assert lengths(tmp_path) == [1]
    assert not list(tmp_path.glob(".*part*"))
