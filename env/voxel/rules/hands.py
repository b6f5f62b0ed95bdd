"""Digging, placing, opening, eating, throwing and choosing, with Minecraft 1.16's delays."""

from dataclasses import dataclass, field
from math import floor

import numpy as np

from env.ledger import Ledger
from env.voxel.land import blocks
from env.voxel.land.blocks import AIR, BLOCKS, FIRST_ITEM, REPLACEABLE, SOLID, TARGETABLE, Block, Item, item_name
from env.voxel.land.world import World
from env.voxel.rules import mining
from env.voxel.rules.controls import Controls
from env.voxel.rules.drops import Drops
from env.voxel.rules.furnace import Furnace
from env.voxel.rules.physics import EPSILON, Box, Cell, cast_ray
from env.voxel.rules.player import MEAL_TICKS, REACH, Player, is_under_water
from env.voxel.rules.slots import Stack
from env.voxel.rules.vitals import MAX_FOOD, MINE

SWING_TICKS = 6
MISS_DELAY, BREAK_DELAY, USE_DELAY = 10, 5, 4
"""Ticks without digging after a stroke at the air and after a block broke, and between two uses of a held key."""
DONE = 1.0 - 1e-6
"""Damage that breaks a block; the rest is rounding."""
UNTIL_RELEASED = 10000
"""Ticks without digging after a screen closes, unless the button is let go."""
OPENS = (blocks.CRAFTING_TABLE, blocks.FURNACE)
"""Blocks that open a screen."""
_SOIL = {blocks.GRASS_BLOCK, blocks.DIRT}


@dataclass
class Hands:
    """Digs and builds at the block under the crosshair."""

    player: Player
    world: World
    drops: Drops
    rng: np.random.Generator
    ledger: Ledger
    furnaces: dict[Cell, Furnace] = field(default_factory=dict)
    """The furnaces that hold anything, or have."""
    target: Cell | None = None
    """The block under the crosshair within reach."""
    opened: Cell | None = None
    """The block whose screen was opened in this tick."""
    swing: float = 0.0
    """Progress of the arm's stroke, 0 at rest to 1."""
    _normal: Cell = (0, 0, 0)
    _stroke: int | None = None  # ticks since the stroke began
    _dug: tuple[Cell, int] | None = None  # the block being dug and the tool
    _damage: float = 0.0
    _delays: dict[str, int] = field(default_factory=lambda: {"miss": 0, "break": 0, "use": 0})

    @property
    def crack_stage(self) -> int:
        """How far the target is broken, 0 to 9; -1 while it is whole."""
        if self._dug is None or self._dug[0] != self.target:
            return -1
        return min(floor(self._damage * 10.0), 10) - 1

    def aim(self) -> None:
        """Find the block under the crosshair."""
        found, cell, self._normal = cast_ray(self.world.blocks, self.player.eye, self.player.direction, REACH)
        self.target = cell if found else None

    def tick(self, controls: Controls) -> None:
        """One tick of the hands, with the view already turned."""
        self._delays["use"] = max(self._delays["use"] - 1, 0)
        self.opened = None
        self.aim()
        if controls.hotbar is not None:
            self.player.eating = self.player.eating if controls.hotbar == self.player.hotbar_selected else 0
            self.player.hotbar_selected = controls.hotbar
        if "drop" in controls.pressed:
            self._throw(everything="sprint" in controls.held)
        if "attack" in controls.pressed and self._delays["miss"] == 0 and not self.player.eating:
            self._strike()
        if "use" in controls.pressed or ("use" in controls.held and self._delays["use"] == 0):
            self._use()
        self._eat(held="use" in controls.held)
        self._dig(held="attack" in controls.held and not self.player.eating)
        self._delays["miss"] = max(self._delays["miss"] - 1, 0)
        self._advance_swing()

    def rest(self) -> None:
        """Stop digging until the button is let go: a screen has closed."""
        self._delays["miss"] = UNTIL_RELEASED

    def toss(self, stack: Stack) -> None:
        """Throw a stack, which was taken from somewhere, the way the player looks."""
        x, y, z = self.player.eye
        self.drops.throw(stack.item, stack.count, (x, y - 0.3, z), self.player.direction, damage=stack.damage)
        self.ledger.lose(item_name(stack.item), stack.count)

    def _strike(self) -> None:
        """A click: start on the target, or miss."""
        if self.target is None:
            self._delays["miss"] = MISS_DELAY
        else:
            self._start(self.target)
        self._swing()

    def _dig(self, *, held: bool) -> None:
        """Go on breaking the target while the button is held."""
        if not held:
            self._delays["miss"] = 0
        if self._delays["miss"] > 0:
            return
        if not held or self.target is None:
            self._dug, self._damage = None, 0.0
            return
        if not TARGETABLE[self.world.block(*self.target)]:  # it broke this very tick
            return
        if self._delays["break"] > 0:
            self._delays["break"] -= 1
        elif self._dug == (self.target, self.player.held_item):
            self._damage += self._damage_per_tick(self.target)
            if self._damage >= DONE:
                self._break(self.target)
                self._delays["break"] = BREAK_DELAY
        else:
            self._start(self.target)
        self._swing()

    def _start(self, cell: Cell) -> None:
        """Begin with a block; a soft one breaks at once."""
        if self._dug == (cell, self.player.held_item):
            return
        self._dug, self._damage = (cell, self.player.held_item), 0.0
        if self._damage_per_tick(cell) >= 1.0:
            self._break(cell)

    def _damage_per_tick(self, cell: Cell) -> float:
        under_water = is_under_water(self.world, self.player.eye)
        block = BLOCKS[self.world.block(*cell)]
        return mining.damage_per_tick(block, self._tool(), on_ground=self.player.on_ground, head_in_water=under_water)

    def _tool(self) -> Item | None:
        return blocks.item(self.player.held_item) if self.player.held_item else None

    def _break(self, cell: Cell) -> None:
        tool = self._tool()
        hardness = BLOCKS[self.world.block(*cell)].hardness
        self._dug, self._damage = None, 0.0
        self._remove(cell, tool)
        self.player.vitals.exhaust(MINE)
        if tool is not None and hardness > 0.0:
            self.player.inventory.wear(self.player.hotbar_selected, 2 if tool.tool == "sword" else 1)

    def _remove(self, cell: Cell, tool: Item | None) -> None:
        """Take a block away with what stands on it, and let their items fall."""
        block = self.world.block(*cell)
        self.world.set_block(*cell, AIR)
        for number, count in mining.drops(block, tool, self.rng):
            self.drops.spill(number, count, cell)
        for stack in self.furnaces.pop(cell, Furnace()).clear():
            self.drops.spill(stack.item, stack.count, cell, damage=stack.damage)
            self.ledger.lose(item_name(stack.item), stack.count)
        above = (cell[0], cell[1] + 1, cell[2])
        if _needs_ground(BLOCKS[self.world.block(*above)]):
            self._remove(above, None)

    def _use(self) -> None:
        """Open the target, begin to eat, or place the block in the hand against the target."""
        if self._dug is not None or self.player.eating:
            return
        self._delays["use"] = USE_DELAY
        if self._can_open():
            self.opened = self.target
            self._swing()
            return
        if self._is_hungry_for(self._tool()):
            self.player.eating = 1
            return
        block, cell = self.player.held_item, self._cell_to_fill()
        if cell is None or not 0 < block < FIRST_ITEM or not self._can_place(block, cell):
            return
        self.world.set_block(*cell, block)
        self.player.inventory.take(self.player.hotbar_selected)
        self.ledger.lose(item_name(block), 1)
        self._swing()

    def _is_hungry_for(self, thing: Item | None) -> bool:
        return thing is not None and thing.food > 0 and self.player.food < MAX_FOOD

    def _eat(self, *, held: bool) -> None:
        """Go on eating while the button is held."""
        food = self._tool()
        if not held or food is None:
            self.player.eating = 0
        elif self.player.eating:
            self.player.eating += 1
            if self.player.eating > MEAL_TICKS:
                self.player.eating = 0
                self.player.vitals.eat(food.food, food.saturation)
                self.player.inventory.take(self.player.hotbar_selected)

    def _can_open(self) -> bool:
        """Whether the target has a screen; a player who sneaks with something in the hand builds against it instead."""
        if self.target is None or self.world.block(*self.target) not in OPENS:
            return False
        return not (self.player.sneaking and self.player.held_item)

    def _cell_to_fill(self) -> Cell | None:
        if self.target is None:
            return None
        if REPLACEABLE[self.world.block(*self.target)]:
            return self.target
        x, y, z = (a + b for a, b in zip(self.target, self._normal, strict=True))
        return x, y, z

    def _can_place(self, block: int, cell: Cell) -> bool:
        x, y, z = cell
        if y >= self.world.blocks.shape[1] or not REPLACEABLE[self.world.block(x, y, z)]:
            return False
        if _needs_ground(BLOCKS[block]):
            below = self.world.block(x, y - 1, z)
            return bool(SOLID[below]) if BLOCKS[block].shape == "torch" else below in _SOIL
        return not _meets(self.player.box, cell)

    def _throw(self, *, everything: bool) -> None:
        inventory, slot = self.player.inventory, self.player.hotbar_selected
        stack = inventory[slot]
        count = inventory.take(slot, stack.count if everything else 1)
        if count == 0:
            return
        self.toss(stack.of(count))
        self._swing()

    def _swing(self) -> None:
        """Begin a stroke unless one has only just begun."""
        if self._stroke is None or self._stroke >= SWING_TICKS // 2:
            self._stroke = -1

    def _advance_swing(self) -> None:
        if self._stroke is not None:
            self._stroke = self._stroke + 1 if self._stroke + 1 < SWING_TICKS else None
        self.swing = 0.0 if self._stroke is None else (self._stroke + 1) / SWING_TICKS


def _needs_ground(block: Block) -> bool:
    return block.shape in ("plant", "torch")


def _meets(box: Box, cell: Cell) -> bool:
    return all(box[i] + EPSILON < cell[i] + 1 and box[i + 3] - EPSILON > cell[i] for i in range(3))
