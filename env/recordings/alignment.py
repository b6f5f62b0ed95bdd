"""Which frame of a video belongs to which line of a contractor's file.

A recorder writes one line and one frame a game tick, and may lose some of either. Lines are placed by the recorder's
count of ticks (`tick`) or else by its clock (`milli`), frames by their time stamps; a line and a frame at the same
place belong together. Where these do not explain what is there, the alignment says so (`doubt`) and no tick is used.

Other recorders write a line and a frame 30 or 60 times a second. They are laid in the same way, in steps of that rate
(`source_rate`), and then resampled (`env.recordings.resampling`). A key table states the rate; else it is another than
20 only where clock and time stamps agree on it, because videos with one frame a tick often state a wrong one.

| what happened | how it shows | what is done |
|---|---|---|
| nothing | the count rises by one, the stamps are even, as many of both | line i is frame i, whatever the frame rate |
| lines lost in the middle | the count leaps | their frames are left out |
| lines lost at the end | the count from 0 ends before the frames | the frames at the end are left out |
| lines lost at the start | the count begins at n, and there are n more frames | the first n frames are left out |
| count begun before the recording | it begins at n, and the rest fits | the first line is frame 0 |
| lines lost at one end or both | the count begins at n, and there are other than n more frames | doubt |
| a line written twice | the count stands still | the first counts |
| a count that begins anew | it falls | it goes on, if all the rest fits; else doubt |
| a line without a count | null | placed if its neighbours leave just the room for it; else left out |
| no count | `milli` in steps of whole ticks | as a count |
| neither, or an uneven clock | | by index, if there are as many lines as frames; else doubt, or an error |
| frames lost, with a gap | the stamps leap | their lines are left out |
| frames lost, without a gap | fewer frames than ticks | doubt |
| frames an edit list hides | as many as the ticks that have none | their lines are left out |
| slow ticks, stamps of real time | the stamps leap together with `milli` | line i is frame i |
| slow ticks, frames repeated | as many more frames as `milli` has more ticks than the count | doubt |
| stamps that leap, no clock | as many lines as frames | doubt: lost frames, or slow ticks |
| real-time video of another rate | even stamps of another rate, more frames than ticks | doubt |
| lines and frames at another rate | stamps and `milli` agree on it, evenly where below 20 | laid in its steps |
| another rate than the key table's | stamps and `milli` agree on it | doubt |

No file tells that frames are missing without a gap, or at the start, where as many lines or more are missing at an end.
"""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from env.errors import RecordingError
from env.recordings.contractor import PlayerInput
from env.video.table import FrameTable, frame_table
from env.video.ticks import TICKS_PER_SECOND

FRAME_SLACK = 2
"""More lines or frames than this without their counterpart, and no count or clock, make no recording."""
TICK = 1 / TICKS_PER_SECOND
TICK_MILLISECONDS = 1000 * TICK
STEP_TOLERANCE = 0.4
"""How far a step may be from a whole number of ticks, as a share of a tick, to be taken for one."""
RATE_TOLERANCE = 0.05
"""How far a rate may be from another, as a share of it, to be taken for the same."""
SAME_TIME = 0.015
"""Steps of two clocks that differ by less (s) are the same."""
LATE = 45.0
"""A clock that is so much (ms) behind for good has seen a tick that the lines do not show."""
SHORT_COUNT = 20
"""A count that begins at this or less may have lost its first lines; a higher one began before the recording."""
MAX_RECORDING = 10**9
"""Milliseconds on a clock that began with the recording; more is the time of day."""

MAX_REORDERING = 16
"""Decoders show a frame at most so many packets earlier or later than it stands in the file."""

log = logging.getLogger(__name__)

Clock = Literal["index", "tick", "milli"]
"""Line i is the i-th tick; or the place of a line is told by the recorder's count of ticks, or by its clock."""


@dataclass(frozen=True, eq=False)
class Alignment:
    """The frame of each line (L), and what tells so."""

    frames: NDArray[np.int64]
    """(L,) number of the line's frame, rising; -1 where the video has none."""
    by: Clock
    video_frames: int
    """How many frames the video shows."""
    rate: float
    """Frames a second by the usual step between their time stamps; the lines' rate where there is one frame."""
    source_rate: float = TICKS_PER_SECOND
    """Lines a second of play: where it is not 20, lines are no ticks yet."""
    doubt: str | None = None
    """Why actions may belong to other frames than these; None where lines and frames explain one another."""
    notes: tuple[str, ...] = ()
    """What is unusual and was taken into account, beyond lines and frames left out."""


def align(
    path: Path, ticks: Sequence[PlayerInput], video: Path, *, by_index: bool = False, rate: float | None = None
) -> Alignment:
    """Lays the lines of the file `path` on the frames of its video, see `lay`; a doubt is logged.

    With `by_index`, line i is frame i whatever else is known. `rate` is how many lines a second there are; None where
    the recording is to tell. Raises `RecordingError` where more than `FRAME_SLACK` lines or frames are surplus and
    neither count nor clock was recorded, and `VideoError` for an unreadable video.
    """
    table = frame_table(video)
    if by_index:
        index, shown = np.arange(len(ticks)), _Shown.of(table, TICKS_PER_SECOND)
        source = _source_rate(rate, _told_rate(ticks, table))
        return Alignment(np.where(index < len(table), index, -1), "index", len(table), shown.rate, source)
    alignment = lay(ticks, table, rate=rate)
    uncounted = all(tick.tick is None and tick.milli is None for tick in ticks)
    if alignment.doubt and uncounted and abs(len(table) - len(ticks)) > FRAME_SLACK:
        raise RecordingError(
            f"{path} has {len(ticks)} ticks but {video.name} has {len(table)} frames, and no `tick` or `milli` tells "
            f"which belong together; expected one frame a tick, give or take {FRAME_SLACK}."
        )
    if alignment.doubt:
        counts = f"{path} has {len(ticks)} lines for the {len(table)} frames of {video.name}"
        log.warning("%s; its ticks are not used: %s", counts, alignment.doubt)
    return alignment


def lay(ticks: Sequence[PlayerInput], table: FrameTable, *, rate: float | None = None) -> Alignment:
    """Lays lines, `rate` of them a second, on the frames of a table, as the docstring of this module says."""
    told = _told_rate(ticks, table)
    source = _source_rate(rate, told)
    shown, lines = _Shown.of(table, source), _Lines.of(ticks, source)
    fit = _fit(lines, shown)
    if rate and told and not same_rate(rate, told):
        agreed = f"`milli` and the video's time stamps agree on {told:.3g} lines a second"
        fit = replace(fit, doubt=f"{agreed}, and the key table says {rate:g}: actions may be shifted")
    places = np.where(lines.places < 0, -1, lines.places + fit.offset)
    found = np.minimum(np.searchsorted(fit.frame_places, places), len(table) - 1)
    frames = np.where(fit.frame_places[found] == places, found, -1)
    notes = (*lines.notes(fit), *fit.notes, *_clock_notes(ticks, shown, told, rate))
    return Alignment(frames, lines.by, len(table), shown.rate, source, fit.doubt, notes)


def _told_rate(ticks: Sequence[PlayerInput], table: FrameTable) -> float | None:
    """Lines a second, where the recorder's clock and the video's time stamps agree on it; None where they do not.

    Slow ticks of a game at 20 a second look like a lower rate, but are uneven.
    """
    recorded, shown = _Recorded.of(ticks), _Shown.of(table, TICKS_PER_SECOND)
    if recorded is None or len(table) < 2:
        return None
    told = next((rate for rate in recorded.rates if same_rate(rate, shown.rate)), None)
    if told is None or (told < TICKS_PER_SECOND and not (recorded.even and shown.even)):
        return None
    return told


class _Recorded(NamedTuple):
    """How often lines are written, by the recorder's clock."""

    rates: tuple[float, float]
    """Lines a second: by many steps together, which is exact where none is missing; and by the usual step."""
    even: bool
    """Whether each line follows the one before after the usual step."""

    @classmethod
    def of(cls, ticks: Sequence[PlayerInput]) -> "_Recorded | None":
        """None where the clock is not known, or stands still."""
        clock = _numbers([tick.milli for tick in ticks])
        clock = clock[~np.isnan(clock)]
        steps = np.diff(clock)
        steps = steps[steps > 0]
        if not len(steps):
            return None
        usual = float(np.median(steps))
        if (whole := _whole_steps(steps, usual)) is not None:
            exact = float(steps.sum() / whole.sum())
        else:
            apart = max(len(clock) // 4, 1)
            exact = float(np.median(clock[apart:] - clock[:-apart])) / apart
        return cls((1000 / (exact if exact > 0 else usual), 1000 / usual), _even(steps, usual))


def _clock_notes(
    ticks: Sequence[PlayerInput], shown: "_Shown", told: float | None, stated: float | None
) -> Iterator[str]:
    """Lines that come too fast for ticks by a clock that the video contradicts."""
    recorded = _Recorded.of(ticks) if told is None and stated is None else None
    if recorded is not None and min(recorded.rates) > (1 + RATE_TOLERANCE) * TICKS_PER_SECOND:
        rates = f"`milli` tells of {recorded.rates[0]:.3g} lines a second, the video of {shown.rate:.3g} frames"
        yield f"{rates}: each line is taken for a tick, unless a key table says otherwise"


def _source_rate(stated: float | None, told: float | None) -> float:
    """Lines a second, as the key table states it and the recording tells it; 20 where that is nearly so."""
    rate = told if told and (stated is None or same_rate(told, stated)) else stated or TICKS_PER_SECOND
    return TICKS_PER_SECOND if same_rate(rate, TICKS_PER_SECOND) else rate


@dataclass(frozen=True, eq=False)
class _Fit:
    """Where the frames lie among the ticks, and where the lines do."""

    frame_places: NDArray[np.int64]
    """(F,) which tick each frame shows, rising."""
    offset: int = 0
    """What is added to the places of the lines."""
    doubt: str | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class _Lines:
    """The places of the lines (L) among the ticks."""

    by: Clock
    places: NDArray[np.int64]
    """(L,) ticks since the first line that has a place, rising; -1 where a line has none."""
    before: int | None
    """How many ticks were counted before that line; None where the count has no beginning."""
    clock: NDArray[np.float64]
    """(L,) the recorder's clock in milliseconds, of which a tick takes 50; NaN where it is not known."""
    restart: int | None = None
    """The line at which the count begins anew."""

    @classmethod
    def of(cls, ticks: Sequence[PlayerInput], source_rate: float) -> "_Lines":
        """By the count, else by the clock, else by index. A tick is here what passes from line to line."""
        count, clock = _numbers([tick.tick for tick in ticks]), _numbers([tick.milli for tick in ticks])
        clock *= source_rate / TICKS_PER_SECOND
        known = np.flatnonzero(~np.isnan(count))
        if _tells(count) and (source_rate == TICKS_PER_SECOND or _of_lines(count[known])):
            steps = np.diff(count[known]).astype(np.int64)
            falls = known[1:][steps < 0]
            places = _placed(known, np.where(steps < 0, 1, steps), len(ticks))
            return cls("tick", places, int(count[known[0]]), clock, int(falls[0]) if len(falls) else None)
        known = np.flatnonzero(~np.isnan(clock))
        if (
            _tells(clock)
            and (whole := _whole_steps(np.diff(clock[known]), TICK_MILLISECONDS, repeats=True)) is not None
        ):
            begin = float(clock[known[0]])
            before = round(begin / TICK_MILLISECONDS) if begin < MAX_RECORDING else None
            return cls("milli", _placed(known, whole, len(ticks)), before, clock)
        # Faster than ticks, lines that follow each other may have been written in the same millisecond.
        twice = source_rate == TICKS_PER_SECOND and _tells(clock)
        again = np.diff(clock) == 0 if twice else np.zeros(len(ticks) - 1, bool)
        return cls("index", _placed(np.arange(len(ticks)), (~again).astype(np.int64), len(ticks)), None, clock)

    @property
    def span(self) -> int:
        """Ticks from the first line to the last."""
        return int(self.places.max()) + 1

    @property
    def has_clock(self) -> bool:
        """Whether a clock was recorded, even or not."""
        return _tells(self.clock)

    @property
    def slow(self) -> int:
        """How many ticks more than the count the clock ran; 0 where one of the two is missing."""
        both = np.flatnonzero((self.places >= 0) & ~np.isnan(self.clock))
        if self.by != "tick" or len(both) < 2:
            return 0
        ran, counted = (float(values[both[-1]] - values[both[0]]) for values in (self.clock, self.places))
        return round(ran / TICK_MILLISECONDS - counted)

    @property
    def falls_behind(self) -> bool:
        """Whether the clock is later from some line on than one that goes with the lines, and never catches up."""
        known = self.clock[(self.places >= 0) & ~np.isnan(self.clock)]
        late = known - TICK_MILLISECONDS * np.arange(len(known))
        since = np.minimum.accumulate(late[::-1])[::-1]
        return bool((since[1:] - np.minimum.accumulate(late)[:-1] >= LATE).any())

    def may_be_slow(self, frame_places: NDArray[np.int64]) -> bool:
        """Whether where frames seem to be lost the clock tells of a slow tick, or goes too unevenly to tell."""
        both = np.flatnonzero((self.places >= 0) & ~np.isnan(self.clock))
        leaps = np.flatnonzero(np.diff(frame_places) > 1)
        if self.by != "tick" or len(both) < 2:
            return False
        places, clock = self.places[both], self.clock[both] / 1000
        before, after = (np.interp(frame_places[at], places, clock) for at in (leaps, leaps + 1))
        slow = after - before - TICK * (frame_places[leaps + 1] - frame_places[leaps]) > SAME_TIME
        return bool(slow.any() or (np.diff(clock) - TICK * np.diff(places) < -SAME_TIME).any()) and len(leaps) > 0

    def plain(self, fit: _Fit) -> bool:
        """Whether line i is frame i, and none is missing."""
        return np.array_equal(self.places, fit.frame_places) and self.span == len(self.places)

    def notes(self, fit: _Fit) -> Iterator[str]:
        """What is unusual about the count."""
        if self.restart is not None:
            yield f"`tick` begins anew at line {self.restart + 1}: taken for recordings that were joined"
        if self.before and self.before <= SHORT_COUNT and fit.offset == 0:
            yield f"`{self.by}` has counted {self.before} ticks at the first line: taken to have begun before the video"


@dataclass(frozen=True, eq=False)
class _Shown:
    """The places of the frames (F) among the ticks, as they may be."""

    seconds: NDArray[np.float64]
    """(F,) time stamps, of which a tick takes 1/20."""
    rate: float
    """Frames a second, by the usual step."""
    source_rate: float
    """Lines a second."""
    by_stamps: tuple[NDArray[np.int64], ...]
    """(F,) each, if frames were lost where the stamps leap; empty where the stamps are even, or tell nothing."""
    even: bool
    """Whether each frame follows the one before after the usual step."""
    hidden: tuple[int, int]
    """Frames that an edit list hides, at the start and at the end."""

    @classmethod
    def of(cls, table: FrameTable, source_rate: float) -> "_Shown":
        """By the time stamps of a table. A tick is here what passes from line to line."""
        faster = source_rate / TICKS_PER_SECOND
        seconds = table.seconds * faster
        steps = np.diff(seconds)
        usual = float(np.median(steps)) if len(steps) else TICK
        rate = faster / usual if usual > 0 else float(source_rate)
        if not len(steps) or _even(steps, usual) or (same_rate(steps.mean(), TICK) and _even(steps, TICK)):
            return cls(seconds, rate, source_rate, (), True, _hidden(table))
        whole_ticks = round(usual / TICK)
        units = ([TICK] if whole_ticks and same_rate(usual, whole_ticks * TICK) else []) + [usual]
        placed = [whole for unit in units if unit > 0 and (whole := _whole_steps(steps, unit)) is not None]
        by_stamps = tuple(np.concatenate([[0], np.cumsum(whole)]) for whole in placed)
        return cls(seconds, rate, source_rate, by_stamps, False, _hidden(table))

    @property
    def at_ticks(self) -> bool:
        """Whether the video shows as many frames a second as there are lines, but for leaps."""
        return same_rate(self.rate, self.source_rate)


def _fit(lines: _Lines, shown: _Shown) -> _Fit:
    """Lays lines and frames on one another."""
    index = np.arange(len(shown.seconds))
    for places in (index,) if shown.even else shown.by_stamps:
        surplus = int(places[-1]) + 1 - lines.span
        if surplus == 0 or (lines.before and surplus == lines.before):
            return _judged(lines, _Fit(places, surplus))
    if shown.even:
        return _unequal(lines, shown, index)
    slow = _Fit(index, notes=("the time stamps leap together with `milli`: slow ticks, and no frame lost",))
    if lines.span == len(index) and _same_clock(lines, shown.seconds):
        return _judged(lines, slow)
    if not lines.has_clock or not shown.by_stamps:
        leaps = "the video's time stamps leap, and nothing tells whether frames were lost or ticks were slow"
        return _Fit(index, doubt=f"{_counts(lines, index)}, {leaps}: actions may be shifted")
    return _unequal(lines, shown, shown.by_stamps[0])


def _judged(lines: _Lines, fit: _Fit) -> _Fit:
    """A fit of equal numbers, in doubt where something speaks against it."""
    if lines.before and lines.before <= SHORT_COUNT and not fit.offset and not lines.plain(fit):
        lost = f"`{lines.by}` has counted {lines.before} ticks at the first line, which may be lost"
        return replace(fit, doubt=f"{_counts(lines, fit.frame_places)}, and {lost}: actions may be shifted")
    if lines.by == "index" and lines.has_clock and lines.falls_behind:
        late = "`milli` tells of ticks that have no line, or were slow"
        return replace(fit, doubt=f"{_counts(lines, fit.frame_places)}, but {late}: actions may be shifted")
    return fit


def _unequal(lines: _Lines, shown: _Shown, places: NDArray[np.int64]) -> _Fit:
    """Lines and frames whose numbers of ticks differ."""
    surplus = int(places[-1]) + 1 - lines.span
    start, end = shown.hidden
    if surplus < 0 and start + end == -surplus:
        return _Fit(places + start, notes=(f"{start + end} frames that an edit list hides have lines",))
    before = lines.before
    offset = before if before is not None and before < surplus else 0
    reason = None
    if surplus < 0:
        reason = "nothing tells which are missing"
    elif not shown.at_ticks:
        reason = f"the video shows {shown.rate:.3g} frames a second, neither {shown.source_rate:.3g} nor one a tick"
    elif lines.restart is not None:
        reason = f"`tick` begins anew at line {lines.restart + 1}"
    elif before != 0:
        reason = "nothing tells whether lines are missing at the start or at the end"
    elif lines.may_be_slow(places):
        reason = "nothing tells whether frames were lost or ticks were slow where the video's time stamps leap"
    elif 0 < lines.slow <= surplus + 1:
        reason = f"the clock ran {lines.slow} ticks longer than the count: frames may have been repeated"
    doubt = f"{_counts(lines, places)}, and {reason}: actions may be shifted" if reason else None
    return _Fit(places, offset, doubt)


def _counts(lines: _Lines, frame_places: NDArray[np.int64]) -> str:
    """How many lines and frames there are, and the ticks they take where these are more."""
    number = len(lines.places)
    ticks = f" ({lines.span} ticks by `{lines.by}`)" if lines.span != number else ""
    frames, shown = len(frame_places), int(frame_places[-1]) + 1
    leaps = f" ({shown} ticks by their time stamps)" if shown != frames else ""
    return f"{number} lines{ticks} but {frames} frames{leaps}"


def _numbers(values: Sequence[float | None]) -> NDArray[np.float64]:
    """The values, NaN where there is none."""
    return np.array([np.nan if value is None else value for value in values], np.float64)


def _tells(values: NDArray[np.float64]) -> bool:
    """Whether a count or clock is known at half of the lines or more, and does not stand still."""
    known = values[~np.isnan(values)]
    return 2 * len(known) >= max(len(values), 1) and (len(values) == 1 or bool((known != known[0]).any()))


def _of_lines(count: NDArray[np.float64]) -> bool:
    """Whether a count goes on by one from line to line; that of a game's ticks, written more often, stands still."""
    return len(count) == 1 or bool(np.median(np.diff(count)) == 1)


def _placed(known: NDArray[np.int64], steps: NDArray[np.int64], length: int) -> NDArray[np.int64]:
    """(length,) places from the steps between the lines where they are known; -1 where there is none.

    A line in between is placed where its neighbours leave room for just as many lines as there are.
    """
    at = np.concatenate([[0], np.cumsum(steps)])
    places = np.full(length, -1)
    places[known] = at
    for position in np.flatnonzero((np.diff(known) > 1) & (steps == np.diff(known))):
        between = np.arange(known[position] + 1, known[position + 1])
        places[between] = at[position] + between - known[position]
    places[known[1:][steps == 0]] = -1  # written twice
    return places


def _whole_steps(steps: NDArray[np.float64], unit: float, *, repeats: bool = False) -> NDArray[np.int64] | None:
    """How many units each step takes, one or more (or none, with `repeats`); None if they are not that even."""
    whole = np.rint(steps / unit)
    even = np.abs(steps - whole * unit) <= STEP_TOLERANCE * unit
    even &= (whole >= 1) | ((steps == 0) if repeats else False)
    return whole.astype(np.int64) if even.all() else None


def _even(steps: NDArray[np.float64], unit: float) -> bool:
    return bool((np.abs(steps - unit) <= STEP_TOLERANCE * unit).all())


def same_rate(one: float, other: float) -> bool:
    """Whether two rates are the same within `RATE_TOLERANCE`."""
    return abs(one / other - 1) <= RATE_TOLERANCE


def _same_clock(lines: _Lines, seconds: NDArray[np.float64]) -> bool:
    """Whether the recorder's clock goes as the time stamps do, if the lines (L) are laid on the frames (F) by place."""
    both = np.flatnonzero((lines.places >= 0) & ~np.isnan(lines.clock))
    if len(both) < 2:
        return False
    recorded, shown = lines.clock[both] / 1000, seconds[lines.places[both]]
    total = float(recorded[-1] - recorded[0])
    same = (np.abs(np.diff(recorded) - np.diff(shown)) <= SAME_TIME).all()
    return bool(same) and total > 0 and same_rate(float(shown[-1] - shown[0]), total)


def _hidden(table: FrameTable) -> tuple[int, int]:
    """How many frames an edit list hides before the first and after the last one shown; none if also in between."""
    hidden = np.flatnonzero(table.discarded)
    middle = int(np.flatnonzero(table.numbers == len(table) // 2)[0])
    before, after = hidden[hidden < middle], hidden[hidden > middle]
    # Packets do not stand in the order of presentation: those at the border mix with others.
    at_start = (before < len(before) + MAX_REORDERING).all()
    at_end = (after >= len(table.numbers) - len(after) - MAX_REORDERING).all()
    return (len(before), len(after)) if at_start and at_end else (0, 0)
