"""What leads to an item: the tech tree as a list of steps, read from the recipes."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from math import ceil

from agents.scripted.item_kinds import kind_of
from env.voxel.rules.recipes import RECIPES, Recipe

SOURCES = ("log", "cobblestone")
"""What is found in the world; everything else is crafted."""
TABLE = "crafting_table"
PICKAXES = ("wooden_pickaxe", "stone_pickaxe", "iron_pickaxe", "diamond_pickaxe")
"""Pickaxes that get cobblestone from stone, the quickest last."""


@dataclass(frozen=True)
class Step:
    """So many of a kind of item are to be found or crafted."""

    item: str
    count: int

    @property
    def crafted(self) -> bool:
        """Whether it is made, and not found."""
        return self.item not in SOURCES


def plan(goal: str, have: Mapping[str, int], *, table_first: bool = False) -> tuple[Step, ...]:
    """The steps from what one has to an item, in order, with one step for each kind of item.

    `have` counts by kind; a crafting table that stands near counts as well. With `table_first` the table is made before
    the other parts of what is made at it. `KeyError` for a goal that no recipe makes.
    """
    planner = _Planner(have, table_first=table_first)
    planner.need(goal)
    return tuple(Step(item, planner.steps[item]) for item in sorted(planner.steps, key=depth))


def recipes_of(kind: str) -> tuple[Recipe, ...]:
    """The recipes that make a kind of item, one for each wood."""
    return tuple(recipe for recipe in RECIPES if kind_of(recipe.result.item) == kind)


@cache
def needs_table(kind: str) -> bool:
    """Whether a kind of item can only be crafted at a crafting table."""
    return any(max(len(recipe.shape), len(recipe.shape[0])) > 2 for recipe in recipes_of(kind))


def ingredients(recipe: Recipe) -> Counter[str]:
    """How many of each kind go into a recipe."""
    return Counter(kind_of(min(wanted)) for row in recipe.shape for wanted in row if wanted)


@cache
def depth(kind: str) -> int:
    """How many steps of the tech tree lead to a kind of item."""
    if kind in SOURCES:
        return depth(PICKAXES[0]) + 1 if kind == "cobblestone" else 0
    before = ingredients(recipes_of(kind)[0]).keys() | ({TABLE} if needs_table(kind) else set())
    return 1 + max(map(depth, before))


class _Planner:
    """Adds up the steps: what a step makes is put into stock, what the next one uses up is taken out."""

    def __init__(self, have: Mapping[str, int], *, table_first: bool) -> None:
        self.steps: dict[str, int] = {}
        """How many of each kind are to be made, in the order of their need."""
        self._stock = Counter(have)
        self._table_first = table_first

    def need(self, item: str) -> None:
        """One of an item is to be had, and kept."""
        if self._stock[item] < 1:
            self._make(item, 1)

    def _use_up(self, item: str, count: int) -> None:
        if self._stock[item] < count:
            self._make(item, count - self._stock[item])
        self._stock[item] -= count

    def _make(self, item: str, count: int) -> None:
        if item in SOURCES:
            if item == "cobblestone" and not any(self._stock[pickaxe] for pickaxe in PICKAXES):
                self.need(PICKAXES[0])
        else:
            count = self._craft(item, count)
        self.steps[item] = self.steps.get(item, 0) + count
        self._stock[item] += count

    def _craft(self, item: str, count: int) -> int:
        """Provides for the crafting of at least `count`; returns how many that makes."""
        recipes = recipes_of(item)
        if not recipes:
            raise KeyError(f"nothing makes {item!r}")
        times = ceil(count / recipes[0].result.count)
        if needs_table(item) and self._table_first:
            self.need(TABLE)
        for kind, number in ingredients(recipes[0]).items():
            self._use_up(kind, number * times)
        if needs_table(item):
            self.need(TABLE)
        return times * recipes[0].result.count
