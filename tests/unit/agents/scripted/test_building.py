"""Walls."""

import pytest

from agents.scripted.block_actions import BlockActions
from agents.scripted.building import Mason
from env.voxel.land.blocks import COBBLESTONE
from tests.unit.agents.scripted.acting import SURFACE, body_in, meadow, perform


@pytest.mark.parametrize("yaw", [0.0, 80.0, 200.0])
def test_a_wall_stands_as_planned(yaw: float) -> None:
    env, body = body_in(meadow(), style="builder", inventory={"cobblestone": 20})
    env.player.yaw = yaw
    perform(env, body, Mason(body, BlockActions(body)).wall(4, 2))
    built = [tuple(cell) for cell in zip(*(env.world.blocks == COBBLESTONE).nonzero(), strict=True)]
    assert len(built) == 8
    assert {y for _, y, _ in built} == {SURFACE, SURFACE + 1}
    assert 1 in {len({x for x, _, _ in built}), len({z for _, _, z in built})}  # a straight line


def test_without_blocks_nothing_is_built() -> None:
    env, body = body_in(meadow(), style="builder")
    perform(env, body, Mason(body, BlockActions(body)).wall(4, 2))
    assert not (env.world.blocks == COBBLESTONE).any()
