"""Walking along a route, with the small detours of attention that people take."""

import math
from collections.abc import Generator, Iterator

from agents.scripted.body import Body, Point
from agents.scripted.human_input import NONE, Keys, wrap
from agents.scripted.paths import Cell, Route, middle

DIRECTION_KEYS: dict[int, Keys] = {
    0: frozenset({"forward"}),
    45: frozenset({"forward", "right"}),
    90: frozenset({"right"}),
    135: frozenset({"back", "right"}),
    180: frozenset({"back"}),
    -135: frozenset({"back", "left"}),
    -90: frozenset({"left"}),
    -45: frozenset({"forward", "left"}),
}
"""The keys that move towards an angle from the view, in degrees to the right."""


class Manner:
    """How the player walks just now (straight, sideways, hopping, sneaking, glancing about), by the style's chances."""

    def __init__(self, body: Body) -> None:
        self._style, self._rng = body.style, body.rng
        self._left: dict[str, int] = {}  # ticks left of each manner
        self._draw_gaze()

    def _draw_gaze(self) -> None:
        self.aside = int(self._rng.choice([45, -45, 45, -45, 90, -90, 135, -135, 180]))
        self.glance = (float(self._rng.normal(0.0, 35.0)), float(self._rng.normal(0.0, 18.0)))
        self.pitch = float(self._rng.normal(8.0, 7.0))

    def _goes_on(self, name: str, chance: float, ticks: tuple[int, int]) -> bool:
        left = self._left.get(name, 0)
        if left == 0 and self._rng.random() < chance:
            left = int(self._rng.integers(*ticks, endpoint=True))
            self._draw_gaze()
        self._left[name] = max(0, left - 1)
        return left > 0

    def tick(self, *, hurried: bool) -> None:
        """Begins and ends manners of walking at random; in a hurry, as when climbing a step, there are none."""
        self.sneaks = self._goes_on("sneak", self._style.sneak, (12, 35)) and not hurried
        self.hops = self._goes_on("hop", self._style.hop, (3, 20)) and not hurried and not self.sneaks
        self.sidesteps = self._goes_on("sidestep", self._style.sidestep, (10, 30)) and not hurried
        self.glances = self._goes_on("glance", self._style.glance, (8, 20)) and not hurried and not self.sidesteps


class Walker:
    """Takes the player along routes."""

    def __init__(self, body: Body) -> None:
        self._body = body
        self._manner = Manner(body)

    def walk(self, route: Route) -> Generator[Keys, None, bool]:
        """Follows a route to its end, or until its trunk is within reach; returns whether it got there.

        The last part of the way to a tree is walked with the crosshair on the trunk.
        """
        body = self._body
        sprint = body.rng.random() < body.style.sprint
        for number, cell in enumerate(route.cells):
            trunk = route.trunk if number == len(route.cells) - 1 else ()
            start = body.position
            patience = 40 + int(12 * body.distance(middle(cell)))
            stuck = 0
            while not self._reached(cell, start):
                if trunk and self._in_front_of(trunk):
                    return True
                before = body.position
                goal = self._goal(cell, trunk)
                yield self._step(goal, trunk, sprint=sprint, climbs=cell[1] > body.position[1] + 0.3)
                pushes = body.turned_to(body.heading(goal)) < 40.0
                stuck = stuck + 1 if pushes and body.distance(before) < 0.02 else 0
                patience -= 1
                if stuck > 15 or patience < 0:
                    yield from self.unstick()
                    return False
        return True

    def step_to(self, cell: Cell) -> Generator[Keys, None, bool]:
        """Walks straight into a cell close by, up or down a block at most; returns whether it got there."""
        body = self._body
        start, goal = body.position, middle(cell)
        for _ in range(60):
            if body.game.player.on_ground and self._reached(cell, start):
                return True
            heading = body.heading(goal)
            body.mouse.aim(heading, 30.0, tolerance=4.0)
            climbs = cell[1] > body.position[1] + 0.3 and body.distance(goal) < 1.35
            if body.distance(goal) < 0.3 or body.turned_to(heading) > 35.0:
                yield NONE
            else:
                yield frozenset({"forward", "jump"}) if climbs else frozenset({"forward"})
        return False

    def push_on(self, goal: Point) -> Iterator[Keys]:
        """Goes straight towards a far point, swimming where there is water, until it has come ashore or is stuck."""
        body = self._body
        swum, stuck = False, 0
        while stuck < 30 and body.distance(goal) > 1.5 and not (swum and body.on_firm_ground):
            before, heading = body.position, body.heading(goal)
            body.mouse.aim(heading, 5.0, tolerance=5.0)
            yield frozenset({"forward", "jump"}) if body.turned_to(heading) < 60.0 else frozenset({"jump"})
            swum = swum or body.swimming
            stuck = stuck + 1 if body.distance(before) < 0.02 else 0

    def unstick(self) -> Iterator[Keys]:
        """Backs off, or jumps and pushes to a side."""
        body = self._body
        side = "left" if body.rng.random() < 0.5 else "right"
        keys = {"back", "jump"} if body.rng.random() < 0.4 else {"forward", side, "jump"}
        body.mouse.aim(body.yaw + body.rng.normal(0.0, 50.0), 10.0)
        for _ in range(body.rng.integers(6, 14)):
            yield frozenset(keys)

    def _reached(self, cell: Cell, start: Point) -> bool:
        """Whether the middle of a cell is near, or has been passed at its height on the way from `start`."""
        (x, _, z), (gx, _, gz) = self._body.position, middle(cell)
        distance = math.hypot(gx - x, gz - z)
        level = abs(self._body.position[1] - cell[1]) < 0.6
        passed = (gx - x) * (gx - start[0]) + (gz - z) * (gz - start[2]) < 0.0
        return level and (distance < 0.35 or (passed and distance < 0.8))

    def _goal(self, cell: Cell, trunk: tuple[Cell, ...]) -> Point:
        """Where to walk to: straight to the trunk while it is some way off, else to the cell."""
        if trunk and self._body.distance(middle(trunk[0])) > 2.0 and cell[1] <= self._body.position[1] + 0.3:
            return middle(trunk[0])
        return middle(cell)

    def _step(self, goal: Point, trunk: tuple[Cell, ...], *, sprint: bool, climbs: bool) -> Keys:
        """The keys of one tick of walking straight towards a point; aims the mouse."""
        body, manner = self._body, self._manner
        heading, distance = body.heading(goal), body.distance(goal)
        manner.tick(hurried=climbs or body.swimming or (len(trunk) > 0 and distance < 3.0))
        aside = manner.aside if manner.sidesteps else 0
        self._aim(heading - aside, trunk if aside == 0 else ())
        keys = set(self._direction_keys(wrap(heading - body.yaw), distance))
        if keys and ((climbs and distance < 1.35) or manner.hops or body.swimming):
            keys.add("jump")
        if manner.sneaks:
            keys.add("sneak")
        elif sprint and "forward" in keys and not (trunk and distance < 2.5):
            keys.add("sprint")
        return frozenset(keys)

    def _direction_keys(self, angle: float, distance: float) -> Keys:
        """The keys that move towards an angle right of the view; someone who looks ahead turns first and then walks."""
        if self._manner.sidesteps or self._manner.glances:
            return DIRECTION_KEYS[min(DIRECTION_KEYS, key=lambda direction: abs(wrap(direction - angle)))]
        return DIRECTION_KEYS[0] if abs(angle) < min(45.0, 15.0 + 10.0 * distance) else NONE

    def _aim(self, heading: float, trunk: tuple[Cell, ...]) -> None:
        body, manner = self._body, self._manner
        yaw, pitch = heading, manner.pitch
        if trunk:
            yaw, pitch = body.angles(middle(self._eye_level(trunk)))
            yaw = yaw if abs(wrap(yaw - heading)) < 25.0 else heading
        if manner.glances:
            yaw, pitch = yaw + manner.glance[0], pitch + manner.glance[1]
        body.mouse.aim(yaw, pitch, tolerance=2.5)

    def _eye_level(self, trunk: tuple[Cell, ...]) -> Cell:
        return min(trunk, key=lambda log: abs(log[1] + 0.5 - self._body.eye[1]))

    def _in_front_of(self, trunk: tuple[Cell, ...]) -> bool:
        return self._body.distance(middle(trunk[0])) < 1.75 and self._body.sees(self._eye_level(trunk))
