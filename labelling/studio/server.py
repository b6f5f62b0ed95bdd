"""The page and its WebSocket on localhost, and the clock that plays 20 ticks a second.

The page acknowledges every frame it has drawn, and a tick is played only when its frame has been seen: frame i is
shown, action i is taken. So a slow connection slows the world down, and no key is taken for held on old news; one that
stops pauses it.
"""

import asyncio
import hmac
import json
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict
from importlib.resources import files
from typing import Any, Literal, TypeVar

from aiohttp import WSCloseCode, WSMsgType, web

from env.errors import GhostkeysError
from env.video import TICKS_PER_SECOND
from labelling.studio.keys import Input, Keys
from labelling.studio.session import Session, Shown

T = TypeVar("T")
State = Literal["paused", "playing", "over"]
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

PAGE = {"": "index.html", "studio.css": "studio.css", "studio.js": "studio.js"}
TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript"}
HOSTS = ("127.0.0.1", "localhost")
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
MAX_MESSAGE = 4096
"""Bytes. The longest message of a page, all keys held, has fewer."""
PATIENCE = 2.0
"""Seconds without an answer of the page after which the world is paused."""
TAKEN_OVER = 4001
"""Closes the WebSocket of a page when another is opened."""


class Studio:
    """Serves a session to one page at a time. `token` is the secret part of its address."""

    def __init__(self, session: Session, *, token: str, sensitivity: float = 1.0, patience: float = PATIENCE) -> None:
        self._session = session
        self._token = token
        self._patience = patience
        self._keys = Keys(sensitivity=sensitivity)
        # The game lives in one thread, and the page is answered while it computes.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="game")
        self._page: web.WebSocketResponse | None = None
        self._state: State = "paused"
        self._playing = asyncio.Event()
        self._seen = asyncio.Event()
        self._turn = asyncio.Lock()  # of the clock and of commands: one at a time changes the world
        self._frames = 0
        self._shown: Shown | None = None

    def app(self) -> web.Application:
        """The routes, all of them below the token."""
        app = web.Application(middlewares=[self._guard], client_max_size=MAX_MESSAGE)
        app.router.add_get("/{token}/socket", self._socket)
        app.router.add_get("/{token}/{file:[a-z.]*}", self._file)
        app.on_shutdown.append(self._hang_up)
        return app

    async def play(self) -> None:
        """The clock. Ends only by being cancelled, or by an error of the game."""
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            await self._playing.wait()
            if not await self._page_has_seen():
                await self._pause("the page did not answer")
                continue
            await asyncio.sleep(due - loop.time())
            # Late ticks are not made up for: the world would jump under the player's hands.
            due = max(due + 1 / TICKS_PER_SECOND, loop.time())
            async with self._turn:
                if self._state == "playing" and self._shown is not None:
                    await self._tick(self._shown)

    async def close(self) -> None:
        """Finish the recording under way, and the game."""
        async with self._turn:
            await self._run(self._session.close)
        self._thread.shutdown()

    async def _tick(self, before: Shown) -> None:
        action = self._keys.take(slot=before.slot)
        shown = await self._run(self._session.step, action)
        if shown.over:
            self._stop("over")
        await self._show(shown, action)
        if shown.over:
            await self._tell("this episode is over")
        elif not shown.recorded:
            await self._tell()  # a recording was full, and is in the list

    async def _command(self, command: object) -> None:
        """What a button of the page asks for. Raises `GhostkeysError` for what no button says."""
        if command == "start":
            await self._start()
        elif command == "pause":
            await self._pause()
        elif command == "finish":
            await self._finish()
        elif command == "new world":
            await self._new_world()
        else:
            raise GhostkeysError(f"`do` is {command!r:.80}; expected start, pause, finish or new world.")

    async def _start(self) -> None:
        if self._shown is None or self._shown.over:
            await self._new_world()
        self._keys.release()
        self._state = "playing"
        self._playing.set()
        await self._tell()

    async def _pause(self, reason: str = "") -> None:
        if self._state == "playing":
            self._stop("paused")
        async with self._turn:
            await self._tell(reason)

    async def _finish(self) -> None:
        if self._state == "playing":
            self._stop("paused")
        async with self._turn:
            await self._run(self._session.cut)
            await self._tell()

    async def _new_world(self) -> None:
        self._stop("paused")
        async with self._turn:
            await self._show(await self._run(self._session.new_world))
            await self._tell()

    def _stop(self, state: State) -> None:
        self._state = state
        self._playing.clear()
        self._keys.release()

    async def _page_has_seen(self) -> bool:
        """Waits until the page has drawn the frame that was sent last; False if that takes too long."""
        try:
            async with asyncio.timeout(self._patience):
                await self._seen.wait()
        except TimeoutError:
            return False
        return True

    async def _show(self, shown: Shown, action: dict[str, Any] | None = None) -> None:
        """Sends a frame, with the action that led to it."""
        self._shown = shown
        self._frames += 1
        self._seen.clear()
        pressed = [name for name, value in (action or {}).items() if name != "camera" and value]
        camera = [] if action is None else [round(float(degrees), 3) for degrees in action["camera"]]
        head = {"frame": self._frames, "tick": shown.tick, "recorded": shown.recorded, "keys": pressed}
        coded = json.dumps({**head, "camera": camera}).encode()
        # Four bytes: how long the JSON is that follows. Then the picture.
        await self._send_bytes(len(coded).to_bytes(4, "little") + coded + shown.jpeg)

    async def _tell(self, message: str = "") -> None:
        """Sends how things stand, and the finished recordings."""
        finished = await self._run(self._session.finished)
        if self._page is not None and not self._page.closed:
            status = {"state": self._state, "message": message, "recordings": [asdict(each) for each in finished]}
            await _quietly(self._page.send_str(json.dumps(status)))

    async def _send_bytes(self, data: bytes) -> None:
        if self._page is not None and not self._page.closed:
            await _quietly(self._page.send_bytes(data))

    async def _run(self, function: Callable[..., T], *args: object) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, function, *args)

    async def _file(self, request: web.Request) -> web.Response:
        name = PAGE.get(request.match_info["file"])
        if name is None:
            raise web.HTTPNotFound
        path = files(__package__).joinpath("page", name)
        return web.Response(body=path.read_bytes(), content_type=TYPES[name[name.index(".") :]], charset="utf-8")

    async def _socket(self, request: web.Request) -> web.StreamResponse:
        page = web.WebSocketResponse(max_msg_size=MAX_MESSAGE, heartbeat=10 * self._patience, compress=False)
        await page.prepare(request)
        before, self._page = self._page, page
        if before is not None:
            await before.close(code=TAKEN_OVER, message=b"opened in another tab")
        try:
            await self._welcome()
            await self._listen(page)
        except GhostkeysError as error:
            await page.close(code=WSCloseCode.POLICY_VIOLATION, message=str(error).encode()[:120])
        finally:
            if self._page is page:
                self._page = None
                await self._finish()
        return page

    async def _welcome(self) -> None:
        """Shows a page that was just opened the world as it stands; the first one gets a new world."""
        if self._state == "playing":
            self._stop("paused")
        if self._shown is None:
            await self._new_world()
        else:
            async with self._turn:
                await self._show(self._shown)
                await self._tell()

    async def _listen(self, page: web.WebSocketResponse) -> None:
        async for message in page:
            if message.type != WSMsgType.TEXT:
                raise GhostkeysError("expected text.")
            said = _object(message.data)
            if page is not self._page:
                return
            if "do" in said:
                await self._command(said["do"])
                continue
            heard = Input.parse(said)
            if self._state == "playing":
                self._keys.add(heard)
            if said.get("seen") == self._frames:
                self._seen.set()

    @web.middleware
    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Lets in only who knows the token and has this address in the address bar."""
        token = request.match_info.get("token", "")
        if not hmac.compare_digest(token.encode(), self._token.encode()):
            raise web.HTTPNotFound
        # Another site's name that leads here, and another site's page.
        host, origin = request.headers.get("Host", ""), request.headers.get("Origin")
        if host.partition(":")[0] not in HOSTS or origin not in (None, f"http://{host}"):
            raise web.HTTPForbidden
        if request.path.endswith("/socket") and origin is None:
            raise web.HTTPForbidden
        response = await handler(request)
        if not response.prepared:
            response.headers.update(HEADERS)
        return response

    async def _hang_up(self, _: web.Application) -> None:
        if self._page is not None:
            await self._page.close(code=WSCloseCode.GOING_AWAY, message=b"the server was stopped")


def _object(text: str) -> dict[str, Any]:
    try:
        said = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise GhostkeysError("expected JSON.") from error
    if not isinstance(said, dict):
        raise GhostkeysError("expected a JSON object.")
    return said


async def _quietly(sending: Awaitable[None]) -> None:
    """A page may go away while it is spoken to; its own handler sees to that."""
    with suppress(ConnectionError, RuntimeError):
        await sending
