"""What the page says becomes the actions of ticks, and nothing of it is lost."""

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from env.actions import HOTBAR, MINERL_KEYS, no_op
from labelling.studio.keys import Input, Keys, MessageError


def held(*names: str) -> Input:
    return Input(frozenset(names))


def pressed(action: dict[str, Any]) -> set[str]:
    return {name for name, value in action.items() if name != "camera" and value}


def pixels(action: dict[str, Any]) -> tuple[float, float]:
    """Right and down."""
    down, right = (round(float(degrees) / 0.15, 4) for degrees in action["camera"])
    return right, down


def test_nothing_said_is_nothing_done() -> None:
    action = Keys().take()
    assert pressed(action) == set()
    assert pixels(action) == (0, 0)
    assert action.keys() == no_op().keys()


def test_a_key_is_held_until_it_is_let_go() -> None:
    keys = Keys()
    keys.add(held("forward", "jump"))
    assert pressed(keys.take()) == {"forward", "jump"}
    assert pressed(keys.take()) == {"forward", "jump"}
    keys.add(held("forward"))
    assert pressed(keys.take()) == {"forward"}
    keys.add(held())
    assert pressed(keys.take()) == set()


def test_a_tap_between_two_ticks_counts_for_one() -> None:
    keys = Keys()
    keys.add(held("forward"))
    keys.add(held("forward", "inventory"))
    keys.add(held("forward"))
    assert pressed(keys.take()) == {"forward", "inventory"}
    assert pressed(keys.take()) == {"forward"}


def test_a_key_let_go_before_the_tick_is_not_held_in_it() -> None:
    """The page says again and again what is held, and that is no new press."""
    keys = Keys()
    keys.add(held("forward"))
    keys.take()
    keys.add(held("forward"))
    keys.add(held())
    assert pressed(keys.take()) == set()


def test_movement_between_two_ticks_is_added_up() -> None:
    keys = Keys()
    for dx, dy in ((3, -1), (4, 0), (-1, -2)):
        keys.add(Input(frozenset(), dx, dy))
    assert pixels(keys.take()) == (6, -3)
    assert pixels(keys.take()) == (0, 0)


@given(
    ticks=st.lists(st.lists(st.floats(-300, 300), max_size=3), min_size=1, max_size=20),
    sensitivity=st.sampled_from([0.1, 1.0, 1.7]),
)
def test_the_view_turns_by_whole_pixels_and_loses_none(ticks: list[list[float]], sensitivity: float) -> None:
    """Fractions, as a scaled screen or a slow mouse give them, are kept for the next tick."""
    keys = Keys(sensitivity=sensitivity)
    turned, moved = 0.0, 0.0
    for movements in ticks:
        for dx in movements[:2]:
            keys.add(Input(frozenset(), dx=dx))
            moved += dx * sensitivity
        right, _ = pixels(keys.take())
        assert right == round(right)
        turned += right
        assert turned == pytest.approx(moved, abs=0.5 + 1e-6)


def test_no_turn_is_beyond_the_action_space() -> None:
    keys = Keys()
    keys.add(Input(frozenset(), dx=1e5, dy=-1e5))
    np.testing.assert_array_equal(keys.take()["camera"], np.array([-180.0, 180.0], np.float32))
    assert pixels(keys.take()) == (0, 0)


@pytest.mark.parametrize(("slot", "notches", "leads_to"), [(0, 1, 1), (0, -1, 8), (8, 1, 0), (3, 2, 5), (3, 20, 5)])
def test_the_wheel_presses_the_key_of_the_slot_it_leads_to(slot: int, notches: int, leads_to: int) -> None:
    keys = Keys()
    keys.add(Input(frozenset(), wheel=notches))
    assert pressed(keys.take(slot=slot)) == {HOTBAR[leads_to]}
    assert pressed(keys.take(slot=leads_to)) == set()


def test_the_wheel_turns_nothing_while_a_screen_is_open() -> None:
    keys = Keys()
    keys.add(Input(frozenset(), wheel=1))
    assert pressed(keys.take(slot=None)) == set()
    assert pressed(keys.take(slot=0)) == set()


def test_release_forgets_everything() -> None:
    keys = Keys()
    keys.add(Input(frozenset({"attack"}), dx=5, dy=5, wheel=1))
    keys.release()
    assert pressed(keys.take()) == set()
    assert pixels(keys.take()) == (0, 0)


def test_a_message_is_read() -> None:
    message = json.loads('{"held": ["forward", "hotbar.9"], "dx": 1.5, "dy": -2, "wheel": -1, "seen": 7}')
    assert Input.parse(message) == Input(frozenset({"forward", "hotbar.9"}), 1.5, -2.0, -1)
    assert Input.parse({}) == Input(frozenset())
    assert Input.parse({"held": [name for name in MINERL_KEYS if name != "camera"]}).held


@pytest.mark.parametrize(
    "message",
    [
        '{"held": "forward"}',
        '{"held": {"forward": 1}}',
        '{"held": null}',
        '{"held": ["camera"]}',
        '{"held": ["format_disk"]}',
        '{"held": [["forward"]]}',
        '{"held": ["\\ud800\\u00e9"]}',
        '{"held": [1e400]}',
        '{"dx": "1"}',
        '{"dx": null}',
        '{"dx": true}',
        '{"dy": NaN}',
        '{"dy": Infinity}',
        '{"dx": 1e6}',
        '{"dy": -1' + "0" * 400 + "}",
        '{"wheel": 101}',
        '{"wheel": []}',
    ],
)
def test_what_no_page_says_is_refused_in_a_line(message: str) -> None:
    with pytest.raises(MessageError, match="expected") as caught:
        Input.parse(json.loads(message))
    text = str(caught.value)
    assert text.isascii()
    assert "\n" not in text
    assert len(text) < 200
