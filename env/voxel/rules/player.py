"""The player: position, motion, inventory."""

from dataclasses import dataclass, field
from math import cos, floor, radians, sin

from env.voxel.land.blocks import WATER
from env.voxel.land.world import World
from env.voxel.rules.inventory import Inventory
from env.voxel.rules.physics import WATER_LEVEL, Box, Vector
from env.voxel.rules.vitals import Vitals

HALF_WIDTH = 0.3
STANDING_HEIGHT, SNEAKING_HEIGHT = 1.8, 1.5
STANDING_EYE, SNEAKING_EYE = 1.62, 1.27
REACH = 4.5
"""How far away, in blocks, a block can be dug or built upon."""
MEAL_TICKS = 32
"""Ticks of holding `use` that a meal takes."""


@dataclass
class Player:
    """The player's state. Positions are in blocks, velocities in blocks a tick, angles in degrees (Minecraft's)."""

    position: Vector
    """Centre of the feet."""
    yaw: float = 0.0
    """0 looks along +z, 90 along -x; it does not wrap."""
    pitch: float = 0.0
    """-90 looks up, 90 down."""
    velocity: Vector = (0.0, 0.0, 0.0)
    on_ground: bool = False
    sprinting: bool = False
    sneaking: bool = False
    against_wall: bool = False
    """Whether the last motion ran into something sideways."""
    fall_distance: float = 0.0
    eating: int = 0
    """Ticks that the player has been eating what is in the hand; 0 is not eating."""
    hotbar_selected: int = 0
    """Slot in the hand, 0 to 8."""
    inventory: Inventory = field(default_factory=Inventory)
    vitals: Vitals = field(default_factory=Vitals)

    @property
    def health(self) -> float:
        """Half hearts, 0 to 20."""
        return self.vitals.health

    @property
    def food(self) -> int:
        """Half drumsticks, 0 to 20."""
        return self.vitals.food

    @property
    def held_item(self) -> int:
        """Id of the item in the hand, 0 for none."""
        return int(self.inventory.items[self.hotbar_selected])

    @property
    def box(self) -> Box:
        """The space the body takes."""
        return self.box_of_height(SNEAKING_HEIGHT if self.sneaking else STANDING_HEIGHT)

    @property
    def eye(self) -> Vector:
        """Where the eyes are; rays for digging start here."""
        x, y, z = self.position
        return x, y + (SNEAKING_EYE if self.sneaking else STANDING_EYE), z

    @property
    def direction(self) -> Vector:
        """Unit vector of the view."""
        yaw, pitch = radians(self.yaw), radians(self.pitch)
        return -sin(yaw) * cos(pitch), -sin(pitch), cos(yaw) * cos(pitch)

    def box_of_height(self, height: float) -> Box:
        """The space a body of this height would take."""
        x, y, z = self.position
        return (x - HALF_WIDTH, y, z - HALF_WIDTH, x + HALF_WIDTH, y + height, z + HALF_WIDTH)

    def turn(self, pitch: float, yaw: float) -> None:
        """Turn the view by some degrees down and to the right."""
        self.pitch = min(max(self.pitch + pitch, -90.0), 90.0)
        self.yaw += yaw


def is_under_water(world: World, point: Vector) -> bool:
    """Whether a point, such as the eye, is below the surface of water."""
    x, y, z = (floor(value) for value in point)
    if world.block(x, y, z) != WATER:
        return False
    return world.block(x, y + 1, z) == WATER or point[1] < y + WATER_LEVEL
