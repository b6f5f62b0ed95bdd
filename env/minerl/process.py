"""MineRL's Python in a process of its own, asked over a socket, with a deadline for every answer.

Whatever goes wrong there, silence included, becomes `WorkerError`; the process is of no use then and has to be closed,
which also ends everything it started.
"""

import json
import math
import mmap
import os
import secrets
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import filelock
import numpy as np
import psutil
from numpy.typing import NDArray

from env.errors import GhostkeysError
from env.minerl.guard import PATIENCE, TOKEN_VARIABLE
from env.video.container import MAX_SIDE

MAX_ANSWER = 1 << 22
"""Bytes of an answer."""
MEMORY_SECONDS = 5.0
"""Between two looks at the memory in use."""
MAX_LOG = 1 << 26
"""Bytes of a log file, beyond which it is emptied: the game writes some lines a tick."""
FIRST_PORT, PORTS_EACH, GAMES = 20000, 16, 512
"""The ports of game n are the `PORTS_EACH` from `FIRST_PORT + PORTS_EACH * n` on: below those that systems give out."""
OURS_ALONE = ("PYTHONHOME", "PYTHONPATH", "VIRTUAL_ENV")
"""Environment variables that would lead MineRL's Python to the packages of this one."""
LOCKS = Path("/tmp")
"""Where games lock their ports: one place for a whole machine, which TMPDIR is not."""


class MineRLError(GhostkeysError):
    """MineRL or the game cannot be started; the message says what it said."""


class WorkerError(Exception):
    """The worker or the game died, was silent for too long, or sent what it should not have sent."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """How long to wait for what, in seconds, and how much memory a game may use."""

    launch_deadline: float = 300.0
    """For MineRL's import, and again for the game's start."""
    reset_deadline: float = 240.0
    step_deadline: float = 30.0
    close_deadline: float = 15.0
    silence: float = 20.0
    """Without a sign of life from the worker, which gives one every second."""
    memory_gb: float = 8.0
    """Resident memory of the worker and all it started, together."""

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if not (isinstance(value, int | float) and math.isfinite(value) and value > 0):
                raise GhostkeysError(f"{name} is {value!r}; expected a number above 0.")

    @property
    def longest(self) -> float:
        """The longest of the deadlines."""
        return max(self.launch_deadline, self.reset_deadline, self.step_deadline, self.close_deadline)


class Worker:
    """One process of MineRL's Python, with its folder, its ports, and the guard that ends all of it."""

    def __init__(self, python: Path, *, limits: Limits, logs: Path | None) -> None:
        """Starts the process. Raises MineRLError where that is impossible."""
        self.limits = limits
        self._asked = 0
        self._pictures_seen = 0
        self._picture: NDArray[np.uint8] | None = None
        self._looked = 0.0
        with ExitStack() as stack:
            self.port = stack.enter_context(_own_ports())
            temporary = Path(tempfile.mkdtemp(prefix="minerl-"))
            stack.callback(shutil.rmtree, temporary, ignore_errors=True)
            self.folder = temporary if logs is None else Path(tempfile.mkdtemp(prefix="minerl-", dir=logs))
            self._pictures = _shared_file(temporary)
            stack.callback(self._release_pictures)
            listener = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
            _listen(listener, temporary / "socket")
            token = secrets.token_hex(16)
            self._guard = _start_guard(token, [self._pictures, temporary])
            stack.callback(self._end)
            files = [temporary / "socket", self._pictures]
            self._process = _start(python, token=token, folder=self.folder, files=files, port=self.port)
            self._connection = self._accept(listener)
            self._open = stack.pop_all()

    def call(self, op: str, *, deadline: float, **arguments: Any) -> dict[str, Any]:
        """What the worker answers. Raises WorkerError for an error there, after the deadline, and for nonsense."""
        self._asked += 1
        message = json.dumps({"id": self._asked, "op": op, **arguments}).encode()
        end = time.monotonic() + deadline
        try:
            self._connection.settimeout(deadline)
            self._connection.sendall(struct.pack("!I", len(message)) + message)
            while True:
                answer = self._receive(op, end=end, deadline=deadline)
                if "beat" not in answer:
                    break
                self._check_memory()
        except OSError as error:
            raise WorkerError(f"the connection to MineRL broke at {op} ({error}){self._how_it_ended()}") from None
        self._check_memory()
        if "error" in answer:
            raise WorkerError(f"{op} failed: {answer['error']}")
        if not isinstance(answer.get("ok"), dict):
            raise WorkerError(f"MineRL's worker gave no answer to {op}")
        found: dict[str, Any] = answer["ok"]
        return found

    def share_pictures(self, size: tuple[int, int]) -> None:
        """Makes the shared file as large as the game's (height, width) pictures."""
        height, width = size
        if not (0 < height <= MAX_SIDE and 0 < width <= MAX_SIDE):
            raise WorkerError(f"MineRL's pictures are {height} x {width}; expected sides from 1 to {MAX_SIDE}")
        os.truncate(self._pictures, 3 * height * width)
        with self._pictures.open("r+b") as file:
            shared = mmap.mmap(file.fileno(), 3 * height * width, access=mmap.ACCESS_READ)
        self._picture = np.frombuffer(shared, np.uint8).reshape(height, width, 3)

    def picture(self, number: int) -> NDArray[np.uint8]:
        """uint8 (H, W, 3): the picture that belongs to the answer with that number; the next call changes it."""
        self._pictures_seen += 1
        if self._picture is None or number != self._pictures_seen:
            raise WorkerError(f"MineRL's worker sent picture {number}; expected {self._pictures_seen}")
        return self._picture

    def memory(self) -> int:
        """Resident bytes of the worker and its descendants."""
        total = 0
        with suppress(psutil.Error):
            worker = psutil.Process(self._process.pid)
            for process in [worker, *worker.children(recursive=True)]:
                with suppress(psutil.Error):
                    total += process.memory_info().rss
        return total

    def trim_logs(self) -> None:
        """Empties log files that have grown too long."""
        for path in self.folder.rglob("*.log"):
            with suppress(OSError):
                if path.stat().st_size > MAX_LOG and not path.is_symlink():
                    os.truncate(path, 0)

    def close(self, *, gently: bool = True) -> None:
        """Ends the game, at first by asking, and whatever is left of it; leaves no process and no file."""
        try:
            if gently:
                with suppress(WorkerError):
                    self.call("close", deadline=self.limits.close_deadline)
        finally:
            self._open.close()

    def _accept(self, listener: socket.socket) -> socket.socket:
        """The worker's connection; MineRLError where its Python cannot run at all."""
        end = time.monotonic() + self.limits.launch_deadline
        listener.settimeout(0.1)
        while True:
            try:
                return listener.accept()[0]
            except TimeoutError:
                if self._process.poll() is not None:
                    raise MineRLError(f"MineRL's Python did not start{self._how_it_ended()}") from None
                if time.monotonic() > end:
                    raise MineRLError(f"MineRL's Python was silent for {self.limits.launch_deadline:g} s.") from None

    def _receive(self, op: str, *, end: float, deadline: float) -> dict[str, Any]:
        """The next message that belongs to the question."""
        (length,) = struct.unpack("!I", self._read(4, op, end=end, deadline=deadline))
        if not 0 < length <= MAX_ANSWER:
            raise WorkerError(f"MineRL's worker announced {length} bytes; expected 1 to {MAX_ANSWER}")
        try:
            message = json.loads(self._read(length, op, end=end, deadline=deadline))
        except ValueError:
            message = None
        if not isinstance(message, dict) or message.get("id") != self._asked:
            raise WorkerError(f"MineRL's worker sent something else than an answer to {op}")
        return message

    def _read(self, count: int, op: str, *, end: float, deadline: float) -> bytes:
        content = bytearray()
        heard = time.monotonic()
        while len(content) < count:
            now = time.monotonic()
            if now >= end:
                raise WorkerError(f"no answer to {op} within {deadline:g} s")
            if now - heard >= self.limits.silence:
                raise WorkerError(f"no sign of life for {self.limits.silence:g} s at {op}")
            self._connection.settimeout(max(0.001, min(end - now, heard + self.limits.silence - now)))
            with suppress(TimeoutError):
                received = self._connection.recv(count - len(content))
                if not received:
                    raise ConnectionResetError("closed")
                content += received
        return bytes(content)

    def _check_memory(self) -> None:
        now = time.monotonic()
        if now - self._looked < MEMORY_SECONDS:
            return
        self._looked = now
        used = self.memory() / 1e9
        if used > self.limits.memory_gb:
            raise WorkerError(f"the game used {used:.1f} GB of memory, more than the {self.limits.memory_gb:g} allowed")

    def _how_it_ended(self) -> str:
        """How the process ended, if it did, and the last line it wrote."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(0.5)
        status = self._process.returncode
        if status is None:
            return "."
        ended = f"was killed by signal {-status}" if status < 0 else f"ended with status {status}"
        lines = _last_lines(self.folder / "worker.log")
        return f": it {ended}{'; it last wrote: ' if lines else ''}{lines}"

    def _end(self) -> None:
        """Has the guard kill everything, and waits until it has."""
        process: subprocess.Popen[bytes] | None = getattr(self, "_process", None)
        if connection := getattr(self, "_connection", None):
            connection.close()
        assert self._guard.stdin is not None
        with suppress(OSError):  # a guard that has ended reads nothing
            self._guard.stdin.write(b"end")  # closing alone does not end it where this process was forked
            self._guard.stdin.flush()
        with suppress(OSError):
            self._guard.stdin.close()
        with suppress(subprocess.TimeoutExpired):
            self._guard.wait(PATIENCE + 5.0)
        if process is not None:
            with suppress(ProcessLookupError):
                process.kill()
            process.wait()

    def _release_pictures(self) -> None:
        self._picture = None
        self._pictures.unlink(missing_ok=True)


class _OwnPorts:
    """A lock on a range of ports, of which no other game of this user has any."""

    def __init__(self, number: int, lock: filelock.BaseFileLock) -> None:
        self._number, self._lock = number, lock

    def __enter__(self) -> int:
        return FIRST_PORT + PORTS_EACH * self._number

    def __exit__(self, *_: object) -> None:
        self._lock.release()


def _own_ports() -> _OwnPorts:
    folder = LOCKS / f"ghostkeys-minerl-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    for number in range(GAMES):
        lock = filelock.FileLock(folder / f"{number}.lock")
        with suppress(filelock.Timeout):
            lock.acquire(timeout=0)
            return _OwnPorts(number, lock)
    raise MineRLError(f"{GAMES} games run already: the locks in {folder} are all taken.")


def _listen(listener: socket.socket, path: Path) -> None:
    try:
        listener.bind(str(path))
    except OSError as error:
        raise MineRLError(f"{path}: {error}; set TMPDIR to a folder with a shorter path.") from None
    listener.listen(1)


def _shared_file(folder: Path) -> Path:
    """An empty file in memory, where the system has such files."""
    memory = Path("/dev/shm")
    number, name = tempfile.mkstemp(prefix="minerl-", dir=memory if os.access(memory, os.W_OK) else folder)
    os.close(number)
    return Path(name)


def _start_guard(token: str, leavings: list[Path]) -> "subprocess.Popen[bytes]":
    script = str(Path(__file__).with_name("guard.py"))
    return subprocess.Popen(
        [sys.executable, script, token, *map(str, leavings)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def _start(python: Path, *, token: str, folder: Path, files: list[Path], port: int) -> "subprocess.Popen[bytes]":
    """Starts the worker in a session, a folder and, where there is no screen, an X server of its own."""
    command = [str(python), str(Path(__file__).with_name("worker.py")), *map(str, files)]
    if sys.platform == "linux" and not os.environ.get("DISPLAY") and shutil.which("xvfb-run"):
        # The next free number from one of its own on: an X server that was killed leaves its lock for a while.
        display = 100 + (port - FIRST_PORT) // 2
        screen = "-screen 0 1024x768x24 +extension GLX +render -noreset"
        command = ["xvfb-run", "--auto-servernum", f"--server-num={display}", f"--server-args={screen}", *command]
    surroundings = {name: value for name, value in os.environ.items() if name not in OURS_ALONE}
    # MineRL leaves temporary folders behind when it is killed: these go with the worker's own.
    surroundings |= {TOKEN_VARIABLE: token, "MALMO_MINECRAFT_OUTPUT_LOGDIR": str(folder), "TMPDIR": str(folder)}
    try:
        with (folder / "worker.log").open("ab") as log:
            return subprocess.Popen(
                command,
                cwd=folder,
                env=surroundings,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
    except OSError as error:
        raise MineRLError(f"{python} cannot be run: {error.strerror or error}.") from None


def _last_lines(path: Path, *, characters: int = 300) -> str:
    """The end of a log, on one line."""
    with suppress(OSError), path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - 4 * characters))
        return " ".join(file.read().decode(errors="replace").split())[-characters:]
    return ""
