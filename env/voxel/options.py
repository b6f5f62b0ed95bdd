"""What an environment is made with and reset with, all of it checked before anything changes.

Whatever is wrong raises `GhostkeysError`, a `ValueError`, with one line that names the argument.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Self

from env.checks import did_you_mean, number, one_of, shown, whole_number
from env.errors import GhostkeysError
from env.voxel.land.biomes import BIOMES, MIXED, Land
from env.voxel.land.terrain import SIZE
from env.voxel.land.world import World, position_in
from env.voxel.observation import FAR
from env.voxel.rules.inventory import Inventory
from env.voxel.rules.physics import Vector

MORNING = 1000
"""Time of day at which a world starts, in ticks since sunrise."""
LARGEST_SIDE = 4096
"""Largest height and width of a picture, in pixels."""
LARGEST_SEED = 2**62 - 1
"""Worlds repeat beyond it."""
MAX_SEED = 2**31
"""Seeds that are drawn lie below."""
LONGEST = 2**31 - 1
"""Largest number of ticks."""
_OPTIONS = ("position", "yaw", "pitch", "inventory", "time_of_day", "biome", "world")


@dataclass(frozen=True, kw_only=True)
class StartOptions:
    """How an episode starts: the options of `VoxelEnv.reset`."""

    world: World | None
    """None is a generated one."""
    land: Land
    position: Vector | None
    """None is the spawn of the generated world."""
    yaw: float
    pitch: float
    inventory: Inventory
    time_of_day: int

    @classmethod
    def read(cls, options: Mapping[str, Any] | None) -> Self:
        """Checks the options; one that is None counts as left out."""
        given = _known({} if options is None else options)
        world = given.get("world")
        if not isinstance(world, World | None):
            raise GhostkeysError(f"world is {shown(world)}; expected an env.voxel.land.world.World.")
        if world is not None and "biome" in given:
            raise GhostkeysError("the reset options biome and world exclude each other: a world has its land already.")
        size, spawn = (SIZE, None) if world is None else (world.size, world.spawn)
        position = given.get("position", spawn)
        return cls(
            world=world,
            land=_land(given["biome"]) if "biome" in given else MIXED,
            position=None if position is None else position_in(size, position, name="position"),
            yaw=number("yaw", given.get("yaw", 0.0), least=-FAR, most=FAR),
            pitch=number("pitch", given.get("pitch", 0.0), least=-90.0, most=90.0),
            inventory=_inventory(given.get("inventory", {})),
            time_of_day=whole_number("time_of_day", given.get("time_of_day", MORNING), least=0, most=LONGEST),
        )


def checked_seed(seed: object) -> int | None:
    """The seed of a reset; None draws one."""
    return None if seed is None else whole_number("seed", seed, least=0, most=LARGEST_SEED)


def checked_size(size: Any) -> tuple[int, int] | Literal["vpt"]:
    """The size of a picture: (height, width) or "vpt"."""
    if isinstance(size, str) and size == "vpt":
        return "vpt"
    try:
        height, width = (whole_number("size", side, least=1, most=LARGEST_SIDE) for side in size)
    except (TypeError, ValueError):
        raise GhostkeysError(
            f'size is {shown(size)}; expected (height, width), each from 1 to {LARGEST_SIDE}, or "vpt".'
        ) from None
    return height, width


def _known(options: object) -> dict[str, Any]:
    """The options that are given."""
    if not isinstance(options, Mapping):
        raise GhostkeysError(f"options is {shown(options)}; expected a dict of {', '.join(_OPTIONS)}.")
    for name in options:
        if name not in _OPTIONS:
            raise GhostkeysError(f"unknown reset option {shown(name)}: {did_you_mean(name, _OPTIONS)}")
    return {name: value for name, value in options.items() if value is not None}


def _land(biome: object) -> Land:
    return BIOMES[one_of("biome", biome, BIOMES)]


def _inventory(contents: object) -> Inventory:
    if not isinstance(contents, Mapping):
        raise GhostkeysError(f"inventory is {shown(contents)}; expected a dict of item names and counts.")
    return Inventory({name: _count(name, count) for name, count in contents.items()})


def _count(name: object, count: object) -> int:
    return whole_number(f"inventory: the count of {shown(name)}", count, least=0, most=Inventory.CAPACITY)
