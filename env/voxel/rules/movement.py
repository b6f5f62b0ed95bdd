"""Walking, sprinting, sneaking, jumping and swimming, tick by tick as in Minecraft 1.16."""

from dataclasses import dataclass, replace
from math import cos, hypot, radians, sin

from env.voxel.land.world import World
from env.voxel.rules.controls import Controls
from env.voxel.rules.physics import Vector, is_inside_solid, stay_above_ground, sweep, water_depth
from env.voxel.rules.player import STANDING_HEIGHT, Player, is_under_water
from env.voxel.rules.vitals import JUMP, SPRINT_FOOD, SPRINT_JUMP, SPRINT_PER_METRE

GRAVITY, VERTICAL_DRAG = 0.08, 0.98
GROUND_INERTIA, AIR_INERTIA = 0.6 * 0.91, 0.91
WALK_ACCELERATION, SPRINT_FACTOR = 0.1, 1.3
AIR_ACCELERATION, AIR_SPRINT_ACCELERATION = 0.02, 0.026
JUMP_SPEED, SPRINT_JUMP_BOOST, JUMP_COOLDOWN = 0.42, 0.2, 10
KEY_STRENGTH, SNEAK_FACTOR, EATING_FACTOR = 0.98, 0.3, 0.2
WATER_ACCELERATION, WATER_DRAG, WATER_GRAVITY = 0.02, 0.8, 0.005
SWIM_UP, SWIM_DEPTH, CLIMB_OUT = 0.04, 0.4, 0.3
STILL = 0.003
"""Slower motion stops."""
DOUBLE_TAP = 7
"""Ticks within which pressing forward twice starts a sprint."""
RESTING_SPEED = -GRAVITY * VERTICAL_DRAG
"""Vertical speed of a player who stands on the ground."""


@dataclass
class Movement:
    """Moves a player by its keys; keeps what one tick must know of the last."""

    player: Player
    world: World
    jump_delay: int = 0
    sprint_window: int = 0
    was_forward: bool = False

    def stand(self) -> None:
        """Take the ground below the feet for granted, so that the first tick is no fall."""
        grounded = sweep(self.world.blocks, self.player.box, (0.0, RESTING_SPEED, 0.0))[1] > RESTING_SPEED
        self.player.on_ground = grounded
        self.player.velocity = (0.0, RESTING_SPEED if grounded else 0.0, 0.0)

    def tick(self, controls: Controls) -> float:
        """One tick of motion; returns the horizontal distance moved, in blocks."""
        player = self.player
        depth = water_depth(self.world.blocks, player.box)
        player.sneaking = "sneak" in controls.held or self._must_crouch()
        strength = KEY_STRENGTH * (SNEAK_FACTOR if player.sneaking else 1.0) * (EATING_FACTOR if player.eating else 1.0)
        left, forward = controls.axis("left", "right") * strength, controls.axis("forward", "back") * strength
        self._sprint(controls, forward, in_water=depth > 0.0)
        vx, vy, vz = player.velocity
        player.velocity = (_moving(vx), _moving(vy), _moving(vz))
        self._jump(controls, depth)
        start = player.position
        if depth > 0.0:
            self._swim(left, forward, sink="sneak" in controls.held)
        else:
            self._run(left, forward)
        distance = hypot(player.position[0] - start[0], player.position[2] - start[2])
        if player.sprinting and player.on_ground:
            player.vitals.exhaust(SPRINT_PER_METRE * distance)
        return distance

    def _must_crouch(self) -> bool:
        standing = self.player.box_of_height(STANDING_HEIGHT)
        return self.player.sneaking and is_inside_solid(self.world.blocks, standing)

    def _sprint(self, controls: Controls, forward: float, *, in_water: bool) -> None:
        """Sprinting starts with its key or a second tap on forward, and lasts while the way forward is free."""
        player = self.player
        self.sprint_window = max(self.sprint_window - 1, 0)
        able = forward > 0.0 and not player.sneaking and not in_water and player.food > SPRINT_FOOD
        starts = able and not player.eating
        tapped = starts and not self.was_forward and player.on_ground and "sprint" not in controls.held
        if starts and ("sprint" in controls.held or (tapped and self.sprint_window > 0)):
            player.sprinting = True
        elif tapped:
            self.sprint_window = DOUBLE_TAP
        if not able or player.against_wall:
            player.sprinting = False
        self.was_forward = forward > 0.0

    def _jump(self, controls: Controls, depth: float) -> None:
        player = self.player
        self.jump_delay = max(self.jump_delay - 1, 0) if "jump" in controls.held else 0
        if "jump" not in controls.held:
            return
        vx, vy, vz = player.velocity
        if depth > SWIM_DEPTH or (depth > 0.0 and not player.on_ground):
            player.velocity = (vx, vy + SWIM_UP, vz)
        elif player.on_ground and self.jump_delay == 0:
            boost = SPRINT_JUMP_BOOST if player.sprinting else 0.0
            yaw = radians(player.yaw)
            player.velocity = (vx - sin(yaw) * boost, JUMP_SPEED, vz + cos(yaw) * boost)
            player.vitals.exhaust(SPRINT_JUMP if player.sprinting else JUMP)
            self.jump_delay = JUMP_COOLDOWN

    def _run(self, left: float, forward: float) -> None:
        """One tick on the ground or in the air."""
        player = self.player
        if player.on_ground:
            inertia, acceleration = GROUND_INERTIA, WALK_ACCELERATION * (SPRINT_FACTOR if player.sprinting else 1.0)
        else:
            inertia, acceleration = AIR_INERTIA, AIR_SPRINT_ACCELERATION if player.sprinting else AIR_ACCELERATION
        self._push(left, forward, acceleration)
        self._move()
        vx, vy, vz = player.velocity
        player.velocity = (vx * inertia, (vy - GRAVITY) * VERTICAL_DRAG, vz * inertia)

    def _swim(self, left: float, forward: float, *, sink: bool) -> None:
        """One tick in water."""
        player = self.player
        if sink:
            vx, vy, vz = player.velocity
            player.velocity = (vx, vy - SWIM_UP, vz)
        self._push(left, forward, WATER_ACCELERATION)
        height = player.position[1]
        self._move()
        vx, vy, vz = player.velocity
        vx, vy, vz = vx * WATER_DRAG, vy * WATER_DRAG - WATER_GRAVITY, vz * WATER_DRAG
        if player.against_wall and self._can_climb_out(vx, vy + 0.6 + height - player.position[1], vz):
            vy = CLIMB_OUT
        player.velocity = (vx, vy, vz)
        player.fall_distance = 0.0

    def _can_climb_out(self, x: float, y: float, z: float) -> bool:
        """Whether the body, moved by this much, is in the free and above water."""
        px, py, pz = self.player.position
        box = replace(self.player, position=(px + x, py + y, pz + z)).box
        return not is_inside_solid(self.world.blocks, box) and water_depth(self.world.blocks, box) == 0.0

    def _push(self, left: float, forward: float, acceleration: float) -> None:
        """Accelerate where the keys point, relative to the view."""
        size = hypot(left, forward)
        if size == 0.0:
            return
        scale = acceleration / max(size, 1.0)
        left, forward, yaw = left * scale, forward * scale, radians(self.player.yaw)
        vx, vy, vz = self.player.velocity
        self.player.velocity = (
            vx + left * cos(yaw) - forward * sin(yaw),
            vy,
            vz + forward * cos(yaw) + left * sin(yaw),
        )

    def _move(self) -> None:
        """Move by the velocity as far as the blocks allow, and lose the speed that they stop."""
        player, blocks = self.player, self.world.blocks
        vx, vy, vz = player.velocity
        if player.sneaking and player.on_ground and vy <= 0.0:
            vx, vz = stay_above_ground(blocks, player.box, vx, vz)
        wanted = (vx, vy, vz)
        moved = sweep(blocks, player.box, wanted)
        x, y, z = player.position
        player.position = (x + moved[0], y + moved[1], z + moved[2])
        player.against_wall = moved[0] != vx or moved[2] != vz
        player.on_ground = moved[1] != vy and vy < 0.0
        player.velocity = _unstopped(player.velocity, wanted, moved)
        self._fall(moved[1])

    def _fall(self, rise: float) -> None:
        player = self.player
        if player.on_ground:
            if not is_under_water(self.world, player.position):
                player.vitals.fall(player.fall_distance)
            player.fall_distance = 0.0
        elif rise < 0.0:
            player.fall_distance -= rise


def _moving(speed: float) -> float:
    return 0.0 if abs(speed) < STILL else speed


def _unstopped(velocity: Vector, wanted: Vector, moved: Vector) -> Vector:
    """The velocity without the components that a block stopped."""
    x, y, z = (v if m == w else 0.0 for v, w, m in zip(velocity, wanted, moved, strict=True))
    return x, y, z
