"""What may be removed from a folder: decoded frames, which are made anew, and what killed processes have left."""

import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from env.files import is_abandoned

DECODED = re.compile(r"[^.].*-\d+x\d+(-\w+)*-[0-9a-f]{16}\.npy")
"""Names of decoded frames, as `learning.data` writes them."""


class Removable(NamedTuple):
    """A file that nobody will miss."""

    path: Path
    bytes: int


def removable(folder: Path) -> list[Removable]:
    """The decoded frames and left-over temporary files below a folder, sorted; those being written are left out."""
    return sorted(Removable(path, path.stat().st_size) for path in _candidates(folder) if path.is_file())


def _candidates(folder: Path) -> Iterator[Path]:
    for path in folder.rglob("*"):
        if DECODED.fullmatch(path.name) or is_abandoned(path):
            yield path


def remove(files: list[Removable]) -> None:
    """Removes them, and the folders `.frames` that are empty then."""
    for file in files:
        file.path.unlink(missing_ok=True)
    for parent in {file.path.parent for file in files if file.path.parent.name == ".frames"}:
        with suppress(OSError):  # something else lies in it
            parent.rmdir()
