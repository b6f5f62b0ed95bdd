"""A recording joins each frame to the action taken at it, whoever labelled them."""

import json
import pickle
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from env import Actions, Recording, RecordingWriter, find_recordings
from env.errors import GhostkeysError, RecordingError, VideoError
from env.recordings.labels import write_labels
from env.video.encoding import write_video
from env.video.frames import read_ticks
from env.video.pictures import Interpolation
from tests.unit.env.video.clips import write_frames_at


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


def write_label_table(
    path: Path, actions: Actions, times: Any, *, video: str, resampling: str = "native", frames: Any = None, **old: Any
) -> Path:
    probabilities = np.where(actions.buttons, 0.9, 0.1).astype(np.float32)
    return write_labels(
        path,
        actions,
        times=np.asarray(times, np.float64),
        frames=frames,
        button_probabilities=probabilities,
        camera_probability=np.ones(len(actions), np.float32),
        usable=np.arange(len(actions)) != 1,
        metadata={"video": video, "resampling": resampling, **old},
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


def rewrite(path: Path, keep: Sequence[int], *, without: Sequence[str] = ()) -> Path:
    """Leaves, or repeats, these lines of a recording's actions."""
    path = path.with_suffix(".jsonl")
    written = [json.loads(line) for line in path.read_text().splitlines()]
    ticks = [{name: value for name, value in written[line].items() if name not in without} for line in keep]
    path.write_text("".join(json.dumps(tick) + "\n" for tick in ticks))
    return path


def numbered(length: int) -> Actions:
    """Turns that tell which line an action is from."""
    return Actions(
        np.zeros((length, 20), bool),
        np.full((length, 2), 0.15, np.float32) * np.arange(length, dtype=np.float32)[:, None],
    )


def lines_and_frames(recording: Recording, bars: Any) -> tuple[list[int], list[int]]:
    lines = np.rint(recording.actions.camera[:, 0] / 0.15).astype(int).tolist()
    return lines, [bars.read(frame) for frame in recording.frames()]


@pytest.mark.parametrize("without", [(), ("tick",), ("tick", "milli")])
@pytest.mark.parametrize(("lines", "ticks"), [(10, 10), (9, 9), (8, 8)])
def test_a_few_lines_may_be_missing_at_the_end(
    record: Callable[..., Path], bars: Any, lines: int, ticks: int, without: Sequence[str]
) -> None:
    recording = Recording.open(rewrite(record(numbered(10)), range(lines), without=without))
    assert len(recording) == len(recording.times) == len(recording.usable) == len(recording.rows) == ticks
    assert lines_and_frames(recording, bars) == ([*range(ticks)],) * 2


@pytest.mark.parametrize("without", [(), ("tick",)])
@pytest.mark.parametrize(
    "keep",
    [
        [*range(12), *range(31, 60)],  # a hole
        [*range(3), *range(6, 20), *range(21, 57)],  # two holes, and the end is missing
        [*range(20), 19, 19, *range(20, 60)],  # a tick written three times
        [*range(10), 9, 9, 9, *range(20, 60)],
        [*range(40)],
    ],
)
def test_missing_and_repeated_lines_are_found_by_the_recorders_counts(
    record: Callable[..., Path], bars: Any, keep: list[int], without: Sequence[str]
) -> None:
    """Each action stays with its frame, by the count of ticks or else by the clock."""
    recording = Recording.open(rewrite(record(numbered(60)), keep, without=without))
    assert lines_and_frames(recording, bars) == (sorted(set(keep)),) * 2
    np.testing.assert_allclose(recording.times, np.array(sorted(set(keep))) / 20)


def test_a_count_tells_also_what_is_missing_at_the_beginning(record: Callable[..., Path], bars: Any) -> None:
    recording = Recording.open(rewrite(record(numbered(60)), range(5, 60)))
    assert lines_and_frames(recording, bars) == ([*range(5, 60)],) * 2


def test_a_count_that_began_before_the_recording(record: Callable[..., Path], bars: Any) -> None:
    path = record(numbered(30)).with_suffix(".jsonl")
    ticks = [json.loads(line) for line in path.read_text().splitlines()]
    kept = [tick | {"tick": 6000 + tick["tick"]} for tick in ticks if not 10 <= tick["tick"] < 14]
    path.write_text("".join(json.dumps(tick) + "\n" for tick in kept))
    assert lines_and_frames(Recording.open(path), bars) == ([*range(10), *range(14, 30)],) * 2


def test_missing_frames_are_found_by_the_videos_time_stamps(record: Callable[..., Path], bars: Any) -> None:
    path = record(numbered(30))
    kept = [*range(10), *range(15, 30)]
    write_frames_at(path, [(number, bars.draw(number)) for number in kept])
    assert lines_and_frames(Recording.open(path), bars) == (kept, kept)


def test_a_video_that_ends_early_keeps_what_matches(
    record: Callable[..., Path], bars: Any, caplog: pytest.LogCaptureFixture
) -> None:
    path = record(numbered(30))
    write_video(path, bars.clip(20))
    assert lines_and_frames(Recording.open(path), bars) == ([*range(20)],) * 2
    assert "has 30 lines for the 20 frames" in caplog.text


def test_lines_that_nothing_tells_where_they_belong_are_an_error(record: Callable[..., Path]) -> None:
    path = rewrite(record(numbered(10)), range(7), without=("tick", "milli"))
    message = r"has 7 ticks but play\.mp4 has 10 frames, and no `tick` or `milli` tells which belong together"
    with pytest.raises(RecordingError, match=message):
        Recording.open(path)
    assert len(Recording.open(path, assume_aligned=True)) == 7


def test_an_uneven_clock_moves_no_line(record: Callable[..., Path], bars: Any) -> None:
    """Where a frame is missing at the end and only the clock was recorded."""
    path = record(numbered(40)).with_suffix(".jsonl")
    generator = np.random.default_rng(0)
    ticks = [json.loads(line) for line in path.read_text().splitlines()]
    for number, tick in enumerate(ticks):
        del tick["tick"]
        tick["milli"] = 50 * number + int(generator.integers(0, 45))
    path.write_text("".join(json.dumps(tick) + "\n" for tick in ticks))
    write_video(path.with_suffix(".mp4"), bars.clip(39))
    assert lines_and_frames(Recording.open(path), bars) == ([*range(39)],) * 2


@pytest.mark.parametrize("frames", [20, 40])
def test_openais_loader_goes_by_index_whatever_is_missing(record: Callable[..., Path], bars: Any, frames: int) -> None:
    path = rewrite(record(numbered(40)), [*range(1, 10), *range(15, 40)])
    write_video(path.with_suffix(".mp4"), bars.clip(frames))
    recording = Recording.open(path, compat="openai")
    assert recording.rows.tolist() == [*range(min(frames, 34))]
    assert [bars.read(frame) for frame in recording.frames()] == [*range(min(frames, 34))]


def test_labels_are_not_read_as_openais_loader_does(bars: Any, tmp_path: Path) -> None:
    write_video(tmp_path / "clip.mp4", bars.clip(5))
    path = write_label_table(tmp_path / "clip.labels.parquet", Actions.none(5), np.arange(5) / 20, video="clip.mp4")
    with pytest.raises(RecordingError, match=r"only a contractor's \.jsonl"):
        Recording.open(path, compat="openai")


GOLDEN = Path(__file__).parents[3] / "golden" / "vpt"


def test_openais_loader_is_repeated_frame_by_frame() -> None:
    """To the bit, but for the cursor, which is a drawing of our own."""
    theirs = np.load(GOLDEN / "recording_expected.npz")
    shown = np.load(GOLDEN / "recording_frames.npz")
    recording = Recording.open(GOLDEN / "recording.mp4", compat="openai")
    np.testing.assert_array_equal(recording.rows, theirs["kept_steps"])
    lines = [json.loads(line) for line in (GOLDEN / "recording.jsonl").read_text().splitlines()]
    frames = recording.frames(size=(128, 128))
    for item, expected in zip(shown["items"], shown["frames"], strict=True):
        tick = lines[recording.rows[item]]
        outside = np.ones((128, 128), bool)
        if tick["isGuiOpen"]:
            x, y = (tick["mouse"][axis] / 2 * scale for axis, scale in (("x", 128 / 640), ("y", 128 / 360)))
            outside[max(int(y) - 1, 0) : int(y) + 7, max(int(x) - 1, 0) : int(x) + 5] = False
        np.testing.assert_array_equal(frames[item][outside], expected[outside])


def test_the_cursor_is_drawn_where_a_gui_is_open(record: Callable[..., Path], bars: Any) -> None:
    """Its tip at the place in the window of 720 lines; not where no GUI is open, nor where the video shows one."""
    play = {"isGuiOpen": True, "isCursorDrawn": False, "mouse": {"x": 720.0, "y": 360.0}}
    with_cursor, without = (Recording.open(record(Actions.none(3), stem, **state)) for stem, state in (
        ("gui", play), ("drawn", play | {"isCursorDrawn": True})
    ))  # fmt: skip
    height, width = bars.size
    drawn = (with_cursor.frames() != without.frames()).any(axis=(0, 3))
    rows, columns = np.nonzero(drawn)
    assert (rows.min(), columns.min()) == (360 * height // 720, 720 * height // 720)
    assert rows.max() < rows.min() + 16 * height / 360 + 1
    np.testing.assert_array_equal(np.stack(list(with_cursor.iter_frames())), with_cursor.frames())
    np.testing.assert_array_equal(without.frames(), Recording.open(record(Actions.none(3), "none")).frames())
    assert width > columns.max()


@pytest.mark.parametrize("interpolation", [None, "linear"])
def test_the_cursor_alone_tells_shrunk_frames_apart(tmp_path: Path, interpolation: Interpolation) -> None:
    """An open screen must not be told by how frames are shrunk."""
    blots = np.random.default_rng(0).integers(0, 256, (9, 16, 3), np.uint8).repeat(8, axis=0).repeat(8, axis=1)
    play = {"isGuiOpen": True, "isCursorDrawn": False, "mouse": {"x": 640.0, "y": 360.0}}
    for stem, state in (("gui", play), ("none", {})):
        with RecordingWriter(tmp_path, stem, size=(72, 128)) as writer:
            for _ in range(3):
                writer.write(blots, {}, state)
    with_cursor, without = Recording.open(tmp_path / "gui"), Recording.open(tmp_path / "none")
    shown, plain = (each.frames(size=(36, 64), interpolation=interpolation) for each in (with_cursor, without))
    rows, columns = np.nonzero((shown != plain).any(axis=(0, 3)))
    assert (rows.min(), columns.min()) == (18, 32)
    assert max(rows.max() - 18, columns.max() - 32) <= 2
    np.testing.assert_array_equal(shown, np.stack(list(with_cursor.iter_frames((36, 64), interpolation))))


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


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("fps", [10, 30, 60])
def test_labels_of_another_rate_show_the_frames_that_were_labelled(
    bars: Any, tmp_path: Path, fps: int, version: int
) -> None:
    """Tables of format 1 kept the times of the frames, and not their numbers."""
    video = write_video(tmp_path / "clip.mp4", bars.clip(3 * fps), fps)
    ticks = list(read_ticks(video))
    path = tmp_path / "clip.labels.parquet"
    times, numbers = [tick.seconds for tick in ticks], [tick.frame for tick in ticks]
    old = {} if version > 1 else {"format_version": 1}
    shown = numbers if version > 1 else np.arange(len(ticks))
    write_label_table(path, Actions.none(len(times)), times, frames=shown, video="clip.mp4", resampling="20 Hz", **old)
    recording = Recording.open(path)
    assert recording.frame_numbers.tolist() == numbers
    expected = [bars.read(tick.picture) for tick in ticks]

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


def test_labels_of_a_video_that_changed_are_refused(bars: Any, tmp_path: Path) -> None:
    """The frames have the numbers that were labelled, but other times: it is another video of that name."""
    write_video(tmp_path / "clip.mp4", bars.clip(9), 30)
    path = write_label_table(tmp_path / "clip.labels.parquet", Actions.none(9), np.arange(9) / 20, video="clip.mp4")
    with pytest.raises(RecordingError, match=r"labels frame 1 at 0\.050 s, which .*clip\.mp4 shows at 0\.033 s"):
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
    with pytest.raises(RecordingError, match=r"nothing\.mp4 does not exist: expected"):
        find_recordings([tmp_path / "nothing.mp4"])


def test_milestones_are_the_ticks_at_which_items_are_first_there(bars: Any, tmp_path: Path) -> None:
    """What is there from the start is none; an item counts as its kind as well; nonsense is no inventory."""
    inventories: list[Any] = [[], None, [{"type": "oak_log", "quantity": 2}], "full", [7, {"type": 3}, {}]]
    inventories = [[{"type": "dirt", "quantity": 1}], *inventories, [{"type": "birch_log"}, {"type": "torch"}], []]
    with RecordingWriter(tmp_path, "play", size=bars.size) as writer:
        for number, (action, inventory) in enumerate(
            zip(Actions.none(len(inventories)).to_minerl(), inventories, strict=True)
        ):
            writer.write(bars.draw(number), action, {"inventory": inventory})
    found = Recording.open(tmp_path / "play.mp4").milestones
    assert found == {"oak_log": 3, "log": 3, "birch_log": 6, "torch": 6}
