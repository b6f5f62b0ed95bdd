"""Presses and releases, found at the right moment or not, against cases worked out by hand."""

from itertools import combinations

import numpy as np
import pytest

from env.actions import BUTTONS
from idm.comparison import Comparison
from idm.events import COLLARS, count_events, match
from idm.metrics import previous_tick
from tests.unit.idm.comparisons import held, random_play

JUMP = BUTTONS.index("jump")


def counts(true: str, found: str, *, known: str = "") -> dict[int, list[tuple[int, ...]]]:
    """By collar, (matched, true, found) of presses and of releases of jump."""
    length = len(true)
    ticks = np.array([sign == "1" for sign in known or "1" * length])
    counted = count_events(
        Comparison.of([held(length, {"jump": found})], [held(length, {"jump": true})], known=[ticks])
    )
    return {
        collar: [
            tuple(int(part[:, kind, JUMP].sum()) for part in (counted.matched[collar], counted.true, counted.found))
            for kind in (0, 1)
        ]
        for collar in COLLARS
    }


def test_a_press_found_a_tick_late_counts_from_a_collar_of_one() -> None:
    found = counts("..##..", "...##.")
    assert found == {0: [(0, 1, 1), (0, 1, 1)], 1: [(1, 1, 1), (1, 1, 1)], 2: [(1, 1, 1), (1, 1, 1)]}


def test_one_press_is_matched_once() -> None:
    """Two presses where there was one are one right and one too many."""
    assert counts("..##...", ".#.#...")[1][0] == (1, 1, 2)
    assert counts(".#.#...", "..##...")[1][0] == (1, 2, 1)


def test_what_is_held_at_the_start_or_after_a_gap_is_no_press() -> None:
    assert counts("##..", "##..")[0] == [(0, 0, 0), (1, 1, 1)]
    assert counts("...##.", "...##.", known="110111")[0] == [(0, 0, 0), (1, 1, 1)]


def test_no_event_matches_one_of_the_next_recording() -> None:
    true = [held(3, {"jump": "..#"}), held(3, {"jump": "..."})]
    found = [held(3, {"jump": "..."}), held(3, {"jump": ".#."})]
    counted = count_events(Comparison.of(found, true))
    assert (counted.true[:, 0, JUMP].sum(), counted.found[:, 0, JUMP].sum()) == (1, 1)
    assert not counted.matched[2].any()


def test_a_key_that_cannot_show_has_no_visible_event() -> None:
    """A sprint pressed anew while sprinting."""
    true = held(6, {"forward": "######", "sprint": ".#.#.."})
    counted = count_events(Comparison.of([true], [true]), visible_only=True)
    presses = counted.true[:, 0, BUTTONS.index("sprint")]
    assert np.flatnonzero(presses).tolist() == [1]


@pytest.mark.parametrize("collar", COLLARS)
def test_as_many_are_matched_as_can_be(collar: int) -> None:
    """Against trying every way to match."""
    rng = np.random.default_rng(collar)
    for _ in range(60):
        true, found = (np.sort(rng.choice(9, size=rng.integers(0, 5), replace=False)) for _ in range(2))
        assert match(true, found, collar).sum() == most_pairs(true.tolist(), found.tolist(), collar)


def most_pairs(true: list[int], found: list[int], collar: int) -> int:
    if not true:
        return 0
    rest = [most_pairs(true[1:], found, collar)]
    rest += [
        1 + most_pairs(true[1:], found[:i] + found[i + 1 :], collar)
        for i, tick in enumerate(found)
        if abs(tick - true[0]) <= collar
    ]
    return max(rest)


def test_the_truth_one_tick_late_has_no_event_right_and_all_within_one() -> None:
    """But for keys let go and pressed again at once, and events at the recording's end."""
    true = random_play(400, seed=0)
    counted = count_events(Comparison.of([true], [true]).with_guess(previous_tick))
    for small, large in combinations(COLLARS, 2):
        assert (counted.matched[small] <= counted.matched[large]).all()
    assert counted.matched[1].sum() >= 0.9 * counted.true.sum() > 0
    assert counted.matched[0].sum() == 0
