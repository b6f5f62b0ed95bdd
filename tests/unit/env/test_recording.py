"""A recording joins each frame to the action taken at it, whoever labelled them."""

import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from env import Actions, Recording, RecordingWriter, find_recordings
from env.errors import GhostkeysError, RecordingError, VideoError
from env.labels import write_labels
from env.video import read_ticks, write_video


def random_actions(length: int, seed: int = 0) -> Actions:
    generator = np.random.default_rng(seed)
    return Actions(generator.random((length, 20)) < 0.3, generator.normal(0, 5, (length, 2)).astype(np.float32))


@pytest.fixture
def record(bars: Any, tmp_path: Path) -> Callable[..., Path]:
    """Write a recording whose frame i shows the number i."""

    def write(actions: Actions, stem: str = "play", **state: Any) -> Path:
        with RecordingWriter(tmp_path, stem, size=bars.size) as writer:
            for number, action in enumerate(actions.to_minerl()):
                writer.write(bars.draw(number), action, state)
        return tmp_path / f"{stem}.mp4"

    return write


def write_label_table(path: Path, actions: Actions, times: Any, *, video: str, resampling: str = "native") -> Path:
    probabilities = np.where(actions.buttons, 0.9, 0.1).astype(np.float32)
    return write_labels(
        path,
        actions,
        times=np.asarray(times, np.float64),
        button_probabilities=probabilities,
        camera_probability=np.ones(len(actions), np.float32),
        usable=np.arange(len(actions)) != 1,
        metadata={"video": video, "resampling": resampling},
    )


def test_actions_and_frames_come_back(record: Callable[..., Path], bars: Any) -> None:
    actions = random_actions(120)
    recording = Recording.open(record(actions))

    assert (len(recording), recording.name, recording.kind) == (120, "play", "contractor")
    np.testing.assert_array_equal(recording.actions.buttons, actions.buttons)
    np.testing.assert_allclose(recording.actions.camera, actions.camera, rtol=1e-6)
    np.testing.assert_allclose(recording.times, np.arange(120) / 20)
    assert recording.usable.all()
    assert [bars.read(frame) for frame in recording.frames()] == list(range(120))
    assert [bars.read(frame) for frame in recording.iter_frames(size=(16, 96))] == list(range(120))


def test_tick_i_has_frame_i_and_action_i(record: Callable[..., Path], bars: Any) -> None:
    """The camera turns by the number the frame shows: a shift by one tick would show."""
    turns = np.stack([np.arange(100), -np.arange(100)], axis=1) * 0.15
    recording = Recording.open(record(Actions(np.zeros((100, 20), bool), turns.astype(np.float32))))
    for start, stop in ((0, 3), (70, 90), (20, 25), (99, 100), (50, 50)):
        shown = [bars.read(frame) for frame in recording.frames(start, stop)]
        np.testing.assert_allclose(recording.actions[start:stop].camera[:, 0] / 0.15, shown, atol=1e-4)


def test_an_attack_from_the_first_tick_is_kept(record: Callable[..., Path]) -> None:
    actions = Actions.from_minerl([{"attack": 1}] * 5)
    assert Recording.open(record(actions)).actions == actions


def test_the_hotbar_state_adds_no_second_press(record: Callable[..., Path], tmp_path: Path, bars: Any) -> None:
    """The slot changes a tick after its key: that is the key's doing, not the wheel's."""
    actions = Actions.from_minerl([{}, {"hotbar.4": 1}, {}, {}])
    with RecordingWriter(tmp_path, "slots", size=bars.size) as writer:
        for action, slot in zip(actions.to_minerl(), (0, 0, 3, 3), strict=True):
            writer.write(bars.draw(0), action, {"hotbar": slot})
    assert Recording.open(tmp_path / "slots.jsonl").actions == actions


def test_lines_are_what_vpts_recorder_writes(record: Callable[..., Path]) -> None:
    actions: list[dict[str, Any]] = [
        {"attack": 1, "forward": 1, "camera": [1.5, -3.0]},
        {"attack": 1, "use": 1, "sneak": 1},
    ]
    path = record(
        Actions.from_minerl(actions), isGuiOpen=True, hotbar=np.int64(2), inventory=[{"type": "log", "quantity": 1}]
    )
    first, second = map(json.loads, path.with_suffix(".jsonl").read_text().splitlines())

    assert (first["mouse"]["dx"], first["mouse"]["dy"]) == (-20.0, 10.0)
    assert (second["mouse"]["buttons"], second["mouse"]["newButtons"]) == ([0, 1], [1])
    assert first["keyboard"] == {"keys": ["key.keyboard.w"], "newKeys": ["key.keyboard.w"], "chars": ""}
    assert (first["isGuiOpen"], first["hotbar"], first["inventory"]) == (True, 2, [{"type": "log", "quantity": 1}])
    assert [(tick["tick"], tick["milli"]) for tick in (first, second)] == [(0, 0), (1, 50)]


def test_the_cursor_goes_where_the_state_says(record: Callable[..., Path]) -> None:
    path = record(Actions.from_minerl([{"camera": [0, 3]}]), mouse={"x": 12, "y": 34})
    mouse = json.loads(path.with_suffix(".jsonl").read_text())["mouse"]
    assert (mouse["x"], mouse["y"], mouse["dx"]) == (12.0, 34.0, 20.0)


def test_a_recording_opens_by_any_of_its_names(record: Callable[..., Path]) -> None:
    path = record(random_actions(5), "a.b")
    for name in (path, path.with_suffix(".jsonl"), path.with_suffix(""), str(path)):
        assert Recording.open(name).video == path


def test_a_recording_crosses_processes(record: Callable[..., Path], bars: Any) -> None:
    recording = Recording.open(record(random_actions(5)))
    recording.frames(0, 3)
    copy = pickle.loads(pickle.dumps(recording))  # noqa: S301  our own object
    assert bars.read(copy.frames(3, 4)[0]) == 3


def test_ticks_outside_are_refused(record: Callable[..., Path]) -> None:
    recording = Recording.open(record(random_actions(5)))
    with pytest.raises(IndexError, match="ticks 3 to 9 are not within the 5 of play"):
        recording.frames(3, 9)


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_an_abandoned_recording_leaves_nothing(tmp_path: Path, bars: Any, error: type[BaseException]) -> None:
    def write_and_fail() -> None:
        with RecordingWriter(tmp_path, "play", size=bars.size) as writer:
            writer.write(bars.draw(0), {})
            raise error

    with pytest.raises(error):
        write_and_fail()
    assert not list(tmp_path.iterdir())


def test_a_recording_without_ticks_leaves_nothing(tmp_path: Path, bars: Any) -> None:
    with RecordingWriter(tmp_path, "play", size=bars.size) as writer:
        assert writer.ticks == 0
    assert not list(tmp_path.iterdir())


def test_writing_anew_replaces_both_files(record: Callable[..., Path]) -> None:
    record(random_actions(9, seed=1))
    actions = random_actions(4, seed=2)
    recording = Recording.open(record(actions))
    assert len(recording.frames()) == len(recording) == 4


@pytest.mark.parametrize(("lines", "ticks"), [(10, 10), (9, 9), (8, 8), (11, 10), (12, 10)])
def test_a_few_frames_more_or_fewer_are_tolerated(record: Callable[..., Path], lines: int, ticks: int) -> None:
    path = record(random_actions(10)).with_suffix(".jsonl")
    written = path.read_text().splitlines()
    path.write_text("\n".join((written + written[-1:] * 2)[:lines]))
    recording = Recording.open(path)
    assert len(recording) == len(recording.times) == len(recording.usable) == len(recording.frames()) == ticks


def test_many_frames_more_or_fewer_are_an_error(record: Callable[..., Path]) -> None:
    path = record(random_actions(10)).with_suffix(".jsonl")
    path.write_text("\n".join(path.read_text().splitlines()[:7]))
    with pytest.raises(RecordingError, match=r"has 7 ticks but play\.mp4 has 10 frames; expected one frame a tick"):
        Recording.open(path)


def test_a_damaged_video_is_a_video_error(record: Callable[..., Path]) -> None:
    path = record(random_actions(10))
    path.write_bytes(path.read_bytes()[:-300])
    with pytest.raises(VideoError, match="cannot be opened as a video"):
        Recording.open(path)


@pytest.mark.parametrize("name", ["play.mp4", "play.jsonl", "play.labels.parquet", "play"])
def test_what_is_no_recording_says_what_was_expected(tmp_path: Path, name: str) -> None:
    with pytest.raises(GhostkeysError, match=r"expected .*(play\.jsonl|actions|label table)") as error:
        Recording.open(tmp_path / name)
    assert "\n" not in str(error.value)


def test_a_contractor_file_without_its_video(record: Callable[..., Path]) -> None:
    path = record(random_actions(5))
    path.unlink()
    with pytest.raises(VideoError, match="no such file; expected a video"):
        Recording.open(path.with_suffix(".jsonl"))


def test_labels_open_as_a_recording(bars: Any, tmp_path: Path) -> None:
    write_video(tmp_path / "clip.mp4", bars.clip(30))
    actions = random_actions(30)
    labels = write_label_table(tmp_path / "clip.labels.parquet", actions, np.arange(30) / 20, video="clip.mp4")
    recording = Recording.open(labels)

    assert (len(recording), recording.name, recording.kind) == (30, "clip", "labels")
    assert recording.actions == actions
    assert recording.usable.tolist() == [tick != 1 for tick in range(30)]
    assert [bars.read(frame) for frame in recording.frames(10, 20)] == list(range(10, 20))
    assert Recording.open(tmp_path / "clip.mp4").kind == "labels"


@pytest.mark.parametrize("fps", [10, 30, 60])
def test_labels_of_another_rate_show_the_frames_that_were_labelled(bars: Any, tmp_path: Path, fps: int) -> None:
    video = write_video(tmp_path / "clip.mp4", bars.clip(3 * fps), fps)
    _, times, frames = zip(*read_ticks(video), strict=True)
    path = tmp_path / "clip.labels.parquet"
    write_label_table(path, Actions.none(len(times)), times, video="clip.mp4", resampling="20 Hz")
    recording = Recording.open(path)
    expected = [bars.read(frame) for frame in frames]

    assert [bars.read(frame) for frame in recording.frames()] == expected
    assert [bars.read(frame) for frame in recording.iter_frames()] == expected
    assert [
        bars.read(frame) for frame in np.concatenate([recording.frames(9, 12), recording.frames(12, 15)])
    ] == expected[9:15]


def test_labels_in_another_folder_find_their_video(bars: Any, tmp_path: Path) -> None:
    write_video(tmp_path / "videos" / "clip.mkv", bars.clip(3))
    path = tmp_path / "labels" / "clip.labels.parquet"
    write_label_table(path, Actions.none(3), np.arange(3) / 20, video="../videos/clip.mkv")
    assert Recording.open(path).video.samefile(tmp_path / "videos" / "clip.mkv")
    (tmp_path / "videos" / "clip.mkv").unlink()
    with pytest.raises(RecordingError, match=r"its video is gone; expected .*clip\.mkv or .*clip\.mkv"):
        Recording.open(path)


def test_labels_of_a_longer_video_are_refused(bars: Any, tmp_path: Path) -> None:
    write_video(tmp_path / "clip.mp4", bars.clip(5))
    path = write_label_table(tmp_path / "clip.labels.parquet", Actions.none(9), np.arange(9) / 20, video="clip.mp4")
    with pytest.raises(RecordingError, match=r"labels frame 8 but .*clip\.mp4 has 5 frames"):
        Recording.open(path)


def test_finding_recordings(record: Callable[..., Path], bars: Any, tmp_path: Path) -> None:
    both, played = record(random_actions(3), "sub.b/both"), record(random_actions(3), "played")
    write_video(tmp_path / "labelled.mp4", bars.clip(3))
    for stem in ("labelled", "sub.b/both"):
        write_label_table(tmp_path / f"{stem}.labels.parquet", Actions.none(3), [0, 0.05, 0.1], video="x.mp4")
    (tmp_path / "metrics.jsonl").write_text("{}")
    (tmp_path / ".hidden.labels.parquet").touch()
    labelled = tmp_path / "labelled.labels.parquet"

    assert find_recordings(tmp_path) == [labelled, played.with_suffix(".jsonl"), both.with_suffix(".jsonl")]
    assert find_recordings(tmp_path, "contractor") == [played.with_suffix(".jsonl"), both.with_suffix(".jsonl")]
    assert find_recordings(str(tmp_path), "labels") == [labelled, tmp_path / "sub.b/both.labels.parquet"]
    assert find_recordings([played, tmp_path / "sub.b"]) == [played.with_suffix(".jsonl"), both.with_suffix(".jsonl")]


def test_finding_nothing_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match=r"no recording in .*; expected <stem>\.mp4 with <stem>\.labels\.parquet"):
        find_recordings(tmp_path, "labels")
    with pytest.raises(RecordingError, match=r"nothing\.mp4 is no recording: expected"):
        find_recordings([tmp_path / "nothing.mp4"])
