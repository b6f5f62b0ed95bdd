"""The room of decoded frames: bounded, told, and freed."""

import logging
import os
import shutil
from pathlib import Path

import pytest

from env.errors import GhostkeysError
from learning.data import load_episodes
from learning.frame_cache import CacheFullError, FrameCache

SIZE = (16, 16)


def files(folder: Path) -> set[str]:
    return {path.name for path in folder.glob("*.npy")}


def test_what_was_written_is_told_once(recordings: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    cache = tmp_path / "cache"
    with caplog.at_level(logging.INFO, logger="learning"):
        load_episodes(recordings, size=SIZE, cache=cache)
        load_episodes(recordings, size=SIZE, cache=cache)
    (line,) = [message for message in caplog.messages if "decoded frames" in message]
    assert line.startswith(f"{cache} holds 0.00 GB of decoded frames now")
    assert f"ghostkeys data clean {cache}" in line


def test_frames_that_do_not_fit_are_refused_rather_than_left_out(recordings: Path, tmp_path: Path) -> None:
    """A run on fewer recordings than were asked for would be silent about it."""
    with pytest.raises(CacheFullError, match=r"raise --data\.cache-gb"):
        load_episodes(recordings, size=SIZE, cache=tmp_path / "cache", cache_gb=1e-6)
    with pytest.raises(GhostkeysError, match=r"--data\.cache-gb -1: expected a number above 0"):
        load_episodes(recordings, size=SIZE, cache=tmp_path / "cache", cache_gb=-1.0)


def test_frames_of_other_runs_go_the_oldest_first(recordings: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    load_episodes(recordings, size=SIZE, cache=cache)
    needed = sum(path.stat().st_size for path in cache.glob("*.npy"))
    for age, name in enumerate(("newest.npy", "older.npy", "oldest.npy")):
        (cache / name).write_bytes(bytes(1000))
        os.utime(cache / name, (1000 - age, 1000 - age))
    ours = files(cache) - {"newest.npy", "older.npy", "oldest.npy"}
    bounded = FrameCache(cache, max_gb=(needed + 3000) / 1e9)
    for name in ours:
        bounded.use(cache / name)
    bounded.reserve(cache / "new.npy", 2000)
    assert files(cache) == ours | {"newest.npy"}


def test_a_full_disk_is_not_filled_up(recordings: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    full = shutil.disk_usage(tmp_path)._replace(total=10**9, free=10**7)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: full)
    with pytest.raises(CacheFullError, match=r"with --data\.cache\."):
        load_episodes(recordings, size=SIZE, cache=tmp_path / "cache")
