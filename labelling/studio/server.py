"""The page and its WebSocket on localhost, and the clock that plays 20 ticks a second.

The page acknowledges every frame it has drawn, and a tick is played only when its frame has been seen: frame i is
shown, action i is taken. So a slow connection slows the world down, and no key is taken for held on old news; one that
stops pauses it.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict
from importlib.resources import files
from typing import Any, Literal, TypeVar, cast, get_args

from aiohttp import WSCloseCode, WSMsgType, web

from env.video.ticks import TICKS_PER_SECOND
from labelling.studio.guard import guard
from labelling.studio.keys import Input, Keys, MessageError
from labelling.studio.session import Session, Shown

T = TypeVar("T")
State = Literal["waiting", "paused", "playing", "over"]
Button = Literal["start", "pause", "finish", "new world"]
Command = Button | Literal["welcome", "leave"]

PAGE = {"": "index.html", "studio.css": "studio.css", "studio.js": "studio.js"}
TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript"}
MAX_MESSAGE = 4096
"""Bytes. The longest message of a page, all keys held, has fewer."""
PATIENCE = 2.0
"""Seconds without an answer of the page after which the world is paused."""
TAKEN_OVER = 4001
"""Closes the WebSocket of a page when another is opened."""
TICK = 1 / TICKS_PER_SECOND


class Studio:
    """Serves a session to one page at a time. `token` is the secret part of its address.

    Pages only leave word of what they want and what is pressed. One task, `play`, changes the world.
    """

    def __init__(self, session: Session, *, token: str, sensitivity: float = 1.0, patience: float = PATIENCE) -> None:
        self._session = session
        self._token = token
        self._patience = patience
        # The game lives in a thread of its own, so that the page is heard while it computes.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="game")
        self._page: web.WebSocketResponse | None = None
        self._keys = Keys(sensitivity=sensitivity)
        self._commands: asyncio.Queue[Command] = asyncio.Queue()
        self._news = asyncio.Event()  # a command, or word of a frame seen
        self._state: State = "paused"
        self._shown: Shown | None = None
        self._sent = self._seen = 0  # numbers of frames
        self._due = 0.0

    def app(self) -> web.Application:
        """The routes, all of them below the token."""
        app = web.Application(middlewares=[guard(self._token)], client_max_size=MAX_MESSAGE)
        app.router.add_get("/{token}/socket", self._socket)
        app.router.add_get("/{token}/{file:[a-z.]*}", _file)
        app.on_shutdown.append(self._hang_up)
        return app

    async def play(self) -> None:
        """Plays while a page wants to. Ends only by being cancelled, or by an error of the game."""
        while True:
            if self._state != "playing" or not self._commands.empty():
                await self._obey(await self._commands.get())
            elif not await self._answer():
                self._state = "paused"
                await self._tell("The page did not answer.")
            elif await self._tick_is_due():
                await self._tick()

    async def close(self) -> None:
        """Finish the recording under way, and the game."""
        await self._run(self._session.close)
        self._thread.shutdown()

    # The clock

    async def _answer(self) -> bool:
        """Waits until the page has drawn the frame that was sent last, or wants something; False if it is silent."""
        try:
            async with asyncio.timeout(self._patience):
                while self._seen != self._sent and self._commands.empty():
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            return False
        return True

    async def _tick_is_due(self) -> bool:
        """Waits for the time of the next tick; False if the page wants something first."""
        now = asyncio.get_running_loop().time
        await asyncio.sleep(self._due - now())
        if not self._commands.empty():
            return False
        # Time that was lost is not made up for: the world would jump under the player's hands.
        self._due = (self._due if now() - self._due < TICK else now()) + TICK
        return True

    async def _tick(self) -> None:
        assert self._shown is not None, "playing begins with a world"
        shown = await self._run(self._session.step, self._keys.take(slot=self._shown.slot))
        await self._show(shown)
        if shown.over:
            self._state = "over"
        if not self._session.recorded:  # a recording was finished, and is in the list
            await self._tell()

    async def _obey(self, command: Command) -> None:
        """Does what a page wants. Everything pauses the world, and only `start` plays on."""
        self._state = "over" if self._shown is not None and self._shown.over else "paused"
        if command in ("finish", "leave"):
            await self._run(self._session.cut)
        elif command == "new world" or self._shown is None or (command == "start" and self._shown.over):
            await self._new_world()
        elif command == "welcome":
            await self._show(self._shown)
        if command == "start":
            self._keys.release()  # what was said before is not for this play
            self._state = "playing"
        await self._tell()

    async def _new_world(self) -> None:
        self._state = "waiting"
        await self._tell()
        await self._show(await self._run(self._session.new_world))
        self._state = "paused"

    async def _run(self, function: Callable[..., T], *args: object) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, function, *args)

    # To the page

    async def _show(self, shown: Shown) -> None:
        """Sends a frame, with the action that led to it."""
        self._shown = shown
        self._sent += 1
        head = {
            "frame": self._sent,
            "tick": shown.tick,
            "recorded": self._session.recorded,
            "keys": [name for name, value in shown.action.items() if name != "camera" and value],
            "camera": [round(float(degrees), 3) for degrees in shown.action.get("camera", (0.0, 0.0))],
        }
        coded = json.dumps(head).encode()
        if self._page is not None:
            # Four bytes: how long the JSON is that follows. Then the picture.
            await _quietly(self._page.send_bytes(len(coded).to_bytes(4, "little") + coded + shown.jpeg))

    async def _tell(self, message: str = "") -> None:
        """Sends how things stand, and the finished recordings."""
        finished = await self._run(self._session.finished)
        status = {
            "state": self._state,
            "message": message,
            "recorded": self._session.recorded,
            "recordings": [asdict(each) for each in finished],
        }
        if self._page is not None:
            await _quietly(self._page.send_str(json.dumps(status)))

    # From the page

    async def _socket(self, request: web.Request) -> web.StreamResponse:
        page = web.WebSocketResponse(
            timeout=self._patience, max_msg_size=MAX_MESSAGE, heartbeat=10 * self._patience, compress=False
        )
        await page.prepare(request)
        before, self._page = self._page, page
        self._want("welcome")
        try:
            if before is not None:
                await before.close(code=TAKEN_OVER, message=b"opened in another tab")
            await self._listen(page)
        except MessageError as error:
            await page.close(code=WSCloseCode.POLICY_VIOLATION, message=str(error).encode()[:120])
        finally:
            if self._page is page:
                self._page = None
                self._want("leave")
        return page

    async def _listen(self, page: web.WebSocketResponse) -> None:
        async for message in page:
            said = _object(message.data if message.type == WSMsgType.TEXT else "")
            if page is not self._page:
                return
            if "do" in said:
                self._want(_button(said["do"]))
                continue
            self._keys.add(Input.parse(said))
            self._seen = max(self._seen, _frame_number(said, self._sent))
            self._news.set()

    def _want(self, command: Command) -> None:
        """No tick is played any more before this is done."""
        self._commands.put_nowait(command)
        self._news.set()

    async def _hang_up(self, _: web.Application) -> None:
        if self._page is not None:
            await self._page.close(code=WSCloseCode.GOING_AWAY, message=b"the server was stopped")


async def _file(request: web.Request) -> web.Response:
    name = PAGE.get(request.match_info["file"])
    if name is None:
        raise web.HTTPNotFound
    body = files(__package__).joinpath("page", name).read_bytes()
    return web.Response(body=body, content_type=TYPES[name[name.index(".") :]], charset="utf-8")


def _object(text: str) -> dict[str, Any]:
    try:
        said = json.loads(text)
    except (ValueError, RecursionError):
        said = None
    if not isinstance(said, dict):
        raise MessageError("expected a JSON object.")
    return said


def _button(name: object) -> Button:
    if name not in get_args(Button):
        raise MessageError(f"`do` is {name!a:.80}; expected {', '.join(get_args(Button))}.")
    return cast(Button, name)


def _frame_number(said: dict[str, Any], sent: int) -> int:
    number = said.get("seen", 0)
    if not isinstance(number, int) or not 0 <= number <= sent:
        raise MessageError(f"`seen` is {number!a:.80}; expected the number of a frame, 0 to {sent}.")
    return number


async def _quietly(sending: Awaitable[None]) -> None:
    """A page may go away while it is spoken to; its own handler sees to that."""
    with suppress(ConnectionError):
        await sending
