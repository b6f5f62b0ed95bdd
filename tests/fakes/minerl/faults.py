"""Faults that are forced once each, at a given launch, reset, step or close."""

import ctypes
import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from minerl.settings import append, read_settings

LEAK = 300 * 1024 * 1024
NOISE = 2 * 1024 * 1024
_leaked: list[bytes] = []


def next_fault(op: str, number: int) -> str | None:
    """The kind of the fault that is due at the `number`th of an operation; one at 0 is due with the next."""
    settings = read_settings()
    with Path(settings.faults).open("r+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        faults: list[dict[str, Any]] = json.load(file)
        due = next((fault for fault in faults if fault["op"] == op and fault["at"] in (0, number)), None)
        if due is None:
            return None
        faults.remove(due)
        file.seek(0)
        file.truncate()
        json.dump(faults, file)
    append(settings.forced, json.dumps(due))
    return str(due["kind"])


def strike(kind: str | None) -> None:
    """Brings about a fault of this process or of Python, if it is one of those; others are the caller's."""
    if kind in _ERRORS:
        raise _ERRORS[kind]
    if kind in _DEEDS:
        _DEEDS[kind]()


def _hang() -> None:
    time.sleep(1000)


def _pause() -> None:
    time.sleep(4)


def _hang_with_gil() -> None:
    ctypes.PyDLL(None).sleep(1000)


def _die() -> None:
    os._exit(3)


def _stop() -> None:
    os.kill(os.getpid(), signal.SIGSTOP)


def _make_noise() -> None:
    for stream in (1, 2):
        os.write(stream, b"\xff\xfe\x00 noise \x80\n" * (NOISE // 13))


def _leak() -> None:
    _leaked.append(b"\1" * LEAK)


def _leave_child() -> None:
    """Starts a process that ignores what can be ignored and belongs to nobody."""
    code = (
        "import os, signal, time\n"
        "for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP): signal.signal(each, signal.SIG_IGN)\n"
        "if os.fork() == 0:\n os.setsid()\n time.sleep(1000)\n"
    )
    subprocess.run([sys.executable, "-S", "-c", code], check=True, stdout=subprocess.DEVNULL)


_ERRORS: dict[str, BaseException] = {
    "AttributeError": AttributeError("'NoneType' object has no attribute 'decode'"),
    "ValueError": ValueError("cannot reshape array of size 17 into shape (360,640,3)"),
    "JSONDecodeError": json.JSONDecodeError("Expecting value", "{broken", 1),
    "TypeError": TypeError("_TO_MOVE_clean_connection() missing 1 required positional argument: 'instance'"),
    "RuntimeError": RuntimeError("Something went wrong resetting the environment!"),
    "EOFError": EOFError("Minecraft process finished unexpectedly. There was an error with Malmo."),
    "SystemExit": SystemExit(2),
    "KeyboardInterrupt": KeyboardInterrupt(),
    "MemoryError": MemoryError(),
}
_DEEDS = {
    "hang": _hang,
    "pause": _pause,
    "hang_gil": _hang_with_gil,
    "die": _die,
    "stop": _stop,
    "noise": _make_noise,
    "leak": _leak,
    "child": _leave_child,
}
