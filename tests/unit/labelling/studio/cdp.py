"""A real browser for tests: Chromium without a window, driven over the DevTools protocol."""

import asyncio
import base64
import os
import re
import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
LINK = re.compile(r"ws://\S+")


class Page:
    """One tab. Keys and mouse go in where those of the operating system do."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._session: str | None = None
        self._calls = 0

    async def call(self, method: str, **params: Any) -> dict[str, Any]:
        """One command of the DevTools protocol, and its answer."""
        self._calls += 1
        message: dict[str, Any] = {"id": self._calls, "method": method, "params": params}
        await self._socket.send_json(message | ({"sessionId": self._session} if self._session else {}))
        while True:
            answer = await self._socket.receive_json(timeout=60)
            if answer.get("id") == self._calls:
                assert "error" not in answer, answer
                return dict(answer["result"])

    async def open(self, address: str) -> None:
        target = await self.call("Target.createTarget", url=address)
        attached = await self.call("Target.attachToTarget", targetId=target["targetId"], flatten=True)
        self._session = attached["sessionId"]
        await self.call("Emulation.setFocusEmulationEnabled", enabled=True)

    async def js(self, expression: str) -> Any:
        """The value of an expression in the page."""
        answer = await self.call("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    async def until(self, condition: str) -> None:
        """Waits for an expression to become true; until the page is there, it is not."""
        attempt = f"(() => {{ try {{ return Boolean({condition}); }} catch {{ return false; }} }})()"
        async with asyncio.timeout(60):
            while not await self.js(attempt):
                await asyncio.sleep(0.05)

    async def key(self, kind: str, code: str) -> None:
        """`kind` is "keyDown" or "keyUp", `code` as in JavaScript."""
        name = code.removeprefix("Key").lower() if code.startswith("Key") else code
        virtual = ord(code[-1]) if code.startswith(("Key", "Digit")) else {"Space": 32, "ShiftLeft": 16}.get(code, 0)
        await self.call("Input.dispatchKeyEvent", type=kind, code=code, key=name, windowsVirtualKeyCode=virtual)

    async def mouse(self, kind: str, x: float, y: float, **params: Any) -> None:
        """`kind` is "mouseMoved", "mousePressed", "mouseReleased" or "mouseWheel"."""
        await self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, **params)

    async def click(self, selector: str) -> None:
        box = await self.js(f"document.querySelector('{selector}').getBoundingClientRect().toJSON()")
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        await self.mouse("mouseMoved", x, y)
        await self.mouse("mousePressed", x, y, button="left", clickCount=1)
        await self.mouse("mouseReleased", x, y, button="left", clickCount=1)

    async def screenshot(self, path: Path) -> None:
        answer = await self.call("Page.captureScreenshot", format="png")
        path.write_bytes(base64.b64decode(answer["data"]))


@asynccontextmanager
async def browser(profile: Path) -> AsyncIterator[Page]:
    """A tab of a browser of its own, with an empty profile."""
    assert CHROMIUM is not None
    flags = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"]
    command = [CHROMIUM, *flags, "--window-size=1280,720", f"--user-data-dir={profile}", "--remote-debugging-port=0"]
    profile.mkdir()
    log = profile / "log"
    with log.open("w") as output:
        process = subprocess.Popen([*command, "about:blank"], stdout=output, stderr=output, start_new_session=True)
    try:
        async with asyncio.timeout(60):
            while (found := LINK.search(log.read_text())) is None:
                assert process.poll() is None, log.read_text()
                await asyncio.sleep(0.05)
        async with aiohttp.ClientSession() as client, client.ws_connect(found[0], max_msg_size=2**26) as socket:
            yield Page(socket)
    finally:
        os.killpg(process.pid, 9)
        process.wait()
