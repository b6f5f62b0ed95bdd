"""Files that appear whole or not at all, folders that one process at a time may use, and fingerprints."""

import hashlib
import json
import os
import platform
import re
import secrets
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

from filelock import FileLock, Timeout

from env.errors import GhostkeysError

MAX_NAME_BYTES = 255
"""How long a file's name may be on nearly all file systems."""
ABANDONED_SECONDS = 24 * 3600
"""A temporary file that nobody wrote to for so long is abandoned, whatever machine it comes from."""
_TEMPORARY = re.compile(r"\..*\.tmp-(?P<process>\d{1,10})-((?P<machine>[0-9a-f]{8})-)?[0-9a-f]{6}", re.DOTALL)


@contextmanager
def atomic_path(path: str | os.PathLike[str]) -> Iterator[Path]:
    """A temporary path beside `path`: write there, and the file appears under its name when the block ends well.

    The content is synced to disk before the rename. On any exception, Ctrl-C included, the temporary file is removed
    and what stood at `path` before is untouched; what a killed process leaves is for `remove_abandoned`. Missing parent
    folders are made.
    """
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(_temporary_name(target.name))
    try:
        yield temporary
        rename_synced(temporary, target)
    except BaseException:
        with suppress(FileNotFoundError):
            temporary.unlink()
        raise


def remove_abandoned(folder: str | os.PathLike[str]) -> list[Path]:
    """Removes the temporary files in a folder whose process was killed before it could; returns their paths, sorted.

    Those of running processes stay. Whether a process of another machine still runs cannot be known from here: its
    files go when nobody has written to them for a day.
    """
    removed = []
    with suppress(OSError):  # the folder is missing, or nothing may be removed from it
        for path in sorted(Path(folder).iterdir()):
            if (match := _TEMPORARY.fullmatch(path.name)) and _is_abandoned(path, match):
                path.unlink(missing_ok=True)
                removed.append(path)
    return removed


def check_writable(folder: str | os.PathLike[str]) -> None:
    """Makes a folder if it is missing and tries whether files can be written there. Raises `GhostkeysError`."""
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=folder):
            pass
    except FileExistsError:
        raise GhostkeysError(f"{folder} is a file; expected a folder, or a name that is free.") from None
    except OSError as error:
        raise GhostkeysError(
            f"{folder}: no file can be written there ({error.strerror or error}); expected a folder that can be "
            "written to."
        ) from error


@contextmanager
def folder_lock(folder: str | os.PathLike[str], name: str, *, taken: GhostkeysError) -> Iterator[None]:
    """Holds the lock file `name` in a folder, which is made if it is missing. Raises `taken` if a process holds it."""
    path = Path(folder)
    path.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path / name, blocking=False)
    try:
        lock.acquire()
    except Timeout:
        raise taken from None
    try:
        yield
    finally:
        lock.release()


def write_json(path: str | os.PathLike[str], document: Mapping[str, Any]) -> None:
    """Writes a document as indented JSON; the file appears whole."""
    with atomic_path(path) as temporary:
        temporary.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


def rename_synced(temporary: Path, target: Path) -> None:
    """Gives a finished file its name, once its content is on the disk."""
    _sync(temporary)
    temporary.replace(target)
    _sync(target.parent)


def sha256_of(path: str | os.PathLike[str]) -> str:
    """SHA-256 of a file's content, in hexadecimal."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _temporary_name(name: str) -> str:
    """A hidden name that is free and tells the process; of a long name only the start, so that it is not too long."""
    return f".{name[:24]}.tmp-{os.getpid()}-{_machine()}-{secrets.token_hex(3)}"


def _is_abandoned(path: Path, name: re.Match[str]) -> bool:
    if name["machine"] in (None, _machine()) and not _is_running(int(name["process"])):
        return True
    try:
        return time.time() - path.stat().st_mtime > ABANDONED_SECONDS
    except FileNotFoundError:  # its process has just given it its name
        return False


@cache
def _machine() -> str:
    """Eight digits for whatever numbers this process: the machine, or the container on it."""
    space = ""
    with suppress(OSError):
        space = str(Path("/proc/self/ns/pid").readlink())
    return hashlib.sha256(f"{platform.node()} {space}".encode()).hexdigest()[:8]


def _is_running(process: int) -> bool:
    if os.name == "nt":  # no signal there asks without ending the process
        return True
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:  # somebody else's
        return True
    return True


def _sync(path: Path) -> None:
    """Have the operating system write a file, or a folder's list of names, to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
