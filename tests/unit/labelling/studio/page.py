"""What the page's script does, at a test's pace."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import cv2
import gymnasium
import numpy as np
import pytest
from aiohttp.test_utils import TestServer

from labelling.studio.server import Studio
from labelling.studio.session import Session
from tests.unit.labelling.studio.echo import Echo, Seen, read

TOKEN = "sesame"
SECONDS = 30.0
"""After which a test has waited long enough."""


class Served:
    """A studio that is being served."""

    def __init__(self, server: TestServer, session: Session) -> None:
        self.address = f"http://127.0.0.1:{server.port}"
        self.session = session
        self.clock: asyncio.Task[None]

    @asynccontextmanager
    async def page(self) -> AsyncIterator["Page"]:
        """Opens the page in a browser of its own."""
        origin = {"Origin": self.address}
        async with (
            aiohttp.ClientSession() as client,
            client.ws_connect(f"{self.address}/{TOKEN}/socket", headers=origin) as socket,
        ):
            yield Page(client, socket)


class Page:
    """The connection, what was said last on it, and the picture shown last."""

    def __init__(self, client: aiohttp.ClientSession, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket
        self.head: dict[str, Any] = {}
        self.picture: Seen
        self.status: dict[str, Any] = {"state": "connecting"}
        self._client = client

    async def receive(self) -> str:
        """Takes in one message; "frame", "status", or "closed"."""
        message = await self.socket.receive(timeout=SECONDS)
        if message.type == aiohttp.WSMsgType.BINARY:
            length = int.from_bytes(message.data[:4], "little")
            self.head = json.loads(message.data[4 : 4 + length])
            picture = cv2.imdecode(np.frombuffer(message.data[4 + length :], np.uint8), cv2.IMREAD_COLOR)
            assert picture is not None
            self.picture = read(np.asarray(picture, np.uint8))
            return "frame"
        if message.type == aiohttp.WSMsgType.TEXT:
            self.status = json.loads(message.data)
            return "status"
        return "closed"

    async def frame(self) -> None:
        """Waits for the next frame."""
        while (kind := await self.receive()) != "frame":
            assert kind == "status", self.socket.close_code

    async def state(self, state: str) -> None:
        """Waits for a state; frames on the way there are acknowledged."""
        while self.status["state"] != state:
            kind = await self.receive()
            assert kind != "closed", self.socket.close_code
            if kind == "frame":
                await self.see()

    async def closed(self) -> int | None:
        """Waits for the end of the connection, and gives its code."""
        while await self.receive() != "closed":
            pass
        return self.socket.close_code

    async def silence(self) -> None:
        """Makes sure that no frame comes, for as long as four ticks take."""
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await self.frame()

    async def see(self, *held: str, **mouse: float) -> None:
        """Says that the last frame was drawn, what is held, and what the mouse did."""
        await self.socket.send_json({"held": held, **mouse, "seen": self.head["frame"]})

    async def do(self, button: str) -> None:
        """Presses a button of the page."""
        await self.socket.send_json({"do": button})

    async def welcome(self) -> None:
        """Waits for the world, and for how things stand in it."""
        await self.frame()
        await self.see()
        while await self.receive() != "status":
            pass

    async def start(self) -> None:
        """Waits for the world, and starts playing in it; the first tick is played."""
        await self.welcome()
        await self.do("start")
        await self.state("playing")

    async def drop(self) -> None:
        """Cuts the connection, without a word."""
        assert self._client.connector is not None
        await self._client.connector.close()


@asynccontextmanager
async def served(
    folder: Path, game: gymnasium.Env[Any, Any] | None = None, *, patience: float = SECONDS
) -> AsyncIterator[Served]:
    """A studio in which `game` is played; at the end it is closed, as by Ctrl-C."""
    session = Session(game or Echo(), folder, seed=0, recording_ticks=1000)
    studio = Studio(session, token=TOKEN, patience=patience)
    server = TestServer(studio.app())
    async with server:
        studio_served = Served(server, session)
        studio_served.clock = asyncio.create_task(studio.play())
        try:
            yield studio_served
        finally:
            studio_served.clock.cancel()
            await asyncio.wait([studio_served.clock])
            await studio.close()
