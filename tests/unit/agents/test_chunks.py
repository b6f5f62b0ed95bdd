from itertools import islice

import numpy as np
import pytest

from agents.chunks import Chunks, class_counts, draw_chunks, draw_runs, mirror_actions
from agents.codec import JointCodec
from env.actions import BUTTONS, Actions
from learning.data import Episode
from learning.distributed import Share
from learning.sources import EpisodeSource


def make_episode(ticks: int, number: int) -> Episode:
    """Frame t of episode n is t in its left half and n in its right half; the last two ticks are unusable."""
    frames = np.zeros((ticks, 4, 6, 3), np.uint8)
    frames[:, :, :3] = np.arange(ticks)[:, None, None, None]
    frames[:, :, 3:] = number
    buttons = np.zeros((ticks, 20), bool)
    buttons[::2, BUTTONS.index("left")] = True
    usable = np.ones(ticks, bool)
    usable[-2:] = False
    return Episode(frames, Actions(buttons, np.zeros((ticks, 2), np.float32)), usable, f"episode {number}")


EPISODES = [make_episode(ticks, number) for number, ticks in enumerate([50, 7, 33], start=100)]
SOURCE = EpisodeSource(EPISODES)


def test_every_tick_comes_once_a_pass() -> None:
    runs = draw_runs([50, 7, 33], run=20, mirror=0.0, rng=np.random.default_rng(0))
    seen: list[tuple[int, int]] = []
    while len(seen) < 90:
        run = next(runs)
        assert run.stop - run.start <= 20
        seen += [(run.episode, tick) for tick in range(run.start, run.stop)]
    assert len(seen) == len(set(seen)) == 90


def test_a_slot_goes_through_a_run_in_order() -> None:
    """A slot shows tick after tick, and says where it jumps: the memory never joins what does not belong together."""
    batches = list(islice(Chunks(SOURCE, chunk=8, slots=3, run=20), 40))
    for slot in range(3):
        ticks = np.concatenate([batch.frames[slot, :, 0, 0, 0].numpy() for batch in batches]).astype(int)
        episodes = np.concatenate([batch.frames[slot, :, 0, 5, 0].numpy() for batch in batches])
        first = np.concatenate([batch.first[slot].numpy() for batch in batches])
        follows = (np.diff(ticks) == 1) & (np.diff(episodes.astype(int)) == 0)
        assert first[0]
        assert (follows | first[1:]).all()
        assert first.mean() < 0.25


def test_batches_depend_on_seed_and_step_alone() -> None:
    """A resumed run sees the batches that an unbroken one would have seen."""
    whole = list(islice(Chunks(SOURCE, chunk=8, slots=2, run=20, mirror=0.5, seed=3), 12))
    resumed = list(islice(Chunks(SOURCE, chunk=8, slots=2, run=20, mirror=0.5, seed=3, share=Share(first_batch=5)), 7))
    other = next(iter(Chunks(SOURCE, chunk=8, slots=2, run=20, mirror=0.5, seed=4)))
    for expected, got in zip(whole[5:], resumed, strict=True):
        assert all(bool((a == b).all()) for a, b in zip(expected, got, strict=True))
    assert not bool((other.frames == whole[0].frames).all())


def test_once_reads_each_recording_in_order() -> None:
    batches = list(Chunks(SOURCE, chunk=10, slots=1, once=True))
    ticks = np.concatenate([batch.frames[0, :, 0, 0, 0].numpy() for batch in batches])
    assert ticks.tolist() == [*range(50), *range(7), *range(33)]


def test_unusable_and_null_ticks_weigh_less() -> None:
    batch = next(iter(Chunks(EpisodeSource([EPISODES[1]]), chunk=7, slots=1, once=True, null_weight=0.25)))
    assert batch.weight[0].tolist() == [1, 0.25, 1, 0.25, 1, 0, 0]


def test_mirror_swaps_left_and_right() -> None:
    buttons = np.zeros((1, 20), bool)
    buttons[0, [BUTTONS.index("left"), BUTTONS.index("attack")]] = True
    actions = Actions(buttons, np.array([[2.0, -5.0]], np.float32))
    mirrored = mirror_actions(actions)
    assert mirrored.button("right")[0]
    assert mirrored.button("attack")[0]
    assert not mirrored.button("left")[0]
    assert mirrored.camera.tolist() == [[2.0, 5.0]]
    assert mirror_actions(mirrored) == actions


def test_mirrored_runs_show_the_mirrored_picture() -> None:
    batch = next(iter(Chunks(EpisodeSource([EPISODES[0]]), chunk=10, slots=1, mirror=1.0)))
    assert (batch.frames[0, :, 0, 0, 0] == 100).all()
    right = JointCodec().encode(mirror_actions(EPISODES[0].actions))[0]
    assert set(batch.buttons[0].tolist()) <= set(right.tolist())


def test_tint_changes_the_light_and_keeps_the_actions() -> None:
    """A run keeps its light from its first tick to its last."""
    plain, tinted = (
        next(iter(Chunks(EpisodeSource([EPISODES[0]]), chunk=10, slots=1, tint=tint, run=100))) for tint in (0.0, 0.3)
    )
    colours = tinted.frames[0, :, 0, 5].float()
    assert not bool((tinted.frames == plain.frames).all())
    assert bool((colours == colours[0]).all())
    assert bool((tinted.buttons == plain.buttons).all())


def test_class_counts_cover_what_training_shows() -> None:
    """With mirrored runs, the mirror's classes count too; without the camera bit, the camera does not."""
    played = [episode.actions for episode in EPISODES]
    plain = class_counts(played, mirrored=False)
    mirrored = class_counts(played, mirrored=True)
    assert plain[0].sum() == 90
    assert mirrored[0].sum() == 180
    assert np.count_nonzero(mirrored[0]) == np.count_nonzero(plain[0]) + 1
    assert plain[1].sum() == 0


def test_a_short_recording_is_no_obstacle() -> None:
    """Chunks longer than any recording are filled from several."""
    batch = next(iter(Chunks(EpisodeSource([EPISODES[1]]), chunk=30, slots=2)))
    assert batch.frames.shape == (2, 30, 4, 6, 3)
    assert (batch.first.sum(1) >= 4).all()


def test_chunks_end_with_the_runs() -> None:
    assert list(draw_chunks(iter(()), slots=2, chunk=4)) == []


class Short(EpisodeSource):
    """Recordings that end before they said they would."""

    def read(self, recording: int, start: int, stop: int) -> Episode:
        return super().read(recording, start, min(stop, 21))


def test_ticks_that_are_not_there_do_not_count() -> None:
    batches = islice(Chunks(Short([EPISODES[0]]), chunk=10, slots=1, run=100), 12)
    ticks = np.concatenate([batch.frames[0, :, 0, 0, 0].numpy() for batch in batches])
    weights = np.concatenate(
        [batch.weight[0].numpy() for batch in islice(Chunks(Short([EPISODES[0]]), chunk=10, slots=1, run=100), 12)]
    )
    assert set(ticks.tolist()) == set(range(21))
    assert (weights == 0).mean() > 0.4


@pytest.mark.parametrize("workers", [0, 2])
def test_a_resumed_run_reads_only_what_is_to_come(workers: int) -> None:
    """The same batches, though runs that are half done are read from their middle on."""
    options = {"chunk": 8, "slots": 3, "run": 30, "mirror": 0.5, "tint": 0.2, "seed": 3}
    whole = list(islice(Chunks(SOURCE, **options), 25))  # type: ignore[arg-type]
    resumed = Chunks(SOURCE, **options, share=Share(first_batch=13), workers=workers)  # type: ignore[arg-type]
    for expected, got in zip(whole[13:], islice(resumed, 12), strict=True):
        assert all(bool((a == b).all()) for a, b in zip(expected, got, strict=True))


def test_two_processes_have_the_slots_of_one() -> None:
    options = {"chunk": 8, "run": 20, "mirror": 0.5, "seed": 3}
    whole = list(islice(Chunks(SOURCE, slots=4, **options), 9))  # type: ignore[arg-type]
    for rank in range(2):
        half = islice(Chunks(SOURCE, slots=2, share=Share(rank, 2), **options), 9)  # type: ignore[arg-type]
        for expected, got in zip(whole, half, strict=True):
            assert bool((expected.frames[2 * rank : 2 * rank + 2] == got.frames).all())


def test_half_of_the_runs_may_reach_a_milestone() -> None:
    """Rare items as often as common ones; a run shows the tick, near its end."""
    milestones = [{"log": 100, "dirt": 5}, {"log": 400, "stone_pickaxe": 700}, {}]
    runs = draw_runs(
        [1000, 1000, 1000], run=80, milestones=milestones, milestone_share=0.5, rng=np.random.default_rng(0)
    )
    drawn = list(islice(runs, 4000))

    def reaching(episode: int, tick: int) -> float:
        return float(np.mean([run.episode == episode and run.start <= tick < run.stop <= tick + 21 for run in drawn]))

    assert 0.20 < reaching(1, 700) < 0.31
    assert 0.20 < reaching(0, 100) + reaching(1, 400) < 0.31
    assert reaching(0, 5) < 0.02


def test_without_milestones_runs_are_as_ever() -> None:
    plain, share = (
        list(islice(draw_runs([50, 70], run=20, milestone_share=share, rng=np.random.default_rng(0)), 30))
        for share in (0.0, 0.5)
    )
    assert plain == share
