"""Recordings that survive whatever ends the process that writes them."""

import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from env import Recording, find_recordings
from env.actions import no_op
from env.errors import RecordingError
from env.recordings.check import check_recording
from env.recordings.live import LiveRecordingWriter, only_recorder, recover
from env.video.frames import probe

TICKS = 12


def turn(tick: int) -> dict[str, Any]:
    return {**no_op(), "jump": tick % 2, "camera": np.array([0.0, 0.15 * tick], np.float32)}


def write(folder: Path, bars: Any, ticks: int = TICKS) -> None:
    with LiveRecordingWriter(folder, "play", size=bars.size) as writer:
        for tick in range(ticks):
            writer.write(bars.draw(tick), turn(tick), {"hotbar": 3})


def assert_first_ticks(folder: Path, bars: Any, ticks: int) -> None:
    recording = Recording.open(folder / "play.mp4")
    assert len(recording) == ticks
    assert [bars.read(frame) for frame in recording.frames()] == list(range(ticks))
    np.testing.assert_allclose(recording.actions.camera[:, 1], 0.15 * np.arange(ticks), rtol=1e-5)
    assert recording.actions.button("jump").tolist() == [bool(tick % 2) for tick in range(ticks)]


@pytest.fixture
def parts(tmp_path: Path, bars: Any) -> Path:
    """A folder as a killed process leaves it."""
    left = tmp_path / "left"
    with LiveRecordingWriter(tmp_path / "away", "play", size=bars.size) as writer:
        for tick in range(TICKS):
            writer.write(bars.draw(tick), turn(tick))
        shutil.copytree(tmp_path / "away", left)
    return left


def test_a_finished_recording_is_an_ordinary_one(tmp_path: Path, bars: Any) -> None:
    write(tmp_path, bars)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["play.jsonl", "play.mp4"]
    assert_first_ticks(tmp_path, bars, TICKS)
    assert probe(tmp_path / "play.mp4").frames == TICKS
    assert probe(tmp_path / "play.mp4").fps == 20
    assert check_recording(tmp_path / "play.mp4").verdict == "good"


def test_what_was_written_is_kept_after_an_exception(tmp_path: Path, bars: Any) -> None:
    def fail() -> None:
        with LiveRecordingWriter(tmp_path, "play", size=bars.size) as writer:
            writer.write(bars.draw(0), turn(0))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert_first_ticks(tmp_path, bars, 1)


def test_without_a_tick_nothing_is_left(tmp_path: Path, bars: Any) -> None:
    write(tmp_path, bars, ticks=0)
    assert not list(tmp_path.iterdir())


def test_a_recording_under_way_is_no_recording_yet(parts: Path) -> None:
    with pytest.raises(RecordingError, match="no recording"):
        find_recordings(parts)


def test_all_but_the_last_tick_is_on_the_disk_at_any_time(parts: Path, bars: Any) -> None:
    assert recover(parts) == [parts / "play.mp4"]
    assert_first_ticks(parts, bars, TICKS - 1)
    assert sorted(path.name for path in parts.iterdir()) == ["play.jsonl", "play.mp4"]
    assert recover(parts) == []


@pytest.mark.parametrize("suffix", [".mp4", ".jsonl"])
@pytest.mark.parametrize("share", [0.0, 0.1, 0.31, 0.5, 0.77, 0.999])
def test_a_file_cut_off_anywhere_gives_its_whole_ticks(parts: Path, bars: Any, suffix: str, share: float) -> None:
    part = parts / f".play.part{suffix}"
    whole = part.read_bytes()
    part.write_bytes(whole[: int(share * len(whole))])
    found = recover(parts)
    if found:
        ticks = len(Recording.open(found[0]))
        assert 1 <= ticks < TICKS
        assert_first_ticks(parts, bars, ticks)
    else:
        # The first frame of so small a video is half of it.
        assert share < (0.6 if suffix == ".mp4" else 0.2)
        assert not list(parts.iterdir())


def test_recovery_that_was_interrupted_is_repeated(parts: Path, bars: Any) -> None:
    """The parts are there until both files are: with the actions alone in place, recovery starts over."""
    (parts / "play.jsonl").write_text("{}\n")
    recover(parts)
    assert_first_ticks(parts, bars, TICKS - 1)


def test_a_killed_process_loses_its_last_tick_at_most(tmp_path: Path, bars: Any) -> None:
    code = f"""
import sys, numpy as np
from env.recordings.live import LiveRecordingWriter
with LiveRecordingWriter({str(tmp_path)!r}, "play", size={bars.size}) as writer:
    for tick in range(1000):
        row = np.repeat((tick >> np.arange({bars.size[1] // 16}) & 1) * 255, 16).astype(np.uint8)
        turn = {{"jump": tick % 2, "camera": [0.0, 0.15 * tick]}}
        writer.write(np.broadcast_to(row[None, :, None], (*{bars.size}, 3)), turn)
        print(tick + 1, flush=True)
        sys.stdin.readline()
"""
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for tick in range(30):
            assert process.stdout.readline() == f"{tick + 1}\n"
            if tick < 29:
                process.stdin.write("\n")
        process.send_signal(signal.SIGKILL)
    recover(tmp_path)
    assert_first_ticks(tmp_path, bars, 29)


def test_a_folder_has_one_recorder(tmp_path: Path) -> None:
    with (
        only_recorder(tmp_path / "new"),
        pytest.raises(RecordingError, match="choose another"),
        only_recorder(tmp_path / "new"),
    ):
        pass
    with only_recorder(tmp_path / "new"):
        pass
