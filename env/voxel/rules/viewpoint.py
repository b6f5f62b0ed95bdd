"""What the first-person picture shows of the player's motion, eased over ticks as in Minecraft 1.16."""

from dataclasses import dataclass
from math import hypot

from env.voxel.rules.player import MEAL_TICKS, SNEAKING_EYE, STANDING_EYE, Player
from env.voxel.rules.view import View

FIELD_OF_VIEW = 70.0
"""Vertical, in degrees; VPT's recordings and MineRL's agents have this one."""
SPRINT_WIDENING, WATER_NARROWING = 1.15, 60.0 / 70.0
EASE, BOB_EASE, MAX_BOB, STRIDE = 0.5, 0.4, 0.1, 0.6
HAND_SPEED, HAND_HIDDEN = 0.4, 0.1


@dataclass
class Viewpoint:
    """The eye's height, the field of view, the bob and the hand that the next frame shows."""

    eye_height: float = STANDING_EYE
    zoom: float = 1.0
    """Factor of the field of view."""
    bob_phase: float = 0.0
    bob_amount: float = 0.0
    equip: float = 1.0
    held_item: int = 0

    def tick(self, player: Player, distance: float) -> None:
        """One tick after the player moved a horizontal distance."""
        eye = SNEAKING_EYE if player.sneaking else STANDING_EYE
        self.eye_height += (eye - self.eye_height) * EASE
        self.zoom += ((SPRINT_WIDENING if player.sprinting else 1.0) - self.zoom) * EASE
        if not (player.sneaking and player.on_ground):
            self.bob_phase += distance * STRIDE
        speed = hypot(player.velocity[0], player.velocity[2]) if player.on_ground else 0.0
        self.bob_amount += (min(speed, MAX_BOB) - self.bob_amount) * BOB_EASE
        self._raise_hand(player.held_item)

    def _raise_hand(self, item: int) -> None:
        """After a change of item the hand sinks with the old one and rises with the new one."""
        goal = 1.0 if item == self.held_item else 0.0
        self.equip += min(max(goal - self.equip, -HAND_SPEED), HAND_SPEED)
        if self.equip < HAND_HIDDEN:
            self.held_item = item

    def view(self, player: Player, *, head_in_water: bool) -> View:
        """The part of a frame's view that depends on the player."""
        x, y, z = player.position
        inventory = player.inventory
        return View(
            eye=(x, y + self.eye_height, z),
            yaw=player.yaw,
            pitch=player.pitch,
            fov=FIELD_OF_VIEW * self.zoom * (WATER_NARROWING if head_in_water else 1.0),
            bob_phase=self.bob_phase,
            bob_amount=self.bob_amount,
            equip=self.equip,
            eaten=player.eating / MEAL_TICKS,
            held_item=self.held_item,
            hotbar_items=inventory.items[:9].copy(),
            hotbar_counts=inventory.counts[:9].copy(),
            hotbar_selected=player.hotbar_selected,
            health=int(-(-player.health // 1)),
            food=player.food,
            eye_in_water=head_in_water,
        )
