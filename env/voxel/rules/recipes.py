"""What can be made of what: Minecraft 1.16's crafting, smelting and fuel, for the items that this world has."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from env.voxel.land.blocks import ITEMS, item_id
from env.voxel.rules.slots import EMPTY, Stack

Ingredient = frozenset[int]
"""Items that serve equally; an empty set is a slot left empty."""


@dataclass(frozen=True)
class Recipe:
    """A shape of ingredients, anywhere in the grid and also mirrored, and what it makes."""

    shape: tuple[tuple[Ingredient, ...], ...]
    result: Stack

    def matches(self, pattern: NDArray[np.int32]) -> bool:
        """Whether (h, w) item ids, without empty rows and columns around, are this shape."""
        if pattern.shape != (len(self.shape), len(self.shape[0])):
            return False
        return self._fits(pattern) or self._fits(pattern[:, ::-1])

    def _fits(self, pattern: NDArray[np.int32]) -> bool:
        return all(
            int(number) in wanted if wanted else number == 0
            for numbers, row in zip(pattern, self.shape, strict=True)
            for number, wanted in zip(numbers, row, strict=True)
        )


def craft(grid: NDArray[np.int32]) -> Stack:
    """What a square grid of item ids, one row below another, makes; `EMPTY` for nothing."""
    filled = grid != 0
    if not filled.any():
        return EMPTY
    rows, columns = np.flatnonzero(filled.any(axis=1)), np.flatnonzero(filled.any(axis=0))
    pattern = grid[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    return next((recipe.result for recipe in RECIPES if recipe.matches(pattern)), EMPTY)


def _any(*names: str) -> Ingredient:
    return frozenset(item_id(name) for name in names)


def _recipe(shape: str, result: str, count: int = 1, **ingredients: Ingredient) -> Recipe:
    """`shape` has a letter for each slot, '.' for an empty one, and a space between rows."""
    rows = tuple(tuple(ingredients.get(letter, frozenset()) for letter in row) for row in shape.split())
    return Recipe(rows, Stack(item_id(result), count))


_WOODS = ("oak", "birch", "spruce")
_PLANKS = _any(*(f"{wood}_planks" for wood in _WOODS))
_COBBLESTONE, _STICK = _any("cobblestone"), _any("stick")
_TOOLS = {"pickaxe": "mmm .s. .s.", "axe": "mm ms .s", "shovel": "m s s", "sword": "m m s", "hoe": "mm .s .s"}
_MATERIALS = {"wooden": _PLANKS, "stone": _COBBLESTONE, "iron": _any("iron_ingot"), "diamond": _any("diamond")}

RECIPES: tuple[Recipe, ...] = (
    *(_recipe("l", f"{wood}_planks", 4, l=_any(f"{wood}_log")) for wood in _WOODS),
    _recipe("p p", "stick", 4, p=_PLANKS),
    _recipe("pp pp", "crafting_table", p=_PLANKS),
    _recipe("ppp p.p ppp", "chest", p=_PLANKS),
    _recipe("ccc c.c ccc", "furnace", c=_COBBLESTONE),
    _recipe("c s", "torch", 4, c=_any("coal", "charcoal"), s=_STICK),
    _recipe("ss ss", "sandstone", s=_any("sand")),
    *(
        _recipe(shape, f"{material}_{tool}", m=_MATERIALS[material], s=_STICK)
        for material in _MATERIALS
        for tool, shape in _TOOLS.items()
    ),
)
"""Everything that can be crafted."""

SMELTING_TICKS = 200
"""How long a furnace takes for one item."""

SMELTING: dict[int, int] = {
    item_id(raw): item_id(smelted)
    for raw, smelted in {
        "iron_ore": "iron_ingot", "gold_ore": "gold_ingot", "sand": "glass", "cobblestone": "stone",
        **{f"{wood}_log": "charcoal" for wood in _WOODS},
    }.items()
}  # fmt: skip
"""What a furnace makes of each item."""


def _burning_times() -> dict[int, int]:
    times = {"coal": 1600, "charcoal": 1600, "stick": 100, "crafting_table": 300, "chest": 300}
    for item in ITEMS:
        if item.name.endswith(("_log", "_planks")):
            times[item.name] = 300
        elif item.name.endswith("_sapling"):
            times[item.name] = 100
        elif item.name.startswith("wooden_"):
            times[item.name] = 200
    return {item_id(name): ticks for name, ticks in times.items()}


FUEL: dict[int, int] = _burning_times()
"""For how many ticks each item burns."""
