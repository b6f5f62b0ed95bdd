"""A stand-in for Minecraft with MineRL's mod: a server that speaks its protocol, with the embedded world behind it.

A message is its length in 4 bytes (big-endian) and its content, both ways:

| message | reply |
|---|---|
| `<MalmoEnv0.37.0/>` | none; another version ends the connection |
| `<Quit/>` | int 1 |
| `<MissionInit ...>`, then `uid:role:resets:agents:synchronous[:seed]` | int 1; 0 while busy |
| `<Peek/>` | picture, state as JSON, 1 byte: done |
| `<StepClient0>` + commands + `</StepClient0 >` | picture; reward (float64), done, sent (a byte each); state |
| `<StepServer></StepServer>` | none |
| `<Disconnect/>` | none; the connection ends |
| `<Exit>NOW</Exit>` | int 1; the server ends |

The reward is always 0, and done means that the player is dead. The world begins with its first frame: the 20 ticks that
Minecraft lets pass before are left out, so that the frames are those of the embedded world played without a server.

    python -m tests.fakes.minecraft_server --port N [--fault NAME --at WHEN | --faults FILE] [--fixed-frame]

A fault (`FAULTS`) strikes at `quit`, `init`, `peek` or a step (1 is an episode's first). One named in the command
strikes every time. A file, JSON with `fault` and `at`, is looked at with every message, so that it can be written while
the server runs; it is removed as its fault strikes.
"""

import argparse
import json
import os
import socket
import struct
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from env.errors import GhostkeysError
from tests.fakes.minecraft_world import EmbeddedWorld, Mission, MissionError, StillWorld

VERSION = "0.37.0"
MAX_REQUEST = 1 << 20
"""Bytes of a message to the server."""
HUGE = 1 << 31
"""Bytes that `huge_length` announces."""
SLOW_SECONDS = 1.0
"""Between two bytes of `slow`."""
EVERYWHERE = ("quit", "init", "peek", "step")
WITH_PICTURE = ("peek", "step")
FAULTS = {
    "eof_before_obs": WITH_PICTURE,
    "eof_before_reply": WITH_PICTURE,
    "eof_before_info": WITH_PICTURE,
    "short_frame": WITH_PICTURE,
    "empty_frame": WITH_PICTURE,
    "long_frame": WITH_PICTURE,
    "bad_json": WITH_PICTURE,
    "huge_length": EVERYWHERE,
    "slow": EVERYWHERE,
    "hang": EVERYWHERE,
    "hang_up": EVERYWHERE,
    "busy": ("init",),
    "peek_done": ("peek",),
    "dead": ("step",),
    "wrong_version": ("hello",),
    "exit": ("hello", *EVERYWHERE),
}
"""Faults, and where each can strike. `dead` is none of the server's: the player dies."""


class _HungUpError(Exception):
    """The connection ends."""


@dataclass(frozen=True)
class Fault:
    """Something that goes wrong."""

    name: str
    at: str | int
    """A message by name, or the number of a step."""

    def __post_init__(self) -> None:
        places = FAULTS.get(self.name)
        if places is None:
            raise GhostkeysError(f"there is no fault {self.name!r}; expected one of {', '.join(FAULTS)}.")
        if ("step" if isinstance(self.at, int) else self.at) not in places or self.at == "step":
            expected = ", ".join("a step's number" if place == "step" else place for place in places)
            raise GhostkeysError(f"{self.name} cannot strike at {self.at!r}; expected {expected}.")


class FaultFile:
    """A fault that is written while the server runs, and strikes once."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def plan(self, fault: Fault) -> None:
        """Writes a fault for the server to find."""
        whole = self._path.with_suffix(".new")
        whole.write_text(json.dumps({"fault": fault.name, "at": fault.at}))
        whole.replace(self._path)

    def due(self, place: str, step: int | None) -> str | None:
        """The name of the fault that strikes now."""
        try:
            found = json.loads(self._path.read_text())
        except FileNotFoundError:
            return None
        fault = Fault(found["fault"], found["at"])
        if fault.at != (place if step is None else step):
            return None
        self._path.unlink(missing_ok=True)
        return fault.name


@dataclass(frozen=True)
class FixedFault:
    """The same fault every time, or none."""

    fault: Fault | None = None

    def due(self, place: str, step: int | None) -> str | None:
        """The name of the fault that strikes now."""
        if self.fault is None or self.fault.at != (place if step is None else step):
            return None
        return self.fault.name


class MinecraftServer:
    """Serves one game, a thread to each connection; `with` starts and ends it.

    `on_exit` is called when a client, or the fault of that name, ends the game.
    """

    def __init__(
        self,
        port: int = 0,
        *,
        faults: FixedFault | FaultFile | None = None,
        fixed_frame: bool = False,
        on_exit: Callable[[int], None] | None = None,
    ) -> None:
        self._faults = faults or FixedFault()
        self._fixed_frame = fixed_frame
        self._on_exit = on_exit
        self._listener = socket.create_server(("127.0.0.1", port), backlog=8)
        self.port: int = self._listener.getsockname()[1]
        self.closed = threading.Event()
        self._playing = threading.Lock()
        self._world: EmbeddedWorld | StillWorld | None = None
        self._steps = 0
        self._connections: set[socket.socket] = set()
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Ends every connection."""
        self.closed.set()
        for each in (self._listener, *self._connections):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def end(self, status: int) -> None:
        """Ends the game as if its process did."""
        if self._on_exit is not None:
            self._on_exit(status)
        self.close()

    def due(self, place: str) -> str | None:
        """The name of the fault that strikes now."""
        return self._faults.due(place, self._steps + 1 if place == "step" else None)

    def begin(self, xml: str, token: str) -> None:
        """Makes the world that a mission asks for; the token's sixth field is its seed."""
        mission, fields = Mission.read(xml), token.split(":")
        seed = int(fields[5]) if len(fields) > 5 else None
        with self._playing:
            self._world = StillWorld(mission) if self._fixed_frame else EmbeddedWorld(mission, seed=seed)
            self._steps = 0

    def show(self, commands: str | None = None, *, kill: bool = False) -> tuple[bytes, bytes, bool]:
        """Picture, state and whether the player is dead, after a tick with these commands or as it is."""
        with self._playing:
            if self._world is None:
                raise MissionError("there is no mission yet; expected a MissionInit first.")
            if commands is not None:
                self._world.play(commands)
                self._steps += 1
            if kill:
                self._world.kill()
            return self._world.frame(), self._world.info(), self._world.done

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self._connections.add(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            _Conversation(self, connection).run()
        except (_HungUpError, OSError):
            pass
        except (GhostkeysError, ValueError) as error:
            print(f"ERROR {error}", file=sys.stderr, flush=True)  # as the game logs it
        finally:
            self._connections.discard(connection)
            connection.close()


class _Conversation:
    """One connection: reads messages and replies, or fails to."""

    def __init__(self, server: MinecraftServer, connection: socket.socket) -> None:
        self._server = server
        self._connection = connection
        self._fault: str | None = None

    def run(self) -> None:
        """Replies until the connection ends."""
        hello = self._read()
        self._strike("hello")
        if self._fault == "wrong_version" or not hello.startswith(f"<MalmoEnv{VERSION}"):
            return
        replies = {
            "<Quit": self._quit,
            "<MissionInit": self._init,
            "<Peek": self._peek,
            "<StepClient": self._step,
            "<StepServer": lambda _: None,
            "<Disconnect": self._disconnect,
            "<Exit": self._exit,
        }
        while True:
            message = self._read()
            reply = next((reply for start, reply in replies.items() if message.startswith(start)), None)
            if reply is None:
                raise MissionError(f"the message {message[:60]!r} is none of {', '.join(replies)}.")
            reply(message)

    def _quit(self, _: str) -> None:
        self._strike("quit")
        self._send(struct.pack("!I", 1))

    def _init(self, xml: str) -> None:
        token = self._read()
        self._strike("init")
        if self._fault != "busy":
            self._server.begin(xml, token)
        self._send(struct.pack("!I", 0 if self._fault == "busy" else 1))

    def _peek(self, _: str) -> None:
        self._strike("peek")
        picture, state, done = self._server.show()
        self._send_picture(picture)
        self._send_state(state)
        self._stop_before("reply")
        self._send(struct.pack("!b", done or self._fault == "peek_done"))

    def _step(self, message: str) -> None:
        self._strike("step")
        commands = message.partition(">")[2].rpartition("</")[0]
        picture, state, done = self._server.show(commands, kill=self._fault == "dead")
        self._send_picture(picture)
        self._stop_before("reply")
        self._send(struct.pack("!dbb", 0.0, done, 1))
        self._send_state(state)

    def _disconnect(self, _: str) -> None:
        raise _HungUpError

    def _exit(self, _: str) -> None:
        self._send(struct.pack("!I", 1))
        self._server.end(0)
        raise _HungUpError

    def _strike(self, place: str) -> None:
        """Finds the fault that is due, and commits those that need no reply."""
        self._fault = self._server.due(place)
        if self._fault == "hang":
            self._hang()
        if self._fault == "exit":
            self._server.end(1)
        if self._fault in ("hang_up", "exit"):
            raise _HungUpError

    def _send_picture(self, picture: bytes) -> None:
        self._stop_before("obs")
        sizes = {"short_frame": picture[:-3], "long_frame": picture + bytes(3), "empty_frame": b""}
        self._send(sizes.get(self._fault or "", picture))

    def _send_state(self, state: bytes) -> None:
        self._stop_before("info")
        self._send(state[: len(state) // 2] if self._fault == "bad_json" else state)

    def _stop_before(self, part: str) -> None:
        if self._fault == f"eof_before_{part}":
            raise _HungUpError

    def _send(self, content: bytes) -> None:
        if self._fault == "huge_length":
            self._connection.sendall(struct.pack("!I", HUGE) + content[:64])
            self._hang()
        message = struct.pack("!I", len(content)) + content
        if self._fault != "slow":
            self._connection.sendall(message)
            return
        for byte in message:
            self._connection.sendall(bytes([byte]))
            if self._server.closed.wait(SLOW_SECONDS):
                raise _HungUpError

    def _hang(self) -> None:
        """Says nothing for as long as the server runs."""
        self._server.closed.wait()
        raise _HungUpError

    def _read(self) -> str:
        (length,) = struct.unpack("!I", self._read_exactly(4))
        if length > MAX_REQUEST:
            raise MissionError(f"a message of {length} bytes was announced; expected at most {MAX_REQUEST}.")
        return self._read_exactly(length).decode()

    def _read_exactly(self, count: int) -> bytes:
        content = b""
        while len(content) < count:
            received = self._connection.recv(count - len(content))
            if not received:
                raise _HungUpError
            content += received
        return content


def main() -> None:
    """Serves until it is told to exit."""
    parser = argparse.ArgumentParser(description="A stand-in for Minecraft with MineRL's mod.")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--fault", choices=FAULTS)
    parser.add_argument("--at", type=lambda text: int(text) if text.isdigit() else text, default=1)
    parser.add_argument("--faults", type=Path, help="a file to read faults from")
    parser.add_argument("--fixed-frame", action="store_true")
    given = parser.parse_args()
    faults = FaultFile(given.faults) if given.faults else FixedFault(given.fault and Fault(given.fault, given.at))
    server = MinecraftServer(given.port, faults=faults, fixed_frame=given.fixed_frame, on_exit=os._exit)
    for line in (f"***** Start MalmoEnvServer on port {server.port}", "CLIENT enter state: DORMANT"):
        print(line, flush=True)  # MineRL's launcher waits for them
    server.closed.wait()


if __name__ == "__main__":
    main()
