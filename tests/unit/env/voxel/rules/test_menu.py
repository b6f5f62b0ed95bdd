"""Clicks move items as they do in Minecraft 1.16, and never make or lose any."""

import numpy as np
import pytest

from env.voxel.land.blocks import item_id, item_name
from env.voxel.rules.furnace import Furnace
from env.voxel.rules.inventory import Inventory
from env.voxel.rules.menu import Menu, Place
from env.voxel.rules.slots import EMPTY, Stack


def stack(name: str, count: int) -> Stack:
    return Stack(item_id(name), count)


def place(menu: Menu, role: str, number: int = 0) -> Place:
    return [each for each in menu.places if each.role == role][number]


def fill(menu: Menu, shape: str, name: str, count: int = 1) -> None:
    """Put items into the grid's cells named by 'x'."""
    cells = [each for each in menu.places if each.role == "grid"]
    for cell, letter in zip(cells, shape.replace(" ", ""), strict=True):
        if letter == "x":
            menu.carried = stack(name, count)
            menu.pick_up(cell)


def test_left_takes_and_puts_all_and_right_takes_half_and_puts_one() -> None:
    menu = Menu(Inventory({"oak_log": 7}))
    first, second = place(menu, "hotbar", 0), place(menu, "main", 4)
    menu.pick_up(first, half=True)
    assert (menu.carried.count, first.stack.count) == (4, 3)
    menu.pick_up(second, half=True)
    assert (menu.carried.count, second.stack.count) == (3, 1)
    menu.pick_up(second)
    assert (menu.carried, second.stack.count) == (EMPTY, 4)
    menu.pick_up(second)
    menu.pick_up(first)
    assert (menu.carried, first.stack, second.stack) == (EMPTY, stack("oak_log", 7), EMPTY)


def test_a_stack_holds_sixty_four_and_the_rest_stays_on_the_cursor() -> None:
    menu = Menu(Inventory({"dirt": 100}))
    menu.pick_up(place(menu, "hotbar", 1))
    menu.pick_up(place(menu, "hotbar", 0))
    assert menu.carried == stack("dirt", 36)


def test_different_kinds_swap() -> None:
    menu = Menu(Inventory({"dirt": 3, "wooden_axe": 1}))
    menu.pick_up(place(menu, "hotbar", 0))
    menu.pick_up(place(menu, "hotbar", 1))
    assert menu.carried == stack("wooden_axe", 1)
    assert place(menu, "hotbar", 1).stack == stack("dirt", 3)


def test_taking_a_result_uses_one_of_each_ingredient_and_is_told() -> None:
    menu = Menu(Inventory())
    fill(menu, "x. ..", "oak_log", 2)
    result = place(menu, "result")
    assert result.stack == stack("oak_planks", 4)
    menu.pick_up(result, half=True)
    menu.pick_up(result)
    assert menu.carried == stack("oak_planks", 8)
    assert menu.gained == [stack("oak_planks", 4)] * 2
    assert result.stack == place(menu, "grid").stack == EMPTY
    menu.pick_up(result)
    assert menu.carried == stack("oak_planks", 8)


def test_nothing_can_be_put_into_a_result() -> None:
    menu = Menu(Inventory({"dirt": 2}))
    fill(menu, "x. ..", "oak_log")
    menu.carried = stack("dirt", 1)
    menu.pick_up(place(menu, "result"))
    menu.swap(place(menu, "result"), 0)
    assert place(menu, "result").stack == stack("oak_planks", 4)
    assert menu.carried == stack("dirt", 1)
    assert not menu.gained


def test_a_three_by_three_recipe_needs_the_table() -> None:
    table = Menu(Inventory(), side=3)
    fill(table, "xxx ... ...", "cobblestone")
    fill(table, "... .x. .x.", "stick")
    assert place(table, "result").stack == stack("stone_pickaxe", 1)
    assert len([each for each in Menu(Inventory()).places if each.role == "grid"]) == 4


def test_shift_moves_between_the_hotbar_and_the_rest() -> None:
    inventory = Inventory({"dirt": 3, "oak_log": 5})
    menu = Menu(inventory)
    menu.quick_move(place(menu, "hotbar", 1))
    assert inventory[9] == stack("oak_log", 5)
    menu.quick_move(place(menu, "main", 0))
    assert inventory[1] == stack("oak_log", 5)


def test_shift_on_a_result_makes_all_that_can_be_made() -> None:
    inventory = Inventory()
    menu = Menu(inventory)
    fill(menu, "x. ..", "oak_log", 20)
    menu.quick_move(place(menu, "result"))
    assert inventory.count("oak_planks") == 80
    assert sum(each.count for each in menu.gained) == 80
    assert inventory[8] == stack("oak_planks", 64)
    assert inventory[7] == stack("oak_planks", 16)


def test_shift_on_a_result_stops_when_the_inventory_is_full() -> None:
    inventory = Inventory({"dirt": 64 * 35, "oak_planks": 61})
    menu = Menu(inventory)
    fill(menu, "x. ..", "oak_log", 3)
    menu.quick_move(place(menu, "result"))
    assert inventory.count("oak_planks") == 64
    assert menu.thrown == [stack("oak_planks", 1)]
    assert place(menu, "grid").stack == stack("oak_log", 2)


def test_shift_in_a_furnace_finds_the_right_slot() -> None:
    inventory, oven = Inventory({"iron_ore": 3, "coal": 2, "dirt": 1, "oak_log": 1}), Furnace()
    menu = Menu(inventory, furnace=oven)
    for slot in range(4):
        menu.quick_move(place(menu, "hotbar", slot))
    assert oven[0] == stack("iron_ore", 3)
    assert oven[1] == stack("coal", 2)
    assert inventory[9] == stack("dirt", 1)
    assert inventory[3] == stack("oak_log", 1), "a log is to be smelted, and another kind lies there"


def test_only_fuel_goes_into_the_fire_and_nothing_into_the_output() -> None:
    menu = Menu(Inventory(), furnace=Furnace())
    menu.carried = stack("dirt", 5)
    for role in ("fuel", "output"):
        menu.pick_up(place(menu, role))
    assert menu.carried == stack("dirt", 5)
    menu.pick_up(place(menu, "input"))
    assert menu.carried == EMPTY


def test_what_a_furnace_made_is_gained_when_it_is_taken() -> None:
    oven = Furnace()
    oven[2] = stack("iron_ingot", 3)
    menu = Menu(Inventory(), furnace=oven)
    menu.pick_up(place(menu, "output"), half=True)
    menu.pick_up(place(menu, "main"))
    menu.quick_move(place(menu, "output"))
    assert menu.gained == [stack("iron_ingot", 2), stack("iron_ingot", 1)]


def test_a_number_key_swaps_with_the_hotbar() -> None:
    inventory = Inventory({"dirt": 3, "oak_log": 5})
    menu = Menu(inventory)
    menu.swap(place(menu, "main", 0), 0)
    assert inventory[9] == stack("dirt", 3)
    menu.swap(place(menu, "main", 0), 1)
    assert (inventory[9], inventory[1]) == (stack("oak_log", 5), stack("dirt", 3))
    fill(menu, "x. ..", "oak_log")
    menu.swap(place(menu, "result"), 4)
    assert inventory[4] == stack("oak_planks", 4)
    assert place(menu, "grid").stack == EMPTY


@pytest.mark.parametrize(("singly", "each", "left"), [(False, 3, 1), (True, 1, 7)])
def test_a_drag_spreads_evenly_or_one_each(singly: bool, each: int, left: int) -> None:
    menu = Menu(Inventory())
    cells = [place(menu, "grid", number) for number in range(3)]
    menu.carried = stack("oak_planks", 10)
    menu.spread(cells, singly=singly)
    assert [cell.stack.count for cell in cells] == [each] * 3
    assert menu.carried == stack("oak_planks", left)


def test_a_double_click_gathers_whole_stacks_last() -> None:
    inventory = Inventory({"dirt": 64 + 10})
    inventory[20] = stack("dirt", 5)
    menu = Menu(inventory)
    menu.carried = stack("dirt", 40)
    menu.gather(place(menu, "main", 3))
    assert menu.carried == stack("dirt", 64)
    assert inventory[0].count + inventory[1].count + inventory[20].count == 55
    assert inventory[1] == inventory[20] == EMPTY


def test_closing_returns_the_grid_and_throws_what_is_carried() -> None:
    inventory = Inventory()
    menu = Menu(inventory)
    fill(menu, "xx ..", "oak_planks", 6)
    menu.carried = stack("stick", 2)
    menu.close()
    assert inventory.stacks() == [{"type": "oak_planks", "quantity": 12}]
    assert menu.thrown == [stack("stick", 2)]
    assert place(menu, "result").stack == menu.carried == EMPTY


def total(menu: Menu, oven: Furnace) -> dict[str, int]:
    """All items that a menu of a furnace and its cursor hold, and those thrown."""
    counts: dict[str, int] = {}
    for each in [*(place.stack for place in menu.places), menu.carried, *menu.thrown]:
        if each:
            assert each.count <= each.limit
            counts[item_name(each.item)] = counts.get(item_name(each.item), 0) + each.count
    assert all((oven.counts > 0) == (oven.items > 0))
    return counts


def test_no_click_makes_or_loses_an_item() -> None:
    """Random clicks of every sort; a furnace's screen makes nothing by itself while it does not tick."""
    rng = np.random.default_rng(4)
    oven = Furnace()
    menu = Menu(Inventory({"dirt": 150, "coal": 70, "iron_ore": 30, "wooden_axe": 3}), furnace=oven)
    before = total(menu, oven)
    for _ in range(3000):
        places = [menu.places[number] for number in rng.permutation(len(menu.places))[:3]]
        flag = bool(rng.integers(2))
        match rng.integers(7):
            case 0 | 1:
                menu.pick_up(places[0], half=flag)
            case 2:
                menu.quick_move(places[0])
            case 3:
                menu.swap(places[0], int(rng.integers(9)))
            case 4:
                menu.gather(places[0])
            case 5 if menu.carried.count >= 3:
                menu.spread(places, singly=flag)
            case 6 if rng.random() < 0.02:
                menu.throw(one=flag)
        assert total(menu, oven) == before
