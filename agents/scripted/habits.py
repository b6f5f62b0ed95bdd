"""What players do between two tasks: step aside, hop, creep, look around, dig, build."""

from collections.abc import Iterator

from agents.scripted.block_actions import BlockActions
from agents.scripted.body import Body
from agents.scripted.building import Mason
from agents.scripted.fidgets import other_slot
from agents.scripted.human_input import NONE, Keys
from agents.scripted.rummaging import Rummager
from agents.scripted.walking import DIRECTION_KEYS

_DIRECTION_CHANCES = (0.4, 0.12, 0.08, 0.05, 0.1, 0.05, 0.08, 0.12)
"""Of the directions in `DIRECTION_KEYS`, in which to roam."""


class Habits:
    """Short behaviours; the style's weights are by the names of the methods."""

    def __init__(self, body: Body, work: BlockActions) -> None:
        self._body = body
        self._rng = body.rng
        self._work = work
        self._mason = Mason(body, work)
        self._rummager = Rummager(body)
        self._names = list(body.style.habits)
        weights = [body.style.habits[name] for name in self._names]
        self._chances = [weight / sum(weights) for weight in weights]

    def one(self) -> Iterator[Keys]:
        """Goes through one habit, drawn by chance."""
        name = str(self._rng.choice(self._names, p=self._chances))
        yield from getattr(self, name)()

    def _ticks(self, low: int, high: int) -> int:
        return int(self._rng.integers(low, high, endpoint=True))

    def _go(self, keys: Keys, angle: float, ticks: int) -> Iterator[Keys]:
        """Moves for a while towards an angle right of the view, as long as the ground there is safe."""
        for _ in range(ticks):
            if not self._body.safe(self._body.yaw + angle):
                return
            yield keys

    def pause(self) -> Iterator[Keys]:
        """Does nothing for a moment."""
        for _ in range(self._ticks(4, 16)):
            yield NONE

    def strafe(self) -> Iterator[Keys]:
        """Steps to one side, and often back to the other."""
        sides = [("left", -90.0), ("right", 90.0)]
        if self._rng.random() < 0.5:
            sides.reverse()
        for side, angle in sides[: self._ticks(1, 2)]:
            yield from self._go(frozenset({side}), angle, self._ticks(8, 18))

    def step_back(self) -> Iterator[Keys]:
        """Steps back, straight or to a side."""
        keys, angle = [({"back"}, 180.0), ({"back", "left"}, -135.0), ({"back", "right"}, 135.0)][self._ticks(0, 2)]
        yield from self._go(frozenset(keys), angle, self._ticks(8, 18))

    def creep(self) -> Iterator[Keys]:
        """Sneaks a little way."""
        self._body.mouse.aim(self._body.yaw + self._rng.normal(0.0, 25.0), self._rng.uniform(0.0, 35.0))
        direction, angle = [("forward", 0.0), ("forward", 0.0), ("left", -90.0), ("right", 90.0)][self._ticks(0, 3)]
        yield from self._go(frozenset({"sneak", direction}), angle, self._ticks(12, 28))

    def hop(self) -> Iterator[Keys]:
        """Jumps on the spot or ahead."""
        for _ in range(self._ticks(1, 3)):
            ahead = self._rng.random() < 0.6 and self._body.safe(self._body.yaw, distance=2.5)
            for _ in range(self._ticks(3, 7)):
                yield frozenset({"jump", "forward"}) if ahead else frozenset({"jump"})
            for _ in range(self._ticks(5, 9)):
                yield NONE

    def roam(self) -> Iterator[Keys]:
        """Moves some way or other for a moment or a while: turning, sprinting, jumping, ahead, aside or back."""
        angle = int(self._rng.choice(list(DIRECTION_KEYS), p=_DIRECTION_CHANCES))
        keys = set(DIRECTION_KEYS[angle])
        if "forward" in keys and self._rng.random() < 0.5:
            keys.add("sprint")
        if self._rng.random() < 0.25:
            keys.add("jump")
        elif self._rng.random() < 0.1:
            keys = keys - {"sprint"} | {"sneak"}
        turn = float(self._rng.normal(0.0, 2.5)) if self._rng.random() < 0.6 else 0.0  # degrees a tick
        yaw, pitch = self._body.yaw, float(self._rng.normal(8.0, 12.0))
        for _ in range(self._ticks(2, 5) if self._rng.random() < 0.35 else self._ticks(10, 50)):
            if not self._body.safe(self._body.yaw + angle, distance=2.5 if "jump" in keys else 1.5):
                return
            yaw += turn
            if turn:
                self._body.mouse.aim(yaw, pitch, tolerance=3.0)
            yield frozenset(keys)

    def flick(self) -> Iterator[Keys]:
        """Snaps the view round, up or down, often while walking, and as often back."""
        body, rng = self._body, self._rng
        back = body.yaw, body.pitch
        turn = float(rng.choice([-1.0, 1.0]) * rng.gamma(3.0, 30.0))
        pitch = float(rng.uniform(-60.0, 70.0)) if rng.random() < 0.4 else body.pitch
        if rng.random() < 0.4:
            turn, pitch = 0.2 * turn, float(rng.uniform(50.0, 85.0) if body.pitch < 10.0 else rng.uniform(-75.0, -25.0))
        keys: Keys = frozenset({"forward"}) if rng.random() < 0.4 else NONE
        for goal in [(body.yaw + turn, pitch), back][: self._ticks(1, 2)]:
            body.mouse.aim(*goal, tolerance=4.0, flick=True)
            for _ in range(self._ticks(8, 20)):
                yield keys if body.safe(body.yaw) else NONE
        body.mouse.aim(body.yaw, float(rng.uniform(0.0, 15.0)), tolerance=3.0)

    def click_air(self) -> Iterator[Keys]:
        """Swings the arm at nothing much: short clicks, mostly with the view above the ground."""
        if self._rng.random() < 0.6:
            self._body.mouse.aim(self._body.yaw + self._rng.normal(0.0, 20.0), self._rng.uniform(-40.0, 10.0))
            yield from self._wait_for_mouse()
        for _ in range(self._ticks(1, 5)):
            yield from self._work.click("attack")
            for _ in range(self._ticks(0, 6)):
                yield NONE

    def scroll(self) -> Iterator[Keys]:
        """Goes through the hotbar: slot by slot to one side, or here and there."""
        step = int(self._rng.choice([-1, 0, 0, 1]))
        for _ in range(self._ticks(1, 3)):
            slot = (self._body.selected + step) % 9 if step else other_slot(self._body)
            yield from self._work.click(f"hotbar.{slot + 1}")
            for _ in range(self._ticks(0, 7)):
                yield NONE

    def rummage(self) -> Iterator[Keys]:
        """Looks through the inventory for a moment."""
        if self._body.on_firm_ground:
            yield from self._rummager.rummage(self._ticks(6, 50))

    def look(self) -> Iterator[Keys]:
        """Looks around: at the sky, the ground, behind."""
        for _ in range(self._ticks(1, 2)):
            self._body.mouse.aim(self._body.yaw + self._rng.normal(0.0, 70.0), self._rng.uniform(-50.0, 60.0))
            yield from self._wait_for_mouse()
        self._body.mouse.aim(self._body.yaw + self._rng.normal(0.0, 20.0), self._rng.uniform(0.0, 15.0))
        yield from self._wait_for_mouse()

    def _wait_for_mouse(self) -> Iterator[Keys]:
        for _ in range(30):
            yield NONE
            if self._body.mouse.settled:
                break
        for _ in range(self._ticks(0, 6)):
            yield NONE

    def dig(self) -> Iterator[Keys]:
        """Breaks a soft block of the ground ahead, or whatever soft is under the crosshair there."""
        self._body.mouse.aim(self._body.yaw + self._rng.normal(0.0, 30.0), self._rng.uniform(38.0, 60.0))
        yield from self._wait_for_mouse()
        for _ in range(self._ticks(1, 2)):
            target = self._body.target
            if target is None or target[1] < self._body.cell[1] - 1 or not self._body.can_dig(target):
                return
            yield from self._work.break_block(target)

    def place(self) -> Iterator[Keys]:
        """Puts down a few blocks, if there are any in the hotbar."""
        yield from self._work.build(self._ticks(3, 8))

    def pillar(self) -> Iterator[Keys]:
        """Builds a small pillar under its own feet."""
        if self._body.headroom(5):
            yield from self._work.pillar(self._ticks(1, 2))

    def wall(self) -> Iterator[Keys]:
        """Builds a piece of wall."""
        yield from self._mason.wall(self._ticks(3, 5), self._ticks(1, 2))

    def change_slot(self) -> Iterator[Keys]:
        """Tries some hotbar slots."""
        for _ in range(self._ticks(1, 3)):
            yield from self._work.select(self._ticks(0, 8))

    def throw_any(self) -> Iterator[Keys]:
        """Drops one or two of what is in hand, whatever that is."""
        for _ in range(self._ticks(1, 2)):
            if self._body.holds_something:
                yield from self._work.click("drop")
                for _ in range(self._ticks(1, 6)):
                    yield NONE

    def throw(self) -> Iterator[Keys]:
        """Drops one of the blocks in hand."""
        if self._body.selected in self._body.slots_with_blocks():
            yield from self._work.tap("drop")
