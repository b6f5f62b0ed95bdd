"""Video of an episode with the keys beneath, made while it is played: not every environment can play it again."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, SupportsFloat

import cv2
import gymnasium
import numpy as np

from env.actions import Actions
from env.making import Env
from env.video.encoding import VideoWriter
from env.video.overlay import draw_controls
from env.video.pictures import Frame

WIDTH = 640
"""Of a video, in pixels."""


@contextmanager
def filmed(env: Env, path: Path, *, width: int = WIDTH) -> Iterator[Env]:
    """The environment; one episode that is played in it within the block is filmed.

    The file appears, whole, when the block ends well, with a frame for each action, drawn beneath; without an action
    there is none. The environment stays open.
    """
    with ExitStack() as files:
        yield _Film(env, path, width=width, files=files)


class _Film(gymnasium.Wrapper[Any, Any, Any, Any]):
    """Writes what the environment shows, with the action taken at it."""

    def __init__(self, env: Env, path: Path, *, width: int, files: ExitStack) -> None:
        super().__init__(env)
        self._path, self._width, self._files = path, width, files
        self._frame: Frame | None = None
        self._video: VideoWriter | None = None

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Start the episode."""
        observation, info = self.env.reset(seed=seed, options=options)
        self._frame = np.array(observation["pov"])  # an environment may draw into the same array again
        return observation, info

    def step(self, action: Any) -> tuple[Any, SupportsFloat, bool, bool, dict[str, Any]]:
        """Act, and write the frame at which that was done."""
        observation, reward, terminated, truncated, info = self.env.step(action)
        if self._frame is not None and not info.get("invalid"):
            self._write(self._frame, action)
        self._frame = np.array(observation["pov"])
        return observation, reward, terminated, truncated, info

    def _write(self, frame: Frame, action: Any) -> None:
        taken = Actions.from_minerl([action])
        keys = draw_controls(taken.buttons[0], taken.camera[0], width=self._width)
        height = max(2, 2 * round(frame.shape[0] * self._width / frame.shape[1] / 2))
        picture = cv2.resize(frame, (self._width, height), interpolation=cv2.INTER_NEAREST)
        whole = np.concatenate([picture, keys])
        if self._video is None:
            self._video = self._files.enter_context(VideoWriter(self._path, whole.shape[:2]))
        self._video.write(whole)
