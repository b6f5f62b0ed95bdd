"""Ends all processes of one game when the process that played it ends, in whatever way.

Run as a script, beside each worker: it waits until the client writes to its standard input, closes it or dies; then it
kills every process that carries the worker's token in its environment, and removes the worker's files. The game runs in
a session of its own, and what it started may have lost its parents: only the environment tells.

    python guard.py TOKEN [FILE OR FOLDER TO REMOVE ...]
"""

import os
import select
import shutil
import signal
import sys
import time
from pathlib import Path

import psutil

TOKEN_VARIABLE = "GHOSTKEYS_MINERL_TOKEN"
CLIENT_SECONDS = 1.0
"""Between two looks whether the client lives: its forks keep the standard input open beyond its death."""
PATIENCE = 10.0
"""Seconds in which killed processes have to be gone."""


def processes_of(token: str) -> list[psutil.Process]:
    """This user's processes with the token in their environment, but for this one."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.pid != os.getpid() and process.environ().get(TOKEN_VARIABLE) == token:
                found.append(process)
        except (psutil.Error, OSError):  # gone, or somebody else's
            continue
    return found


def kill_all(token: str) -> bool:
    """Ends them until none is left; False if some cannot be killed.

    They are asked once, which lets an X server remove its files, and killed then.
    """
    end = time.monotonic() + PATIENCE
    number = signal.SIGTERM
    while left := processes_of(token):
        for process in left:
            try:
                process.send_signal(number)
            except psutil.Error:
                continue
        psutil.wait_procs(left, timeout=0.3)
        number = signal.SIGKILL
        if time.monotonic() > end:
            return False
    return True


def main() -> int:
    """Waits for the client's word or end, and clears up."""
    token, *paths = sys.argv[1:]
    for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)
    client = os.getppid()
    while not select.select([sys.stdin], [], [], CLIENT_SECONDS)[0] and os.getppid() == client:
        continue
    gone = kill_all(token)
    for path in map(Path, paths):
        path.unlink(missing_ok=True) if path.is_file() else shutil.rmtree(path, ignore_errors=True)
    return 0 if gone else 1


if __name__ == "__main__":
    sys.exit(main())
