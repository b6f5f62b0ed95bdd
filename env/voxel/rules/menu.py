"""What a screen holds, and what clicks do with it: Minecraft 1.16's rules, without mouse or picture."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from env.voxel.rules.furnace import FUEL_SLOT, INPUT, OUTPUT, Furnace
from env.voxel.rules.inventory import HOTBAR_SIZE, Inventory
from env.voxel.rules.recipes import FUEL, SMELTING, craft
from env.voxel.rules.slots import EMPTY, Slots, Stack

Kind = Literal["inventory", "crafting_table", "furnace"]
Role = Literal["result", "grid", "input", "fuel", "output", "main", "hotbar"]
SPACING = 18
"""From one slot to the next, in pixels."""
WINDOW_WIDTH, WINDOW_HEIGHT = 640, 360
"""Pixels of the window, at GUI scale 1."""
PANEL_WIDTH, PANEL_HEIGHT = 176, 166
PANEL_X, PANEL_Y = (WINDOW_WIDTH - PANEL_WIDTH) // 2, (WINDOW_HEIGHT - PANEL_HEIGHT) // 2
"""Where the panel of every screen lies in the window."""


@dataclass(frozen=True)
class Place:
    """A slot of a screen."""

    role: Role
    slots: Slots
    index: int
    x: int
    """Left edge of its 16 x 16 pixels in the panel."""
    y: int

    @property
    def stack(self) -> Stack:
        """What lies there."""
        return self.slots[self.index]

    def accepts(self, stack: Stack) -> bool:
        """Whether items of a kind may be put there."""
        if self.role == "fuel":
            return stack.item in FUEL
        return self.role not in ("result", "output")

    def takes_more(self, stack: Stack) -> bool:
        """Whether some of a stack may be put there without a swap."""
        return self.accepts(stack) and (not self.stack or self.stack.joins(stack))

    def put(self, stack: Stack, count: int) -> int:
        """Put up to `count` items of a stack onto what lies there; returns how many fitted."""
        there = self.stack.count
        moved = min(count, stack.limit - there)
        if moved > 0:
            self.slots[self.index] = stack.of(there + moved)
        return max(moved, 0)


class Menu:
    """The inventory, and the slots of whatever else is open, with a stack that follows the cursor.

    `places` are in Minecraft's order: the slots above (a result before its grid), 27 of the inventory, the hotbar.
    """

    def __init__(self, inventory: Inventory, *, furnace: Furnace | None = None, side: int = 2) -> None:
        """The player's own 2 x 2 grid; with `side` 3 a crafting table's; with a furnace that one's slots."""
        self.kind: Kind = "furnace" if furnace is not None else "inventory" if side == 2 else "crafting_table"
        self.carried = EMPTY
        """What the cursor holds."""
        self.gained: list[Stack] = []
        """What was taken from results since this list was last emptied."""
        self.thrown: list[Stack] = []
        """What was thrown out of the screen since this list was last emptied."""
        self._inventory, self._side = inventory, side
        self._grid, self._result = Slots(0 if furnace is not None else side * side), Slots(1)
        above = _furnace_places(furnace) if furnace is not None else self._crafting_places()
        self._main = tuple(
            Place("main", inventory, HOTBAR_SIZE + number, 8 + SPACING * (number % 9), 84 + SPACING * (number // 9))
            for number in range(len(inventory) - HOTBAR_SIZE)
        )
        self._hotbar = tuple(
            Place("hotbar", inventory, number, 8 + SPACING * number, 142) for number in range(HOTBAR_SIZE)
        )
        self.places: tuple[Place, ...] = (*above, *self._main, *self._hotbar)

    def pick_up(self, place: Place, *, half: bool = False) -> None:
        """A click: take what lies there, put down what is carried, or swap; the right button takes half, puts one."""
        carried, there = self.carried, place.stack
        if not carried:
            self.carried = self._take(place, (there.count + 1) // 2 if half else there.count)
        elif place.takes_more(carried):
            self.carried = carried.of(carried.count - place.put(carried, 1 if half else carried.count))
        elif place.accepts(carried):
            place.slots[place.index], self.carried = carried, there
        elif there.joins(carried) and there.count <= carried.room:
            self.carried = carried.of(carried.count + self._take(place, there.count).count)
        self._craft()

    def quick_move(self, place: Place) -> None:
        """A click with shift: move the stack to the other part of the screen; of a result, as many as can be made."""
        first = place.stack
        while first and place.stack.item == first.item:
            stack = place.stack
            moved = next(filter(None, (_store(stack, group) for group in self._destinations(place))), 0)
            if moved == 0:
                break
            taken = self._take(place, moved)
            if taken.count > moved:
                self.thrown.append(taken.of(taken.count - moved))
        self._craft()

    def swap(self, place: Place, slot: int) -> None:
        """A number key: exchange with a slot of the hotbar."""
        here, there = self._inventory[slot], place.stack
        if here and not place.accepts(here):
            return
        if here:
            place.slots[place.index], self._inventory[slot] = here, there
        elif there:
            self._inventory[slot] = self._take(place, there.count)
        self._craft()

    def gather(self, place: Place) -> None:
        """A double click on an empty slot: add all of the carried kind to the cursor, whole stacks last."""
        if not self.carried or place.stack:
            return
        for whole in (False, True):
            for other in self.places:
                if other.role != "result" and other.stack.joins(self.carried) and (whole or other.stack.room):
                    taken = self._take(other, self.carried.room)
                    self.carried = self.carried.of(self.carried.count + taken.count)
        self._craft()

    def shares(self, places: Sequence[Place], *, singly: bool) -> dict[Place, Stack]:
        """What would lie in each place if the carried stack were spread over them, evenly or one each."""
        carried = self.carried
        each = 1 if singly else carried.count // max(len(places), 1)
        return {
            place: carried.of(min(place.stack.count + each, carried.limit))
            for place in places
            if place.takes_more(carried)
        }

    def spread(self, places: Sequence[Place], *, singly: bool) -> None:
        """A drag: spread the carried stack over places."""
        for place, stack in self.shares(places, singly=singly).items():
            self.carried = self.carried.of(self.carried.count - stack.count + place.stack.count)
            place.slots[place.index] = stack
        self._craft()

    def throw(self, *, one: bool = False) -> None:
        """A click beside the screen: throw what the cursor holds."""
        if self.carried:
            thrown = self.carried.of(1 if one else self.carried.count)
            self.thrown.append(thrown)
            self.carried = self.carried.of(self.carried.count - thrown.count)

    def throw_from(self, place: Place, *, everything: bool) -> None:
        """The drop key over a slot."""
        if thrown := self._take(place, place.stack.count if everything else 1):
            self.thrown.append(thrown)
        self._craft()

    def close(self) -> None:
        """Give back what lies in the grid, throw what finds no room, and, as Minecraft 1.16 does, what is carried."""
        self.throw()
        for stack in self._grid.clear():
            if left := self._inventory.add(stack.item, stack.count, damage=stack.damage):
                self.thrown.append(stack.of(left))
        self._craft()

    def _take(self, place: Place, count: int) -> Stack:
        """Take items from a place. A result is taken whole, and uses up one of each ingredient."""
        stack = place.stack
        taken = stack.of(stack.count if place.role == "result" else min(count, stack.count))
        place.slots.take(place.index, taken.count)
        if taken and place.role == "result":
            for slot in range(len(self._grid)):
                self._grid.take(slot)
            self._craft()
        if taken and place.role in ("result", "output"):
            self.gained.append(taken)
        return taken

    def _craft(self) -> None:
        """Show what the grid makes."""
        if len(self._grid):
            self._result[0] = craft(self._grid.items.reshape(self._side, self._side))

    def _destinations(self, place: Place) -> tuple[Sequence[Place], ...]:
        """Where shift sends the items of a place: groups of places to try in turn."""
        main, hotbar = self._main, self._hotbar
        if place.role in ("result", "output"):
            return ((*hotbar[::-1], *main[::-1]),)
        if place.role in ("grid", "input", "fuel"):
            return ((*main, *hotbar),)
        other = main if place.role == "hotbar" else hotbar
        if self.kind == "crafting_table":
            return tuple(each for each in self.places if each.role == "grid"), other
        if self.kind == "furnace" and place.stack.item in SMELTING:
            return (self.places[INPUT : INPUT + 1],)
        if self.kind == "furnace" and place.stack.item in FUEL:
            return (self.places[FUEL_SLOT : FUEL_SLOT + 1],)
        return (other,)

    def _crafting_places(self) -> tuple[Place, ...]:
        (left, top), (x, y) = ((98, 18), (154, 28)) if self._side == 2 else ((30, 17), (124, 35))
        cells = [(number % self._side, number // self._side) for number in range(self._side**2)]
        grid = (
            Place("grid", self._grid, number, left + SPACING * column, top + SPACING * row)
            for number, (column, row) in enumerate(cells)
        )
        return (Place("result", self._result, 0, x, y), *grid)


def _furnace_places(furnace: Furnace) -> tuple[Place, ...]:
    return (
        Place("input", furnace, INPUT, 56, 17),
        Place("fuel", furnace, FUEL_SLOT, 56, 53),
        Place("output", furnace, OUTPUT, 116, 35),
    )


def _store(stack: Stack, places: Iterable[Place]) -> int:
    """Put a stack onto its like, then into the first empty slot; returns how many items fitted."""
    left, places = stack.count, tuple(places)
    for place in places:
        if left and place.stack.joins(stack):
            left -= place.put(stack, left)
    for place in places:
        if left and not place.stack and place.accepts(stack):
            left -= place.put(stack, left)
    return stack.count - left
