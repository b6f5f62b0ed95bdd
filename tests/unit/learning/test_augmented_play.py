"""Copies on the disk, and streams some of whose stretches are augmented."""

from dataclasses import fields
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from env.actions import Actions
from env.errors import GhostkeysError
from idm.datamodule import IDMDataModule
from idm.model import InverseDynamicsModel
from learning.augmentation import Augmentation
from learning.augmented_play import AugmentedCopies, AugmentSome
from learning.data import Episode, EpisodeSet
from learning.distributed import Share
from learning.frame_cache import CacheFullError, FrameCache
from learning.sources import EpisodeSource
from learning.streaming import StreamedWindows
from learning.windows import Batch, RandomWindows
from tests.unit.idm.clips import SIZE, TINY, make_episode, write_recordings

NONE = Augmentation(**dict.fromkeys([field.name for field in fields(Augmentation)], 0.0))
EXACT = Augmentation(compression=0.0)
"""Without x264, which compresses equal frames a little differently from time to time."""
GREYS = Augmentation(**{**dict.fromkeys([field.name for field in fields(Augmentation)], 0.0), "brightness": 1.0})


@pytest.fixture
def episodes() -> EpisodeSet:
    return EpisodeSet((make_episode(150, seed=0), make_episode(70, seed=1)))


def copies(episodes: EpisodeSet, folder: Path, **changes: object) -> AugmentedCopies:
    arguments: dict[str, object] = {"share": 1.0, "seed": 3, "run": "", "stretch": 50, "cache": FrameCache(folder)}
    augmentation = changes.pop("augmentation", Augmentation())
    return AugmentedCopies.write(episodes, augmentation, **(arguments | changes))  # type: ignore[arg-type]


def test_all_play_is_copied_in_stretches_with_its_labels(episodes: EpisodeSet, tmp_path: Path) -> None:
    made = copies(episodes, tmp_path, augmentation=NONE).episodes
    assert [(each.name, each.start, len(each)) for each in made] == [
        ("noise-0", 0, 50),
        ("noise-0", 50, 50),
        ("noise-0", 100, 50),
        ("noise-1", 0, 70),
    ]
    for each in made:
        origin = next(episode for episode in episodes if episode.name == each.name)
        ticks = slice(each.start, each.start + len(each))
        np.testing.assert_array_equal(each.frames[:], origin.frames[ticks])
        np.testing.assert_array_equal(each.actions.camera, origin.actions.camera[ticks])
        np.testing.assert_array_equal(each.actions.buttons, origin.actions.buttons[ticks])


def test_no_window_has_two_draws(tmp_path: Path) -> None:
    """Of a white picture, each draw makes one grey."""
    actions = Actions.none(200)
    white = Episode(np.full((200, *SIZE, 3), 120, np.uint8), actions, np.ones(200, bool), "white")
    made = copies(EpisodeSet((white,)), tmp_path, augmentation=GREYS)
    greys = {int(each.frames[0].max()) for each in made.episodes}
    assert len(greys) == 4
    for batch in islice(RandomWindows(made.episodes, window=20, batch_size=8, seed=0), 20):
        for window in batch.frames:
            assert len(window.unique()) == 1


@pytest.mark.parametrize(("share", "stretches"), [(0.0, 0), (0.5, 2), (1.0, 4)])
def test_a_share_of_the_stretches_is_copied(share: float, stretches: int, episodes: EpisodeSet, tmp_path: Path) -> None:
    assert len(copies(episodes, tmp_path, share=share).episodes) == stretches


def test_the_seed_decides_the_copies_and_they_are_found_again(episodes: EpisodeSet, tmp_path: Path) -> None:
    first = copies(episodes, tmp_path / "a", augmentation=EXACT)
    for path in first.files:
        path.touch()
    written = [path.stat().st_mtime_ns for path in first.files]
    again, other = (copies(episodes, tmp_path / name, augmentation=EXACT) for name in "ab")
    assert [path.stat().st_mtime_ns for path in again.files] == written
    for one, two in zip(again.episodes, other.episodes, strict=True):
        np.testing.assert_array_equal(one.frames[:], two.frames[:])
    changed = copies(episodes, tmp_path / "a", augmentation=EXACT, seed=4)
    assert not set(changed.files) & set(first.files)
    assert not np.array_equal(changed.episodes[0].frames[:], first.episodes[0].frames[:])


def test_removing_copies_leaves_those_of_another_run(episodes: EpisodeSet, tmp_path: Path) -> None:
    mine, others = copies(episodes, tmp_path, run="a"), copies(episodes, tmp_path, run="b")
    mine.remove()
    assert sorted(tmp_path.glob("*.npy")) == sorted(others.files)


def test_copies_count_for_the_bound_of_the_cache(episodes: EpisodeSet, tmp_path: Path) -> None:
    with pytest.raises(CacheFullError, match="cache-gb"):
        copies(episodes, tmp_path, cache=FrameCache(tmp_path, max_gb=1e-4))


def streamed(change: AugmentSome | None, *, first: int = 0, workers: int = 0) -> StreamedWindows:
    source = EpisodeSource([make_episode(100, seed=seed) for seed in range(6)])
    return StreamedWindows(
        source,
        window=10,
        batch_size=3,
        capacity=4,
        stretch=50,
        seed=1,
        share=Share(first_batch=first),
        workers=workers,
        change=change,
    )


def assert_equal(one: Batch, two: Batch) -> None:
    assert one.frames.equal(two.frames)
    assert one.camera.equal(two.camera)
    assert one.buttons.equal(two.buttons)


@pytest.mark.parametrize("workers", [0, 2])
def test_a_streamed_run_that_goes_on_sees_the_same_draws(workers: int) -> None:
    change = AugmentSome(EXACT, 0.5, 1)
    unbroken = list(islice(streamed(change), 12))
    for one, two in zip(unbroken[7:], islice(streamed(change, first=7, workers=workers), 5), strict=True):
        assert_equal(one, two)


def test_another_pass_has_other_draws_and_the_same_labels() -> None:
    episode, change = make_episode(40, seed=0), AugmentSome(Augmentation(), 1.0, 1)
    one, two = change(episode, 0), change(episode, 12)
    assert not np.array_equal(one.frames[:], two.frames[:])
    assert one.actions is two.actions is episode.actions


def test_a_share_of_the_stretches_of_a_stream_is_augmented() -> None:
    episode, change = make_episode(20, seed=0), AugmentSome(Augmentation(), 0.25, 0)
    changed = sum(change(episode, number) is not episode for number in range(400))
    assert 70 <= changed <= 130


def test_augmented_stretches_have_motion_features_of_their_own(recordings: Path, tmp_path: Path) -> None:
    """Those that came with the frames, as from shards, would belong to other pixels."""
    model = InverseDynamicsModel(TINY)
    assert model.motion is not None
    data = IDMDataModule(str(recordings), size=SIZE, window=16, cache=tmp_path, frames="stream", augment=1.0)
    data.setup("fit")
    data.compute_motion(model.motion, "")
    change = data._change
    assert change is not None
    assert change.complete is not None
    plain = change.complete(make_episode(20, seed=0))
    changed = change(plain, 0)
    assert changed.motion is not None
    assert changed.motion.shape == plain.motion.shape  # type: ignore[union-attr]
    assert not np.array_equal(changed.motion, plain.motion)  # type: ignore[arg-type]


def module(root: Path, cache: Path, **changes: object) -> IDMDataModule:
    data = IDMDataModule(str(root), size=SIZE, window=16, cache=cache, seed=2, **changes)  # type: ignore[arg-type]
    data.setup("fit")
    return data


def test_training_sees_copies_with_features_and_validation_none(recordings: Path, tmp_path: Path) -> None:
    model = InverseDynamicsModel(TINY)
    assert model.motion is not None
    plain, more = module(recordings, tmp_path), module(recordings, tmp_path, augment=1.0)
    before = set(tmp_path.glob("*.npy"))
    assert more.compute_motion(model.motion, "").shape[0] == 2 * plain.compute_motion(model.motion, "").shape[0]
    assert plain.episodes is not None
    assert more.episodes is not None
    assert all(each.motion is not None for each in more.episodes)
    assert [each.name for each in more.validation] == [each.name for each in plain.validation]
    for one, two in zip(more.validation, plain.validation, strict=True):
        np.testing.assert_array_equal(one.frames[:], two.frames[:])
    more.teardown("fit")
    left = set(tmp_path.glob("*.npy"))
    assert left < before
    assert not any("augmented" in path.name for path in left)
    assert more.episodes.ticks == plain.episodes.ticks


def test_without_augmentation_batches_are_as_they_were(recordings: Path, tmp_path: Path) -> None:
    data = module(recordings, tmp_path)
    assert data.episodes is not None
    expected = RandomWindows(data.episodes, window=16, batch_size=8, seed=2)
    for one, two in zip(islice(data.train_dataloader(), 5), islice(expected, 5), strict=True):
        assert_equal(one, two)
    stream = module(recordings, tmp_path, frames="stream", workers=0)
    windows = StreamedWindows(stream.source, window=16, batch_size=8, capacity=stream.capacity, seed=2)
    for one, two in zip(islice(stream.train_dataloader(), 5), islice(windows, 5), strict=True):
        assert_equal(one, two)


def test_a_share_beyond_one_is_refused(recordings: Path) -> None:
    with pytest.raises(GhostkeysError, match="augment"):
        IDMDataModule(str(recordings), augment=1.5)


def test_room_for_copies_counts_where_frames_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Play that fits by itself, but not with its copies, is streamed."""
    root = write_recordings(tmp_path / "play", 2)
    gigabytes = 2 * 48 * SIZE[0] * SIZE[1] * 3 / 1e9
    monkeypatch.setattr("learning.datamodule.STREAM_ABOVE_GB", 1.5 * gigabytes)
    assert not module(root, tmp_path / "cache").is_streamed
    assert module(root, tmp_path / "cache", augment=1.0).is_streamed
