"""What is played behind the stand-in: pictures that are quickly made, or ghostkeys' embedded world."""

import hashlib
import json
from collections import Counter
from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np

State = dict[str, Any]
"""What the game tells: `pov`, `inventory`, `equipped_items`, `life_stats`, `location_stats`, `stats`, `isGuiOpen`."""
STATISTICS = ("use_item", "drop", "pickup", "break_item", "craft_item", "mine_block")
TICKS_OF_A_LOG = 5
"""How long the player of the cheap world holds `attack` for one log."""


class World(Protocol):
    """A game that can be begun and played."""

    def reset(self, seed: int | None, start: Mapping[str, Any]) -> State:
        """Begins an episode."""
        ...

    def step(self, action: Mapping[str, Any]) -> tuple[State, bool]:
        """Plays a tick; also whether the player is dead."""
        ...


def digest(observation: Mapping[str, Any]) -> str:
    """A fingerprint of all that an observation says; equal for MineRL's and for ghostkeys' of the same moment."""
    pov = np.ascontiguousarray(observation["pov"])
    hand = observation["equipped_items"]["mainhand"]
    told = {
        "inventory": sorted((name, int(count)) for name, count in observation["inventory"].items() if int(count)),
        "hand": [str(hand["type"]), int(hand["damage"]), int(hand["maxDamage"])],
        "life": _floats(observation["life_stats"], ("is_alive", "life", "food", "saturation", "air")),
        "location": _floats(observation["location_stats"], ("xpos", "ypos", "zpos", "pitch", "yaw")),
    }
    return hashlib.sha256(str(pov.shape).encode() + pov.tobytes() + json.dumps(told).encode()).hexdigest()


def _floats(values: Mapping[str, Any], names: tuple[str, ...]) -> list[float]:
    return [float(np.float32(values[name])) for name in names]


class CheapWorld:
    """A noise of its seed that brightens with every tick; holding `attack` yields logs, `inventory` opens a screen."""

    def __init__(self, *, height: int, width: int, die_at: int | None) -> None:
        self._shape = (height, width, 3)
        self._die_at = die_at

    def reset(self, seed: int | None, start: Mapping[str, Any]) -> State:
        """Begins an episode."""
        generator = np.random.default_rng(seed)
        self._noise = generator.integers(0, 256, self._shape, np.uint8)
        self._place = dict(zip(("xpos", "ypos", "zpos"), generator.normal(0, 50, 3).tolist(), strict=True))
        self._place |= {"pitch": 0.0, "yaw": 0.0} | start.get("placement", {})
        self._inventory = Counter(start.get("inventory", {}))
        self._stats: dict[str, Counter[str]] = {name: Counter() for name in STATISTICS}
        self._tick = self._attacked = 0
        self._is_open = self._was_pressed = False
        return self._state()

    def step(self, action: Mapping[str, Any]) -> tuple[State, bool]:
        """Plays a tick."""
        self._tick += 1
        pitch, yaw = (float(turn) for turn in action["camera"])
        self._place["yaw"] += yaw
        self._place["pitch"] = min(max(self._place["pitch"] + pitch, -90.0), 90.0)
        self._is_open ^= bool(action["inventory"] and not self._was_pressed)
        self._was_pressed = bool(action["inventory"])
        self._attacked += int(action["attack"])
        if action["attack"] and self._attacked % TICKS_OF_A_LOG == 0:
            self._inventory["oak_log"] += 1
            self._stats["pickup"]["oak_log"] += 1
        return self._state(), self._tick == self._die_at

    def _state(self) -> State:
        picture = self._noise + np.uint8(self._tick % 256)
        picture[0, 0] = self._tick // 256, self._tick % 256, 7
        slots = sum(-(-count // 64) for count in self._inventory.values())
        alive = self._tick != self._die_at
        return {
            "pov": picture,
            "inventory": {"air": 36 - slots, **self._inventory},
            "equipped_items": {"mainhand": {"type": "air", "damage": 0, "maxDamage": 0}},
            "life_stats": {"is_alive": alive, "life": 20.0 * alive, "food": 20, "saturation": 5.0, "air": 300},
            "location_stats": dict(self._place),
            "stats": {name: dict(counts) for name, counts in self._stats.items()},
            "isGuiOpen": self._is_open,
        }


class EmbeddedWorld:
    """ghostkeys' embedded world, with Minecraft's statistics of what comes and goes."""

    def __init__(self, *, height: int, width: int) -> None:
        from env.voxel.environment import VoxelEnv

        self._env = VoxelEnv((height, width))

    def reset(self, seed: int | None, start: Mapping[str, Any]) -> State:
        """Begins an episode."""
        place = start.get("placement", {})
        options = {
            "inventory": start.get("inventory"),
            "biome": start.get("biome"),
            "position": tuple(place[name] for name in ("xpos", "ypos", "zpos")) if place else None,
            "yaw": place.get("yaw"),
            "pitch": place.get("pitch"),
        }
        observation, info = self._env.reset(seed=seed, options=options)
        self._stats: dict[str, Counter[str]] = {name: Counter() for name in STATISTICS}
        ledger, gain, lose = self._env.game.ledger, self._env.game.ledger.gain, self._env.game.ledger.lose

        def count_gain(name: str, count: int, *, tick: int) -> None:
            self._stats["pickup"][name] += count
            gain(name, count, tick=tick)

        def count_loss(name: str, count: int) -> None:
            self._stats["drop"][name] += count
            lose(name, count)

        vars(ledger).update(gain=count_gain, lose=count_loss)
        return self._state(observation, info)

    def step(self, action: Mapping[str, Any]) -> tuple[State, bool]:
        """Plays a tick."""
        observation, _, done, _, info = self._env.step(action)
        return self._state(observation, info), done

    def _state(self, observation: Mapping[str, Any], info: Mapping[str, Any]) -> State:
        stats = {name: dict(counts) for name, counts in self._stats.items()}
        return {**observation, "location_stats": info["location_stats"], "stats": stats, "isGuiOpen": info["isGuiOpen"]}
