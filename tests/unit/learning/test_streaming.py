import logging
import os
import signal
from collections import Counter
from collections.abc import Sequence
from itertools import islice, pairwise

import numpy as np
import pytest

from env.actions import BUTTONS, Actions
from env.errors import GhostkeysError, RecordingError, VideoError
from learning.data import Episode, Size
from learning.distributed import Share
from learning.read_ahead import read_ahead
from learning.sources import EpisodeSource, Span, Spans
from learning.streaming import StreamedWindows, buffer_capacity, shuffled, stretches_of
from learning.windows import Batch, Drawable, draw_windows

SIZE = (2, 2)


def make_episode(ticks: int, number: int, *, usable: Sequence[bool] | None = None) -> Episode:
    """Each frame says which tick of which recording it is."""
    frames = np.zeros((ticks, *SIZE, 3), np.uint8)
    frames[..., 0] = (np.arange(ticks) % 256)[:, None, None]
    frames[..., 1] = (np.arange(ticks) // 256)[:, None, None]
    frames[..., 2] = number
    actions = Actions(np.zeros((ticks, 20), bool), np.zeros((ticks, 2), np.float32))
    return Episode(frames, actions, np.ones(ticks, bool) if usable is None else np.array(usable), f"recording {number}")


def source_of(*lengths: int) -> EpisodeSource:
    return EpisodeSource([make_episode(ticks, number) for number, ticks in enumerate(lengths)])


def ticks_of(batch: Batch) -> list[tuple[int, int]]:
    """(recording, tick) of each frame in a batch."""
    places = batch.frames[:, :, 0, 0].reshape(-1, 3).int()
    return [(int(number), int(low) + 256 * int(high)) for low, high, number in places.tolist()]


class Broken(EpisodeSource):
    """Some recordings cannot be read."""

    def __init__(self, *lengths: int, broken: Sequence[int]) -> None:
        super().__init__(source_of(*lengths).episodes)
        self.broken = broken

    def read(self, recording: int, start: int, stop: int) -> Episode:
        if recording in self.broken:
            raise VideoError(f"{self.names[recording]} is cut off")
        return super().read(recording, start, stop)


class Deadly(EpisodeSource):
    """A recording that ends the process that reads it."""

    size: Size

    def read(self, recording: int, start: int, stop: int) -> Episode:
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError


def test_stretches_lie_side_by_side() -> None:
    spans = stretches_of([1000, 30, 0, 140], 100)
    assert [span.stop - span.start for span in spans if span.recording == 0] == [100] * 10
    assert [span for span in spans if span.recording] == [Span(1, 0, 30), Span(3, 0, 140)]


def test_each_pass_is_in_another_order_and_whole() -> None:
    spans = stretches_of([500, 500], 100)
    passes = list(islice(shuffled(spans, seed=0), 20))
    assert sorted(passes[:10]) == sorted(passes[10:]) == sorted(spans)
    assert passes[:10] != passes[10:]
    assert passes[3::2] == list(islice(shuffled(spans, seed=0, first=3, every=2), 9))


def test_every_tick_is_about_as_often_in_a_batch() -> None:
    """Each stretch is in memory for as many batches as any other."""
    source = source_of(*[100] * 12)
    windows = StreamedWindows(source, window=10, batch_size=5, capacity=4, stretch=50, seed=1)
    seen = Counter(number for batch in islice(windows, 480) for number, _ in ticks_of(batch))
    # 24,000 ticks of 12 recordings: 20 times each tick.
    assert set(seen) == set(range(12))
    assert all(1400 < count < 2600 for count in seen.values())


def test_memory_holds_no_more_than_the_buffer() -> None:
    windows = StreamedWindows(source_of(*[100] * 12), window=10, batch_size=5, capacity=4, stretch=50, seed=1)
    assert max(len(held) for _, held in islice(windows.buffer, 100)) == 4


def test_training_need_not_wait_for_a_full_buffer() -> None:
    """The first batch is drawn from a few stretches; the buffer grows with each batch that follows."""
    windows = StreamedWindows(source_of(*[100] * 40), window=10, batch_size=5, capacity=20, stretch=50, seed=1)
    held = [len(held) for _, held in islice(windows.buffer, 20)]
    assert held == [8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, *[20] * 8]
    (resumed,) = islice(
        StreamedWindows(
            source_of(*[100] * 40), window=10, batch_size=5, capacity=20, stretch=50, seed=1, share=Share(first_batch=5)
        ).buffer,
        1,
    )
    assert len(resumed[1]) == 13
    assert buffer_capacity(1.0, (128, 128), 600) == 33


def test_a_batch_larger_than_the_buffer_renews_half_of_it() -> None:
    windows = StreamedWindows(source_of(*[100] * 40), window=10, batch_size=100, capacity=4, stretch=50, seed=1)
    numbers = [{each.episode.name for each in held} for _, held in islice(windows.buffer, 10)]
    assert all(len(now & later) >= 1 for now, later in pairwise(numbers))


@pytest.mark.parametrize("workers", [0, 2])
def test_batches_depend_on_seed_and_number_alone(workers: int) -> None:
    """A run that goes on at batch 7, with other processes that decode, sees what an unbroken one sees there."""
    source = source_of(*[100] * 12)

    def batches(share: Share, workers: int) -> StreamedWindows:
        return StreamedWindows(
            source, window=10, batch_size=3, capacity=4, stretch=50, seed=1, share=share, workers=workers
        )

    whole = list(islice(batches(Share(), 0), 12))
    resumed = list(islice(batches(Share(first_batch=7), workers), 5))
    for expected, got in zip(whole[7:], resumed, strict=True):
        assert expected.frames.equal(got.frames)
        assert expected.first.equal(got.first)


def test_processes_that_train_together_read_different_stretches() -> None:
    source = source_of(*[100] * 12)
    seen = []
    for rank in range(2):
        share = Share(rank, 2)
        windows = StreamedWindows(source, window=10, batch_size=5, capacity=4, stretch=50, seed=1, share=share)
        held = {(each.episode.name, each.episode.start) for _, held in islice(windows.buffer, 9) for each in held}
        seen.append(held)
    assert not seen[0] & seen[1]


def test_a_recording_that_cannot_be_read_is_named_once_and_passed_over(caplog: pytest.LogCaptureFixture) -> None:
    source = Broken(*[100] * 4, broken=[1])
    with caplog.at_level(logging.WARNING):
        batches = list(islice(StreamedWindows(source, window=10, batch_size=5, capacity=3, stretch=50), 60))
    assert {number for batch in batches for number, _ in ticks_of(batch)} == {0, 2, 3}
    assert [record.message for record in caplog.records] == ["passed over recording 1: recording 1 is cut off"]


def test_nothing_but_broken_recordings_is_an_error() -> None:
    source = Broken(100, 100, broken=[0, 1])
    with pytest.raises(RecordingError, match="cannot be read"):
        next(iter(StreamedWindows(source, window=10, batch_size=5, capacity=3, stretch=50)))


def test_a_killed_process_is_an_error_that_says_how_to_go_on() -> None:
    with pytest.raises(GhostkeysError, match="same command goes on"):
        list(read_ahead(Deadly(source_of(50).episodes), [Span(0, 0, 50)], workers=1))


class Faulty(EpisodeSource):
    """A fault of the program, which is no recording's."""

    def read(self, recording: int, start: int, stop: int) -> Episode:
        raise RuntimeError("a fault of the program")


def test_a_fault_in_a_process_is_not_taken_for_a_killed_one() -> None:
    with pytest.raises(RuntimeError, match="a fault of the program"):
        list(read_ahead(Faulty(source_of(50).episodes), [Span(0, 0, 50)], workers=1))


def test_reading_ahead_leaves_lazy_things_alone_and_keeps_everything() -> None:
    episode = make_episode(40, 3)
    told = Episode(
        episode.frames,
        episode.actions,
        episode.usable,
        episode.name,
        np.arange(80, dtype=np.float16).reshape(40, 2),
        np.arange(40) % 2 == 0,
    )
    (here,), (there,) = (list(read_ahead(EpisodeSource([told]), [Span(0, 5, 25)], workers=w)) for w in (0, 1))
    for read in (here, there):
        assert (read.name, read.start, len(read)) == ("recording 3", 5, 20)
        assert np.array_equal(read.frames[:], episode.frames[5:25])
        assert read.motion is not None
        assert np.array_equal(read.motion[:, 0], np.arange(10, 50, 2))
        assert read.gui is not None
        assert read.gui.tolist() == [tick % 2 == 0 for tick in range(5, 25)]


def test_spans_are_recordings_of_their_own() -> None:
    spans = Spans(source_of(100, 60), [Span(1, 20, 50), Span(0, 0, 100)])
    assert list(spans.lengths) == [30, 100]
    assert spans.read(0, 5, 90).frames[:][:, 0, 0, 0].tolist() == list(range(25, 50))


def test_a_window_says_where_a_recording_starts() -> None:
    (batch,) = islice(StreamedWindows(source_of(100), window=100, batch_size=1, capacity=1, stretch=100), 1)
    assert batch.first[0].tolist() == [True, *[False] * 99]


def test_rare_presses_are_in_as_many_windows_as_common_ones() -> None:
    episode = make_episode(2000, 0)
    attack, drop = BUTTONS.index("attack"), BUTTONS.index("drop")
    episode.actions.buttons[::20, attack] = True
    episode.actions.buttons[777, drop] = True
    drawable = [Drawable(make_episode(300, 1), 16), Drawable(episode, 16)]

    def shown(rare_share: float, button: int) -> float:
        rng = np.random.default_rng(0)
        drawn = draw_windows(drawable, 1000, rng, rare_share=rare_share)
        assert all(w.start >= 0 and w.stop <= len(drawable[w.episode].episode) for w in drawn)
        found = [drawable[w.episode].episode.actions.buttons[w.start : w.stop, button].any() for w in drawn]
        return float(np.mean(found))

    assert shown(0.0, drop) < 0.03
    assert shown(0.5, drop) > 0.2
    assert shown(0.5, attack) > 0.5


def test_without_a_press_rare_windows_are_like_others() -> None:
    assert len(draw_windows([Drawable(make_episode(50, 0), 16)], 10, np.random.default_rng(0), rare_share=1.0)) == 10


def test_whole_windows_have_no_unusable_tick() -> None:
    usable = [tick % 17 != 0 for tick in range(200)]
    windows = StreamedWindows(
        EpisodeSource([make_episode(200, 0, usable=usable)]),
        window=8,
        batch_size=20,
        capacity=2,
        stretch=60,
        whole=True,
    )
    assert all(bool(batch.usable.all()) for batch in islice(windows, 20))
    assert len({place for batch in islice(windows, 20) for place in ticks_of(batch)}) > 40
