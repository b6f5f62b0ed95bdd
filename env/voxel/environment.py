"""The embedded voxel world as a Gymnasium environment with MineRL's actions and observations."""

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from env.actions import minerl_action_space
from env.checks import one_of, whole_number
from env.tasks import TASKS, Task
from env.voxel.land.terrain import generate
from env.voxel.land.world import World
from env.voxel.observation import Observation, location, observation_space, observe, screen_info
from env.voxel.options import LONGEST, MAX_SEED, StartOptions, checked_seed, checked_size
from env.voxel.picture.render import Renderer
from env.voxel.rules.game import DAY, Game
from env.voxel.rules.menu import WINDOW_HEIGHT, WINDOW_WIDTH
from env.voxel.rules.physics import Cell
from env.voxel.rules.player import Player
from env.voxel.rules.screen import Screen

Info = dict[str, Any]


@dataclass(frozen=True, eq=False)
class Snapshot:
    """A moment of a game, all of it: blocks, player, open screen, furnaces, things that lie about, random numbers."""

    _game: Game


class VoxelEnv(gym.Env[Observation, Mapping[str, Any]]):
    """A world of blocks, seen and played in first person.

    ## Description
    The player walks, digs and builds in a generated world. Movement, digging times and drops follow Minecraft 1.16; the
    world, its textures and its terrain are its own. A step is one tick of 1/20 s: the observation shows frame i and
    `step(action_i)` returns frame i + 1. Equal seeds and actions give equal frames.

    ## Action Space
    MineRL's `Dict` of 24 keys, see `env.minerl_action_space`: 23 buttons of 0 or 1, held as long as they are 1, and
    `camera`, float32 (pitch, yaw) in degrees to turn down and right. Keys may be left out, which releases them. An
    action that `env.actions.read_action` refuses (an unknown key, a button that is not 0 or 1, a turn that is not
    finite or beyond 180 degrees) raises `GhostkeysError`, a `ValueError`, and changes nothing.
    `inventory` opens the inventory and `use` a crafting table or a furnace under the crosshair; `inventory` or `ESC`
    closes them. While one is open, `camera` moves its cursor, 6.67 pixels of a 640 x 360 picture a degree, and
    `attack`, `use`, `sneak` (shift), the hotbar keys and `drop` act on the slot below it as in Minecraft 1.16; the
    player stands still. `pickItem` and `swapHands` do nothing, nor does `ESC` where nothing is open.

    ## Observation Space
    A `Dict` with MineRL's names:

    | name | content |
    |---|---|
    | `pov` | uint8 (H, W, 3) RGB, the first-person picture |
    | `inventory` | item name → int32 how many; `air` counts empty slots |
    | `equipped_items` | `mainhand`: `type` (item name), `damage`, `maxDamage` (int32) |
    | `life_stats` | `is_alive`, `life`, `food`, `saturation`, `air` (float32) |
    | `location_stats` | `xpos`, `ypos`, `zpos` in blocks, `pitch`, `yaw` in degrees (float32) |

    In a `gymnasium.vector.AsyncVectorEnv` with shared memory, from which Gymnasium reads text only once, `type` keeps
    its first value; pictures and numbers are right.

    ## Rewards
    With a task, VPT's table up to its goal (`env.tasks`): so much for each item obtained by picking up,
    crafting or smelting, up to a number of each; what was thrown away or placed and is taken back counts once. Without
    a task 0.0. `info["milestones"]` tells what has been achieved.

    ## Info
    `milestones`: item name, or kind of item such as `log`, → tick at which it was first obtained; `isGuiOpen`, and
    `isGuiInventory` for the player's own inventory; `mouse`: `x` and `y` of the cursor, in a window of 1280 x 720 as
    VPT's recorder counts them; `hotbar`: the selected slot, 0 to 8; `inventory`: list of `{"type", "quantity"}` of the
    filled slots; `location_stats`.

    ## Starting State
    The player stands at the world's spawn in the morning with empty hands. The world's seed is the seed given to
    `reset`; without one it is drawn from the environment's own generator.

    ## Episode End
    Terminates when the player dies, or has obtained the task's goal. Truncates after `max_ticks`, if given.

    ## Arguments
    - `size`: (height, width) of the picture, or `"vpt"` for the 128 x 128 pixels that VPT's agents see.
    - `task`: `"stone_pickaxe"` or `"diamond_pickaxe"`; None plays freely.
    - `max_ticks`: steps after which an episode is truncated.
    - `render_mode`: `"rgb_array"`; `render()` returns the picture of the last observation.

    Options of `reset`: `position` (x, y, z of the feet, within the world or up to 256 blocks above it), `yaw`, `pitch`
    (degrees), `inventory` (item name → count, filling the hotbar first), `time_of_day` (ticks since sunrise), `biome`
    (one of `env.voxel.land.biomes.BIOMES`: a world of that land alone, instead of one with some of each), `world` (a
    `World` to play in and change, instead of a generated one).

    A wrong argument, option or seed raises `GhostkeysError` before anything changes.
    """

    metadata: dict[str, Any] = {"render_modes": ["rgb_array"], "render_fps": 20}  # noqa: RUF012  # as gym.Env declares it

    def __init__(
        self,
        size: tuple[int, int] | Literal["vpt"] = (180, 320),
        *,
        task: str | None = None,
        max_ticks: int | None = None,
        render_mode: Literal["rgb_array"] | None = "rgb_array",
    ) -> None:
        size = checked_size(size)
        self.task: Task | None = None if task is None else TASKS[one_of("task", task, TASKS)]
        """What is rewarded; None plays freely."""
        self.max_ticks = None if max_ticks is None else whole_number("max_ticks", max_ticks, least=1, most=LONGEST)
        self.render_mode = None if render_mode is None else one_of("render_mode", render_mode, ("rgb_array",))
        self.action_space = cast(spaces.Space[Mapping[str, Any]], minerl_action_space())
        self.observation_space = observation_space((128, 128) if size == "vpt" else size)
        self._renderer = Renderer(size)
        self._game: Game | None = None
        self._picture: NDArray[np.uint8] | None = None

    @property
    def game(self) -> Game:
        """The game being played; `ResetNeeded` before the first reset."""
        if self._game is None:
            raise gym.error.ResetNeeded("There is no world yet: call reset() first.")
        return self._game

    @property
    def world(self) -> World:
        """The blocks."""
        return self.game.world

    @property
    def player(self) -> Player:
        """The player: position, velocity, view, health, inventory."""
        return self.game.player

    @property
    def tick(self) -> int:
        """Steps taken since the reset."""
        return self.game.tick

    @property
    def target(self) -> Cell | None:
        """The block under the crosshair within reach, or None."""
        return self.game.hands.target

    def reset(self, *, seed: int | None = None, options: Mapping[str, Any] | None = None) -> tuple[Observation, Info]:
        """Start in a new world; see the class for the options."""
        seed, start = checked_seed(seed), StartOptions.read(options)
        super().reset(seed=seed)
        world = start.world
        if world is None:
            world_seed = int(self.np_random.integers(MAX_SEED)) if seed is None else seed
            world = generate(world_seed, land=start.land)
        position = world.spawn if start.position is None else start.position
        player = Player(position, yaw=start.yaw, pitch=start.pitch, inventory=start.inventory)
        self._game = Game(world, player, self.np_random, time_of_day=start.time_of_day % DAY)
        self._picture = None
        return self._observe(), self._info()

    def step(self, action: Mapping[str, Any]) -> tuple[Observation, float, bool, bool, Info]:
        """Play one tick and show the frame that results."""
        before = self._earned()
        self.advance(action)
        reached = self.task is not None and self.task.done(self.game.ledger)
        terminated = reached or not self.player.vitals.alive
        truncated = self.max_ticks is not None and self.tick >= self.max_ticks
        return self._observe(), self._earned() - before, terminated, truncated, self._info()

    def advance(self, action: Mapping[str, Any]) -> None:
        """Play one tick without drawing it, for code that reads the world and not the frame."""
        self.game.advance(action)
        self._picture = None

    def snapshot(self) -> Snapshot:
        """The game as it stands, for `restore`; going on does not change it."""
        return Snapshot(copy.deepcopy(self.game))

    def restore(self, snapshot: Snapshot) -> tuple[Observation, Info]:
        """Go back to a snapshot, of this environment or another: equal actions give equal frames from there on."""
        self._game = copy.deepcopy(snapshot._game)
        self.np_random = self._game.rng
        self._picture = None
        return self._observe(), self._info()

    def render(self) -> NDArray[np.uint8] | None:
        """uint8 (H, W, 3) the current frame; None without a render mode."""
        return self._frame().copy() if self.render_mode == "rgb_array" else None

    def _frame(self) -> NDArray[np.uint8]:
        if self._picture is None:
            self._picture = self._renderer.render(self.world, self.game.view())
        return self._picture

    def _earned(self) -> float:
        return 0.0 if self.task is None else self.task.total(self.game.ledger)

    def _observe(self) -> Observation:
        return observe(self.player, self._frame().copy())

    def _info(self) -> Info:
        return {
            "milestones": dict(self.game.milestones),
            **_gui(self.game.screen),
            "hotbar": self.player.hotbar_selected,
            "inventory": self.player.inventory.stacks(),
            "location_stats": location(self.player),
        }


def _gui(screen: Screen | None) -> Info:
    """What VPT's recorder notes of an open screen."""
    return screen_info(
        is_open=screen is not None,
        is_inventory=screen is not None and screen.menu.kind == "inventory",
        cursor=(WINDOW_WIDTH / 2, WINDOW_HEIGHT / 2) if screen is None else screen.cursor,
    )
