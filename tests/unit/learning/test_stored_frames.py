"""Frames on the disk answer as an array would, and keep no file open."""

import resource
from pathlib import Path

import numpy as np
import pytest

from learning.data import load_episodes
from learning.stored_frames import StoredFrames
from tests.unit.idm.clips import SIZE, write_recordings


@pytest.fixture
def frames(tmp_path: Path) -> tuple[StoredFrames, np.ndarray]:
    array = np.random.default_rng(0).integers(0, 256, (7, 4, 6, 3), np.uint8)
    np.save(tmp_path / "frames.npy", array)
    return StoredFrames.open(tmp_path / "frames.npy"), array


@pytest.mark.parametrize("index", [0, 6, -1, slice(2, 5), slice(None), slice(5, 2), slice(-3, None), slice(0, 7, 3)])
def test_indices_mean_what_they_mean_for_an_array(index: int | slice, frames: tuple[StoredFrames, np.ndarray]) -> None:
    stored, array = frames
    np.testing.assert_array_equal(stored[index], array[index])
    assert len(stored) == len(array)
    assert stored.shape == array.shape
    np.testing.assert_array_equal(np.asarray(stored), array)


def test_a_part_is_a_window_of_the_whole(frames: tuple[StoredFrames, np.ndarray]) -> None:
    stored, array = frames
    part = stored.part(2, 6)
    np.testing.assert_array_equal(part[:], array[2:6])
    np.testing.assert_array_equal(part.part(1, 9)[0], array[3])


def test_a_frame_beyond_the_end_is_an_index_error(frames: tuple[StoredFrames, np.ndarray]) -> None:
    with pytest.raises(IndexError):
        frames[0][7]


def test_a_file_of_something_else_is_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "other.npy", np.zeros((2, 3)))
    with pytest.raises(ValueError, match="expected uint8 frames"):
        StoredFrames.open(tmp_path / "other.npy")


def test_more_recordings_than_files_may_be_open_are_all_loaded(tmp_path: Path) -> None:
    """Each kept a file open once: those beyond the limit were passed over, and the status was 0."""
    source = write_recordings(tmp_path / "source", 1)
    video, actions = next(source.glob("*.mp4")), next(source.glob("*.jsonl"))
    many = tmp_path / "many"
    many.mkdir()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    opened = len(list(Path("/proc/self/fd").iterdir())) if Path("/proc/self/fd").exists() else 64
    count = 60
    for number in range(count):
        (many / f"clip{number}.mp4").symlink_to(video)
        (many / f"clip{number}.jsonl").symlink_to(actions)
    load_episodes(many, size=SIZE, cache=tmp_path / "cache")
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (opened + 30, hard))
        episodes = load_episodes(many, size=SIZE, cache=tmp_path / "cache", workers=2)
        assert len(episodes) == count
        assert not episodes.skipped
        assert all(episode.frames[0].shape == (*SIZE, 3) for episode in episodes)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
