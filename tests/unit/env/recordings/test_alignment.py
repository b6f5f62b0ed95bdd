"""Lines and frames of a recorder that lost some of either: every pair is right, or the alignment is in doubt."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from env import Recording, RecordingWriter
from env.recordings.alignment import Alignment, lay
from env.recordings.check import check_recording
from env.recordings.contractor import PlayerInput
from env.video.encoding import write_video
from env.video.table import FrameTable
from tests.unit.env.video.clips import write_frames_at

LINE = PlayerInput(
    line=1, names=frozenset(), new_buttons=(), dx=0.0, dy=0.0, hotbar=0, gui=False, cursor=None, tick=None, milli=None,
    complete=True,
)  # fmt: skip

NOON = 1_649_575_088_006
"""The time of day in milliseconds."""


@dataclass(frozen=True)
class Case:
    """What a recorder wrote, and what each line and frame truly are: game ticks."""

    lines: Sequence[int]
    frames: Sequence[int]
    count: Callable[[int], float | None] = lambda tick: tick
    clock: Callable[[int], float | None] = lambda tick: NOON + 50 * tick
    stamp: Callable[[int], float] = lambda tick: tick / 20

    def laid(self, rate: float = 20.0) -> Alignment:
        """Laid in steps of 1/`rate` s, in which the recorder wrote and the video goes."""
        faster = rate / 20
        clocks = [self.clock(tick) for tick in self.lines]
        ticks = [
            replace(LINE, tick=self.count(tick), milli=None if clock is None else clock / faster)
            for tick, clock in zip(self.lines, clocks, strict=True)
        ]
        return lay(ticks, table_of([self.stamp(tick) / faster for tick in self.frames]), rate=rate)

    @property
    def right(self) -> list[int]:
        """The frame of each line's tick, -1 for none, and for a line written twice."""
        where = {tick: number for number, tick in enumerate(self.frames)}
        return [-1 if tick in self.lines[:number] else where.get(tick, -1) for number, tick in enumerate(self.lines)]


def table_of(stamps: Sequence[float], *, hidden: Sequence[int] = ()) -> FrameTable:
    """A table of frames with these time stamps (s), and packets at the places `hidden` that an edit list leaves out."""
    seconds = np.array(stamps) - stamps[0]
    discarded = np.isin(np.arange(len(seconds) + len(hidden)), hidden)
    numbers = np.full(len(discarded), -1)
    numbers[~discarded] = np.arange(len(seconds))
    everything, end = np.ones(len(discarded), bool), float(seconds[-1]) + 0.05
    return FrameTable(
        seconds, end, np.array([], np.int64), numbers, everything, discarded, (), announced=0, cut_off=False
    )


def without(lost: Sequence[int], length: int = 200) -> list[int]:
    return [tick for tick in range(length) if tick not in lost]


ALL = range(200)
NEVER: Callable[[int], None] = lambda tick: None  # noqa: E731


def slow(tick: int) -> float:
    """Seconds, in a game that takes long over the ticks 50 and 120."""
    return tick / 20 + 0.05 * (tick > 50) + 0.13 * (tick > 120)


EXPLAINED = {
    "nothing lost": Case(ALL, ALL),
    "lines lost in the middle": Case(without(range(30, 41)), ALL),
    "lines lost at the end": Case(range(190), ALL),
    "lines lost at the start": Case(range(7, 200), ALL),
    "frames lost, with a gap": Case(ALL, without(range(30, 41))),
    "as many lines as frames lost": Case(without([60]), without([140])),
    "as many frames as lines lost, frames first": Case(without([140, 141]), without([60, 61])),
    "the same ticks lost": Case(without([60]), without([60])),
    "a line lost at the end, a frame in the middle": Case(range(199), without([60])),
    "lines written twice": Case([*range(50), 49, 49, *range(50, 200)], ALL),
    "a line written twice, another lost": Case([*range(50), 49, *range(51, 200)], ALL),
    "a line written twice, a frame lost": Case([*range(50), 49, *range(50, 200)], without([100])),
    "a count that began long before": Case(without([60]), without([140]), count=lambda tick: 6000 + tick),
    "a count that begins at one": Case(ALL, ALL, count=lambda tick: 1 + tick),
    "a count that begins anew": Case(ALL, ALL, count=lambda tick: tick % 150),
    "lines without a count": Case(ALL, ALL, count=lambda tick: tick if tick % 10 != 5 else None),
    "a clock alone": Case(without([60]), without([140]), count=NEVER),
    "a clock alone that is a little uneven": Case(
        without([60]), without([140]), count=NEVER, clock=lambda tick: NOON + 50 * tick + tick * 7 % 15
    ),
    "a clock alone that began with the recording": Case(range(190), ALL, count=NEVER, clock=lambda tick: 50 * tick),
    "no count, no clock": Case(ALL, ALL, count=NEVER, clock=NEVER),
    "no count, no clock, frames lost with a gap": Case(ALL, without([60]), count=NEVER, clock=NEVER),
    "slow ticks in an even video": Case(ALL, ALL, clock=lambda tick: NOON + 1000 * slow(tick)),
    "slow ticks in real time": Case(ALL, ALL, clock=lambda tick: NOON + 1000 * slow(tick), stamp=slow),
    "slow ticks in real time, lines lost": Case(
        without([20, 90]), ALL, clock=lambda tick: NOON + 1000 * slow(tick), stamp=slow
    ),
    "slow ticks and a frame lost with a gap": Case(ALL, without([80]), clock=lambda tick: NOON + 1000 * slow(tick)),
    "30 frames a second, each a tick": Case(without([60]), ALL, stamp=lambda tick: tick / 30),
    "30 frames a second, frames lost with a gap": Case(ALL, without([60]), stamp=lambda tick: tick / 30),
    "10 frames a second, each a tick": Case(without([60]), ALL, stamp=lambda tick: tick / 10),
    "ticks in the nearest of 30 frames a second": Case(ALL, ALL, stamp=lambda tick: round(tick * 1.5 + 0.01) / 30),
    "milliseconds cut off": Case(without([60]), without([140]), stamp=lambda tick: int(tick * 1000 / 20) / 1000),
    "one line, one frame": Case([0], [0]),
}


@pytest.mark.parametrize("rate", [20, 30, 60])
@pytest.mark.parametrize("case", EXPLAINED.values(), ids=EXPLAINED)
def test_lines_and_frames_that_explain_one_another(case: Case, rate: int) -> None:
    laid = case.laid(rate)
    assert (laid.doubt, laid.frames.tolist()) == (None, case.right)


IN_DOUBT = {
    "frames lost without a gap": Case(ALL, without([60]), stamp=lambda tick: tick - (tick > 60)),
    "as many lines lost as frames without a gap": Case(
        without([140]), without([60]), stamp=lambda tick: (tick - (tick > 60)) / 20
    ),
    "the last frame lost": Case(ALL, range(199)),
    "the first frame lost": Case(ALL, range(1, 200)),
    "lines lost at both ends": Case(range(7, 190), ALL),
    "a count that began long before, lines lost at an end": Case(range(190), ALL, count=lambda tick: 6000 + tick),
    "a count that begins at one, and both lost": Case(without([60]), without([140]), count=lambda tick: 1 + tick),
    "a count that begins anew, and lines lost": Case(without([60]), range(190), count=lambda tick: tick % 150),
    "frames repeated in slow ticks": Case(
        [tick for tick in range(205) if tick % 50 != 7],
        range(205),
        count=lambda tick: tick - (tick + 42) // 50,
    ),
    "a clock alone, as many frames as lines, but more ticks": Case(
        without([140]), without([60]), count=NEVER, stamp=lambda tick: (tick - (tick > 60)) / 20
    ),
    "a clock alone of the time of day, and lines lost at an end": Case(range(190), ALL, count=NEVER),
    "an uneven clock alone that never catches up": Case(
        without([140]),
        without([60]),
        count=NEVER,
        clock=lambda tick: NOON + 50 * tick + tick * 17 % 40,
        stamp=lambda tick: (tick - (tick > 60)) / 20,
    ),
    "neither count nor clock, a line more": Case(ALL, range(199), count=NEVER, clock=NEVER),
    "neither count nor clock, and stamps that leap": Case(range(199), without([60]), count=NEVER, clock=NEVER),
    "a count, no clock, and stamps that leap": Case(range(199), without([60]), clock=NEVER),
    "an absurd count": Case(ALL, ALL, count=lambda tick: 900_000 if tick == 70 else tick),
    "real time at 30 frames a second": Case(ALL, range(300), stamp=lambda tick: tick / 30),
    "real time at 60 frames a second": Case(ALL, range(600), stamp=lambda tick: tick / 60),
    "10 frames a second": Case(ALL, range(0, 200, 2)[:99], stamp=lambda tick: tick / 20),
}


@pytest.mark.parametrize("rate", [20, 30, 60])
@pytest.mark.parametrize("case", IN_DOUBT.values(), ids=IN_DOUBT)
def test_what_nothing_explains_is_in_doubt(case: Case, rate: int) -> None:
    assert str(case.laid(rate).doubt).endswith("actions may be shifted")


@pytest.mark.parametrize("rate", [19.98, 20.02, 20000 / 1001])
def test_rates_that_are_nearly_20_make_no_gaps(rate: float) -> None:
    """Six thousand ticks at 19.98 a second drift by six."""
    case = Case(without([60], 6000), without([140], 6000), stamp=lambda tick: tick / rate)
    laid = case.laid()
    assert (laid.doubt, laid.frames.tolist()) == (None, case.right)


@pytest.mark.parametrize("start", [0, 11])
def test_frames_that_an_edit_list_hides_have_lines(start: int) -> None:
    """As many packets as lines; those at the start or at the end are not shown."""
    shown = [tick / 20 for tick in range(62)]
    ticks = [replace(LINE, tick=50 + tick, milli=2500 + 50 * tick) for tick in range(73)]
    laid = lay(ticks, table_of(shown, hidden=[*range(start), *range(62 + start, 73)]))
    assert (laid.doubt, laid.frames.tolist()) == (None, [-1] * start + [*range(62)] + [-1] * (11 - start))
    assert laid.notes == ("11 frames that an edit list hides have lines",)
    for hidden in ((), range(30, 41), range(10)):
        assert lay(ticks, table_of(shown, hidden=hidden)).doubt is not None
    fitting = lay(ticks[11:], table_of(shown, hidden=range(11)))
    assert (fitting.doubt, fitting.frames.tolist()) == (None, [*range(62)])


def test_frames_at_the_same_time_tell_nothing() -> None:
    """Lines and frames are as many, and go on in order; but not if one is missing."""
    stamps = [tick // 3 * 0.15 for tick in ALL]
    ticks = [replace(LINE, tick=tick, milli=NOON + 50 * tick) for tick in ALL]
    assert lay(ticks, table_of(stamps)).doubt is not None
    assert lay(ticks[:100], table_of([0.0] * 100)).frames.tolist() == [*range(100)]


def test_a_line_and_a_frame_lost_in_a_file(bars: Any, tmp_path: Path) -> None:
    """Each action stays with the frame that was shown, and the check tells what is missing."""
    with RecordingWriter(tmp_path, "play", size=bars.size) as writer:
        for tick in range(60):
            writer.write(bars.draw(tick), {"forward": 1, "camera": [0.0, 0.15 * tick]})
    path = tmp_path / "play.jsonl"
    written = path.read_text().splitlines(keepends=True)
    path.write_text("".join(written[:40] + written[41:]))
    write_frames_at(path.with_suffix(".mp4"), [(tick, bars.draw(tick)) for tick in range(60) if tick != 20])
    recording = Recording.open(path)
    shown = [bars.read(frame) for frame in recording.frames()]
    assert shown == np.rint(recording.actions.camera[:, 1] / 0.15).astype(int).tolist() == without([20, 40], 60)
    assert recording.usable.all()
    checked = check_recording(path)
    assert (checked.verdict, checked.faults) == ("mended", ())
    assert checked.mended == (
        "1 line without a frame of its own is left out (by tick)",
        "1 frame without a line is left out (by tick)",
    )


def test_ticks_in_doubt_are_not_used(bars: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A frame lost without a gap: nothing tells which."""
    with RecordingWriter(tmp_path, "play", size=bars.size) as writer:
        for tick in range(60):
            writer.write(bars.draw(tick), {"forward": 1})
    write_video(tmp_path / "play.mp4", bars.clip(59))
    assert not Recording.open(tmp_path / "play.jsonl").usable.any()
    assert "its ticks are not used: 60 lines but 59 frames, and nothing tells which are missing" in caplog.text
    assert check_recording(tmp_path / "play.jsonl").verdict == "bad"
    assert Recording.open(tmp_path / "play.jsonl", assume_aligned=True).usable.all()


def random_case(seed: int) -> tuple[Case, bool]:
    """Losses between the second tick and the last but one, lines lost at one end; and whether they can be told."""
    rng = np.random.default_rng(seed)
    length = int(rng.integers(12, 120))
    inner = np.arange(2, length - 2)
    lines, frames = (
        without(rng.choice(inner, int(rng.integers(0, 5)), replace=False).tolist(), length) for _ in range(2)
    )
    ends = (slice(None), slice(int(rng.integers(1, 4)), None), slice(None, -int(rng.integers(1, 4))))
    lines = lines[ends[int(rng.integers(0, 3))]]
    if rng.random() < 0.3:
        again = int(rng.integers(0, len(lines)))
        lines = [*lines[: again + 1], *lines[again:]]
    gaps, real_time, counted, clocked = rng.random() < 0.7, rng.random() < 0.3, rng.random() < 0.7, rng.random() < 0.8
    real_time &= gaps & clocked
    jitter = rng.integers(0, int(rng.choice([1, 8, 45])), length)
    delays = np.cumsum(rng.choice([0, 50, 130], length, p=[0.97, 0.02, 0.01]))
    clock = 50 * np.arange(length) + (delays if rng.random() < 0.4 or real_time else 0) + jitter
    places = {tick: tick if gaps else number for number, tick in enumerate(frames)}
    begin, unit = int(rng.choice([0, 0, 6000])), float(rng.choice([1 / 20, 1 / 30, 0.05005]))
    case = Case(
        lines,
        frames,
        count=(lambda tick: tick + begin if counted else None),
        clock=(lambda tick: NOON + float(clock[tick]) if clocked else None),
        stamp=lambda tick: (50 * tick + delays[tick]) / 1000 if real_time else places[tick] * unit,
    )
    missing = length - 1 - (lines[-1] - lines[0])  # lines at an end
    hidden = not gaps and 0 < length - len(frames) <= missing
    slow = not counted and bool(delays.any()) and missing > 0
    return case, not (hidden or slow or not (counted or clocked))


@pytest.mark.parametrize("rate", [20, 60])
@pytest.mark.parametrize("seed", range(300))
def test_every_pair_is_right_or_in_doubt(seed: int, rate: int) -> None:
    """But for what no file tells.

    These are frames missing without a gap where as many lines or more are missing at an end; by a clock alone, whether
    a tick was slow or its line is missing, where lines are missing at an end; and anything by numbers alone.
    """
    case, can_be_told = random_case(seed)
    laid = case.laid(rate)
    assert not can_be_told or laid.doubt is not None or laid.frames.tolist() == case.right


def test_most_random_losses_by_a_count_are_explained() -> None:
    """Doubt is no way out."""
    laid = [case.laid() for case, can_be_told in map(random_case, range(300)) if can_be_told]
    assert np.mean([alignment.doubt is None for alignment in laid]) > 0.35
