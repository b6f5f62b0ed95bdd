"""A player that follows a script with human hands."""

from typing import Any

import gymnasium
import numpy as np

from agents.scripted.body import Body
from agents.scripted.play import Play
from agents.scripted.style import STYLES, Style
from env.actions import no_op
from env.errors import GhostkeysError


class ScriptedPlayer:
    """Plays the embedded world with keys and mouse as a person would: walks to trees, chops, builds, looks around.

    It reads the world behind the picture to decide, but acts through the action space only. The same seed and
    environment give the same play.
    """

    def __init__(self, style: str | Style = "gatherer", *, seed: int | None = None) -> None:
        """Plays in a named style of `STYLES`, or one of your own."""
        if isinstance(style, str) and style not in STYLES:
            raise GhostkeysError(f"there is no style {style!r}: expected one of {', '.join(STYLES)}.")
        self.style = STYLES[style] if isinstance(style, str) else style
        self._seed = seed

    def reset(self, env: gymnasium.Env[Any, Any], *, seed: int | None = None) -> None:
        """Begins an episode in an environment that was just reset."""
        rng = np.random.default_rng(self._seed if seed is None else seed)
        self._body = Body(env, self.style, rng)
        self._script = Play(self._body).live()

    def act(self, observation: Any) -> dict[str, Any]:
        """The MineRL action of this tick. The picture is not looked at."""
        wanted = next(self._script)
        action = no_op()
        action.update(dict.fromkeys(self._body.fingers.press(wanted), 1))
        action["camera"] = self._body.mouse.move(self._body.yaw, self._body.pitch)
        return action
