"""What the environment tells an agent, by MineRL's names, and its Gymnasium space."""

from string import ascii_lowercase, digits
from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from env.recordings.contractor import WINDOW_HEIGHT as RECORDED_HEIGHT
from env.voxel.land.blocks import ITEMS, item, item_name
from env.voxel.rules.inventory import Inventory
from env.voxel.rules.menu import WINDOW_HEIGHT
from env.voxel.rules.player import Player
from env.voxel.rules.vitals import MAX_AIR, MAX_FOOD, MAX_HEALTH

Observation = dict[str, Any]

FAR = 3e7
"""Bound of positions, in blocks, and of the yaw, in degrees, which does not wrap."""
_MAX_COUNT = np.iinfo(np.int32).max
_ITEM_IDS = np.array([0, *(item.id for item in ITEMS)])
ITEM_NAMES = tuple(item_name(int(number)) for number in _ITEM_IDS)
"""Of `inventory`: all items, and "air" for empty slots."""
MAX_NAME = 64
"""Letters of an item's name, with room for all of Minecraft's."""


def observation_space(size: tuple[int, int]) -> spaces.Dict:
    """The space of `observe`'s answers with a picture of (height, width)."""
    names = ascii_lowercase + digits + "_"
    mainhand = {"type": spaces.Text(MAX_NAME, charset=names), "damage": _count_space(), "maxDamage": _count_space()}
    life = {"is_alive": 1.0, "life": MAX_HEALTH, "food": MAX_FOOD, "saturation": MAX_FOOD, "air": MAX_AIR}
    return spaces.Dict(
        {
            "pov": spaces.Box(0, 255, (*size, 3), np.uint8),
            "inventory": spaces.Dict({name: _count_space() for name in ITEM_NAMES}),
            "equipped_items": spaces.Dict({"mainhand": spaces.Dict(mainhand)}),
            "life_stats": spaces.Dict({name: spaces.Box(0.0, high, (), np.float32) for name, high in life.items()}),
            "location_stats": spaces.Dict(
                {
                    name: spaces.Box(-FAR, FAR, (), np.float32) if name != "pitch" else spaces.Box(-90.0, 90.0, ())
                    for name in ("xpos", "ypos", "zpos", "pitch", "yaw")
                }
            ),
        }
    )


def observe(player: Player, picture: NDArray[np.uint8]) -> Observation:
    """What an agent is told: the picture and the player's state, as new arrays."""
    vitals = player.vitals
    return {
        "pov": picture,
        "inventory": _counts(player.inventory),
        "equipped_items": {"mainhand": _held(player)},
        "life_stats": _scalars(
            is_alive=vitals.alive,
            life=vitals.health,
            food=vitals.food,
            saturation=vitals.saturation,
            air=max(vitals.air, 0),
        ),
        "location_stats": _scalars(**location(player)),
    }


def location(player: Player) -> dict[str, float]:
    """Where the player is and looks, by MineRL's names."""
    x, y, z = player.position
    return {"xpos": x, "ypos": y, "zpos": z, "pitch": player.pitch, "yaw": player.yaw}


def screen_info(*, is_open: bool, is_inventory: bool, cursor: tuple[float, float]) -> dict[str, Any]:
    """What VPT's recorder notes of an open screen; the cursor is x and y in the game's window of 640 x 360."""
    scale = RECORDED_HEIGHT / WINDOW_HEIGHT
    return {
        "isGuiOpen": is_open,
        "isGuiInventory": is_inventory,
        "mouse": {"x": scale * cursor[0], "y": scale * cursor[1]},
    }


def _count_space() -> spaces.Box:
    return spaces.Box(0, _MAX_COUNT, (), np.int32)


def _counts(inventory: Inventory) -> dict[str, NDArray[np.int32]]:
    totals = np.bincount(inventory.items, inventory.counts, _ITEM_IDS[-1] + 1).astype(np.int32)
    totals[0] = np.count_nonzero(inventory.counts == 0)
    return {name: totals[number, ...] for name, number in zip(ITEM_NAMES, _ITEM_IDS, strict=True)}


def _held(player: Player) -> dict[str, Any]:
    number = player.held_item
    return {
        "type": item_name(number),
        "damage": np.array(player.inventory.damage[player.hotbar_selected], np.int32),
        "maxDamage": np.array(item(number).durability if number else 0, np.int32),
    }


def _scalars(**values: float) -> dict[str, NDArray[np.float32]]:
    return {name: np.array(value, np.float32) for name, value in values.items()}
