"""What `env.invisible` says of keys is true of the embedded world: the frames are the same with them and without."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from env.actions import BUTTONS, Actions
from env.invisible import INVISIBLE_KEYS, note, visible_keys
from env.voxel.environment import VoxelEnv
from env.voxel.land.blocks import GRASS_BLOCK, STONE_BLOCK, WATER
from env.voxel.land.world import World

SIZE = (36, 64)
TICKS = 12
Keys = Mapping[str, Any]


def field(*, flooded: bool = False) -> World:
    blocks = np.zeros((48, 40, 48), np.uint8)
    blocks[:, :7] = STONE_BLOCK
    blocks[:, 7] = WATER if flooded else GRASS_BLOCK
    blocks[:, 8] = WATER if flooded else 0
    return World(blocks, seed=0, spawn=(24.5, 8.0, 8.5))


def frames(before: Keys, keys: Keys, *, game: VoxelEnv, ticks: int = TICKS) -> list[bytes]:
    """The frames of holding keys, after a tick of `before`, from the game's moment on, which is left as it was."""
    moment = game.snapshot()
    game.step(before)
    seen = [game.step(keys)[0]["pov"].tobytes() for _ in range(ticks)]
    game.restore(moment)
    return seen


def started(*before: Keys, **options: object) -> VoxelEnv:
    game = VoxelEnv(SIZE)
    game.reset(seed=0, options={"world": field(), **options})
    for keys in before:
        game.advance(keys)
    return game


RUN = {"forward": 1, "sprint": 1}
UNSEEN: list[tuple[str, list[Keys], Keys, str]] = [
    ("while sprinting already", [RUN, RUN], {"forward": 1}, "sprint"),
    ("without forward", [], {"left": 1}, "sprint"),
    ("while sneaking", [], {"forward": 1, "sneak": 1}, "sprint"),
    ("with an empty hand", [], {}, "drop"),
    ("of the slot in the hand", [], {"forward": 1}, "hotbar.1"),
    ("with nothing to open, place or eat", [], {"forward": 1}, "use"),
    ("behind a screen", [{"inventory": 1}], {"camera": (1.0, 1.0)}, "forward"),
    ("behind a screen", [{"inventory": 1}], {}, "jump"),
    ("behind a screen", [{"inventory": 1}], {}, "sprint"),
    ("no screen to close", [], {"forward": 1}, "ESC"),
    ("never", [], {"forward": 1}, "pickItem"),
    ("never", [], {"forward": 1}, "swapHands"),
]


@pytest.mark.parametrize(("when", "before", "keys", "key"), UNSEEN)
def test_a_key_that_leaves_no_trace(when: str, before: list[Keys], keys: Keys, key: str) -> None:
    game = started(*before)
    last = before[-1] if before else {}
    assert frames(last, keys, game=game) == frames(last, {**keys, key: 1}, game=game), when


def test_sprint_in_water_and_without_food_leaves_no_trace() -> None:
    swimmer = VoxelEnv(SIZE)
    swimmer.reset(seed=0, options={"world": field(flooded=True), "position": (24.5, 7.5, 8.5)})
    hungry = started()
    hungry.player.vitals.food = 6
    for game in (swimmer, hungry):
        assert frames({}, {"forward": 1}, game=game) == frames({}, RUN, game=game)


def test_jump_in_the_air_leaves_no_trace() -> None:
    game = started(position=(24.5, 30.0, 8.5))
    assert frames({}, {}, game=game, ticks=6) == frames({}, {"jump": 1}, game=game, ticks=6)


def test_opposite_keys_leave_no_trace() -> None:
    game = started()
    assert frames({}, {}, game=game) == frames({}, {"left": 1, "right": 1}, game=game)
    assert frames({}, {}, game=game) == frames({}, {"forward": 1, "back": 1}, game=game)


def test_keys_held_on_leave_no_trace() -> None:
    """After the tick in which they went down: attack at the air, drop, inventory."""
    air = started(pitch=-60.0)
    assert frames({"attack": 1}, {}, game=air) == frames({"attack": 1}, {"attack": 1}, game=air)
    full = started(inventory={"dirt": 9})
    assert frames({"drop": 1}, {}, game=full) == frames({"drop": 1}, {"drop": 1}, game=full)
    assert frames({"inventory": 1}, {}, game=full) == frames({"inventory": 1}, {"inventory": 1}, game=full)


@pytest.mark.parametrize("key", ["forward", "jump", "sneak", "attack", "use", "drop", "hotbar.2", "inventory"])
def test_a_key_with_an_effect_is_seen(key: str) -> None:
    """The check above can fail: where a key does something, frames differ."""
    game = started(pitch=50.0, inventory={"dirt": 9})
    assert frames({}, {}, game=game) != frames({}, {key: 1}, game=game)


@pytest.mark.parametrize("seed", range(3))
def test_presses_that_are_not_visible_can_be_left_out(seed: int) -> None:
    """Over random keys, each held for some ticks, in the open: the frames are the same, and many presses are gone."""
    rng = np.random.default_rng(seed)
    buttons = np.zeros((120, len(BUTTONS)), np.bool_)
    for name in ("forward", "forward", "back", "left", "right", "sneak", "sprint", "drop", "hotbar.1", "hotbar.2"):
        for start in rng.integers(len(buttons), size=6):
            buttons[start : start + rng.integers(1, 15), BUTTONS.index(name)] = True
    pressed = Actions(buttons, np.zeros((len(buttons), 2), np.float32))
    visible = visible_keys(pressed)
    needed = Actions(buttons & visible, pressed.camera)
    assert needed.buttons.sum() < 0.8 * buttons.sum()
    played: list[list[bytes]] = []
    for actions in (pressed, needed):
        game = started(position=(24.5, 8.0, 24.5), inventory={"dirt": 9, "sand": 9})
        played.append([game.step(action)[0]["pov"].tobytes() for action in actions.to_minerl()])
    assert len(set(played[0])) > 60
    assert played[0] == played[1]


def test_the_note_names_every_key() -> None:
    assert all(key in note() for key in INVISIBLE_KEYS)
