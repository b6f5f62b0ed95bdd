"""One file from a server that fails, stalls and truncates."""

import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from env.errors import GhostkeysError
from env.recordings.download import AbsentError, DownloadError, DownloadSettings, StoppedError, download
from tests.unit.env.web import Web

CONTENT = np.random.default_rng(0).bytes(100_000)
QUICK = DownloadSettings(timeout=1.5, retries=2, delay=0.01)  # a busy machine takes its time to answer


@pytest.fixture
def web() -> Iterator[Web]:
    with Web() as server:
        server.files["/a.mp4"] = CONTENT
        yield server


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "sub" / "a.mp4"


def fetch(web: Web, target: Path, settings: DownloadSettings = QUICK) -> Path:
    return download(f"{web.url}/a.mp4", target, settings=settings)


def test_a_file_arrives_and_nothing_else_is_left(web: Web, target: Path) -> None:
    assert fetch(web, target) == target
    assert target.read_bytes() == CONTENT
    assert [path.name for path in target.parent.iterdir()] == ["a.mp4"]


@pytest.mark.parametrize("fault", ["503", "429", "408", "drop", "truncate", "stall", "silent", "chunked-truncate"])
def test_failures_that_pass_are_tried_again(web: Web, target: Path, fault: str) -> None:
    web.faults["/a.mp4"] = [fault, fault]
    fetch(web, target)
    assert target.read_bytes() == CONTENT
    assert len(web.requests) == 3


@pytest.mark.parametrize("fault", ["503", "drop", "truncate", "stall", "silent", "drip", "chunked-truncate"])
def test_failures_that_do_not_pass_end(web: Web, target: Path, fault: str) -> None:
    """After the retries, with the reason and the address; the file is not there under its name."""
    web.faults["/a.mp4"] = [fault] * 9
    with pytest.raises(DownloadError, match=r"/a\.mp4: .*\(failed 3 times\)") as error:
        fetch(web, target)
    assert len(web.requests) == 3
    assert not target.exists()
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("fault", ["truncate", "stall"])
@pytest.mark.parametrize("etag", ['"1"', None])
def test_what_broke_off_goes_on_where_it_stopped(web: Web, target: Path, fault: str, etag: str | None) -> None:
    """Within a call, and in a later one."""
    web.etag = etag
    web.faults["/a.mp4"] = [fault, fault]
    with pytest.raises(DownloadError, match="failed 1 times"):
        fetch(web, target, DownloadSettings(timeout=1.5, retries=0))
    fetch(web, target)
    assert target.read_bytes() == CONTENT
    assert [asked for _, asked in web.requests] == [None, "bytes=50000-", "bytes=75000-"]
    assert [path.name for path in target.parent.iterdir()] == ["a.mp4"]


def test_a_server_without_ranges_sends_all_of_it_again(web: Web, target: Path) -> None:
    web.ranges = False
    web.faults["/a.mp4"] = ["truncate"]
    fetch(web, target)
    assert target.read_bytes() == CONTENT


@pytest.mark.parametrize("ignores", [False, True])
def test_a_file_that_changed_is_not_pieced_together(web: Web, target: Path, ignores: bool) -> None:
    """Also where the server answers with the rest of another file, of the same length."""
    web.faults["/a.mp4"] = ["truncate"]
    with pytest.raises(DownloadError):
        fetch(web, target, DownloadSettings(timeout=1.5, retries=0))
    web.files["/a.mp4"] = changed = CONTENT[::-1]
    web.etag, web.ignores_if_range = '"2"', ignores
    fetch(web, target)
    assert target.read_bytes() == changed


def test_a_file_that_shrank_is_not_pieced_together(web: Web, target: Path) -> None:
    web.faults["/a.mp4"] = ["truncate"]
    web.etag = None
    with pytest.raises(DownloadError):
        fetch(web, target, DownloadSettings(timeout=1.5, retries=0))
    web.files["/a.mp4"] = CONTENT[:40_000]
    fetch(web, target)
    assert target.read_bytes() == CONTENT[:40_000]


def test_the_wrong_part_is_not_taken(web: Web, target: Path) -> None:
    web.faults["/a.mp4"] = ["truncate", "wrong-range"]
    fetch(web, target)
    assert target.read_bytes() == CONTENT


@pytest.mark.parametrize("junk", [b"", b"not json", b"[]", b'{"length": "x", "validator": 3}'])
def test_a_damaged_note_of_what_is_there_begins_anew(web: Web, target: Path, junk: bytes) -> None:
    target.parent.mkdir()
    target.with_name(".a.mp4.part").write_bytes(b"junk")
    target.with_name(".a.mp4.part.json").write_bytes(junk)
    fetch(web, target)
    assert target.read_bytes() == CONTENT


def test_a_long_file_may_fail_often_as_long_as_it_gets_on(web: Web, target: Path) -> None:
    web.files["/a.mp4"] = content = np.random.default_rng(1).bytes(5 * 2**20)
    web.faults["/a.mp4"] = ["truncate"] * 2  # 2.5 and 1.25 MiB more
    fetch(web, target, DownloadSettings(timeout=5.0, retries=1, delay=0.01))
    assert target.read_bytes() == content


def test_chunks_whose_end_is_marked_need_no_length(web: Web, target: Path) -> None:
    web.faults["/a.mp4"] = ["chunked"]
    fetch(web, target)
    assert target.read_bytes() == CONTENT


@pytest.mark.parametrize(("fault", "reason"), [("403", "answers 403"), ("unsized", "does not say how long")])
def test_refusals_are_not_tried_again(web: Web, target: Path, fault: str, reason: str) -> None:
    web.faults["/a.mp4"] = [fault] * 9
    with pytest.raises(DownloadError, match=reason):
        fetch(web, target)
    assert len(web.requests) == 1
    assert not target.exists()


@pytest.mark.parametrize("status", ["404", "410"])
def test_an_absent_file_is_told_apart(web: Web, target: Path, status: str) -> None:
    web.faults["/a.mp4"] = [status]
    with pytest.raises(AbsentError, match="no such file"):
        fetch(web, target)
    assert len(web.requests) == 1


def test_nobody_listens(tmp_path: Path) -> None:
    with Web() as closed:
        url = closed.url
    with pytest.raises(DownloadError, match="no answer"):
        download(f"{url}/a.mp4", tmp_path / "a.mp4", settings=QUICK)


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://127.0.0.1/a", "data:,a", "/etc/passwd"])
def test_only_the_web_is_read(url: str, tmp_path: Path) -> None:
    with pytest.raises(DownloadError, match="begins with http"):
        download(url, tmp_path / "a")


def test_redirections_stay_in_the_web(web: Web, tmp_path: Path) -> None:
    web.redirections = {"/there": "/a.mp4", "/out": "file:///etc/passwd"}
    download(f"{web.url}/there", tmp_path / "a", settings=QUICK)
    assert (tmp_path / "a").read_bytes() == CONTENT
    with pytest.raises(DownloadError, match="answers 302"):
        download(f"{web.url}/out", tmp_path / "b", settings=QUICK)


def test_stopping(web: Web, target: Path) -> None:
    stop = threading.Event()
    stop.set()
    with pytest.raises(StoppedError):
        download(f"{web.url}/a.mp4", target, settings=QUICK, stop=stop)
    assert not web.requests


def test_impossible_settings_are_refused() -> None:
    with pytest.raises(GhostkeysError, match="expected a positive timeout"):
        DownloadSettings(timeout=0)
