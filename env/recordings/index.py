"""An index of recordings that were read once: opening them again parses no line and scans no video.

An entry is a file that holds the state of one `Recording`, or why it cannot be read: safetensors, compressed by zlib,
whose check sum tells a damaged entry. It stands for an action file and options; it is used as long as the sizes and
times of that file and of its video are those it was made of, and the code that read them is the same.
"""

import hashlib
import json
import logging
import math
import os
import time
import zlib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import fields, is_dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any, Self

import av
import numpy as np
from numpy.typing import NDArray
from platformdirs import user_cache_dir
from safetensors import SafetensorError
from safetensors.numpy import load, save

import env.actions
import env.recordings
import env.video
from env.actions import Actions
from env.errors import GhostkeysError, RecordingError, VideoError
from env.files import atomic_path
from env.recordings.alignment import RATE_TOLERANCE, Alignment
from env.recordings.keys import key_table
from env.recordings.labels import read_label_header
from env.recordings.play import GUI_MOUSE_SCALES
from env.recordings.recording import Kind, Recording, action_file, contractor_video, video_of
from env.video.container import PathLike, frame_rate, opened
from env.video.table import FrameTable
from env.video.ticks import TICKS_PER_SECOND

log = logging.getLogger(__name__)

CACHE_VARIABLE = "GHOSTKEYS_CACHE"
"""Environment variable that names the folder for what can be made anew, by default the user's cache folder."""
SUFFIX = ".recording"
DEFAULT_GB = 2.0
"""Of entries in one folder; five minutes of play take about 0.1 MB."""
SCAN_EVERY = 1 / 16
"""The folder is looked through after so much of its room was written."""
KEPT = 7 / 8
"""Entries go, the least recently used first, until they take no more than this share of the room."""
USED_AGAIN = 3600.0
"""Seconds; the time of an entry's last use is not noted more often."""
MAX_BYTES = 2**28
"""Of an entry when it is decompressed: a million ticks and frames take 120 MB."""
HEAD_BYTES = 2**16
"""Of a contractor's file, whose clock is looked at: about 30 lines."""
_ERRORS = {each.__name__: each for each in (RecordingError, VideoError)}
_FACTS = "facts"
_DAMAGE = (zlib.error, SafetensorError, ValueError, KeyError, TypeError, IndexError)


class RecordingIndex:
    """Recordings opened a second time without being read: their actions, times, alignment and frame tables are kept.

    The entries are files in `folder`, below `max_gb` GB, shared by any number of processes; without a folder, in
    `recordings` of the user's cache folder, or of the one that the environment variable `GHOSTKEYS_CACHE` names.
    Where nothing can be written, recordings are read each time. `root` is the folder of the recordings, if the two
    move together.
    """

    def __init__(
        self, folder: PathLike | None = None, *, root: PathLike | None = None, max_gb: float = DEFAULT_GB
    ) -> None:
        if not max_gb > 0:
            raise GhostkeysError(f"an index of recordings of {max_gb:g} GB: expected a number above 0.")
        self.folder = cache_folder() / "recordings" if folder is None else Path(folder)
        self.root = None if root is None else Path(root).resolve()
        self.max_bytes = max_gb * 1e9
        self._since_scan = math.inf
        self._warned = False

    @classmethod
    def beside(cls, root: PathLike, *, max_gb: float = DEFAULT_GB) -> Self:
        """An index in the folder `.ghostkeys` of the recordings' own; it stays true when that folder is moved."""
        return cls(Path(root) / ".ghostkeys", root=root, max_gb=max_gb)

    def open(self, path: PathLike, kind: Kind | None = None, **options: Any) -> Recording:
        """`Recording.open` with the same arguments, errors and result; the second time from the index."""
        options = {name: value for name, value in options.items() if value is not None}
        actions, kind = action_file(Path(path), kind)
        video = video_of(actions, kind)
        files = {"actions": _identity(actions), "video": _identity(video)}
        if options.get("keys") is not None:
            options["keys"] = key_table(options["keys"])  # of a file, what it holds counts
        entry = self._entry(actions, kind, options)
        kept = self._read(entry, files)
        if isinstance(kept, GhostkeysError):
            raise kept
        if kept is not None:
            return Recording.from_state({**kept, "video": video})
        try:
            recording = Recording(actions, kind, **options)
        except GhostkeysError as error:
            if type(error).__name__ in _ERRORS and not _may_pass(error):
                self._write(entry, {"files": files, "error": [type(error).__name__, str(error)]}, {})
            raise
        arrays: dict[str, NDArray[Any]] = {}
        state = _packed({name: value for name, value in recording.state().items() if name != "video"}, arrays)
        self._write(entry, {"files": files, "state": state}, arrays)
        return recording

    def _entry(self, actions: Path, kind: Kind, options: Mapping[str, Any]) -> Path:
        """The entry's file."""
        place = actions.resolve()
        if self.root is not None and place.is_relative_to(self.root):
            place = place.relative_to(self.root)
        scale = GUI_MOUSE_SCALES.get(actions.absolute().parent.name)  # the folder's name is the recorder's version
        identity = json.dumps([place.as_posix(), scale, kind, dict(options)], sort_keys=True, default=_fingerprint)
        return self.folder / f"{actions.name[:48]}-{hashlib.sha256(os.fsencode(identity)).hexdigest()[:16]}{SUFFIX}"

    def _read(self, entry: Path, files: Mapping[str, Any]) -> dict[str, Any] | GhostkeysError | None:
        """The state of a recording whose files are these, or why it cannot be read; None without such an entry."""
        try:
            content = entry.read_bytes()
            age = time.time() - entry.stat().st_mtime
        except OSError:
            return None
        try:
            arrays = load(_decompressed(content))
            facts = json.loads(arrays.pop(_FACTS).tobytes())
            if facts["files"] != files or facts["reader"] != _reader():
                return None
            if "error" in facts:
                name, message = facts["error"]
                found: dict[str, Any] | GhostkeysError = _ERRORS[name](message)
            else:
                found = _unpacked(facts["state"], arrays)
        except _DAMAGE as error:
            log.warning("%s is damaged (%s): the recording is read again", entry, str(error) or type(error).__name__)
            return None
        if age > USED_AGAIN:
            with suppress(OSError):  # somebody else's index, perhaps
                os.utime(entry)
        return found

    def _write(self, entry: Path, facts: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> None:
        """Keeps an entry, if that is possible."""
        text = json.dumps({**facts, "reader": _reader()}).encode()
        content = zlib.compress(save({**arrays, _FACTS: np.frombuffer(text, np.uint8)}), 1)
        try:
            with atomic_path(entry) as temporary:
                temporary.write_bytes(content)
            self._since_scan += len(content)
            if self._since_scan > SCAN_EVERY * self.max_bytes:
                self._since_scan = 0
                self._evict()
        except OSError as error:
            if not self._warned:
                self._warned = True
                log.warning(
                    "%s: no index of recordings can be kept there (%s), and they are read each time; expected a folder "
                    "that can be written to. %s names another one.",
                    self.folder,
                    error.strerror or error,
                    CACHE_VARIABLE,
                )

    def _evict(self) -> None:
        """Removes the least recently used entries where all together take more than their room."""
        entries = []
        for path in self.folder.glob(f"*{SUFFIX}"):
            with suppress(FileNotFoundError):  # another process removes entries, too
                status = path.stat()
                entries.append((status.st_mtime, status.st_size, path))
        total = sum(size for _, size, _ in entries)
        if total <= self.max_bytes:
            return
        for _, size, path in sorted(entries):
            if total <= KEPT * self.max_bytes:
                break
            path.unlink(missing_ok=True)
            total -= size


def cache_folder() -> Path:
    """The folder for what can be made anew."""
    return Path(os.environ.get(CACHE_VARIABLE) or user_cache_dir("ghostkeys", appauthor=False))


def expected_ticks(path: PathLike, *, kind: Kind | None = None, ticks_per_second: float | None = None) -> int:
    """How many ticks a recording has at most, without reading it, and the same whether it was read before or not.

    Labels have a tick a row. Of a contractor's recording, the container's header tells how many frames there are, each
    a tick; or fewer where there are other than 20 lines a second: by `ticks_per_second`, as a key table states it, else
    where the container and the clock of the first lines agree on it. Raises `RecordingError`, and `VideoError` for a
    video that cannot be opened.
    """
    actions, kind = action_file(Path(path), kind)
    if kind == "labels":
        return read_label_header(actions)[1]
    with opened(contractor_video(actions)) as (container, stream):
        rate = frame_rate(stream)
        if stream.duration is not None:
            seconds = float(stream.duration * stream.time_base)
        else:
            seconds = (container.duration or 0) / av.time_base
        frames = max(int(stream.frames), 0) or _whole(seconds * rate)
    source = ticks_per_second or rate
    if _same_rate(source, TICKS_PER_SECOND):
        return frames
    if ticks_per_second is None and not _same_rate(_lines_a_second(actions), rate):
        return frames
    passed = max(seconds, frames / source) if _same_rate(source, rate) else frames / source
    return _whole(passed * TICKS_PER_SECOND)


def _whole(ticks: float) -> int:
    """Rounded up, but for what times in whole milliseconds add."""
    return math.ceil(max(ticks, 0.0) - 0.05)


def _same_rate(one: float, other: float) -> bool:
    return abs(one / other - 1) <= RATE_TOLERANCE


def _lines_a_second(actions: Path) -> float:
    """By the clock of a contractor's first lines; 0 where they have none."""
    with actions.open("rb") as file:
        lines = file.read(HEAD_BYTES).splitlines()[:-1]
    clock = []
    for line in lines:
        with suppress(ValueError, RecursionError, OverflowError):  # met again by whoever reads the recording
            tick = json.loads(line)
            if isinstance(tick, dict) and isinstance(tick.get("milli"), int | float):
                clock.append(float(tick["milli"]))
    steps = [after - before for before, after in pairwise(clock) if after > before]
    return 1000 / median(steps) if steps else 0.0


def _decompressed(content: bytes) -> bytes:
    """Raises `zlib.error` for what is damaged, or larger than any entry."""
    stream = zlib.decompressobj()
    whole = stream.decompress(content, MAX_BYTES)
    if not stream.eof:
        raise zlib.error("cut off" if len(whole) < MAX_BYTES else f"larger than {MAX_BYTES >> 20} MiB")
    return whole


def _identity(file: Path) -> list[int] | None:
    """Size (bytes) and time of the last change (ns) of a file; None where there is none."""
    try:
        status = file.stat()
    except OSError:
        return None
    return [status.st_size, status.st_mtime_ns]


def _fingerprint(value: Any) -> str:
    """Tells an option's value from others: by the fingerprint it has, or as text."""
    return str(getattr(value, "fingerprint", value))


def _may_pass(error: BaseException) -> bool:
    """Whether something else than the files' content is the reason: no permission, a network, a disk."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and not isinstance(cause, FileNotFoundError):
            return True
        cause = cause.__cause__ or cause.__context__
    return False


@cache
def _reader() -> str:
    """Tells the code that reads recordings: after a change of it, entries are made anew."""
    digest = hashlib.sha256(av.__version__.encode())
    packages = (Path(package.__path__[0]) for package in (env.recordings, env.video))
    for file in (Path(env.actions.__file__), *(file for package in packages for file in sorted(package.glob("*.py")))):
        digest.update(file.read_bytes())
    return digest.hexdigest()


_KINDS: dict[str, type] = {each.__name__: each for each in (Actions, Alignment, FrameTable)}


def _packed(value: Any, arrays: dict[str, NDArray[Any]]) -> Any:
    """The value as JSON, in which the arrays of a state are replaced by their numbers in `arrays`."""
    if isinstance(value, np.ndarray):
        name = str(len(arrays))
        arrays[name] = _compact(value)
        return {"array": name, "type": value.dtype.str, "shape": value.shape}
    if isinstance(value, FrameTable):
        return {"object": "FrameTable", "fields": _packed(value.columns(), arrays)["mapping"]}
    if type(value).__name__ in _KINDS and is_dataclass(value):
        content = {each.name: _packed(getattr(value, each.name), arrays) for each in fields(value)}
        return {"object": type(value).__name__, "fields": content}
    if isinstance(value, Mapping):
        return {"mapping": {name: _packed(each, arrays) for name, each in value.items()}}
    if isinstance(value, tuple):
        return {"tuple": [_packed(each, arrays) for each in value]}
    if value is None or isinstance(value, str | int | float):
        return {"value": value}
    raise TypeError(f"a recording's state holds a {type(value).__name__}, which the index cannot keep.")


def _unpacked(packed: Any, arrays: Mapping[str, NDArray[Any]]) -> Any:
    """What `_packed` was given."""
    if "array" in packed:
        return _spread(arrays[packed["array"]], packed["type"], tuple(packed["shape"]))
    if "object" in packed:
        values = {name: _unpacked(each, arrays) for name, each in packed["fields"].items()}
        kind = _KINDS[packed["object"]]
        return FrameTable.from_columns(values) if kind is FrameTable else kind(**values)
    if "mapping" in packed:
        return {name: _unpacked(each, arrays) for name, each in packed["mapping"].items()}
    if "tuple" in packed:
        return tuple(_unpacked(each, arrays) for each in packed["tuple"])
    return packed["value"]


def _compact(array: NDArray[Any]) -> NDArray[np.uint8]:
    """The array's content in an order that zlib makes small: eight booleans a byte, else the first byte of each number,
    then the second."""
    if array.dtype.kind == "b":
        return np.packbits(array)
    plain = np.ascontiguousarray(array).reshape(-1)
    return np.ascontiguousarray(plain.view(np.uint8).reshape(-1, array.itemsize).T)


def _spread(content: NDArray[np.uint8], kind: str, shape: tuple[int, ...]) -> NDArray[Any]:
    """The array of which this is the content."""
    dtype = np.dtype(kind)
    if dtype.kind == "b":
        return np.unpackbits(content, count=math.prod(shape)).astype(bool).reshape(shape)
    return np.ascontiguousarray(content.T).reshape(-1).view(dtype).reshape(shape)
