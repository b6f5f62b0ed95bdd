"""What `data check` finds wrong with recordings, and what it counts in them."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from env import BUTTONS, Actions, RecordingWriter
from env.errors import RecordingError
from env.recordings.check import Checked, CheckReport, check_recording, check_recordings
from env.recordings.labels import write_labels
from env.video.frames import write_video
from ghostkeys import main

GOLDEN = Path(__file__).parents[3] / "golden" / "vpt"
SIZE = (36, 64)


@pytest.fixture
def play(tmp_path: Path) -> Path:
    """A sound recording of 60 ticks."""
    noise = np.random.default_rng(0).integers(0, 256, (60, *SIZE, 3), dtype=np.uint8)
    with RecordingWriter(tmp_path, "play", size=SIZE) as writer:
        for number, frame in enumerate(noise):
            writer.write(frame, {"forward": number % 20 < 10, "camera": [0.0, 1.6 if number < 15 else 0.0]})
    return tmp_path / "play.jsonl"


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def rewrite(path: Path, ticks: list[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(tick) + "\n" for tick in ticks))


def test_a_sound_recording_is_good(play: Path) -> None:
    checked = check_recording(play)
    assert (checked.verdict, checked.faults, checked.mended, checked.size) == ("good", (), (), SIZE)
    assert len(checked.actions) == 60


def test_what_was_mended_is_told(play: Path) -> None:
    ticks = lines(play)
    ticks[0]["mouse"]["newButtons"] = [0]
    ticks[5]["mouse"] = ticks[6]["keyboard"] = None
    for tick in ticks:
        del tick["hotbar"]
    del ticks[30:33]
    rewrite(play, ticks)
    play.write_bytes(play.read_bytes()[:-10])
    checked = check_recording(play)
    assert checked.verdict == "mended"
    assert checked.mended == (
        "the last line was cut off and is left out",
        "2 ticks have no mouse or keyboard and are not used",
        "attack was stuck at the start and is let go until it is pressed anew",
        "the hotbar's slot was not recorded: turns of the wheel are not known",
        "4 frames without a line are left out (by tick)",
    )


def test_a_video_of_another_rate_is_told(play: Path) -> None:
    write_video(play.with_suffix(".mp4"), np.zeros((60, *SIZE, 3), np.uint8), 30)
    assert check_recording(play).mended == ("the video says 30 frames a second; each is taken for a tick of 1/20 s",)


def test_lost_frames_are_bad(play: Path) -> None:
    write_video(play.with_suffix(".mp4"), np.zeros((50, *SIZE, 3), np.uint8))
    checked = check_recording(play)
    assert checked.faults == ("60 lines but 50 frames, and nothing tells which are missing: actions may be shifted",)


def test_a_video_cut_off_or_damaged_is_bad(play: Path) -> None:
    """Damage within the frames is found by decoding them."""
    video = play.with_suffix(".mp4")
    content = bytearray(video.read_bytes())
    middle = content.find(b"mdat") + (content.find(b"moov") - content.find(b"mdat")) // 2
    content[middle : middle + 2000] = bytes(2000)
    video.write_bytes(content)
    assert check_recording(play, decode_all=False).verdict == "good"
    assert check_recording(play).verdict == "bad"
    video.write_bytes(content[:-300])
    assert check_recording(play, decode_all=False).verdict == "bad"


def test_everything_that_should_be_a_recording_is_looked_at(play: Path, tmp_path: Path) -> None:
    """Videos without actions, actions without a video, labels; not the figures of some training."""
    shutil.copy(play, tmp_path / "lost.jsonl")
    shutil.copy(play.with_suffix(".mp4"), tmp_path / "mute.mp4")
    shutil.copy(play.with_suffix(".mp4"), tmp_path / "labelled.mp4")
    write_labels(
        tmp_path / "labelled.labels.parquet",
        Actions.none(60),
        times=np.arange(60) / 20,
        button_probabilities=np.zeros((60, 20), np.float32),
        camera_probability=np.ones(60, np.float32),
        metadata={"video": "labelled.mp4", "resampling": "native"},
    )
    (tmp_path / "metrics.jsonl").write_text('{"loss": 1}\n')
    (tmp_path / ".hidden.mp4").write_text("")
    report = check_recordings([tmp_path], progress=False)
    assert {checked.path.name: checked.verdict for checked in report.recordings} == {
        "labelled.labels.parquet": "good",
        "lost.jsonl": "bad",
        "mute.mp4": "bad",
        "play.jsonl": "good",
    }


def test_nothing_to_check_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="no recording in"):
        check_recordings([tmp_path])


def test_presses_and_turns_are_counted(play: Path) -> None:
    report = CheckReport((check_recording(play, decode_all=False),) * 2)
    minutes = 2 * 60 / 20 / 60
    assert report.hours == pytest.approx(minutes / 60)
    assert report.presses_per_minute()["forward"] == pytest.approx(6 / minutes)
    assert report.share_held()["forward"] == 0.5
    assert all(report.share_held()[name] == 0 for name in BUTTONS if name != "forward")
    histogram = report.camera_histogram()
    assert histogram["pitch"] == [0] * 5 + [120] + [0] * 5
    assert histogram["yaw"] == [0] * 5 + [90, 0, 30, 0, 0, 0]


def test_a_report_without_anything_readable() -> None:
    report = CheckReport((Checked(Path("a.mp4"), faults=("gone",)),))
    assert report.hours == 0
    assert "1 bad" in report.as_text()
    assert json.loads(json.dumps(report.as_dict()))["camera_histogram"]["yaw"] == [0] * 11


def test_the_command(play: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", "check", str(play), "--json", str(tmp_path / "report" / "a.json")]) == 0
    assert json.loads((tmp_path / "report" / "a.json").read_text())["verdicts"] == {"good": 1, "mended": 0, "bad": 0}
    (tmp_path / "broken.jsonl").write_text("noise")
    (tmp_path / "broken.mp4").write_text("noise")
    capsys.readouterr()
    assert main(["data", "check", str(tmp_path)]) == 1
    shown = capsys.readouterr().out
    assert "broken.jsonl" in shown
    assert "line 1: not JSON" in shown
    assert "2 recordings: 1 good, 0 mended, 1 bad" in shown


def test_the_golden_recording(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", "check", str(GOLDEN), "--quick"]) == 0
    assert "attack was stuck at the start" in capsys.readouterr().out
