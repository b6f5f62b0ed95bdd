"""The random agent: the floor that every other agent is measured against."""

from typing import Any

import gymnasium
import numpy as np

from agents.codec import JointCodec


class RandomAgent:
    """Draws each tick uniformly from VPT's joint action space.

    The button index is uniform over its 8641 values, so every group (hotbar, forward/back, left/right, sprint/sneak,
    use, drop, attack, jump, camera) is uniform and independent, and the inventory opens once in 8641 ticks. When the
    camera group says "move", the camera index is uniform over its 121 values, that is, uniform over the mu-law bins
    and not over degrees.
    """

    def __init__(self) -> None:
        self.codec = JointCodec()
        self.generator = np.random.default_rng(0)

    def reset(self, env: gymnasium.Env[Any, Any], *, seed: int) -> None:
        """Starts an episode; the actions depend on the seed alone."""
        self.generator = np.random.default_rng(seed)

    def act(self, observation: dict[str, Any]) -> dict[str, Any]:
        """A MineRL action, whatever the observation."""
        buttons = self.generator.integers(self.codec.button_count, size=1)
        camera = self.generator.integers(self.codec.camera_count, size=1)
        return self.codec.decode(buttons, camera).to_minerl()[0]
