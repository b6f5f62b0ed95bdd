"""A folder of fetched samples that several processes share and that never outgrows its bound."""

import hashlib
import os
import secrets
from contextlib import suppress
from pathlib import Path

from filelock import FileLock

from env.errors import GhostkeysError

KEPT_SHARE = 0.9
"""Of the bound that stays when samples are removed, so that this is not done for each new one."""
SUFFIX = ".sample"


class SampleCache:
    """Samples of object stores on the disk, below `max_gb` GB; the least recently used go first.

    Room is made before a sample is written, under a lock that all processes on the folder take. Pickles hold the
    folder and the bound alone.
    """

    def __init__(self, folder: Path, *, max_gb: float) -> None:
        if not max_gb > 0:
            raise GhostkeysError(f"a cache of {max_gb:g} GB; expected a number above 0.")
        self.folder = folder
        self.max_bytes = int(max_gb * 1e9)
        folder.mkdir(parents=True, exist_ok=True)

    def get(self, key: str) -> bytes | None:
        """A sample's bytes; None where they are not there any more, or not yet."""
        path = self._path(key)
        try:
            content = path.read_bytes()
            os.utime(path)
        except OSError:
            return None
        return content

    def put(self, key: str, content: bytes) -> None:
        """Keeps a sample, unless it alone is larger than the bound or the disk is full."""
        path = self._path(key)
        if len(content) > self.max_bytes:
            return
        with self._lock():
            if path.exists():
                return
            total = self._total()
            if total + len(content) > self.max_bytes:
                total = self._evict(int(KEPT_SHARE * self.max_bytes) - len(content))
            self._note(total + len(content))
            temporary = path.with_name(f".{secrets.token_hex(8)}.tmp")
            try:
                temporary.write_bytes(content)
                temporary.replace(path)
            except OSError:
                temporary.unlink(missing_ok=True)  # a full disk: go on without

    def drop(self, key: str) -> None:
        """Removes a sample that turned out to be damaged."""
        self._path(key).unlink(missing_ok=True)

    def _path(self, key: str) -> Path:
        return self.folder / f"{hashlib.sha256(key.encode()).hexdigest()[:32]}{SUFFIX}"

    def _lock(self) -> FileLock:
        return FileLock(self.folder / "lock")

    def _total(self) -> int:
        """Bytes in the folder, as noted by the process that wrote last."""
        try:
            return max(0, int((self.folder / "bytes").read_text()))
        except (OSError, ValueError):
            return sum(size for _, size, _ in self._files())

    def _note(self, total: int) -> None:
        (self.folder / "bytes").write_text(str(total))

    def _files(self) -> list[tuple[float, int, Path]]:
        """(when last used, bytes, path) of each file; what a killed process left half-written is removed."""
        found = []
        for path in self.folder.iterdir():
            if path.suffix == ".tmp":
                path.unlink(missing_ok=True)  # nobody writes: the lock is ours
            elif path.suffix == SUFFIX:
                with suppress(FileNotFoundError):
                    status = path.stat()
                    found.append((status.st_mtime, status.st_size, path))
        return sorted(found)

    def _evict(self, bytes_left: int) -> int:
        """Removes the least recently used samples until at most so many bytes are left; returns how many are."""
        files = self._files()
        total = sum(size for _, size, _ in files)
        for _, size, path in files:
            if total <= max(bytes_left, 0):
                break
            path.unlink(missing_ok=True)
            total -= size
        return total
