"""The scripted player: human hands, all keys, and logs."""

from dataclasses import dataclass, replace
from itertools import groupby

import numpy as np
import pytest

from agents.scripted import STYLES, ScriptedPlayer
from agents.scripted.human_input import PIXEL, Keyboard, Mouse
from agents.scripted.paths import route_nearest, route_to_tree
from env import Actions, minerl_action_space
from env.errors import GhostkeysError
from env.voxel.environment import VoxelEnv
from env.voxel.land.blocks import AIR, OAK_LOG, STONE_BLOCK, WATER
from env.voxel.land.world import World

NINE_KEYS = ("forward", "back", "left", "right", "jump", "sneak", "sprint", "attack", "use")
SEEDS = (3, 4, 5)
TICKS = 900


@dataclass
class Played:
    style: str
    actions: Actions
    milestones: dict[str, int]


def play(style: str, seed: int, ticks: int, inventory: dict[str, int] | None = None) -> Played:
    """Plays without drawing."""
    env = VoxelEnv((36, 64))
    env.reset(seed=seed, options={"inventory": inventory or {}})
    player = ScriptedPlayer(style)
    player.reset(env, seed=seed)
    taken = []
    for _ in range(ticks):
        taken.append(player.act({}))
        assert minerl_action_space().contains(taken[-1])
        env.advance(taken[-1])
    return Played(style, Actions.from_minerl(taken), dict(env.game.milestones))


@pytest.fixture(scope="module", params=sorted(STYLES))
def plays(request: pytest.FixtureRequest) -> list[Played]:
    """Some plays of each style."""
    style = str(request.param)
    return [play(style, seed, TICKS, {"dirt": 64}) for seed in SEEDS]


def test_the_same_seed_plays_the_same() -> None:
    assert play("explorer", 1, 200).actions == play("explorer", 1, 200).actions
    assert play("explorer", 1, 200).actions != play("explorer", 2, 200).actions


def test_every_key_is_used(plays: list[Played]) -> None:
    """An inverse dynamics model can only learn keys that somebody presses."""
    pressed = {key: sum(int(each.actions.button(key).sum()) for each in plays) for key in NINE_KEYS}
    assert all(pressed.values()), pressed


def test_the_view_moves_in_mouse_pixels_that_vpt_can_tell(plays: list[Played]) -> None:
    """But for flicks, which go beyond VPT's bins as people's do."""
    camera = np.concatenate([each.actions.camera for each in plays])
    np.testing.assert_allclose(camera / PIXEL, np.round(camera / PIXEL), atol=1e-3)
    assert np.abs(camera).max() <= (45.0 if plays[0].style == "everyday" else 10.0)
    assert np.abs(camera).max() > 4.0


def test_sprint_is_pressed_only_with_forward(plays: list[Played]) -> None:
    """Alone it would leave no trace in the picture. Keyboard are not exact, so a tick or two are allowed."""
    for each in plays:
        alone = each.actions.button("sprint") & ~each.actions.button("forward")
        assert alone.sum() <= 0.35 * each.actions.button("sprint").sum()


def test_the_gatherer_gets_logs_in_half_a_minute() -> None:
    for seed in SEEDS:
        assert play("gatherer", seed, 600).milestones.get("log", 600) < 600


def test_an_unknown_style_is_named() -> None:
    with pytest.raises(GhostkeysError, match="gatherer"):
        ScriptedPlayer("lumberjack")


def test_the_mouse_comes_to_rest_on_its_goal() -> None:
    mouse = Mouse(STYLES["gatherer"], np.random.default_rng(0))
    mouse.aim(90.0, -20.0, tolerance=1.0)
    yaw = pitch = 0.0
    speeds = []
    for _ in range(60):
        step = mouse.move(yaw, pitch)
        pitch, yaw = pitch + float(step[0]), yaw + float(step[1])
        speeds.append(float(np.hypot(*step)))
        if mouse.settled:
            break
    assert np.hypot(yaw - 90.0, pitch + 20.0) < 2.0
    assert np.argmax(speeds) not in (0, len(speeds) - 1)  # it speeds up and slows down


def test_the_mouse_takes_the_short_way_round() -> None:
    mouse = Mouse(STYLES["gatherer"], np.random.default_rng(0))
    mouse.aim(-170.0, 0.0)
    assert sum(float(mouse.move(170.0, 0.0)[1]) for _ in range(8)) > 0.0


def test_keys_stay_down_for_more_than_a_tick() -> None:
    """And forward is never tapped twice so fast that the game would take it for a sprint."""
    rng = np.random.default_rng(0)
    fingers = Keyboard(STYLES["explorer"], rng)
    keys = [fingers.press({"forward", "jump"} if rng.random() < 0.5 else set()) for _ in range(500)]
    for key in ("forward", "jump"):
        runs = [len(list(run)) for down, run in groupby(keys, key=lambda pressed: key in pressed) if down]
        assert min(runs[:-1]) >= Keyboard.SHORTEST
    presses = [tick for tick in range(1, 500) if "forward" in keys[tick] and "forward" not in keys[tick - 1]]
    assert min(np.diff(presses)) >= Keyboard.DOUBLE_TAP


def plain() -> World:
    """Flat stone up to y = 3, with a tree at x = 20, z = 16."""
    blocks = np.full((32, 16, 32), AIR, np.uint8)
    blocks[:, :4] = STONE_BLOCK
    blocks[20, 4:9, 16] = OAK_LOG
    return World(blocks, seed=0, spawn=(8.5, 4.0, 16.5))


def test_a_route_ends_beside_the_trunk() -> None:
    route = route_to_tree(plain(), (8, 4, 16))
    assert route is not None
    x, y, z = route.cells[-1]
    assert y == 4
    assert max(abs(x - 20), abs(z - 16)) == 1
    assert route.trunk[0] == (20, 4, 16)
    assert route_to_tree(plain(), (8, 4, 16), avoid={(20, 16)}) is None


def test_a_route_climbs_steps_and_keeps_out_of_water() -> None:
    world = plain()
    world.blocks[12:14, 4, :] = STONE_BLOCK  # a step up and down again on the whole width
    world.blocks[16, 3, :] = WATER
    assert route_to_tree(world, (8, 4, 16)) is None  # water on the whole width
    world.blocks[16, 3, 5] = STONE_BLOCK  # a bridge
    route = route_to_tree(world, (8, 4, 16))
    assert route is not None
    assert 5 in {z for _, _, z in route.cells}
    assert 5 in {y for _, y, _ in route.cells}


def test_a_stroll_goes_towards_its_goal() -> None:
    route = route_nearest(plain(), (8, 4, 16), score=lambda cell: float(cell[0]), length=5)
    assert route.cells[-1] == (3, 4, 16)


def test_a_tree_ahead_is_preferred_to_a_nearer_one_behind() -> None:
    """People walk to the tree they see."""
    world = plain()
    world.blocks[3, 4:9, 16] = OAK_LOG
    behind, ahead = 90.0, -90.0  # yaw 90 looks along -x
    for yaw, column in ((ahead, (20, 16)), (behind, (3, 16))):
        route = route_to_tree(world, (8, 4, 16), yaw=yaw)
        assert route is not None
        assert (route.trunk[0][0], route.trunk[0][2]) == column


def test_a_sensitive_mouse_gets_there_sooner() -> None:
    ticks = {}
    for sensitivity in (0.6, 1.5):
        style = replace(STYLES["gatherer"], sensitivity=sensitivity)
        ticks[sensitivity] = 0
        for seed in range(10):
            mouse, yaw, pitch = Mouse(style, np.random.default_rng(seed)), 0.0, 0.0
            mouse.aim(60.0, 0.0)
            while not mouse.settled:
                step = mouse.move(yaw, pitch)
                pitch, yaw = pitch + float(step[0]), yaw + float(step[1])
                ticks[sensitivity] += 1
    assert ticks[1.5] < 0.8 * ticks[0.6]


def test_a_click_may_last_a_tick() -> None:
    """In an open screen, that is; see `test_keys_stay_down_for_more_than_a_tick`."""
    fingers = Keyboard(STYLES["explorer"], np.random.default_rng(0))
    down = ["attack" in fingers.press({"attack"} if tick % 6 == 0 else set(), shortest=1) for tick in range(300)]
    assert 1 in {len(list(run)) for pressed, run in groupby(down) if pressed}
