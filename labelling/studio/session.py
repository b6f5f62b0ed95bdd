"""A person's play in one environment: worlds one after the other, and the recordings of them."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import gymnasium
import numpy as np
from gymnasium import spaces

from env.actions import HOTBAR
from env.errors import GhostkeysError
from env.recordings.live import LiveRecordingWriter
from env.video.encoding import check_size
from env.video.frames import probe
from env.video.pictures import Frame, Size
from env.video.ticks import TICKS_PER_SECOND
from env.wrappers import RecordEpisode, action_keys, recorder_state

JPEG_QUALITY = 90
"""JPEG quality of the picture on the page; the recording is made from the frame itself."""


@dataclass(frozen=True)
class Shown:
    """What the player sees at a tick."""

    jpeg: bytes
    tick: int
    """Ticks since the world began."""
    action: Mapping[str, Any]
    """What was taken, and led here; empty where a world begins."""
    slot: int | None
    """Selected slot of the hotbar, 0 to 8; None while a screen is open."""
    over: bool
    """Whether the episode has ended, by death for instance: only a new world goes on."""


@dataclass(frozen=True)
class Finished:
    """A recording that is whole."""

    name: str
    seconds: float


class Session:
    """Plays in an environment with MineRL's actions and picture, and records every tick.

    A recording ends with its world, with `cut`, and after `recording_ticks`. It is on the disk at any time but for its
    last tick (see `env.recordings.live`). Raises `GhostkeysError` for an environment that cannot be played so.
    """

    def __init__(self, game: gymnasium.Env[Any, Any], folder: Path, *, seed: int, recording_ticks: int) -> None:
        self._keys = action_keys(game)
        check_size(folder, _picture_size(game))
        self.folder = folder
        self._episode = RecordEpisode(game, folder, free_stem(folder), writer=LiveRecordingWriter)
        self._next_seed = seed
        self._recording_ticks = recording_ticks
        self._tick = self._slot = 0
        self._lengths: dict[tuple[str, int], float] = {}

    @property
    def recorded(self) -> int:
        """Ticks in the recording under way."""
        return self._episode.ticks

    def new_world(self) -> Shown:
        """Finish the recording under way, and begin an episode in the world of the next seed."""
        observation, info = self._episode.reset(seed=self._next_seed)
        self._next_seed += 1
        self._tick = self._slot = 0
        return self._show(observation, info, action={}, over=False)

    def step(self, action: Mapping[str, Any]) -> Shown:
        """Play and record one tick; actions the environment has no key for are not taken."""
        taken = {name: value for name, value in action.items() if name in self._keys}
        observation, _, terminated, truncated, info = self._episode.step(taken)
        self._tick += 1
        if self.recorded >= self._recording_ticks:
            self._episode.cut()
        return self._show(observation, info, action=taken, over=terminated or truncated)

    def cut(self) -> None:
        """Finish the recording under way; the world stays."""
        self._episode.cut()

    def close(self) -> None:
        """Finish the recording under way, and the game."""
        self._episode.close()

    def finished(self) -> list[Finished]:
        """The recordings in the folder, whoever made them, the newest first."""
        found: list[tuple[int, Finished]] = []
        for actions in self.folder.glob("[!.]*.jsonl"):  # the one under way is hidden
            try:
                modified = actions.with_suffix(".mp4").stat().st_mtime_ns
                found.append((modified, Finished(actions.stem, self._length(actions.stem, modified))))
            except (GhostkeysError, OSError):
                continue  # no recording, or none any more
        return [recording for _, recording in sorted(found, key=lambda entry: entry[0], reverse=True)]

    def _length(self, stem: str, modified: int) -> float:
        """Seconds of play; a file is looked into once."""
        if (stem, modified) not in self._lengths:
            info = probe(self.folder / f"{stem}.mp4")
            self._lengths[stem, modified] = info.frames / TICKS_PER_SECOND if info.frames else info.seconds
        return self._lengths[stem, modified]

    def _show(
        self, observation: Mapping[str, Any], info: Mapping[str, Any], *, action: Mapping[str, Any], over: bool
    ) -> Shown:
        state = recorder_state(observation, info)
        # Where the game does not tell, the last key pressed does.
        pressed = [slot for slot, name in enumerate(HOTBAR) if action.get(name)]
        self._slot = int(state.get("hotbar", pressed[-1] if pressed else self._slot)) % len(HOTBAR)
        return Shown(
            jpeg=_jpeg(observation["pov"]),
            tick=self._tick,
            action=action,
            slot=None if state.get("isGuiOpen") else self._slot,
            over=over,
        )


def free_stem(folder: Path) -> str:
    """A name for recordings that begin now, `human-20260131-235959` or, if that is taken, a longer one."""
    stem = time.strftime("human-%Y%m%d-%H%M%S")
    while any(folder.glob(f"{stem}*")):
        stem += "a"
    return stem


def _picture_size(game: gymnasium.Env[Any, Any]) -> Size:
    """Raises `GhostkeysError` if the observations are not MineRL's."""
    space = game.observation_space
    picture = space.spaces.get("pov") if isinstance(space, spaces.Dict) else None
    shape = () if picture is None or picture.shape is None else picture.shape
    if len(shape) != 3 or shape[2] != 3:
        raise GhostkeysError(
            f"{_name(game)} has the observations {_line(space)}; expected MineRL's: a Dict with `pov`, a picture."
        )
    return shape[0], shape[1]


def _name(game: gymnasium.Env[Any, Any]) -> str:
    return game.spec.id if game.spec else type(game).__name__


def _line(space: spaces.Space[Any]) -> str:
    return " ".join(repr(space).split())[:200]


def _jpeg(frame: Frame) -> bytes:
    _, coded = cv2.imencode(".jpg", np.asarray(frame)[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    return coded.tobytes()
