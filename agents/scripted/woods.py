"""Felling trees."""

from collections.abc import Generator, Iterator

import numpy as np

from agents.scripted.block_actions import BlockActions
from agents.scripted.body import Body
from agents.scripted.human_input import Keys
from agents.scripted.paths import IS_LOG, Cell, middle, route_nearest, route_to_tree
from agents.scripted.walking import Walker


class Woodcutter:
    """Finds trees, walks to them and takes logs."""

    def __init__(self, body: Body, walker: Walker, work: BlockActions) -> None:
        self._body = body
        self._walker = walker
        self._work = work
        self._done: set[tuple[int, int]] = set()  # columns of trunks that are felled or could not be reached
        self._tried: set[tuple[int, int]] = set()

    def fell(self) -> Generator[Keys, None, bool]:
        """Walks to a tree, the nearest of those ahead, and takes logs from it; returns whether there is one."""
        body = self._body
        route = route_to_tree(body.game.world, body.cell, yaw=body.yaw, avoid=self._done | self._work.placed)
        if route is None:
            return False
        column = (route.trunk[0][0], route.trunk[0][2])
        arrived = yield from self._walker.walk(route)
        if arrived:
            yield from self._chop(route.trunk)
        elif column in self._tried:
            self._done.add(column)
        self._tried.add(column)
        return True

    def seek(self) -> Iterator[Keys]:
        """Goes some way towards the nearest tree in the world, through water if need be."""
        body = self._body
        columns = np.argwhere(IS_LOG[body.game.world.blocks].any(axis=1))  # (N, 2): x, z
        known = self._done | self._work.placed
        unknown = [column for column in map(tuple, columns.tolist()) if column not in known]
        if not unknown:
            return
        x, _, z = body.cell
        tree = min(unknown, key=lambda column: (column[0] - x) ** 2 + (column[1] - z) ** 2)
        goal = middle((tree[0], body.cell[1], tree[1]))
        route = route_nearest(
            body.game.world,
            body.cell,
            score=lambda cell: (cell[0] - tree[0]) ** 2 + (cell[2] - tree[1]) ** 2,
            length=40,
        )
        if route.cells:
            yield from self._walker.walk(route)
        else:
            yield from self._walker.push_on(goal)

    def _chop(self, trunk: tuple[Cell, ...]) -> Iterator[Keys]:
        """Breaks some blocks of a trunk, the one at eye level first, and picks the logs up."""
        body = self._body
        wanted = int(body.rng.integers(*body.style.logs, endpoint=True))
        taken = 0
        level_then_down_then_up = sorted(trunk, key=lambda log: abs(log[1] + 0.9 - body.eye[1]))
        for log in level_then_down_then_up:
            if taken < wanted and body.sees(log):
                taken += yield from self._work.break_block(log)
        self._done.add((trunk[0][0], trunk[0][2]))
        if taken:
            yield from self._work.collect(middle(trunk[0]))
