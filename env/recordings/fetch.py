"""Contractor recordings from an index file of OpenAI's: which are there, which to get, how many hours that makes."""

import json
import logging
import random
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import quote, urlsplit

from tqdm import tqdm

from env.errors import GhostkeysError, VideoError
from env.files import folder_lock
from env.recordings.download import AbsentError, DownloadSettings, StoppedError, download
from env.video.container import PathLike
from env.video.frames import probe
from env.video.ticks import TICKS_PER_SECOND

SUFFIXES = (".jsonl", ".mp4")
"""The small file first: where it is absent the large one is of no use. So a recording that has its video is whole."""
TYPICAL_HOURS = 5 / 60
"""Length of a recording until some are known: five minutes is the longest."""
MAX_INDEX_BYTES = 2**28

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Index:
    """Where recordings are, each by its path without a suffix."""

    basedir: str
    stems: tuple[str, ...]
    refused: tuple[tuple[str, str], ...] = ()
    """Paths that no file may have, with the reason."""


@dataclass
class FetchReport:
    """The result of fetching an index: which recordings are there, and which failed."""

    hours: float = 0.0
    """Hours of the recordings that are there now."""
    fetched: list[str] = field(default_factory=list)
    present: list[str] = field(default_factory=list)
    """Paths of recordings that were there before."""
    absent: list[str] = field(default_factory=list)
    """The server does not have them."""
    failed: list[tuple[str, str]] = field(default_factory=list)
    """Paths of recordings that could not be fetched, with the reason."""

    @property
    def recordings(self) -> int:
        """How many are there now."""
        return len(self.fetched) + len(self.present)

    def as_dict(self) -> dict[str, Any]:
        """The report as plain data, for a JSON document."""
        failed = [{"path": path, "reason": reason} for path, reason in self.failed]
        return {
            "hours": self.hours,
            "fetched": self.fetched,
            "present": self.present,
            "absent": self.absent,
            "failed": failed,
        }


def read_index(source: PathLike, *, settings: DownloadSettings | None = None) -> Index:
    """An index, `{"basedir": ..., "relpaths": [...]}`, from a file or from an http(s) address.

    A path may end in .mp4 or have no suffix. Paths that would leave the folder they are put into are refused one by
    one. Raises `GhostkeysError` for what is no index.
    """
    if urlsplit(str(source)).scheme in ("http", "https"):
        with TemporaryDirectory() as folder:
            return read_index_file(download(str(source), Path(folder) / "index.json", settings=settings), str(source))
    return read_index_file(Path(source), str(source))


def read_index_file(path: Path, name: str) -> Index:
    """As `read_index`; `name` is for messages."""
    if not path.is_file():
        raise GhostkeysError(f"{name}: no such file; expected an index of recordings.")
    if path.stat().st_size > MAX_INDEX_BYTES:
        raise GhostkeysError(f"{name} is larger than {MAX_INDEX_BYTES >> 20} MiB; expected an index of recordings.")
    try:
        content = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise GhostkeysError(f"{name} is not JSON ({error}); expected an index of recordings.") from error
    basedir, relpaths = (content.get(key) if isinstance(content, dict) else None for key in ("basedir", "relpaths"))
    if not isinstance(basedir, str) or not isinstance(relpaths, list):
        raise GhostkeysError(
            f'{name} is no index of recordings; expected {{"basedir": "https://...", "relpaths": [...]}}.'
        )
    if urlsplit(basedir).scheme not in ("http", "https"):
        raise GhostkeysError(
            f"{name}: basedir is {basedir!r}; expected an address that begins with http:// or https://."
        )
    stems: dict[str, None] = {}
    refused = []
    for relpath in relpaths:
        reason = _reason_to_refuse(relpath)
        if reason:
            refused.append((str(relpath)[:200], reason))
        else:
            stems[str(PurePosixPath(relpath.removesuffix(".mp4")))] = None
    return Index(basedir.rstrip("/"), tuple(stems), tuple(refused))


def fetch(
    source: PathLike,
    output: PathLike,
    *,
    hours: float | None = None,
    workers: int = 8,
    seed: int | None = None,
    settings: DownloadSettings | None = None,
    progress: bool = True,
) -> FetchReport:
    """Downloads recordings of an index to `output`, under the index's own paths, until `hours` of play are there.

    What is there counts and is not downloaded again; what was cut off goes on where it stopped. Recordings come in the
    order of the index, or shuffled by `seed`, so that the same call asks for the same ones. Those the server does not
    have are passed over, and so are those that fail; the report says which. Raises `GhostkeysError` for what is no
    index, and when another process is fetching into the same folder.
    """
    if (hours is not None and not hours > 0) or workers < 1:
        raise GhostkeysError(f"hours is {hours} and workers {workers}; expected more than none of both.")
    index, folder = read_index(source, settings=settings), Path(output)
    stems = list(index.stems)
    if seed is not None:
        random.Random(seed).shuffle(stems)
    folder.mkdir(parents=True, exist_ok=True)
    report = FetchReport(failed=list(index.refused))
    with _alone(folder):
        _fetch_all(index.basedir, stems, folder, report, hours=hours, workers=workers, settings=settings, bar=progress)
    return report


def _fetch_all(
    basedir: str,
    stems: Sequence[str],
    folder: Path,
    report: FetchReport,
    *,
    hours: float | None,
    workers: int,
    settings: DownloadSettings | None,
    bar: bool,
) -> None:
    stop = threading.Event()
    running: dict[Future[bool], str] = {}
    todo = iter(stems)
    pool = ThreadPoolExecutor(workers)
    shown = tqdm(total=hours, unit="h", disable=not bar, bar_format=_BAR if hours else None)
    try:
        while True:
            typical = report.hours / report.recordings if report.hours else TYPICAL_HOURS
            while len(running) < workers and (hours is None or report.hours + len(running) * typical < hours):
                stem = next(todo, None)
                if stem is None:
                    break
                running[pool.submit(_fetch_recording, basedir, stem, folder, settings, stop)] = stem
            if not running:
                return
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                _note(report, running.pop(future), future, folder)
            shown.set_postfix_str(
                f"{report.recordings} recordings, {len(report.absent)} absent, {len(report.failed)} failed",
                refresh=False,
            )
            shown.update(report.hours - shown.n)
    finally:
        stop.set()
        pool.shutdown(cancel_futures=True)
        shown.close()


def _fetch_recording(
    basedir: str, stem: str, folder: Path, settings: DownloadSettings | None, stop: threading.Event
) -> bool:
    """Whether anything had to be downloaded."""
    targets = [folder / f"{stem}{suffix}" for suffix in SUFFIXES]
    if not all(target.resolve().is_relative_to(folder.resolve()) for target in targets):
        raise GhostkeysError("a link in the output folder leads out of it")
    missing = [target for target in targets if not target.exists()]
    for target in missing:
        try:
            download(f"{basedir}/{quote(stem)}{target.suffix}", target, settings=settings, stop=stop)
        except AbsentError:
            # Actions without a video are of no use.
            targets[0].unlink(missing_ok=True)
            raise
    return bool(missing)


def _note(report: FetchReport, stem: str, future: Future[bool], folder: Path) -> None:
    """Adds what became of one recording to the report. Raises what must stop everything, such as a full disk."""
    try:
        (report.fetched if future.result() else report.present).append(stem)
    except AbsentError:
        report.absent.append(stem)
    except StoppedError:
        raise
    except GhostkeysError as error:
        log.warning("failed: %s", error)
        report.failed.append((stem, str(error)))
    else:
        report.hours += recorded_hours(folder / f"{stem}.mp4")


def recorded_hours(video: Path) -> float:
    """Length of a recording: by its video's frames, or where that cannot be read by its lines."""
    try:
        frames = probe(video).frames
    except VideoError:
        frames = None
    if frames is None:
        frames = video.with_suffix(".jsonl").read_bytes().count(b"\n")
    return frames / TICKS_PER_SECOND / 3600


def _reason_to_refuse(relpath: object) -> str | None:
    """Why a path of an index must not become a file's; None if it may."""
    if not isinstance(relpath, str) or not relpath.strip():
        return "it is no path"
    parts = PurePosixPath(relpath).parts
    if PurePosixPath(relpath).is_absolute() or ".." in parts or "\\" in relpath or ":" in relpath:
        return "it leaves the output folder, or may on some system"
    if not relpath.isprintable() or any(len(part.encode()) > 200 for part in parts) or len(parts) > 20:
        return "it is no sound path"
    if relpath.removesuffix(".mp4").endswith(("/", ".")) or relpath == ".mp4":
        return "it names no file"
    return None


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Keeps a second process from writing the same files."""
    busy = GhostkeysError(f"{folder}: another process is fetching into this folder; wait for its end.")
    with folder_lock(folder, ".fetch.lock", taken=busy):
        yield


_BAR = "{percentage:3.0f}%|{bar}| {n:.2f}/{total:.2f} h [{elapsed}<{remaining}{postfix}]"
