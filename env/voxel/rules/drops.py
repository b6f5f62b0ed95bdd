"""Item entities: items that fall, come to rest, spin, and are picked up."""

from dataclasses import dataclass
from math import degrees, pi, sin

import numpy as np
from numpy.typing import NDArray

from env.voxel.land.blocks import item
from env.voxel.land.world import World
from env.voxel.rules.physics import Box, Vector, sweep, water_depth

HALF_WIDTH, HEIGHT = 0.125, 0.25
GRAVITY, AIR_DRAG, GROUND_DRAG = 0.04, 0.98, 0.588
BUOYANCY, WATER_DRAG = 0.0005, 0.99
LIFETIME = 6000
"""Ticks after which a dropped item is gone."""
BLOCK_DELAY, THROW_DELAY = 10, 40
"""Ticks before a broken block's and a thrown item can be picked up."""
REST_SPEED = 1e-3


@dataclass
class Drop:
    """A stack of one item in the world."""

    item: int
    count: int
    position: Vector
    """Centre of its underside."""
    velocity: Vector
    phase: float
    """Offset of its spin and bob, in radians."""
    delay: int = BLOCK_DELAY
    damage: int = 0
    age: int = 0
    on_ground: bool = False

    @property
    def box(self) -> Box:
        """The space it takes."""
        x, y, z = self.position
        return (x - HALF_WIDTH, y, z - HALF_WIDTH, x + HALF_WIDTH, y + HEIGHT, z + HALF_WIDTH)

    def fall(self, world: World) -> bool:
        """One tick of motion; returns whether it has just landed."""
        self.age += 1
        self.delay = max(self.delay - 1, 0)
        vx, vy, vz = self.velocity
        swims = water_depth(world.blocks, self.box) > 0.1
        vy = min(vy + BUOYANCY, 0.06) if swims else vy - GRAVITY
        moved = sweep(world.blocks, self.box, (vx, vy, vz))
        x, y, z = self.position
        self.position = (x + moved[0], y + moved[1], z + moved[2])
        fell, self.on_ground = not self.on_ground, moved[1] != vy and vy < 0.0
        drag = WATER_DRAG if swims else GROUND_DRAG if self.on_ground else AIR_DRAG
        vx, vz = (vx if moved[0] == vx else 0.0) * drag, (vz if moved[2] == vz else 0.0) * drag
        vy = 0.0 if moved[1] != vy else vy * AIR_DRAG
        self.velocity = (_settled(vx), vy, _settled(vz))
        return fell and self.on_ground

    def sprite(self) -> tuple[float, float, float, float, float]:
        """A row of `View.drops`: the hovering centre, the spin in degrees and the item id."""
        x, y, z = self.position
        hover = 0.1625 + 0.1 * sin(self.age / 10.0 + self.phase)
        return x, y + hover, z, degrees(self.age / 20.0 + self.phase) % 360.0, float(self.item)


def _settled(speed: float) -> float:
    return 0.0 if abs(speed) < REST_SPEED else speed


class Drops:
    """All items that lie in a world."""

    def __init__(self, world: World, rng: np.random.Generator) -> None:
        self.all: list[Drop] = []
        self._world = world
        self._rng = rng

    def spill(self, number: int, count: int, cell: tuple[int, int, int], *, damage: int = 0) -> None:
        """Let a broken block's item pop out of its cell."""
        offset = self._rng.uniform(0.25, 0.75, 3)
        position = (cell[0] + float(offset[0]), cell[1] + float(offset[1]), cell[2] + float(offset[2]))
        vx, vz = (float(v) for v in self._rng.uniform(-0.1, 0.1, 2))
        self.all.append(Drop(number, count, position, (vx, 0.2, vz), self._phase(), damage=damage))

    def throw(self, number: int, count: int, position: Vector, direction: Vector, *, damage: int = 0) -> None:
        """Throw an item the way the player looks."""
        angle, strength = self._phase(), 0.02 * float(self._rng.random())
        vx = 0.3 * direction[0] + np.cos(angle) * strength
        vy = 0.3 * direction[1] + 0.1 + 0.1 * float(self._rng.random() - self._rng.random())
        vz = 0.3 * direction[2] + np.sin(angle) * strength
        velocity = (float(vx), vy, float(vz))
        self.all.append(Drop(number, count, position, velocity, self._phase(), THROW_DELAY, damage))

    def tick(self) -> None:
        """Let all of them fall, merge with their like, and vanish when they are old."""
        for landed in [drop for drop in self.all if drop.fall(self._world)]:
            self._merge(landed)
        self.all = [drop for drop in self.all if drop.count > 0 and drop.age < LIFETIME]

    def within(self, box: Box) -> list[Drop]:
        """The drops that touch the box and may be picked up."""
        return [drop for drop in self.all if drop.delay == 0 and drop.count > 0 and _touch(drop.box, box)]

    def sprites(self) -> NDArray[np.float32]:
        """(N, 5) rows of `View.drops`."""
        return np.array([drop.sprite() for drop in self.all if drop.count > 0], np.float32).reshape(-1, 5)

    def _merge(self, landed: Drop) -> None:
        """Join a drop to one of its like that lies within half a block."""
        x0, y0, z0, x1, y1, z1 = landed.box
        reach = (x0 - 0.5, y0, z0 - 0.5, x1 + 0.5, y1, z1 + 0.5)
        room = item(landed.item).stack - landed.count
        for other in self.all:
            alike = other is not landed and other.item == landed.item and other.on_ground
            if alike and 0 < other.count <= room and _touch(reach, other.box):
                other.count, landed.count = other.count + landed.count, 0
                other.delay, other.age = max(other.delay, landed.delay), min(other.age, landed.age)
                return

    def _phase(self) -> float:
        return float(self._rng.uniform(0.0, 2.0 * pi))


def _touch(a: Box, b: Box) -> bool:
    return a[0] < b[3] and a[3] > b[0] and a[1] < b[4] and a[4] > b[1] and a[2] < b[5] and a[5] > b[2]
