"""Minecraft as a Gymnasium environment: MineRL in a supervised process of its own."""

import logging
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, cast

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from env.actions import HOTBAR, minerl_action_space, read_action
from env.checks import number, one_of, whole_number
from env.minerl.cursor import Cursor
from env.minerl.options import start_options
from env.minerl.process import Limits, MineRLError, Worker, WorkerError
from env.minerl.progress import Progress
from env.minerl.scene import Scene, observe
from env.tasks import DIAMOND_SHOVEL, TASKS, Task
from env.video.pictures import resize
from env.voxel.observation import Observation, observation_space
from env.voxel.options import LONGEST, MAX_SEED, checked_seed, checked_size

log = logging.getLogger(__name__)

Info = dict[str, Any]

HUMAN_SURVIVAL = "MineRLHumanSurvival-v0"
NATIVE_SIZE = (360, 640)
"""Height and width of the pictures MineRL's specs of that kind give."""
VPT_SIZE = (128, 128)
MINERL_TASKS: Mapping[str, Task] = {**TASKS, "diamond_shovel": DIAMOND_SHOVEL}
LONGEST_PAUSE = 60.0
"""Seconds between two attempts to start the game, at most."""


class MineRLEnv(gym.Env[Observation, Mapping[str, Any]]):
    """Minecraft 1.16.5 through MineRL 1.0.

    ## Description
    Actions, observations, `info`, tasks, rewards, milestones and options are those of the embedded world
    (`env.voxel.environment.VoxelEnv`), so that whatever plays there plays here. MineRL and the game run in processes of
    their own, under MineRL's Python; no observation is returned that the game did not send.

    ## Observation Space
    The embedded world's. `inventory` counts the items which that world knows; `info["inventory"]` lists all of them.

    ## Rewards
    With a task, VPT's table (`env.tasks`), by the embedded world's ledger: told from Minecraft's statistics of what was
    picked up, crafted, dropped and used, and from the inventory. MineRL's own rewards are not used.

    ## Info
    The embedded world's keys. `mouse`, `isGuiInventory` and `hotbar` are worked out from the actions, because MineRL
    does not tell them. `invalid`: why the episode is void, in a step that failed.

    ## Starting State
    The world's seed is the seed given to `reset`, or drawn. The same seed is the same world and never the same game:
    Minecraft is not deterministic.

    ## Episode End
    Terminates when the player dies, or has obtained the task's goal; in MineRL's BASALT environments also with ESC, if
    that key is allowed. Truncates after `max_ticks`, if given. Where MineRL or the game dies, hangs or talks nonsense,
    `step` returns the last true observation, reward 0, truncated, and `info["invalid"]`: the episode counts for
    nothing. The next `reset` starts the game anew.

    ## Arguments
    - `size`: (height, width) of the picture, resized from the game's 360 x 640, or `"vpt"`: 128 x 128 as VPT's agents
      see it.
    - `spec`: MineRL's name of an environment, such as `MineRLBasaltFindCave-v0`. Keys it lacks do nothing.
    - `task`: `"stone_pickaxe"`, `"diamond_pickaxe"` or `"diamond_shovel"`; None plays freely.
    - `max_ticks`: steps after which an episode is truncated.
    - `python`: MineRL's Python; else the environment variable `GHOSTKEYS_MINERL_PYTHON`, else `.minerl/bin/python`.
    - `minecraft`: folder with the game's `launchClient.sh`; else `GHOSTKEYS_MINECRAFT_DIR`, else what MineRL built.
    - `allow_esc`: passes ESC on, which opens Minecraft's menu; otherwise it is never pressed.
    - `launch_deadline`, `reset_deadline`, `step_deadline`, `close_deadline`: seconds until a process that does not
      answer is killed; `silence`: seconds without its sign of life.
    - `memory_gb`: the game is killed beyond it, and started anew between episodes beyond three quarters of it.
    - `attempts`: how often `reset` starts the game before it gives up, with pauses of `backoff` seconds, doubled each
      time.
    - `logs`: a folder in which the processes' own folders are kept, with what MineRL and the game wrote.

    Options of `reset`: `inventory` (item name → count), `biome`, `position` (x, y, z) with `yaw` and `pitch`.

    Raises `GhostkeysError` for wrong arguments, options, seeds and actions, and `MineRLError`, which is one, where the
    game cannot be started.
    """

    metadata: dict[str, Any] = {"render_modes": ["rgb_array"], "render_fps": 20, "own_process": True}  # noqa: RUF012  # as gym.Env declares it

    def __init__(
        self,
        size: tuple[int, int] | Literal["vpt"] | None = None,
        *,
        spec: str = HUMAN_SURVIVAL,
        task: str | None = None,
        max_ticks: int | None = None,
        python: str | os.PathLike[str] | None = None,
        minecraft: str | os.PathLike[str] | None = None,
        allow_esc: bool = False,
        launch_deadline: float = Limits.launch_deadline,
        reset_deadline: float = Limits.reset_deadline,
        step_deadline: float = Limits.step_deadline,
        close_deadline: float = Limits.close_deadline,
        silence: float = Limits.silence,
        memory_gb: float = Limits.memory_gb,
        attempts: int = 3,
        backoff: float = 1.0,
        logs: str | os.PathLike[str] | None = None,
        render_mode: Literal["rgb_array"] | None = "rgb_array",
    ) -> None:
        self._size = checked_size(NATIVE_SIZE if size is None else size)
        self.task: Task | None = None if task is None else MINERL_TASKS[one_of("task", task, MINERL_TASKS)]
        """What is rewarded; None plays freely."""
        self.max_ticks = None if max_ticks is None else whole_number("max_ticks", max_ticks, least=1, most=LONGEST)
        self.render_mode = None if render_mode is None else one_of("render_mode", render_mode, ("rgb_array",))
        self.limits = Limits(
            launch_deadline=launch_deadline,
            reset_deadline=reset_deadline,
            step_deadline=step_deadline,
            close_deadline=close_deadline,
            silence=silence,
            memory_gb=memory_gb,
        )
        self.items: tuple[str, ...] = ()
        """The game's items by name, once MineRL has been started."""
        self._minerl_spec = spec
        self._attempts = whole_number("attempts", attempts, least=1, most=100)
        self._backoff = number("backoff", backoff, least=0.0, most=LONGEST_PAUSE)
        self._allow_esc = allow_esc
        self._python = _minerl_python(python)
        self._minecraft = _minecraft_folder(minecraft)
        self._logs = None if logs is None else Path(logs)
        self.action_space = cast(spaces.Space[Mapping[str, Any]], minerl_action_space())
        self.observation_space = observation_space(VPT_SIZE if self._size == "vpt" else self._size)
        self._worker: Worker | None = None
        self._launched = False
        self._lacking: frozenset[str] = frozenset()
        self._scene: Scene | None = None
        self._progress = Progress({}, {})
        self._cursor = Cursor()
        self._hotbar = 0
        self._invalid: str | None = None
        self.tick = 0
        """Steps taken since the reset."""

    def prepare(self) -> None:
        """Starts MineRL's Python, and not the game, if it does not run. Raises MineRLError if it cannot."""
        if self._worker is not None:
            return
        if self._logs is not None:
            self._logs.mkdir(parents=True, exist_ok=True)
        worker = Worker(self._python, limits=self.limits, logs=self._logs)
        try:
            found = worker.call(
                "open",
                deadline=self.limits.launch_deadline,
                spec=self._minerl_spec,
                minecraft=self._minecraft,
                port=worker.port,
                patience=self.limits.longest + 60.0,
            )
            worker.share_pictures(_pair(found.get("picture")))
        except WorkerError as failure:
            worker.close(gently=False)
            raise MineRLError(f"{self._python}: {failure}") from None
        except BaseException:
            worker.close(gently=False)
            raise
        self._worker, self._launched = worker, False
        self.items = tuple(map(str, found.get("items", ())))
        self._lacking = frozenset(self.action_space.spaces) - {*map(str, found.get("keys", ())), "camera"}  # type: ignore[attr-defined]

    def reset(self, *, seed: int | None = None, options: Mapping[str, Any] | None = None) -> tuple[Observation, Info]:
        """Start in a new world; see the class for the options."""
        seed, start = checked_seed(seed), start_options(options)
        super().reset(seed=seed)
        world_seed = int(self.np_random.integers(MAX_SEED)) if seed is None else seed
        self._scene = None
        self._recycle()
        for attempt in range(1, self._attempts + 1):
            try:
                return self._begin(seed=world_seed, start=start)
            except (WorkerError, MineRLError) as failure:
                self._drop()
                if attempt == self._attempts:
                    raise MineRLError(f"{self._minerl_spec} could not be reset, {attempt} times: {failure}") from None
                pause = min(self._backoff * 2.0 ** (attempt - 1), LONGEST_PAUSE)
                log.warning("%s: %s; starting it anew in %g s", self._minerl_spec, failure, pause)
                time.sleep(pause)
            except BaseException:
                self._drop()
                raise
        raise AssertionError("the last attempt returns or raises")

    def step(self, action: Mapping[str, Any]) -> tuple[Observation, float, bool, bool, Info]:
        """Play one tick and show the frame that results."""
        scene = self._shown()
        taken = read_action(action)
        if self._invalid is None and scene.done:
            raise gym.error.ResetNeeded("The player is dead: call reset() first.")
        held = taken.held if self._allow_esc else taken.held - {"ESC"}
        before = self._earned()
        if self._invalid is None and not self._advance(held, taken.camera):
            log.warning("%s: %s; the episode is void", self._minerl_spec, self._invalid)
        if self._invalid is not None:
            return self._observe(), 0.0, False, True, self._info()
        reached = self.task is not None and self.task.done(self._progress.ledger)
        given_up = "ESC" in held and self._minerl_spec.startswith("MineRLBasalt")
        terminated = self._shown().done or reached or given_up
        truncated = self.max_ticks is not None and self.tick >= self.max_ticks
        return self._observe(), self._earned() - before, terminated, truncated, self._info()

    def render(self) -> NDArray[np.uint8] | None:
        """uint8 (H, W, 3) the current frame; None without a render mode."""
        return self._shown().picture.copy() if self.render_mode == "rgb_array" else None

    def close(self) -> None:
        """Ends MineRL and the game; leaves no process."""
        self._scene = None
        worker, self._worker = self._worker, None
        if worker is not None:
            worker.close(gently=self._launched)

    def _begin(self, *, seed: int, start: Mapping[str, Any]) -> tuple[Observation, Info]:
        """The first observation of an episode."""
        self.prepare()
        worker = self._running()
        if not self._launched:
            self._launched = True  # something may run from now on
            worker.call("launch", deadline=self.limits.launch_deadline)
        answer = worker.call("reset", deadline=self.limits.reset_deadline, seed=seed, start=start)
        scene = self._scene = self._read(answer)
        if scene.done:
            raise WorkerError("the player was dead in the first frame")
        self._progress = Progress(scene.statistics, scene.inventory)
        self._cursor, self._hotbar, self._invalid, self.tick = Cursor(is_open=scene.is_gui_open), 0, None, 0
        return self._observe(), self._info()

    def _advance(self, held: frozenset[str], camera: tuple[float, float]) -> bool:
        """Plays one tick. False, and `_invalid` says why, if there is no true answer."""
        if lacking := held & self._lacking:
            log.warning("%s has no %s: it is left out.", self._minerl_spec, ", ".join(sorted(lacking)))
            self._lacking -= lacking
        try:
            keys = sorted(held)
            answer = self._running().call("step", deadline=self.limits.step_deadline, held=keys, camera=list(camera))
            scene = self._read(answer)
        except WorkerError as failure:
            self._invalid = str(failure)
            self._drop()
            return False
        except BaseException:
            self._invalid = "the step was interrupted"
            self._drop()
            raise
        self.tick += 1
        self._scene = scene
        self._progress.update(scene.statistics, scene.inventory, tick=self.tick)
        if not self._cursor.is_open:
            self._hotbar = next((slot for slot, name in enumerate(HOTBAR) if name in held), self._hotbar)
        self._cursor.update(held, camera, is_open=scene.is_gui_open)
        return True

    def _read(self, answer: Mapping[str, Any]) -> Scene:
        """Checks an answer; WorkerError if it is none that the game could have sent."""
        return Scene.read(answer, picture=self._resized(self._running().picture(answer.get("number", -1))))

    def _resized(self, picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
        if self._size == "vpt":
            resized = resize(picture, VPT_SIZE, interpolation="linear")
        else:
            resized = resize(picture, self._size)
        return resized.copy() if resized is picture else resized

    def _running(self) -> Worker:
        if self._worker is None:
            raise WorkerError("the game does not run")
        return self._worker

    def _recycle(self) -> None:
        """Starts the game anew, between two episodes, once it has used up most of the memory it may use."""
        if self._worker is None:
            return
        self._worker.trim_logs()
        used = self._worker.memory() / 1e9
        if used > 0.75 * self.limits.memory_gb:
            log.info("%s uses %.1f GB: starting it anew", self._minerl_spec, used)
            self._drop()

    def _drop(self) -> None:
        """Kills MineRL and the game."""
        worker, self._worker = self._worker, None
        if worker is not None:
            worker.close(gently=False)

    def _shown(self) -> Scene:
        if self._scene is None:
            raise gym.error.ResetNeeded("There is no world yet: call reset() first.")
        return self._scene

    def _earned(self) -> float:
        return 0.0 if self.task is None else self.task.total(self._progress.ledger)

    def _observe(self) -> Observation:
        return observe(self._shown())

    def _info(self) -> Info:
        scene = self._shown()
        info: Info = {
            "milestones": dict(self._progress.ledger.milestones),
            **self._cursor.info(),
            "hotbar": self._hotbar,
            "inventory": [
                {"type": name, "quantity": count} for name, count in scene.inventory.items() if name != "air"
            ],
            "location_stats": dict(scene.location),
        }
        return info if self._invalid is None else {**info, "invalid": self._invalid}


def _minerl_python(given: str | os.PathLike[str] | None) -> Path:
    """MineRL's Python; MineRLError where there is none."""
    if os.name == "nt":
        raise MineRLError("MineRL is played on Linux and macOS alone; on Windows, use WSL.")
    variable = os.environ.get("GHOSTKEYS_MINERL_PYTHON")
    path = Path(given or variable or ".minerl/bin/python").expanduser().absolute()
    if not (path.is_file() and os.access(path, os.X_OK)):
        raise MineRLError(
            f"{path} is no Python that can be run; expected MineRL's: make one with `bash scripts/minerl.sh`, and name "
            "it with --minerl-python or in GHOSTKEYS_MINERL_PYTHON."
        )
    return path


def _minecraft_folder(given: str | os.PathLike[str] | None) -> str | None:
    folder = given or os.environ.get("GHOSTKEYS_MINECRAFT_DIR")
    return None if folder is None else str(Path(folder).expanduser().absolute())


def _pair(value: Any) -> tuple[int, int]:
    try:
        height, width = (int(side) for side in value)
    except (TypeError, ValueError):
        raise WorkerError(f"MineRL's pictures have no size but {value!r}") from None
    return height, width
