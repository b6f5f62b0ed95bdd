"""MineRL's end of the bridge: plays one game and passes on what it sent.

MineRL's own Python, 3.8 or newer, runs this file as a script: it imports nothing else of ghostkeys. Requests and
answers are JSON objects, each after its length as 4 bytes (big-endian), over a Unix socket; a picture goes through a
shared file. While a request is worked on, a line goes out every second to say that this process is alive.

    python worker.py SOCKET PICTURES
"""

from __future__ import annotations

import json
import mmap
import os
import socket
import struct
import sys
import threading
from pathlib import Path
from typing import Any, Iterable, Mapping

import numpy as np

BEAT_SECONDS = 1.0
MAX_REQUEST = 1 << 20
"""Bytes of a request."""
SPARE_BYTES = 1 << 22
"""Of a message from the game, beyond its picture: the game's state, as JSON."""
STATISTICS = ("pickup", "craft_item", "drop", "use_item")
"""Minecraft's counters of what came to the player and what went."""


class GameError(Exception):
    """The game did not send what it should have sent."""


class Link:
    """The connection to the client."""

    def __init__(self, path: str) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.connect(path)
        self._sending = threading.Lock()
        self._request: int | None = None
        threading.Thread(target=self._beat, args=(threading.Event(),), daemon=True).start()

    def requests(self) -> Iterable[dict[str, Any]]:
        """Requests, until the client closes the connection."""
        while True:
            try:
                (length,) = struct.unpack("!I", read_exactly(self._socket, 4))
                if length > MAX_REQUEST:
                    return
                request = json.loads(read_exactly(self._socket, length))
            except (ConnectionError, ValueError):
                return
            self._request = request["id"]
            yield request

    def answer(self, content: Mapping[str, Any]) -> None:
        """Ends the request that is worked on."""
        try:
            with self._sending:
                self._send({"id": self._request, **content})
                self._request = None
        except ConnectionError:  # nobody is left to hear it; `requests` will end
            pass

    def _beat(self, never: threading.Event) -> None:
        while not never.wait(BEAT_SECONDS):
            with self._sending:
                if self._request is not None:
                    try:
                        self._send({"id": self._request, "beat": True})
                    except OSError:
                        return

    def _send(self, content: Mapping[str, Any]) -> None:
        message = json.dumps(content, allow_nan=False).encode()
        self._socket.sendall(struct.pack("!I", len(message)) + message)


def read_exactly(source: socket.socket, count: int) -> bytes:
    """`count` bytes; ConnectionError where the other side ends before."""
    content = bytearray(count)
    view = memoryview(content)
    while view:
        received = source.recv_into(view, min(len(view), 1 << 20))
        if not received:
            raise ConnectionError("the game closed its connection")
        view = view[received:]
    return bytes(content)


class Game:
    """MineRL's environment of one spec."""

    def __init__(self, pictures: str) -> None:
        self._pictures = pictures
        self._shared: np.ndarray[Any, Any] | None = None
        self._env: Any = None
        self._keys: tuple[str, ...] = ()
        self._start: Mapping[str, Any] = {}
        self._sent = 0
        self._trouble = ""

    def open(self, *, spec: str, minecraft: str | None, port: int, patience: float) -> dict[str, Any]:
        """Imports MineRL and makes the environment; the game itself is not started yet."""
        from minerl.herobraine.envs import ENVS

        found = {each.name: each for each in ENVS}
        if spec not in found:
            raise GameError(f"MineRL has no environment {spec!r}; it has {', '.join(sorted(found))}")
        _configure(minecraft, port=port, patience=patience)
        env = found[spec].make().unwrapped  # without the wrappers: they pay for what the game did not send
        self._env = env
        _choose_observables(env.task)
        self._place_at_start(env.task)
        width, height = (int(side) for side in env.task.resolution)
        self._bound_messages(3 * width * height)
        self._keys = tuple(env.action_space.spaces)
        return {"picture": [height, width], "keys": list(self._keys), "items": _items()}

    def launch(self) -> dict[str, Any]:
        """Starts the game, where MineRL lets that be done apart from the first reset."""
        start = getattr(self._env, "_get_new_instance", None)
        if start is not None and not self._env.instances:
            self._env.instances.append(start())
        return {}

    def reset(self, *, seed: int, start: Mapping[str, Any]) -> dict[str, Any]:
        """Begins an episode."""
        self._trouble, self._start = "", start
        self._env.seed(int(seed))  # MineRL forgets it with every reset
        return self._show(self._env.reset(), {}, done=False)

    def step(self, *, held: list[str], camera: list[float]) -> dict[str, Any]:
        """Plays one tick."""
        action: dict[str, Any] = {key: int(key in held) for key in self._keys}
        action["camera"] = np.array(camera, np.float32)
        self._trouble = ""
        observation, _, done, info = self._env.step(action)
        if not isinstance(info, Mapping) or "error" in info:  # the observation is a random one
            raise GameError(self._trouble or f"MineRL reports: {info}")
        return self._show(observation, info, done=bool(done))

    def close(self) -> dict[str, Any]:
        """Ends the game."""
        if self._env is not None:
            self._env.close()
        return {}

    def _show(self, observation: Mapping[str, Any], info: Mapping[str, Any], *, done: bool) -> dict[str, Any]:
        """Puts the picture where the client reads it; returns the rest."""
        picture = observation["pov"]
        height, width = self._env.task.resolution[::-1]
        if not isinstance(picture, np.ndarray) or picture.shape != (height, width, 3) or picture.dtype != np.uint8:
            found = getattr(picture, "shape", type(picture).__name__), getattr(picture, "dtype", "")
            raise GameError(f"the picture is {found[0]} {found[1]}; expected uint8 ({height}, {width}, 3)")
        if self._shared is None:
            with Path(self._pictures).open("r+b") as file:
                self._shared = np.frombuffer(mmap.mmap(file.fileno(), picture.size), np.uint8).reshape(picture.shape)
        np.copyto(self._shared, picture)
        self._sent += 1
        mainhand = _part(_part(observation, "equipped_items"), "mainhand")
        location = _part(observation, "location_stats") or _part(info, "location_stats")
        return {
            "number": self._sent,
            "done": done,
            "gui": bool(info.get("isGuiOpen", False)),
            "inventory": _counts(_part(observation, "inventory")),
            "statistics": {name: _counts(_part(observation, name)) for name in STATISTICS},
            "mainhand": {name: _plain(name, value) for name, value in mainhand.items()},
            "life_stats": {name: _number(name, value) for name, value in _part(observation, "life_stats").items()},
            "location_stats": {name: _number(name, location[name]) for name in _PLACE if name in location},
        }

    def _place_at_start(self, task: Any) -> None:
        """Adds what `reset` was asked for to what the spec begins an episode with."""
        usual = task.create_agent_start

        def create_agent_start() -> list[Any]:
            return [*usual(), *_start_handlers(self._start)]

        task.create_agent_start = create_agent_start

    def _bound_messages(self, picture_bytes: int) -> None:
        """Replaces MineRL's reader, which takes any length, and an empty picture for a black one."""
        try:
            from minerl.env import comms
        except ImportError:
            return
        limit = picture_bytes + SPARE_BYTES

        def recv_message(source: socket.socket) -> bytes:
            try:
                (length,) = struct.unpack("!I", read_exactly(source, 4))
                if not 0 < length <= limit:
                    raise ConnectionError(f"the game announced a message of {length} bytes; expected 1 to {limit}")
                return read_exactly(source, length)
            except OSError as error:
                self._trouble = str(error) or type(error).__name__
                raise

        comms.recv_message = recv_message


_PLACE = ("xpos", "ypos", "zpos", "pitch", "yaw")
_BIOMES = {"mountains": "extreme_hills", "snow": "icy"}
"""Minecraft's categories of biomes, where ours have other names."""


def _configure(minecraft: str | None, *, port: int, patience: float) -> None:
    """Gives this process a port range and a game folder of its own."""
    try:
        from minerl.env import _multiagent
        from minerl.env.malmo import InstanceManager
    except ImportError:
        return
    _multiagent.SOCKTIME = patience  # the client's deadlines are shorter
    # MineRL adds this number of its own, and then looks for the next free port.
    InstanceManager.configure_malmo_base_port(port - (17 * os.getpid()) % 3989)
    source = Path(minecraft or InstanceManager.MINECRAFT_DIR).resolve()
    if not (source / "launchClient.sh").is_file():
        raise GameError(f"{source} holds no game: expected launchClient.sh in it; was MineRL built?")
    InstanceManager.MINECRAFT_DIR = str(_own_folder(source))


def _own_folder(source: Path) -> Path:
    """A folder that looks like the game's, and holds what the game writes: games side by side share nothing."""
    folder = Path("Minecraft").resolve()
    (folder / "run").mkdir(parents=True)
    for entry in source.iterdir():
        if entry.name not in ("run", "logs", "saves"):
            (folder / entry.name).symlink_to(entry)
    return folder


def _choose_observables(task: Any) -> None:
    """Has a spec observe what milestones and `info` are made of, as far as this MineRL has it.

    Of Minecraft's statistics nothing else: MineRL spends most of a step on counters that nobody reads.
    """
    usual_observables, usual_monitors = task.create_observables, task.create_monitors

    def create_observables() -> list[Any]:
        own = [each for each in usual_observables() if type(each).__name__ != "ObserveFromFullStats"]
        return _with(own, _wanted_observables())

    def create_monitors() -> list[Any]:
        return _with(usual_monitors(), _made(("IsGuiOpen", ())))

    task.create_observables, task.create_monitors = create_observables, create_monitors
    if hasattr(task, "reset"):
        task.reset()


def _with(own: list[Any], wanted: list[Any]) -> list[Any]:
    names = {handler.to_string() for handler in own}
    return [*own, *(handler for handler in wanted if handler.to_string() not in names)]


def _wanted_observables() -> list[Any]:
    items = _items()
    return _made(
        ("FlatInventoryObservation", (list(items),)),
        ("EquippedItemObservation", (list(items), True, False, False, "air", "air")),
        ("ObservationFromLifeStats", ()),
        ("ObservationFromCurrentLocation", ()),
        *(("ObserveFromFullStats", (name,)) for name in STATISTICS),
    )


def _made(*wanted: tuple[str, tuple[Any, ...]]) -> list[Any]:
    """MineRL's handlers by class and arguments, those classes that this MineRL has."""
    try:
        from minerl.herobraine.hero import handlers
    except ImportError:
        return []
    return [getattr(handlers, name)(*arguments) for name, arguments in wanted if hasattr(handlers, name)]


def _start_handlers(start: Mapping[str, Any]) -> list[Any]:
    from minerl.herobraine.hero import handlers

    made = []
    if start.get("inventory"):
        stacks = [{"type": name, "quantity": count} for name, count in start["inventory"]]
        made.append(handlers.SimpleInventoryAgentStart(stacks))
    if "biome" in start:
        made.append(handlers.PreferredSpawnBiome(_BIOMES.get(start["biome"], start["biome"])))
    if "position" in start:
        made.append(handlers.AgentStartPlacement(*start["position"], yaw=start["yaw"], pitch=start["pitch"]))
    return made


def _items() -> list[str]:
    """The game's items by name, as far as this MineRL tells."""
    try:
        from minerl.herobraine.hero.mc import ALL_ITEMS
    except ImportError:
        return []
    return [str(item) for item in ALL_ITEMS]


def _part(whole: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """A table that is told, or an empty one where none is."""
    part = whole.get(name, {})
    if not isinstance(part, Mapping):
        raise GameError(f"{name} is {type(part).__name__}; expected a table")
    return part


def _counts(values: Mapping[str, Any]) -> dict[str, int]:
    """Those that are not 0."""
    return {name: _count(name, value) for name, value in values.items() if value}


def _plain(name: str, value: Any) -> Any:
    return value if isinstance(value, str) else _count(name, value)


def _count(name: str, value: Any) -> int:
    count = int(value)
    if count != value:  # the statistics come as floats
        raise GameError(f"{name} is {value}; expected a whole number")
    return count


def _number(name: str, value: Any) -> float:
    number = float(value)
    if not np.isfinite(number):
        raise GameError(f"{name} is {value}; expected a number")
    return number


def _reason(error: BaseException) -> str:
    """An error in one line; of a long one, such as the game's whole output, the end."""
    text = " ".join(str(error).split())
    shown = text if len(text) <= 600 else f"... {text[-600:]}"
    return shown if isinstance(error, GameError) else f"{type(error).__name__}: {shown}"


def main() -> None:
    """Answers the client's requests until there are no more."""
    socket_path, pictures = sys.argv[1:3]
    # Modules beside this file have names that MineRL's own imports may look for.
    sys.path = [entry for entry in sys.path if Path(entry or ".").resolve() != Path(__file__).resolve().parent]
    link, game = Link(socket_path), Game(pictures)
    for request in link.requests():
        arguments = {name: value for name, value in request.items() if name not in ("id", "op")}
        try:
            answer = {"ok": getattr(game, request["op"])(**arguments)}
        # Whatever MineRL or the game does, the client decides what becomes of it; SystemExit is an answer, too.
        except BaseException as error:
            answer = {"error": _reason(error)}
        link.answer(answer)
        if request["op"] == "close":
            break
    os._exit(0)  # without MineRL's atexit hooks, which close everything once more


if __name__ == "__main__":
    main()
