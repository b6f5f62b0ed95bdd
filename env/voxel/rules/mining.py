"""Breaking blocks: how fast each tool works and what falls out. Minecraft 1.16's rules."""

import numpy as np

from env.voxel.land import blocks
from env.voxel.land.blocks import BLOCKS, SPEED_OF_TIER, Block, Item

WITH_TOOL, WITHOUT_TOOL = 30.0, 100.0
"""Ticks a block of hardness 1 takes at speed 1, when the tool makes it drop and when not."""
SWORD_SPEED = 1.5
"""A sword's speed on leaves and plants."""
AWKWARD = 5.0
"""A player in the air or with the head under water works this much slower; both multiply."""

_ORES = {
    blocks.COAL_ORE: ("coal", 1, 1),
    blocks.DIAMOND_ORE: ("diamond", 1, 1),
    blocks.REDSTONE_ORE: ("redstone", 4, 5),
}
"""Item of the ores that do not drop themselves, with the least and most dropped."""
_INSTEAD = {blocks.STONE_BLOCK: blocks.COBBLESTONE, blocks.GRASS_BLOCK: blocks.DIRT}
_NOTHING = {blocks.GLASS, blocks.BEDROCK, blocks.WATER, blocks.AIR}
_SAPLINGS = {blocks.OAK_LEAVES: "oak_sapling", blocks.BIRCH_LEAVES: "birch_sapling"}


def tool_speed(block: Block, tool: Item | None) -> float:
    """How many times faster than a bare hand the tool works on the block."""
    if tool is None or tool.tool is None:
        return SPEED_OF_TIER[blocks.HAND]
    if tool.tool == "sword" and block.shape in ("leaves", "plant"):
        return SWORD_SPEED
    return SPEED_OF_TIER[tool.tier] if tool.tool == block.tool else SPEED_OF_TIER[blocks.HAND]


def can_harvest(block: Block, tool: Item | None) -> bool:
    """Whether the block drops anything when broken with this tool."""
    if block.min_tier == blocks.HAND:
        return True
    return tool is not None and tool.tool == block.tool and tool.tier >= block.min_tier


def damage_per_tick(block: Block, tool: Item | None, *, on_ground: bool = True, head_in_water: bool = False) -> float:
    """The part of the block that one tick of digging breaks; 1 or more breaks it at once."""
    if block.hardness == 0.0:
        return 1.0
    ticks = block.hardness * (WITH_TOOL if can_harvest(block, tool) else WITHOUT_TOOL)
    awkward = (1.0 if on_ground else AWKWARD) * (AWKWARD if head_in_water else 1.0)
    return tool_speed(block, tool) / (ticks * awkward)


def drops(block: int, tool: Item | None, rng: np.random.Generator) -> list[tuple[int, int]]:
    """What a broken block leaves behind: (item id, count) for each stack."""
    if block in _NOTHING or not can_harvest(BLOCKS[block], tool):
        return []
    if block in _ORES:
        name, least, most = _ORES[block]
        return [(blocks.item_id(name), int(rng.integers(least, most + 1)))]
    if BLOCKS[block].shape == "leaves":
        return _leaf_drops(block, rng)
    if block == blocks.GRASS:
        return [(blocks.item_id("wheat_seeds"), 1)] if rng.random() < 0.125 else []
    if block == blocks.GRAVEL and rng.random() < 0.1:
        return [(blocks.item_id("flint"), 1)]
    return [(_INSTEAD.get(block, block), 1)]


def _leaf_drops(block: int, rng: np.random.Generator) -> list[tuple[int, int]]:
    fallen = []
    if rng.random() < 0.05 and block in _SAPLINGS:
        fallen.append((blocks.item_id(_SAPLINGS[block]), 1))
    if rng.random() < 0.02:
        fallen.append((blocks.item_id("stick"), int(rng.integers(1, 3))))
    if block == blocks.OAK_LEAVES and rng.random() < 0.005:
        fallen.append((blocks.item_id("apple"), 1))
    return fallen
