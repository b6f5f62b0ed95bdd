"""Recordings from an index, off a server that lacks some of them and fails at others."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from env import find_recordings
from env.errors import GhostkeysError
from env.recordings.download import DownloadSettings
from env.recordings.fetch import fetch, read_index
from ghostkeys import main
from tests.unit.env.web import Web

ROOT = Path(__file__).parents[4]
GOLDEN = Path(__file__).parents[3] / "golden" / "vpt"
VIDEO, ACTIONS = ((GOLDEN / f"recording{suffix}").read_bytes() for suffix in (".mp4", ".jsonl"))
HOURS = 48 / 20 / 3600
"""Of one recording."""
QUICK = DownloadSettings(timeout=1.5, retries=1, delay=0.01)
STEMS = [f"data/10.0/player-{number}" for number in range(6)]


@pytest.fixture
def web() -> Iterator[Web]:
    with Web() as server:
        for stem in STEMS:
            server.files |= {f"/{stem}.mp4": VIDEO, f"/{stem}.jsonl": ACTIONS}
        yield server


def write_index(web: Web, folder: Path, relpaths: list[Any] | None = None) -> Path:
    path = folder / "index.json"
    relpaths = [f"{stem}.mp4" for stem in STEMS] if relpaths is None else relpaths
    path.write_text(json.dumps({"basedir": f"{web.url}/", "relpaths": relpaths}))
    return path


def files_below(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()} - {".fetch.lock"}


def both(*stems: str) -> set[str]:
    return {stem + suffix for stem in stems for suffix in (".mp4", ".jsonl")}


@pytest.mark.parametrize("suffix", [".mp4", ""])
@pytest.mark.parametrize("workers", [1, 4])
def test_all_recordings_of_an_index(web: Web, tmp_path: Path, suffix: str, workers: int) -> None:
    index = write_index(web, tmp_path, [stem + suffix for stem in STEMS])
    output = tmp_path / "out"
    report = fetch(index, output, workers=workers, settings=QUICK, progress=False)
    assert sorted(report.fetched) == STEMS
    assert report.hours == pytest.approx(6 * HOURS)
    assert files_below(output) == both(*STEMS)
    assert all((output / name).read_bytes() in (VIDEO, ACTIONS) for name in files_below(output))
    assert len(find_recordings(output)) == 6


def test_hours_are_a_limit_and_what_is_there_counts(web: Web, tmp_path: Path) -> None:
    index, output = write_index(web, tmp_path), tmp_path / "out"
    first = fetch(index, output, hours=2.5 * HOURS, workers=1, settings=QUICK, progress=False)
    assert first.fetched == STEMS[:3]
    asked = len(web.requests)
    again = fetch(index, output, hours=2.5 * HOURS, workers=1, settings=QUICK, progress=False)
    assert (again.fetched, again.present, len(web.requests)) == ([], STEMS[:3], asked)
    more = fetch(index, output, hours=4 * HOURS, workers=1, settings=QUICK, progress=False)
    assert (more.fetched, more.present) == ([STEMS[3]], STEMS[:3])
    assert more.hours == pytest.approx(4 * HOURS)


def test_a_seed_shuffles_the_same_way(web: Web, tmp_path: Path) -> None:
    index = write_index(web, tmp_path)
    chosen = [
        fetch(index, tmp_path / name, hours=HOURS, workers=1, seed=seed, settings=QUICK, progress=False).fetched
        for name, seed in (("a", 5), ("b", 5), ("c", None))
    ]
    assert chosen[0] == chosen[1] != chosen[2] == STEMS[:1]


@pytest.mark.parametrize("suffix", [".mp4", ".jsonl"])
def test_what_the_server_lacks_is_passed_over(web: Web, tmp_path: Path, suffix: str) -> None:
    """Nothing is left of a recording that lacks its video or its actions."""
    del web.files[f"/{STEMS[1]}{suffix}"]
    report = fetch(write_index(web, tmp_path), tmp_path / "out", settings=QUICK, progress=False)
    assert (report.absent, report.failed) == ([STEMS[1]], [])
    assert files_below(tmp_path / "out") == both(*STEMS) - both(STEMS[1])


def test_failures_are_told_and_the_rest_goes_on(web: Web, tmp_path: Path) -> None:
    web.faults[f"/{STEMS[0]}.mp4"] = ["truncate", "stall", "503"]
    web.faults[f"/{STEMS[2]}.jsonl"] = ["503"]
    index, output = write_index(web, tmp_path), tmp_path / "out"
    report = fetch(index, output, settings=QUICK, progress=False)
    assert [path for path, _ in report.failed] == [STEMS[0]]
    assert sorted(report.fetched) == STEMS[1:]
    assert not (output / f"{STEMS[0]}.mp4").exists()
    web.faults.clear()
    report = fetch(index, output, settings=QUICK, progress=False)
    assert (report.fetched, sorted(report.present)) == ([STEMS[0]], STEMS[1:])
    assert files_below(output) == both(*STEMS)
    assert web.requests[-1][1] == f"bytes={len(VIDEO) * 3 // 4}-"


HOSTILE = [
    "../evil.mp4", "/etc/evil.mp4", "a/../../evil.mp4", "a\\..\\..\\evil.mp4", "C:/evil.mp4", "http://x/evil.mp4",
    "..", "", ".mp4", "a/.mp4", "a\0b.mp4", "a\nb.mp4", "x" * 300, 7, None, ["a.mp4"], "a/" * 50 + "b.mp4",
]  # fmt: skip


@pytest.mark.parametrize("relpath", HOSTILE)
def test_paths_that_leave_the_folder_are_refused(web: Web, tmp_path: Path, relpath: object) -> None:
    """One by one: the sound ones are fetched. Nothing is even asked for."""
    index = write_index(web, tmp_path, [relpath, STEMS[0] + ".mp4"])
    report = fetch(index, tmp_path / "in" / "out", settings=QUICK, progress=False)
    assert (report.fetched, len(report.failed)) == ([STEMS[0]], 1)
    assert files_below(tmp_path) - {"in/out/.fetch.lock"} == {"index.json"} | {
        f"in/out/{name}" for name in both(STEMS[0])
    }
    assert {path for path, _ in web.requests} == {f"/{name}" for name in both(STEMS[0])}


def test_a_link_out_of_the_folder_is_not_followed(web: Web, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "out" / "data").symlink_to(tmp_path / "elsewhere")
    report = fetch(write_index(web, tmp_path), tmp_path / "out", settings=QUICK, progress=False)
    assert len(report.failed) == 6
    assert not files_below(tmp_path / "elsewhere")


def test_odd_names_are_quoted(web: Web, tmp_path: Path) -> None:
    web.files |= {"/a%20b%3Fc%25.mp4": VIDEO, "/a%20b%3Fc%25.jsonl": ACTIONS}
    report = fetch(write_index(web, tmp_path, ["a b?c%.mp4"]), tmp_path / "out", settings=QUICK, progress=False)
    assert report.fetched == ["a b?c%"]


def test_an_index_from_the_web(web: Web, tmp_path: Path) -> None:
    web.files["/index.json"] = write_index(web, tmp_path).read_bytes()
    assert read_index(f"{web.url}/index.json").stems == tuple(STEMS)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "is not JSON"),
        ("[" * 100_000, "is not JSON"),
        ("[]", "is no index"),
        ('{"basedir": "https://x"}', "is no index"),
        ('{"basedir": 3, "relpaths": []}', "is no index"),
        ('{"basedir": "file:///etc", "relpaths": ["passwd.mp4"]}', "begins with http"),
    ],
)
def test_what_is_no_index_says_why(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "index.json"
    path.write_text(content)
    with pytest.raises(GhostkeysError, match=message) as error:
        read_index(path)
    assert "\n" not in str(error.value)
    with pytest.raises(GhostkeysError, match="no such file"):
        read_index(tmp_path / "none.json")


def test_a_second_process_keeps_off(web: Web, tmp_path: Path) -> None:
    fcntl = pytest.importorskip("fcntl")
    with (tmp_path / ".fetch.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(GhostkeysError, match="another process is fetching"):
            fetch(write_index(web, tmp_path), tmp_path, settings=QUICK, progress=False)


def test_the_command(web: Web, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A fifth of an index absent is no failure; a refused path is."""
    del web.files[f"/{STEMS[5]}.mp4"]
    index, output = write_index(web, tmp_path), tmp_path / "out"
    line = f"data fetch {index} --output {output} --hours 1 --retry-delay 0.01 --json {tmp_path / 'report.json'}"
    assert main(line.split()) == 0
    shown = capsys.readouterr().out
    assert "0.00 hours in 5 recordings (5 fetched, 0 already there)" in shown
    assert "the index has no more: 1 hours were asked for" in shown
    written = json.loads((tmp_path / "report.json").read_text())
    assert (sorted(written["fetched"]), written["absent"]) == (STEMS[:5], [STEMS[5]])

    write_index(web, tmp_path, ["../a.mp4"])
    assert main(line.split()) == 1
    assert "failed ../a.mp4: it leaves the output folder" in capsys.readouterr().out


def test_ctrl_c_and_again(web: Web, tmp_path: Path) -> None:
    """One line, status 130; the same command goes on from there."""
    web.faults[f"/{STEMS[3]}.mp4"] = ["drip"]
    index, output = write_index(web, tmp_path), tmp_path / "out"
    command = [
        sys.executable,
        "-m",
        "ghostkeys",
        "data",
        "fetch",
        str(index),
        "--output",
        str(output),
        "--workers",
        "1",
    ]
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True)
    part = output / f"{STEMS[3]}.mp4"
    part = part.with_name(f".{part.name}.part")
    while not part.exists():
        assert process.poll() is None
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, shown = process.communicate(timeout=60)
    assert process.returncode == 130, shown
    assert "Traceback" not in shown
    assert shown.strip().splitlines()[-1].startswith("ghostkeys: stopped.")
    assert subprocess.run(command, cwd=ROOT, check=True, capture_output=True).returncode == 0
    assert files_below(output) == both(*STEMS)
