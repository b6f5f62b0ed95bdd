"""What may be removed from a folder: decoded frames, which are made anew, and what killed processes have left."""

import os
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

DECODED = re.compile(r".+-\d+x\d+(-\w+)*-[0-9a-f]{16}\.npy")
"""Names of decoded frames, as `idm.data` writes them."""
TEMPORARY = re.compile(r"\..+\.tmp-(\d+)-[0-9a-f]+")
"""Names of `env.files.atomic_path`, with the number of the process that writes."""


class Removable(NamedTuple):
    """A file that nobody will miss."""

    path: Path
    bytes: int


def removable(folder: Path) -> list[Removable]:
    """The decoded frames and left-over temporary files below a folder, sorted; those being written are left out."""
    return sorted(Removable(path, path.stat().st_size) for path in _candidates(folder) if path.is_file())


def _candidates(folder: Path) -> Iterator[Path]:
    for path in folder.rglob("*"):
        temporary = TEMPORARY.fullmatch(path.name)
        if (temporary and not _runs(int(temporary[1]))) or (not temporary and DECODED.fullmatch(path.name)):
            yield path


def remove(files: list[Removable]) -> None:
    """Removes them, and the folders `.frames` that are empty then."""
    for file in files:
        file.path.unlink(missing_ok=True)
    for parent in {file.path.parent for file in files if file.path.parent.name == ".frames"}:
        with suppress(OSError):  # something else lies in it
            parent.rmdir()


def _runs(process: int) -> bool:
    """Whether a process of this machine runs; taken for granted where one cannot ask."""
    if os.name != "posix":
        return True
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True
