"""Kinds of land: how high it lies, what covers it, what grows there."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from env.voxel.land.blocks import DIRT, GRASS_BLOCK, SAND, SANDSTONE, SNOW_BLOCK


class Land(NamedTuple):
    """What `terrain` shapes a world by. The defaults are a land of everything: meadows, woods, hills and lakes."""

    level: float = 5.0
    """Mean height of the ground above the water, in blocks."""
    rolling: float = 7.0
    """Height, in blocks, of what lies some 70 blocks apart."""
    hills: float = 2.0
    """Height of hills some 30 blocks apart where the land is gentle."""
    steep_hills: float = 7.0
    """What is added where it is steep."""
    bumps: float = 1.0
    steep_bumps: float = 2.0
    top: int = GRASS_BLOCK
    """The uppermost block of dry ground; trees grow on it."""
    soil: int = DIRT
    """The few blocks below."""
    trees: float = 0.25
    """Mean chance of a tree in 4 x 4 blocks."""
    woods: float = 0.40
    """How far that rises in woods and falls between them."""
    lone_trees: float = 0.03
    """The least it falls to."""
    cold: float = 0.0
    """Shifts the kind of trees: birches below -0.3, oaks, spruces from 0.5 on."""


MIXED = Land()
"""The land of a world without a biome."""
BIOMES: Mapping[str, Land] = MappingProxyType(
    {
        "plains": Land(
            rolling=3.0, hills=1.0, steep_hills=2.0, steep_bumps=1.0, trees=0.02, woods=0.04, lone_trees=0.01
        ),
        "forest": Land(trees=0.6, woods=0.2, lone_trees=0.4),
        "desert": Land(rolling=4.0, steep_hills=4.0, top=SAND, soil=SANDSTONE, trees=0.0, woods=0.0, lone_trees=0.0),
        "mountains": Land(
            level=12.0, rolling=10.0, hills=5.0, steep_hills=11.0, steep_bumps=4.0, trees=0.15, woods=0.3, cold=0.4
        ),
        "snow": Land(top=SNOW_BLOCK, trees=0.2, woods=0.3, cold=1.6),
    }
)
"""The lands that `reset` can be asked for, by name."""
