"""The plan: what leads to a tool, in an order in which it can be done."""

from collections import Counter
from math import ceil

import pytest

from agents.scripted.goals import PICKAXES, Step, ingredients, needs_table, plan, recipes_of

TO_A_STONE_PICKAXE = [
    Step("log", 3),
    Step("planks", 12),
    Step("stick", 4),
    Step("crafting_table", 1),
    Step("wooden_pickaxe", 1),
    Step("cobblestone", 3),
    Step("stone_pickaxe", 1),
]


def test_the_way_to_a_stone_pickaxe() -> None:
    assert list(plan("stone_pickaxe", {})) == TO_A_STONE_PICKAXE


def test_what_is_there_is_not_made_again() -> None:
    have = {"planks": 3, "stick": 4, "crafting_table": 1}
    assert [step.item for step in plan("stone_pickaxe", have)] == ["wooden_pickaxe", "cobblestone", "stone_pickaxe"]
    assert plan("stone_pickaxe", {"stone_pickaxe": 1}) == ()


def test_the_table_may_come_before_the_parts() -> None:
    items = [step.item for step in plan("wooden_pickaxe", {}, table_first=True)]
    assert items.index("crafting_table") < items.index("stick")


@pytest.mark.parametrize("table_first", [False, True])
@pytest.mark.parametrize("goal", ["stone_pickaxe", "furnace", "chest"])
@pytest.mark.parametrize(
    "have", [{}, {"log": 1}, {"planks": 5, "stick": 1}, {"stick": 2, "cobblestone": 2}, {"wooden_pickaxe": 1}]
)
def test_every_step_can_be_done_when_it_comes(have: dict[str, int], goal: str, table_first: bool) -> None:
    stock = Counter(have)
    for step in plan(goal, have, table_first=table_first):
        if step.item == "cobblestone":
            assert any(stock[pickaxe] for pickaxe in PICKAXES)
        if step.crafted:
            assert stock["crafting_table"] or not needs_table(step.item)
            recipe = recipes_of(step.item)[0]
            for kind, number in ingredients(recipe).items():
                stock[kind] -= number * ceil(step.count / recipe.result.count)
                assert stock[kind] >= 0, step
        stock[step.item] += step.count
    assert stock[goal] == 1


def test_what_nothing_makes_is_named() -> None:
    with pytest.raises(KeyError, match="bedrock"):
        plan("bedrock", {})
