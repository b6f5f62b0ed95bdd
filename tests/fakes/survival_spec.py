"""MineRL 1.0's HumanSurvival for MineRL 0.4.4, whose Python reads an older game: all differences are here.

`tests/fakes/real_minerl.py` puts this file beside 0.4.4's, whose interpreter imports it; ghostkeys' never does. The
newer game writes equipment as JSON of its own, life in a table of its own,
stacks without metadata, statistics by name, and has other items.
"""

# MineRL's classes have no types that ghostkeys' checks could see.
# mypy: disable-error-code="misc, no-any-return"

from __future__ import annotations

import json
from typing import Any

from minerl.herobraine.env_specs.simple_embodiment import SimpleEmbodimentEnvSpec
from minerl.herobraine.hero import handlers, spaces
from minerl.herobraine.hero.handlers.agent.observations.mc_base_stats import _FullStatsObservation
from minerl.herobraine.hero.handlers.translation import TranslationHandler, TranslationHandlerGroup

ITEMS = (
    *("air", "stone", "grass_block", "dirt", "cobblestone", "oak_planks", "bedrock", "sand", "gravel", "oak_log"),
    *("oak_leaves", "birch_log", "birch_leaves", "birch_planks", "water", "coal_ore", "iron_ore", "gold_ore"),
    *("diamond_ore", "redstone_ore", "grass", "poppy", "dandelion", "oak_sapling", "birch_sapling", "crafting_table"),
    *("furnace", "torch", "glass", "sandstone", "snow_block", "clay", "granite", "andesite", "diorite", "obsidian"),
    *("chest", "spruce_log", "spruce_leaves", "spruce_planks", "cornflower", "oxeye_daisy", "stick", "coal"),
    *("charcoal", "iron_ingot", "gold_ingot", "diamond", "redstone", "flint", "apple", "wheat_seeds"),
    *("wooden_pickaxe", "wooden_axe", "wooden_shovel", "wooden_sword", "wooden_hoe", "stone_pickaxe", "stone_axe"),
    *("stone_shovel", "stone_sword", "stone_hoe", "iron_pickaxe", "iron_axe", "iron_shovel", "iron_sword"),
    *("iron_hoe", "diamond_pickaxe", "diamond_axe", "diamond_shovel", "diamond_sword", "diamond_hoe"),
)
"""Items of the newer game that the embedded world has, too."""
STATISTICS = ("pickup", "craft_item", "drop", "use_item")
BUTTONS = (
    *("forward", "left", "back", "right", "jump", "inventory", "drop", "swapHands", "sneak", "sprint", "attack", "use"),
    *("pickItem", *(f"hotbar.{slot}" for slot in range(1, 10)), "ESC"),
)


class Inventory(handlers.FlatInventoryObservation):
    """Counts by item, from stacks that have no metadata."""

    def from_hero(self, info: dict[str, Any]) -> dict[str, Any]:
        """MineRL's own counting, with the metadata it expects."""
        return super().from_hero({"inventory": [{"metadata": 0, **stack} for stack in info["inventory"]]})


class Equipment(handlers.EquippedItemObservation):
    """The item in the hand, from JSON within JSON."""

    def from_hero(self, info: dict[str, Any]) -> dict[str, Any]:
        """MineRL's own reading of what the newer game writes."""
        read = {slot: {"metadata": 0, **json.loads(text)} for slot, text in info["equipped_items"].items()}
        return super().from_hero({"equipped_items": read})


class Life(handlers.ObservationFromLifeStats):
    """Health, food and breath, which the newer game keeps together."""

    def from_hero(self, info: dict[str, Any]) -> dict[str, Any]:
        """MineRL's own reading, of values that lie side by side with all others."""
        return super().from_hero(info["life_stats"])


class Statistic(TranslationHandlerGroup):
    """Counts by item of one of the game's statistics."""

    def __init__(self, name: str) -> None:
        self._name = name
        counts = [_FullStatsObservation([name, item]) for item in ITEMS]
        for each in counts:
            each.ignore_missing = True
        super().__init__(counts)

    def to_string(self) -> str:
        """The statistic."""
        return self._name

    def xml_template(self) -> str:
        """What the mission asks the game for."""
        return "<ObservationFromFullStats/>"


class IsGuiOpen(TranslationHandler):
    """Whether a screen is open."""

    def __init__(self) -> None:
        super().__init__(spaces.Discrete(2))

    def from_hero(self, info: dict[str, Any]) -> bool:
        """What the game says."""
        return bool(info["isGuiOpen"])

    def to_string(self) -> str:
        """The name of the monitor."""
        return "isGuiOpen"

    def xml_template(self) -> str:
        """What the mission asks the game for."""
        return "<IsGuiOpen/>"


class HumanSurvival(SimpleEmbodimentEnvSpec):
    """Free play with a person's keys."""

    def __init__(self) -> None:
        super().__init__("MineRLHumanSurvival-v0", resolution=(640, 360))

    def create_observables(self) -> list[Any]:
        """Everything that the newer spec of that name tells and this MineRL can read."""
        return [
            handlers.POVObservation(self.resolution),
            Inventory(ITEMS),
            Equipment(ITEMS, mainhand=True, _default="air", _other="air"),
            Life(),
            handlers.ObservationFromCurrentLocation(),
            *(Statistic(name) for name in STATISTICS),
        ]

    def create_actionables(self) -> list[Any]:
        """Every key, and the mouse."""
        return [*(handlers.KeybasedCommandAction(name, name) for name in BUTTONS), handlers.CameraAction()]

    def create_monitors(self) -> list[Any]:
        """What `info` tells."""
        return [IsGuiOpen(), handlers.ObservationFromCurrentLocation()]

    def create_rewardables(self) -> list[Any]:
        """None."""
        return []

    def create_agent_start(self) -> list[Any]:
        """As the game starts by itself."""
        return []

    def create_agent_handlers(self) -> list[Any]:
        """None."""
        return []

    def create_server_world_generators(self) -> list[Any]:
        """A world of the usual kind."""
        return [handlers.DefaultWorldGenerator(force_reset=True)]

    def create_server_quit_producers(self) -> list[Any]:
        """An episode ends with the player."""
        return [handlers.ServerQuitWhenAnyAgentFinishes()]

    def create_server_decorators(self) -> list[Any]:
        """None."""
        return []

    def create_server_initial_conditions(self) -> list[Any]:
        """Time passes."""
        return [handlers.TimeInitialCondition(allow_passage_of_time=True)]

    def determine_success_from_rewards(self, rewards: list[float]) -> bool:
        """There is nothing to fail."""
        return True

    def is_from_folder(self, folder: str) -> bool:
        """There are no recordings of it."""
        return False

    def get_docstring(self) -> str:
        """None."""
        return ""


ENVS = [HumanSurvival()]
