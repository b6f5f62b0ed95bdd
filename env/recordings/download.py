"""One file over HTTP: resumed where it broke off, tried again when it fails, whole under its name or not there."""

import json
import random
import re
import threading
import time
import urllib.request
from dataclasses import asdict, dataclass
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import BinaryIO, Self
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit

from env.errors import GhostkeysError
from env.files import rename_synced

BLOCK = 2**18
MAX_BYTES = 2**32
"""A larger file is refused: five minutes of play have about 100 MB."""
MIN_BYTES = 1024
"""Fewer than these within the time-out, and the server has stalled."""
PROGRESS = 2**20
"""After that many more bytes, failures are counted anew."""
MAX_DELAY = 60.0
ABSENT = frozenset({404, 410})
WORTH_RETRYING = frozenset({408, 425, 429})
"""Beside all of 500 and above."""


@dataclass(frozen=True, kw_only=True)
class DownloadSettings:
    """How long to wait and how often to try."""

    timeout: float = 30.0
    """Seconds without an answer, or with next to no data, after which the server counts as stalled."""
    retries: int = 5
    """How often a file is tried again after a failure that may pass, if no MiB arrived in between."""
    delay: float = 1.0
    """Seconds before the first retry; twice as many before each further one."""

    def __post_init__(self) -> None:
        if self.timeout <= 0 or self.retries < 0 or self.delay < 0:
            raise GhostkeysError(f"{self}: expected a positive timeout, and retries and a delay of 0 or more.")


class DownloadError(GhostkeysError):
    """A file cannot be downloaded."""


class AbsentError(DownloadError):
    """The server has no such file."""


class StoppedError(DownloadError):
    """The download was stopped on request."""


class _TransientError(Exception):
    """A failure that may pass; after `wait` seconds if the server says so."""

    def __init__(self, reason: str, *, wait: float = 0.0, status: int | None = None) -> None:
        super().__init__(reason)
        self.wait, self.status = wait, status


def download(
    url: str, target: Path, *, settings: DownloadSettings | None = None, stop: threading.Event | None = None
) -> Path:
    """Downloads a file of known length; `target` appears when all of it is there and on the disk.

    What arrived of a download that broke off waits beside `target` in a hidden file ending in `.part`, and the next
    attempt, in this process or a later one, asks for the rest only, provided that the server still has the same file.
    Raises `AbsentError` where the server has no such file, `DownloadError` for any other refusal or when the retries
    are used up, `StoppedError` soon after `stop` is set, OSError when the disk is full.
    """
    settings, stop = settings or DownloadSettings(), stop or threading.Event()
    if urlsplit(url).scheme not in ("http", "https"):
        raise DownloadError(f"{url}: expected an address that begins with http:// or https://.")
    target.parent.mkdir(parents=True, exist_ok=True)
    part = _Part(target)
    failures = 0
    while True:
        before = part.size
        try:
            part.fetch(url, settings.timeout, stop)
            return part.publish()
        except _TransientError as failure:
            failures = 1 if part.size - before >= PROGRESS else failures + 1
            if failures > settings.retries:
                raise DownloadError(f"{url}: {failure} (failed {failures} times).") from failure
            # Spread out, so that many downloads do not come back at the same moment.
            pause = settings.delay * 2 ** (failures - 1) * random.uniform(0.5, 1.0)
            stop.wait(min(max(pause, failure.wait), MAX_DELAY))


class _Part:
    """What is there of a file so far, and which version of the file it is from."""

    def __init__(self, target: Path) -> None:
        self.target = target
        self.path = target.with_name(f".{target.name}.part")
        self.identity = target.with_name(f".{target.name}.part.json")

    @property
    def size(self) -> int:
        """Bytes that arrived."""
        return self.path.stat().st_size if self.path.exists() else 0

    def fetch(self, url: str, timeout: float, stop: threading.Event) -> None:
        """One attempt to get all that is missing. Raises `_TransientError` where another may help."""
        known = self._known()
        start = self.size if known else 0
        if known and start == known.length:
            return
        request = urllib.request.Request(url, headers={"User-Agent": "ghostkeys", "Accept-Encoding": "identity"})
        if known and start:
            request.add_header("Range", f"bytes={start}-")
            if known.validator:
                request.add_header("If-Range", known.validator)
        try:
            with _opened(request, timeout, stop) as response:
                found = _Identity.of(response, start)
                if response.status != 206:
                    start = 0
                    self._begin(found)
                elif known is None or not known.same(found):
                    raise _TransientError("the file changed on the server", status=416)
                with self.path.open("ab" if start else "wb") as file:
                    _copy(response, file, timeout, stop)
        except _TransientError as failure:
            if failure.status == 416:  # there is no such part, or of another file: the next attempt begins anew
                self.discard()
            raise
        if found.length is not None and self.size != found.length:
            raise _TransientError(f"{self.size} of {found.length} bytes arrived")

    def publish(self) -> Path:
        """Gives the whole file its name."""
        rename_synced(self.path, self.target)
        self.identity.unlink(missing_ok=True)
        return self.target

    def discard(self) -> None:
        """Forgets what is there."""
        self.identity.unlink(missing_ok=True)
        self.path.unlink(missing_ok=True)

    def _known(self) -> "_Identity | None":
        """What file the part is from, if there is a part that can be continued."""
        try:
            known = _Identity(**json.loads(self.identity.read_text()))
        except (OSError, ValueError, TypeError):
            return None
        return known if isinstance(known.length, int) and self.size <= known.length else None

    def _begin(self, found: "_Identity") -> None:
        """Forgets what is there, and notes what a later attempt must find unchanged."""
        self.discard()
        if found.length is not None:
            self.identity.write_text(json.dumps(asdict(found)))


@dataclass(frozen=True)
class _Identity:
    """What tells one file on the server from another under the same address."""

    length: int | None
    """None where it comes in chunks, whose end is marked."""
    validator: str

    @classmethod
    def of(cls, response: HTTPResponse, start: int) -> Self:
        """The file that a response is from, or a part of from byte `start` on."""
        if response.status == 206:
            match = re.fullmatch(r"bytes (\d+)-\d+/(\d+)", response.headers.get("Content-Range", ""))
            if match is None or int(match[1]) != start:
                raise _TransientError("the server sends another part of the file than was asked for", status=416)
            length: int | None = int(match[2])
        elif response.status == 200 and (response.length is not None or response.chunked):
            length = response.length
        else:
            raise DownloadError(f"{response.url}: the server does not say how long the file is ({response.status}).")
        if length is not None and length > MAX_BYTES:
            raise DownloadError(f"{response.url} has {length} bytes; expected a recording, at most {MAX_BYTES}.")
        etag, modified = response.headers.get("ETag", ""), response.headers.get("Last-Modified", "")
        return cls(length, etag if etag and not etag.startswith("W/") else modified)

    def same(self, other: Self) -> bool:
        """Whether both are one file, as far as the server tells."""
        known = not self.validator or not other.validator or self.validator == other.validator
        return self.length == other.length and known


def _opened(request: urllib.request.Request, timeout: float, stop: threading.Event) -> HTTPResponse:
    if stop.is_set():
        raise StoppedError(f"{request.full_url}: stopped.")
    try:
        response: HTTPResponse = _OPENER.open(request, timeout=timeout)
    except HTTPError as error:
        with error:
            if error.code in ABSENT:
                raise AbsentError(f"{request.full_url}: the server has no such file ({error.code}).") from error
            reason = f"the server answers {error.code} ({error.reason})"
            if error.code >= 500 or error.code in WORTH_RETRYING or (error.code == 416 and request.has_header("Range")):
                wait = _seconds(error.headers.get("Retry-After", ""))
                raise _TransientError(reason, wait=wait, status=error.code) from error
            raise DownloadError(f"{request.full_url}: {reason}.") from error
    except (URLError, HTTPException, OSError) as error:
        raise _TransientError(f"no answer ({getattr(error, 'reason', error) or type(error).__name__})") from error
    return response


def _copy(response: HTTPResponse, file: BinaryIO, timeout: float, stop: threading.Event) -> None:
    """Writes what arrives to the file, until the end or until hardly anything does."""
    total, recent, since = 0, 0, time.monotonic()
    while True:
        try:
            block = response.read1(BLOCK)
        except (HTTPException, OSError) as error:
            raise _TransientError(f"broke off after {total} bytes ({str(error) or type(error).__name__})") from error
        if not block:
            return
        file.write(block)
        total, recent = total + len(block), recent + len(block)
        if total > MAX_BYTES:
            raise DownloadError(f"{response.url} has more than {MAX_BYTES} bytes; expected a recording.")
        if stop.is_set():
            raise StoppedError(f"{response.url}: stopped.")
        if time.monotonic() - since > timeout:
            if recent < MIN_BYTES:
                raise _TransientError(f"stalled after {total} bytes")
            recent, since = 0, time.monotonic()


def _seconds(retry_after: str) -> float:
    return float(retry_after) if re.fullmatch(r"\d{1,6}", retry_after) else 0.0


def _opener() -> urllib.request.OpenerDirector:
    """Opens http and https only: an index, or a redirection in it, must not read local files."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(),
        urllib.request.HTTPRedirectHandler(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPErrorProcessor(),
        urllib.request.UnknownHandler(),
    ):
        opener.add_handler(handler)
    return opener


_OPENER = _opener()
