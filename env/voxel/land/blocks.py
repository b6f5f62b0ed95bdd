"""The blocks and items of the embedded world: their ids, names and constants.

Blocks and items share one numbering: blocks are 0 to 127 (0 is air), things that cannot be placed start at 128.
Hardness and tools follow Minecraft 1.16, so that breaking takes as long as it does there. What a broken block drops is
the business of `mining`.
"""

from dataclasses import dataclass
from math import inf
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Shape = Literal["empty", "cube", "leaves", "glass", "water", "plant", "torch"]
Tool = Literal["pickaxe", "axe", "shovel", "sword", "hoe"]

FIRST_ITEM = 128
"""Ids from here on are items that cannot be placed."""

HAND, WOOD, STONE, IRON, DIAMOND = range(5)
"""Tool tiers; a block drops something when the tool's tier reaches the block's `min_tier`."""

SPEED_OF_TIER = (1.0, 2.0, 4.0, 6.0, 8.0)
"""How many times faster than a hand the right tool of a tier works."""


@dataclass(frozen=True)
class Block:
    """A kind of block."""

    id: int
    name: str
    shape: Shape
    hardness: float
    """`inf` cannot be broken; 0 breaks at once."""
    tool: Tool | None
    """The kind of tool that breaks it faster."""
    min_tier: int
    """The least tier of that tool with which it drops anything; 0 is a bare hand."""

    @property
    def solid(self) -> bool:
        """Whether a player collides with it."""
        return self.shape in ("cube", "leaves", "glass")

    @property
    def opaque(self) -> bool:
        """Whether it hides everything behind it and stops light."""
        return self.shape == "cube"

    @property
    def replaceable(self) -> bool:
        """Whether a placed block takes its cell."""
        return self.shape in ("empty", "water") or self.name == "grass"

    @property
    def targetable(self) -> bool:
        """Whether the crosshair can point at it."""
        return self.shape not in ("empty", "water")


@dataclass(frozen=True)
class Item:
    """A kind of thing a hotbar slot holds; a placeable block is one under its own id."""

    id: int
    name: str
    stack: int = 64
    """How many fit into one slot."""
    tool: Tool | None = None
    tier: int = HAND
    durability: int = 0
    """Uses before a tool breaks; 0 lasts for ever."""
    food: int = 0
    """Half drumsticks that it stills hunger by; 0 cannot be eaten."""
    saturation: float = 0.0
    """What eating it adds to the saturation."""


# Order is the numbering: worlds and recordings hold these ids, so append and never reorder.
_BLOCKS: tuple[tuple[str, Shape, float, Tool | None, int], ...] = (
    ("air", "empty", inf, None, HAND),
    ("stone", "cube", 1.5, "pickaxe", WOOD),
    ("grass_block", "cube", 0.6, "shovel", HAND),
    ("dirt", "cube", 0.5, "shovel", HAND),
    ("cobblestone", "cube", 2.0, "pickaxe", WOOD),
    ("oak_planks", "cube", 2.0, "axe", HAND),
    ("bedrock", "cube", inf, None, HAND),
    ("sand", "cube", 0.5, "shovel", HAND),
    ("gravel", "cube", 0.6, "shovel", HAND),
    ("oak_log", "cube", 2.0, "axe", HAND),
    ("oak_leaves", "leaves", 0.2, "hoe", HAND),
    ("birch_log", "cube", 2.0, "axe", HAND),
    ("birch_leaves", "leaves", 0.2, "hoe", HAND),
    ("birch_planks", "cube", 2.0, "axe", HAND),
    ("water", "water", inf, None, HAND),
    ("coal_ore", "cube", 3.0, "pickaxe", WOOD),
    ("iron_ore", "cube", 3.0, "pickaxe", STONE),
    ("gold_ore", "cube", 3.0, "pickaxe", IRON),
    ("diamond_ore", "cube", 3.0, "pickaxe", IRON),
    ("redstone_ore", "cube", 3.0, "pickaxe", IRON),
    ("grass", "plant", 0.0, None, HAND),
    ("poppy", "plant", 0.0, None, HAND),
    ("dandelion", "plant", 0.0, None, HAND),
    ("oak_sapling", "plant", 0.0, None, HAND),
    ("birch_sapling", "plant", 0.0, None, HAND),
    ("crafting_table", "cube", 2.5, "axe", HAND),
    ("furnace", "cube", 3.5, "pickaxe", WOOD),
    ("torch", "torch", 0.0, None, HAND),
    ("glass", "glass", 0.3, None, HAND),
    ("sandstone", "cube", 0.8, "pickaxe", WOOD),
    ("snow_block", "cube", 0.2, "shovel", WOOD),
    ("clay", "cube", 0.6, "shovel", HAND),
    ("granite", "cube", 1.5, "pickaxe", WOOD),
    ("andesite", "cube", 1.5, "pickaxe", WOOD),
    ("diorite", "cube", 1.5, "pickaxe", WOOD),
    ("obsidian", "cube", 50.0, "pickaxe", DIAMOND),
    ("chest", "cube", 2.5, "axe", HAND),
    ("spruce_log", "cube", 2.0, "axe", HAND),
    ("spruce_leaves", "leaves", 0.2, "hoe", HAND),
    ("spruce_planks", "cube", 2.0, "axe", HAND),
    ("cornflower", "plant", 0.0, None, HAND),
    ("oxeye_daisy", "plant", 0.0, None, HAND),
)

BLOCKS: tuple[Block, ...] = tuple(
    Block(number, name, shape, hardness, tool, min_tier)
    for number, (name, shape, hardness, tool, min_tier) in enumerate(_BLOCKS)
)
"""All blocks; the index is the id."""

_MATERIALS = (
    "stick",
    "coal",
    "charcoal",
    "iron_ingot",
    "gold_ingot",
    "diamond",
    "redstone",
    "flint",
    "apple",
    "wheat_seeds",
)
_FOOD = {"apple": (4, 2.4)}
"""Food and saturation of what can be eaten."""
_TIERS = (("wooden", WOOD, 59), ("stone", STONE, 131), ("iron", IRON, 250), ("diamond", DIAMOND, 1561))
_TOOLS: tuple[Tool, ...] = ("pickaxe", "axe", "shovel", "sword", "hoe")


def _pure_items() -> tuple[Item, ...]:
    plain = []
    for number, name in enumerate(_MATERIALS, start=FIRST_ITEM):
        food, saturation = _FOOD.get(name, (0, 0.0))
        plain.append(Item(number, name, food=food, saturation=saturation))
    first_tool = FIRST_ITEM + 32
    tools = [
        Item(first_tool + i * len(_TOOLS) + j, f"{material}_{tool}", 1, tool, tier, durability)
        for i, (material, tier, durability) in enumerate(_TIERS)
        for j, tool in enumerate(_TOOLS)
    ]
    return (*plain, *tools)


ITEMS: tuple[Item, ...] = (*(Item(block.id, block.name) for block in BLOCKS[1:]), *_pure_items())
"""Everything a slot can hold, ascending by id (with gaps)."""

ITEM_NAMES: tuple[str, ...] = tuple(item.name for item in ITEMS)

_ITEM_OF_ID = {item.id: item for item in ITEMS}
_ID_OF_NAME = {"air": 0} | {item.name: item.id for item in ITEMS}


def item(number: int) -> Item:
    """The item with this id; `KeyError` for an unknown id or 0 (an empty slot)."""
    return _ITEM_OF_ID[number]


def item_name(number: int) -> str:
    """The name under which MineRL knows the item; id 0 is "air"."""
    return "air" if number == 0 else _ITEM_OF_ID[number].name


def item_id(name: str) -> int:
    """The id of a block or item name; `KeyError` if there is none."""
    return _ID_OF_NAME[name]


def _flags(attribute: str) -> NDArray[np.bool_]:
    """(256,) one attribute of every block, indexable by any uint8."""
    flags = np.zeros(256, np.bool_)
    flags[: len(BLOCKS)] = [getattr(block, attribute) for block in BLOCKS]
    return flags


SOLID = _flags("solid")
OPAQUE = _flags("opaque")
REPLACEABLE = _flags("replaceable")
TARGETABLE = _flags("targetable")

(
    AIR, STONE_BLOCK, GRASS_BLOCK, DIRT, COBBLESTONE, OAK_PLANKS, BEDROCK, SAND, GRAVEL, OAK_LOG, OAK_LEAVES, BIRCH_LOG,
    BIRCH_LEAVES, BIRCH_PLANKS, WATER, COAL_ORE, IRON_ORE, GOLD_ORE, DIAMOND_ORE, REDSTONE_ORE, GRASS, POPPY, DANDELION,
    OAK_SAPLING, BIRCH_SAPLING, CRAFTING_TABLE, FURNACE, TORCH, GLASS, SANDSTONE, SNOW_BLOCK, CLAY, GRANITE, ANDESITE,
    DIORITE, OBSIDIAN, CHEST, SPRUCE_LOG, SPRUCE_LEAVES, SPRUCE_PLANKS, CORNFLOWER, OXEYE_DAISY,
) = range(len(_BLOCKS))  # fmt: skip
