"""What the grid and the furnace make, as in Minecraft 1.16."""

import numpy as np
import pytest

from env.voxel.land.blocks import item_id, item_name
from env.voxel.rules.furnace import FUEL_SLOT, INPUT, OUTPUT, Furnace
from env.voxel.rules.recipes import RECIPES, craft
from env.voxel.rules.slots import EMPTY, Stack

_NAMES = {
    ".": "air", "l": "oak_log", "b": "birch_log", "p": "oak_planks", "q": "birch_planks", "s": "stick",
    "c": "cobblestone", "k": "coal", "K": "charcoal", "i": "iron_ingot", "d": "diamond",
}  # fmt: skip


def made(grid: str) -> str:
    """What a grid like "ppp .s. .s." makes, as "name" or "name x count"."""
    result = craft(np.array([[item_id(_NAMES[letter]) for letter in row] for row in grid.split()], np.int32))
    return item_name(result.item) + (f" x {result.count}" if result.count > 1 else "")


@pytest.mark.parametrize(
    ("grid", "result"),
    [
        ("l. ..", "oak_planks x 4"),
        (".. .b", "birch_planks x 4"),
        ("p. p.", "stick x 4"),
        (".q .p", "stick x 4"),
        ("pp qp", "crafting_table"),
        ("k. s.", "torch x 4"),
        ("... .K. .s.", "torch x 4"),
        ("ppp .s. .s.", "wooden_pickaxe"),
        ("ccc .s. .s.", "stone_pickaxe"),
        ("iii .s. .s.", "iron_pickaxe"),
        ("ddd .s. .s.", "diamond_pickaxe"),
        ("ccc c.c ccc", "furnace"),
        ("ppp p.p ppp", "chest"),
        (".c. .s. .s.", "stone_shovel"),
        ("..c ..c ..s", "stone_sword"),
    ],
)
def test_a_shape_makes_its_thing_anywhere_in_the_grid(grid: str, result: str) -> None:
    assert made(grid) == result


@pytest.mark.parametrize("grid", ["cc. cs. .s.", ".cc .sc .s.", ".cc .cs ..s", "cc. sc. s.."])
def test_an_axe_may_be_mirrored(grid: str) -> None:
    assert made(grid) == "stone_axe"


@pytest.mark.parametrize(
    "grid",
    [".. ..", "pp ..", "s. k.", "l. l.", "p.. ... p..", "cpc .s. .s.", "ppp ps. .s.", "ccc ccc ccc", "s.. s.. ppp"],
)
def test_a_wrong_shape_makes_nothing(grid: str) -> None:
    assert made(grid) == "air"


def test_no_two_recipes_share_a_shape() -> None:
    for recipe in RECIPES:
        grid = np.array([[min(cell, default=0) for cell in row] for row in recipe.shape], np.int32)
        assert craft(grid) == recipe.result


def furnace(**contents: tuple[str, int]) -> Furnace:
    filled = Furnace()
    for slot, (name, count) in contents.items():
        filled[{"input": INPUT, "fuel": FUEL_SLOT, "output": OUTPUT}[slot]] = Stack(item_id(name), count)
    return filled


def burn(oven: Furnace, ticks: int) -> list[tuple[str, int]]:
    for _ in range(ticks):
        oven.tick()
    return [(item_name(stack.item), stack.count) for stack in (oven[INPUT], oven[FUEL_SLOT], oven[OUTPUT])]


def test_an_ingot_takes_two_hundred_ticks() -> None:
    oven = furnace(input=("iron_ore", 2), fuel=("coal", 1))
    assert burn(oven, 199) == [("iron_ore", 2), ("air", 0), ("air", 0)]
    assert 0.99 < oven.progress < 1.0
    assert burn(oven, 1) == [("iron_ore", 1), ("air", 0), ("iron_ingot", 1)]
    assert burn(oven, 200) == [("air", 0), ("air", 0), ("iron_ingot", 2)]


@pytest.mark.parametrize(
    ("fuel", "count", "smelted"), [("coal", 1, 8), ("oak_planks", 2, 3), ("stick", 2, 1), ("charcoal", 1, 8)]
)
def test_fuel_lasts_for_what_it_does_in_minecraft(fuel: str, count: int, smelted: int) -> None:
    oven = furnace(input=("iron_ore", 20), fuel=(fuel, count))
    assert burn(oven, 4000) == [("iron_ore", 20 - smelted), ("air", 0), ("iron_ingot", smelted)]
    assert oven.heat == 0
    assert oven.progress == 0.0


def test_no_fuel_is_lit_in_vain() -> None:
    assert burn(furnace(input=("dirt", 1), fuel=("coal", 1)), 300)[1] == ("coal", 1)
    assert burn(furnace(input=("iron_ore", 1), fuel=("coal", 1), output=("charcoal", 1)), 300)[1] == ("coal", 1)
    assert burn(furnace(input=("iron_ore", 1), fuel=("coal", 1), output=("iron_ingot", 64)), 300)[1] == ("coal", 1)
    assert burn(furnace(fuel=("coal", 1)), 300)[1] == ("coal", 1)


def test_another_kind_of_input_begins_anew_and_more_of_the_same_does_not() -> None:
    oven = furnace(input=("iron_ore", 1), fuel=("coal", 1))
    burn(oven, 150)
    oven[INPUT] = Stack(item_id("iron_ore"), 5)
    assert oven.progress == 0.75
    oven[INPUT] = Stack(item_id("oak_log"), 5)
    assert oven.progress == 0.0
    assert burn(oven, 200)[2] == ("charcoal", 1)


def test_what_is_not_in_the_heat_cools() -> None:
    oven = furnace(input=("iron_ore", 1), fuel=("stick", 1))
    burn(oven, 100)
    assert oven.progress == 0.5
    burn(oven, 25)
    assert oven.progress == 0.25
    oven[INPUT] = EMPTY
    assert oven.progress == 0.0
