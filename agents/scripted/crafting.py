"""Crafting in an open screen: lays ingredients out in the grid by clicks, and takes what they make.

Every click is decided from what the screen shows then, so that a slip is put right by the next ones.
"""

from collections.abc import Generator, Iterator, Mapping

from agents.scripted.body import Body
from agents.scripted.goals import recipes_of
from agents.scripted.human_input import Keys
from agents.scripted.item_kinds import count_kinds, empty_hotbar_slots, hotbar_slot, kind_of
from agents.scripted.pointer import Pointer
from env.voxel.rules.menu import Menu, Place
from env.voxel.rules.recipes import Ingredient, Recipe

Layout = Mapping[Place, Ingredient]
"""Which items may go into which slots of the grid."""
_PATIENCE = 40
"""Clicks that laying out one recipe may take."""


class Crafter:
    """Makes items, and keeps the inventory in order."""

    def __init__(self, body: Body, pointer: Pointer) -> None:
        self._body = body
        self._rng = body.rng
        self._manner = body.style.clicks
        self._pointer = pointer

    def make(self, kind: str, count: int) -> Generator[Keys, None, bool]:
        """Crafts at least one of a kind of item, up to `count` if that is quick; returns whether it did."""
        menu = self._pointer.menu
        recipe = None if menu is None else self._recipe(menu, kind)
        if menu is None or recipe is None:
            return False
        layout = self._layout(menu, recipe)
        before = self._owned(menu, kind)
        yield from self._lay_out(menu, layout)
        yield from self._stow(menu)
        yield from self._take(menu, layout, wanted=before + count)
        yield from self._stow(menu)
        return self._owned(menu, kind) > before

    def bring_to_hotbar(self, kind: str) -> Iterator[Keys]:
        """Sees to it that an item lies in the hotbar, if it is carried at all."""
        inventory = self._body.inventory
        for _ in range(3):
            menu = self._pointer.menu
            if menu is None or hotbar_slot(inventory, kind) is not None:
                return
            yield from self._stow(menu)
            source = next((place for place in menu.places if kind_of(place.stack.item) == kind), None)
            if source is None:
                return
            empty = empty_hotbar_slots(inventory)
            if empty and self._rng.random() < self._manner.shift and menu.kind == "inventory":
                yield from self._pointer.click(source, shift=True)
            else:
                slot = empty[0] if empty else int(self._rng.integers(4, 9))
                yield from self._pointer.press_number(source, slot)

    def _recipe(self, menu: Menu, kind: str) -> Recipe | None:
        """A recipe of this kind for which everything is there, and a grid large enough."""
        side = 3 if menu.kind == "crafting_table" else 2
        items = [place.stack for place in menu.places if place.role != "result"] + [menu.carried]
        for recipe in recipes_of(kind):
            cells = [wanted for row in recipe.shape for wanted in row if wanted]
            enough = all(
                sum(stack.count for stack in items if stack.item in wanted) >= cells.count(wanted) for wanted in cells
            )
            if enough and max(len(recipe.shape), len(recipe.shape[0])) <= side:
                return recipe
        return None

    def _layout(self, menu: Menu, recipe: Recipe) -> Layout:
        """The recipe's shape, somewhere in the grid."""
        grid = [place for place in menu.places if place.role == "grid"]
        side = 3 if len(grid) == 9 else 2
        down = int(self._rng.integers(side - len(recipe.shape) + 1))
        right = int(self._rng.integers(side - len(recipe.shape[0]) + 1))
        return {
            grid[(down + row) * side + right + column]: wanted
            for row, line in enumerate(recipe.shape)
            for column, wanted in enumerate(line)
            if wanted
        }

    def _lay_out(self, menu: Menu, layout: Layout) -> Iterator[Keys]:
        """Clicks until the grid holds the layout and nothing else."""
        for _ in range(_PATIENCE):
            wrong = [
                place
                for place in menu.places
                if place.role == "grid" and place.stack and place.stack.item not in layout.get(place, ())
            ]
            empty = [place for place in layout if not place.stack]
            if self._pointer.menu is not menu or not (wrong or empty):
                return
            fitting = [place for place in empty if menu.carried.item in layout[place]]
            if wrong:
                yield from self._clear(menu, wrong[0])
            elif menu.carried and fitting:
                yield from self._put_down(menu, fitting, alone=len(layout) == 1)
            elif menu.carried:
                yield from self._stow(menu)
            else:
                yield from self._pick_up(menu, empty[0], layout[empty[0]], alone=len(layout) == 1)

    def _clear(self, menu: Menu, place: Place) -> Iterator[Keys]:
        """Takes away what lies in a slot of the grid."""
        yield from self._stow(menu)
        yield from self._pointer.click(place, shift=self._rng.random() < self._manner.shift)
        yield from self._stow(menu)

    def _pick_up(self, menu: Menu, place: Place, wanted: Ingredient, *, alone: bool) -> Iterator[Keys]:
        """Takes the largest stack of an ingredient onto the cursor; a number key sends a lone one straight there."""
        stacks = [other for other in menu.places if other.role in ("main", "hotbar") and other.stack.item in wanted]
        if not stacks:
            return
        source = max(stacks, key=lambda other: other.stack.count)
        if alone and source.role == "hotbar" and self._rng.random() < self._manner.number:
            yield from self._pointer.press_number(place, source.index)
        else:
            yield from self._pointer.click(source)

    def _put_down(self, menu: Menu, empty: list[Place], *, alone: bool) -> Iterator[Keys]:
        """Puts one of what is carried into each slot, or all of it where the recipe has only one."""
        if alone:
            yield from self._pointer.click(empty[0])
        elif 1 < len(empty) <= menu.carried.count and self._rng.random() < self._manner.drag:
            button = "use" if self._rng.random() < 0.5 else "attack"  # one each, or an even share
            yield from self._pointer.drag(_round(empty), button=button)
        else:
            for place in empty:
                if menu.carried and not place.stack:
                    yield from self._pointer.click(place, button="use")

    def _take(self, menu: Menu, layout: Layout, *, wanted: int) -> Iterator[Keys]:
        """Takes the result, again and again until there are as many as wanted."""
        result = menu.places[0]
        product = result.stack.item
        for _ in range(_PATIENCE):
            lacking = wanted - self._owned(menu, kind_of(product))
            if lacking <= 0 or result.stack.item != product or not product:
                return
            hotbar = empty_hotbar_slots(self._body.inventory)
            # Shift makes as many as the grid gives: of planks never too many, of tables more than one.
            sparing = len(layout) == 1 or min(place.stack.count for place in layout) == 1
            if not menu.carried and sparing and self._rng.random() < self._manner.shift:
                yield from self._pointer.click(result, shift=True)
            elif not menu.carried and hotbar and self._rng.random() < self._manner.number:
                yield from self._pointer.press_number(result, hotbar[0])
            else:
                yield from self._pointer.click(result)

    def _stow(self, menu: Menu) -> Iterator[Keys]:
        """Puts what is carried back among the rest."""
        for _ in range(6):
            carried = menu.carried
            if not carried or self._pointer.menu is not menu:
                return
            slots = [place for place in menu.places if place.role in ("main", "hotbar")]
            same = [place for place in slots if place.stack.joins(carried) and place.stack.room >= carried.count]
            empty = [place for place in slots if not place.stack]
            # Tools and blocks to place go where the hand finds them.
            empty.sort(key=lambda place: place.role != "hotbar")
            target = next(iter(same or empty), None)
            if target is None:
                return
            yield from self._pointer.click(target)

    def _owned(self, menu: Menu, kind: str) -> int:
        """How many of a kind there are, those on the cursor and in the grid included."""
        grid = sum(
            place.stack.count for place in menu.places if place.role == "grid" and kind_of(place.stack.item) == kind
        )
        carried = menu.carried.count if menu.carried and kind_of(menu.carried.item) == kind else 0
        return count_kinds(self._body.inventory)[kind] + carried + grid


def _round(places: list[Place]) -> list[Place]:
    """The slots in an order in which each lies beside the one before: rows to and fro."""
    rows = sorted({place.y for place in places})
    return sorted(places, key=lambda place: (place.y, place.x if rows.index(place.y) % 2 == 0 else -place.x))
