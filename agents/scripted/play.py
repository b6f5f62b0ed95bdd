"""The script of a play: trees and walks, with habits in between.

A behaviour is a generator: each tick it aims the mouse and yields the keys it wants held.
"""

import math
from collections.abc import Iterator

from agents.scripted.block_actions import BlockActions
from agents.scripted.body import Body
from agents.scripted.habits import Habits
from agents.scripted.human_input import NONE, Keys
from agents.scripted.mining import Miner
from agents.scripted.paths import route_nearest
from agents.scripted.quest import Quest
from agents.scripted.walking import Walker
from agents.scripted.woods import Woodcutter
from agents.scripted.workbench import Workbench


class Play:
    """Decides what to do next."""

    def __init__(self, body: Body) -> None:
        self._body = body
        self._style, self._rng = body.style, body.rng
        self._walker = Walker(body)
        self._work = BlockActions(body)
        self._habits = Habits(body, self._work)
        self._woods = Woodcutter(body, self._walker, self._work)
        self._miner = Miner(body, self._walker, self._work)
        bench = Workbench(body, self._walker, self._work)
        # Made only for those who have goals: it draws from the generator that all share.
        self._quest = Quest(body, woods=self._woods, miner=self._miner, bench=bench) if body.style.goals else None

    def live(self) -> Iterator[Keys]:
        """Plays for ever."""
        yield from self._habits.pause()
        while True:
            yield from self._land()
            if not self._body.on_firm_ground:
                yield from self._get_ashore()
            elif self._quest is not None and not self._quest.finished:
                if not (yield from self._quest.advance()):
                    yield NONE
                    yield from self._stroll()
            elif self._miner.has_pickaxe and self._rng.random() < self._style.mine:
                yield from self._miner.explore()
            elif self._miner.has_pickaxe and not self._body.outside:
                yield from self._miner.climb_out()
            elif self._rng.random() >= self._style.tree or not (yield from self._woods.fell()):
                yield from self._stroll()
            for _ in range(self._rng.integers(*self._style.habits_between, endpoint=True)):
                yield from self._habits.one()

    def _stroll(self) -> Iterator[Keys]:
        """Walks some way towards a far point; digs a step when there is no way out."""
        body = self._body
        angle = self._rng.uniform(0.0, 2.0 * math.pi)
        x, z = body.position[0] + 40.0 * math.cos(angle), body.position[2] + 40.0 * math.sin(angle)
        length = int(self._rng.integers(*self._style.stroll, endpoint=True))
        route = route_nearest(
            body.game.world, body.cell, score=lambda cell: math.hypot(cell[0] - x, cell[2] - z), length=length
        )
        yield from self._walker.walk(route)
        if not route.cells and self._miner.has_pickaxe:
            yield from self._miner.tunnel(6, slope=1)
        if not route.cells:
            yield from self._dig_out()

    def _dig_out(self) -> Iterator[Keys]:
        """Makes a step in the wall of a pit, or pushes on if that is not what holds the player."""
        x, y, z = self._body.cell
        walls = [(x + dx, y + 1, z + dz) for dx, dz in ((1, 0), (-1, 0), (0, 1), (0, -1))]
        wall = next((cell for cell in walls if self._body.can_dig(cell)), None)
        if wall is not None:
            yield from self._work.break_block(wall)
        yield from self._walker.unstick()

    def _land(self) -> Iterator[Keys]:
        """Waits for the end of a jump or a fall."""
        for _ in range(20):
            if self._body.game.player.on_ground or self._body.swimming:
                return
            yield NONE

    def _get_ashore(self) -> Iterator[Keys]:
        """Swims towards the nearest dry ground."""
        body = self._body
        shore = body.nearest_shore()
        for _ in range(30):
            heading = body.heading(shore)
            body.mouse.aim(heading, 0.0, tolerance=5.0)
            yield frozenset({"forward", "jump"}) if body.turned_to(heading) < 60.0 else frozenset({"jump"})
            if body.on_firm_ground:
                return
