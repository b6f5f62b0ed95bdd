"""The room that decoded frames take on the disk: told, bounded, and freed again."""

import logging
import os
import shutil
import threading
import time
from contextlib import suppress
from pathlib import Path

from env.errors import GhostkeysError

log = logging.getLogger(__name__)

DEFAULT_GB = 100.0
"""Of decoded frames in one folder; an hour of play at 128 x 128 takes 3.5."""
KEPT_FREE = 0.05
"""Share of the disk that is left free."""


class CacheFullError(GhostkeysError):
    """There is no room for decoded frames."""


class FrameCache:
    """A folder of decoded frames that keeps below a size: what this run does not use goes, the oldest first."""

    def __init__(self, folder: Path, *, max_gb: float = DEFAULT_GB) -> None:
        if not max_gb > 0:
            raise GhostkeysError(f"--data.cache-gb {max_gb:g}: expected a number above 0.")
        self.folder = folder
        self.max_bytes = max_gb * 1e9
        self.written = 0
        self._reserved: dict[Path, int] = {}
        self._lock = threading.Lock()

    def use(self, file: Path) -> None:
        """Marks a file as used by this run."""
        with self._lock:
            self._reserved[file] = file.stat().st_size
            with suppress(OSError):  # somebody else's cache, perhaps
                os.utime(file, ns=(time.time_ns(), file.stat().st_mtime_ns))

    def reserve(self, file: Path, size: int) -> None:
        """Makes room for a file of so many bytes that is about to be written. Raises CacheFullError."""
        with self._lock:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._reserved[file] = size
            self.written += size
            needed = sum(self._reserved.values())
            if needed > self.max_bytes:
                raise CacheFullError(
                    f"{self.folder}: the decoded frames need more than {self.max_bytes / 1e9:g} GB: raise "
                    "--data.cache-gb, or train on fewer recordings."
                )
            self._evict(needed)
            disk = shutil.disk_usage(self.folder)
            if disk.free - size < KEPT_FREE * disk.total:
                raise CacheFullError(
                    f"{self.folder}: {size / 1e9:.1f} GB of decoded frames would leave the disk less than "
                    f"{KEPT_FREE:.0%} free; choose a folder on another one with --data.cache."
                )

    def _evict(self, needed: int) -> None:
        """Removes the files of other runs, the least recently used first, until all fits."""
        others = [path for path in self.folder.glob("*.npy") if path not in self._reserved]
        sizes = {path: path.stat() for path in others}
        total = needed + sum(each.st_size for each in sizes.values())
        for path in sorted(others, key=lambda path: sizes[path].st_atime):
            if total <= self.max_bytes:
                return
            path.unlink(missing_ok=True)
            total -= sizes[path].st_size
            log.info("removed %s, to keep the decoded frames below %g GB", path, self.max_bytes / 1e9)

    def report(self) -> None:
        """Tells what was written, if anything was."""
        if self.written:
            log.info(
                "%s holds %.2f GB of decoded frames now, at most %g GB; `ghostkeys data clean %s` removes them.",
                self.folder,
                sum(path.stat().st_size for path in self.folder.glob("*.npy")) / 1e9,
                self.max_bytes / 1e9,
                self.folder,
            )
