"""The crafting table: put down, opened, taken along, and found again."""

import pytest

from agents.scripted.block_actions import BlockActions
from agents.scripted.body import Body
from agents.scripted.item_kinds import count_kinds
from agents.scripted.mining import Miner
from agents.scripted.pointer import Pointer
from agents.scripted.walking import Walker
from agents.scripted.workbench import Workbench
from env.voxel.land.blocks import AIR, CRAFTING_TABLE, OAK_PLANKS
from tests.unit.agents.scripted.acting import SURFACE, body_in, meadow, perform


def workbench(body: Body) -> Workbench:
    return Workbench(body, Walker(body), BlockActions(body))


@pytest.mark.parametrize("seed", range(3))
def test_a_table_is_put_down_opened_and_taken_along(seed: int) -> None:
    env, body = body_in(meadow(), seed=seed, inventory={"dirt": 1, "crafting_table": 1})
    bench = workbench(body)
    assert perform(env, body, bench.open())
    assert env.game.screen is not None
    assert env.game.screen.menu.kind == "crafting_table"
    assert (env.world.blocks == CRAFTING_TABLE).sum() == 1
    perform(env, body, Pointer(body).close())
    perform(env, body, bench.take_along())
    assert count_kinds(body.inventory)["crafting_table"] == 1
    assert bench.nearest() is None


@pytest.mark.parametrize("seed", range(3))
def test_a_table_is_taken_from_a_ledge(seed: int) -> None:
    """What falls there is not picked up in passing."""
    env, body = body_in(meadow(), seed=seed, inventory={"crafting_table": 1})
    bench = workbench(body)
    assert perform(env, body, bench.open())
    perform(env, body, Pointer(body).close())
    table = bench.nearest()
    assert table is not None
    for x in range(4, 29):
        for z in range(4, 29):
            if max(abs(x - table[0]), abs(z - table[2])) > 1:
                env.world.set_block(x, SURFACE - 1, z, AIR)
    env.player.position = (table[0] + 0.5, SURFACE - 1.0, table[2] - 2.5)
    perform(env, body, bench.take_along())
    assert count_kinds(body.inventory)["crafting_table"] == 1


def test_a_table_finds_room_in_a_shaft() -> None:
    env, body = body_in(meadow(), inventory={"stone_pickaxe": 1, "crafting_table": 1})
    walker, work = Walker(body), BlockActions(body)
    perform(env, body, Miner(body, walker, work).tunnel(6, slope=-1))
    assert not body.outside
    assert perform(env, body, Workbench(body, walker, work).open())


def test_without_a_table_there_is_none_to_open() -> None:
    env, body = body_in(meadow())
    assert not perform(env, body, workbench(body).open())


def test_a_far_table_is_worth_the_way_when_wood_is_scarce() -> None:
    env, body = body_in(meadow(), inventory={"crafting_table": 1})
    bench = workbench(body)
    assert perform(env, body, bench.open())
    env.player.position = (1.5, float(SURFACE), 1.5)
    assert bench.nearest() is not None
    body.inventory.add(OAK_PLANKS, 64)
    assert bench.nearest() is None
