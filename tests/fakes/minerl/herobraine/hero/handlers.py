"""What turns the game's state into observations, and what an episode's start is made of."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

BIOMES = {"extreme_hills": "mountains", "icy": "snow"}
"""Minecraft's names of biomes that the embedded world names otherwise."""


class POVObservation:
    """The picture, which comes bottom row first."""

    def __init__(self, video_resolution: Sequence[int]) -> None:
        self.video_resolution = video_resolution

    def to_string(self) -> str:
        return "pov"

    def from_hero(self, state: Mapping[str, Any]) -> Any:
        return np.ascontiguousarray(state["pov"][::-1])[::-1]


class FlatInventoryObservation:
    """How many of each item."""

    def __init__(self, item_list: Sequence[str], _other: str = "other") -> None:
        self._items = item_list

    def to_string(self) -> str:
        return "inventory"

    def from_hero(self, state: Mapping[str, Any]) -> Any:
        return {item: np.array(state["inventory"].get(item, 0)) for item in self._items}


class EquippedItemObservation:
    """What is in the hand."""

    def __init__(
        self,
        items: Sequence[str],
        mainhand: bool = False,
        offhand: bool = False,
        armor: bool = False,
        _default: str = "none",
        _other: str = "other",
    ) -> None:
        assert mainhand, "only the hand is observed here"

    def to_string(self) -> str:
        return "equipped_items"

    def from_hero(self, state: Mapping[str, Any]) -> Any:
        hand = state["equipped_items"]["mainhand"]
        return {"mainhand": {name: hand[name] if name == "type" else np.array(hand[name]) for name in hand}}


class _Statistics:
    def __init__(self, name: str) -> None:
        self._name = name

    def to_string(self) -> str:
        return self._name

    def from_hero(self, state: Mapping[str, Any]) -> Any:
        return {name: np.array(value) for name, value in state[self._name].items()}


class ObservationFromLifeStats(_Statistics):
    """Health, food and air."""

    def __init__(self) -> None:
        super().__init__("life_stats")


class ObservationFromCurrentLocation(_Statistics):
    """Where the player is and looks."""

    def __init__(self) -> None:
        super().__init__("location_stats")


class ObserveFromFullStats:
    """One of Minecraft's statistics by item."""

    def __init__(self, stat_key: str | None) -> None:
        self._name = stat_key

    def to_string(self) -> str:
        return self._name or "full_stats"

    def from_hero(self, state: Mapping[str, Any]) -> Any:
        counts = state["stats"] if self._name is None else state["stats"].get(self._name, {})
        return dict(counts) if self._name is None else {item: np.array(count) for item, count in counts.items()}


class IsGuiOpen:
    """Whether a screen is open."""

    def to_string(self) -> str:
        return "isGuiOpen"

    def from_hero(self, state: Mapping[str, Any]) -> Any:
        return np.array(state["isGuiOpen"])


class SimpleInventoryAgentStart:
    """Fills the slots one after another."""

    def __init__(self, inventory: Sequence[Mapping[str, Any]]) -> None:
        self._stacks = inventory

    def asked(self) -> dict[str, Any]:
        counts: dict[str, int] = {}
        for stack in self._stacks:
            counts[stack["type"]] = counts.get(stack["type"], 0) + int(stack["quantity"])
        return {"inventory": counts}


class AgentStartPlacement:
    """Places the player."""

    def __init__(self, x: float, y: float, z: float, yaw: float = 0.0, pitch: float = 0.0) -> None:
        self._place = {"xpos": x, "ypos": y, "zpos": z, "yaw": yaw, "pitch": pitch}

    def asked(self) -> dict[str, Any]:
        return {"placement": self._place}


class PreferredSpawnBiome:
    """Has the world begin in a biome."""

    def __init__(self, biome: str) -> None:
        self._biome = biome

    def asked(self) -> dict[str, Any]:
        return {"biome": BIOMES.get(self._biome, self._biome)}
