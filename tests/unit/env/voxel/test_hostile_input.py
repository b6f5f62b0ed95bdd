"""No value that a user can pass takes the world down: it is refused before anything changes, or it is played."""

import hashlib
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import env
from env import MINERL_KEYS
from env.errors import GhostkeysError
from env.voxel.environment import VoxelEnv
from env.voxel.land.blocks import GRASS_BLOCK
from env.voxel.land.terrain import generate
from env.voxel.land.world import World

HUGE = 10**5000
ODD: tuple[Any, ...] = (
    0, 1, -1, 2, True, 0.5, -0.0, 1e-320, 179.9, 181.0, 1e6, -1e9, 1e18, 1e300, -1e300, math.nan, math.inf, -math.inf,
    2**31, 2**62, 2**63, 2**64, -(2**63), HUGE, None, "", "1", "nan", b"1", 1j, (), [], {}, {1}, object, np.nan,
    np.float32(np.inf), np.float16(6e4), np.int8(-1), np.uint64(2**64 - 1), np.bool_(True), np.array(1),
    np.array([1, 1]), np.array([np.nan, 1]), np.array([[1.0, 2.0]]), np.array([]), np.array([None, 1]), np.array("1"),
    np.datetime64("NaT"), (0, 0), [1, 2, 3], (1, 2, 3), ["1", "2", "3"], [[1], [2, 3]],
)  # fmt: skip
"""What people pass by mistake, and what they pass on purpose."""
OPTIONS = ("position", "yaw", "pitch", "inventory", "time_of_day", "biome", "world", "postion", 7, None)


def meadow() -> World:
    """A small flat world."""
    blocks = np.zeros((12, 16, 12), np.uint8)
    blocks[:, :4] = GRASS_BLOCK
    return World(blocks, seed=0, spawn=(6.0, 4.0, 6.0))


def state(game: VoxelEnv) -> str:
    """All that a refused value could have changed."""
    moment = game.game
    seen = (game.tick, game.player, moment.time_of_day, moment.screen, moment.rng.bit_generator.state, game.world.seed)
    return hashlib.sha256(f"{seen}".encode() + game.world.blocks.tobytes()).hexdigest()


def pick(rng: np.random.Generator) -> Any:
    """An odd value; or two or three, as a position or a turn has them."""
    value = ODD[rng.integers(len(ODD))]
    if rng.random() < 0.4:
        value = [ODD[rng.integers(len(ODD))] for _ in range(rng.integers(2, 4))]
    return value


def odd_action(rng: np.random.Generator) -> Any:
    """An action with odd values, one of them most of the time."""
    if rng.random() < 0.05:
        return pick(rng)
    action: dict[Any, Any] = {name: int(rng.random() < 0.3) for name in MINERL_KEYS if name != "camera"}
    action["camera"] = rng.normal(0.0, 30.0, 2)
    for _ in range(rng.integers(0, 3)):
        action[rng.choice(["camera", *MINERL_KEYS, "foward"])] = pick(rng)
    return action


def odd_options(rng: np.random.Generator) -> Any:
    """Options of a reset, none of them certain to be right."""
    if rng.random() < 0.05:
        return pick(rng)
    options: dict[Any, Any] = {"world": meadow()}
    for _ in range(rng.integers(0, 3)):
        name = OPTIONS[rng.integers(len(OPTIONS))]
        options[name] = pick(rng)
        if name == "inventory" and rng.random() < 0.7:
            options[name] = {rng.choice(["dirt", "oak_log", "torch", "stnoe", "air"]): pick(rng)}
        if name == "position" and rng.random() < 0.7:
            options[name] = [float(rng.choice([0.0, 3.5, 12.0, 12.1, 272.0, -1e-9, 1e300])) for _ in range(3)]
    return options


def storm(*, seed: int, rounds: int) -> str:
    """Throws odd values at one environment; how many were refused and played, of actions and of resets."""
    rng, game = np.random.default_rng(seed), VoxelEnv((9, 16))
    game.reset(seed=0, options={"world": meadow()})
    counts = {(kind, end): 0 for kind in ("step", "reset") for end in ("refused", "played")}
    for _ in range(rounds):
        kind, before, refusal = "step" if rng.random() < 0.7 else "reset", state(game), None
        try:
            if kind == "step":
                game.step(odd_action(rng))
            else:
                game.reset(seed=pick(rng) if rng.random() < 0.3 else None, options=odd_options(rng))
        except GhostkeysError as error:
            refusal = str(error)
        counts[kind, "refused" if refusal else "played"] += 1
        if refusal:
            assert state(game) == before, refusal
            assert "\n" not in refusal
        else:
            game.step({"forward": 1})
            assert all(math.isfinite(value) for value in (*game.player.position, game.player.yaw, game.player.pitch))
        if not game.player.vitals.alive:
            game.reset(seed=0, options={"world": meadow()})
    return ",".join(str(count) for count in counts.values())


@pytest.mark.parametrize("seed", range(2))
def test_odd_values_are_refused_before_anything_changes_or_played(seed: int) -> None:
    """In a process of its own, so that a crash fails this test alone."""
    script = (
        f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r})\n"
        f"from test_hostile_input import storm; print(storm(seed={seed}, rounds=800))"
    )
    root = Path(env.__file__).parents[1]
    result = subprocess.run([sys.executable, "-c", script], cwd=root, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert all(int(count) > 20 for count in result.stdout.split(",")), result.stdout


@pytest.fixture
def game() -> VoxelEnv:
    voxel = VoxelEnv((9, 16))
    voxel.reset(seed=0, options={"world": meadow()})
    return voxel


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"position": (math.nan, 4, 6)}, r"position is .*nan.*; expected \(x, y, z\) in blocks, x from 0 to 12, y"),
        ({"position": (6, 1e300, 6)}, "position is .*1e.300"),
        ({"position": (6, 4)}, r"position is \(6, 4\); expected"),
        ({"position": "spawn"}, "position is 'spawn'"),
        ({"yaw": math.inf}, "yaw is inf; expected a number from"),
        ({"pitch": 91}, "pitch is 91; expected a number from -90 to 90"),
        ({"time_of_day": math.nan}, "time_of_day is nan; expected a whole number"),
        ({"time_of_day": -1}, "time_of_day is -1; expected a whole number from 0"),
        ({"inventory": ["dirt"]}, "inventory is .*; expected a dict of item names and counts"),
        ({"inventory": {"oak_lgo": 1}}, "item is 'oak_lgo'; did you mean 'oak_log'"),
        ({"inventory": {"dirt": -1}}, "count of 'dirt' is -1; expected a whole number from 0 to 2304"),
        ({"inventory": {"dirt": 2304, "stick": 1}}, "inventory: 1 stick and what came before do not fit"),
        ({"biome": ["desert"]}, r"biome is \['desert'\]; expected one of plains"),
        ({"world": 3}, "world is 3; expected an env.voxel.land.world.World"),
        ({"postion": (0, 0, 0)}, "unknown reset option 'postion': did you mean 'position'"),
        ([("yaw", 1)], "options is .*; expected a dict of position, yaw"),
    ],
)  # fmt: skip
def test_a_wrong_option_is_named(game: VoxelEnv, options: Any, message: str) -> None:
    if isinstance(options, dict) and "world" not in options and "biome" not in options:
        options = {"world": meadow(), **options}
    before = state(game)
    with pytest.raises(GhostkeysError, match=message):
        game.reset(options=options)
    assert state(game) == before


@pytest.mark.parametrize("seed", [-1, 1.0, "1", math.nan, 2**62, HUGE, True, [1]], ids=range(8))
def test_a_seed_is_a_whole_number(game: VoxelEnv, seed: Any) -> None:
    before = state(game)
    with pytest.raises(GhostkeysError, match=r"seed is .*; expected a whole number from 0 to"):
        game.reset(seed=seed, options={"world": meadow()})
    assert state(game) == before


def test_numbers_of_numpy_are_numbers(game: VoxelEnv) -> None:
    game.reset(
        seed=np.int64(3),  # type: ignore[arg-type]
        options={
            "world": meadow(), "position": np.array([6.0, 5.0, 6.0], np.float32), "yaw": np.float32(30), "pitch": 5,
            "time_of_day": np.uint16(6000), "inventory": {"dirt": np.int32(3)}, "biome": None,
        },
    )  # fmt: skip
    assert (game.player.position, game.player.yaw, game.player.pitch) == ((6.0, 5.0, 6.0), 30.0, 5.0)
    assert game.game.time_of_day == 6000
    assert game.player.inventory.stacks() == [{"type": "dirt", "quantity": 3}]


@pytest.mark.parametrize(
    "size",
    [0, (0, 0), (-1, 5), (18, 0), (5000, 5), (18.0, 32.0), (math.nan, 5), (18,), (1, 2, 3), "vtp", None, HUGE,
     ("18", "32"), (True, True), (HUGE, HUGE)],
    ids=range(15),
)  # fmt: skip
def test_a_size_is_height_and_width_or_vpt(size: Any) -> None:
    with pytest.raises(GhostkeysError, match=r"size is .*; expected \(height, width\), each from 1 to 4096, or .vpt"):
        VoxelEnv(size)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"max_ticks": 0}, "max_ticks is 0; expected a whole number from 1"),
        ({"max_ticks": math.nan}, "max_ticks is nan; expected a whole number from 1"),
        ({"max_ticks": "9"}, "max_ticks is '9'"),
        ({"task": "diamond_pickax"}, "task is 'diamond_pickax'; did you mean 'diamond_pickaxe'"),
        ({"task": ["stone_pickaxe"]}, r"task is \['stone_pickaxe'\]; expected one of stone_pickaxe, diamond_pickaxe"),
        ({"render_mode": "human"}, "render_mode is 'human'; expected one of rgb_array"),
    ],
)
def test_a_wrong_argument_is_named(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(GhostkeysError, match=message):
        VoxelEnv((9, 16), **arguments)


@pytest.mark.parametrize(
    ("blocks", "message"),
    [
        (np.zeros((4, 4, 4)), "blocks is float64"),
        (np.zeros((4, 4), np.uint8), r"blocks is uint8 \(4, 4\)"),
        (np.zeros((4, 0, 4), np.uint8), r"blocks is uint8 \(4, 0, 4\)"),
        (np.zeros((2, 256, 2), np.uint8), "at most 255 high"),
        (np.full((4, 4, 4), 200, np.uint8), "blocks holds the id 200; expected ids of blocks, 0 to"),
        ([[[0]]], "blocks is .*; expected uint8"),
    ],
)
def test_a_world_is_made_of_blocks(blocks: Any, message: str) -> None:
    with pytest.raises(GhostkeysError, match=message):
        World(blocks, seed=0, spawn=(1.0, 1.0, 1.0))


def test_a_worlds_spawn_lies_in_it_and_its_blocks_exist() -> None:
    with pytest.raises(GhostkeysError, match=r"spawn is .*nan"):
        World(np.zeros((4, 4, 4), np.uint8), seed=0, spawn=(1.0, math.nan, 1.0))
    with pytest.raises(IndexError, match="no block 200; expected 0 to"):
        meadow().set_block(1, 1, 1, 200)
    with pytest.raises(GhostkeysError, match="size along y is 39; expected a whole number from 40 to 255"):
        generate(0, (32, 39, 32))
