"""Recordings become episodes, and episodes windows."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from env import Recording
from env.errors import RecordingError
from env.video.encoding import write_video
from env.video.frames import read_frames
from env.video.pictures import resize
from learning.data import load_episodes
from learning.distributed import Share
from learning.stored_frames import StoredFrames
from learning.windows import Drawable, RandomWindows, draw_windows, tile_windows
from tests.unit.idm.clips import SIZE, make_episode, write_recordings


def test_episodes_are_the_recordings_frames_and_actions(recordings: Path, tmp_path: Path) -> None:
    episodes = load_episodes(recordings, size=SIZE, cache=tmp_path)
    recording = Recording.open(recordings / "noise-0.mp4")
    assert [episode.name for episode in episodes] == ["noise-0", "noise-1", "noise-2"]
    np.testing.assert_array_equal(episodes[0].frames, recording.frames(0, len(recording), size=SIZE))
    assert episodes[0].actions == recording.actions
    assert episodes.ticks == 3 * len(recording)


def test_cached_frames_are_used_again(recordings: Path, tmp_path: Path) -> None:
    load_episodes(recordings, size=(16, 16), cache=tmp_path)
    written = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    again = load_episodes(recordings, size=(16, 16), cache=tmp_path)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == written
    assert isinstance(again[0].frames, StoredFrames)


def test_frames_shrunk_in_another_way_are_not_mixed_up(recordings: Path, tmp_path: Path) -> None:
    """OpenAI's models see pictures shrunk without averaging; the cache keeps both kinds."""
    averaged, linear = (
        load_episodes(recordings, size=(8, 8), interpolation=interpolation, cache=tmp_path)[0].frames
        for interpolation in (None, "linear")
    )
    recording = Recording.open(recordings / "noise-0.mp4")
    np.testing.assert_array_equal(linear, resize(recording.frames(), (8, 8), interpolation="linear"))
    np.testing.assert_array_equal(averaged, recording.frames(size=(8, 8)))
    assert not np.array_equal(averaged, linear)


def test_frames_with_a_cursor_are_not_those_of_the_videos_labels(tmp_path: Path) -> None:
    """A contractor's recording has the cursor drawn on its frames, labels of the same video do not."""
    (path,) = write_recordings(tmp_path / "play", 1).glob("*.jsonl")
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    opened = [{**line, "isGuiOpen": True, "isCursorDrawn": False} for line in lines]
    path.write_text("".join(json.dumps(line) + "\n" for line in opened))
    with_cursor = load_episodes(path, size=(8, 8), cache=tmp_path / "cache")[0].frames[:]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    without = load_episodes(path, size=(8, 8), cache=tmp_path / "cache")[0].frames[:]
    assert not np.array_equal(with_cursor, without)
    assert len(list((tmp_path / "cache").glob("*.npy"))) == 2


def test_a_bad_recording_is_passed_over_and_named(recordings: Path, tmp_path: Path) -> None:
    folder = tmp_path / "mixed"
    shutil.copytree(recordings, folder, ignore=shutil.ignore_patterns(".*"))
    (folder / "noise-1.mp4").write_bytes(b"no video")
    episodes = load_episodes(folder, size=SIZE, cache=tmp_path / "cache")
    assert [episode.name for episode in episodes] == ["noise-0", "noise-2"]
    assert [path.name for path, _ in episodes.skipped] == ["noise-1.jsonl"]
    assert not [path for path in (tmp_path / "cache").iterdir() if "noise-1" in path.name]


def test_a_recording_that_may_be_shifted_is_passed_over_and_says_so(recordings: Path, tmp_path: Path) -> None:
    """A frame is missing, and nothing tells which."""
    folder = tmp_path / "mixed"
    shutil.copytree(recordings, folder, ignore=shutil.ignore_patterns(".*"))
    frames = np.stack([frame for _, frame in read_frames(folder / "noise-1.mp4")])
    write_video(folder / "noise-1.mp4", frames[:-1])
    episodes = load_episodes(folder, size=SIZE, cache=tmp_path / "cache")
    assert [episode.name for episode in episodes] == ["noise-0", "noise-2"]
    ((path, reason),) = episodes.skipped
    assert path.name == "noise-1.jsonl"
    assert "has no usable tick: 48 lines but 47 frames, and nothing tells which are missing" in reason


@pytest.mark.parametrize("name", ["missing", ""])
def test_no_recordings(tmp_path: Path, name: str) -> None:
    with pytest.raises(RecordingError, match="recording"):
        load_episodes(tmp_path / name, size=SIZE)


def test_every_start_is_drawn() -> None:
    episodes = [make_episode(10, seed=0), make_episode(3, seed=1), make_episode(9, seed=2)]
    windows = draw_windows([Drawable(each, 8) for each in episodes], 500, np.random.default_rng(0))
    assert {(w.episode, w.start) for w in windows} == {(0, 0), (0, 1), (0, 2), (2, 0), (2, 1)}
    assert {w.stop - w.start for w in windows} == {8}


def test_windows_longer_than_every_recording() -> None:
    with pytest.raises(RecordingError, match="shorter than a window of 64"):
        draw_windows([Drawable(make_episode(10, seed=0), 64)], 1, np.random.default_rng(0))


def test_tiles_cover_once() -> None:
    assert [(w.start, w.stop) for w in tile_windows([make_episode(10, seed=0)], 4)] == [(0, 4), (4, 8)]


def test_batches_depend_on_seed_and_step_alone() -> None:
    """A run resumed at step 2 sees the batch an unbroken one sees there."""
    episodes = [make_episode(40, seed=0)]
    batches = iter(RandomWindows(episodes, window=8, batch_size=2, seed=5))
    third = [next(batches) for _ in range(3)][2]
    resumed = next(iter(RandomWindows(episodes, window=8, batch_size=2, seed=5, share=Share(first_batch=2))))
    assert third.frames.equal(resumed.frames)
    assert third.camera.equal(resumed.camera)
