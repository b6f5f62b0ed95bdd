"""Wrappers for environments with MineRL's actions, all 24 keys or some."""

from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Literal, SupportsFloat

import gymnasium
import numpy as np
from gymnasium import spaces

from env.actions import MINERL_KEYS, minerl_action_space, no_op, read_action
from env.errors import GhostkeysError
from env.recordings.live import LiveRecordingWriter
from env.recordings.recording import RecordingWriter
from env.video.container import PathLike
from env.video.pictures import Frame

# What an environment reports beside its frame that has a place in a recording.
STATE_KEYS = ("isGuiOpen", "isGuiInventory", "hotbar", "mouse", "tick", "milli")


WriterClass = type[RecordingWriter] | type[LiveRecordingWriter]


class FilterAction(gymnasium.ActionWrapper[Any, Any, Any]):
    """Takes MineRL's whole actions in an environment that has only some of its 24 keys, and checks them.

    The environment gets a value for each key it has: the action's, or 0 and no turn where the action leaves it out. A
    key it lacks does nothing; `missing` names those. Raises `GhostkeysError` for an environment whose action space is
    not MineRL's, whole or in part, and, before the environment sees it, for an action that `env.actions.read_action`
    refuses.
    """

    def __init__(self, env: gymnasium.Env[Any, Any]) -> None:
        keys = action_keys(env)
        super().__init__(env)
        self.action_space = minerl_action_space()
        self.missing = tuple(name for name in MINERL_KEYS if name not in keys)
        """MineRL's keys that the environment lacks."""
        self._released = {name: value for name, value in no_op().items() if name in keys}

    def action(self, action: Mapping[str, Any]) -> dict[str, Any]:
        """What the environment gets."""
        read_action(action)
        return {name: action.get(name, released) for name, released in self._released.items()}


class RecordEpisode(gymnasium.Wrapper[Any, Any, Any, Any]):
    """Records each episode, frame i with the action taken at it, in VPT's contractor format.

    Files are `<stem>.mp4` and `<stem>.jsonl` in `folder`. The first episode gets `stem`, later ones `<stem>-1`,
    `<stem>-2`, ... A recording is finished by the end of its episode, by `reset`, `cut` or `close`; the last frame, at
    which no action was taken, is left out, and so is a step that failed (`info["invalid"]`). An episode that ends in an
    exception leaves nothing behind, unless `writer` is one that keeps what it has. Observations carry the frame as
    `pov`; cursor, hotbar, place and inventory come from `info`. Actions go through `FilterAction`: keys that the
    environment lacks are recorded as not pressed, and an action that is refused leaves environment and recording as
    they were.
    """

    def __init__(
        self, env: gymnasium.Env[Any, Any], folder: PathLike, stem: str, *, writer: WriterClass = RecordingWriter
    ) -> None:
        super().__init__(env)
        self._filter = FilterAction(env)
        self.action_space = self._filter.action_space
        self.recordings: list[Path] = []
        """The videos finished so far."""
        self._folder, self._stem = Path(folder), stem
        self._episodes = 0
        self._open = ExitStack()
        self._new_writer = writer
        self._writer: RecordingWriter | LiveRecordingWriter | None = None
        self._frame: Frame | None = None
        self._state: dict[str, Any] = {}

    @property
    def ticks(self) -> int:
        """How many the recording under way has."""
        return self._writer.ticks if self._writer else 0

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Finish the recording under way and begin another."""
        self._finish()
        observation, info = self.env.reset(seed=seed, options=options)
        self._show(observation, info)
        return observation, info

    def step(self, action: Any) -> tuple[Any, SupportsFloat, bool, bool, dict[str, Any]]:
        """Act, and record the action with the frame it was taken at."""
        action = self._filter.action(action)
        frame, state = self._frame, self._state
        try:
            observation, reward, terminated, truncated, info = self.env.step(action)
            if frame is not None and not info.get("invalid"):
                self._record(frame, action, state)
        except BaseException as error:
            self._abandon(error)
            raise
        self._show(observation, info)
        if terminated or truncated:
            self._finish()
        return observation, reward, terminated, truncated, info

    def cut(self) -> None:
        """Finish the recording under way; the episode goes on in another, which begins with the frame shown now."""
        frame = self._frame
        self._finish()
        self._frame = frame

    def close(self) -> None:
        """Finish the recording under way and close the environment."""
        self._finish()
        super().close()

    def __exit__(self, *args: Any) -> Literal[False]:
        """Leave a `with` block: an exception in it abandons the recording."""
        if args and args[1] is not None:
            self._abandon(args[1])
        self.close()
        return False

    def _show(self, observation: Mapping[str, Any], info: Mapping[str, Any]) -> None:
        # An environment may draw into the same array again.
        self._frame = np.array(observation["pov"])
        self._state = recorder_state(observation, info)

    def _record(self, frame: Frame, action: Mapping[str, Any], state: Mapping[str, Any]) -> None:
        if self._writer is None:
            stem = f"{self._stem}-{self._episodes}" if self._episodes else self._stem
            writer = self._new_writer(self._folder, stem, size=frame.shape[:2])
            self._open.enter_context(writer)
            self._writer = writer
            self._episodes += 1
        self._writer.write(frame, action, state)

    def _finish(self) -> None:
        self._frame = None
        if self._writer is not None:
            writer, self._writer = self._writer, None
            self._open.close()
            self.recordings.append(writer.video)

    def _abandon(self, error: BaseException) -> None:
        self._frame = self._writer = None
        self._open.__exit__(type(error), error, error.__traceback__)


def action_keys(env: gymnasium.Env[Any, Any]) -> frozenset[str]:
    """The keys of an environment that has some or all of MineRL's, `camera` among them.

    Raises `GhostkeysError` for any other action space.
    """
    space = env.action_space
    names = frozenset(space) if isinstance(space, spaces.Dict) else frozenset()
    if "camera" in names and names <= set(MINERL_KEYS):
        return names
    unknown = sorted(map(str, names - set(MINERL_KEYS)))
    found = f"the keys {', '.join(unknown)}" if unknown else "no `camera`" if names else " ".join(repr(space).split())
    name = env.spec.id if env.spec else type(env.unwrapped).__name__
    raise GhostkeysError(f"{name} has {found} in its action space; expected MineRL's: a Dict with `camera`.")


def recorder_state(observation: Mapping[str, Any], info: Mapping[str, Any]) -> dict[str, Any]:
    """What VPT's recorder would note beside the frame, of MineRL's observation and info."""
    sources = {**observation, **info}
    state = {name: sources[name] for name in STATE_KEYS if name in sources}
    location = sources.get("location_stats", {})
    state |= {name: float(location[name]) for name in ("xpos", "ypos", "zpos", "yaw", "pitch") if name in location}
    inventory = sources.get("inventory", {})
    if isinstance(inventory, Mapping):
        state["inventory"] = [
            {"type": item, "quantity": int(count)} for item, count in inventory.items() if int(count) and item != "air"
        ]
    elif inventory:
        state["inventory"] = list(inventory)
    return state
