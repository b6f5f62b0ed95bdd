"""Stacks of items, and rows of slots that hold them."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from env.checks import one_of
from env.voxel.land.blocks import ITEM_NAMES, item, item_id, item_name


@dataclass(frozen=True)
class Stack:
    """Some items of one kind, as they lie in a slot or on the cursor; without any it is false, and equals `EMPTY`."""

    item: int = 0
    """Item id, 0 for none."""
    count: int = 0
    damage: int = 0
    """Uses a tool has behind it."""

    def __bool__(self) -> bool:
        return self.count > 0

    @property
    def limit(self) -> int:
        """How many of its kind fit into one slot."""
        return item(self.item).stack

    @property
    def room(self) -> int:
        """How many more fit onto it."""
        return self.limit - self.count

    def of(self, count: int) -> "Stack":
        """The same with another count."""
        return replace(self, count=count) if count > 0 else EMPTY

    def joins(self, other: "Stack") -> bool:
        """Whether two stacks are of one kind that stacks."""
        return bool(self) and bool(other) and self.item == other.item and self.limit > 1


EMPTY = Stack()


class Slots:
    """A row of slots."""

    def __init__(self, size: int) -> None:
        self.items: NDArray[np.int32] = np.zeros(size, np.int32)
        """Item id of each slot, 0 for an empty one."""
        self.counts: NDArray[np.int32] = np.zeros(size, np.int32)
        self.damage: NDArray[np.int32] = np.zeros(size, np.int32)
        """Uses a tool has behind it."""

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, slot: int) -> Stack:
        return Stack(int(self.items[slot]), int(self.counts[slot]), int(self.damage[slot]))

    def __setitem__(self, slot: int, stack: Stack) -> None:
        self.items[slot], self.counts[slot], self.damage[slot] = stack.item, stack.count, stack.damage

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

    def clear(self) -> list[Stack]:
        """Empty all slots; returns the stacks that were there."""
        stacks = [self[slot] for slot in range(len(self)) if self.counts[slot]]
        self.items[:] = self.counts[:] = self.damage[:] = 0
        return stacks

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
        return int(self.counts[self.items == known_item(name)].sum())

    def stacks(self) -> list[dict[str, str | int]]:
        """The filled slots in order, as MineRL's info and VPT's recordings list them."""
        filled = np.flatnonzero(self.counts)
        return [{"type": item_name(int(self.items[slot])), "quantity": int(self.counts[slot])} for slot in filled]


def known_item(name: str) -> int:
    """The id of an item; `GhostkeysError` if there is none of that name."""
    return item_id(one_of("the item", name, ITEM_NAMES))
