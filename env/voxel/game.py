"""One world being played: everything that a tick changes, without pictures or Gymnasium."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from env.voxel.blocks import item_name
from env.voxel.controls import Controls
from env.voxel.drops import Drops
from env.voxel.hands import Hands
from env.voxel.movement import Legs
from env.voxel.physics import Box
from env.voxel.player import Player, is_under_water
from env.voxel.view import View
from env.voxel.viewpoint import Viewpoint
from env.voxel.world import World

DAY = 24000
"""Ticks of a day."""
_KINDS = ("log", "planks", "sapling")
"""Milestones that any wood reaches: an oak_log counts as "log" too."""


class Game:
    """A player in a world, 20 ticks a second.

    The generator is the game's own, so that equal seeds and actions give equal games whatever runs beside it.
    """

    def __init__(self, world: World, player: Player, rng: np.random.Generator, *, time_of_day: int) -> None:
        self.world = world
        self.player = player
        self.tick = 0
        """Actions taken so far."""
        self.time_of_day = time_of_day
        self.milestones: dict[str, int] = {}
        """Tick at which each item, and each kind of item, was first obtained."""
        self.drops = Drops(world, rng)
        self.hands = Hands(player, world, self.drops, rng)
        self._legs = Legs(player, world)
        self._viewpoint = Viewpoint(held_item=player.held_item)
        self._controls = Controls()
        self._legs.stand()
        self.hands.aim()

    @property
    def head_in_water(self) -> bool:
        """Whether the player's eyes are under water."""
        return is_under_water(self.world, self.player.eye)

    def advance(self, action: Mapping[str, Any]) -> None:
        """Play one tick: the mouse turns the view, the hands act on what it points at, the body moves, things fall."""
        controls = self._controls = Controls.read(action, self._controls)
        self.tick += 1
        self.time_of_day = (self.time_of_day + 1) % DAY
        self.player.turn(controls.pitch, controls.yaw)
        self.hands.tick(controls)
        distance = self._legs.tick(controls)
        self.player.vitals.tick(head_in_water=self.head_in_water)
        self.drops.tick()
        self._pick_up()
        self._viewpoint.tick(self.player, distance)
        self.hands.aim()

    def view(self) -> View:
        """What the current frame shows."""
        view = self._viewpoint.view(self.player, head_in_water=self.head_in_water)
        view.target = self.hands.target
        view.crack_stage = self.hands.crack_stage
        view.swing = self.hands.swing
        view.time_of_day = self.time_of_day
        view.drops = self.drops.sprites()
        return view

    def obtain(self, number: int) -> None:
        """Note the tick at which an item is first obtained."""
        name = item_name(number)
        self.milestones.setdefault(name, self.tick)
        for kind in _KINDS:
            if name.endswith(f"_{kind}"):
                self.milestones.setdefault(kind, self.tick)

    def _pick_up(self) -> None:
        for drop in self.drops.within(_grown(self.player.box)):
            left = self.player.inventory.add(drop.item, drop.count, damage=drop.damage)
            if left < drop.count:
                self.obtain(drop.item)
            drop.count = left


def _grown(box: Box) -> Box:
    """The space from which a player picks things up."""
    return (box[0] - 1.0, box[1] - 0.5, box[2] - 1.0, box[3] + 1.0, box[4] + 0.5, box[5] + 1.0)
