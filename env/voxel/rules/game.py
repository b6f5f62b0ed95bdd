"""One world being played: everything that a tick changes, without pictures or Gymnasium."""

from collections.abc import Mapping
from math import dist
from typing import Any

import numpy as np

from env.ledger import Ledger
from env.voxel.land.blocks import FURNACE, item_name
from env.voxel.land.world import World
from env.voxel.rules.controls import Controls
from env.voxel.rules.drops import Drops
from env.voxel.rules.furnace import Furnace
from env.voxel.rules.hands import Hands
from env.voxel.rules.menu import Menu
from env.voxel.rules.movement import Movement
from env.voxel.rules.physics import Box, Cell
from env.voxel.rules.player import Player, is_under_water
from env.voxel.rules.screen import CLOSING_KEYS, Screen
from env.voxel.rules.view import View
from env.voxel.rules.viewpoint import Viewpoint

DAY = 24000
"""Ticks of a day."""
SCREEN_REACH = 8.0
"""Blocks from the player's feet to the middle of a block, beyond which its screen closes."""


class Game:
    """A player in a world, 20 ticks a second.

    The generator is the game's own, so that equal seeds and actions give equal games whatever runs beside it.
    """

    def __init__(self, world: World, player: Player, rng: np.random.Generator, *, time_of_day: int) -> None:
        self.world = world
        self.player = player
        self.rng = rng
        self.tick = 0
        """Actions taken so far."""
        self.time_of_day = time_of_day
        self.ledger = Ledger()
        """What the player has obtained."""
        self.screen: Screen | None = None
        """The open inventory, crafting table or furnace."""
        self.drops = Drops(world, rng)
        self.hands = Hands(player, world, self.drops, rng, self.ledger)
        self._movement = Movement(player, world)
        self._viewpoint = Viewpoint(held_item=player.held_item)
        self._controls = Controls()
        self._movement.stand()
        self.hands.aim()

    @property
    def milestones(self) -> dict[str, int]:
        """Tick at which each item, and each kind of item, was first obtained."""
        return self.ledger.milestones

    @property
    def head_in_water(self) -> bool:
        """Whether the player's eyes are under water."""
        return is_under_water(self.world, self.player.eye)

    def advance(self, action: Mapping[str, Any]) -> None:
        """Play one tick: the mouse turns the view, the hands act on what it points at, the body moves, things fall.

        While a screen is open, keys and mouse act on it instead, and the world goes on.
        """
        self._controls = Controls.read(action, self._controls)
        self.tick += 1
        self.time_of_day = (self.time_of_day + 1) % DAY
        controls = self._past_screen(self._controls)
        self.player.turn(controls.pitch, controls.yaw)
        self.hands.tick(controls)
        distance = self._movement.tick(controls)
        self.player.vitals.tick(head_in_water=self.head_in_water)
        self.drops.tick()
        self._pick_up()
        for furnace in self.hands.furnaces.values():
            furnace.tick()
        self._viewpoint.tick(self.player, distance)
        self.hands.aim()
        if self.hands.opened is not None:
            self.open_block(self.hands.opened)

    def view(self) -> View:
        """What the current frame shows."""
        view = self._viewpoint.view(self.player, head_in_water=self.head_in_water)
        view.target = self.hands.target
        view.crack_stage = self.hands.crack_stage
        view.swing = self.hands.swing
        view.time_of_day = self.time_of_day
        view.drops = self.drops.sprites()
        view.screen = None if self.screen is None else self.screen.view()
        return view

    def open_inventory(self) -> None:
        """Show the player's inventory with its 2 x 2 grid."""
        self._show(Screen(Menu(self.player.inventory)))

    def open_block(self, cell: Cell) -> None:
        """Show the screen of a furnace, or of a crafting table."""
        if self.world.block(*cell) == FURNACE:
            furnace = self.hands.furnaces.setdefault(cell, Furnace())
            self._show(Screen(Menu(self.player.inventory, furnace=furnace), cell=cell, furnace=furnace))
        else:
            self._show(Screen(Menu(self.player.inventory, side=3), cell=cell))

    def close_screen(self) -> None:
        """Close what is open: what lies in its grid goes back into the inventory."""
        if self.screen is not None:
            self.screen.menu.close()
            self._settle(self.screen.menu)
            self.screen = None
            self.hands.rest()

    def _show(self, screen: Screen) -> None:
        self.close_screen()
        self.screen = screen

    def _past_screen(self, controls: Controls) -> Controls:
        """What of the keys and the mouse reaches the player: all of it, or nothing while a screen is open."""
        if self.screen is None:
            if "inventory" not in controls.pressed:
                return controls
            self.open_inventory()
            return Controls(pitch=controls.pitch, yaw=controls.yaw)
        if controls.pressed & CLOSING_KEYS or self._is_far_away(self.screen.cell):
            self.close_screen()
            return controls
        self.screen.tick(controls)
        self._settle(self.screen.menu)
        return Controls()

    def _is_far_away(self, cell: Cell | None) -> bool:
        return cell is not None and dist(self.player.position, [at + 0.5 for at in cell]) > SCREEN_REACH

    def _settle(self, menu: Menu) -> None:
        """Note what was made, and let fall what was thrown."""
        for stack in menu.gained:
            self.ledger.gain(item_name(stack.item), stack.count, tick=self.tick)
        for stack in menu.thrown:
            self.hands.toss(stack)
        menu.gained.clear()
        menu.thrown.clear()

    def _pick_up(self) -> None:
        for drop in self.drops.within(_grown(self.player.box)):
            left = self.player.inventory.add(drop.item, drop.count, damage=drop.damage)
            if left < drop.count:
                self.ledger.gain(item_name(drop.item), drop.count - left, tick=self.tick)
            drop.count = left


def _grown(box: Box) -> Box:
    """The space from which a player picks things up."""
    return (box[0] - 1.0, box[1] - 0.5, box[2] - 1.0, box[3] + 1.0, box[4] + 0.5, box[5] + 1.0)
