"""What a scripted player knows of the game, and the mouse and keyboard it acts with."""

import math
from typing import Any

import gymnasium
import numpy as np
from numpy.typing import NDArray

from agents.scripted.human_input import Keyboard, Keys, Mouse, wrap
from agents.scripted.paths import IS_SOFT, IS_WATER, Cell, Ground, middle
from agents.scripted.style import Style
from env.actions import no_op
from env.voxel.land.blocks import BLOCKS, FIRST_ITEM, REPLACEABLE, SOLID, TARGETABLE
from env.voxel.rules.game import Game
from env.voxel.rules.inventory import Inventory
from env.voxel.rules.physics import cast_ray
from env.voxel.rules.screen import PIXELS_PER_DEGREE, Screen

Point = tuple[float, float, float]

REACH = 4.5
"""Blocks from the eye to the farthest block that can be hit or built on."""


class Body:
    """Reads the embedded world around the player; acts through the mouse and the keyboard only."""

    def __init__(self, env: gymnasium.Env[Any, Any], style: Style, rng: np.random.Generator) -> None:
        voxel: Any = env.unwrapped
        self.game: Game = voxel.game
        self.style = style
        self.rng = rng
        self.mouse = Mouse(style, rng)
        self.keyboard = Keyboard(style, rng)
        self.mouse.aim(self.yaw, self.pitch)
        self._in_screen = False

    def attend(self) -> None:
        """Begins a tick. When a screen has opened or closed, the mouse moves something else, and begins anew."""
        if self._in_screen != (self.screen is not None):
            self._in_screen = not self._in_screen
            self.mouse.stop(*self.pointing)

    def act(self, wanted: Keys) -> dict[str, Any]:
        """Ends a tick: the MineRL action of hands that want to hold these keys, and of the mouse on its way."""
        shortest = Keyboard.SHORTEST if self.screen is None else 1
        pressed = self.keyboard.press(wanted, shortest=shortest)
        return no_op() | dict.fromkeys(pressed, 1) | {"camera": self.mouse.move(*self.pointing)}

    @property
    def screen(self) -> Screen | None:
        """The open inventory or crafting table."""
        return self.game.screen

    @property
    def pointing(self) -> tuple[float, float]:
        """What the mouse moves, in its degrees: yaw and pitch of the view, or the cursor's x and y in a screen."""
        if self.screen is None:
            return self.yaw, self.pitch
        x, y = self.screen.cursor
        return x / PIXELS_PER_DEGREE, y / PIXELS_PER_DEGREE

    @property
    def inventory(self) -> Inventory:
        """What is carried."""
        return self.game.player.inventory

    @property
    def position(self) -> Point:
        """The feet."""
        x, y, z = self.game.player.position
        return float(x), float(y), float(z)

    @property
    def eye(self) -> Point:
        """Where the player looks from."""
        x, y, z = self.game.player.eye
        return float(x), float(y), float(z)

    @property
    def yaw(self) -> float:
        """Degrees; 0 looks along +z, 90 along -x."""
        return float(self.game.player.yaw)

    @property
    def pitch(self) -> float:
        """Degrees; positive looks down."""
        return float(self.game.player.pitch)

    @property
    def target(self) -> Cell | None:
        """The block under the crosshair within reach."""
        found = self.game.hands.target
        return None if found is None else (int(found[0]), int(found[1]), int(found[2]))

    @property
    def cell(self) -> Cell:
        """The cell one would stand in: that of the feet, or of the edge under them when the middle is over a drop."""
        x, y, z = self.position
        middle = (math.floor(x), math.floor(y + 0.01), math.floor(z))
        if not self.game.player.on_ground:
            return middle
        around = [(math.floor(x + dx), middle[1], math.floor(z + dz)) for dx in (0, -0.3, 0.3) for dz in (0, -0.3, 0.3)]
        return next((cell for cell in around if SOLID[self.block((cell[0], cell[1] - 1, cell[2]))]), middle)

    @property
    def swimming(self) -> bool:
        """Whether the feet are in water."""
        x, y, z = self.position
        return bool(IS_WATER[self.block((math.floor(x), math.floor(y + 0.3), math.floor(z)))])

    def block(self, cell: Cell) -> int:
        """The block id at a cell."""
        return int(self.game.world.block(*cell))

    def ground(self) -> Ground:
        """The neighbourhood as it is now."""
        return Ground(self.game.world, self.cell)

    def distance(self, point: Point) -> float:
        """Horizontal distance to a point."""
        return math.hypot(point[0] - self.position[0], point[2] - self.position[2])

    def heading(self, point: Point) -> float:
        """The yaw that looks towards a point."""
        return math.degrees(math.atan2(-(point[0] - self.position[0]), point[2] - self.position[2]))

    def angles(self, point: Point) -> tuple[float, float]:
        """The yaw and the pitch that put the crosshair on a point."""
        dx, dy, dz = (p - e for p, e in zip(point, self.eye, strict=True))
        return math.degrees(math.atan2(-dx, dz)), -math.degrees(math.atan2(dy, math.hypot(dx, dz)))

    def look_at(self, point: Point, *, tolerance: float = 2.0) -> None:
        """Aims the mouse at a point."""
        self.mouse.aim(*self.angles(point), tolerance=tolerance)

    def turned_to(self, yaw: float) -> float:
        """How far the view is turned away from a yaw, 0 to 180 degrees."""
        return abs(wrap(yaw - self.yaw))

    def sees(self, cell: Cell) -> bool:
        """Whether a block is near enough to hit, with nothing but leaves and plants before its middle."""
        eye, end = np.array(self.eye), np.array(middle(cell))
        length = float(np.linalg.norm(end - eye))
        if length > REACH:
            return False
        for along in np.linspace(0.0, 1.0, 2 + int(length / 0.1)):
            x, y, z = np.floor(eye + along * (end - eye)).astype(int).tolist()
            if (x, y, z) == cell:
                return True
            block = self.block((x, y, z))
            if TARGETABLE[block] and not IS_SOFT[block]:
                return False
        return False

    def safe(self, yaw: float, *, distance: float = 1.2) -> bool:
        """Whether a few steps towards a yaw end on firm ground, not in water or down a cliff."""
        x, y, z = self.position
        feet = math.floor(y + 0.01)
        for along in (0.6, distance):
            cx = math.floor(x - math.sin(math.radians(yaw)) * along)
            cz = math.floor(z + math.cos(math.radians(yaw)) * along)
            floors = [cy for cy in (feet, feet - 1, feet - 2) if self.filled((cx, cy - 1, cz))]
            if self.filled((cx, feet, cz)) or not floors or IS_WATER[self.block((cx, floors[0], cz))]:
                return False
        return True

    def filled(self, cell: Cell) -> bool:
        """Whether a cell holds something solid."""
        return bool(SOLID[self.block(cell)])

    def can_dig(self, cell: Cell) -> bool:
        """Whether a bare hand breaks the block in a second or so."""
        return BLOCKS[self.block(cell)].hardness <= 0.6

    def headroom(self, blocks: int) -> bool:
        """Whether so many cells are free from the feet up."""
        x, y, z = self.cell
        return not any(self.filled((x, y + up, z)) for up in range(blocks))

    def nearest_shore(self) -> Point:
        """The middle of the nearest cell one can stand in, near the height of the feet."""
        x, y, z = self.cell
        ground = self.ground()
        near = ((x + dx, y + dy, z + dz) for dx in range(-24, 25) for dz in range(-24, 25) for dy in (0, 1))
        firm = [cell for cell in near if ground.stands(*cell)]
        return middle(min(firm, key=lambda cell: math.dist(cell, self.position), default=(x, y, z)))

    @property
    def on_firm_ground(self) -> bool:
        """Whether the player stands in a cell from which walks can begin."""
        x, y, z = self.cell
        return bool(self.game.player.on_ground) and self.filled((x, y - 1, z)) and not self.swimming

    @property
    def outside(self) -> bool:
        """Whether the player stands in the open."""
        return self.is_outside(self.cell)

    def is_outside(self, cell: Cell) -> bool:
        """Whether there is but sky above a cell, or a roof so low that one is nearly out."""
        return self._column(self.game.world.heights, cell) <= cell[1] + 2

    @property
    def light(self) -> int:
        """The skylight, 0 to 15, at the head."""
        x, y, z = self.cell
        return self._column(self.game.world.light[:, min(y + 1, self.game.world.light.shape[1] - 1)], (x, y, z))

    def _column(self, field: NDArray[np.uint8], cell: Cell) -> int:
        """The value of a field (X, Z) at a cell; at the edge of the world where the cell lies beyond it."""
        return int(field[min(max(cell[0], 0), field.shape[0] - 1), min(max(cell[2], 0), field.shape[1] - 1)])

    @property
    def selected(self) -> int:
        """The selected hotbar slot, 0 to 8."""
        return int(self.game.player.hotbar_selected)

    @property
    def holds_something(self) -> bool:
        """Whether there is an item in hand."""
        return bool(self.inventory.counts[self.selected] > 0)

    def slots_with_blocks(self) -> list[int]:
        """The hotbar slots that hold blocks to build with."""
        inventory = self.inventory
        return [
            slot
            for slot in range(9)
            if inventory.counts[slot] > 0 and inventory.items[slot] < FIRST_ITEM and SOLID[inventory.items[slot]]
        ]

    def drops(self) -> list[Point]:
        """Where items lie."""
        return [drop.position for drop in self.game.drops.all]

    def place_for_block(self) -> Cell | None:
        """Where a block from the hand would come to stand if `use` were pressed now; None if it could not."""
        return self.place_towards(self.yaw, self.pitch) if self.selected in self.slots_with_blocks() else None

    def place_towards(self, yaw: float, pitch: float) -> Cell | None:
        """Where a block would come to stand if it were placed looking this way; None if it could not."""
        yaw, pitch = math.radians(yaw), math.radians(pitch)
        direction = (-math.sin(yaw) * math.cos(pitch), -math.sin(pitch), math.cos(yaw) * math.cos(pitch))
        hit, found, normal = cast_ray(self.game.world.blocks, self.eye, direction, REACH)
        if not hit:
            return None
        x, y, z = found
        if not REPLACEABLE[self.block((x, y, z))]:
            x, y, z = x + normal[0], y + normal[1], z + normal[2]
        px, py, pz = self.position
        collides = abs(x + 0.5 - px) < 0.8 and abs(z + 0.5 - pz) < 0.8 and py - 1.0 < y < py + 1.8
        return (x, y, z) if REPLACEABLE[self.block((x, y, z))] and not collides else None
