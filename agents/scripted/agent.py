"""A player that follows a script with human hands."""

from typing import Any

import gymnasium
import numpy as np

from agents.scripted.body import Body
from agents.scripted.fidgets import Fidgets
from agents.scripted.play import Play
from agents.scripted.style import Style
from agents.scripted.styles import STYLES
from env.errors import GhostkeysError


class ScriptedPlayer:
    """Plays the embedded world with keys and mouse as a person would: chops trees, crafts, mines, builds, looks around.

    It reads the world behind the picture to decide, but acts through the action space only. The same seed and
    environment give the same play.
    """

    def __init__(self, style: str | Style | None = None, *, seed: int | None = None) -> None:
        """Plays in a named style of `STYLES`, or one of your own.

        By default `gatherer`, or `crafter` in an environment with a task.
        """
        if isinstance(style, str) and style not in STYLES:
            raise GhostkeysError(f"there is no style {style!r}: expected one of {', '.join(STYLES)}.")
        self._style = STYLES[style] if isinstance(style, str) else style
        self._seed = seed

    def reset(self, env: gymnasium.Env[Any, Any], *, seed: int | None = None) -> None:
        """Begins an episode in an environment that was just reset."""
        rng = np.random.default_rng(self._seed if seed is None else seed)
        has_task = getattr(env.unwrapped, "task", None) is not None
        self._body = Body(env, self._style or STYLES["crafter" if has_task else "gatherer"], rng)
        self._fidgets = Fidgets(self._body)
        self._script = Play(self._body).live()

    def act(self, observation: Any) -> dict[str, Any]:
        """The MineRL action of this tick. The picture is not looked at."""
        self._body.attend()
        return self._body.act(self._fidgets.beside(next(self._script)))
