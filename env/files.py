"""Files that appear whole or not at all, and their fingerprints."""

import hashlib
import json
import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any


@contextmanager
def atomic_path(path: str | os.PathLike[str]) -> Iterator[Path]:
    """A temporary path beside `path`: write there, and the file appears under its name when the block ends well.

    The content is synced to disk before the rename. On any exception, Ctrl-C included, the temporary file is removed
    and what stood at `path` before is untouched. Missing parent folders are made.
    """
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.tmp-{os.getpid()}-{secrets.token_hex(3)}")
    try:
        yield temporary
        rename_synced(temporary, target)
    except BaseException:
        with suppress(FileNotFoundError):
            temporary.unlink()
        raise


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


def _sync(path: Path) -> None:
    """Have the operating system write a file, or a folder's list of names, to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
