"""What MineRL's worker tells after a tick, checked, and as the embedded world's observation."""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from env.minerl.process import WorkerError
from env.voxel.observation import FAR, ITEM_NAMES, MAX_NAME, Observation
from env.voxel.rules.vitals import MAX_AIR, MAX_FOOD, MAX_HEALTH

LIFE = {"is_alive": 1.0, "life": MAX_HEALTH, "food": MAX_FOOD, "saturation": MAX_FOOD, "air": MAX_AIR}
"""Largest values of the observed `life_stats`."""
PLACE = ("xpos", "ypos", "zpos", "pitch", "yaw")
MOST = np.iinfo(np.int32).max
MAX_NAMES = 4096
"""Of items in one answer."""

Value = TypeVar("Value", int, float)


@dataclass(frozen=True, kw_only=True, eq=False)
class Scene:
    """One frame and the state that came with it."""

    picture: NDArray[np.uint8]
    """(H, W, 3)"""
    done: bool
    """Whether the player is dead."""
    is_gui_open: bool
    inventory: Mapping[str, int]
    statistics: Mapping[str, Mapping[str, int]]
    """Minecraft's counters, by statistic and item."""
    mainhand: tuple[str, int, int]
    """Type, damage and largest damage of the item in the hand."""
    life: Mapping[str, float]
    location: Mapping[str, float]
    """Blocks and degrees."""

    @classmethod
    def read(cls, answer: Mapping[str, Any], *, picture: NDArray[np.uint8]) -> Self:
        """Raises WorkerError for what cannot be a state of the game."""
        try:
            hand = dict(answer["mainhand"])
            return cls(
                picture=picture,
                done=_is_true(answer["done"]),
                is_gui_open=_is_true(answer["gui"]),
                inventory=_values(answer["inventory"], _count),
                statistics={str(name): _values(counts, _count) for name, counts in answer["statistics"].items()},
                mainhand=(
                    _item(hand.get("type", "air")),
                    _count(hand.get("damage", 0)),
                    _count(hand.get("maxDamage", 0)),
                ),
                life=_values(answer["life_stats"], _number),
                location={name: _values(answer["location_stats"], _number).get(name, 0.0) for name in PLACE},
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise WorkerError(f"MineRL sent no state of a game ({type(error).__name__}: {error})") from None


def observe(scene: Scene) -> Observation:
    """What an agent is told, in the embedded world's observation space, as new arrays."""
    name, damage, most = scene.mainhand
    life = {**scene.life, "is_alive": float(not scene.done)}
    return {
        "pov": scene.picture.copy(),
        "inventory": {item: np.array(scene.inventory.get(item, 0), np.int32) for item in ITEM_NAMES},
        "equipped_items": {
            "mainhand": {
                "type": name,
                "damage": np.array(damage, np.int32),
                "maxDamage": np.array(most, np.int32),
            }
        },
        "life_stats": {
            name: np.array(min(max(life.get(name, 0.0), 0.0), largest), np.float32) for name, largest in LIFE.items()
        },
        "location_stats": {
            name: np.array(min(max(value, -_bound(name)), _bound(name)), np.float32)
            for name, value in scene.location.items()
        },
    }


def _bound(name: str) -> float:
    return 90.0 if name == "pitch" else FAR


def _values(given: Any, read: Callable[[Any], Value]) -> dict[str, Value]:
    if not isinstance(given, Mapping) or len(given) > MAX_NAMES:
        raise ValueError("a table of values is expected")
    return {str(name): read(value) for name, value in given.items()}


def _item(value: Any) -> str:
    if not isinstance(value, str) or not re.fullmatch(f"[a-z0-9_]{{1,{MAX_NAME}}}", value):
        raise ValueError(f"{str(value)[:MAX_NAME]!r} is no item's name")
    return value


def _count(value: Any) -> int:
    if not isinstance(value, int) or not 0 <= value <= MOST:
        raise ValueError(f"{value!r} is no count")
    return value


def _number(value: Any) -> float:
    if not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"{value!r} is no number")
    return float(value)


def _is_true(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"{value!r} is neither true nor false")
    return value
