"""What the player carries: 36 slots, the first nine of them the hotbar."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from env.voxel.blocks import item, item_id, item_name

HOTBAR_SIZE = 9
SIZE = 36


class Inventory:
    """36 slots of stacked items; slots 0 to 8 are the hotbar."""

    def __init__(self, contents: Mapping[str, int] | None = None) -> None:
        self.items: NDArray[np.int32] = np.zeros(SIZE, np.int32)
        """Item id of each slot, 0 for an empty one."""
        self.counts: NDArray[np.int32] = np.zeros(SIZE, np.int32)
        self.damage: NDArray[np.int32] = np.zeros(SIZE, np.int32)
        """Uses a tool has behind it."""
        for name, count in (contents or {}).items():
            if self.add(_known(name), count):
                raise ValueError(f"{count} {name} and what came before do not fit into {SIZE} slots.")

    def add(self, number: int, count: int = 1, *, damage: int = 0) -> int:
        """Stack items onto their like, then into the first empty slots; returns how many did not fit."""
        stack = item(number).stack
        alike = np.flatnonzero((self.items == number) & (self.counts < stack)) if stack > 1 else ()
        for slot in (*alike, *np.flatnonzero(self.counts == 0)):
            if count <= 0:
                break
            moved = min(count, stack - int(self.counts[slot]))
            if self.counts[slot] == 0:
                self.damage[slot] = damage
            self.items[slot] = number
            self.counts[slot] += moved
            count -= moved
        return count

    def take(self, slot: int, count: int = 1) -> int:
        """Remove up to `count` items from a slot; returns how many were there."""
        taken = min(count, int(self.counts[slot]))
        self.counts[slot] -= taken
        if self.counts[slot] == 0:
            self.items[slot] = self.damage[slot] = 0
        return taken

    def wear(self, slot: int, uses: int = 1) -> None:
        """Wear a tool down; it breaks when its durability is used up. Anything else in the slot is spared."""
        durability = item(int(self.items[slot])).durability if self.counts[slot] else 0
        if durability == 0:
            return
        self.damage[slot] += uses
        if self.damage[slot] >= durability:
            self.take(slot)

    def count(self, name: str) -> int:
        """How many of an item there are in all slots."""
        return int(self.counts[self.items == _known(name)].sum())

    def stacks(self) -> list[dict[str, str | int]]:
        """The filled slots in order, as MineRL's info and VPT's recordings list them."""
        filled = np.flatnonzero(self.counts)
        return [{"type": item_name(int(self.items[slot])), "quantity": int(self.counts[slot])} for slot in filled]


def _known(name: str) -> int:
    try:
        return item_id(name)
    except KeyError:
        raise ValueError(f"{name!r} is no item of this world; see env.voxel.blocks.ITEMS.") from None
