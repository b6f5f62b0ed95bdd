"""Building to a plan, block by block."""

from collections.abc import Generator, Iterator

from agents.scripted.block_actions import USE, BlockActions
from agents.scripted.body import Body
from agents.scripted.human_input import Keys
from agents.scripted.paths import Cell
from env.voxel.land.blocks import REPLACEABLE

_AHEAD = 3
"""Blocks from the player to its wall."""


class Mason:
    """Puts each block where it is meant to be."""

    def __init__(self, body: Body, work: BlockActions) -> None:
        self._body = body
        self._work = work

    def wall(self, length: int, height: int) -> Iterator[Keys]:
        """Builds a wall across the view, at most two blocks high: one looks down on the top of each block."""
        if not (yield from self._work.take_block_in_hand()):
            return
        for x, y, z in self._line(length):
            for up in range(height):
                if not (yield from self._put((x, y + up, z))):
                    break

    def _line(self, length: int) -> list[Cell]:
        """Free cells on the ground ahead, from one side to the other."""
        quarter = round(self._body.yaw / 90.0) % 4
        ahead_x, ahead_z = ((0, 1), (-1, 0), (0, -1), (1, 0))[quarter]
        x, y, z = self._body.cell
        line = []
        for aside in range(-(length // 2), length - length // 2):
            place = x + _AHEAD * ahead_x - aside * ahead_z, z + _AHEAD * ahead_z + aside * ahead_x
            levels = [(place[0], level, place[1]) for level in (y, y - 1, y + 1)]
            line += [cell for cell in levels if self._is_free(cell)][:1]
        return line

    def _is_free(self, cell: Cell) -> bool:
        """Whether a block can be put on the ground there."""
        x, y, z = cell
        return bool(REPLACEABLE[self._body.block(cell)]) and self._body.filled((x, y - 1, z))

    def _put(self, cell: Cell) -> Generator[Keys, None, bool]:
        """Puts a block from the hand onto the one below a cell; returns whether it stands there."""
        body = self._body
        x, y, z = cell
        for _ in range(3):
            if not (yield from self._work.take_block_in_hand()):
                return False
            at = body.rng.uniform(0.3, 0.7, 2)
            body.look_at((x + float(at[0]), float(y), z + float(at[1])), tolerance=1.5)
            yield from self._work.settle()
            for _ in range(8):
                if body.place_for_block() != cell:
                    break
                yield USE
            if body.filled(cell):
                self._work.placed.add((x, z))
                return True
        return False
