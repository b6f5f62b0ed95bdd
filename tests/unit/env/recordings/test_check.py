"""What `data check` finds wrong with recordings, and what it counts in them."""

import json
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from env import BUTTONS, Actions, Recording, RecordingWriter, find_recordings
from env.errors import RecordingError
from env.recordings.check import Checked, CheckReport, check_recording, check_recordings
from env.recordings.labels import write_labels
from env.video.encoding import write_video
from env.video.frames import read_frames
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


def test_absurd_values_are_named_and_their_ticks_not_used(play: Path) -> None:
    """One by one, while they are few."""
    ticks = lines(play)
    ticks[7]["mouse"]["dx"] = 57_000.0
    ticks[8]["xpos"] = 1e300
    ticks[9]["hotbar"] = 99
    ticks[11]["mouse"]["dy"] = -57_000.0
    ticks[12]["mouse"]["dy"] = -57_000.0
    rewrite(play, ticks)
    recording, checked = Recording.open(play), check_recording(play)
    assert np.flatnonzero(~recording.usable).tolist() == [7, 8, 9, 11, 12]
    assert checked.verdict == "mended"
    assert checked.mended == (
        "line 8 is not used: `dx` is 57000, a turn of 8550°; expected 1200 pixels at most",
        "line 9 is not used: `xpos` is 1e+300; expected a number of blocks within the world",
        "line 10 is not used: `hotbar` is 99; expected a slot from 0 to 8",
        "2 more ticks have such values and are not used (lines 12 to 13)",
    )
    for tick in ticks[20:30]:
        tick["mouse"]["dx"] = 57_000.0
    rewrite(play, ticks)
    assert check_recording(play).faults == ("15 of 60 ticks have values that cannot be",)


def test_play_without_a_key_is_not_good(play: Path) -> None:
    """Keys in ticks that are not used do not count; mouse buttons do."""
    ticks = lines(play)
    for tick in ticks:
        tick["keyboard"]["keys"] = []
    ticks[5]["keyboard"]["keys"], ticks[5]["mouse"]["dx"] = ["key.keyboard.w"], 57_000.0
    rewrite(play, ticks)
    assert check_recording(play).faults == ("no key is pressed in 59 ticks: was the right file recorded?",)
    ticks[6]["mouse"]["buttons"] = [1]
    rewrite(play, ticks)
    assert check_recording(play).faults == ()


def test_labels_without_a_key_are_not_good(play: Path) -> None:
    labels = play.with_name("play.labels.parquet")
    write_labels(
        labels,
        Actions.none(60),
        times=np.arange(60) / 20,
        button_probabilities=np.zeros((60, 20), np.float32),
        camera_probability=np.ones(60, np.float32),
        metadata={"video": "play.mp4", "resampling": "native"},
    )
    assert check_recording(labels).faults == ("no key is pressed in 60 ticks: was the right file labelled?",)


def test_lines_without_mouse_and_keyboard_throughout_are_bad(play: Path) -> None:
    ticks = [tick | {"mouse": None, "keyboard": None} for tick in lines(play)]
    rewrite(play, ticks)
    assert check_recording(play).faults == ("none of the 60 ticks has mouse and keyboard",)


def test_what_is_unusual_but_may_be_is_a_note(tmp_path: Path) -> None:
    with RecordingWriter(tmp_path, "still", size=SIZE) as writer:
        for _ in range(10):
            writer.write(np.zeros((*SIZE, 3), np.uint8), {"forward": 1})
    checked = check_recording(tmp_path / "still.jsonl")
    assert checked.verdict == "good"
    assert checked.notes == (
        "the camera never turns",
        "fewer than 64 ticks: training leaves out recordings shorter than its window",
    )


def test_blank_lines_are_told(play: Path) -> None:
    written = play.read_text().splitlines(keepends=True)
    play.write_text("".join([*written[:9], "\n", *written[10:]]) + "\n\n")
    assert check_recording(play).mended == (
        "1 line is blank and was passed over",
        "1 frame without a line is left out (by tick)",
    )


def test_a_broken_line_is_named(play: Path) -> None:
    written = play.read_text().splitlines(keepends=True)
    play.write_text("".join([*written[:9], "noise\n", *written[10:]]))
    (fault,) = check_recording(play).faults
    assert fault.startswith(f"{play}, line 10: not JSON")


@pytest.mark.parametrize("suffix", [".mkv", ".ts"])
def test_a_video_of_another_suffix(play: Path, suffix: str) -> None:
    """Where it is the only one; beside an .mp4, the .mp4 counts, as the format says."""
    frames = np.stack([frame for _, frame in read_frames(play.with_suffix(".mp4"))])
    write_video(play.with_suffix(suffix), frames)
    assert Recording.open(play).video.suffix == ".mp4"
    play.with_suffix(".mp4").unlink()
    assert Recording.open(play).video.suffix == suffix
    assert find_recordings(play.parent) == [play]
    report = check_recordings([play.parent], progress=False)
    assert [(checked.path, checked.verdict) for checked in report.recordings] == [(play, "good")]


def test_several_videos_and_none_of_them_an_mp4(play: Path) -> None:
    for suffix in (".mkv", ".ts"):
        shutil.copy(play.with_suffix(".mp4"), play.with_suffix(suffix))
    play.with_suffix(".mp4").unlink()
    (fault,) = check_recording(play).faults
    assert fault == f"{play} has several videos (play.mkv, play.ts); expected <stem>.mp4, or one video."


def test_a_name_that_is_not_utf_8(play: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It is checked, printed and written like any other."""
    folder = tmp_path / "odd"
    folder.mkdir()
    for suffix in (".mp4", ".jsonl"):
        shutil.copy(play.with_suffix(suffix), folder / (os.fsdecode(b"caf\xe9") + suffix))
    (folder / os.fsdecode(b"\xff.jsonl")).write_text('{"mouse": 5}\n')
    report = check_recordings([folder], progress=False)
    assert [checked.verdict for checked in report.recordings] == ["good", "bad"]
    for text in (report.as_text(), json.dumps(report.as_dict(), ensure_ascii=False)):
        assert "udce9.jsonl" in text.encode().decode()
    assert main(["data", "check", str(folder), "--json", str(tmp_path / "a.json")]) == 1
    assert "udce9" in capsys.readouterr().out


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
        Actions.from_minerl([{"forward": 1}] * 60),
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
