"""Keys that leave no trace in the picture: what no inverse dynamics model can find, nor should be blamed for.

They are those of Minecraft 1.16 as far as the embedded world goes, where a test presses each of them and compares the
frames. Recordings hold them like any other key.
"""

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from env.actions import BUTTONS, HOTBAR, Actions

INVISIBLE_KEYS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "sprint": ("while sprinting already", "without forward", "while sneaking", "in water", "with 6 food or less"),
        "jump": ("in the air",),
        "attack": ("held on at the air",),
        "use": ("with nothing to open, place or eat",),
        "drop": ("with an empty hand", "held on"),
        "hotbar.*": ("of the slot in the hand", "held on"),
        "inventory": ("held on",),
        "forward, back, left, right": ("with their opposite", "behind a screen"),
        "jump, sprint, sneak": ("behind a screen, but for sneak and sprint with a click or drop",),
    }
)
"""When each of VPT's buttons cannot be seen. The camera cannot where the view points straight up or down, nor where
the cursor is at the edge of the window; MineRL's other keys (ESC without a screen, pickItem, swapHands) never can."""

HELD_ON = ("drop", "inventory")
"""Buttons that act when they go down, and not again while they are held."""


def visible_keys(actions: Actions) -> NDArray[np.bool_]:
    """(T, 20), False where a button may be pressed or not and the picture stays the same.

    It is told from the keys of one run of ticks alone: leave out all presses that are not visible, and the frames are
    the same, unless a wall ends a sprint. What depends on the game (jump in the air, use on nothing, sprint in
    water) is not known from keys, and taken for visible.
    """
    pressed = {name: actions.buttons[:, index] for index, name in enumerate(BUTTONS)}
    visible = np.ones_like(actions.buttons)

    def hide(name: str, ticks: NDArray[np.bool_]) -> None:
        visible[ticks, BUTTONS.index(name)] = False

    for one, other in (("forward", "back"), ("left", "right")):
        both = pressed[one] & pressed[other]
        hide(one, both)
        hide(other, both)
    able = pressed["forward"] & ~pressed["back"] & ~pressed["sneak"]
    idle = ~able | _sprinting_before(able, pressed["sprint"])
    hide("sprint", idle & ~pressed["drop"])  # with sprint, drop throws the whole stack
    for name in HELD_ON:
        hide(name, _before(pressed[name]) & pressed[name])
    slots = [BUTTONS.index(name) for name in HOTBAR]
    visible[:, slots] = _visible_slots(actions.buttons[:, slots])
    return visible


def note() -> str:
    """One line for those who read a score."""
    keys = "; ".join(f"{key} {' or '.join(when)}" for key, when in INVISIBLE_KEYS.items())
    return f"no picture shows: {keys}"


def _before(pressed: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """(T,) whether a button was down one tick earlier."""
    return np.concatenate([[False], pressed[:-1]])


def _sprinting_before(able: NDArray[np.bool_], sprint: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """(T,) whether a sprint that began earlier still goes on: its key is needed only at the start."""
    sprinting = np.zeros(len(able), np.bool_)
    for tick in range(1, len(able)):
        sprinting[tick] = able[tick - 1] and (sprint[tick - 1] or sprinting[tick - 1])
    return sprinting & able


def _visible_slots(pressed: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """(T, 9) for the hotbar's keys: of those that go down at once the last counts, if its slot is not in the hand."""
    visible = np.ones_like(pressed)
    selected = -1  # not known before the first press
    for tick, (down, before) in enumerate(zip(pressed, [np.zeros(9, np.bool_), *pressed[:-1]], strict=True)):
        fresh = np.flatnonzero(down & ~before)
        visible[tick] &= ~down
        if len(fresh):
            visible[tick, fresh[-1]] = True
        if selected >= 0:
            visible[tick, selected] = False
        selected = int(fresh[-1]) if len(fresh) else selected
    return visible
