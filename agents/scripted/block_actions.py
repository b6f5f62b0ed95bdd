"""Breaking blocks, placing them and picking things up."""

import math
from collections.abc import Generator, Iterator

from agents.scripted.body import Body, Point
from agents.scripted.human_input import NONE, Keys
from agents.scripted.paths import IS_SOFT, Cell, middle

ATTACK: Keys = frozenset({"attack"})
USE: Keys = frozenset({"use"})
_PATIENCE = 12
"""Ticks that a key may take to go down, or up."""


class BlockActions:
    """Breaks, places and picks up what is within reach."""

    def __init__(self, body: Body) -> None:
        self._body = body
        self.placed: set[tuple[int, int]] = set()
        """Columns (x, z) where this player put blocks."""

    def break_block(self, cell: Cell) -> Generator[Keys, None, bool]:
        """Holds attack on a block, and on leaves before it, until it is gone; returns whether it is."""
        body = self._body
        kind = body.block(cell)
        for _ in range(3):
            x, y, z = middle(cell) + body.rng.uniform(-0.2, 0.2, 3)
            body.look_at((x, y, z), tolerance=1.0)
            yield from self.settle()
            held = 0
            while body.block(cell) == kind and self._hits(cell) and held < 200:
                held += 1
                yield ATTACK
            if body.block(cell) != kind:
                return True
        return False

    def _hits(self, cell: Cell) -> bool:
        target = self._body.target
        return target is not None and (target == cell or bool(IS_SOFT[self._body.block(target)]))

    def settle(self) -> Iterator[Keys]:
        """Waits until the mouse has come to rest."""
        for _ in range(40):
            yield NONE
            if self._body.mouse.settled:
                return

    def build(self, blocks: int) -> Iterator[Keys]:
        """Puts a few blocks down on the ground ahead, holding use while the view sweeps over it."""
        body = self._body
        if not (yield from self.take_block_in_hand()):
            return
        yaw, pitch = body.yaw + float(body.rng.normal(0.0, 25.0)), float(body.rng.uniform(28.0, 46.0))
        sweep = float(body.rng.choice([-1.0, 1.0]) * body.rng.uniform(14.0, 30.0))
        body.mouse.aim(yaw, pitch, tolerance=1.5)
        yield from self.settle()
        crouch: Keys = frozenset({"sneak"}) if body.rng.random() < body.style.sneak_building else NONE
        idle = done = 0
        while done < blocks and idle < 16:
            place = body.place_for_block()
            idle = idle + 1 if place is None else 0
            yield crouch | USE if idle < 3 else crouch
            filled = place is not None and body.filled(place)
            if place is not None and filled:
                self.placed.add((place[0], place[2]))
                done += 1
            if filled or idle in (2, 9):
                yaw += sweep
                body.mouse.aim(yaw, pitch, tolerance=2.0)

    def pillar(self, blocks: int) -> Iterator[Keys]:
        """Jumps and puts blocks under its own feet."""
        body = self._body
        if not (yield from self.take_block_in_hand()):
            return
        body.mouse.aim(body.yaw, 87.0)
        yield from self.settle()
        top = body.position[1] + blocks - 0.1
        for _ in range(20 * blocks):
            x, y, z = body.position
            self.placed.add((math.floor(x), math.floor(z)))
            yield frozenset({"jump", "use"}) if body.place_for_block() is not None else frozenset({"jump"})
            if y >= top and body.game.player.on_ground:
                break
        body.mouse.aim(body.yaw, 10.0)
        yield from self.settle()

    def take_block_in_hand(self) -> Generator[Keys, None, bool]:
        """Selects a hotbar slot that holds blocks; returns whether there is one."""
        slots = self._body.slots_with_blocks()
        if not slots:
            return False
        if self._body.selected not in slots:
            yield from self.select(int(self._body.rng.choice(slots)))
        return True

    def select(self, slot: int) -> Iterator[Keys]:
        """Taps the key of a hotbar slot, 0 to 8."""
        yield from self.tap(f"hotbar.{slot + 1}")

    def hold(self, slot: int) -> Iterator[Keys]:
        """Sees to it that a hotbar slot, 0 to 8, is the one in hand."""
        for _ in range(3):
            if self._body.selected == slot:
                return
            yield from self.select(slot)

    def tap(self, key: str) -> Iterator[Keys]:
        """Presses a key for a moment."""
        for _ in range(self._body.rng.integers(3, 6)):
            yield frozenset({key})
        for _ in range(3):
            yield NONE

    def click(self, key: str) -> Iterator[Keys]:
        """Presses a key as shortly as the hand can."""
        keyboard, pressed = self._body.keyboard, frozenset({key})
        for _ in range(_PATIENCE):
            if pressed <= keyboard.down:
                break
            yield pressed
        for _ in range(_PATIENCE):
            if not pressed & keyboard.down:
                break
            yield NONE

    def collect(self, place: Point) -> Iterator[Keys]:
        """Walks over the drops that lie around a place."""
        body = self._body
        for _ in range(60):
            drops = [drop for drop in body.drops() if math.dist(drop, place) < 4.5]
            if not drops:
                return
            near = min(drops, key=body.distance)
            heading = body.heading(near)
            if body.distance(near) < 0.4 or not body.safe(heading, distance=0.7):
                yield NONE
                continue
            body.mouse.aim(heading, 25.0, tolerance=4.0)
            yield frozenset({"forward"}) if body.turned_to(heading) < 40.0 else NONE
