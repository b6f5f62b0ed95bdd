"""Presses and releases: whether each is found, and at the right moment."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from env.actions import BUTTONS
from idm.comparison import Comparison

COLLARS = (0, 1, 2)
"""How many ticks an event may be found too early or too late."""
KINDS = ("press", "release")


class EventCounts(NamedTuple):
    """For each tick, kind of event and button, whether there was one; (T, 2, 20) bool each."""

    true: NDArray[np.bool_]
    found: NDArray[np.bool_]
    matched: dict[int, NDArray[np.bool_]]
    """By collar, the true events that were found, each by another one."""


def events(buttons: NDArray[np.bool_], follows: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Presses and releases, (T, 2, 20): where a button (T, 20) goes down and up from one tick to the next.

    Only ticks that follow a known one (T,) count: whether a button held at the start was pressed there is not known.
    """
    before = np.concatenate([np.zeros((1, buttons.shape[1]), bool), buttons[:-1]])
    return np.stack([buttons & ~before, ~buttons & before], axis=1) & follows[:, None, None]


def count_events(comparison: Comparison, *, visible_only: bool = False) -> EventCounts:
    """Events and how they match; with `visible_only` those of keys while they can show, both true and found."""
    follows = comparison.follows
    true, found = (events(run.buttons, follows) for run in (comparison.true, comparison.predicted))
    if visible_only:
        shown = comparison.visible
        shown_before = np.concatenate([shown[:1], shown[:-1]])  # a release shows where the key did while it was down
        shows = np.stack([shown, shown_before], axis=1)
        true, found = true & shows, found & shows
    # No event may match one of the next recording.
    place = np.arange(len(follows)) + comparison.recording * (max(COLLARS) + 1)
    matched = {collar: np.zeros_like(true) for collar in COLLARS}
    for kind in range(len(KINDS)):
        for button in range(len(BUTTONS)):
            true_ticks, found_ticks = np.flatnonzero(true[:, kind, button]), np.flatnonzero(found[:, kind, button])
            for collar in COLLARS:
                hits = match(place[true_ticks], place[found_ticks], collar)
                matched[collar][true_ticks[hits], kind, button] = True
    return EventCounts(true, found, matched)


def match(true: NDArray[np.int64], found: NDArray[np.int64], collar: int) -> NDArray[np.bool_]:
    """Which true events are found, one to one within `collar` ticks; both are sorted. As many as can be matched."""
    hits = np.zeros(len(true), bool)
    if collar == 0:
        hits[:] = np.isin(true, found)
        return hits
    found_ticks, next_found = found.tolist(), 0
    for number, tick in enumerate(true.tolist()):
        while next_found < len(found_ticks) and found_ticks[next_found] < tick - collar:
            next_found += 1
        if next_found < len(found_ticks) and found_ticks[next_found] <= tick + collar:
            hits[number] = True
            next_found += 1
    return hits


def f1(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    """F1 from the numbers (..., 3) of what is right, true and found; NaN without any."""
    with np.errstate(invalid="ignore"):
        score: NDArray[np.float64] = 2 * sums[..., 0] / (sums[..., 1] + sums[..., 2])
    return score
