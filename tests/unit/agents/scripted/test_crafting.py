"""Crafting with the mouse: whatever way of clicking, the item is made and nothing is lost."""

from dataclasses import replace

import pytest

from agents.scripted.crafting import Crafter
from agents.scripted.goals import ingredients, recipes_of
from agents.scripted.item_kinds import count_kinds, hotbar_slot
from agents.scripted.pointer import Pointer
from agents.scripted.style import Clicks
from agents.scripted.styles import STYLES
from tests.unit.agents.scripted.acting import body_in, meadow, perform

WAYS = {
    "shift": Clicks(shift=1.0, number=0.0, drag=0.0, slip=0.0),
    "carry": Clicks(shift=0.0, number=0.0, drag=0.0, slip=0.0),
    "number": Clicks(shift=0.0, number=1.0, drag=0.0, slip=0.0),
    "drag": Clicks(shift=0.0, number=0.0, drag=1.0, slip=0.0),
    "clumsy": Clicks(shift=0.5, number=0.3, drag=0.5, slip=0.4, wander=0.8),
}


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("kind", "inventory"),
    [
        ("planks", {"birch_log": 3}),
        ("stick", {"oak_planks": 7}),
        ("crafting_table", {"dirt": 5, "oak_planks": 3, "birch_planks": 2}),
    ],
)
def test_an_item_is_made_from_what_is_carried(way: str, kind: str, inventory: dict[str, int], seed: int) -> None:
    style = replace(STYLES["crafter"], clicks=WAYS[way])
    env, body = body_in(meadow(), style=style, seed=seed, inventory=inventory)
    pointer = Pointer(body)
    assert perform(env, body, pointer.open_inventory())
    before = count_kinds(body.inventory)
    assert perform(env, body, Crafter(body, pointer).make(kind, 1))
    perform(env, body, pointer.close())
    after = count_kinds(body.inventory)
    recipe = recipes_of(kind)[0]
    times = after[kind] // recipe.result.count
    assert times >= 1
    used = {item: number * times for item, number in ingredients(recipe).items()}
    assert after == before + type(before)({kind: after[kind]}) - type(before)(used)
    assert not env.game.drops.all  # nothing fell out of the hand


def test_without_ingredients_nothing_is_made() -> None:
    env, body = body_in(meadow(), inventory={"oak_planks": 3})
    pointer = Pointer(body)
    assert perform(env, body, pointer.open_inventory())
    assert not perform(env, body, Crafter(body, pointer).make("crafting_table", 1))


@pytest.mark.parametrize("shift", [0.0, 1.0])
def test_an_item_is_brought_to_the_hotbar(shift: float) -> None:
    inventory = dict.fromkeys(("dirt", "sand", "gravel", "stick", "coal", "oak_log", "stone", "clay", "torch"), 1)
    style = replace(STYLES["crafter"], clicks=Clicks(shift=shift, slip=0.0))
    env, body = body_in(meadow(), style=style, inventory=inventory | {"crafting_table": 1})
    pointer = Pointer(body)
    assert hotbar_slot(body.inventory, "crafting_table") is None
    assert perform(env, body, pointer.open_inventory())
    perform(env, body, Crafter(body, pointer).bring_to_hotbar("crafting_table"))
    assert hotbar_slot(body.inventory, "crafting_table") is not None
